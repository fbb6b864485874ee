"""Read a web page: its text without menus and advertisements, its title and its date."""

from datetime import datetime

from pydantic import Field

from f.millrace.core.contracts import Contract
from f.millrace.core.errors import SourceFailed
from f.millrace.tools.http import Page, fetch, shown
from f.millrace.tools.items import one_line, plain, sane_date, tidy

MAX_TEXT = 40_000
MARKUP = frozenset({"text/html", "application/xhtml+xml", "application/xml", "text/xml", ""})
TEXT = frozenset({"text/plain", "text/markdown"})


class WebPage(Contract):
    """The readable part of a page."""

    url: str = Field(description="The address after redirects.")
    title: str
    text: str
    published_at: datetime | None = None
    site: str = ""
    shortened: bool = Field(default=False, description="Whether the text was cut at the limit.")


def fetch_page(url: str) -> WebPage:
    """Fetch a public web page and return its title, text and date."""
    page = fetch(url, accept="text/html, text/plain;q=0.8")
    if page.media_type in TEXT:
        return _result(page, "", tidy(page.text))
    if page.media_type not in MARKUP:
        raise SourceFailed(f"{shown(page.url)} is {page.media_type[:60]}, not a page with text")
    return _extract(page)


def _extract(page: Page) -> WebPage:
    import trafilatura  # 300 ms that only a step that reads pages should pay

    try:
        found = trafilatura.bare_extraction(page.content, url=page.url, with_metadata=True, include_comments=False)
    except Exception as error:  # lxml and the extractor raise many kinds on broken pages
        raise SourceFailed(f"the text of {shown(page.url)} could not be extracted: {one_line(str(error))[:120]}") from error
    text = tidy(str(getattr(found, "text", "") or "")) or plain(page.text)
    if not text:
        raise SourceFailed(f"{shown(page.url)} holds no text")
    return _result(
        page,
        str(getattr(found, "title", "") or ""),
        text,
        getattr(found, "date", None),
        str(getattr(found, "sitename", "") or ""),
    )


def _result(page: Page, title: str, text: str, date: str | None = None, site: str = "") -> WebPage:
    published, _ = sane_date(date)
    title = one_line(title)[:300] or one_line(text)[:100]
    first, _, rest = text.partition("\n")
    if rest and first.strip() == title:
        text = rest.lstrip()
    return WebPage(
        url=page.url,
        title=title,
        text=text[:MAX_TEXT],
        published_at=published,
        site=one_line(site)[:100],
        shortened=len(text) > MAX_TEXT,
    )
