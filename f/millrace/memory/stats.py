"""Stats: how much memory holds."""

from typing import Any

from f.millrace.core import db
from f.millrace.memory.moment import When, held, moment
from f.millrace.memory.store import named

COUNTS = {
    "links": "SELECT count(*) AS n FROM memory_link l JOIN memory_item m ON m.id = l.from_id WHERE m.namespace = %s",
    "beliefs": "SELECT count(*) AS n FROM memory_belief b JOIN memory_item m ON m.id = b.item_id WHERE m.namespace = %s",
    "origins": "SELECT count(*) AS n FROM memory_origin WHERE namespace = %s",
    "withdrawn sources": "SELECT count(*) AS n FROM memory_retraction WHERE namespace = %s",
    "sessions": "SELECT count(*) AS n FROM chat_session WHERE namespace = %s",
    "messages": "SELECT count(*) AS n FROM chat_message m JOIN chat_session s ON s.id = m.session_id WHERE s.namespace = %s",
}


def stats(namespace: str | None = None, as_of: When = None, known_at: When = None) -> dict[str, Any]:
    """Return counts of a namespace: by type, and of what belongs to items; `held` is what was true then as known then."""
    namespace = named(namespace, known=True)
    when = moment(as_of, known_at)
    condition, values = held(when)
    types = db.all(
        f"SELECT m.type, count(*) AS items, count(*) FILTER (WHERE {condition}) AS held, "
        "count(*) FILTER (WHERE isempty(m.valid)) AS withdrawn, min(m.created_at) AS first, max(m.created_at) AS last "
        "FROM memory_item m WHERE m.namespace = %(namespace)s "
        "AND (%(known_at)s::timestamptz IS NULL OR m.created_at <= %(known_at)s) GROUP BY m.type ORDER BY m.type",
        {**values, "namespace": namespace},
    )
    counts = {name: (db.one(sql, [namespace]) or {"n": 0})["n"] for name, sql in COUNTS.items()}
    return {"namespace": namespace, "types": types, "counts": counts}
