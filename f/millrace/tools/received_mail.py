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

REPLY = re.compile(r"(?i)^\s*((re|fwd?|aw|wg)\s*:\s*)+")
# Where an earlier mail or a signature begins.
QUOTED = re.compile(
    r"(?m)^(>|-- $|-----? ?Original Message|On .{4,200} wrote:\s*$|Am .{4,200} schrieb"
    r" .{0,200}:\s*$)"
)


class ReceivedMail(NamedTuple):
    """A mail's senders, its subject without `Re:`, and its text without what it quotes."""

    senders: list[str]
    subject: str
    text: str


def parse(raw: str) -> ReceivedMail:
    """Return what a mail says; what cannot be decoded is empty."""
    message = email.message_from_string(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    text = _text(message)
    beginning = QUOTED.search(text)
    return ReceivedMail(
        [
            address.addr_spec
            for header in message.get_all("from") or []
            for address in header.addresses
        ],
        REPLY.sub("", str(message.get("subject") or "")).strip(),
        (text[: beginning.start()] if beginning else text).strip(),
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
    return " ".join("".join(reader.found).split())


class _Words(html.parser.HTMLParser):
    """The words of a page that a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.hidden = 0
        self.visibility = hidden_markup.Visibility()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in ("script", "style", "head")
        self.visibility.open(tag, dict(attrs))
        self.found.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style", "head") and self.hidden > 0
        self.visibility.close(tag)

    def handle_data(self, data: str) -> None:
        if not (self.hidden or self.visibility.hidden):
            self.found.append(data)
