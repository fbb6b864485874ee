"""Serve the sample edition from loopback in the formats of the real sources.

with serve() as address:
    os.environ.update(sample_settings(address))
"""

import contextlib
import functools
import hashlib
import html
import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

FOLDER = Path(__file__).resolve().parents[2] / "resources" / "samples"
SITE = "Millrace sample edition"
TAG = "sample"
# The same port each time, when it is free: the addresses in yesterday's digest then lead to the
# same pages today.
PORT = 18642
DATE = re.compile(r"\{(day|month)([+-]\d+)?\}")
WORD = re.compile(r"\w{3,}")


class Answer(NamedTuple):
    """What an address of the server answers."""

    kind: str
    body: bytes


class Edition:
    """The sample's items as of one moment; what is dated later is not there yet."""

    def __init__(self, address: str, moment: datetime, anchor: datetime) -> None:
        self.address = address
        self.anchor = anchor
        self.moment = moment
        self.pages = {
            page["slug"]: self._page(page) for page in _load("pages") if self._is_out(page)
        }
        self.stories = [self._story(row) for row in _load("hackernews") if self._is_out(row)]
        self.papers = [row for row in _load("arxiv") if self._is_out(row)]
        self.posts = [row for row in _load("mastodon") if self._is_out(row)]
        self.feeds = {feed["name"]: feed for feed in _load("feeds")}

    def date(self, hours_ago: float) -> datetime:
        """Return the moment that lies so many hours before the edition."""
        return self.anchor - timedelta(hours=hours_ago)

    def url(self, slug: str) -> str:
        """Return the address of a page."""
        return f"{self.address}/pages/{_word(self.pages[slug]['site'])}/{slug}.html"

    def _is_out(self, row: dict[str, Any]) -> bool:
        hours = row.get("hours_ago", self._hours(row.get("page", "")))
        return self.date(hours) <= self.moment

    def _hours(self, slug: str) -> float:
        return next((page["hours_ago"] for page in _load("pages") if page["slug"] == slug), 0)

    def _page(self, page: dict[str, Any]) -> dict[str, Any]:
        return page | {
            "text": DATE.sub(self._name_date, page["text"]),
            "date": self.date(page["hours_ago"]),
        }

    def _name_date(self, found: re.Match[str]) -> str:
        count = int(found[2] or 0)
        if found[1] == "day":
            day = self.anchor + timedelta(days=count)
            return f"{day.day} {day:%B %Y}"
        month = self.anchor.year * 12 + self.anchor.month - 1 + count
        return f"{datetime(month // 12, month % 12 + 1, 1):%B %Y}"

    def _story(self, row: dict[str, Any]) -> dict[str, Any]:
        page = self.pages.get(row.get("page", ""), {})
        date = self.date(row["hours_ago"]) if "hours_ago" in row else page["date"]
        story = {
            "id": row["id"],
            "type": "story",
            "by": row["by"],
            "title": row.get("title") or page["title"],
            "time": int(date.timestamp()),
            "score": row["score"],
            "descendants": row["comments"],
        }
        place = f"{self.address}/posts/{row['id']}.html"
        link = {"url": self.url(row["page"])} if page else {"text": row["text"], "url": place}
        return story | link


def top_stories(edition: Edition) -> Answer:
    """Answer /v0/topstories.json."""
    return _json(
        [story["id"] for story in sorted(edition.stories, key=lambda story: -story["score"])]
    )


def story(edition: Edition, number: str) -> Answer:
    """Answer /v0/item/N.json; an unknown number is null, as on the real one."""
    return _json(next((story for story in edition.stories if str(story["id"]) == number), None))


def papers(edition: Edition, query: dict[str, str]) -> Answer:
    """Answer the arXiv query API: categories, all:WORD and id_list are understood."""
    found = edition.papers
    wanted = [number.partition("v")[0] for number in query.get("id_list", "").split(",") if number]
    words = [word.lower() for word in re.findall(r'all:"?([\w.-]+)', query.get("search_query", ""))]
    if wanted:
        found = [paper for paper in found if paper["id"] in wanted]
    elif words:
        scored = [
            (_score(f"{paper['title']} {paper['abstract']}", words), paper) for paper in found
        ]
        found = [paper for score, paper in sorted(scored, key=lambda pair: -pair[0]) if score]
    found = found[: int(query.get("max_results") or 10)]
    entries = "".join(_paper(edition, paper) for paper in found)
    return Answer(
        "application/atom+xml; charset=utf-8",
        f"""<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns="http://www.w3.org/2005/Atom"><id>{edition.address}/api/query</id>
<title>{SITE}: papers</title>
<updated>{_iso(edition.anchor)}</updated>{entries}</feed>""".encode(),
    )


