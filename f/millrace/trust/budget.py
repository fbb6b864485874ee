# requirements:

"""Money: each paid call is a row that is reserved, sent and settled,
under limits that hold for all processes.

`reserve` takes the money from every limit at once, or from none, in one statement. What a dead
process had sent is charged at the reserve; what it never sent is given back. Amounts are exact
decimals of US dollars.
"""

from __future__ import annotations

import os
import socket
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict
from uuid import uuid4

from f.millrace.core import db, errors, money, redaction, run_context
from f.millrace.trust import audit, limits

if TYPE_CHECKING:
    # A step that only counts money needs no table of prices.
    from f.millrace.core import prices

    class Reservation(TypedDict):
        """Whether money was set aside, and the limits that it falls under."""

        noted: int
        taken: int
        held: list[limits.ApplicableLimit]


# Longer than any request lasts.
LOST_SECONDS = 900.0
LIMIT_ROWS = """
INSERT INTO budget AS b (scope, key, limit_usd)
SELECT * FROM unnest(%s::text[], %s::text[], %s::numeric[]) AS wanted (scope, key, limit_usd)
ORDER BY 1, 2
ON CONFLICT (scope, key) DO UPDATE SET limit_usd = excluded.limit_usd
WHERE b.limit_usd <> excluded.limit_usd
"""
# The rows are locked in one order before they are read, so that two processes neither see the same
# money nor wait for each other in a circle. What costs nothing fits under any limit.
RESERVE = """
WITH wanted AS (
    SELECT * FROM unnest(%(scopes)s::text[], %(keys)s::text[]) AS wanted (scope, key)
), held AS (
    SELECT b.scope, b.key, b.limit_usd, b.spent_usd,
           b.limit_usd - b.reserved_usd - b.spent_usd AS free,
           b.spent_usd >= greatest(b.limit_usd * %(ask)s / 100, b.allowed_usd) AS asks
    FROM budget b JOIN wanted USING (scope, key) ORDER BY b.scope, b.key FOR UPDATE OF b
), verdict AS (
    SELECT %(usd)s = 0 OR (
        bool_and(free >= %(usd)s AND NOT asks) AND count(*) = (SELECT count(*) FROM wanted)
    ) AS fits FROM held
), taken AS (
    UPDATE budget b SET reserved_usd = b.reserved_usd + %(usd)s
    FROM held, verdict WHERE verdict.fits AND b.scope = held.scope AND b.key = held.key
    RETURNING b.scope
), noted AS (
    INSERT INTO usage (id, run_id, step, kind, agent, model, user_id, state, request_hash,
                       reserved_usd, prompt_hash, holder)
    SELECT %(id)s, %(run_id)s, %(step)s, %(kind)s, %(agent)s, %(model)s, %(user)s, 'reserved',
           %(request_hash)s, %(usd)s, %(prompt_hash)s,
           %(holder)s || jsonb_build_object('backend', pg_backend_pid(), 'since', (
               SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()))
    FROM verdict WHERE fits RETURNING id
)
SELECT (SELECT count(*) FROM noted) AS noted, (SELECT count(*) FROM taken) AS taken,
    (SELECT jsonb_agg(to_jsonb(held)) FROM held) AS held
"""
# One statement ends a row: it leaves its state once, and the limits change by exactly that row.
# `lost` ends it by what is known: not sent, so nothing; or sent, so the reserve. An answer that
# comes after that corrects it.
FINISH = """
WITH entry AS (
    SELECT id, run_id, state, holder, reserved_usd, cost_usd AS charged_usd FROM usage
    WHERE id = %(id)s AND (
        state IN ('reserved', 'sent')
        OR (%(how)s = 'settle' AND state = 'settled' AND price_source = 'reserve')
    ) FOR UPDATE
), bill AS (
    SELECT entry.*,
           CASE %(how)s
               WHEN 'settle' THEN %(cost)s
               WHEN 'lost' THEN CASE state WHEN 'sent' THEN reserved_usd ELSE 0 END
               ELSE 0
           END AS cost,
           %(how)s = 'settle' OR (%(how)s = 'lost' AND state = 'sent') AS billed,
           CASE WHEN state = 'settled' THEN 0 ELSE reserved_usd END AS open_usd
    FROM entry
), ended AS (
    UPDATE usage u SET
        state = CASE WHEN billed THEN 'settled' ELSE 'released' END, cost_usd = bill.cost,
        price_source = CASE WHEN %(how)s = 'lost' AND billed THEN 'reserve' ELSE %(source)s END,
        price_date = %(date)s, tokens = %(tokens)s, response = %(response)s,
        settled_at = clock_timestamp()
    FROM bill WHERE u.id = bill.id RETURNING u.id
), locked AS (
    SELECT b.scope, b.key FROM budget b JOIN (
        SELECT entry ->> 0 AS scope, entry ->> 1 AS key
        FROM bill, jsonb_array_elements(holder -> 'limits') AS entry
    ) AS own USING (scope, key) ORDER BY b.scope, b.key FOR UPDATE OF b
), changed AS (
    UPDATE budget b SET reserved_usd = greatest(0, b.reserved_usd - bill.open_usd),
        spent_usd = greatest(0, b.spent_usd + bill.cost - bill.charged_usd)
    FROM bill, locked WHERE b.scope = locked.scope AND b.key = locked.key
    RETURNING b.scope, b.key, b.limit_usd, b.spent_usd
)
SELECT bill.run_id, bill.cost, (SELECT jsonb_agg(to_jsonb(changed)) FROM changed) AS changed
FROM bill, ended
"""
# The connection that reserved is gone: so is its process. Through a pooler connections outlast
# processes; then age tells. Since when a connection of another role is there, Postgres does not
# say.
LOST = """
SELECT id FROM usage u WHERE state IN ('reserved', 'sent') AND (
    reserved_at < clock_timestamp() - make_interval(secs => %s) OR NOT EXISTS (
        SELECT FROM pg_stat_activity a WHERE a.pid = (u.holder ->> 'backend')::int
        AND coalesce(a.backend_start = (u.holder ->> 'since')::timestamptz, true)))
"""
Kind = Literal["model", "tool"]


