# requirements:

"""What sites are called by people: the name that a page gives itself, a feed's title, else a tidy
host; never a slug.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import urlsplit

from f.millrace.core import db, ids
from f.millrace.evidence import timeliness
from f.millrace.trust import deobfuscation

if TYPE_CHECKING:
    from datetime import datetime

    class PageMetadata(TypedDict):
        """What a page and its site are called, and why it could not be read, if so."""

        canonical_url: str
        title: str
        site: str
        readable: bool
        reason: str
        published_at: datetime | None


LONGEST = 60
# A name of fewer letters is an abbreviation: BBC, NPR.
SHORTEST_WORD = 3
# Sources and hosts whose names cannot be made out of their letters.
NAMES = {
    "arxiv": "arXiv",
    "arxiv.org": "arXiv",
    "documents": "Your documents",
    "feeds": "A feed",
    "github.com": "GitHub",
    "hackernews": "Hacker News",
    "mastodon": "Mastodon",
    "memory": "Your memory",
    "news.ycombinator.com": "Hacker News",
    "notes": "Your notes",
    "private_feeds": "Your feeds",
    "web": "The web",
    "youtube.com": "YouTube",
}
# Addresses of what is on the reader's own machine: `note:harbour.md`.
OWN = {"note": "Your notes", "document": "Your documents", "file": "Your documents"}
LOCAL = ("127.0.0.1", "localhost")
# Between a title and the name of its site.
SEPARATOR = re.compile(r" (?:[|–—·»:-]|::) ")
# What feeds and pages put behind the name of their site.
REMARK = re.compile(r"(?<!\s)\s*+[(\[][^()\[\]]*+[)\]]\s*+$")
# A company is called by its name without its form.
LEGAL_FORM = re.compile(
    r"(?<![\s,]),?\s(?:Inc|L\.?L\.?C|Ltd|Limited|GmbH|S\.?A|S\.?p\.?A|Corp|Corporation|P\.?L\.?C|AG"
    r"|B\.?V|AB|Oy|A/S)\.?$"
)


class Sites:
    """The names of some addresses' sites, and why a page of them could not be read."""

    def __init__(self, namespace: str, urls: Iterable[str]) -> None:
        wanted = list({ids.canonical_url(url) for url in urls if is_web(url)})
        pages: list[PageMetadata] = db.fetch_all(
            "SELECT canonical_url, title, site, readable, reason, published_at FROM page WHERE"
            " namespace = %s AND canonical_url = ANY(%s)",
            [namespace, wanted],
        )
        feeds = db.fetch_all(
            "SELECT canonical_url, extra ->> 'feed' AS feed FROM source_item WHERE namespace = %s"
            " AND canonical_url = ANY(%s) AND extra ->> 'feed' <> ''",
            [namespace, wanted],
        )
        self._pages = {row["canonical_url"]: row for row in pages}
        self._feeds: dict[str, str] = {row["canonical_url"]: row["feed"] for row in feeds}

    def name(self, url: str, source: str = "") -> str:
        """Return what the site of an address is called; without one, what the source is."""
        known = ids.canonical_url(url)
        page = self._pages.get(known)
        site, title = (page["site"], page["title"]) if page else ("", "")
        # Some pages give their own headline for the name of the site.
        own = 2 * len(site) > len(title) and title.startswith(site)
        given = "" if own or site.partition(":")[0] in LOCAL else site
        host = host_of(url)
        for name in (given, NAMES.get(host, ""), self._feeds.get(known, "")):
            clean = " ".join(LEGAL_FORM.sub("", REMARK.sub("", name)).split())
            if 0 < len(clean) <= LONGEST and not _claims_another_host(clean, host):
                return clean
        return host if host and host not in LOCAL else tidy(source)

    def drop_from(self, title: str, item: Mapping[str, Any]) -> str:
        """Return an item's title without the name of its site at the end: `Terns are back` of
        `Terns are back | The Coast`.
        """
        host = host_of(item["url"])
        names = (self.name(item["url"]), item["source"], host, host.partition(".")[0])
        return _drop(title, {_letters(name) for name in names} - {""})

    def date(self, url: str, published_at: datetime | None) -> datetime | None:
        """Return the day of an item: that of its page, where that is much older."""
        row = self._pages.get(ids.canonical_url(url))
        return timeliness.date_of(published_at, row["published_at"] if row else None)

    def unreadable(self, url: str) -> str:
        """Return why an address could not be read, empty when it was or nobody tried."""
        row = self._pages.get(ids.canonical_url(url))
        return "" if row is None or row["readable"] else row["reason"] or "unknown reason"


def _drop(title: str, known: set[str]) -> str:
    *rest, last = SEPARATOR.split(title)
    if not rest or _letters(last) not in known:
        return title
    return _drop(title[: title.rfind(last) - 3].rstrip(" :"), known)


def _letters(name: str) -> str:
    return re.sub(r"\W", "", name.casefold())


def tidy(source: str) -> str:
    """Return a source's name as people write it: `the-lindholm-courier` is The Lindholm Courier."""
    kind = source.partition(":")[0]
    if kind in OWN:
        return OWN[kind]
    if source in NAMES or "." in source or " " in source:
        return NAMES.get(source, source)
    if len(source) <= SHORTEST_WORD:
        return source.upper()
    return " ".join(word[:1].upper() + word[1:] for word in re.split(r"[-_]+", source) if word)


def of_others(name: str) -> str:
    """Return what somebody else calls what is the owner's: `Your notes` is Notes."""
    words = name.removeprefix("Your ")
    return words[:1].upper() + words[1:] if words != name else name


def is_web(url: str) -> bool:
    """Tell whether an address is one of http or https."""
    return url.startswith(("http://", "https://"))


def host_of(url: str) -> str:
    """Return the host of a web address as it travels over the wire, without `www.`."""
    try:
        return deobfuscation.wire_host(urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _claims_another_host(name: str, host: str) -> bool:
    """Tell whether a site calls itself by the address of another one."""
    found = deobfuscation.HOST.search(name)
    return found is not None and found[0].lower().removeprefix("www.") != host