def _paper(edition: Edition, paper: dict[str, Any]) -> str:
    authors = "".join(
        f"<author><name>{html.escape(name)}</name></author>" for name in paper["authors"]
    )
    terms = "".join(f'<category term="{term}"/>' for term in paper["categories"])
    date = _iso(edition.date(paper["hours_ago"]))
    address = f"{edition.address}/abs/{paper['id']}v1"
    return f"""<entry><id>{address}</id><title>{html.escape(paper["title"])}</title>
<updated>{date}</updated><published>{date}</published>
<summary>{html.escape(paper["abstract"])}</summary>
<link href="{address}" rel="alternate" type="text/html"/>{terms}{authors}</entry>"""


def feed(edition: Edition, name: str) -> Answer | None:
    """Answer /feeds/NAME.xml as RSS, Atom or RDF."""
    about = edition.feeds.get(name)
    if about is None:
        return None
    pages = [edition.pages[slug] for slug in about["pages"] if slug in edition.pages]
    kind, text = KINDS[about["kind"]](edition, about["title"], pages)
    return Answer(f"{kind}; charset=utf-8", text.encode())


def _rss(edition: Edition, title: str, pages: list[dict[str, Any]]) -> tuple[str, str]:
    items = "".join(
        f"<item><title>{html.escape(page['title'])}</title><link>{edition.url(page['slug'])}</link>"
        f'<guid isPermaLink="false">sample:{page["slug"]}</guid>'
        f"<pubDate>{format_datetime(page['date'])}</pubDate>"
        f"<author>{html.escape(page['author'])}</author>"
        f"<description>{html.escape(_first(page))}</description></item>"
        for page in pages
    )
    head = f"<title>{title}</title><link>{edition.address}/</link><description>{SITE}</description>"
    return (
        "application/rss+xml",
        f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{items}</channel></rss>',
    )


def _atom(edition: Edition, title: str, pages: list[dict[str, Any]]) -> tuple[str, str]:
    entries = "".join(
        f"<entry><title>{html.escape(page['title'])}</title>"
        f'<link rel="alternate" href="{edition.url(page["slug"])}"/>'
        f"<id>tag:samples.example,2020:{page['slug']}</id><updated>{_iso(page['date'])}</updated>"
        f"<published>{_iso(page['date'])}</published>"
        f"<author><name>{html.escape(page['author'])}</name></author><summary"
        f' type="html">&lt;p&gt;{html.escape(html.escape(_first(page)))}&lt;/p&gt;</summary>'
        "</entry>"
        for page in pages
    )
    head = (
        f"<title>{title}</title><id>tag:samples.example,2020:feed</id>"
        f"<updated>{_iso(edition.anchor)}</updated>"
    )
    return (
        "application/atom+xml",
        f'<feed xmlns="http://www.w3.org/2005/Atom">{head}{entries}</feed>',
    )


def _rdf(edition: Edition, title: str, pages: list[dict[str, Any]]) -> tuple[str, str]:
    items = "".join(
        f'<item rdf:about="{edition.url(page["slug"])}"><title>{html.escape(page["title"])}</title>'
        f"<link>{edition.url(page['slug'])}</link>"
        f"<description>{html.escape(_first(page))}</description>"
        f"<dc:creator>{html.escape(page['author'])}</dc:creator>"
        f"<dc:date>{_iso(page['date'])}</dc:date></item>"
        for page in pages
    )
    names = (
        'xmlns="http://purl.org/rss/1.0/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"'
    )
    channel = (
        f'<channel rdf:about="{edition.address}/"><title>{title}</title>'
        f"<link>{edition.address}/</link></channel>"
    )
    return (
        "application/rdf+xml",
        f'<?xml version="1.0"?><rdf:RDF {names}>{channel}{items}</rdf:RDF>',
    )


