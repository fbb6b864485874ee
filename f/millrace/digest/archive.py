# requirements:

"""The archive: digests as files that open in a browser, the pages that they cite as they were kept,
and an Atom feed of them.

    outbox/digest-2026-11-29.html         a day's first edition
    outbox/digest-2026-11-29-2.html       a further edition
    outbox/digest-2026-11-29-b.html       the same edition for readers who are shown something else
    outbox/private/digest-2026-11-29.html what only some are shown, of an edition of several forms
    outbox/digest-sample-2026-11-29.html  the sample edition, beside a folder of its pages
    outbox/digests.atom.xml
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from f.millrace.core import config, db, errors, ids, private_files
from f.millrace.digest import digest_links
from f.millrace.trust import recipients

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from f.millrace.core import rows

    class ListedDigest(TypedDict):
        """A digest without its texts, and how many topics it tells."""

        id: UUID
        run_id: UUID
        local_day: date
        number: int
        edition: str
        subject: str
        recipients: list[str]
        private: bool
        shared: dict[str, Any]
        created_at: datetime
        topics: int

    class CitedPage(TypedDict):
        """A page that a run cites, as it was kept."""

        url: str
        title: str
        site: str
        body: str


FEED = "digests.atom.xml"
FEED_ENTRIES = 20
PREHEADER = '<div style="display:none'
LINK = re.compile(r'href="(https?://[^"]+)"')
# What somebody got, or would have got with a mail server.
DELIVERED = (
    "EXISTS (SELECT 1 FROM delivery v WHERE v.digest_id = g.id AND v.status IN ('sent', 'outbox'))"
)
# How many topics a digest tells its readers: each has a mark for what they say of it, and one more
# stands at the end. The run may have had others, of which these readers are told nothing.
TOPICS = """greatest(0, cardinality(string_to_array(g.html, '<p class="reply">')) - 2)"""


def list_digests(namespace: str = "main", flow: str = "daily_research") -> list[ListedDigest]:
    """Return the digests that were delivered, the newest first: id, local_day, number, subject,
    recipients, topics, private, shared.
    """
    return db.fetch_all(
        "SELECT g.id, g.run_id, g.local_day, g.number, g.edition, g.subject, g.recipients,"
        f" g.private, g.shared, g.created_at, {TOPICS} AS topics FROM digest g WHERE"
        f" g.namespace = %s AND g.flow = %s AND {DELIVERED} ORDER BY"
        " g.local_day DESC, g.number DESC, g.private, g.created_at",
        [namespace, flow],
    )


def find(day: date, number: int | None = None, namespace: str = "main") -> list[rows.Digest]:
    """Return the digests of a day, the last edition first; NotFound when there is none."""
    found: list[rows.Digest] = db.fetch_all(
        f"SELECT g.* FROM digest g WHERE g.namespace = %s AND g.local_day = %s AND {DELIVERED} AND"
        " (%s::int IS NULL OR g.number = %s) ORDER BY g.number DESC, g.private, g.created_at, g.id",
        [namespace, day, number, number],
    )
    if not found:
        raise errors.NotFound(
            f"there is no digest of {day}{f', edition {number}' if number else ''};"
            " scripts/millrace digests lists them"
        )
    return found


def file_of(row: rows.Digest) -> Path:
    """Return where a digest's page is, or would be."""
    # What was mailed first has the plain name, and keeps it when a person lets others go later.
    closed = row["private"] or bool(row["shared"])
    edition = [
        row["flow"],
        row["namespace"],
        row["edition"],
        row["local_day"],
        row["number"],
    ]
    siblings = [
        each["id"]
        for each in db.fetch_all(
            "SELECT g.id FROM digest g JOIN delivery v ON v.digest_id = g.id WHERE g.flow = %s AND"
            " g.namespace = %s AND g.edition = %s AND g.local_day = %s AND g.number = %s AND"
            " (g.private OR g.shared <> '{}') = %s AND v.status IN ('sending', 'sent', 'outbox',"
            " 'unknown') GROUP BY g.id ORDER BY min(v.at), g.id",
            [*edition, closed],
        )
    ]
    place = siblings.index(row["id"]) if row["id"] in siblings else 0
    # Who hands on the plain file hands on no notes of the owner's.
    others = closed and db.fetch_one(
        "SELECT 1 FROM digest g WHERE g.flow = %s AND g.namespace = %s AND g.edition = %s AND"
        " g.local_day = %s AND g.number = %s AND (g.private, g.shared) <> (%s, %s) LIMIT 1",
        [*edition, row["private"], db.jsonb(row["shared"])],
    )
    parts = ["digest"] + ([] if row["edition"] == "daily" else [row["edition"]])
    parts.append(row["local_day"].isoformat())
    parts += [str(row["number"])] if row["number"] > 1 else []
    parts += [_letters(place)] if place else []
    folder = Path(config.settings().outbox_dir)
    return (folder / "private" if others else folder) / ("-".join(parts) + ".html")


