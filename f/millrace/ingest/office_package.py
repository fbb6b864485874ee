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
PLACE = re.compile(rb"(<(?:\w+:)?c\b[^<>]*?\br=[\"'])([A-Z]{1,3})([0-9]{1,7})([\"'])")
ROW = re.compile(rb"(<(?:\w+:)?row\b[^<>]*?\br=[\"'])([0-9]{1,7})([\"'])")
# A spreadsheet's reader makes a place for every cell between the first and the last.
MOST_PLACES = 4_000_000


def mend(data: bytes) -> bytes:
    """Return the package as the libraries take it; the same bytes where nothing is odd or it is no
    package at all.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            changed = {
                name: mended
                for name in names
                if name.endswith((".rels", ".xml"))
                and (mended := _mend_part(name, content := archive.read(name), names)) != content
            }
            if not changed:
                return data
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as copy:
                for name in archive.namelist():
                    copy.writestr(name, changed.get(name) or archive.read(name))
            return out.getvalue()
    except (zipfile.BadZipFile, KeyError, RuntimeError, OSError, ValueError, NotImplementedError):
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
    return _close_up(content) if name.startswith(SHEETS) else content


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


def _close_up(sheet: bytes) -> bytes:
    """Return a worksheet whose cells lie too far apart with its empty rows and columns left out;
    they say nothing.
    """
    rows = sorted({int(found[3]) for found in PLACE.finditer(sheet)})
    columns = sorted({found[2] for found in PLACE.finditer(sheet)}, key=lambda one: (len(one), one))
    if not rows or (rows[-1] - rows[0] + 1) * _number(columns[-1]) <= MOST_PLACES:
        return sheet
    row_of = {row: b"%d" % place for place, row in enumerate(rows, 1)}
    column_of = {column: _letters(place) for place, column in enumerate(columns, 1)}
    sheet = re.sub(rb"<(?:\w+:)?dimension\b[^<>]*+>(?<=/>)", b"", sheet)
    sheet = PLACE.sub(
        lambda found: found[1] + column_of[found[2]] + row_of[int(found[3])] + found[4], sheet
    )
    return ROW.sub(
        lambda found: found[1] + row_of.get(int(found[2]), b"%d" % len(rows)) + found[3], sheet
    )


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _letters(number: int) -> bytes:
    letters = b""
    while number:
        number, letter = divmod(number - 1, 26)
        letters = bytes([65 + letter]) + letters
    return letters
