# requirements:

"""What a file really is: by its content first; its name only decides between kinds of text."""

import io
import re
import zipfile
from pathlib import PurePath

from f.millrace.ingest import damaged_archive, parsed_document

TEXT_KINDS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    ".log": "text",
    ".rst": "text",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".eml": "mail",
}
OTHER_KINDS = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".docm": "docx",
    ".pptx": "pptx",
    ".pptm": "pptx",
    ".xlsx": "sheets",
    ".xlsm": "sheets",
    ".xlsb": "sheets",
    ".xls": "sheets",
    ".ods": "sheets",
    ".odt": "odt",
    ".odp": "odp",
    ".epub": "epub",
    ".rtf": "rtf",
    ".png": "image",
    ".jpg": "image",
    ".jpeg": "image",
    ".tif": "image",
    ".tiff": "image",
    ".bmp": "image",
    ".gif": "image",
    ".webp": "image",
}
KINDS = TEXT_KINDS | OTHER_KINDS
WORDS = {
    "pdf": "a PDF",
    "docx": "a Word document",
    "pptx": "a presentation",
    "sheets": "a spreadsheet",
    "odt": "an OpenDocument text",
    "odp": "an OpenDocument presentation",
    "epub": "a book",
    "rtf": "a rich text",
    "image": "an image",
    "html": "a web page",
    "mail": "a mail",
    "json": "JSON",
    "text": "plain text",
    "csv": "CSV",
    "markdown": "Markdown",
}
IMAGES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"BM", b"GIF8")
RTF, LEAD = b"{\\rtf", 100
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
CONTROLS = bytes(code for code in range(32) if code not in (9, 10, 12, 13, 27))
MOST_CONTROLS, FEW = 0.02, 4
BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
PARTS = (
    ("word/document.xml", "docx"),
    ("ppt/presentation.xml", "pptx"),
    ("xl/workbook.xml", "sheets"),
    ("xl/workbook.bin", "sheets"),
)
# Where the parts of a document lie whose first one is lost.
FOLDERS = (("word/", "docx"), ("ppt/slides/", "pptx"), ("xl/worksheets/", "sheets"))
BODIES = (
    (b"<office:spreadsheet", "sheets"),
    (b"<office:presentation", "odp"),
    (b"<office:text", "odt"),
)
PROBED = 1_000_000
# What a packed document says that it is, in its first file.
MIMETYPES = (
    (b"opendocument.spreadsheet", "sheets"),
    (b"opendocument.text", "odt"),
    (b"opendocument.presentation", "odp"),
    (b"epub+zip", "epub"),
)
HEADER = re.compile(rb"(?:From [^\n]*+\n)?(?:[!-9;-~]++:[ \t][^\n]*+\n(?:[ \t][^\n]++\n)*+){2}")
PAGE = re.compile(
    rb"\s*+(?:(?:<!--.*?-->|<\?xml[^>]*+>)\s*+)*+<(?:!doctype\s++html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)


def is_supported(name: str) -> bool:
    """Tell whether a file of this name is taken up from a folder."""
    return PurePath(name).suffix.lower() in KINDS


def detect_kind(name: str, data: bytes, most_unpacked: int) -> tuple[str, list[str]]:
    """Return the kind of a file and what is odd about it; Unreadable says why it is none of ours.

    Args:
        name: The file's name.
        data: Its content.
        most_unpacked: A packed document larger than this when unpacked is refused before it is
            unpacked.
    """
    if not data.strip(b"\x00 \t\r\n"):
        raise parsed_document.Unreadable("is empty")
    suffix = PurePath(name).suffix.lower()
    kind = _detect_binary(suffix, data, most_unpacked) or _text(suffix, data)
    named = KINDS.get(suffix)
    if named in (None, kind):
        return kind, []
    return kind, [f"named {suffix} but is {WORDS[kind]}; read as what it is"]


def _detect_binary(suffix: str, data: bytes, most_unpacked: int) -> str:
    if b"%PDF-" in data[:1024] and not (suffix in TEXT_KINDS and not data.startswith(b"%PDF-")):
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return _detect_archive(suffix, data, most_unpacked)
    if data[:LEAD].lstrip().startswith(RTF):
        return "rtf"
    if data.startswith(OLE):
        return _ole(suffix, data)
    if (
        data.startswith(IMAGES[:4])
        or (data.startswith(IMAGES) and b"\x00" in data[:64])
        or data[8:12] == b"WEBP"
    ):
        return "image"
    return ""


def _detect_archive(suffix: str, data: bytes, most_unpacked: int) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            kind = next((kind for part, kind in PARTS if part in names), "")
            if not kind and "mimetype" in names:
                said = _read_some(archive, "mimetype", 100)
                kind = next((kind for mark, kind in MIMETYPES if mark in said), "")
            kind = kind or _detect_by_parts(suffix, archive, names)
    except damaged_archive.FAULTS as error:
        raise parsed_document.Unreadable(f"is corrupt: {error}") from error
    if not kind:
        raise parsed_document.Unreadable("is a packed archive, not a document; unpack it first")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > most_unpacked:
        raise parsed_document.Unreadable(
            f"unpacks to {unpacked:,} bytes, at most {most_unpacked:,} are read (setting"
            " document_max_bytes)"
        )
    return kind


def _detect_by_parts(suffix: str, archive: zipfile.ZipFile, names: set[str]) -> str:
    """Return the kind of a packed document that has lost what says so, by the parts that it has."""
    for folder, kind in FOLDERS:
        if any(name.startswith(folder) for name in names):
            return kind
    if "content.xml" in names:
        said = _read_some(archive, "content.xml", PROBED)
        by_name = OTHER_KINDS.get(suffix, "")
        return next(
            (kind for mark, kind in BODIES if mark in said),
            by_name if by_name in ("odt", "odp", "sheets") else "",
        )
    return "epub" if "META-INF/container.xml" in names else ""


def _read_some(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    try:
        with archive.open(name) as file:
            return file.read(most)
    except damaged_archive.FAULTS:
        return b""  # it is damaged; what else there is may be read


def _ole(suffix: str, data: bytes) -> str:
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise parsed_document.Unreadable("is encrypted; save it without a password")
    if suffix in (".xls", ".xlsx") or "Workbook".encode("utf-16-le") in data:
        return "sheets"
    raise parsed_document.Unreadable("is in an old binary Office format; save it as .docx or .pptx")


def _text(suffix: str, data: bytes) -> str:
    sample = data[:65536]
    # A stray control character is a fault in a text; many of them are no text.
    controls = len(sample) - len(sample.translate(None, CONTROLS))
    if (
        not data.startswith(BOMS)
        and not detect_utf16(data)
        and controls > max(len(sample) * MOST_CONTROLS, FEW)
    ):
        raise parsed_document.Unreadable(
            "holds binary data that is no kind of"
            f" document{f', although its name ends in {suffix}' if suffix else ''}"
        )
    kind = TEXT_KINDS.get(suffix, "")
    if kind == "mail" and not HEADER.match(data.lstrip()):
        kind = ""
    if kind in ("html", "csv", "json", "mail", "markdown"):
        return kind
    return "html" if PAGE.match(data[:4096]) else "text"


def detect_utf16(data: bytes) -> str:
    """Return the encoding of a text that has two bytes for each letter and no mark that says so;
    empty for any other.
    """
    sample = data[: 65536 & ~1]
    half = len(sample) // 2
    for name, zeros, letters in (
        ("utf-16-le", sample[1::2], sample[::2]),
        ("utf-16-be", sample[::2], sample[1::2]),
    ):
        if half > FEW and zeros.count(0) > 0.7 * half and letters.count(0) == 0:
            return name
    return ""
