"""The audit log: append-only rows, each with the hash of the one before."""

import json
from datetime import UTC, datetime
from typing import Any

from f.millrace.core import db
from f.millrace.core.context import current
from f.millrace.core.ids import canonical_json, digest_of
from f.millrace.core.redaction import redact

# Any fixed number will do; writers take turns, so that the chain has no forks.
LOCK = 7_241_180_034
GENESIS = "0" * 64


def append(actor: str, kind: str, subject: str, run_id: str | None = None, **detail: Any) -> str:
    """Add a row and return its hash."""
    run_id = run_id or current().run_id or None
    at = datetime.now(UTC)
    # As the database gives it back, so that the hash can be computed again.
    clean = db.jsonb(json.loads(canonical_json(redact(detail)))).obj
    with db.transaction() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        last = connection.execute("SELECT hash FROM audit ORDER BY id DESC LIMIT 1").fetchone()
        previous = last["hash"] if last else GENESIS
        row_hash = _hash(previous, run_id, actor, kind, subject, clean, at)
        connection.execute(
            "INSERT INTO audit (run_id, actor, kind, subject, detail, at, previous, hash) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [run_id, actor, kind, subject, db.jsonb(clean), at, previous, row_hash],
        )
    return row_hash


def rows(run_id: str | None = None) -> list[dict[str, Any]]:
    """Return the rows, oldest first; of one run when it is given."""
    if run_id:
        return db.all("SELECT * FROM audit WHERE run_id = %s ORDER BY id", [run_id])
    return db.all("SELECT * FROM audit ORDER BY id")


def verify() -> list[str]:
    """Return what is wrong with the chain, in words; an empty list means that nothing is."""
    faults: list[str] = []
    previous = GENESIS
    for row in rows():
        run_id = str(row["run_id"]) if row["run_id"] else None
        expected = _hash(row["previous"], run_id, row["actor"], row["kind"], row["subject"], row["detail"], row["at"])
        if row["previous"] != previous:
            faults.append(f"row {row['id']} does not follow the row before it: one was removed or inserted")
        if row["hash"] != expected:
            faults.append(f"row {row['id']} ({row['kind']} {row['subject']}) was changed after it was written")
        previous = row["hash"]
    return faults


def _hash(previous: str, run_id: str | None, actor: str, kind: str, subject: str, detail: Any, at: datetime) -> str:
    return digest_of([previous, run_id, actor, kind, subject, detail, at.astimezone(UTC).isoformat()])
