# requirements:

"""A mail that somebody sent: who sent it, about what, and what they wrote themselves. All of it is
untrusted text.
"""

import email
import email.policy
import html.parser
import re
from email.message import EmailMessage
from typing import NamedTuple

from f.millrace.core import hidden_markup

REPLY = re.compile(r"(?i)^\s*((re|fwd?|aw|wg|sv|vs|antw|rif|res|tr|rv)\s*:\s*)+")
# A line at which an earlier mail or a signature begins.
QUOTED = re.compile(
    r"(?i)>|-- ?$|_{10,99}$|-{2,10} ?(?:original message|forwarded message|ursprüngliche nachricht"
    r"|weitergeleitete nachricht|message d['’]origine|mensaje original|messaggio originale"
    r"|oorspronkelijk bericht|mensagem original)"
)
# `On Tuesday Ada wrote:`, which programs break into two lines.
ATTRIBUTED = re.compile(r"(?:On|Am|Le|El|Il|Op|Em|Den)\s")
WROTE = re.compile(r"\b(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu|skrev)\b")
# The head of a mail that Outlook quotes: who, and in the next line when.
SENDER = re.compile(r"\*?(?:From|Von|De|Da|Van|Fra|Från)\s?:")
SENT = re.compile(
    r"\*?(?:Sent|Date|Gesendet|Datum|Envoyé|Enviado|Fecha|Inviato|Data|Verzonden|Sendt|Skickat"
    r"|To|An)(?: el| em)?\s?:"
)
# What begins a line of its own on a page.
BLOCKS = frozenset("address blockquote br dd div dt h1 h2 h3 h4 hr li p pre td tr".split())
# What a page quotes of an earlier mail.
QUOTES = frozenset({"gmail_quote", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote"})
LONGEST_ATTRIBUTION = 300


class ReceivedMail(NamedTuple):
    """A mail's senders, its subject without `Re:`, and its text without what it quotes."""

    senders: list[str]
    subject: str
    text: str


def parse(raw: str) -> ReceivedMail:
    """Return what a mail says; what cannot be decoded is empty.

    Bytes that are no UTF-8 are kept in `raw` as surrogates: which letters they are is said by the
    mail itself.
    """
    try:
        sent = raw.encode("utf-8", errors="surrogateescape")
    except UnicodeEncodeError:  # halves of letters that stand for no byte
        sent = raw.encode("utf-8", errors="replace")
    message = email.message_from_bytes(sent, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return ReceivedMail(
        [
            address.addr_spec
            for header in message.get_all("from") or []
            for address in header.addresses
        ],
        REPLY.sub("", str(message.get("subject") or "")).strip(),
        drop_quoted(_text(message)),
    )


def drop_quoted(text: str) -> str:
    """Return what somebody wrote themselves, without the earlier mail and the signature below."""
    lines = text.splitlines()
    own = next((place for place in range(len(lines)) if _begins_quote(lines, place)), len(lines))
    return "\n".join(lines[:own]).strip()


def _begins_quote(lines: list[str], place: int) -> bool:
    """Tell whether an earlier mail, or a signature, begins at a line."""
    line, following = lines[place], "".join(lines[place + 1 : place + 2])
    if QUOTED.match(line):
        return True
    if SENDER.match(line):
        return SENT.match(following) is not None
    if not ATTRIBUTED.match(line):
        return False
    return any(
        said.rstrip().endswith(":") and WROTE.search(said[:LONGEST_ATTRIBUTION]) is not None
        for said in (line, f"{line} {following.strip()}")
    )


def _text(message: EmailMessage) -> str:
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    try:
        content = str(part.get_content())
    except (LookupError, ValueError):  # a character set that nobody knows
        return ""
    if part.get_content_subtype() != "html":
        return content
    reader = _Words()
    reader.feed(content)
    lines = (" ".join(line.split()) for line in "".join(reader.found).split("\n"))
    return "\n".join(line for line in lines if line)


class _Words(html.parser.HTMLParser):
    """The words of a page that a reader sees, a block a line, without what it quotes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.hidden = 0
        self.visibility = hidden_markup.Visibility()
        self.ended = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in ("script", "style", "head")
        self.visibility.open(tag, dict(attrs))
        named = {word for name, value in attrs if name == "class" for word in (value or "").split()}
        # What is quoted stands below what was written.
        self.ended = self.ended or tag == "blockquote" or bool(named & QUOTES)
        self.found.append("\n" if tag in BLOCKS else " ")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style", "head") and self.hidden > 0
        self.visibility.close(tag)

    def handle_data(self, data: str) -> None:
        if not (self.hidden or self.visibility.is_hidden or self.ended):
            self.found.append(" ".join(data.split("\n")))