class SettledCall(NamedTuple):
    """An answered request as it was stored."""

    usage_id: str
    cost_usd: Decimal
    response: dict[str, Any]


def reserve(
    run_id: str,
    user: str,
    agent: str,
    model: str,
    usd: Decimal | float,
    step: str = "",
    *,
    kind: Kind = "model",
    flow: str = "",
    request_hash: str = "",
    prompt_hash: str = "",
) -> str:
    """Set `usd` aside under every limit and return the id of the usage row.

    BudgetExceeded when a limit has not that much left; BudgetHeld when one is near its end and a
    person has to allow the rest first: the question is left as a proposed action.
    """
    amount = money.usd(usd)
    under = limits.limits_of(run_id, user, flow)
    usage_id = str(uuid4())
    values = {
        "usd": amount,
        "ask": limits.ASK,
        "id": usage_id,
        "run_id": run_id,
        "step": step,
        "kind": kind,
        "agent": agent,
        "model": model,
        "user": user,
        "request_hash": request_hash,
        "prompt_hash": prompt_hash,
    }
    tried = _try_to_reserve(under, values)
    if not tried["noted"] and sweep():
        # Money that the dead held.
        tried = _try_to_reserve(under, values)
    while not tried["noted"]:
        short = [entry for entry in tried["held"] if money.usd(entry["free"]) < amount]
        if short:
            raise limits.budget_exceeded(short, amount, agent, run_id)
        for entry in tried["held"]:
            if entry["asks"]:
                limits.allow(entry, run_id, _allow)
        tried = _try_to_reserve(under, values)
    return usage_id


def _try_to_reserve(under: limits.Limits, values: dict[str, Any]) -> Reservation:
    """Reserve under all limits or under none; return whether it is noted, and the limits held."""
    ordered = sorted(under)
    scopes, keys = [scope for scope, _ in ordered], [key for _, key in ordered]
    holder = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "job": os.environ.get("WM_JOB_ID", ""),
        "limits": ordered,
    }
    db.execute(LIMIT_ROWS, [scopes, keys, [under[one] for one in ordered]])
    row: Reservation | None = db.fetch_one(
        RESERVE, {**values, "scopes": scopes, "keys": keys, "holder": db.jsonb(holder)}
    )
    assert row is not None
    return row


def _allow(scope: str, key: str, limit: Decimal) -> None:
    db.execute(
        "UPDATE budget SET allowed_usd = greatest(allowed_usd, %s) WHERE scope = %s AND key = %s",
        [limit, scope, key],
    )


