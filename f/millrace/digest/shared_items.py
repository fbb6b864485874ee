# requirements:

"""What is new in the namespaces of memory that are shared with the readers of a digest."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from f.millrace.digest import run_plan
from f.millrace.trust import shares

MOST = 8
# With a reader's first digest comes what is new of this long, as with the news.
FIRST = timedelta(days=7)


class SharedItem(NamedTuple):
    """A memory or document of a shared namespace: title, time, beginning, and who shared it."""

    title: str
    at: datetime
    text: str
    shared_by: str


def load(window: run_plan.Window, until: datetime, told: set[str]) -> list[SharedItem]:
    """Return what was added in the window, the newest first; documents that are `told` as topics
    (their ids) are left out.
    """
    names = shares.namespaces_in(window.shared)
    if not names:
        return []
    from f.millrace.memory import additions, documents  # few digests show a shared namespace

    since = window.since or until - FIRST
    found: list[SharedItem] = []
    for name in names:
        by = window.shared[shares.key_of("namespace", name)]
        found += [
            SharedItem(row["title"], row["read_at"], row["body"], by)
            for row in documents.list_newest(name, MOST + len(told), since, until)
            if row["id"] not in told
        ]
        found += [
            SharedItem(row["title"] or row["text"], row["created_at"], row["text"], by)
            for row in additions.list_added(name, since, until, MOST)
        ]
    return sorted(found, key=lambda item: item.at, reverse=True)[:MOST]
