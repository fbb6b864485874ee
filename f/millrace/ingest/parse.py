# requirements:

"""From a file's content to its text, its particulars and its passages."""

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import NamedTuple

from f.millrace.ingest import (
    chunking,
    formats,
    language_detection,
    ocr,
    parsed_document,
    repair_package,
)

UNPACKED = 10
# A mail that was passed on holds the one before, and so on.
MAILS_IN_MAILS = 5
# Stands between words; `RG-2026-107` and `2026-03` are one.
WORD_HYPHEN = re.compile(r"(?<![A-Z\d])-|-(?!\d)")


class Limits(NamedTuple):
    """What of a document is read at most."""

    bytes: int = 50_000_000
    pages: int = 2_000
    characters: int = 5_000_000
    seconds: float = 120
    ocr_languages: str = "eng"


@dataclass
class Reading:
    """A document that was read, ready to be stored; of which content, the hash tells."""

    kind: str
    parsed: parsed_document.Parsed
    chunks: list[chunking.Chunk]
    sha256: str = ""
    bytes: int = 0
    changed_ns: int = 0


def read(name: str, data: bytes, limits: Limits) -> Reading:
    """Return what is in a file; Unreadable says why there is nothing."""
    try:
        parsed, kind = _open(name, data, limits)
    except RecursionError:
        raise parsed_document.Unreadable(
            "is nested too deep to be read; save it again from its program"
        ) from None
    if parsed.unread_pages:
        parsed.notes.append(
            f"{parsed.unread_pages} of {parsed.pages} pages are pictures, and tesseract is not"
            " installed"
        )
    if not parsed.blocks:
        raise parsed_document.Unreadable(ocr.MISSING if parsed.unread_pages else "holds no text")
    if len(parsed.text) > limits.characters:
        raise parsed_document.Unreadable(
            f"holds {len(parsed.text):,} characters, at most {limits.characters:,} are read"
            " (setting document_max_characters)"
        )
    parsed.title = parsed_document.one_line(parsed.title)[
        : parsed_document.LONGEST_TITLE
    ] or _title_of_name(PurePath(name).stem)
    parsed.author = parsed_document.one_line(parsed.author)[: parsed_document.LONGEST_TITLE]
    parsed.language = _language(parsed)
    return Reading(kind, parsed, chunking.chunk(parsed.text, parsed.blocks))


def _open(
    name: str, data: bytes, limits: Limits, inside: int = 0
) -> tuple[parsed_document.Parsed, str]:
    """Return what is in a file and of which kind it is; a damaged one is read as far as it goes."""
    most = UNPACKED * limits.bytes
    data, notes = repair_package.repair_directory(data, most)
    kind, odd = formats.detect_kind(name, data, most)
    try:
        parsed = _parse(kind, data, limits, inside)
    except parsed_document.Damaged as error:
        parsed, lost = _parse_damaged(kind, data, limits, error)
        notes += lost
    parsed.notes = [*odd, *notes, *parsed.notes]
    return parsed, kind


def _parse_damaged(
    kind: str, data: bytes, limits: Limits, error: parsed_document.Damaged
) -> tuple[parsed_document.Parsed, list[str]]:
    """Return what can be read of a damaged document, and what was lost; else raise the error."""
    repaired, notes = repair_package.repair(data, UNPACKED * limits.bytes)
    try:
        if repaired is not data:
            return _parse(kind, repaired, limits), notes
    except parsed_document.Damaged as still:
        if still.partial is not None and still.partial.blocks:
            return still.partial, notes
    if error.partial is not None and error.partial.blocks:
        return error.partial, []
    raise error


def _parse(kind: str, data: bytes, limits: Limits, inside: int = 0) -> parsed_document.Parsed:
    from f.millrace.ingest import (
        parse_html,
        parse_mail,
        parse_office,
        parse_open,
        parse_pdf,
        parse_rtf,
        parse_text,
        parse_word,
    )

    if kind == "pdf":
        return parse_pdf.parse_pdf(data, limits.pages, limits.ocr_languages)
    if kind == "image":
        return _picture(data, limits)
    if kind == "mail":
        if inside > MAILS_IN_MAILS:
            raise parsed_document.Unreadable(f"is a mail inside {inside} others and was not opened")
        return parse_mail.parse_mail(
            data, lambda attached, content: _parse_attachment(attached, content, limits, inside + 1)
        )
    parsers = {
        "docx": parse_word.parse_docx,
        "pptx": parse_office.parse_pptx,
        "sheets": parse_office.parse_sheets,
        "odt": parse_open.parse_odt,
        "odp": parse_open.parse_odp,
        "epub": parse_open.parse_epub,
        "rtf": parse_rtf.parse_rtf,
        "html": parse_html.parse_html,
        "markdown": parse_text.parse_markdown,
        "csv": parse_text.parse_csv,
        "json": parse_text.parse_json,
        "text": parse_text.parse_text,
    }
    return parsers[kind](data)


def _parse_attachment(
    name: str, data: bytes, limits: Limits, inside: int
) -> parsed_document.Parsed:
    return _open(name, data, limits, inside)[0]


def _picture(data: bytes, limits: Limits) -> parsed_document.Parsed:
    parsed = parsed_document.Parsed()
    text = ocr.read(data, limits.ocr_languages)
    for start, end in parsed_document.paragraphs(text):
        parsed.add(text[start:end])
    return parsed


def _title_of_name(stem: str) -> str:
    """Return the name of a file as words; the hyphens of a number stay: `Invoice RG-2026-107`."""
    return WORD_HYPHEN.sub(" ", stem.replace("_", " "))


def _language(parsed: parsed_document.Parsed) -> str:
    """Return the language's two letters: as the document says, or as its words show."""
    said = parsed.language.strip().lower().replace("_", "-").partition("-")[0]
    if len(said) == 2 and said.isalpha():
        return said
    return language_detection.language_of(parsed.text)
