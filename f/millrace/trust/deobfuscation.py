# requirements:

"""Forms of text: what a text says under disguise, so that rules compare meanings and not spellings.

Private words can be sent out in Base64, hex, percent signs, backwards,
letter by letter or with look-alike letters.
"""

import base64
import binascii
import codecs
import contextlib
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote_plus, urlsplit

from f.millrace.core import invisible

WORD = re.compile(r"[^\W_]+(?:[.@+'’-][^\W_]+)*")
URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s<>\"'`\]})|\\]+", re.IGNORECASE)
HOST = re.compile(r"(?<![\w@.-])(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}\b")
ADDRESS = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
PACKED = re.compile(r"[A-Za-z0-9+/_=-]{8,}")
# Letters of other scripts that look like Latin ones; NFKC knows only variants of the same letter.
LOOKALIKES = str.maketrans(
    "аеіорсухһјԁɡӏԛѕԝвкмнтгпαεικνορτυχγβηω" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧАВЕКМНОРСТУХІЈЅԌԚԜ",
    "aeiopcyxhjdglqswbkmhtrnaeiknoptuxybnw" + "ABEZHIKMNOPTYXABEKMHOPCTYXIJSGQW",
)
LONGEST = 20_000
TAGS = re.compile("|".join((*invisible.FLAGS, "[\U000e0020-\U000e007e]+")))


def strip_invisible(text: str) -> str:
    """Return the text with hidden characters removed,
    tag letters as the letters that they stand for.
    """
    return invisible.strip_all(reveal_tags(text))


def reveal_tags(text: str) -> str:
    """Return the text with the tag letters, in which whole sentences can be hidden, as the letters
    that they stand for; those of a flag stay.
    """
    return TAGS.sub(
        lambda found: (
            found[0]
            if found[0] in invisible.FLAGS
            else "".join(chr(ord(char) - 0xE0000) for char in found[0])
        ),
        text,
    )


def skeleton(text: str) -> str:
    """Return the text in one spelling: small Latin letters for all that looks like them."""
    return (
        unicodedata.normalize("NFKC", strip_invisible(text))
        .translate(LOOKALIKES)
        .casefold()
        .translate(LOOKALIKES)
    )


def words(text: str) -> list[str]:
    """Return the words of a text, folded."""
    return [word.strip("'’") for word in WORD.findall(skeleton(text))]


def decodings(text: str) -> Iterator[str]:
    """Yield the text folded, then everything that it would be when decoded, reversed or read
    without its separators.
    """
    text = text[:LONGEST]
    plain = skeleton(text)
    yield plain
    once = unquote_plus(unquote_plus(text))
    if once != text:
        yield skeleton(once)
    for source in {text, once}:
        for piece in PACKED.findall(source):
            yield from (skeleton(decoded) for decoded in unpack(piece))
    yield skeleton(codecs.encode(once, "rot13"))
    yield skeleton(once)[::-1]


def unpack(piece: str) -> Iterator[str]:
    """Yield what a run of characters says when it is read as hex,
    Base64 or Base32, if that is text.
    """
    bare = piece.rstrip("=").replace("-", "+").replace("_", "/")
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2}){4,}", piece):
        yield from _text(bytes.fromhex(piece))
    for candidate in {bare, bare.partition("=")[2]}:
        if len(candidate) >= 8:
            with contextlib.suppress(binascii.Error, ValueError):
                yield from _text(
                    base64.b64decode(candidate + "=" * (-len(candidate) % 4), validate=True)
                )
    if re.fullmatch(r"[A-Za-z2-7]{8,}", bare):
        with contextlib.suppress(binascii.Error, ValueError):
            yield from _text(base64.b32decode(bare.upper() + "=" * (-len(bare) % 8)))


def _text(raw: bytes) -> Iterator[str]:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return
    if text and sum(char.isprintable() or char.isspace() for char in text) == len(text):
        yield text


def addresses(text: str) -> list[str]:
    """Return the web addresses of a text, without the punctuation that follows them."""
    return [url.rstrip(".,;:!?*") for url in URL.findall(text)]


def hosts(text: str) -> set[str]:
    """Return the host names that a text names, in the form that travels over the wire."""
    found = {urlsplit_host(url) for url in addresses(text)} | {
        wire_host(name) for name in HOST.findall(text)
    }
    return {name for name in found if name}


def normalise_address(url: str) -> str:
    """Return an address in the one form in which two spellings of the same request are equal; its
    query counts in full.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return url.strip()
    if (
        parts.scheme.lower() not in ("http", "https")
        or not parts.hostname
        or parts.username
        or parts.password
    ):
        return url.strip()
    shown = f":{port}" if port and port not in (80, 443) else ""
    query = f"?{parts.query}" if parts.query else ""
    return f"//{wire_host(parts.hostname)}{shown}{parts.path.rstrip('/')}{query}"


def drop_scheme_and_slash(url: str) -> str:
    """Return an address without what people leave out or add, the scheme and one slash at its end;
    the rest is written as it was.
    """
    text = url.strip()
    scheme, sign, rest = text.partition("://")
    if sign and scheme in ("http", "https"):
        text = rest
    return text.removesuffix("/")


def urlsplit_host(url: str) -> str:
    """Return an address's host as it travels over the wire; empty when it has none."""
    try:
        return wire_host(urlsplit(url.strip()).hostname or "")
    except ValueError:
        return ""


def wire_host(name: str) -> str:
    """Return a host name in ASCII: names with other letters in Punycode, so that a look-alike is
    seen to be one.
    """
    name = name.strip(".").lower()
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return ".".join(
            label if label.isascii() else "xn--" + label.encode("punycode").decode()
            for label in name.split(".")
        )
