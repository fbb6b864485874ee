# requirements:

"""Office packages that Office opens and the libraries refuse: made into what they take.

Relationships to parts that are not there, the strict form of the format (ISO/IEC 29500-1), the
content types of macros and templates, and worksheets whose cells lie far apart.
"""

import io
import posixpath
import re
import zipfile
from urllib.parse import unquote

from f.millrace.ingest import damaged_archive, far_cells

RELATIONSHIP = re.compile(
    rb"<(?:\w+:)?Relationship\b[^<>]*+>(?:(?<=/>)|\s*+</(?:\w+:)?Relationship>)"
)
TARGET = re.compile(rb"\bTarget\s*=\s*[\"']([^\"']*)[\"']")
EXTERNAL = re.compile(rb"\bTargetMode\s*=\s*[\"']External[\"']")
STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/([\w/]+)")
MAIN = re.compile(
    rb"application/vnd\.(?:ms-word|openxmlformats-officedocument\.wordprocessingml)\."
    rb"(?:document|template)\.?(?:macroEnabled(?:Template)?)?\.main\+xml"
    rb"|application/vnd\.ms-word\.\w+\.macroEnabledTemplate\.main\+xml"
)
DECK = re.compile(
    rb"application/vnd\.(?:ms-powerpoint|openxmlformats-officedocument\.presentationml)\."
    rb"(?:presentation|template|slideshow)\.?(?:macroEnabled)?\.main\+xml"
)
DOCX = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
PPTX = b"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
TYPES = "[Content_Types].xml"
SHEETS = "xl/worksheets/"
BINARY_SHEETS = re.compile(r"xl/worksheets/[^/]+\.bin")
OPEN_CONTENT = "content.xml"


def mend(data: bytes) -> bytes:
    """Return the package as the libraries take it; the same bytes where nothing is odd or it is no
    package at all.
    """
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return far_cells.close_up_old(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            changed = {
                name: mended
                for name in names
                if (name.endswith((".rels", ".xml")) or BINARY_SHEETS.fullmatch(name))
                and (mended := _mend_part(name, content := archive.read(name), names)) != content
            }
            if not changed:
                return data
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as copy:
                for name in archive.namelist():
                    copy.writestr(name, changed.get(name) or archive.read(name))
            return out.getvalue()
    except damaged_archive.FAULTS:
        return data  # whoever reads it says what is wrong


def _mend_part(name: str, content: bytes, names: set[str]) -> bytes:
    if b"purl.oclc.org/ooxml" in content:
        content = STRICT.sub(_transitional, content)
    if name == TYPES:
        return DECK.sub(PPTX, MAIN.sub(DOCX, content))
    if name.endswith(".rels"):
        folder = posixpath.dirname(posixpath.dirname(name))
        return RELATIONSHIP.sub(
            lambda found: found[0] if _leads_somewhere(found[0], folder, names) else b"", content
        )
    if BINARY_SHEETS.fullmatch(name):
        return far_cells.close_up_binary(content)
    if name == OPEN_CONTENT and b"table:table" in content:
        return far_cells.close_up_open(content)
    return far_cells.close_up_xml(content) if name.startswith(SHEETS) else content


def _transitional(found: re.Match[bytes]) -> bytes:
    kind, rest = found[1], found[2]
    rest = rest.replace(b"extendedProperties", b"extended-properties")
    rest = rest.replace(b"customProperties", b"custom-properties")
    return b"http://schemas.openxmlformats.org/" + kind + b"/2006/" + rest


def _leads_somewhere(relationship: bytes, folder: str, names: set[str]) -> bool:
    target = TARGET.search(relationship)
    if EXTERNAL.search(relationship) or target is None:
        return True
    path = target[1].decode(errors="replace").partition("#")[0]
    inside = path.lstrip("/") if path.startswith("/") else posixpath.join(folder, path)
    found = posixpath.normpath(inside)
    return not path or found in names or unquote(found) in names
