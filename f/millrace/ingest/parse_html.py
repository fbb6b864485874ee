# requirements:

"""Web pages and other HTML: what a reader sees of them, in order, with headings and tables."""

import codecs
import contextlib
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from f.millrace.core import hidden_markup
from f.millrace.ingest import parsed_document, word_numbering

UNSEEN = frozenset(
    "script style noscript template nav footer aside svg iframe object button select head dialog"
    " canvas audio video".split()
)
BREAKS = frozenset(
    """address article blockquote body center dd details div dl dt fieldset figcaption figure form
    h1 h2 h3 h4 h5 h6 header hr html legend li main ol p pre section summary table tbody tfoot thead
    tr ul""".split()
)
DATES = (
    "article:published_time",
    "date",
    "dc.date",
    "dcterms.created",
    "dcterms.date",
    "og:updated_time",
    "last-modified",
    "changed",
    "created",
)
ONE_BYTE = ("iso8859", "cp12", "koi8", "mac-", "tis-620", "ascii")
DEEPEST = 200
# The parser drops all that follows an element which is nested deeper than 2,048.
MOST_NESTED = 1000
WRAPPERS = re.compile(
    r"<(?P<close>/?)(?P<name>div|span|font|b|i|u|em|strong|small|big|a|section|article|center"
    r"|blockquote|table|ul|ol|dl|form|main)\b[^<>]*+>",
    re.IGNORECASE,
)
NUMBERS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
POWERS = {
    "msup": "^",
    "msub": "_",
    "mover": "^",
    "munder": "_",
    "mfrac": "/",
    "msubsup": "_^",
    "munderover": "_^",
}
MOST_SPANNED = 100
# In a list of terms a longer text explains, a shorter one is a value.
LONGEST_VALUE = 120


def parse_html(data: bytes) -> parsed_document.Parsed:
    """Read a page."""
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

    from f.millrace.ingest import parse_text

    # Decoded by us: a page's own word about its encoding is often wrong, and a declaration in a
    # string is refused.
    try:
        text = re.sub(r"^\s*<\?xml[^>]*\?>", "", _decode_declared(data) or parse_text.decode(data))
        parsed = _parse_tree(text, moved=True)
        # A page of which nothing is seen shows itself by a program of its own.
        return parsed if parsed.blocks else _parse_tree(text, moved=False)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise parsed_document.Unreadable(
            f"is not a page that can be read: {parsed_document.one_line(str(error))}"
        ) from error


def _parse_tree(text: str, moved: bool) -> parsed_document.Parsed:
    """Read a page; with `moved`, without what fades or slides into view."""
    from lxml import html  # pyright: ignore[reportAttributeAccessIssue]

    root = html.document_fromstring(
        _flatten(text),
        parser=html.HTMLParser(remove_comments=True, remove_pis=True, huge_tree=True),
    )
    parsed = parsed_document.Parsed()
    _head(root, parsed)
    body = root.find("body")
    sheet, is_styled = hidden_markup.read_sheet(root)
    hidden_markup.remove_hidden_text(
        root if body is None else body, sheet, moved=moved, styled=is_styled
    )
    _Walk(parsed).walk(root if body is None else body)
    if not parsed.title:
        first = next((block for block in parsed.blocks if block.kind == "heading"), None)
        parsed.title = parsed.text[first.start : first.end] if first else ""
    return parsed


def _flatten(text: str) -> str:
    """Return a page without the wrappers that are nested deeper than a parser follows."""
    depth: Counter[str] = Counter()
    dropped: Counter[str] = Counter()

    def flatten(tag: "re.Match[str]") -> str:
        name = tag["name"].lower()
        if not tag["close"]:
            is_deep = depth.total() >= MOST_NESTED
            (dropped if is_deep else depth)[name] += 1
            return "<br>" if is_deep else tag[0]
        if dropped[name]:
            dropped[name] -= 1
            return "<br>"
        depth[name] = max(0, depth[name] - 1)
        return tag[0]

    # Counting them is quicker than going through them.
    if text.count("<") <= 2 * MOST_NESTED:
        return text
    return WRAPPERS.sub(flatten, text)


def _decode_declared(data: bytes) -> str:
    found = re.search(rb"<meta[^<>]+?charset\s*+=\s*+[\"']?([\w-]+)", data[:2048], re.IGNORECASE)
    if found is None:
        return ""
    try:
        codec = codecs.lookup(found[1].decode("ascii"))
        text = data.decode(codec.name)
    except (LookupError, UnicodeDecodeError):
        return ""
    if codec.name.startswith(ONE_BYTE):
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode("utf-8")  # no text in such an encoding is UTF-8 by chance
    return text


