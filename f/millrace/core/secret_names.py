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
    "password passwd passphrase passcode passwort kennwort contraseña contrasena senha motdepasse"
    " wachtwoord lösenord losenord adgangskode salasana heslo hasło jelszó şifre secret token"
    " apikey pwd pswd credential credentials authorization cookie jwt sessionid sessid пароль парол"
    " parola 密码 密碼 口令 パスワード 비밀번호 requirepass storepass keypass bindpw rootpw".split()
)
# Names of several words: "mot de passe : …".
PHRASES = frozenset({"mot de passe", "mot_de_passe"})
# Words that do so only where they stand alone, and only before what looks like a secret.
WORDS = frozenset("pass pw psk auth pat sid dsn key session".split())
# Several of them, in a list.
PLURALS = frozenset("passwords passphrases passcodes secrets tokens apikeys jwts".split())
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
    " encrypted enc raw base".split()
)
# What stands for a value and is none.
PLACEHOLDERS = frozenset(
    "none null nil true false undefined str string text bytes int integer number bool boolean"
    " object any optional required hidden empty default auto unset missing invalid valid yes no"
    " unknown todo tbd secret password passwd token key value pass pw pwd username user name email"
    " label title redacted masked removed sensitive include omit basic bearer digest negotiate"
    " self test wrong".split()
)
PLACEHOLDER_PARTS = (
    "your", "example", "placeholder", "redacted", "xxxx", "***", "...", "…", "dummy", "${", "{{",
    "<%", "%(", "$(", "#{", "(?", "%s", "%d", "%.*s",
)  # fmt: skip
# `$NAME`, `%NAME%`, `<name>`, `{name}`, `[name]`, `****`, `\x16`, `--option`, `+name+`, signs of a
# program, `Name=word`.
PLACEHOLDER = (
    r"(?s)[.+]?\$[A-Za-z_]\w*+(?:\W.*)?|%[A-Za-z_]++%?|%\(.*|<.*|\{.*|\[.*|\*++|\\.*|--.*"
    r"|&[a-z]++;?.*|\+.*\+|[\s.,:;*•·…_=<>(){}\[\]|/\\+'-]*+|[A-Za-z_]{1,40}=[A-Za-z_]{1,40}"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:.*|open sesame"  # a time; the example of RFC 7617
    r"|(?:%[#+-]?[a-zA-Z][:,;./-]?){1,8}"  # of a text to be filled in: `%T:%v`
    r"|(?i:(?:replace|insert|enter|put|paste|add|fill)[-_ ][\w -]{0,60})[-_ ](?i:here|this|me|in)"
)
# Of a package whose name tells: `"jsonwebtoken": "^9.0.2"`, `"next-auth": "workspace:*"`.
VERSION = (
    r"[\^~<>=v]{0,3}[0-9]{1,6}(?:\.(?:[0-9]{1,6}|[x*])){1,3}(?:[-+][0-9a-z.-]{1,30})?"
    r"|(?:workspace|file|link|npm|portal|catalog):.{0,80}"
)
# `required|min:8|confirmed`: what a value has to be.
RULE = (
    r"(?:(?:[a-z]{2,20}_)?(?:required|nullable|sometimes|present|filled|string|confirmed|min|max|size"
    r"|between|digits|same|exists|unique|throttle|password)"
    r"(?::\d{1,6}(?:,\d{1,6}){0,3})?(?:\||\Z)){1,20}"
)
# `changeMe`, `CHANGE_THIS`, `replace-me-please`: written without what stands between the words.
TO_BE_CHANGED = (
    r"(?:please)?(?:change|replace|insert|enter|fill|put|edit)(?:me|this|it|here|in)"
    r"(?:please|now|later|first)?"
)
# What a description of a secret is made of besides the words that tell: `token-from-query`.
OF_DESCRIPTIONS = frozenset(
    "access client refresh bearer basic csrf xsrf oauth my our the some this is not a an so very"
    " super top new old another other first second test testing tests tester sample demo fake mock"
    " foo bar val value string text here with to user username admin default secure insecure strong"
    " weak long short random generated invalid valid wrong correct incorrect bad good expired id"
    " app api service server prod dev stage local private public shared hash encoded encrypted"
    " plain data null none empty hidden sign signing signed signature from query header param"
    " params form body url".split()
)
WORD = r"[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]++|[A-Z]++|\d++"
TYPE = r"(?i)[&*]{0,2}(?:u?int|float|[iu]|f|utf|sha|md|base|hs|rs|es|aes|vec|bytes)-?\d{1,4}"
TYPED = r"[A-Za-z]*+[0-9][A-Za-z0-9]*+"
TYPED_OR_VARIABLE = r"[A-Z]?[a-z]*+[0-9]++[a-z][a-z0-9]*+|[A-Z][a-z]++[0-9]++"
VARIABLE = r"[a-z][a-z0-9]{0,40}+[A-Z][a-z]\w{0,40}+"
FILES = frozenset(
    "pem key txt json yaml yml crt cer p12 pfx py js ts go rs java php html htm md env sh".split()
)
IDENTIFIER = r"[A-Za-z_$@][\w$]*+(?:(?:\.|->|::|\?\.)[A-Za-z_$][\w$]*+)*+"
# Letters in each word of `TestOAuth2Authorizations`, on average; random letters have two.
LETTERS_OF_WORD = 4.5
# Figures behind a word that count it: `token2`, `secret-10`.
MOST_FIGURES = 2
MOST_FIGURES_OF_NAME = 4
LONGEST_PIN = 8
LEAST_OF_LOGIN = 4
USER = r"[\w.@+%-]{1,80}"
# What a reference to a secret begins with, in place of the secret.
KEEPERS = frozenset(
    "urn arn vault env file ref secret secrets op ssm akv gcpsm awssm awsps sops keyring keychain"
    " keystore k8s kubernetes bao doppler infisical jasypt resolve secretsmanager".split()
)
JOINED = str.maketrans("", "", "-_. ")
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
    return _kind_of_words(words[-1], words[-2] if len(words) > 1 else "")


