# requirements:

"""Tools to search arXiv and to read a paper's abstract."""

import re
from datetime import datetime

from pydantic import Field

from f.millrace.core import contracts, errors
from f.millrace.tools import arxiv

PAPER_ID = re.compile(r"(\d{4}\.\d{4,5}|[a-z-]{1,20}(\.[A-Z]{2})?/\d{7})(v\d+)?")


class Paper(contracts.Contract):
    """A paper on arXiv."""

    id: str = Field(description="arXiv id with version, e.g. 2401.01234v2.")
    title: str
    url: str
    authors: str
    published_at: datetime | None = None
    updated_at: datetime | None = None
    categories: list[str] = Field(default_factory=list)
    abstract: str = ""


class Papers(contracts.Contract):
    """Papers, the best match first."""

    papers: list[Paper]


def search(query: str, limit: int = 10) -> Papers:
    """Search arXiv for papers whose title or abstract holds the words of the query."""
    words = re.findall(r"\w[\w.-]*", query)[:12]
    if not words:
        raise errors.BadInput("the arXiv query holds no word to search for")
    asked = " AND ".join(f"all:{word}" for word in words)
    found = arxiv.fetch_entries(
        search_query=asked, sortBy="relevance", max_results=max(1, min(limit, 50))
    )
    return Papers(papers=[Paper(**paper._asdict()) for paper in found[:limit]])


def read_paper(id: str) -> Paper:
    """Read title, authors, dates and abstract of one paper by its arXiv id."""
    found = PAPER_ID.search(id)
    if not found:
        raise errors.BadInput(f"{id[:60]!r} is not an arXiv id such as 2401.01234")
    papers = arxiv.fetch_entries(id_list=found[0], max_results=1)
    if not papers:
        raise errors.SourceFailed(f"arXiv has no paper {found[0]}")
    return Paper(**papers[0]._asdict())