def _head(root: Any, parsed: parsed_document.Parsed) -> None:
    title = root.find(".//title")
    parsed.title = parsed_document.one_line(title.text_content() if title is not None else "")[
        : parsed_document.LONGEST_TITLE
    ]
    parsed.language = (
        root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    ).strip()
    meta = {
        (tag.get("name") or tag.get("property") or tag.get("http-equiv") or "").lower(): (
            tag.get("content") or ""
        )
        for tag in root.iter("meta")
    }
    parsed.title = parsed.title or meta.get("og:title", "")
    parsed.author = parsed_document.one_line(
        meta.get("author") or meta.get("article:author") or meta.get("dc.creator") or ""
    )
    times = [tag.get("datetime") for tag in root.iter("time")]
    candidates = [*(meta[name] for name in DATES if meta.get(name)), *times[:1]]
    parsed.dated_at = next(
        (found for value in candidates if (found := parsed_document.moment(value))), None
    )


def _table(table: Any) -> str:
    """Return a table one row a line; where each row is a name and a value, as `name: value`."""
    rows = _rows(table)
    if all(
        [cell.tag for cell in row if cell.tag in ("th", "td")] == ["th", "td"]
        for row in table.iter("tr")
    ):
        return "\n".join(": ".join(map(parsed_document.one_line, row)) for row in rows)
    return parsed_document.rows_as_text(rows)


def _rows(table: Any) -> list[list[str]]:
    """Return the cells of a table; one that spans rows stands in each of them, one that spans
    columns in the first.
    """
    rows: list[list[str]] = []
    from_above: dict[int, tuple[int, str, int]] = {}
    for row in table.iter("tr"):
        given = [cell for cell in row if cell.tag in ("td", "th")]
        cells: list[str] = []
        go_on: dict[int, tuple[int, str, int]] = {}
        while given or len(cells) in from_above:
            down, text, across = from_above.pop(len(cells), None) or _cell(given.pop(0))
            if down > 1:
                go_on[len(cells)] = (down - 1, text, across)
            cells += [text, *[""] * (across - 1)]
        rows.append(cells)
        from_above = go_on
    return rows


def _cell(cell: Any) -> tuple[int, str, int]:
    """Return how many rows a cell spans, its text, and how many columns."""
    down, across = (
        int(found) if (found := cell.get(name, "")).isdecimal() else 1
        for name in ("rowspan", "colspan")
    )
    return min(down, MOST_SPANNED), _visible_text(cell, 0), min(max(across, 1), MOST_SPANNED)


def _is_hidden(element: Any) -> bool:
    tag = element.tag if isinstance(element.tag, str) else ""
    return tag in UNSEEN or not tag or element.get("hidden") is not None


def _visible_text(element: Any, depth: int) -> str:
    """Return what a reader sees in a cell; what stands on lines of its own is kept apart."""
    if _is_hidden(element) or depth > DEEPEST:
        return ""
    space = " " if element.tag in BREAKS or element.tag == "br" else ""
    return (
        space
        + (element.text or "")
        + "".join(_visible_text(child, depth + 1) + (child.tail or "") for child in element)
        + space
    )


def _text_of_deep(element: Any) -> str:
    """Return what a reader sees in an element of any depth, with what is on lines of its own in
    lines.
    """
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

    parts: list[str] = []
    walker = etree.iterwalk(element, events=("start", "end"))
    for event, each in walker:
        if event == "start" and _is_hidden(each):
            walker.skip_subtree()
            continue
        parts.append("\n" if each.tag in BREAKS or each.tag == "br" else "")
        parts.append(
            (each.text if event == "start" else "" if each is element else each.tail) or ""
        )
    return "".join(parts)


def _formula(element: Any, depth: int = 0) -> str:
    """Return a formula in MathML as one types it in a line: `x^2/(a + b)`."""
    if element.tag in ("annotation", "annotation-xml") or not isinstance(element.tag, str):
        return ""
    if not len(element) or depth > DEEPEST:
        return parsed_document.one_line(element.text or "")
    parts = [found for child in element if (found := _formula(child, depth + 1))]
    if parts and element.tag in POWERS:
        signs = zip(POWERS[element.tag], parts[1:], strict=False)
        told = "".join(f"{sign}{_group(part)}" for sign, part in signs)
        return _group(parts[0]) + told
    joined = " ".join(parts)
    return f"√({joined})" if element.tag in ("msqrt", "mroot") else joined


def _group(text: str) -> str:
    return f"({text})" if " " in text else text