KINDS: dict[str, Callable[[Edition, str, list[dict[str, Any]]], tuple[str, str]]] = {
    "rss": _rss,
    "atom": _atom,
    "rdf": _rdf,
}


def posts(edition: Edition, limit: int) -> Answer:
    """Answer a Mastodon tag timeline."""
    rows = []
    for post in sorted(edition.posts, key=lambda post: post["hours_ago"])[:limit]:
        page = edition.pages.get(post.get("page", ""))
        place = f"{edition.address}/posts/{post['id']}.html"
        rows.append(
            {
                "id": post["id"],
                "uri": f"https://social.samples.example/statuses/{post['id']}",
                "url": place,
                "created_at": _iso(edition.date(post["hours_ago"])),
                "content": f"<p>{html.escape(post['text'])}</p>",
                "language": "en",
                "favourites_count": post["favourites"],
                "reblogs_count": post["reblogs"],
                "account": {"acct": post["account"]},
                "card": (
                    {"url": edition.url(page["slug"]), "title": page["title"]} if page else None
                ),
            }
        )
    return _json(rows)


def search(edition: Edition, query: str) -> Answer:
    """Answer a search over the pages and papers in the form of SearXNG."""
    words = [word.lower() for word in WORD.findall(query)]
    found = [
        (_score(f"{row['title']} {row['title']} {row['content']}", words), row)
        for row in (
            *(
                _row(page["title"], edition.url(page["slug"]), page["text"], page["date"])
                for page in edition.pages.values()
            ),
            *(
                _row(
                    paper["title"],
                    f"{edition.address}/abs/{paper['id']}v1",
                    paper["abstract"],
                    edition.date(paper["hours_ago"]),
                )
                for paper in edition.papers
            ),
        )
    ]
    ranked = sorted(
        (pair for pair in found if pair[0] > 1), key=lambda pair: (-pair[0], pair[1]["url"])
    )
    rows = [row | {"content": row["content"][:300], "score": score} for score, row in ranked[:20]]
    return _json({"query": query, "number_of_results": len(rows), "results": rows})


def _row(title: str, url: str, text: str, date: datetime) -> dict[str, Any]:
    return {
        "title": title,
        "url": url,
        "content": " ".join(text.split()),
        "publishedDate": _iso(date),
        "engine": TAG,
    }


def page(title: str, author: str, site: str, date: datetime, text: str) -> Answer:
    """Answer an article as a web page, with its metadata where real ones have it."""
    body = "".join(f"<p>{html.escape(part)}</p>\n" for part in text.strip().split("\n\n"))
    return Answer(
        "text/html; charset=utf-8",
        f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)} - {SITE}</title>
<meta property="og:title" content="{html.escape(title)}">
<meta property="og:site_name" content="{html.escape(site)}">
<meta name="author" content="{html.escape(author)}">
<meta property="article:published_time" content="{_iso(date)}">
</head><body><header>{SITE}: everything on this page is invented.</header>
<article><h1>{html.escape(title)}</h1>
{body}</article>
<footer>{SITE}. People, companies, places and numbers are invented.</footer></body></html>
""".encode(),
    )


def answer(edition: Edition, target: str) -> Answer | None:
    """Return what the server answers to a request's target, or None."""
    parts = urlsplit(target)
    path, query = (
        unquote(parts.path),
        {key: values[0] for key, values in parse_qs(parts.query).items()},
    )
    if path == "/v0/topstories.json":
        return top_stories(edition)
    if path == "/api/query":
        return papers(edition, query)
    if path == f"/api/v1/timelines/tag/{TAG}":
        return posts(edition, int(query.get("limit") or 20))
    if path == "/search":
        return search(edition, query.get("q", ""))
    folder, _, name = path.strip("/").rpartition("/")
    stem = name.partition(".")[0]
    if folder == "v0/item":
        return story(edition, stem)
    if folder == "feeds":
        return feed(edition, stem)
    return _document(edition, folder, stem, name)