def _kind_of_words(last: str, before: str) -> str:
    if last in PLURALS or (last == "keys" and before in OF_KEYS):
        # Also of figures and of pieces of text: `tokens: 4096`.
        return "weak"
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
    if last in ("pw", "psk") or (before and last == "pass") or (before, last) == ("de", "passe"):
        return "password"
    return "weak" if last in WORDS else "address" if last in OF_ADDRESSES else ""


def is_secret_key(key: str) -> bool:
    """Tell whether a key of JSON tells that its value is a secret, whatever it looks like."""
    kind = kind_of(key)
    if names_passwords(key):
        return True
    return kind not in ("", "weak", "address") or key.lower() in ("auth", "pass", "pw", "signature")


def names_passwords(name: str) -> bool:
    """Tell whether a name says that passwords of persons are in the list behind it."""
    return name.lower().endswith(("passwords", "passphrases", "passcodes"))


def is_placeholder(value: str) -> bool:
    """Tell whether a value stands for a secret and is none."""
    bare = value.strip()
    folded = bare.casefold()
    return (
        len(folded) < 3
        or folded.rstrip("?") in PLACEHOLDERS
        or folded in ENDINGS
        or _compile(PLACEHOLDER).fullmatch(bare) is not None
        or _compile(VERSION).fullmatch(folded) is not None
        or (_compile(RULE).fullmatch(bare) is not None and (":" in bare or "|" in bare))
        # `xxxx`, and not `1111`, which is typed.
        or (len(set(folded)) < 3 and not is_pin(folded))
        or any(part in folded for part in PLACEHOLDER_PARTS)
        or _is_telling_name(bare)
        or _compile(TO_BE_CHANGED).fullmatch(folded.translate(JOINED)) is not None
    )


def is_login(value: str) -> bool:
    """Tell whether a value is a user and a password (`ada:harbour7`), and no reference to where one
    is kept (`urn:k8s:secret`).
    """
    user, sign, password = value.partition(":")
    return (
        bool(sign)
        and _compile(USER).fullmatch(user) is not None
        and user.lower() not in KEEPERS
        and ":" not in password
        and not password.startswith("/")
        and not any(mark in password for mark in "([{")
        and len(password) >= LEAST_OF_LOGIN
        and not is_placeholder(password)
    )


def is_kept_elsewhere(value: str) -> bool:
    """Tell whether a value says where a secret is kept: `urn:k8s:secret:login`, `vault:db#pass`."""
    keeper, sign, place = value.partition(":")
    return bool(sign and place) and keeper.lower() in KEEPERS


def is_pin(value: str) -> bool:
    """Tell whether a value is a few figures, as one types them."""
    return value.isdigit() and len(value) <= LONGEST_PIN


def is_description(value: str) -> bool:
    """Tell whether a value says in two or more words what it stands for (`my-client-secret-2`), as
    what a service issues never does, and a password of a person may.
    """
    words = [word.lower() for word in _compile(WORD).findall(value)]
    if words and words[-1].isdigit() and len(words[-1]) <= MOST_FIGURES:
        words.pop()
    telling = [word in ENDINGS or word in WORDS for word in words]
    return (
        len(words) >= 2
        and any(telling)
        and all(
            tells or word in OF_DESCRIPTIONS for tells, word in zip(telling, words, strict=True)
        )
    )


def names_itself(name: str, value: str) -> bool:
    """Tell whether a value is only its name again, or the end of it: `SEC_KEY1 = "Sec-Key1"`."""
    plain = "".join(filter(str.isalnum, value.casefold()))
    own = "".join(filter(str.isalnum, name.casefold()))
    bare = plain.rstrip("0123456789")
    is_numbered = bool(bare) and len(plain) - len(bare) <= MOST_FIGURES_OF_NAME
    return kind_of(value) != "" and (own.endswith(plain) or (is_numbered and own.endswith(bare)))


def _is_telling_name(value: str) -> bool:
    """Tell whether a value is itself a name such as `oldRefreshToken` or `API_KEY`."""
    return (
        any(letter.isupper() or letter in "_-+." for letter in value)
        and not any(letter.isdigit() for letter in value)
        and _compile(IDENTIFIER).fullmatch(value.replace("-", "_").replace("+", "_")) is not None
        and kind_of(value) not in ("", "weak", "address")
    )


def is_reference(value: str) -> bool:
    """Tell whether a value without quotes is a name, a type, a call or a file."""
    if any(sign in value for sign in "([{") or "://" in value or value[0] in "/~.@&*-!$":
        return True
    if _compile(TYPE).fullmatch(value) or (
        "." in value and value.lower().rpartition(".")[2] in FILES
    ):
        return True
    if len(value) >= 6 and _is_word_with_number(value):
        figures = len(value) - len(value.rstrip("0123456789"))
        # `password2` is a variable, `password123` is typed by a person.
        return kind_of(value) != "" and figures <= MOST_FIGURES
    if _compile(VARIABLE).fullmatch(value) and kind_of(value) not in ("", "weak", "address"):
        return True  # `b64Pwd`
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


def is_typed(value: str, is_variable: bool) -> bool:
    """Tell whether a word without quotes has figures as people type them in a password (`s3cr3t`,
    `Harbour7`); where it may be a variable, `harbour7` does not tell.
    """
    pattern = TYPED_OR_VARIABLE if is_variable else TYPED
    return (
        _compile(TYPE).fullmatch(value) is None and _compile(pattern).fullmatch(value) is not None
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