def _numbers(numbered: Any, start: int | None = None) -> Iterator[int]:
    """Yield the numbers that a browser counts in `<ol>`, from its start or another one."""
    backwards = numbered.get("reversed") is not None
    if start is None:
        entries = sum(one.tag == "li" for one in numbered) if backwards else 1
        start = _whole(numbered.get("start"), entries)
    yield from itertools.count(start, -1 if backwards else 1)


def _whole(text: str | None, otherwise: int) -> int:
    plain = (text or "").strip()
    return int(plain) if re.fullmatch(r"-?\d{1,9}", plain) else otherwise


def _begins_entry(element: Any) -> bool:
    """Tell whether an element is an entry of a list, or the paragraph with which one begins."""
    if element.tag == "li":
        return True
    entry = element.getparent()
    return (
        element.tag in ("p", "div")
        and entry is not None
        and entry[0] is element
        and not (entry.text or "").strip()
        and _begins_entry(entry)
    )


def _pairs(terms: Any) -> list[str]:
    """Return the terms of a list, each with what it says in a few words: `name: value`; nothing
    when the list is made otherwise.
    """
    pairs: list[tuple[str, list[str]]] = []
    for child in terms:
        text = parsed_document.one_line(_visible_text(child, 0))
        if child.tag == "dt":
            pairs.append((text, []))
        elif child.tag == "dd" and pairs and len(text) <= LONGEST_VALUE and not len(child):
            pairs[-1][1].append(text)
        elif text or len(child):
            return []
    if any(not name or not values for name, values in pairs):
        return []
    return [f"{name.rstrip(':')}: {', '.join(values)}" for name, values in pairs]


class _Walk:
    """Goes through the elements once; runs of inline text become paragraphs."""

    def __init__(self, parsed: parsed_document.Parsed) -> None:
        self._parsed = parsed
        self._run: list[str] = []
        self._kind: parsed_document.Kind = "paragraph"
        self._mark = "-"
        self._lists: list[tuple[Any, Iterator[int]]] = []

    def walk(self, element: Any) -> None:
        self._into(element, 0)
        self._end()

    def _into(self, element: Any, depth: int) -> None:
        if _is_hidden(element):
            return
        tag = element.tag
        if depth > DEEPEST:
            self._run.append(_text_of_deep(element))
        elif tag == "math":
            self._run.append(_formula(element) or element.get("alttext") or "")
        elif tag == "table" and not element.findall(".//table"):
            self._end()
            caption = element.find("caption")
            if caption is not None:
                self._parsed.add(parsed_document.one_line(caption.text_content()))
            self._parsed.add(_table(element), "table")
            self._parsed.details["tables"] = self._parsed.details.get("tables", 0) + 1
        elif tag == "dl" and (pairs := _pairs(element)):
            self._end()
            self._parsed.add("\n".join(pairs), "table")
        elif tag == "pre":
            self._end()
            self._parsed.add(element.text_content(), "code")
        elif tag == "br":
            self._run.append("\n")
        else:
            self._inside(element, tag, depth)

    def _inside(self, element: Any, tag: str, depth: int) -> None:
        breaks = tag in BREAKS
        around, self._kind = (
            self._kind,
            ("list" if _begins_entry(element) else "paragraph" if breaks else self._kind),
        )
        if breaks:
            self._end(around)
        mark = self._mark
        if tag in ("ol", "ul"):
            self._lists.append((element, _numbers(element)))
        elif tag == "li":
            self._mark = self._mark_of(element)
        self._run.append(element.text or "")
        for child in element:
            self._into(child, depth + 1)
            self._run.append(child.tail or "")
        if breaks:
            if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
                self._end("heading", int(tag[1]))
            else:
                self._end(self._kind)
        self._kind, self._mark = around, mark
        if tag in ("ol", "ul"):
            self._lists.pop()

    def _mark_of(self, entry: Any) -> str:
        """Return what a browser writes before an entry: a number in `<ol>`, else a hyphen."""
        if not self._lists or self._lists[-1][0].tag != "ol":
            return "-"
        numbered, numbers = self._lists[-1]
        number = next(numbers)
        given = _whole(entry.get("value"), number)
        if given != number:
            self._lists[-1] = numbered, _numbers(numbered, given)
            next(self._lists[-1][1])
        kind = NUMBERS.get(numbered.get("type") or "", "")
        return word_numbering.write_number(given, kind) + "."

    def _end(self, kind: parsed_document.Kind = "paragraph", level: int = 0) -> None:
        lines = (
            [parsed_document.one_line(line) for line in "".join(self._run).split("\n")]
            if "\n" in self._run
            else ["".join(self._run)]
        )
        self._run = []
        text = "\n".join(line for line in map(parsed_document.one_line, lines) if line)
        if text:
            self._parsed.add(f"{self._mark} {text}" if kind == "list" else text, kind, level=level)
