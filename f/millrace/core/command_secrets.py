# requirements:

"""Secrets that are told by where they stand: in an address, behind a scheme of HTTP, between the
lines of a key, as an argument of a program.
"""

import base64
import binascii
import functools
import re
from collections.abc import Iterator
from urllib.parse import unquote

from f.millrace.core import secret_formats, secret_names

Span = tuple[int, int]

LEAST_PASSWORD = 4

# `https://user:password@host`, also `https://token@host`.
IN_ADDRESS = r"://(?P<user>[^\s/:@\[\"'<>`]{0,200})(?P<password>:[^\s/@\"'<>`]{1,300})?@"
SCHEME = r"(?i)\b(?P<scheme>bearer|basic|token|apikey)[ \t]{1,4}(?P<value>[A-Za-z0-9._~+/=-]{8,}+)"
# As far as the next row of hyphens.
KEY_BLOCK = (
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?P<body>(?:[^-]|-(?!----))*+)"
    r"(?P<end>-----END [A-Z0-9 ]{0,40}-----)?"
)
BODY = r"(?:(?:\s|\\[nr]|[\w-]{1,40}: [^\n]{0,200}){0,40}+[A-Za-z0-9+/]{8,}+=*)++"
PUTTY = r"Private-Lines: \d{1,4}(?P<value>(?:\r?\n[A-Za-z0-9+/=]{1,80}){1,200})"
# Literals, one of which has to be there, and the argument of a program behind one.
COMMANDS = (
    (
        ("-u", "-a", "--proxy-user", "--user", "--auth"),
        (
            r"\b(?:curl|wget|https?|xh|lftp|smbclient)\b[^\n]{0,500}?"
            r"\s(?:-u|-U|-a|--user|--proxy-user|--auth)[ =]?[\"']?[^\s:\"'/]{1,100}:"
            r"(?P<value>[^\s\"']{3,200})"
        ),
    ),
    (
        ("curl",),
        (
            r"\bcurl\b[^\n]{0,500}?\s-[a-zA-Z]{1,8}u[ =]?[\"']?[^\s:\"'/]{1,100}:"
            r"(?P<value>[^\s\"']{3,200})"
        ),
    ),
    (
        ("pass:",),
        (r"\s-{1,2}pass(?:in|out)?[ =][\"']?pass:(?P<value>[^\s\"'$]{3,200})"),
    ),
    (
        ("login(", "authenticate(", "sign_in(", "log_in(", "signin(", "basic_auth(", "basicauth("),
        (
            r"(?i)(?:login|authenticate|log_in|sign_?in|basic_?auth)\(\s{0,4}"
            r"(?P<quote>[\"'])[\w.@+-]{1,100}(?P=quote)\s{0,4},\s{0,4}"
            r"(?P<mark>[\"'])(?=[^\"'\s]{0,200}[0-9!#$%^&*])(?P<value>[^\"'\s]{4,200})(?P=mark)"
        ),
    ),
    (("sshpass",), (r"\bsshpass\s{1,4}-p\s{0,4}[\"']?(?P<value>[^\s\"'$]{3,200})")),
    (
        (" -p",),
        (
            r"\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump)\b[^\n|;]{0,300}?\s-p"
            r"[\"']?(?P<value>[^\s\"'$|;-][^\s\"'|;]{2,100})"
        ),
    ),
    (
        (" login",),
        (
            r"\b(?:docker|podman|helm registry|az|oras)\s{1,4}login\b[^\n|;]{0,300}?\s-p\s{1,4}"
            r"[\"']?(?P<value>[^\s\"'$|;<-][^\s\"'|;]{3,500})"
        ),
    ),
    (
        ("redis-cli",),
        (r"\bredis-cli\b[^\n|;]{0,200}?\s-a\s{1,4}[\"']?(?P<value>[^\s\"'$|;-]{3,200})"),
    ),
    (
        ("by",),
        (
            r"(?i)\bidentified\s{1,4}(?:with\s{1,4}\w{1,40}\s{1,4})?by\s{1,4}(?:password\s{1,4})?"
            r"'(?P<value>[^'\n]{3,200})'"
        ),
    ),
    (
        (":5432:",),
        (r"[\w.*-]{1,200}:5432:[\w*-]{1,100}:[\w*-]{1,100}:(?P<value>[^\s:]{3,200})"),
    ),
)


def find(text: str, folded: str) -> Iterator[Span]:
    """Yield where the text holds such secrets; `folded` is the text in small letters."""
    if "://" in text and "@" in text:
        yield from _in_addresses(text)
    if any(scheme in folded for scheme in ("bearer ", "basic ", "token ", "apikey ")):
        yield from _behind_schemes(text)
    if "PRIVATE KEY" in text:
        yield from _key_blocks(text)
    if "Private-Lines" in text:
        yield from (match.span("value") for match in _compile(PUTTY).finditer(text))
    for literals, pattern in COMMANDS:
        if any(literal in folded for literal in literals):
            yield from _arguments(text, pattern)


def _in_addresses(text: str) -> Iterator[Span]:
    for match in _compile(IN_ADDRESS).finditer(text):
        user, password = match["user"], match["password"]
        if password:
            plain = password[1:]
            if not (secret_names.is_placeholder(plain) or "{" in plain):
                yield match.start("user"), match.end("password")
        elif len(user) >= 16 and secret_formats.looks_random(user):
            yield match.span("user")


def _behind_schemes(text: str) -> Iterator[Span]:
    for match in _compile(SCHEME).finditer(text):
        value = match["value"]
        if match["scheme"].lower() == "basic":
            if _is_secret_login(value):
                yield match.span("value")
        elif (  # `the token 0x…` is the address of a coin
            len(value) >= 12
            and value[0] != "/"
            and not value.startswith("0x")
            and secret_formats.looks_random(value)
        ):
            yield match.span("value")


def read_login(value: str) -> tuple[str, str] | None:
    """Return the user and the password that are in base64 in a value; None if it holds none."""
    bare = value.rstrip("=")
    try:
        plain = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    user, colon, password = plain.partition(":")
    return (user, password) if user and colon and plain.isprintable() else None


def _is_secret_login(value: str) -> bool:
    login = read_login(value)
    if login is None or len(login[1]) < LEAST_PASSWORD:
        return False
    return not secret_names.is_placeholder(unquote(login[1]).rstrip("?"))


def _key_blocks(text: str) -> Iterator[Span]:
    for match in _compile(KEY_BLOCK).finditer(text):
        body = _compile(BODY).match(match["body"])
        if body is None or not secret_formats.looks_random(body[0]):
            continue
        yield match.start(), match.end() if match["end"] else match.start("body") + body.end()


def _arguments(text: str, pattern: str) -> Iterator[Span]:
    for match in _compile(pattern).finditer(text):
        value = match["value"]
        if not secret_names.is_placeholder(value):
            yield match.span("value")


@functools.cache
def _compile(pattern: str) -> "re.Pattern[str]":
    """Return the pattern compiled, at its first use: a step's start has no time for it."""
    return re.compile(pattern)
