# requirements:

"""Which names tell that a secret stands behind them, and which values are none.

A name tells by its last word (`client_secret`, `X-Auth-Key`, `dbPassword`), and not by an earlier
one (`token_count`, `password_reset_url`).
"""

import functools
import re

from f.millrace.core import secret_formats

# Words that name a secret at the end of a name, also grown together with others (`PGPASSWORD`).
ENDINGS = tuple(
    "password passwd passphrase passcode passwort kennwort contraseña contrasena senha secret token"
    " apikey pwd credential credentials authorization cookie jwt sessionid sessid пароль парол"
    " parola 密码 密碼 口令 パスワード 비밀번호".split()
)
# Words that do so only where they stand alone, and only before what looks like a secret.
WORDS = frozenset("pass pw auth pat sid dsn key session".split())
# Words that do so only in addresses.
OF_ADDRESSES = frozenset({"sig", "signature"})
# What makes a key one that opens something.
OF_KEYS = frozenset(
    "api access secret private auth account encryption signing master shared storage subscription"
    " service client session consumer hmac aes webhook admin deploy license crypt authentication"
    " integration ssh gpg cipher jwt authorization".split()
)
# What makes a key one that everybody may know.
OPEN_KEYS = frozenset(
    "public pub websocket socket idempotency idempotent cache sort partition primary foreign"
    " unique row routing message site publishable translation i18n".split()
)
# What makes a token a mark in a text or in a list.
OF_TOKENS = frozenset(
    "page next continuation sync pagination eos bos pad unk sep cls mask special stop end start"
    " first last previous prev current cancel cancellation max min num new word image per by of"
    " total input output prompt completion cached reasoning each".split()
)
# What may follow the telling word without changing what the name names.
AFTERWORDS = frozenset(
    "hash value plain plaintext text old new confirm confirmation again repeat base64 b64 hex"
    " encrypted enc raw".split()
)
# What stands for a value and is none.
PLACEHOLDERS = frozenset(
    "none null nil true false undefined str string text bytes int integer number bool boolean"
    " object any optional required hidden empty default auto unset missing invalid valid yes no"
    " unknown todo tbd secret password passwd token key value pass pw pwd username user name email"
    " label title redacted masked removed sensitive basic bearer digest negotiate self".split()
)
PLACEHOLDER_PARTS = (
    "your", "example", "placeholder", "redacted", "xxxx", "***", "...", "…", "dummy", "${", "{{",
    "<%", "%(", "$(", "#{", "(?", "%s", "%d", "%.*s",
)  # fmt: skip
# `$NAME`, `%NAME%`, `<name>`, `{name}`, `[name]`, `****`, `\x16`, `--option`, `+name+`, no letter,
# `Name=word`.
PLACEHOLDER = (
    r"(?s)[.+]?\$[A-Za-z_]\w*+(?:\W.*)?|%[A-Za-z_]++%?|%\(.*|<.*|\{.*|\[.*|\*++|\\.*|--.*"
    r"|&[a-z]++;?.*|\+.*\+|[\W_]*+|[A-Za-z_]{1,40}=[A-Za-z_]{1,40}"
    r"|\d{4}-\d\d-\d\d(?:[T ].*)?|open sesame"  # a date; the example of RFC 7617
)
# Of a package whose name tells: `"jsonwebtoken": "^9.0.2"`, `"next-auth": "workspace:*"`.
VERSION = (
    r"[\^~<>=v]{0,3}[0-9]{1,6}(?:\.(?:[0-9]{1,6}|[x*])){1,3}(?:[-+][0-9a-z.-]{1,30})?"
    r"|(?:workspace|file|link|npm|portal|catalog):.{0,80}"
)
# `required|min:8|confirmed`: what a value has to be.
RULE = r"(?:[a-z_]{2,30}(?::\d{1,6}(?:,\d{1,6}){0,3})?(?:\||\Z)){1,20}"
# Of what people make a value that stands for a secret: `changeMe`, `my-secret-2`, `s3cr3t`.
STAND_INS = frozenset(
    "secret secrets password passwords passwd passphrase passcode pass pwd word token tokens key"
    " keys api access client refresh auth bearer basic jwt csrf xsrf oauth my our the some this is"
    " not a an so very super top new old another other first second change changed changeme me it"
    " test testing tests tester example sample demo dummy fake mock foo bar baz qux abc abcd xyz"
    " val value string text here insert put enter replace with to username user admin root guest"
    " default secure secured insecure strong weak long short random generated invalid valid wrong"
    " correct incorrect bad good expired id session cookie app service server prod dev stage local"
    " private public shared hash encoded encrypted plain data null none empty todo hidden mysecret"
    " sign signing signed signature role sooper from query header param params form body url"
    " postgres postgresql mysql mariadb redis mongo minio rabbitmq".split()
)
LONGEST_STAND_IN = 48
MOST_FIGURES, MOST_SIGNS = 2, 3
LOOKALIKES = str.maketrans("013457$@!", "oleastsai")
ROWS_OF_LETTERS = ("01234567890", "9876543210", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop")
# A row of so many figures or letters is one that anybody types.
LEAST_ROW = 3
WORD = r"[A-Z]++(?![a-z])|[A-Z]?[^\W\dA-Z_]++|[A-Z]++|\d++"
TYPE = r"(?i)[&*]{0,2}(?:u?int|float|[iu]|f|utf|sha|md|base|hs|rs|es|aes|vec|bytes)-?\d{1,4}"
FILES = frozenset(
    "pem key txt json yaml yml crt cer p12 pfx py js ts go rs java php html htm md env sh".split()
)
IDENTIFIER = r"[A-Za-z_$@][\w$]*+(?:(?:\.|->|::|\?\.)[A-Za-z_$][\w$]*+)*+"
# Letters in each word of `TestOAuth2Authorizations`, on average; random letters have two.
LETTERS_OF_WORD = 4.5
LONGEST_NAME = 80


@functools.lru_cache(4096)
def kind_of(name: str) -> str:
    """Return what a name tells: `secret`, `cookie`, `authorization`, `weak` (what
    stands behind it is a secret only if it looks like one), `address` (only in addresses), or
    nothing.
    """
    words = [word.lower() for word in _compile(WORD).findall(name[-LONGEST_NAME:])]
    while len(words) > 1 and (words[-1] in AFTERWORDS or words[-1].isdigit()):
        words.pop()
    if not words:
        return ""
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    ending = next((each for each in ENDINGS if last.endswith(each)), "")
    if ending == "token":
        return "" if before in OF_TOKENS else "secret"
    if ending in ("cookie", "authorization"):
        return ending
    if ending:
        return (
            "secret" if ending in ("secret", "apikey", "jwt", "sessionid", "sessid") else "password"
        )
    return _kind_of_word(last, before)


def _kind_of_word(last: str, before: str) -> str:
    if last == "key":
        return "secret" if before in OF_KEYS else "" if before in OPEN_KEYS else "weak"
    if last.endswith("key") and last[:-3] in OF_KEYS:
        return "secret"
    if (before, last) == ("session", "id"):
        return "weak"
    if before and last in ("pass", "pw"):
        return "password"
    return "weak" if last in WORDS else "address" if last in OF_ADDRESSES else ""


def is_secret_key(key: str) -> bool:
    """Tell whether a key of JSON tells that its value is a secret, whatever it looks like."""
    kind = kind_of(key)
    return kind not in ("", "weak", "address") or key.lower() in ("auth", "pass", "pw", "signature")


def is_placeholder(value: str) -> bool:
    """Tell whether a value stands for a secret and is none."""
    bare = value.strip()
    folded = bare.casefold()
    return (
        len(folded) < 3
        or folded in PLACEHOLDERS
        or folded in ENDINGS
        or _compile(PLACEHOLDER).fullmatch(bare) is not None
        or _compile(VERSION).fullmatch(folded) is not None
        or (_compile(RULE).fullmatch(bare) is not None and (":" in bare or "|" in bare))
        or len(set(folded)) < 3
        or any(part in folded for part in PLACEHOLDER_PARTS)
        or _is_telling_name(bare)
        or is_stand_in(bare)
    )


def is_stand_in(value: str) -> bool:
    """Tell whether a value says what it stands for (`changeMe`, `token2`, `s3cr3t`) or is a row of
    letters or figures that anybody types (`1234`, `abc123`).
    """
    folded = value.casefold()
    if len(folded) > LONGEST_STAND_IN or not folded.isascii():
        return False
    spelled = folded.translate(LOOKALIKES)
    signs = sum(not letter.isalnum() for letter in folded)
    return signs <= MOST_SIGNS and (
        _is_made_of_words("".join(filter(str.isalnum, folded)))
        or (
            any(letter.isalpha() for letter in folded)
            and _is_made_of_words("".join(filter(str.isalpha, spelled)))
        )
    )


def _is_made_of_words(text: str) -> bool:
    """Tell whether a text is made of stand-ins and rows, with at most `MOST_FIGURES` more."""
    # The fewest further figures with which each part from the start can be read.
    fewest: dict[int, int] = {0: 0}
    for at in range(len(text)):
        if at not in fewest:
            continue
        for end in range(at + 1, min(len(text), at + 12) + 1):
            part = text[at:end]
            cost = 0 if part in STAND_INS or _is_row(part) else 1 if part.isdigit() else None
            if cost is None or (cost and end > at + 1):
                continue
            fewest[end] = min(fewest.get(end, MOST_FIGURES + 1), fewest[at] + cost)
    return fewest.get(len(text), MOST_FIGURES + 1) <= MOST_FIGURES


def _is_row(part: str) -> bool:
    return len(part) >= LEAST_ROW and (
        any(part in row for row in ROWS_OF_LETTERS) or len(set(part)) == 1
    )


def names_itself(name: str, value: str) -> bool:
    """Tell whether a value is only its name again: `SEC_KEY1 = "Sec-Key1"`."""
    plain = "".join(filter(str.isalnum, value.casefold()))
    return len(plain) >= LEAST_ROW and plain in "".join(filter(str.isalnum, name.casefold()))


def _is_telling_name(value: str) -> bool:
    """Tell whether a value is itself a name such as `oldRefreshToken`, `API_KEY` or `apiKey!`."""
    bare = value.rstrip("!?")
    return (
        any(letter.isupper() or letter in "_-+." for letter in bare)
        and not any(letter.isdigit() for letter in bare)
        and _compile(IDENTIFIER).fullmatch(bare.replace("-", "_").replace("+", "_")) is not None
        and kind_of(bare) not in ("", "weak", "address")
    )


def is_reference(value: str) -> bool:
    """Tell whether a value without quotes is a name, a type, a call or a file."""
    if any(sign in value for sign in "([{") or "://" in value or value[0] in "/~.@&*-!$":
        return True
    if _compile(TYPE).fullmatch(value) or (
        "." in value and value.lower().rpartition(".")[2] in FILES
    ):
        return True
    if len(value) >= 6 and _is_word_with_number(value) and not kind_of(value):
        return False
    bare = value.rstrip("!?") if "." in value else value
    identifier = _compile(IDENTIFIER).fullmatch(bare) is not None
    return identifier and (not secret_formats.looks_random(bare) or _is_of_words(bare))


def _is_word_with_number(value: str) -> bool:
    word = value.rstrip("0123456789")
    plain = word.islower() or word.isupper() or word.istitle()
    return (
        len(word) >= 3
        and word.isascii()
        and word.isalpha()
        and plain
        and (0 < len(value) - len(word) <= 6)
    )


def _is_of_words(identifier: str) -> bool:
    words = _compile(WORD).findall(identifier)
    return sum(map(len, words)) >= LETTERS_OF_WORD * len(words)


def is_marked(value: str) -> bool:
    """Tell whether a value has a figure, a sign or a mix of letters that words have not."""
    return any(
        letter.isdigit() or not (letter.isalpha() or letter in " _-./:'’") for letter in value
    ) or secret_formats.looks_random(value)


@functools.cache
def _compile(pattern: str) -> "re.Pattern[str]":
    """Return the pattern compiled, at its first use: a step's start has no time for it."""
    return re.compile(pattern)
