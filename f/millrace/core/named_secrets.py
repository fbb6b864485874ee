# requirements:

"""Secrets in a text that are told by the name before them: settings, headers, options of programs,
JSON, XML, addresses.

What stands behind a telling name is a secret where it cannot be a word, another name, a type or a
placeholder, as far as the place allows: a shell's `NAME=word` is a value, `name = word` in a
program is most likely a variable. Every look at the text is bounded or goes forward only, so the
time grows no faster than the text.
"""

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from f.millrace.core import command_secrets, secret_formats, secret_names

Span = tuple[int, int]

TELLING = "(?i)" + "|".join(
    sorted(
        (
            *secret_names.ENDINGS,
            *secret_names.PHRASES,
            *secret_names.WORDS,
            *secret_names.OF_ADDRESSES,
        ),
        key=len,
        reverse=True,
    )
)
HINTS = tuple(
    "pass pwd pswd pw wachtwoord losenord lösenord adgangskode salasana heslo hasło jelszó şifre"
    " psk secret token key auth cred cookie jwt sig sid sess pat dsn kennwort contrase senha"
    " парол parola 密 口令 パスワード 비밀".split()
)
NAME_LETTERS = frozenset("_-.$")
LONGEST_VALUE = 4096
LEAST_PASSWORD = 4
# What a service issues, where only a sentence names it.
LEAST_ISSUED = 16
# Fewer small letters than these are a word, where a service issues what stands there.
LEAST_WORD = 9
# Where a name and its value are all of a line.
OF_LINES = {"after :": "setting", "after =": "assignment"}
# Where a value has a line, or the place in it, to itself.
ALONE = frozenset({"setting", "assignment", "given", "pair", "option", "header", "element"})
# Of a script without spaces between words: where many stand together, they are a sentence.
SENTENCE = r"[、。，；]|[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]{9}"
# `12`, `98.5%`, `3/4`, `12ms`: what a test says of itself.
COUNT = r"[-+]?\d[\d.,:/]*\s?[a-zA-Z%]{0,3}"
# Where a program or an address gives a value, most likely one of a test.
OF_PROGRAMS = frozenset({"given", "given, quoted", "after =, quoted"})
# Where text in quotes is a value; in a sentence it is a quotation.
QUOTED = frozenset({"after =, quoted", "after :, quoted", "quoted name, quoted"})
BEHIND = (
    r"(?P<close>\\{0,6}[\"'`]?\]?)[ \t]{0,8}(?P<sign>=>|:=|\?=|={1,3}|::|:|：|>|,)?"
    r"(?P<space>[ \t]{0,8})"
)
# `name: API_KEY`, then `value: …`; also as attributes and elements.
VALUE_OF_PAIR = (
    r"(?i)(?:\\{0,6}[\"'])?\s{0,4}(?:</\w{1,20}>)?[,;]?\s{0,20}(?:<|\\{0,6}[\"'])?"
    r"(?:value|val|content)\\{0,6}[\"']?\s{0,3}[:=>]\s{0,3}"
)
# `variable "db_password" {`, then `default = "…"`.
DEFAULT_OF_VARIABLE = r"\"\s{0,4}\{[^{}\"]{0,400}?\bdefault\s{0,20}=\s{0,4}"
BEFORE_ELEMENT = r"<(?:[A-Za-z]\w{0,24}:)?\Z"
# `secret: string = "…"`
TYPED = r":[ \t]{0,4}[&'\w.:\[\]<>|? ]{1,60}?[ \t]{0,4}=[ \t]{0,4}(?=[\"'`])"
# The places of a list: `[a, b]`, or a line each behind a hyphen.
IN_BRACKETS, IN_LINES = r"\s{0,4}\[\s{0,20}", r"[ \t]{0,4}\n[ \t]{0,40}-[ \t]{1,4}"
NEXT_IN_BRACKETS = r"\\{0,6}[\"'`]?\s{0,4},\s{0,20}"
NEXT_IN_LINES = r"[\"'`]?[ \t]{0,4}(?:#[^\n]{0,200})?\n[ \t]{0,40}-[ \t]{1,4}"
MOST_OF_LIST = 100
OPENING = r"(?:[bfruBFRU]{1,2}|@)?(\\{0,6}[\"'`])"
BARE = r"[^\s\"'`<>,;&)\]}|\\]{1,4096}"
SCHEME = (
    r"(?i)(?:bearer|basic|token|digest|api-?key|negotiate|hmac|ntlm|key|bot|oauth|splunk|jwt|ssws"
    r"|aws4-hmac-sha256|sharedaccesssignature)[ \t]{1,4}"
)
OF_COOKIES = frozenset("path domain expires max-age samesite version comment priority".split())
COOKIE = r"[\w.%-]{1,100}=[^\s;]{2,}"
ALL_OF_LINE = r"(?P<quote>[\"']?)(?P<value>[^\s\"'`<>()]{4,200})(?P=quote)[ \t]{0,8}(?=[\r\n]|\Z)"
LINE = r"[^\"'`\n\\]{1,4096}"
# A user and a password as a list.
USER_AND_PASSWORD = (
    r"[\[(]\s{0,4}[\"']?[\w.@+-]{1,80}[\"']?\s{0,4},\s{0,4}"
    r"(?P<quote>[\"']?)(?P<value>[^\s\"',()\[\]]{3,200})(?P=quote)\s{0,4},?\s{0,4}[\])]"
)
IS = r"(?:is|was|lautet|ist|est|es|era|è|é)[ \t]{1,4}|(?:是|为|は)[ \t]{0,4}"
# The line sets other things of a connection, too.
CONNECTION = (
    r"(?i)\b(?:host|user|uid|user id|server|dbname|port|database|data source|accountname|endpoint)"
    r"\s?="
)
FIRST_ARGUMENT = r"[(\[{]\s{0,4}(?:[bfruBFRU]{1,2}|@)?\\{0,6}[\"'`]\Z"
LOGIN = r"(?:\bmachine\s{1,8}\S{1,100}|\bdefault)\s{1,8}login\s{1,8}\S{1,100}\s{1,8}\Z"


