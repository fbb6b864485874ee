# requirements:

"""What programs of others were shown of the owner's, and what left since, by the caller; and what
left after a private text was read, by the text.

It is kept in the database, so that neither a new session nor a restart forgets it. Texts are not
kept: what is known of a place only by its name may be told to no other place, and of what it said
itself nothing is free.
"""

from collections.abc import Iterable
from typing import Any

from f.millrace.core import db, ids, run_context
from f.millrace.trust import outflow

# What programs have read binds all of them: one token may open as many sessions as it likes. It is
# forgotten when nothing private was read for so long.
BOUND_SECONDS = 86_400
STORE = "INSERT INTO caller_outflow AS o (caller, requests, letters, bits, link_bits, links)"
RAISE = (
    "ON CONFLICT (caller) DO UPDATE SET requests = greatest(o.requests, excluded.requests), letters"
    " = greatest(o.letters, excluded.letters), bits = greatest(o.bits, excluded.bits), link_bits ="
    " greatest(o.link_bits, excluded.link_bits), links = ARRAY(SELECT unnest(o.links) UNION SELECT"
    " unnest(excluded.links))"
)


def record(caller: str, place: str, seconds: float) -> None:
    """Note that the caller was shown private data of a place. Callers that were shown nothing for
    `seconds` are forgotten, and so is what left with them.
    """
    now = run_context.now()
    with db.transaction() as connection:
        _forget(connection, seconds)
        connection.execute(
            "INSERT INTO caller_reading AS r (caller, place, read_at) VALUES (%s, %s, %s) ON"
            " CONFLICT (caller, place) DO UPDATE SET read_at = greatest(r.read_at,"
            " excluded.read_at)",
            [caller, place, now],
        )


def _forget(connection: Any, seconds: float) -> None:
    connection.execute(
        "DELETE FROM caller_reading r WHERE NOT EXISTS (SELECT 1 FROM caller_reading n WHERE"
        " n.caller = r.caller AND n.read_at > %s - make_interval(secs => %s))",
        [run_context.now(), seconds],
    )
    connection.execute(
        "DELETE FROM caller_outflow o WHERE NOT EXISTS (SELECT 1 FROM caller_reading r WHERE"
        " r.caller = o.caller)"
    )


def load_count_of_texts(digests: Iterable[str]) -> outflow.Count:
    """Return what left after the user read one of these private texts, also in other tasks."""
    rows = db.fetch_all(
        "SELECT o.requests, o.letters, o.bits, o.link_bits, o.links FROM caller_outflow o JOIN"
        " caller_reading r USING (caller) WHERE o.caller = ANY(%s) AND r.read_at > %s -"
        " make_interval(secs => %s)",
        [_keys(digests), run_context.now(), BOUND_SECONDS],
    )
    count = outflow.Count()
    for row in rows:
        count.raise_to(
            outflow.Count(
                row["requests"], row["letters"], row["bits"], row["link_bits"], set(row["links"])
            )
        )
    return count


def store_count_of_texts(digests: Iterable[str], count: outflow.Count) -> None:
    """Keep with each of these private texts what left after it was read."""
    keys, now = _keys(digests), run_context.now()
    with db.transaction() as connection:
        _forget(connection, BOUND_SECONDS)
        connection.execute(
            "INSERT INTO caller_reading AS r (caller, place, read_at) SELECT key, 'text', %s FROM"
            " unnest(%s::text[]) AS key ON CONFLICT (caller, place) DO UPDATE SET read_at ="
            " greatest(r.read_at, excluded.read_at)",
            [now, keys],
        )
        connection.execute(
            f"{STORE} SELECT key, %s, %s, %s, %s, %s FROM unnest(%s::text[]) AS key {RAISE}",
            [*_values(count), keys],
        )


def _keys(digests: Iterable[str]) -> list[str]:
    user = run_context.user_id()
    return sorted(f"text {ids.digest_of([user, digest])[:40]}" for digest in digests)


def list_places(caller: str, seconds: float) -> list[str]:
    """Return of which places the caller was shown private data; none when the last time is
    `seconds` ago.
    """
    rows = db.fetch_all(
        "SELECT place FROM caller_reading WHERE caller = %(caller)s AND (SELECT max(read_at) FROM"
        " caller_reading WHERE caller = %(caller)s) > %(now)s - make_interval(secs => %(seconds)s)"
        " ORDER BY place",
        {"caller": caller, "now": run_context.now(), "seconds": seconds},
    )
    return [row["place"] for row in rows]


def load_count(caller: str) -> outflow.Count:
    """Return what left since the caller was first shown what is private."""
    row = db.fetch_one(
        "SELECT requests, letters, bits, link_bits, links FROM caller_outflow WHERE caller = %s",
        [caller],
    )
    if row is None:
        return outflow.Count()
    return outflow.Count(
        row["requests"], row["letters"], row["bits"], row["link_bits"], set(row["links"])
    )


def store_count(caller: str, count: outflow.Count) -> None:
    """Keep what left, of which nothing is ever taken back."""
    db.execute(f"{STORE} VALUES (%s, %s, %s, %s, %s, %s) {RAISE}", [caller, *_values(count)])


def _values(count: outflow.Count) -> list[Any]:
    return [count.requests, count.letters, count.bits, count.link_bits, sorted(count.links)]
