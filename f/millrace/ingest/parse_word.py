# requirements:

"""Word documents: body, tables, text boxes and notes in order, then what stands in heads and feet,
once.
"""

from collections.abc import Iterator
from typing import Any

from f.millrace.ingest import parse_office, parsed_document, word_numbering

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
P, TABLE, ROW, CELL, TEXT = (f"{WORD}{name}" for name in ("p", "tbl", "tr", "tc", "t"))
# What is around paragraphs without being one: content controls, marked insertions, custom marks.
AROUND = tuple(
    f"{WORD}{name}" for name in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag")
)
# What a reader does not see: what was deleted or moved away, and the second form of a text box, for
# old programs.
UNSEEN = (
    f"{WORD}del",
    f"{WORD}moveFrom",
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
)
SIGNS = {f"{WORD}tab": "\t", f"{WORD}br": "\n", f"{WORD}cr": "\n", f"{WORD}noBreakHyphen": "-"}
MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
# Parts of an equation, each with what a line of text has for it.
POWERS = {f"{MATH}sup": "^", f"{MATH}sub": "_", f"{MATH}den": "/"}
DEEPEST_STYLE = 10
OUTLINED = tuple("012345")
NOTES = ("footnotes", "endnotes", "comments")


def parse_docx(data: bytes) -> parsed_document.Parsed:
    """Read a Word document; its pages are known when Word has laid it out, or by its own page
    breaks.
    """
    import docx
    from docx.text.paragraph import Paragraph

    document = parse_office.open_document(docx.Document, data)
    parsed = parsed_document.Parsed()
    parse_office.properties(data, parsed)
    body = getattr(document.element, "body", None)
    if body is None:
        raise parsed_document.Damaged("is corrupt: it has no text body")
    numbering = word_numbering.Numbering(_definitions(document))
    laid_out = body.find(f".//{WORD}lastRenderedPageBreak") is not None
    page, paged = 1, False
    for element in _parts(body):
        breaks = _breaks(element, laid_out)
        paged = paged or breaks > 0
        if element.tag == TABLE:
            parsed.add_rows(_rows(element), page)
            parsed.details["tables"] = parsed.details.get("tables", 0) + 1
        else:
            # A break at the beginning of a paragraph counts for it, another one for what follows.
            first = breaks if breaks and _begins_with_break(element) else 0
            _add(Paragraph(element, document._body), page + first, parsed, numbering)
        page += breaks
    _add_notes(document, page, parsed)
    if paged:
        parsed.unit, parsed.pages = "page", page
    else:
        parsed.blocks = [
            type(block)(block.start, block.end, block.kind, 0, block.level)
            for block in parsed.blocks
        ]
    return parsed


def _parts(element: Any) -> Iterator[Any]:
    """Yield paragraphs and tables, also those inside of content controls."""
    for child in element:
        if child.tag in (P, TABLE):
            yield child
        elif child.tag in AROUND:
            yield from _parts(child)


def _definitions(document: Any) -> Any:
    """Return the definitions of the document's lists; None when it has none."""
    for part in document.part.rels.values():
        if not part.is_external and part.reltype.endswith("/numbering"):
            return getattr(part.target_part, "element", None)
    return None


def _add(
    paragraph: Any,
    page: int,
    parsed: parsed_document.Parsed,
    numbering: word_numbering.Numbering,
) -> None:
    text, level = (
        "\n".join(filter(str.strip, _text(paragraph._element).split("\n"))),
        _level(paragraph),
    )
    of_list = word_numbering.list_of(_with_styles(paragraph)) if text else None
    label = numbering.label(*of_list) if of_list else ""
    listed = bool(label) and not level
    parsed.add(
        f"{label} {text}" if listed or label not in ("", "-") else text,
        "heading" if level else "list" if listed else "paragraph",
        page,
        level,
    )