class SecretName(NamedTuple):
    """A telling name and where it stands."""

    text: str
    start: int
    end: int
    kind: str


def may_hold(folded: str) -> bool:
    """Tell whether a text in small letters may hold a telling name."""
    return any(hint in folded for hint in HINTS)


def find(text: str) -> Iterator[Span]:
    """Yield where the text holds secrets behind telling names."""
    done = 0
    for hit in _compile(TELLING).finditer(text):
        if hit.start() < done:
            continue
        name = _name_around(text, hit.start(), hit.end())
        done = name.end
        for span in _values_behind(text, name) if name.kind else ():
            if span[1] > span[0]:
                yield span
                done = span[1]


def _name_around(text: str, start: int, end: int) -> SecretName:
    least, most = max(0, start - secret_names.LONGEST_NAME), min(len(text), end + 40)
    while start > least and _is_of_name(text[start - 1]):
        start -= 1
    while end < most and _is_of_name(text[end]):
        end += 1
    while end > start and text[end - 1] in ".-$":
        end -= 1
    return SecretName(text[start:end], start, end, secret_names.kind_of(text[start:end]))


def _is_of_name(letter: str) -> bool:
    return letter.isalnum() or letter in NAME_LETTERS


def _values_behind(text: str, name: SecretName) -> Iterator[Span]:
    span = _value_behind(text, name)
    if span:
        yield span
        return
    behind = _compile(BEHIND).match(text, name.end)
    if behind and behind["sign"] in (":", "=", "=>", ":="):
        yield from _in_list(text, name, behind.end())


