# requirements:

"""Items of sources, cleaned: plain text, sane dates, nothing that a database or a mail would choke
on.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from f.millrace.core import elements, hidden_markup, invisible, run_context

if TYPE_CHECKING:
    from f.millrace.core import contracts

MAX_TITLE = 300
MAX_TEXT = 20_000
# Control characters (Postgres refuses NUL) and lone surrogates.
UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
BLOCKS = frozenset(
    {"p", "br", "div", "li", "ul", "ol", "h1", "h2", "h3", "h4", "tr", "table", "blockquote", "pre"}
)
# What is markup though nothing closes it.
OFTEN_OPEN = frozenset({"p", "li", "br", "wbr"})
HIDDEN = frozenset({"script", "style", "template", "noscript"})

_TAGS = "|".join(sorted(elements.ELEMENTS, key=len, reverse=True))
OPENING = re.compile(rf"<({_TAGS})(?:\s[^<>]*)?>", re.IGNORECASE)
CLOSING = re.compile(rf"</({_TAGS})\s*+>", re.IGNORECASE)
# Empty by nature, or with an attribute: nothing closes it.
ALONE = re.compile(rf"<(?:br|wbr)\b[^<>]*>|<(?:{_TAGS})\s+[a-z-]+\s*=[^<>]*>", re.IGNORECASE)


@dataclass(frozen=True)
class SourceItem:
    """One thing that a source offered.

    Attributes:
        source: Name of the source, as in the setting `sources`.
        key: The source's own identity of the item.
        title: In one line.
        url: Where it can be read; empty for a note.
        text: Summary or body as plain text.
        author: Who made it, as the source has it.
        published_at: When, in UTC.
        score: The source's own score: points, favourites.
        comments_url: Where it is talked about.
        trust: Whose words it is made of.
        share_keys: By which keys it can be shared (trust/shares); empty: it is public.
        extra: What only this source knows of it, as JSON.
    """

    source: str
    key: str
    title: str
    url: str = ""
    text: str = ""
    author: str = ""
    published_at: datetime | None = None
    score: float = 0
    comments_url: str = ""
    trust: contracts.Trust = "untrusted"
    share_keys: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict[str, Any])


def make_item(
    source: str, key: str, title: str, published: Any = None, **fields: Any
) -> SourceItem:
    """Return the item with clean texts; a date in the future becomes now, one that cannot be read
    becomes none.

    What was changed about the date stands in `extra["date_note"]`.
    """
    extra = dict(fields.pop("extra", {}))
    date, note = normalise_date(published)
    if note:
        extra["date_note"] = note
    text = normalise_text(str(fields.pop("text", "") or ""))[:MAX_TEXT]
    title = one_line(title)[:MAX_TITLE] or one_line(text)[:100] or "(no title)"
    author = one_line(str(fields.pop("author", "") or ""))[:200]
    return SourceItem(
        source=source,
        key=str(key)[:500],
        title=title,
        text=text,
        author=author,
        published_at=date,
        extra=extra,
        **fields,
    )


def normalise_date(value: Any) -> tuple[datetime | None, str]:
    """Return the moment in UTC and a note: no zone means UTC, the future means now, nonsense means
    none.
    """
    if value in (None, ""):
        return None, ""
    moment = _moment(value)
    if moment is None:
        return None, f"the source's date {str(value)[:40]!r} could not be read"
    if moment > run_context.now():
        return run_context.now(), f"the source dated it {moment:%Y-%m-%d %H:%M} UTC, in the future"
    return moment, ""


def _moment(value: Any) -> datetime | None:
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        moment = (
            value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
        )
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def one_line(text: str) -> str:
    """Return the text without unwanted characters, all space collapsed."""
    return " ".join(_clean(text).split())


def normalise_text(text: str) -> str:
    """Return the text without unwanted characters, lines kept, at most one empty line in a row."""
    lines = [" ".join(line.split()) for line in _clean(text).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _clean(text: str) -> str:
    return invisible.strip(UNWANTED.sub("", text))


def strip_markup(markup: str) -> str:
    """Return the text of a piece of HTML; text without markup comes back as it is."""
    if "<" not in markup and "&" not in markup:
        return normalise_text(markup)
    reader = _Text()
    try:
        reader.feed(markup)
        reader.close()
    except (AssertionError, ValueError):  # html.parser gives up on some broken declarations
        return normalise_text(html.unescape(re.sub(r"<[^<>]*+>", " ", markup)))
    return normalise_text("".join(reader.parts))


def strip_title(title: str) -> str:
    """Return a title in one line. It is read as markup only where it looks like it: with a tag that
    is closed, empty by nature or has attributes; `<div>` alone is what the title is about.
    """
    if _has_markup(title):
        return one_line(strip_markup(_escape_named_tags(title)))
    return one_line(html.unescape(title))


def _escape_named_tags(title: str) -> str:
    """Return a title with the tags escaped that nothing closes, as in `the <script> tag`."""
    last = {found[1].lower(): found.start() for found in CLOSING.finditer(title)}

    def escape(found: re.Match[str]) -> str:
        name = found[1].lower()
        is_closed = found.end() <= last.get(name, -1)
        is_markup = is_closed or name in OFTEN_OPEN or "=" in found[0]
        return found[0] if is_markup else html.escape(found[0])

    return OPENING.sub(escape, title)


def _has_markup(title: str) -> bool:
    last = {found[1].lower(): found.start() for found in CLOSING.finditer(title)}
    return ALONE.search(title) is not None or any(
        found.end() <= last.get(found[1].lower(), -1) for found in OPENING.finditer(title)
    )


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.hidden = 0
        self.visibility = hidden_markup.Visibility()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not elements.is_element(tag):
            self.handle_data(self.get_starttag_text() or "")
            return
        self.hidden += tag in HIDDEN
        self.visibility.open(tag, dict(attrs))
        if tag in BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if not elements.is_element(tag):
            self.handle_data(f"</{tag}>")
            return
        self.hidden -= tag in HIDDEN and self.hidden > 0
        self.visibility.close(tag)
        if tag in BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not (self.hidden or self.visibility.is_hidden):
            self.parts.append(data)
