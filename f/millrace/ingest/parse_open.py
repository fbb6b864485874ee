# requirements:

"""OpenDocument texts and presentations, and EPUB books: packed XML, read without entities and
without the network.
"""

import io
import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from f.millrace.ingest import damaged_archive, parse_html, parsed_document

OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
META = "{urn:oasis:names:tc:opendocument:xmlns:meta:1.0}"
DC = "{http://purl.org/dc/elements/1.1/}"
OPF = "{http://www.idpf.org/2007/opf}"
CONTAINER = "{urn:oasis:names:tc:opendocument:xmlns:container}"
# What a reader does not see: what was deleted, remarks, the speaker's notes.
UNSEEN = (
    f"{TEXT}tracked-changes",
    f"{OFFICE}annotation",
    f"{TEXT}sequence-decls",
    "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}notes",
)
SIGNS = {f"{TEXT}tab": "\t", f"{TEXT}line-break": "\n"}
PAGES = (".xhtml", ".html", ".htm")
MOST_REPEATED = 100
MOST_CHAPTERS = 5_000


def parse_odt(data: bytes) -> parsed_document.Parsed:
    """Read an OpenDocument text: headings, paragraphs, lists and tables in order."""
    with _open(data) as archive:
        parsed = _particulars(archive)
        _walk(_body(archive, "text"), parsed, 0, listed=False)
    return parsed


def parse_odp(data: bytes) -> parsed_document.Parsed:
    """Read an OpenDocument presentation, slide by slide."""
    with _open(data) as archive:
        parsed = _particulars(archive)
        slides = [page for page in _body(archive, "presentation") if page.tag == f"{DRAW}page"]
        parsed.unit, parsed.pages = "slide", len(slides)
        for number, slide in enumerate(slides, 1):
            _walk(slide, parsed, number, listed=False)
    return parsed


def parse_epub(data: bytes) -> parsed_document.Parsed:
    """Read a book: its chapters in the order of its spine; `page` counts them."""
    with _open(data) as archive:
        parsed = parsed_document.Parsed(unit="chapter")
        chapters = _chapters(archive, parsed)
        locked = _locked(archive)
        for path in chapters[:MOST_CHAPTERS]:
            if path in locked:
                raise parsed_document.Unreadable("is protected; get it without copy protection")
            parsed.pages += 1
            _add_chapter(archive, path, parsed)
        unread = [path for path in chapters if _is_unreadable(archive, path)]
    if unread:
        raise parsed_document.Damaged(f"is corrupt: its part {unread[0]} is damaged", parsed)
    return parsed


def _chapters(archive: zipfile.ZipFile, parsed: parsed_document.Parsed) -> list[str]:
    """Return the paths of a book's chapters in their order, and take its particulars; of a book
    that does not say where it begins, its pages in the order of their names.
    """
    package_path = _package_path(archive)
    if package_path:
        package = _xml(archive, package_path)
        _describe(package, parsed)
        chapters = list(_spine(package, posixpath.dirname(package_path)))
        if chapters:
            return chapters
    pages = sorted(name for name in archive.namelist() if name.endswith(PAGES))
    if not pages:
        raise parsed_document.Damaged("is corrupt: it does not say where its book begins")
    parsed.notes.append("it does not say which chapters it has; its pages were read by name")
    return pages


def _package_path(archive: zipfile.ZipFile) -> str:
    """Return where a book says what it is made of; empty when there is no such part."""
    names = archive.namelist()
    if "META-INF/container.xml" in names:
        found = _xml(archive, "META-INF/container.xml").find(f".//{CONTAINER}rootfile")
        path = found.get("full-path") if found is not None else ""
        if path in names:
            return path
    return next((name for name in names if name.endswith(".opf")), "")