def _in_list(text: str, name: SecretName, at: int) -> Iterator[Span]:
    """Yield the secrets of a list: `passwords: ["...", "..."]`, or a line each."""
    in_lines = _compile(IN_LINES).match(text, at)
    found = in_lines or _compile(IN_BRACKETS).match(text, at)
    following = _compile(NEXT_IN_LINES if in_lines else NEXT_IN_BRACKETS)
    if secret_names.names_passwords(name.text):
        name = name._replace(kind="password")
    for _ in range(MOST_OF_LIST):
        if found is None:
            return
        opening = _compile(OPENING).match(text, found.end())
        value = _compile(BARE).match(text, opening.end() if opening else found.end())
        if value is None:
            return
        if _is_secret(value[0], name, "list, quoted" if opening else "list"):
            yield value.span()
        found = following.match(text, value.end())


def _value_behind(text: str, name: SecretName) -> Span | None:
    pair = _compile(VALUE_OF_PAIR).match(text, name.end)
    if pair and _names_a_pair(text, name):
        return _read(text, name, pair.end(), "pair")
    default = _compile(DEFAULT_OF_VARIABLE).match(text, name.end)
    if default:
        return _read(text, name, default.end(), "after =")
    typed = _compile(TYPED).match(text, name.end)
    if typed:
        return _read(text, name, typed.end(), "after =")
    behind = _compile(BEHIND).match(text, name.end)
    assert behind is not None
    sign = behind["sign"]
    if name.kind == "authorization":
        return _credentials(text, behind)
    if name.kind == "cookie":
        return _cookies(text, name, behind)
    if sign is None:
        return _spaced(text, name, behind)
    if sign == ">":
        return _element(text, name, behind.end())
    if not _gives_a_value(text, name, behind):
        return None
    listed = _compile(USER_AND_PASSWORD).match(text, behind.end())
    if listed and sign != "," and _is_of_users(name):
        return _of_list(listed)
    return _read(text, name, behind.end(), _place(text, name, behind))


def _gives_a_value(text: str, name: SecretName, behind: "re.Match[str]") -> bool:
    sign, close = behind["sign"], behind["close"]
    if sign in ("==", "===", "::"):
        return False
    if sign == ":":
        # `[name]: address` of Markdown, `name :word` of Ruby.
        of_ruby = text[behind.start("sign") - 1] in " \t" and not behind["space"]
        # `urn:k8s:secret:name`: a path whose parts are set apart by colons.
        of_path = text[max(0, name.start - 1) : name.start] == ":" and not behind["space"]
        return not (close.endswith("]") or of_ruby or of_path)
    if sign != ",":
        return True
    # The first of two arguments names what the second is; a later one is a value itself.
    return (
        close.endswith(("'", '"'))
        and _compile(OPENING).match(text, behind.end()) is not None
        and _compile(FIRST_ARGUMENT).search(text[max(0, name.start - 8) : name.start]) is not None
    )


def _names_a_pair(text: str, name: SecretName) -> bool:
    before = text[max(0, name.start - 24) : name.start].rstrip("\"'\\").rstrip()
    return before.endswith((":", "=", "<name>", "<key>", "<string>")) or text[
        name.start - 1 : name.start
    ] in ("'", '"')


def _place(text: str, name: SecretName, behind: "re.Match[str]") -> str:
    """Return what kind of place a name and its sign stand in."""
    sign, spaced = behind["sign"], bool(behind["space"]) or text[behind.start("sign") - 1] in " \t"
    before = text[max(0, name.start - 1) : name.start]
    if sign == "," or behind["close"]:
        return _place_of_quoted(name, sign)
    if sign == "=" and not spaced:
        if before in ("?", "&", ";", ":") or name.text.startswith("-"):
            return "given"
        bare = name.text.lstrip("-.$")
        if bare.isupper() or _is_connection(text, name) or _begins_line(text, name):
            return "given"
    if sign == ":" and "-" in name.text.strip("-") and before in ("", "\n", " ", "'", '"', "n"):
        return "header"
    return "after :" if sign in (":", "：") else "after ="