def write(digest_id: Any) -> Path:
    """Write a digest's page, its text, and for the sample edition the pages that it cites; return
    the page's path.

    ToolFailed when the folder cannot be written.
    """
    row: rows.Digest | None = db.fetch_one("SELECT * FROM digest WHERE id = %s", [digest_id])
    if row is None:
        raise errors.NotFound(f"there is no digest {digest_id}")
    path = file_of(row)
    html, plain = digest_links.depersonalise(row["html"], row["plain"], _file_finder(row))
    try:
        private_files.make_folder(path.parent)
        if row["edition"] == "sample":
            html = _keep_pages(row, html, path.with_name(path.stem + "-pages"))
        private_files.write(path, html)
        private_files.write(path.with_suffix(".txt"), plain)
        if row["namespace"] == "main":
            private_files.write(Path(config.settings().outbox_dir) / FEED, feed())
    except OSError as error:
        raise errors.ToolFailed(
            f"the outbox {path.parent} cannot be written: {error.strerror} (setting outbox_dir)"
        ) from error
    return path


def pages(run_id: str) -> list[CitedPage]:
    """Return the pages that a run cites, in the order of their first citation."""
    # only the sample keeps its pages
    from f.millrace.digest import findings, site_names

    found = findings.load(run_id)
    cited: dict[str, list[rows.Evidence]] = {}
    for topic, result in found.topics:
        ids_cited = findings.cited_by(result) if result else ()
        for one in sorted(ids_cited):
            piece = found.evidence.get(one)
            if piece and piece["topic_id"] == topic["id"] and site_names.is_web(piece["url"]):
                cited.setdefault(piece["url"], []).append(piece)
    kept = {
        row["canonical_url"]: row
        for row in db.fetch_all(
            "SELECT canonical_url, title, body FROM page WHERE canonical_url = ANY(%s) AND body <>"
            " ''",
            [[ids.canonical_url(url) for url in cited]],
        )
    }
    namespace = next((pieces[0]["namespace"] for pieces in cited.values()), "")
    sites = site_names.Sites(namespace, cited)
    return [
        {
            "url": url,
            "title": (page := kept.get(ids.canonical_url(url), {})).get("title")
            or pieces[0]["title"],
            "site": sites.name(url, pieces[0]["source"]),
            "body": page.get("body") or "\n\n".join(sorted({piece["body"] for piece in pieces})),
        }
        for url, pieces in cited.items()
    ]


def feed(namespace: str = "main", reader: str = "") -> str:
    """Return an Atom feed of the newest digests: those of one `reader`, or else those that all
    readers may see.

    Those are the editions that show nothing private. Where only owners ever got a digest they are
    the owners' editions: there is nobody else. The first edition of somebody else ends that.
    NotFound for a reader who never got one.
    """
    whose = "v.recipient = %(reader)s" if reader else "true"
    found: list[rows.Digest] = db.fetch_all(
        "WITH delivered AS (SELECT g.*, g.private OR g.shared <> '{}' AS closed FROM digest g WHERE"
        " g.namespace = %(namespace)s AND g.flow = 'daily_research' AND EXISTS (SELECT 1 FROM"
        " delivery v WHERE v.digest_id = g.id AND v.status IN ('sent', 'outbox') AND"
        f" {whose})) SELECT * FROM delivered WHERE %(reader)s <> '' OR NOT closed OR NOT %(others)s"
        " ORDER BY local_day DESC, number DESC, created_at LIMIT %(limit)s",
        {
            "namespace": namespace,
            "reader": reader,
            "others": bool(reader) or _has_other_readers(namespace),
            "limit": FEED_ENTRIES,
        },
    )
    if reader and not found:
        raise errors.NotFound(
            f"{reader} never got a digest; scripts/millrace digests lists who got which"
        )
    updated = f"{found[0]['created_at']:%Y-%m-%dT%H:%M:%SZ}" if found else "1970-01-01T00:00:00Z"
    entries = "".join(_entry(row) for row in found)
    name = f"digests:{namespace}" + (f":{ids.digest_of(reader)[:16]}" if reader else "")
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>urn:millrace:{name}</id>\n"
        f"<title>Millrace{escape(f' for {reader}') if reader else ''}</title>\n"
        f"<updated>{updated}</updated>\n<author><name>Millrace</name></author>\n"
        f'<link rel="self" href="{FEED}"/>\n{entries}</feed>\n'
    )


