# requirements:

"""Mails (EML): who wrote to whom and when, the text, and the attachments that are documents."""

import re
from collections.abc import Callable
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from f.millrace.ingest import formats, parse_html, parse_text, parsed_document

SHOWN = ("From", "To", "Cc", "Date", "Subject")


def parse_mail(
    data: bytes, parse_attachment: Callable[[str, bytes], parsed_document.Parsed]
) -> parsed_document.Parsed:
    """Read a mail; `parse_attachment` reads what is attached under its name."""
    try:
        message = BytesParser(policy=policy.default).parsebytes(data)
        assert isinstance(message, EmailMessage)
        parsed = parsed_document.Parsed(
            title=_header(message, "Subject"), author=_header(message, "From")
        )
        parsed.dated_at = getattr(message["date"], "datetime", None)
        _head(message, parsed)
        texts: list[parsed_document.Parsed] = []
        attached: list[Any] = []
        _collect(message, texts, attached)
        for text in texts:
            _take(parsed, text)
    except (MessageError, LookupError, ValueError, AttributeError, TypeError) as error:
        raise parsed_document.Unreadable(
            f"is not a mail that can be read: {parsed_document.one_line(str(error))}"
        ) from error
    for part in attached:
        _attachment(part, parsed, parse_attachment)
    if message.get_content_type() in ("multipart/encrypted", "application/pkcs7-mime"):
        parsed.notes.append("its text is encrypted; only the header was read")
    return parsed


def _head(message: EmailMessage, parsed: parsed_document.Parsed) -> None:
    parsed.add("\n".join(f"{name}: {found}" for name in SHOWN if (found := _header(message, name))))


def _header(message: EmailMessage, name: str) -> str:
    """Return a line of the head; letters that were not encoded as mail wants it are told like those
    of a text.
    """
    text = str(message[name] or "")
    if "\ufffd" in text:
        raw = next(value for key, value in message.raw_items() if key.lower() == name.lower())
        text = parse_text.decode(str(raw).encode("utf-8", "surrogateescape"))
    return parsed_document.one_line(text)


# complexipy: ignore (a case for each kind of part)
def _collect(part: Any, texts: list[parsed_document.Parsed], attached: list[Any]) -> None:
    """Read the texts of a mail in their order, of alternatives the one that says most, and collect
    what is attached.
    """
    kind, inner = part.get_content_type(), part.is_multipart()
    if kind == "message/rfc822" or (part.get_filename() and not inner):
        attached.append(part)
    elif kind == "multipart/alternative":
        options: list[list[parsed_document.Parsed]] = []
        for option in part.iter_parts():
            if options and option.get_content_type() == "text/calendar":
                continue  # an invitation for programs, beside its words
            options.append([])
            _collect(option, options[-1], attached)
        texts += _fullest([option for option in options if any(text.text for text in option)])
    elif inner and part.get_content_maintype() == "multipart":
        for each in part.iter_parts():
            _collect(each, texts, attached)
    elif kind.startswith("text/") and part.get_content_disposition() != "attachment":
        texts.append(_read_text(part))


def _fullest(options: list[list[parsed_document.Parsed]]) -> list[parsed_document.Parsed]:
    """Return the first form of a text, the plainest, unless a later one says more than twice as
    much: then the first one only sends its reader elsewhere.
    """
    chosen = options[0] if options else []
    for option in options[1:]:
        words, known = _words(option), _words(chosen)
        if len(words & known) < len(words) / 2:
            chosen = option
    return chosen


def _words(texts: list[parsed_document.Parsed]) -> set[str]:
    return {word for text in texts for word in re.findall(r"\w+", text.text.lower())}


def _read_text(part: Any) -> parsed_document.Parsed:
    try:
        content = part.get_content()
    except (LookupError, ValueError):  # an encoding that nobody knows
        content = "\ufffd"
    if "\ufffd" in content:  # none is named, or another than it is in
        content = parse_text.decode(part.get_payload(decode=True) or b"")
    parsed = parsed_document.Parsed()
    if part.get_content_subtype() == "html":
        try:
            return parse_html.parse_html(str(content).encode("utf-8", errors="replace"))
        except parsed_document.Unreadable:
            return parsed  # an empty page
    text = parsed_document.clean(str(content))
    for start, end in parsed_document.paragraphs(text):
        parsed.add(text[start:end])
    return parsed


def _attachment(
    part: Any,
    parsed: parsed_document.Parsed,
    parse_attachment: Callable[[str, bytes], parsed_document.Parsed],
) -> None:
    name = parsed_document.one_line(part.get_filename() or "")
    content = part.get_payload(decode=True) or b""
    if part.get_content_type() == "message/rfc822" and part.is_multipart():
        mail = part.get_payload(0)
        name, content = (
            f"{name or _header(mail, 'Subject') or 'mail'}.eml".replace(".eml.eml", ".eml"),
            bytes(mail),
        )
    if not name or not formats.is_supported(name):
        return
    try:
        found = parse_attachment(name, content)
    except parsed_document.Unreadable as error:
        parsed.notes.append(f"its attachment {name!r} {error}")
        return
    parsed.add(f"Attachment: {name}", "heading", level=1)
    _take(parsed, found)
    parsed.details.setdefault("attachments", []).append(name)


def _take(parsed: parsed_document.Parsed, other: parsed_document.Parsed) -> None:
    for block in other.blocks:
        level = block.level + 1 if block.kind == "heading" else 0
        parsed.add(other.text[block.start : block.end], block.kind, level=level)
    parsed.notes += other.notes