def _document(edition: Edition, folder: str, stem: str, name: str) -> Answer | None:
    if stem in edition.pages and folder == f"pages/{_word(edition.pages[stem]['site'])}":
        one = edition.pages[stem]
        return page(one["title"], one["author"], one["site"], one["date"], one["text"])
    for paper in edition.papers:
        if folder == "abs" and name.partition("v")[0] == paper["id"]:
            date = edition.date(paper["hours_ago"])
            return page(
                paper["title"], ", ".join(paper["authors"]), "papers", date, paper["abstract"]
            )
    for asked in edition.stories:
        if folder == "posts" and stem == str(asked["id"]) and "text" in asked:
            date = datetime.fromtimestamp(asked["time"], UTC)
            return page(
                asked["title"],
                asked["by"],
                "questions",
                date,
                re.sub("<[^>]*>", " ", asked["text"]),
            )
    for post in edition.posts:
        if folder == "posts" and stem == post["id"]:
            date = edition.date(post["hours_ago"])
            return page(post["text"][:80], post["account"], "posts", date, post["text"])
    return None


def _word(site: str) -> str:
    """Return a site's name as a folder: one loopback server stands for several publishers."""
    return "-".join(re.findall(r"[a-z0-9]+", site.lower()))


@contextlib.contextmanager
def serve(now: datetime | None = None, days_ago: int = 0, port: int | None = None) -> Iterator[str]:
    """Serve the sample and yield its address; with `days_ago=1` only what was there yesterday."""
    anchor = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    server = _bound(port)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    server.edition = Edition(address, anchor - timedelta(days=days_ago), anchor)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sample_settings(base_url: str) -> dict[str, str]:
    """Return the environment that points every source at the sample's server."""
    return {
        "MILLRACE_SOURCES": "hackernews,arxiv,feeds,mastodon,notes",
        "MILLRACE_HACKERNEWS_URL": f"{base_url}/v0",
        "MILLRACE_ARXIV_URL": f"{base_url}/api/query",
        "MILLRACE_ARXIV_CATEGORIES": "cs.AI,cs.CL,cs.LG",
        "MILLRACE_FEEDS": ",".join(
            f"{base_url}/feeds/{feed['name']}.xml" for feed in _load("feeds")
        ),
        "MILLRACE_MASTODON_URL": base_url,
        "MILLRACE_MASTODON_TAGS": TAG,
        "MILLRACE_SEARCH_URL": base_url,
        "MILLRACE_NOTES_DIR": str(FOLDER / "notes"),
        "MILLRACE_FETCH_ALLOW": urlsplit(base_url).netloc,
    }


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that leaves is no news."""


def _bound(port: int | None) -> ThreadingHTTPServer:
    if port is None:
        with contextlib.suppress(OSError):
            return _Server(("127.0.0.1", PORT), _Handler)
    return _Server(("127.0.0.1", port or 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        edition: Edition = self.server.edition  # type: ignore[attr-defined]
        found = answer(edition, self.path)
        if found is None:
            self._send(
                404, Answer("text/plain; charset=utf-8", b"there is no such page in the sample\n")
            )
            return
        etag = f'"{hashlib.sha256(found.body).hexdigest()[:20]}"'
        changed = format_datetime(edition.anchor, usegmt=True)
        same = self.headers.get("If-None-Match") == etag or (
            "If-None-Match" not in self.headers and self.headers.get("If-Modified-Since") == changed
        )
        self._send(304 if same else 200, found, {"ETag": etag, "Last-Modified": changed})

    def _send(self, status: int, found: Answer, headers: dict[str, str] | None = None) -> None:
        body = b"" if status == 304 else found.body
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Type", found.kind)
            self.send_header("Content-Length", str(len(body)))
        with contextlib.suppress(OSError):  # the client may have gone
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the requests of the run are in its trace."""


@functools.cache
def _load(name: str) -> list[dict[str, Any]]:
    return yaml.load(
        (FOLDER / f"{name}.yaml").read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )


def _json(value: Any) -> Answer:
    return Answer("application/json; charset=utf-8", json.dumps(value, ensure_ascii=False).encode())


def _first(page: dict[str, Any]) -> str:
    return page["text"].split("\n\n")[0].strip()


def _iso(date: datetime) -> str:
    return date.strftime("%Y-%m-%dT%H:%M:%SZ")


def _score(text: str, words: list[str]) -> int:
    lower = text.lower()
    return sum(2 + min(lower.count(word), 4) for word in set(words) if word in lower)