def mark_sent(usage_id: str) -> None:
    """Record that the request leaves now: from here on it counts as spent until it is settled."""
    if not db.execute(
        "UPDATE usage SET state = 'sent', sent_at = clock_timestamp() WHERE id = %s AND state ="
        " 'reserved'",
        [usage_id],
    ):
        raise errors.NotFound(f"no reserved usage has the id {usage_id!r}")


def settle(
    usage_id: str, price: prices.Price, tokens: dict[str, int] | None = None, response: Any = None
) -> bool:
    """Replace the reserve by what it cost and store the answer;
    False when the row was ended before.

    A row that was given up as lost and charged at its reserve is corrected.
    """
    return _finish(
        usage_id, "settle", money.usd(price.usd), price.source, price.date, tokens or {}, response
    )


def release(usage_id: str) -> bool:
    """Give the reserve back: nothing was billed; False when the row was ended before."""
    return _finish(usage_id, "release")


def charge_reserve(usage_id: str) -> bool:
    """Count the whole reserve as spent if the request was sent: nobody knows what it cost; False
    when it was ended before.
    """
    return _finish(usage_id, "lost")


def _finish(
    usage_id: str,
    how: Literal["settle", "release", "lost"],
    cost: Decimal = Decimal(0),
    source: str = "",
    date: str = "",
    tokens: dict[str, int] | None = None,
    response: Any = None,
) -> bool:
    values = {
        "id": usage_id,
        "how": how,
        "cost": cost,
        "source": source,
        "date": date or run_context.now().date().isoformat(),
        "tokens": db.jsonb(tokens or {}),
        "response": db.jsonb(redaction.redact(response)) if response is not None else None,
    }
    with db.transaction() as connection:
        row = connection.execute(FINISH, values).fetchone()  # type: ignore[arg-type]
        if row is None:
            return False
        run_id = str(row["run_id"])
        if row["cost"]:
            audit.append(
                "millrace",
                "spend",
                usage_id,
                run_id,
                usd=str(row["cost"].normalize()),
                price=source or "reserve",
            )
    limits.warn(row["changed"] or [], run_id)
    return True


def find_settled(run_id: str, step: str, agent: str, request_hash: str) -> SettledCall | None:
    """Return the stored answer to the same request of the same step,
    if there is one: it is not paid twice.
    """
    row = db.fetch_one(
        "SELECT id, cost_usd, response FROM usage WHERE run_id = %s AND step = %s AND agent = %s"
        " AND request_hash = %s AND state = 'settled' AND response IS NOT NULL ORDER BY settled_at"
        " LIMIT 1",
        [run_id, step, agent, request_hash],
    )
    return SettledCall(str(row["id"]), row["cost_usd"], row["response"]) if row else None


def forget_answers(usage_ids: list[str]) -> None:
    """Keep the cost of these calls, not their answers:
    they led nowhere, and a repeat has to ask again.
    """
    db.execute("UPDATE usage SET response = NULL WHERE id = ANY(%s::uuid[])", [usage_ids])


def settle_lost(run_id: str, step: str, agent: str, request_hash: str) -> int:
    """End what an earlier, dead try of this step left open: sent rows at the reserve, others
    released; how many.
    """
    rows = db.fetch_all(
        "SELECT id FROM usage WHERE run_id = %s AND step = %s AND agent = %s AND request_hash = %s "
        "AND state IN ('reserved', 'sent')",
        [run_id, step, agent, request_hash],
    )
    return sum(_finish(str(row["id"]), "lost") for row in rows)


def end_run(run_id: str) -> int:
    """End what a run that was ended from outside left open: sent rows at the reserve, others
    released; how many.
    """
    rows = db.fetch_all(
        "SELECT id FROM usage WHERE run_id = %s AND state IN ('reserved', 'sent')", [run_id]
    )
    return sum(_finish(str(row["id"]), "lost") for row in rows)


def carry_over(run_id: str, to_run_id: str) -> None:
    """Count what a run has spent against the limit of the run that continues it."""
    db.execute(
        "INSERT INTO budget (scope, key, limit_usd, spent_usd, allowed_usd) SELECT scope, %s,"
        " limit_usd, spent_usd, allowed_usd FROM budget WHERE scope = 'run' AND key = %s ON"
        " CONFLICT DO NOTHING",
        [to_run_id, run_id],
    )


def sweep(older_than_seconds: float = LOST_SECONDS) -> int:
    """End the rows of processes that are gone, and those that stayed open longer than any request
    lasts; how many.
    """
    return sum(_finish(str(row["id"]), "lost") for row in db.fetch_all(LOST, [older_than_seconds]))
