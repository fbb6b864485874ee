# requirements:

"""Read a web page: its text without menus and advertisements, its title and its date."""

from datetime import datetime

from pydantic import Field

from f.millrace.core import contracts, errors
from f.millrace.tools import http, items

MAX_TEXT = 40_000
MARKUP = frozenset({"text/html", "application/xhtml+xml", "application/xml", "text/xml", ""})
TEXT = frozenset({"text/plain", "text/markdown"})


class WebPage(contracts.Contract):
    """The readable part of a page."""

    url: str = Field(description="The address after redirects.")
    title: str
    text: str
    published_at: datetime | None = None
    site: str = ""
    shortened: bool = Field(default=False, description="Whether the text was cut at the limit.")


def fetch_page(url: str) -> WebPage:
    """Fetch a public web page and return its title, text and date."""
    page = http.fetch(url, accept="text/html, text/plain;q=0.8")
    if page.media_type in TEXT:
        return _result(page, "", items.normalise_text(page.text))
    if page.media_type not in MARKUP:
        raise errors.SourceFailed(
            f"{http.strip_secrets(page.url)} is {page.media_type[:60]}, not a page with text"
        )
    return _extract(page)


def _extract(page: http.Page) -> WebPage:
    import trafilatura  # 300 ms that only a step that reads pages should pay

    try:
        found = trafilatura.bare_extraction(
            page.content, url=page.url, with_metadata=True, include_comments=False
        )
    except Exception as error:  # lxml and the extractor raise many kinds on broken pages
        raise errors.SourceFailed(
            f"the text of {http.strip_secrets(page.url)} could not be extracted:"
            f" {items.one_line(str(error))[:120]}"
        ) from error
    text = items.normalise_text(str(getattr(found, "text", "") or "")) or items.strip_markup(
        page.text
    )
    if not text:
        raise errors.SourceFailed(f"{http.strip_secrets(page.url)} holds no text")
    return _result(
        page,
        str(getattr(found, "title", "") or ""),
        text,
        getattr(found, "date", None),
        str(getattr(found, "sitename", "") or ""),
    )


def _result(
    page: http.Page, title: str, text: str, date: str | None = None, site: str = ""
) -> WebPage:
    published, _ = items.normalise_date(date)
    title = items.one_line(title)[:300] or items.one_line(text)[:100]
    first, _, rest = text.partition("\n")
    if rest and first.strip() == title:
        text = rest.lstrip()
    return WebPage(
        url=page.url,
        title=title,
        text=text[:MAX_TEXT],
        published_at=published,
        site=items.one_line(site)[:100],
        shortened=len(text) > MAX_TEXT,
    )