def _place_of_quoted(name: SecretName, sign: str) -> str:
    # `define('DB_PASSWORD', …)` gives a value, `behave('password', …)` maybe not.
    return "quoted name" if sign != "," or name.text.isupper() else "argument"


def _is_connection(text: str, name: SecretName) -> bool:
    return _compile(CONNECTION).search(text[max(0, name.start - 200) : name.end + 200]) is not None


def _begins_line(text: str, name: SecretName) -> bool:
    return name.start == 0 or text[name.start - 1] == "\n"


def _of_list(listed: "re.Match[str]") -> Span | None:
    value = listed["value"]
    if secret_names.is_placeholder(value):
        return None
    if not listed["quote"] and not (
        secret_names.is_marked(value) and not secret_names.is_reference(value)
    ):
        return None
    return listed.span("value")


def _spaced(text: str, name: SecretName, behind: "re.Match[str]") -> Span | None:
    """Return what stands behind a name and a space: of an option, a file of logins, a sentence."""
    at = behind.end()
    if at == name.end or behind["close"]:
        return None
    told = _compile(IS).match(text, at)
    if told:
        return _read(text, name, told.end(), "sentence")
    before = text[max(0, name.start - 200) : name.start]
    is_option = name.text.startswith("-") and name.kind != "weak"
    if name.text.startswith("--") or (is_option and before[-1:] in ("", " ", "\n")):
        return _read(text, name, at, "option")
    if name.text == "password" and _compile(LOGIN).search(before):
        return _read(text, name, at, "given")
    if name.text.isupper() and text[at : at + 1] == "'":
        return _read(text, name, at, "given")
    if before.endswith("set ") or (name.text.isupper() and before.endswith(("ENV ", "setx "))):
        return _read(text, name, at, "option")
    return _of_directive(text, name, at) or _of_sentence(text, name, at)


def _of_directive(text: str, name: SecretName, at: int) -> Span | None:
    """Return the value of a line that holds a name and a value, as in `.netrc` and `redis.conf`."""
    if name.kind != "password" or not _stands_first(text, name):
        return None
    value = _compile(ALL_OF_LINE).match(text, at)
    if value is None or not _is_secret(value["value"], name, "directive"):
        return None
    return value.span("value")


def _of_sentence(text: str, name: SecretName, at: int) -> Span | None:
    """Return what a sentence or a log names: `login with token 'x' failed`."""
    if name.kind not in ("password", "secret"):
        return None
    quoted = text[at : at + 1] in ("'", '"', "`")
    span = _read(text, name, at, "sentence")
    if span is None:
        return None
    value = text[span[0] : span[1]]
    if quoted and name.kind == "password":
        return span
    long_enough = len(value) >= LEAST_ISSUED and not value.startswith("0x")
    return span if long_enough and _random(value) else None


def _element(text: str, name: SecretName, at: int) -> Span | None:
    """Return the text of an XML element."""
    if not _compile(BEFORE_ELEMENT).search(text[max(0, name.start - 32) : name.start]):
        return None
    end = text.find("<", at, at + LONGEST_VALUE)
    value = text[at:end]
    if end < 0 or len(value.split()) != 1 or not _is_secret(value.strip(), name, "element"):
        return None
    return at, end


def _credentials(text: str, behind: "re.Match[str]") -> Span | None:
    """Return what an Authorization header says behind its scheme."""
    if behind["sign"] not in (":", "=", ",", "=>", ":="):
        return None
    opening = _compile(OPENING).match(text, behind.end())
    scheme = _compile(SCHEME).match(text, opening.end() if opening else behind.end())
    at = scheme.end() if scheme else opening.end() if opening else behind.end()
    whole = scheme and scheme[0].strip().lower() in ("digest", "aws4-hmac-sha256", "oauth")
    value = _compile(LINE if whole else BARE).match(text, at)
    if value is None or secret_names.is_placeholder(value[0]):
        return None
    if scheme and scheme[0].strip().lower() == "basic":
        # A login is told by what it holds, in `command_secrets`.
        held = command_secrets.read_login(value[0])
        return value.span() if held is None and len(value[0]) >= 16 else None
    told = bool(opening or scheme)
    return value.span() if _is_credential(value[0], told, behind["sign"]) else None


