# requirements:

"""Actions: proposed, decided, performed once.

An action's key says what it is for (flow, recipient, edition, day), never which job does it. Its
digest is that of its canonical arguments; an approval is bound to the digest, and `perform`
computes it again.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Generator, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, cast
from uuid import UUID

from f.millrace.core import config, db, errors, ids, redaction, run_context
from f.millrace.telemetry import events, spans
from f.millrace.trust import audit, authority, risk

if TYPE_CHECKING:
    from f.millrace.core import rows

Decision = Literal["approved", "denied", "expired"]
Check = Callable[[], dict[str, Any] | bool | None]
# States in which the outside world may have been touched: such an action is never replaced.
TOUCHED = frozenset({"performing", "performed", "unknown"})
# Fields of our own arguments that say where something is kept, not what is done. Any other field is
# part of the effect.
INCIDENTAL = frozenset({"_digest_id", "_note"})
# What was done, or may have been, by a run that this one continues, or that one continues.
DONE_BEFORE = """
WITH RECURSIVE earlier (id) AS (
    SELECT continues FROM run WHERE id::text = %(run)s AND continues IS NOT NULL
    UNION SELECT r.continues FROM run r JOIN earlier ON r.id = earlier.id
    WHERE r.continues IS NOT NULL
)
SELECT a.run_id FROM action a JOIN earlier ON a.run_id = earlier.id
WHERE a.tool = %(tool)s AND a.state = ANY(%(touched)s) LIMIT 1
"""
INSERT = """
INSERT INTO action (key, run_id, namespace, tool, arguments, digest, risk, reason, expires_at)
VALUES (%(key)s, %(run_id)s, %(namespace)s, %(tool)s, %(arguments)s, %(digest)s, %(risk)s,
        %(reason)s, %(expires_at)s)
