# requirements:

"""Packed documents with damaged parts, repaired as far as they can be read.

Broken XML is read to where it breaks, a part in another encoding than it says is read in its own,
and what tells the parts of an Office document apart is made anew. What was lost is told.
"""

import io
import mimetypes
import posixpath
import re
import zipfile
from collections.abc import Callable
from typing import Any

from f.millrace.ingest import damaged_archive, parse_text, parsed_document

PAGES = (".xhtml", ".html", ".htm")
XML = (".xml", ".rels", ".opf")
DECLARATION = re.compile(r"\A\s*+<\?xml[^<>?]*+\?>")
NAMESPACE = re.compile(r"""(xmlns(?::[\w.-]+)?=["'])([^"']*)""")
NO_URI = re.compile(r"[^\w.:/?=&;%+~,-]|[^\x00-\x7f]")
MOST_NOTES = 20
WORKBOOK, STRINGS = "xl/workbook.xml", "xl/sharedStrings.xml"
SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
CELL = re.compile(rb"<(?:\w{1,9}:)?c\b([^<>]*+)>\s*+<(?:\w{1,9}:)?v>([0-9]{1,7})<")
OF_STRING = re.compile(rb"""\bt\s?=\s?["']s["']""")
MOST_STRINGS = 2_000_000
BINARY = "xl/workbook.bin"  # its parts name each other in another way
TYPES, ROOT = "[Content_Types].xml", "_rels/.rels"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
CONTENT = "application/vnd.openxmlformats-officedocument"
RELS = f"{{{PACKAGE}/relationships}}Relationships"
REL = f"{{{PACKAGE}/relationships}}Relationship"
MAINS = {
    "word/document.xml": f"{CONTENT}.wordprocessingml.document.main+xml",
    "ppt/presentation.xml": f"{CONTENT}.presentationml.presentation.main+xml",
    "xl/workbook.xml": f"{CONTENT}.spreadsheetml.sheet.main+xml",
}
# Where a part lies, what it is, and by which relationship the main part leads to it.
PARTS = tuple(
    (re.compile(place), f"{CONTENT}.{kind}+xml", relationship)
    for place, kind, relationship in (
        (r"word/styles\.xml", "wordprocessingml.styles", "styles"),
        (r"word/numbering\.xml", "wordprocessingml.numbering", "numbering"),
        (r"word/footnotes\.xml", "wordprocessingml.footnotes", "footnotes"),
        (r"word/endnotes\.xml", "wordprocessingml.endnotes", "endnotes"),
        (r"word/comments\.xml", "wordprocessingml.comments", "comments"),
        (r"word/header\d*\.xml", "wordprocessingml.header", "header"),
        (r"word/footer\d*\.xml", "wordprocessingml.footer", "footer"),
        (r"ppt/slides/slide\d+\.xml", "presentationml.slide", "slide"),
        (r"ppt/slideLayouts/[^/]+\.xml", "presentationml.slideLayout", ""),
        (r"ppt/slideMasters/[^/]+\.xml", "presentationml.slideMaster", ""),
        (r"ppt/notesSlides/[^/]+\.xml", "presentationml.notesSlide", ""),
        (r"ppt/notesMasters/[^/]+\.xml", "presentationml.notesMaster", ""),
        (r"ppt/charts/chart\d*\.xml", "drawingml.chart", ""),
        (r"xl/worksheets/sheet\d+\.xml", "spreadsheetml.worksheet", "worksheet"),
        (r"xl/sharedStrings\.xml", "spreadsheetml.sharedStrings", "sharedStrings"),
        (r"xl/styles\.xml", "spreadsheetml.styles", "styles"),
    )
)
# What a main part lists: the folder, and the text around the list.
LISTED = {
    "ppt/presentation.xml": (
        re.compile(r"ppt/slides/slide\d+\.xml"),
        "<p:presentation xmlns:p='http://schemas.openxmlformats.org/presentationml/2006/main'"
        f" xmlns:r='{OFFICE}'><p:sldIdLst>%s</p:sldIdLst></p:presentation>",
        "<p:sldId id='%d' r:id='rId%d'/>",
        256,
    ),
    "xl/workbook.xml": (
        re.compile(r"xl/worksheets/sheet\d+\.xml"),
        f"<workbook xmlns='{SHEETS}' xmlns:r='{OFFICE}'><sheets>%s</sheets></workbook>",
        "<sheet name='Sheet %d' sheetId='%d' r:id='rId%d'/>",
        0,
    ),
}


def repair_directory(data: bytes, most_unpacked: int) -> tuple[bytes, list[str]]:
    """Return an archive whose list of files is lost with a new one, and what is to be said of it;
    anything else as it is.
    """
    if not damaged_archive.is_archive(data) or damaged_archive.has_directory(data):
        return data, []
    repaired, notes = repair(data, most_unpacked)
    return repaired, ["it is cut short or damaged; what could be unpacked was read", *notes]


