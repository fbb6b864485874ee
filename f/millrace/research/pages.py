# requirements:

"""The pages behind the items, kept as they were read: their text, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from f.millrace.core import db

if TYPE_CHECKING:
    from f.millrace.core import rows

INSERT = """
INSERT INTO page (id, namespace, canonical_url, url, readable, reason, title, site, language, body,
                  published_at, read_at)
VALUES (%(id)s, %(namespace)s, %(canonical_url)s, %(url)s, %(readable)s, %(reason)s, %(title)s,
        %(site)s, %(language)s, %(body)s, %(published_at)s, %(read_at)s)
ON CONFLICT (namespace, canonical_url) DO UPDATE SET
    url = excluded.url, readable = excluded.readable, reason = excluded.reason,
    title = excluded.title, site = excluded.site, language = excluded.language,
    body = excluded.body, published_at = excluded.published_at, read_at = excluded.read_at
"""


def keep(pages: Iterable[rows.Page]) -> None:
    """Keep pages, by the columns of the table; one that was read before is replaced. Of items that
    share an address the one counts that has most to read.
    """
    ordered = sorted(pages, key=lambda page: len(page["body"]))
    with db.transaction():
        for page in {page["id"]: page for page in ordered}.values():
            db.execute(INSERT, page)


def load(namespace: str, addresses: Sequence[str]) -> dict[str, rows.Page]:
    """Return the pages by canonical address (or item id, for an item without one)."""
    found: list[rows.Page] = db.fetch_all(
        "SELECT * FROM page WHERE namespace = %s AND canonical_url = ANY(%s)",
        [namespace, list(addresses)],
    )
    return {page["canonical_url"]: page for page in found}


def key_of(item: rows.SourceItem) -> str:
    """Return under which address the page of an item is kept; its id where it has none."""
    return item["canonical_url"] or item["id"]
