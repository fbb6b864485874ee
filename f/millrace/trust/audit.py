# requirements:

"""The audit log: append-only rows, each with the hash of the one before.

It holds ids and hashes; titles, texts and addresses are in the rows that it points to, where
`memory forget` reaches. The database refuses a row that does not follow the last one, and the
application's role can neither change nor delete one.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from f.millrace.core import db, ids, redaction, run_context
from f.millrace.trust import pseudonyms

if TYPE_CHECKING:
    from f.millrace.core import rows as row_types

# Any fixed number will do; writers take turns, so that the chain has no forks.
LOCK = 7_241_180_036
# Who answers where a person said yes beforehand.
POLICY = "policy"
GENESIS = "0" * 64
EXPORTED = ("id", "run_id", "actor", "kind", "subject", "detail", "at", "previous", "hash")


def append(actor: str, kind: str, subject: str, run_id: str | None = None, **detail: Any) -> str:
    """Add a row and return its hash; mail addresses are stored as marks, other personal words the
    caller leaves out.
    """
    run_id = run_id or run_context.current().run_id or None
    at = datetime.now(UTC)
    actor, subject = (
        db.jsonb(pseudonyms.pseudonymise(actor)).obj,
        db.jsonb(pseudonyms.pseudonymise(redaction.redact(subject))).obj,
    )
    # As the database gives it back, so that the hash can be computed again.
    clean = db.jsonb(
        json.loads(ids.canonical_json(pseudonyms.pseudonymise(redaction.redact(detail))))
    ).obj
    with turn() as connection:
        last = connection.execute("SELECT hash FROM audit_head").fetchone()
        previous = last["hash"] if last else GENESIS
        row_hash = _hash(previous, run_id, actor, kind, subject, clean, at)
        connection.execute(
            "INSERT INTO audit (run_id, actor, kind, subject, detail, at, previous, hash) VALUES"
            " (%s, %s, %s, %s, %s, %s, %s, %s)",
            [run_id, actor, kind, subject, db.jsonb(clean), at, previous, row_hash],
        )
    return row_hash


@contextlib.contextmanager
def turn() -> Generator[db.Connection, None, None]:
    """Hold the writers' turn: what is read inside about the log
    is still so when a row is added inside.
    """
    with db.transaction() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        yield connection


def rows(run_id: str | None = None) -> list[row_types.Audit]:
    """Return the rows, oldest first; of one run when it is given."""
    if run_id:
        return db.fetch_all("SELECT * FROM audit WHERE run_id = %s ORDER BY id", [run_id])
    return db.fetch_all("SELECT * FROM audit ORDER BY id")


def last(kind: str, subject: str) -> row_types.Audit | None:
    """Return the latest row of a kind about a subject."""
    return db.fetch_one(
        "SELECT * FROM audit WHERE kind = %s AND subject = %s ORDER BY id DESC LIMIT 1",
        [kind, pseudonyms.pseudonymise(subject)],
    )


def export(run_id: str | None = None) -> Iterable[str]:
    """Yield the rows as JSON lines; kept elsewhere,
    they show what is later changed or cut off here.
    """
    for row in rows(run_id):
        yield json.dumps(
            {name: row[name] for name in EXPORTED}, default=_format_value, ensure_ascii=False
        )


def verify(exported: Iterable[str] = ()) -> list[str]:
    """Return what is wrong with the chain, in words; an empty list means that nothing is.

    Rows changed, removed, inserted or put in another order break the chain; a cut tail differs from
    the head's count, which the application's role cannot write; and what was exported earlier must
    still be there.
    """
    found = rows()
    return _find_broken(found) + _find_cut(found) + _find_missing(found, exported)


def _find_broken(found: list[row_types.Audit]) -> list[str]:
    faults: list[str] = []
    previous = GENESIS
    for row in found:
        run_id = str(row["run_id"]) if row["run_id"] else None
        expected = _hash(
            row["previous"],
            run_id,
            row["actor"],
            row["kind"],
            row["subject"],
            row["detail"],
            row["at"],
        )
        if row["previous"] != previous:
            faults.append(
                f"row {row['id']} does not follow the row before it: one was removed, inserted or"
                " moved"
            )
        if row["hash"] != expected:
            faults.append(
                f"row {row['id']} ({row['kind']} {row['subject']}) was changed after it was written"
            )
        previous = row["hash"]
    return faults


def _find_cut(found: list[row_types.Audit]) -> list[str]:
    head = db.fetch_one("SELECT rows, hash FROM audit_head")
    if head is None:
        return ["the head of the log is gone"]
    if head["rows"] != len(found):
        return [
            f"the log has {len(found)} rows and its head counts {head['rows']}: rows were cut off"
            " or slipped in"
        ]
    end = found[-1]["hash"] if found else GENESIS
    return (
        []
        if head["hash"] == end
        else ["the last row is not the one that the head knows: the end was replaced"]
    )


def _find_missing(found: list[row_types.Audit], exported: Iterable[str]) -> list[str]:
    known = {row["id"]: row["hash"] for row in found}
    faults: list[str] = []
    for number, line in enumerate(exported, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            identity, row_hash = row["id"], row["hash"]
        except (json.JSONDecodeError, KeyError, TypeError):
            faults.append(f"line {number} of the export is not an audit row")
            continue
        if identity not in known:
            faults.append(
                f"row {identity} ({row.get('kind')} {row.get('subject')}) was exported and is gone"
            )
        elif known[identity] != row_hash:
            faults.append(
                f"row {identity} ({row.get('kind')} {row.get('subject')}) differs from what was"
                " exported"
            )
    return faults


def _hash(
    previous: str,
    run_id: str | None,
    actor: str,
    kind: str,
    subject: str,
    detail: Any,
    at: datetime,
) -> str:
    return ids.digest_of(
        [previous, run_id, actor, kind, subject, detail, at.astimezone(UTC).isoformat()]
    )


def _format_value(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