def _text(element: Any) -> str:
    """Return what a reader sees of an element: paragraphs in it, such as those of a text box, on
    lines of their own.
    """
    if element.tag in (TEXT, f"{MATH}t"):
        return element.text or ""
    if element.tag in UNSEEN:
        return ""
    inner = "".join(f"\n{_text(child)}\n" if child.tag == P else _text(child) for child in element)
    if element.tag == f"{MATH}rad":
        return f"√({inner})"
    if element.tag in (*POWERS, f"{MATH}num") and len(inner) > 1:
        inner = f"({inner})"
    return SIGNS.get(element.tag, "") + (POWERS.get(element.tag, "") if inner else "") + inner


def _rows(table: Any) -> list[list[str]]:
    """Return the cells of a table; one that spans rows stands in each of them, one that spans
    columns in the first.
    """
    rows: list[list[str]] = []
    for row in table.iter(ROW):
        if next(row.iterancestors(TABLE)) is not table:
            continue
        cells: list[str] = []
        for cell in row.iter(CELL):
            if next(cell.iterancestors(ROW)) is not row:
                continue
            merged = cell.find(f"./{WORD}tcPr/{WORD}vMerge")
            goes_on = merged is not None and merged.get(f"{WORD}val") != "restart"
            above = rows[-1][len(cells)] if goes_on and rows and len(cells) < len(rows[-1]) else ""
            span = cell.find(f"./{WORD}tcPr/{WORD}gridSpan")
            width = str(span.get(f"{WORD}val")) if span is not None else "1"
            cells += [
                above or _text(cell),
                *[""] * (min(int(width), 100) - 1 if width.isdigit() else 0),
            ]
        rows.append(cells)
    return rows


def _add_notes(document: Any, page: int, parsed: parsed_document.Parsed) -> None:
    """Add the notes, then each head and foot once."""
    seen: dict[str, None] = {}
    for part in document.part.rels.values():
        if part.is_external or part.reltype.rpartition("/")[2] not in (*NOTES, "header", "footer"):
            continue
        for text in _paragraphs_of(part.target_part.blob):
            seen.setdefault(text)
    for text in seen:
        parsed.add(text, page=page)


def _paragraphs_of(xml: bytes) -> list[str]:
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

    root = etree.fromstring(
        xml, etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    )
    found = (
        [parsed_document.one_line(_text(element)) for element in root.iter(P)]
        if root is not None
        else []
    )
    return [text for text in found if any(letter.isalpha() for letter in text)]


def _level(paragraph: Any) -> int:
    """Return the level of a heading, 0 for any other paragraph."""
    style = _style(paragraph)
    name = f"{getattr(style, 'style_id', '')} {getattr(style, 'name', '')}".lower()
    if name.startswith("title"):
        return 1
    if name.startswith("heading") and paragraph.text.strip():
        digits = "".join(letter for letter in name.split()[0] if letter.isdigit())
        return min(int(digits or 1), 6)
    outline = paragraph._element.find(f"./{WORD}pPr/{WORD}outlineLvl")
    told = str(outline.get(f"{WORD}val")) if outline is not None else ""
    return int(told) + 1 if told in OUTLINED else 0


def _style(paragraph: Any) -> Any:
    """Return the style of a paragraph; None for one that is broken."""
    try:
        return paragraph.style
    except (KeyError, ValueError, AttributeError):
        return None


def _with_styles(paragraph: Any) -> list[Any]:
    """Return the paragraph, its style, and the styles that this one is based on."""
    found, style = [paragraph._element], _style(paragraph)
    while style is not None and len(found) < DEEPEST_STYLE:
        found.append(style.element)
        style = style.base_style
    return found


def _breaks(element: Any, laid_out: bool) -> int:
    if laid_out:
        return sum(1 for _ in element.iter(f"{WORD}lastRenderedPageBreak"))
    return sum(1 for found in element.iter(f"{WORD}br") if found.get(f"{WORD}type") == "page")


def _begins_with_break(element: Any) -> bool:
    for found in element.iter(f"{WORD}lastRenderedPageBreak", f"{WORD}br", TEXT):
        return not found.tag.endswith("}t")
    return False