def owners(namespace: str = "main") -> list[str]:
    """Return the owners who get the digest, or got one that shows what is private."""
    known = recipients.list_recipients(None, namespace)
    listed = [row["address"] for row in known if row["owner"]]
    got = db.fetch_all(
        "SELECT DISTINCT v.recipient FROM delivery v JOIN digest g ON g.id = v.digest_id WHERE"
        " g.private AND g.namespace = %s AND v.status IN ('sent', 'outbox') ORDER BY 1",
        [namespace],
    )
    return list(dict.fromkeys([*listed, *(row["recipient"] for row in got)]))


def _has_other_readers(namespace: str) -> bool:
    """Return whether anybody but owners gets a digest, or ever got one."""
    if any(not row["owner"] for row in recipients.list_recipients(None, namespace)):
        return True
    return bool(
        db.fetch_one(
            "SELECT 1 FROM delivery v JOIN digest g ON g.id = v.digest_id WHERE g.namespace = %s"
            " AND NOT g.private LIMIT 1",
            [namespace],
        )
    )


def _body_of(html: str) -> str:
    """Return what stands in a page's body; all of a text that has none."""
    _, opened, rest = html.partition("<body")
    inner, closed, _ = rest.rpartition("</body>")
    return inner.partition(">")[2] if opened and closed else html


def _without_preheader(html: str) -> str:
    """Return the page without the line that mail programs show beside the subject."""
    before, found, rest = html.partition(PREHEADER)
    return before + rest.partition("</div>")[2] if found else html


def _entry(row: rows.Digest) -> str:
    html, _ = digest_links.depersonalise(row["html"], row["plain"], lambda _day, _number: "")
    shown = _without_preheader(_body_of(html))
    at = f"{row['created_at']:%Y-%m-%dT%H:%M:%SZ}"
    return (
        f"<entry>\n<id>urn:uuid:{row['id']}</id>\n<title>{escape(row['subject'])}</title>\n"
        f"<published>{at}</published><updated>{at}</updated>\n"
        f'<link rel="alternate" type="text/html" href="{_link(row)}"/>\n'
        f'<content type="html">{escape(shown.strip())}</content>\n</entry>\n'
    )


def _link(row: rows.Digest) -> str:
    """Return the path from the feed to a digest's page."""
    return os.path.relpath(file_of(row), config.settings().outbox_dir)


def _file_finder(row: rows.Digest) -> Callable[[date, int], str]:
    """Return how a digest's page finds that of an earlier one: by the path to its file."""
    folder = file_of(row).parent

    def find_file(day: date, number: int) -> str:
        found: rows.Digest | None = db.fetch_one(
            "SELECT g.* FROM digest g WHERE g.flow = %s AND g.namespace = %s AND g.edition = %s AND"
            " g.local_day = %s AND g.number = %s AND g.private <= %s AND (g.shared = '{}' OR"
            " g.shared = %s OR %s) AND g.recipients && %s ORDER BY g.private DESC, g.created_at"
            " LIMIT 1",
            [row["flow"], row["namespace"], row["edition"], day, number, row["private"],
             db.jsonb(row["shared"]), row["private"], row["recipients"]],
        )  # fmt: skip
        return os.path.relpath(file_of(found), folder) if found else ""

    return find_file


def _keep_pages(row: rows.Digest, html: str, folder: Path) -> str:
    """Write the cited pages beside the sample's digest, and return it with links to them: its
    server ends with the demo.
    """
    private_files.make_folder(folder)
    names: dict[str, str] = {}
    for number, page in enumerate(pages(str(row["run_id"])), 1):
        private_files.write(folder / f"{number}.html", _page(page))
        names[page["url"]] = f"{folder.name}/{number}.html"

    def lead(found: re.Match[str]) -> str:
        kept = names.get(found[1].replace("&amp;", "&"))
        return f'href="{kept}"' if kept else found[0]

    return LINK.sub(lead, html)


def _page(page: CitedPage) -> str:
    from f.millrace.digest import digest_style

    paragraphs = "".join(
        f'<p class="prose ink" dir="auto">{escape(part.strip())}</p>'
        for part in re.split(r"\n\s*\n|\n(?=[A-Z#])", page["body"])
        if part.strip()
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(page['title'])}</title>\n{digest_style.sheets()}</head>"
        '<body class="body paper"><div style="max-width:640px;margin:36px auto;padding:0 24px">'
        f'<p class="meta soft">{escape(page["site"])}, as it was read</p>'
        f'<h2 class="ink" dir="auto">{escape(page["title"])}</h2>{paragraphs}</div></body></html>\n'
    )


def _letters(place: int) -> str:
    """Return b for 1, c for 2, and so on: the name of a further page of one edition."""
    return chr(ord("a") + place) if place < 26 else f"z{place}"