def _open(data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except damaged_archive.FAULTS as error:
        raise parsed_document.Damaged(f"is corrupt: {error}") from error


def _xml(archive: zipfile.ZipFile, path: str) -> Any:
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        return etree.fromstring(archive.read(path), parser)
    except KeyError as error:
        raise parsed_document.Damaged(f"is corrupt: it has no {path}") from error
    except (etree.XMLSyntaxError, *damaged_archive.FAULTS) as error:
        words = parsed_document.one_line(str(error))[:200]
        raise parsed_document.Damaged(f"is corrupt: {words}") from error


def _body(archive: zipfile.ZipFile, kind: str) -> Any:
    if b"encryption-data" in _read(archive, "META-INF/manifest.xml"):
        raise parsed_document.Unreadable("is encrypted; save it without a password")
    body = _xml(archive, "content.xml").find(f"{OFFICE}body/{OFFICE}{kind}")
    if body is None:
        raise parsed_document.Unreadable(f"is corrupt: its content holds no {kind}")
    return body


def _read(archive: zipfile.ZipFile, path: str) -> bytes:
    try:
        return archive.read(path)
    except damaged_archive.FAULTS:
        return b""


def _is_unreadable(archive: zipfile.ZipFile, path: str) -> bool:
    """Tell whether a part is there and cannot be unpacked."""
    try:
        archive.read(path)
    except KeyError:
        return False
    except damaged_archive.FAULTS:
        return True
    return False


def _particulars(archive: zipfile.ZipFile) -> parsed_document.Parsed:
    parsed = parsed_document.Parsed()
    if _read(archive, "meta.xml"):
        root = _xml(archive, "meta.xml")
        parsed.title = parsed_document.one_line(root.findtext(f".//{DC}title") or "")
        parsed.author = parsed_document.one_line(
            root.findtext(f".//{DC}creator") or root.findtext(f".//{META}initial-creator") or ""
        )
        parsed.language = (root.findtext(f".//{DC}language") or "").strip()
        parsed.dated_at = parsed_document.moment(
            root.findtext(f".//{DC}date") or root.findtext(f".//{META}creation-date") or ""
        )
    return parsed


def _walk(element: Any, parsed: parsed_document.Parsed, page: int, listed: bool) -> None:
    """Add what stands in an element, in order."""
    for child in element:
        if not isinstance(child.tag, str) or child.tag in UNSEEN:
            continue
        if child.tag in (f"{TEXT}h", f"{TEXT}p"):
            _add(child, parsed, page, listed)
        elif child.tag == f"{TABLE}table":
            parsed.add_rows(_rows(child), page)
            parsed.details["tables"] = parsed.details.get("tables", 0) + 1
        else:
            _walk(child, parsed, page, listed or child.tag == f"{TEXT}list")


def _add(element: Any, parsed: parsed_document.Parsed, page: int, listed: bool) -> None:
    """Add a heading, a paragraph or an entry of a list, and the text boxes that hang on it."""
    text = _text(element)
    if element.tag == f"{TEXT}h":
        level = element.get(f"{TEXT}outline-level") or "1"
        parsed.add(text, "heading", page, int(level) if level.isdecimal() else 1)
    elif listed:
        parsed.add(f"- {text}" if text else "", "list", page)
    else:
        parsed.add(text, "paragraph", page)
    for frame in element.iter(f"{DRAW}text-box"):
        _walk(frame, parsed, page, listed=False)


def _text(element: Any) -> str:
    return "".join(_pieces(element)).strip()


def _pieces(element: Any) -> Iterator[str]:
    """Yield the text of a paragraph; notes stand in brackets, text boxes are told apart."""
    yield element.text or ""
    for child in element:
        if isinstance(child.tag, str) and child.tag not in (*UNSEEN, f"{DRAW}frame"):
            if child.tag in SIGNS:
                yield SIGNS[child.tag]
            elif child.tag == f"{TEXT}s":
                yield " "
            elif child.tag == f"{TEXT}note":
                body = child.find(f"{TEXT}note-body")
                yield f" ({_text_of_all(body)})" if body is not None else ""
            else:
                yield from _pieces(child)
        yield child.tail or ""


def _text_of_all(element: Any) -> str:
    return " ".join(_text(part) for part in element.iter(f"{TEXT}p"))


def _rows(table: Any) -> list[list[str]]:
    rows = []
    for row in table.iter(f"{TABLE}table-row"):
        cells: list[str] = []
        for cell in row:
            if cell.tag in (f"{TABLE}table-cell", f"{TABLE}covered-table-cell"):
                often = cell.get(f"{TABLE}number-columns-repeated") or "1"
                times = min(int(often), MOST_REPEATED) if often.isdecimal() else 1
                cells += [_text_of_all(cell)] * times
        if any(cells):
            rows.append(cells)
    return rows


def _describe(package: Any, parsed: parsed_document.Parsed) -> None:
    parsed.title = parsed_document.one_line(package.findtext(f".//{DC}title") or "")
    parsed.author = ", ".join(
        parsed_document.one_line(each.text or "") for each in package.iter(f"{DC}creator")
    )
    parsed.language = (package.findtext(f".//{DC}language") or "").strip()
    parsed.dated_at = parsed_document.moment(package.findtext(f".//{DC}date") or "")


def _spine(package: Any, folder: str) -> Iterator[str]:
    """Yield the paths of the chapters in the order of reading."""
    files = {
        entry.get("id"): unquote(entry.get("href") or "")
        for entry in package.iter(f"{OPF}item")
        if "html" in (entry.get("media-type") or "")
    }
    for entry in package.iter(f"{OPF}itemref"):
        if entry.get("linear") != "no" and files.get(entry.get("idref")):
            yield posixpath.normpath(posixpath.join(folder, files[entry.get("idref")]))


def _locked(archive: zipfile.ZipFile) -> set[str]:
    """Return the files that only a program with a key reads."""
    if not _read(archive, "META-INF/encryption.xml"):
        return set()
    root = _xml(archive, "META-INF/encryption.xml")
    return {
        unquote(each.get("URI") or "")
        for each in root.iter("{http://www.w3.org/2001/04/xmlenc#}CipherReference")
    }


def _add_chapter(archive: zipfile.ZipFile, path: str, parsed: parsed_document.Parsed) -> None:
    data = _read(archive, path)
    if not data.strip():
        parsed.notes.append(f"its part {path} is missing or empty")
        return
    try:
        chapter = parse_html.parse_html(data)
    except parsed_document.Unreadable as error:
        parsed.notes.append(f"its part {path} {error}")
        return
    for block in chapter.blocks:
        parsed.add(chapter.text[block.start : block.end], block.kind, parsed.pages, block.level)