def _is_credential(value: str, told: bool, sign: str) -> bool:
    """Tell whether a value is no type, call or name; quotes or a scheme have `told` that."""
    if not told and any(letter in value for letter in "([{"):
        return False
    return secret_names.is_marked(value) and (
        told or sign == ":" or not secret_names.is_reference(value)
    )


def _cookies(text: str, name: SecretName, behind: "re.Match[str]") -> Span | None:
    """Return what a Cookie or Set-Cookie header holds."""
    plain = name.text.lower().lstrip("-")
    is_option = name.text.startswith("--")
    if plain not in ("cookie", "set-cookie") or not (is_option or behind["sign"] == ":"):
        return None
    opening = _compile(OPENING).match(text, behind.end())
    # An argument without quotes ends at a space, a header with its line.
    pattern = BARE if is_option and not opening else LINE
    value = _compile(pattern).match(text, opening.end() if opening else behind.end())
    if value is None or not _compile(COOKIE).match(value[0]):
        return None
    pairs = (part.split()[0].partition("=") for part in value[0].split(";") if part.strip())
    return value.span() if any(_is_cookie(pair[0], pair[2]) for pair in pairs) else None


def _is_cookie(name: str, value: str) -> bool:
    """Tell whether a cookie may open something: neither an attribute nor a short word."""
    if name.lower() in OF_COOKIES or len(value) < 6 or secret_names.is_placeholder(value):
        return False
    return secret_names.is_marked(value) or (len(value) >= 8 and secret_names.kind_of(name) != "")


def _read(text: str, name: SecretName, at: int, place: str) -> Span | None:
    """Return the value that begins here, if it is a secret in such a place."""
    opening = _compile(OPENING).match(text, at)
    if opening:
        end = text.find(opening[1], opening.end(), opening.end() + LONGEST_VALUE)
        value = text[opening.end() : end]
        if end < 0 or "\n" in value:
            return None
        fits = _is_secret(value, name, f"{place}, quoted")
        return (opening.end(), end) if fits else None
    bare = _compile(BARE).match(text, at)
    if bare is None:
        return None
    value = bare[0].rstrip(".:") if place == "sentence" else bare[0]
    following = text[bare.end() : bare.end() + 1]
    if value.endswith(":") and following == " ":  # `token: gandi: no such zone`: of a message
        return None
    if place == "after =" and following and following in ",)]" and _is_argument(value, name):
        return None
    place = _place_in_line(text, name, place, following)
    return (at, at + len(value)) if _is_secret(value, name, place) else None


def _is_argument(value: str, name: SecretName) -> bool:
    """Tell whether a value may be the name of a variable."""
    is_number = name.kind == "password" and value.isdigit()
    return not (is_number or _random(value))


def _place_in_line(text: str, name: SecretName, place: str, following: str) -> str:
    """Return the place of a value without quotes, by what stands in its line beside it."""
    ends = following in ("", "\n", "\r")
    if place == "header" and not ends and following not in ("'", '"', "\\"):
        return "after :"
    return OF_LINES.get(place, place) if ends and _stands_first(text, name) else place


def _stands_first(text: str, name: SecretName) -> bool:
    """Tell whether nothing but an indentation stands before a name in its line."""
    before = text[max(0, name.start - 40) : name.start].rpartition("\n")[2]
    return before.strip(" \t-") == ""


def _random(value: str) -> bool:
    return secret_formats.looks_random(value)


def _is_secret(value: str, name: SecretName, place: str) -> bool:
    if not _may_be_secret(value):
        return False
    told = _told_by_name(value, name, place)
    return _looks_secret(value, name, place) if told is None else told