def repair(data: bytes, most_unpacked: int) -> tuple[bytes, list[str]]:
    """Return a packed document whose parts can be read, and what was lost of which; the same bytes
    when it is no archive.
    """
    if not damaged_archive.is_archive(data):
        return data, []
    parts: dict[str, bytes] = {}
    notes: list[str] = []
    for name, entry in damaged_archive.read_entries(data, most_unpacked).items():
        if name.endswith("/"):
            continue
        content, is_whole = _mend(name, entry)
        if content:
            parts[name] = content
        if not is_whole:
            notes.append(
                f"its part {name} is damaged and"
                f" {'was read as far as it goes' if content else 'is left out'}"
            )
    if not parts:
        raise parsed_document.Unreadable("is corrupt: nothing of it can be unpacked")
    main = next((main for main in MAINS if _holds(parts, posixpath.dirname(main))), None)
    if main is not None and BINARY not in parts:
        notes += _complete_office(parts, main)
    if len(notes) > MOST_NOTES:
        notes[MOST_NOTES:] = [f"and {len(notes) - MOST_NOTES} further parts of it"]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue(), notes


def _holds(parts: dict[str, bytes], folder: str) -> bool:
    return any(name.startswith(f"{folder}/") for name in parts)


def _mend(name: str, entry: damaged_archive.Entry) -> tuple[bytes, bool]:
    """Return a part that can be read, and whether all of it is there."""
    if name.endswith(PAGES):
        return entry.content, entry.is_whole  # their parser takes what is broken
    if not name.endswith(XML):
        return (entry.content, True) if entry.is_whole else (b"", False)
    root = _parse(entry.content)
    if root is not None:
        return entry.content, entry.is_whole
    text = _decode(entry.content)
    root = _parse(text.encode())
    if root is not None:
        return text.encode(), entry.is_whole
    root = _parse(text.encode(), recover=True)
    if root is None:
        return b"", False
    for each in list(root.iter(REL)):
        if not all(each.get(name) for name in ("Id", "Type", "Target")):
            each.getparent().remove(each)
    mended = _well_named(root)
    root = _parse(mended)
    leads = root is not None and (not name.endswith(".rels") or root.tag == RELS)
    return mended if leads else b"", False


def _well_named(root: Any) -> bytes:
    """Return a tree whose names have prefixes that are declared, and namespaces that are URIs."""
    for each in root.iter("*"):
        if ":" in each.tag.rpartition("}")[2]:
            each.tag = each.tag.replace(":", "_")
        for name in [name for name in each.attrib if ":" in name.rpartition("}")[2]]:
            del each.attrib[name]
    written = _bytes_of(root).decode()
    return NAMESPACE.sub(lambda found: found[1] + NO_URI.sub("_", found[2]), written).encode()


def _decode(content: bytes) -> str:
    """Return the text of a part in the encoding that it is in, whatever it says."""
    try:
        text = parse_text.decode(content)
    except parsed_document.Unreadable:
        text = content.decode("utf-8", errors="replace")
    return parsed_document.CONTROL.sub("", DECLARATION.sub("", text, count=1))


def _parse(content: bytes, recover: bool = False) -> Any:
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, recover=recover
    )
    try:
        return etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _bytes_of(root: Any) -> bytes:
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _complete_office(parts: dict[str, bytes], main: str) -> list[str]:
    """Make anew what tells the parts of an Office document apart, where it does not lead to all of
    them; return what a person should know of it.
    """
    listed = _sorted_by_number(parts, LISTED[main][0].fullmatch) if main in LISTED else []
    notes = _complete_list(parts, main, listed) if listed else []
    relationships = _relationships_of(main)
    if not listed and relationships not in parts:
        parts[relationships] = _write_relationships(
            [
                (kind, posixpath.basename(name))
                for name in parts
                if (kind := _kind_of(name)[1]) and name.startswith("word/")
            ]
        )
    if not any(name == main for name, _ in _targets(parts, ROOT)):
        parts[ROOT] = _write_relationships([("officeDocument", main)])
    if main in parts:
        parts[TYPES] = _write_types(parts)
    return notes


def _complete_list(parts: dict[str, bytes], main: str, listed: list[str]) -> list[str]:
    """Have a main part lead to all the slides or sheets that are there; return what is lost."""
    notes = []
    led = {name for name, _ in _targets(parts, _relationships_of(main))}
    if main not in parts or not (led.issuperset(listed) and _lists_all(parts, main, listed)):
        notes.append("its list of slides or sheets is damaged; they were read by number")
        _list_anew(parts, main, listed)
    if main == WORKBOOK:
        notes += [*_drop_missing_sheets(parts), *_fill_strings(parts)]
    return notes


def _relationships_of(name: str) -> str:
    return f"{posixpath.dirname(name)}/_rels/{posixpath.basename(name)}.rels"