RETURNING *
"""


class OutcomeUnknown(errors.MillraceError):
    """The effect may or may not have happened; only a person or the outside world can tell."""


def canonicalise(arguments: Any) -> Any:
    """Return the arguments without what does not change the effect: None, the order of names,
    notes, 1.0 for 1.
    """
    if isinstance(arguments, dict):
        kept = {
            str(key): canonicalise(value)
            for key, value in cast("dict[Any, Any]", arguments).items()
            if str(key) not in INCIDENTAL
        }
        return {key: value for key, value in kept.items() if value is not None}
    if isinstance(arguments, list | tuple):
        return [canonicalise(value) for value in cast("Iterable[Any]", arguments)]
    # The database gives 1e16 back as 10000000000000000; the same number must have the same digest.
    if isinstance(arguments, float) and arguments.is_integer():
        return int(arguments)
    return arguments


def digest(tool: str, arguments: dict[str, Any]) -> str:
    """Return what an approval is bound to: the digest of tool and canonical arguments."""
    return ids.digest_of([tool, canonicalise(arguments)])


def propose(
    tool: str,
    arguments: dict[str, Any],
    key: str,
    *,
    reason: str = "",
    run_id: str | None = None,
    namespace: str | None = None,
    at_least: risk.Risk | None = None,
    annotations: dict[str, Any] | None = None,
    expires_at: datetime | None = None,
    again: bool = False,
) -> rows.Action:
    """Store what should be done and return its row; proposing the same again returns the same row.

    `again` asks again what was denied or not answered in time.

    The class is what `trust/risk` says of the tool, its annotations and these arguments; `at_least`
    can only raise it. What an earlier run that this one continues did is asked about.

    Other arguments under the same key replace what was proposed, and take the approval away, as
    long as the outside world was not touched; after that the old row comes back and the caller sees
    its digest.
    """
    wanted = digest(tool, arguments)
    told = {"tool.name": tool, "millrace.decision": "propose"}
    with (
        spans.span(f"risk_decision {tool}", told, scope="millrace.trust") as handle,
        db.transaction() as connection,
    ):
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_lock_number(f"propose {key}")])
        row: rows.Action | None = connection.execute(
            "SELECT * FROM action WHERE key = %s FOR UPDATE", [key]
        ).fetchone()
        answered_no = row is not None and row["state"] in ("denied", "expired")
        if row and (
            row["state"] in TOUCHED or (row["digest"] == wanted and not (again and answered_no))
        ):
            handle.set({"agent.risk_level": row["risk"], "millrace.action_id": str(row["id"])})
            return row
        if row:
            _set_aside(connection, row, run_id)
        assessed = risk.stricter(risk.assess(tool, annotations, arguments).risk, at_least)
        of_run = run_id or run_context.current().run_id or None
        values = {
            "key": key,
            "run_id": of_run,
            "namespace": namespace or run_context.current().namespace,
            "tool": tool,
            "arguments": db.jsonb(arguments),
            "digest": wanted,
            "expires_at": expires_at,
            **_raise_repeated(of_run, tool, assessed, reason),
        }
        created: rows.Action | None = connection.execute(INSERT, values).fetchone()
        assert created is not None
        handle.set({"agent.risk_level": created["risk"], "millrace.action_id": str(created["id"])})
        more = {"action_id": str(created["id"]), "tool": tool, "digest": wanted}
        audit.append("millrace", "action.proposed", key, run_id, **more)
    return created


def _raise_repeated(
    run_id: str | None, tool: str, assessed: risk.Risk, reason: str
) -> dict[str, str]:
    """Return the class and the reason; a person is asked about what an earlier run has done."""
    before = find_earlier_run(run_id, tool)
    if before:
        said = f"run {before}, which this one continues, did this already. {reason}"
        return {"risk": "high", "reason": said.rstrip()}
    return {"risk": assessed, "reason": reason}


def find_earlier_run(run_id: UUID | str | None, tool: str) -> str:
    """Return the run, of those that this one continues, in which the tool has touched the outside
    world; empty when there is none.
    """
    values = {"run": str(run_id or ""), "tool": tool, "touched": list(TOUCHED)}
    row = db.fetch_one(DONE_BEFORE, values) if run_id else None
    return str(row["run_id"]) if row else ""


def _set_aside(connection: db.Connection, row: rows.Action, run_id: str | None) -> None:
    """Free the key of an action that another one replaces, with the approval that it had."""
    connection.execute(
        "UPDATE action SET key = key || '#' || id, state = CASE state WHEN 'denied' THEN state ELSE"
        " 'expired' END WHERE id = %s",
        [row["id"]],
    )
    audit.append("millrace", "action.replaced", row["key"], run_id, action_id=str(row["id"]))


def expires_at(row: rows.Action) -> datetime:
    """Return until when an answer counts: the time that its flow set, else that of the settings."""
    return row["expires_at"] or row["created_at"] + timedelta(
        hours=config.settings().approval_hours
    )


def is_expired(row: rows.Action, clock: datetime | None = None) -> bool:
    """Tell whether the time to answer an action, and to use the answer, is over."""
    # When a row was made says the database, which knows of no fixed clock.
    return expires_at(row) < (
        clock or (run_context.now() if row["expires_at"] else datetime.now(UTC))
    )


def get_by_key(key: str) -> rows.Action:
    """Return the action of that key; NotFound when there is none."""
    row: rows.Action | None = db.fetch_one("SELECT * FROM action WHERE key = %s", [key])
    if row is None:
        raise errors.NotFound(f"no action has the key {key!r}")
    return row


def get_by_id(action_id: str) -> rows.Action:
    """Return the action of that id; NotFound when there is none."""
    row: rows.Action | None = db.fetch_one(
        "SELECT * FROM action WHERE id::text = %s", [str(action_id)]
    )
    if row is None:
        raise errors.NotFound(
            f"no action has the id {action_id!r}; scripts/millrace approvals list shows them"
        )
    return row


def perform(
    key: str,
    action: dict[str, Any],
    do: Callable[[], dict[str, Any]],
    check: Check | None = None,
    unasked: str = "",
) -> rows.Action:
    """Do the action once and return its row, with the outcome recorded:
    `performed`, `failed` or `unknown`.

    `action` holds the arguments as they are now; they must be the ones that were approved. `do`
    returns the outcome (JSON); a MillraceError of it means that nothing happened. `check` is asked
    when an earlier try died between the effect and its record: the outcome when it happened, False
    when it surely did not, None when nobody can tell. `unasked` is the rule by which nobody has to
    be asked; what is of high risk is asked about whatever it says.
    """
    with _lock_key(key):
        row = get_by_key(key)
        if (
            digest(row["tool"], action) != row["digest"]
            or digest(row["tool"], row["arguments"]) != row["digest"]
        ):
            raise errors.NeedsApproval(
                f"{key}: what would run is not what was approved; it has to be proposed again"
            )
        row = _reconciled(row, check)
        if row["state"] in ("performed", "unknown"):
            return row
        _require_approval(row, unasked)
        return _do(row, do)


def reconcile(key: str, check: Check | None = None) -> rows.Action:
    """Find out what became of an earlier try that died, and return the row: performed, unknown, or
    failed (nothing happened).

    An action in any other state is returned as it is.
    """
    with _lock_key(key):
        return _reconciled(get_by_key(key), check)


def reconcile_by_person(action_id: str, happened: bool, by: str) -> rows.Action:
    """Record what a person found out about an unknown effect: it happened,
    or it did not and may be tried again.
    """
    authority.refuse_agents("settle an unknown action")
    row = get_by_id(action_id)
    with _lock_key(row["key"]):
        row = get_by_id(action_id)
        if row["state"] not in ("performing", "unknown"):
            raise errors.BadInput(
                f"action {row['key']} is {row['state']}; only an unknown one can be settled"
            )
        audit.append(
            by, "action.settled", row["key"], _run(row), action_id=str(row["id"]), happened=happened
        )
        if happened:
            return _record(row, "performed", {"status": "sent", "settled_by": by})
        return _record(row, "failed", {"error": f"{by} says that it did not happen"})


def _do(row: rows.Action, do: Callable[[], dict[str, Any]]) -> rows.Action:
    with db.transaction():
        db.execute("UPDATE action SET state = 'performing' WHERE id = %s", [row["id"]])
        db.execute(
            "UPDATE approval SET used_at = coalesce(used_at, clock_timestamp()) WHERE action_id"
            " = %s",
            [row["id"]],
        )
        audit.append(
            "millrace",
            "action.intent",
            row["key"],
            _run(row),
            action_id=str(row["id"]),
            digest=row["digest"],
        )
    told = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": row["tool"],
        "gen_ai.tool.type": "function",
        "tool.name": row["tool"],
        "tool.server": row["tool"].partition(".")[0],
        "agent.risk_level": row["risk"],
        "millrace.action_id": str(row["id"]),
    }
    with spans.span(f"execute_tool {row['tool']}", told, scope="millrace.trust") as handle:
        try:
            outcome = do()
        except errors.MillraceError as error:
            handle.set({"tool.success": False, "tool.error_type": type(error).__name__})
            return _record(
                row,
                "unknown" if isinstance(error, OutcomeUnknown) else "failed",
                {
                    "error": str(error),
                    **({"temporary": True} if getattr(error, "temporary", False) else {}),
                },
            )
        handle.set({"tool.success": True})
        return _record(row, "performed", outcome)


def _reconciled(row: rows.Action, check: Check | None) -> rows.Action:
    """Return the row with what became of an earlier try;
    only called by the holder of the key's lock.
    """
    if row["state"] not in ("performing", "unknown"):
        return row
    found = check() if check else None
    if isinstance(found, dict):
        return _record(row, "performed", found)
    if found is False:
        return _record(
            row, "failed", {"error": "an earlier try ended before the effect; it is done again"}
        )
    if config.settings().smtp_unknown == "resend":
        return _record(
            row,
            "failed",
            {"error": "nobody can tell whether it happened; done again (setting smtp_unknown)"},
        )
    if row["state"] == "unknown":
        return row
    return _record(
        row,
        "unknown",
        {
            "error": (
                "a crash came between the effect and its record; nobody can tell whether it"
                " happened"
            )
        },
    )


def ask(action_id: UUID | str, expires_at: datetime | None = None) -> None:
    """Note that a person is asked about the action from now on,
    and until when; the first time counts.
    """
    db.execute(
        "UPDATE action SET asked_at = coalesce(asked_at, %s), expires_at = coalesce(expires_at, %s)"
        " WHERE id = %s",
        [run_context.now(), expires_at, action_id],
    )


def answer(row: rows.Action, decision: Decision, by: str, how: str) -> rows.Approval:
    """Store the answer to an action, which is the action's new state, and return its row;
    `approvals.decide` looks first whether it may stand.
    """
    with db.transaction() as connection:
        created: rows.Approval | None = connection.execute(
            "INSERT INTO approval (action_id, digest, decision, decided_by, how) VALUES (%s, %s,"
            " %s, %s, %s) RETURNING *",
            [row["id"], row["digest"], decision, by, how],
        ).fetchone()
        assert created is not None
        connection.execute("UPDATE action SET state = %s WHERE id = %s", [decision, row["id"]])
    return created


def _record(row: rows.Action, state: str, outcome: dict[str, Any]) -> rows.Action:
    outcome = redaction.redact(outcome)
    with db.transaction() as connection:
        recorded: rows.Action | None = connection.execute(
            "UPDATE action SET state = %s, outcome = %s, performed_at = CASE WHEN %s = 'performed'"
            " THEN clock_timestamp() END WHERE id = %s RETURNING *",
            [state, db.jsonb(outcome), state, row["id"]],
        ).fetchone()
        assert recorded is not None
        # What came back may name people; its row has it in full.
        proof = {
            "action_id": str(row["id"]),
            "status": outcome.get("status"),
            "outcome": ids.digest_of(outcome),
        }
        audit.append("millrace", f"action.{state}", row["key"], _run(row), **proof)
    events.emit("tool", f"{row['tool']} {state}", tool=row["tool"], state=state, key=row["key"])
    return recorded


def _require_approval(row: rows.Action, unasked: str) -> None:
    if row["risk"] == "low" and row["state"] not in ("denied", "expired"):
        return
    approval: rows.Approval | None = db.fetch_one(
        "SELECT * FROM approval WHERE action_id = %s", [row["id"]]
    )
    if (
        unasked
        and row["risk"] == "medium"
        and approval is None
        and row["state"] in ("proposed", "failed")
    ):
        audit.append(
            audit.POLICY,
            "action.unasked",
            row["key"],
            _run(row),
            action_id=str(row["id"]),
            rule=unasked,
        )
        return
    if approval is None or approval["decision"] != "approved":
        raise errors.NeedsApproval(
            f"{row['key']} is {row['state']}; a person has to approve it first"
        )
    if approval["digest"] != row["digest"]:
        raise errors.NeedsApproval(f"{row['key']}: the approval is for other arguments")
    # A standing approval has a date of its own; what it once covered may be tried again.
    ends = row["expires_at"] or approval["decided_by"] != audit.POLICY
    if row["state"] in ("approved", "failed") and ends and is_expired(row):
        raise errors.NeedsApproval(
            f"{row['key']}: the approval expired at {expires_at(row):%Y-%m-%d %H:%M} UTC"
        )
    if row["state"] not in ("approved", "failed"):
        raise errors.NeedsApproval(f"{row['key']} is {row['state']}; it cannot run")


@contextlib.contextmanager
def _lock_key(key: str) -> Generator[None, None, None]:
    # A lock of the session, not of a transaction: it is gone when its holder dies, and only then is
    # `performing` stale.
    number = _lock_number(key)
    with db.connect() as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [number])
        try:
            yield
        finally:
            if not connection.closed:
                connection.execute("SELECT pg_advisory_unlock(%s)", [number])


def _lock_number(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big", signed=True)


def _run(row: rows.Action) -> str | None:
    return str(row["run_id"]) if row["run_id"] else None