def _told_by_name(value: str, name: SecretName, place: str) -> bool | None:
    """Return whether the value is a secret where its kind of name settles it, else None."""
    if name.kind == "password":
        is_login = _is_of_logins(name) and secret_names.is_login(value)
        return (place.endswith("quoted") or place in ALONE) if is_login else None
    if _stands_for_another(value, name, place):
        return False
    if name.kind == "weak":
        return _is_weak_secret(value, name, place)
    return False if name.kind == "address" and place != "given" else None


def _looks_secret(value: str, name: SecretName, place: str) -> bool:
    if _holds_values_only(place) or _is_plain_password(value, name, place):
        return not (value[0] in "$/(" or "(" in value)
    if not secret_names.is_marked(value):
        return False
    if place.endswith("quoted"):
        return "{" not in value and "://" not in value and not value.startswith(("/", "./", "../"))
    return place == "header" or not secret_names.is_reference(value)


def _may_be_secret(value: str) -> bool:
    return (
        len(value) >= LEAST_PASSWORD
        and not any(letter.isspace() for letter in value)
        and not secret_names.is_placeholder(value)
        and not secret_names.is_kept_elsewhere(value)
        and _compile(SENTENCE).search(value) is None
    )


def _is_of_users(name: SecretName) -> bool:
    return name.kind != "weak" or name.text.lower().endswith("auth")


def _is_of_logins(name: SecretName) -> bool:
    return name.text.lower().endswith(("credential", "credentials"))


def _stands_for_another(value: str, name: SecretName, place: str) -> bool:
    """Tell whether a value stands for a secret that a service issues; a person may choose such a
    password.
    """
    is_of_test = place == "after =, quoted" and secret_names.is_pin(value)  # `token = "12345"`
    return (
        is_of_test
        or (name.kind == "secret" and place in OF_PROGRAMS and _is_short_word(value))
        or secret_names.names_itself(name.text, value)
        or secret_names.is_description(value)
    )


def _is_short_word(value: str) -> bool:
    return value.isascii() and value.isalpha() and value.islower() and len(value) < LEAST_WORD


def _holds_values_only(place: str) -> bool:
    """Tell whether in such a place stands a value, and never a word, a type or a variable."""
    return place.startswith(("given", "pair")) or place in ("element", "option, quoted")


def _is_plain_password(value: str, name: SecretName, place: str) -> bool:
    """Tell whether small letters are a password: as text in quotes, or alone in the line of a
    setting or a header; also a word with figures in a line of its own. Elsewhere they are most
    likely a word, a type or a variable.
    """
    of_header = place.startswith("header") and name.text.lower().startswith("x-")
    if not (name.kind == "password" or of_header):
        return False
    if place in OF_LINES.values() and secret_names.is_typed(value, place == "assignment"):
        return True
    alone = place == "setting" or of_header or place in QUOTED
    is_word = value.isascii() and value.islower() and value.isalpha()
    return alone and is_word and len(value) >= LEAST_PASSWORD


def _is_pass(value: str, place: str) -> bool:
    """Tell whether a value behind a bare `pass` is a password, and no result of a test."""
    if place.startswith(("given", "pair")) or place in ("option", "option, quoted"):
        return not (value[0] in "$/(" or "(" in value)
    in_place = place in ALONE or place in QUOTED
    is_count = _compile(COUNT).fullmatch(value) is not None
    return in_place and secret_names.is_marked(value) and not is_count and "://" not in value


def _is_weak_secret(value: str, name: SecretName, place: str) -> bool:
    plain = name.text.lower().lstrip("-.$")
    if plain == "pass" and _is_pass(value, place):
        return True
    if plain.endswith("auth") and secret_names.is_login(value):
        return secret_names.is_marked(value.partition(":")[2])
    if len(value) < 12 or "/" in value or not _random(value):
        return False
    return place.endswith("quoted") or not secret_names.is_reference(value)


@functools.cache
def _compile(pattern: str) -> "re.Pattern[str]":
    """Return the pattern compiled, at its first use: a step's start has no time for it."""
    return re.compile(pattern)
