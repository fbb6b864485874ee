"""What Ctrl K finds: pages, the person's own runs and conversations, digests and memories that they
may see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.responses import HTMLResponse, Response

from f.millrace.core import db
from f.millrace.memory import ownership
from f.millrace.telemetry import runs as run_rows
from scripts.console import digests, pages

if TYPE_CHECKING:
    from f.millrace.trust.people import Role
    from scripts.console.routes import PageRequest

EACH = 6
LONGEST = 100
PAGES: tuple[tuple[str, str, Role], ...] = (
    ("Talk", "/talk", "reader"),
    ("Runs", "/runs", "reader"),
    ("Waiting", "/waiting", "reader"),
    ("Digests", "/digests", "reader"),
    ("Memory", "/memory", "member"),
    ("Documents", "/memory/documents", "member"),
    ("System", "/system", "reader"),
    ("People", "/people", "reader"),
)
ASKED = "coalesce(args ->> 'user_message', args ->> 'task', args ->> 'subject', '')"
RUNS = f"""
SELECT id, flow, session, {ASKED} AS asked, started_at FROM run
WHERE namespace = %(namespace)s AND (%(owner)s OR user_id = %(user)s)
  AND NOT starts_with(flow, %(ops)s)
  AND (position(%(words)s IN lower({ASKED})) > 0 OR position(%(words)s IN lower(flow)) > 0
       OR starts_with(id::text, %(words)s))
ORDER BY started_at DESC LIMIT {EACH}
"""
DIGESTS = f"""
SELECT g.id, g.subject, g.local_day FROM digest g WHERE g.namespace = %(namespace)s
  AND {digests.MAY_SEE} AND position(%(words)s IN lower(g.subject)) > 0
ORDER BY g.local_day DESC, g.number DESC LIMIT {EACH}
"""
ITEMS = f"""
SELECT id, title, type FROM memory_item WHERE namespace = %(namespace)s AND NOT isempty(valid)
  AND (%(readers)s::text[] IS NULL OR user_id = ANY(%(readers)s))
  AND position(%(words)s IN lower(title)) > 0 ORDER BY created_at DESC LIMIT {EACH}
"""


class PaletteEntry(NamedTuple):
    """Something that can be opened."""

    kind: str
    words: str
    path: str


def find(asked: PageRequest) -> Response:
    """Return what matches the words, as the list of the palette; without words, the pages."""
    words = " ".join(asked.given("q").lower().split())[:LONGEST].replace("\0", "")
    return HTMLResponse(pages.render_part("parts.html", "places", _find(asked, words)))


def _find(asked: PageRequest, words: str) -> list[PaletteEntry]:
    found = [
        PaletteEntry("page", name, path)
        for name, path, role in PAGES
        if asked.person.has_role(role) and words in name.lower()
    ]
    if not words:
        return found
    values: dict[str, Any] = {
        "namespace": asked.console.namespace,
        "owner": asked.person.has_role("owner"),
        "user": asked.person.id,
        "ops": run_rows.MAINTENANCE,
        "words": words,
        "readers": ownership.readers(),
    }
    for row in db.fetch_all(RUNS, values):
        path = f"/runs/{row['id']}"
        found.append(
            PaletteEntry(f"run, {row['started_at']:%Y-%m-%d}", row["asked"] or row["flow"], path)
        )
    for row in db.fetch_all(DIGESTS, values):
        found.append(
            PaletteEntry(f"digest, {row['local_day']}", row["subject"], f"/digests/{row['id']}")
        )
    if asked.person.has_role("member"):
        for row in db.fetch_all(ITEMS, values):
            found.append(PaletteEntry(row["type"], row["title"], f"/memory/items/{row['id']}"))
    return found
