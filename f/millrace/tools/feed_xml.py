# requirements:

"""A feed's document before it is parsed: its text in the right letters, well-formed where it was
not, and what the parser does not tell of its entries.
"""

import codecs
import html
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

from f.millrace.tools import http

BASE = "{http://www.w3.org/XML/1998/namespace}base"
DECLARATION = re.compile(r"<\?xml\b[^<>]*+(?<=\?)>")
DECLARED = re.compile(rb"\s*<\?xml[^>]*encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE)
CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
UTF16 = {b"<\x00?\x00": "utf-16-le", b"\x00<\x00?": "utf-16-be"}
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# Labels that are used for more letters than they stand for (https://encoding.spec.whatwg.org).
WIDER = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
# Parts in which nothing is markup of the feed itself.
VERBATIM = re.compile(r"(<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z))", re.DOTALL)
REFERENCE = re.compile(r"&(?:#(\d{1,7}|[xX][0-9a-fA-F]{1,6});|([A-Za-z][A-Za-z0-9]{1,31});)?")
OF_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})
NO_TAG = re.compile(r"<(?![A-Za-z_/!?])")
NO_LETTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Elements that hold text: markup in them that is not closed must not swallow what follows.
TEXT = re.compile(
    r"<((?:\w+:)?(?:title|description|summary|content|encoded|subtitle))(\s[^<>]*+)?(?<!/)>"
)


@dataclass(frozen=True)
class Entry:
    """What the parser does not tell of an entry.

    Attributes:
        base: What its addresses are relative to.
        title: Its title as plain text, where the feed says that it is one; else None.
        is_permalink: Whether its id may be its address.
        has_link: Whether it names an address beside its id.
    """

    base: str
    title: str | None = None
    is_permalink: bool = True
    has_link: bool = False


def decode(page: http.Page) -> str:
    """Return the document's text: by its first bytes, as UTF-8 where it is, else by what HTTP or
    the document says; wrong bytes in UTF-8 are read one by one as windows-1252.
    """
    content = page.content
    for start, encoding in (*BOMS.items(), *UTF16.items()):
        if content.startswith(start):
            return content.decode(encoding, errors="replace")
    said = CHARSET.search(page.headers.get("content-type", ""))
    declared = DECLARED.match(content)
    labels = [said[1] if said else "", declared[1].decode() if declared else ""]
    encodings = [found for label in labels if (found := _encoding(label))]
    if b"\x1b" not in content:  # by it the seven-bit encodings of Japanese and Korean change sets
        encodings.insert(0, "utf-8")
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    other = next((found for found in encodings if found != "utf-8"), "")
    if other:
        return content.decode(other, errors="replace")
    return content.decode("utf-8", errors=WINDOWS)


def is_broken(text: str) -> bool:
    """Tell whether a document is no well-formed XML, so that `repair` has to change it."""
    return _parse(DECLARATION.sub("", text, count=1)) is None


def repair(text: str) -> str:
    """Return the document such that a parser loses nothing of it: references that XML does not know
    as their letters, lone ampersands and angle brackets as text.
    """
    parts = VERBATIM.split(NO_LETTER.sub("", DECLARATION.sub("", text, count=1)))
    parts[::2] = [NO_TAG.sub("&lt;", REFERENCE.sub(_letter, part)) for part in parts[::2]]
    mended = "".join(parts)
    if _parse(mended) is None:
        mended = _escape_texts(mended)
    return mended


def entries(text: str, url: str) -> list[Entry]:
    """Return what each entry of a well-formed feed says, in order; nothing of another document."""
    root = _parse(text)
    if root is None:
        return []
    base = url
    if _name(root) in ("rss", "RDF"):
        base = urljoin_or(url, (root.findtext("channel/link") or "").strip()) or url
    return [_entry(element, at) for element, at in _walk(root, base)]


def urljoin_or(base: str, reference: str, otherwise: str = "") -> str:
    """Return the address that is meant, or the other value where none can be."""
    try:
        return urljoin(base, reference)
    except ValueError:
        return otherwise


def _walk(element: ElementTree.Element, base: str) -> Iterator[tuple[ElementTree.Element, str]]:
    """Yield each entry with its base."""
    waiting = [(element, base)]
    while waiting:
        element, base = waiting.pop()
        base = urljoin_or(base, element.get(BASE) or "", base)
        if _name(element) in ("item", "entry"):
            yield element, base
        else:
            waiting += [(child, base) for child in reversed(element)]


def _entry(element: ElementTree.Element, base: str) -> Entry:
    title: str | None = None
    is_permalink = True
    has_link = any(_name(child) == "link" and _names_address(child) for child in element)
    for child in element:
        name = _name(child)
        if name == "link" and child.get(BASE) and child.get("rel", "alternate") == "alternate":
            base = urljoin_or(base, child.get(BASE) or "", base)
        elif name == "guid":
            is_permalink = (child.get("isPermaLink") or "").strip().lower() != "false"
        elif name == "title" and child.tag.startswith("{http://www.w3.org/2005/Atom}"):
            kind = (child.get("type") or "text").lower()
            if kind != "html" and kind != "text/html":
                title = "".join(child.itertext())
    return Entry(base, title, is_permalink, has_link)


def _names_address(link: ElementTree.Element) -> bool:
    return bool((link.text or "").strip()) or bool(link.get("href"))


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _parse(text: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return None


def _letter(found: re.Match[str]) -> str:
    number, name = found[1], found[2]
    if name in OF_XML:
        return found[0]
    if number or name:
        # As browsers do: 150 is a dash in windows-1252.
        letters = NO_LETTER.sub("", html.unescape(found[0]).replace("\ufffd", ""))
        if letters != found[0]:
            return html.escape(letters, quote=True)
    return "&amp;" + found[0][1:]


def _escape_texts(document: str) -> str:
    """Return the document with the markup in its texts as text; one that nothing closes stays."""
    parts: list[str] = []
    end = 0
    unclosed: set[str] = set()
    for opened in TEXT.finditer(document):
        name = opened[1]
        if opened.start() < end or name in unclosed:
            continue
        closed = re.compile(rf"</{re.escape(name)}\s*+>").search(document, opened.end())
        if closed is None:
            unclosed.add(name)
            continue
        parts += [document[end : opened.start()], _as_text(opened, document, closed)]
        end = closed.end()
    return "".join([*parts, document[end:]])


def _as_text(opened: re.Match[str], document: str, closed: re.Match[str]) -> str:
    name, attributes, inner = opened[1], opened[2] or "", document[opened.end() : closed.start()]
    if "<" not in inner or "<![CDATA[" in inner:
        return document[opened.start() : closed.end()]
    escaped = inner.replace("<", "&lt;").replace(">", "&gt;")
    return f"<{name}{attributes.replace('xhtml', 'html')}>{escaped}</{name}>"


def _encoding(label: str) -> str:
    """Return the encoding that a label is used for; empty when it names none."""
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return ""
    return WIDER.get(name, name)


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    wrong = error.object[error.start : error.end]
    return wrong.decode("cp1252", errors="replace"), error.end


WINDOWS = "millrace-windows-1252"
codecs.register_error(WINDOWS, _as_windows)
