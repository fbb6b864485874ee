# requirements:

"""Read a web page: its text without menus and advertisements, its title, site and date."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from f.millrace.core import errors, hidden_markup
from f.millrace.tools import http, items, readability

MAX_TEXT = 40_000
MARKUP = frozenset({"text/html", "application/xhtml+xml", "application/xml", "text/xml", ""})
TEXT = frozenset({"text/plain", "text/markdown"})
BYLINE = re.compile(r"^By (?:[A-Z][\w.'’-]+ ?){1,4}(?=[A-Z])")


@dataclass(frozen=True)
class ReadablePage:
    """The readable part of a page.

    Attributes:
        url: The address after redirects.
        shortened: Whether the text was cut at the limit.
    """

    url: str
    title: str
    text: str
    published_at: datetime | None = None
    site: str = ""
    shortened: bool = False


def read(url: str, allow: Iterable[str] = (), seconds: float | None = None) -> ReadablePage:
    """Return the readable part of a page; PageUnreadable says why there is none, SourceFailed that
    nothing came.

    Where the page itself holds no prose, what it gives of itself is read: its JSON-LD, the version
    for print that it links, its description. `allow` and `seconds` are those of `http.fetch`.
    """
    page = http.fetch(url, accept="text/html, text/plain;q=0.8", allow=allow, seconds=seconds)
    if page.media_type in TEXT:
        return _result(page, "", items.normalise_text(page.text))
    if page.media_type not in MARKUP:
        raise errors.PageUnreadable(
            f"{http.strip_secrets(page.url)} is {page.media_type[:60]}, not a page with text",
            "is a PDF" if page.media_type == "application/pdf" else f"is {page.media_type[:40]}",
        )
    return _read_markup(page, allow, seconds)


def _read_markup(page: http.Page, allow: Iterable[str], seconds: float | None) -> ReadablePage:
    import trafilatura  # 300 ms that only a step that reads pages should pay

    address = http.strip_secrets(page.url)
    tree = _load(page)
    if tree is None:
        raise errors.PageUnreadable(f"{address} holds no text", "no text")
    # Extracting takes the tree apart.
    reason, other = "", readability.find_other_version(tree, page.url)
    article = readability.find_article(tree)
    found, about = _extract(page), trafilatura.extract_metadata(tree, page.url)
    text = items.normalise_text(str(getattr(found, "text", "") or ""))
    prose = readability.keep_prose(text)
    if not prose:
        reason = readability.find_reason(_load(page), text)
        described = "" if reason in ("bot check", "not found") else str(about.description or "")
        prose = next(
            (
                kept
                for other_text in (article, _read_other(other, allow, seconds), described)
                if (kept := readability.keep_prose(items.normalise_text(other_text)))
            ),
            "",
        )
    if not prose:
        raise errors.PageUnreadable(f"{address} could not be read: {reason}", reason)
    return _result(
        page,
        str(about.title or ""),
        prose,
        getattr(found, "date", None) or about.date,
        str(about.sitename or ""),
    )


def _load(page: http.Page, moved: bool = True) -> Any:
    """Return a page as a tree without the text that a reader does not see; None when it is none.

    With `moved`, what fades or slides into view is left out, too.
    """
    import trafilatura

    tree = trafilatura.load_html(page.content)
    if tree is not None:
        sheet, is_styled = hidden_markup.read_sheet(tree)
        hidden_markup.remove_hidden_text(tree, sheet, moved=moved, styled=is_styled)
    return tree


def _extract(page: http.Page) -> Any:
    import trafilatura

    try:
        for moved in (True, False):  # of a page that shows itself by a program nothing is left
            found = trafilatura.bare_extraction(
                _load(page, moved), url=page.url, with_metadata=True, include_comments=False
            )
            if getattr(found, "text", ""):
                break
        return found
    except Exception as error:  # lxml and the extractor raise many kinds on broken pages
        raise errors.SourceFailed(
            f"the text of {http.strip_secrets(page.url)} could not be extracted:"
            f" {items.one_line(str(error))[:120]}"
        ) from error


def _read_other(url: str, allow: Iterable[str], seconds: float | None) -> str:
    """Return the text of a page's other version; empty when there is none."""
    if not url:
        return ""
    try:
        return str(
            getattr(_extract(http.fetch(url, allow=allow, seconds=seconds)), "text", "") or ""
        )
    except errors.SourceFailed:
        return ""


def _result(
    page: http.Page, title: str, text: str, date: str | None = None, site: str = ""
) -> ReadablePage:
    published, _ = items.normalise_date(date)
    title = items.one_line(title)[:300] or items.one_line(text)[:100]
    first, _, rest = text.partition("\n")
    if rest and first.strip() == title:
        text = rest.lstrip()
    elif text.startswith(title) and len(text) > len(title):
        text = BYLINE.sub("", text.removeprefix(title).lstrip(" :-–—\n"))
    return ReadablePage(
        url=page.url,
        title=title,
        text=text[:MAX_TEXT],
        published_at=published,
        site=items.one_line(site)[:100],
        shortened=len(text) > MAX_TEXT,
    )
