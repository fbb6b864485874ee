# requirements:

"""The tool that reads a web page."""

import dataclasses
from datetime import datetime

from pydantic import Field

from f.millrace.core import contracts
from f.millrace.tools import web


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
    return WebPage(**dataclasses.asdict(web.read(url)))