def _targets(parts: dict[str, bytes], relationships: str) -> list[tuple[str, str]]:
    """Return the parts that relationships lead to, each with the relationship's id."""
    root = _parse(parts.get(relationships, b""))
    if root is None:
        return []
    folder = posixpath.dirname(posixpath.dirname(relationships))
    return [
        (posixpath.normpath(posixpath.join("/", folder, each.get("Target") or "")).lstrip("/"), key)
        for each in root.iter(REL)
        if (key := each.get("Id") or "")
    ]


def _lists_all(parts: dict[str, bytes], main: str, listed: list[str]) -> bool:
    """Tell whether a main part names each of the parts that it lists."""
    root = _parse(parts[main])
    if root is None:
        return False
    named = {each.get(f"{{{OFFICE}}}id") for each in root.iter()}
    ids = dict(_targets(parts, _relationships_of(main)))
    return all(ids.get(name) in named for name in listed)


def _drop_missing_sheets(parts: dict[str, bytes]) -> list[str]:
    """Take the sheets that are not there out of the list: with one of them nothing is read."""
    ids = {key for name, key in _targets(parts, _relationships_of(WORKBOOK)) if name in parts}
    root = _parse(parts[WORKBOOK])
    missing = [each for each in root.iter("{*}sheet") if not ids.intersection(each.attrib.values())]
    for each in missing:
        each.getparent().remove(each)
    if missing:
        parts[WORKBOOK] = _bytes_of(root)
    return [f"its sheet {each.get('name')!r} is missing" for each in missing]


def _fill_strings(parts: dict[str, bytes]) -> list[str]:
    """Put empty texts for those that are lost: cells name them by their number."""
    last = max(
        (
            int(found[2])
            for name in parts
            if name.startswith("xl/worksheets/")
            for found in CELL.finditer(parts[name])
            if OF_STRING.search(found[1])
        ),
        default=-1,
    )
    root = _parse(parts.get(STRINGS) or f"<sst xmlns='{SHEETS}'/>".encode())
    lost = last + 1 - len(root)
    if not 0 < lost <= MOST_STRINGS:
        return []
    for _ in range(lost):
        root.append(root.makeelement(f"{{{SHEETS}}}si"))
    parts[STRINGS] = _bytes_of(root)
    if not any(name == STRINGS for name, _ in _targets(parts, _relationships_of(WORKBOOK))):
        relationships = _parse(parts[_relationships_of(WORKBOOK)])
        more = relationships.makeelement(
            REL, Id="strings", Type=f"{OFFICE}/sharedStrings", Target="sharedStrings.xml"
        )
        relationships.append(more)
        parts[_relationships_of(WORKBOOK)] = _bytes_of(relationships)
    return [f"{lost} of the texts of its cells are lost"]


def _sorted_by_number(parts: dict[str, bytes], is_one: Callable[[str], Any]) -> list[str]:
    return sorted(
        filter(is_one, parts), key=lambda name: int("".join(filter(str.isdigit, name)) or 0)
    )


def _list_anew(parts: dict[str, bytes], main: str, listed: list[str]) -> None:
    _, whole, entry, first = LISTED[main]
    numbers = range(1, len(listed) + 1)
    parts[main] = (
        whole % "".join(entry % ((first + n, n) if first else (n, n, n)) for n in numbers)
    ).encode()
    folder = posixpath.dirname(main)
    others = [
        name
        for name in parts
        if name not in listed and _kind_of(name)[1] and name.startswith(f"{folder}/")
    ]
    parts[_relationships_of(main)] = _write_relationships(
        [(_kind_of(name)[1], posixpath.relpath(name, folder)) for name in [*listed, *others]]
    )


def _kind_of(name: str) -> tuple[str, str]:
    """Return the content type of a part by its place, and the relationship that leads to it."""
    return next(
        ((kind, leads) for place, kind, leads in PARTS if place.fullmatch(name)),
        (MAINS.get(name, ""), ""),
    )


def _write_relationships(targets: list[tuple[str, str]]) -> bytes:
    entries = "".join(
        f"<Relationship Id='rId{number}' Type='{OFFICE}/{kind}' Target={_quoted(target)}/>"
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f"<Relationships xmlns='{PACKAGE}/relationships'>{entries}</Relationships>".encode()


def _write_types(parts: dict[str, bytes]) -> bytes:
    endings = {posixpath.splitext(name)[1].lstrip(".").lower() for name in parts} - {"", "rels"}
    defaults = {
        ending: "application/xml"
        if ending == "xml"
        else mimetypes.guess_type(f"a.{ending}")[0] or "application/octet-stream"
        for ending in sorted(endings)
    } | {"rels": "application/vnd.openxmlformats-package.relationships+xml"}
    lines = [
        f"<Default Extension={_quoted(ending)} ContentType='{kind}'/>"
        for ending, kind in defaults.items()
    ] + [
        f"<Override PartName={_quoted('/' + name)} ContentType='{kind}'/>"
        for name in parts
        if (kind := _kind_of(name)[0])
    ]
    return f"<Types xmlns='{PACKAGE}/content-types'>{''.join(lines)}</Types>".encode()


def _quoted(text: str) -> str:
    from xml.sax.saxutils import quoteattr

    return quoteattr(text)
