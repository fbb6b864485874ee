"""Money: each model request is a row that is reserved, sent and settled, under limits that hold for all processes.

`reserve` takes the money from every limit at once, or from none, in one statement. What crashes after `sent` is charged
at the reserve; what never was sent is given back.
"""

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from f.millrace.core import db
from f.millrace.core.config import settings
from f.millrace.core.context import now
from f.millrace.core.errors import BudgetExceeded, NotFound
from f.millrace.core.redaction import redact

if TYPE_CHECKING:
    from f.millrace.core.llm import Price

Limits = dict[tuple[str, str], float]

# The rows are locked in one order before they are read, so that two processes neither see the same money nor wait for
# each other in a circle.
RESERVE = """
WITH wanted AS (
    SELECT * FROM unnest(%(scopes)s::text[], %(keys)s::text[]) AS wanted (scope, key)
), held AS (
    SELECT b.scope, b.key, b.limit_usd - b.reserved_usd - b.spent_usd AS free
    FROM budget b JOIN wanted USING (scope, key) ORDER BY b.scope, b.key FOR UPDATE OF b
), verdict AS (
    SELECT bool_and(free >= %(usd)s) AND count(*) = (SELECT count(*) FROM wanted) AS fits FROM held
), taken AS (
    UPDATE budget b SET reserved_usd = b.reserved_usd + %(usd)s
    FROM held, verdict WHERE verdict.fits AND b.scope = held.scope AND b.key = held.key RETURNING b.scope
), noted AS (
    INSERT INTO usage (id, run_id, step, agent, model, user_id, state, request_hash, reserved_usd, prompt_hash, holder)
    SELECT %(id)s, %(run_id)s, %(step)s, %(agent)s, %(model)s, %(user)s, 'reserved', %(request_hash)s, %(usd)s,
           %(prompt_hash)s, %(holder)s
    FROM verdict WHERE fits RETURNING id
)
SELECT (SELECT count(*) FROM noted) AS noted, (SELECT count(*) FROM taken) AS taken,
       (SELECT jsonb_agg(jsonb_build_object('scope', scope, 'key', key, 'free', free)) FROM held) AS held
"""
# One statement ends a row: it leaves its state once, and the limits change by exactly that row.
FINISH = """
WITH ended AS (
    UPDATE usage SET state = %(state)s, cost_usd = %(cost)s, price_source = %(price_source)s, price_date = %(price_date)s,
        tokens = %(tokens)s, response = %(response)s, settled_at = clock_timestamp()
    WHERE id = %(id)s AND state IN ('reserved', 'sent') RETURNING reserved_usd, holder
), limits AS (
    SELECT entry ->> 0 AS scope, entry ->> 1 AS key, ended.reserved_usd
    FROM ended, jsonb_array_elements(ended.holder -> 'limits') AS entry
), locked AS (
    SELECT b.scope, b.key, limits.reserved_usd FROM budget b JOIN limits USING (scope, key)
    ORDER BY b.scope, b.key FOR UPDATE OF b
), changed AS (
    UPDATE budget b SET reserved_usd = greatest(0, b.reserved_usd - locked.reserved_usd), spent_usd = b.spent_usd + %(cost)s
    FROM locked WHERE b.scope = locked.scope AND b.key = locked.key RETURNING 1
)
SELECT (SELECT count(*) FROM ended) AS ended, (SELECT count(*) FROM changed) AS changed
"""


@dataclass(frozen=True)
class Settled:
    """An answered request as it was stored."""

    usage_id: str
    cost_usd: float
    response: dict[str, Any]


def reserve(
    run_id: str,
    user: str,
    agent: str,
    model: str,
    usd: float,
    step: str = "",
    *,
    flow: str = "",
    request_hash: str = "",
    prompt_hash: str = "",
) -> str:
    """Set `usd` aside under every limit and return the id of the usage row; BudgetExceeded when one has not that much."""
    limits = limits_of(run_id, user, flow)
    ordered = sorted(limits)
    for scope, key in ordered:
        db.execute(
            "INSERT INTO budget AS b (scope, key, limit_usd) VALUES (%s, %s, %s) ON CONFLICT (scope, key) DO UPDATE "
            "SET limit_usd = excluded.limit_usd WHERE b.limit_usd <> excluded.limit_usd",
            [scope, key, limits[scope, key]],
        )
    usage_id = str(uuid4())
    holder = {"host": socket.gethostname(), "pid": os.getpid(), "job": os.environ.get("WM_JOB_ID", ""), "limits": ordered}
    row = db.one(
        RESERVE,
        {
            "scopes": [scope for scope, _ in ordered],
            "keys": [key for _, key in ordered],
            "usd": round(usd, 9),
            "id": usage_id,
            "run_id": run_id,
            "step": step,
            "agent": agent,
            "model": model,
            "user": user,
            "request_hash": request_hash,
            "prompt_hash": prompt_hash,
            "holder": db.jsonb(holder),
        },
    )
    assert row is not None
    if not row["noted"]:
        raise _exceeded(row["held"] or [], limits, usd, agent)
    return usage_id


def limits_of(run_id: str, user: str, flow: str = "") -> Limits:
    """Return the limits that a call falls under: its run's, its user's for the day (UTC), its flow's when it has one."""
    row = db.one("SELECT flow, pipeline -> 'budget' AS budget FROM run WHERE id = %s", [run_id])
    own = (row or {}).get("budget") or {}
    day = now().date().isoformat()
    limits: Limits = {
        ("run", str(run_id)): float(own.get("run_usd", settings().run_usd)),
        ("user_day", f"{user} {day}"): settings().daily_budget_usd,
    }
    if own.get("day_usd") is not None:
        limits["flow_day", f"{flow or (row and row['flow'])} {day}"] = float(own["day_usd"])
    return limits


def mark_sent(usage_id: str) -> None:
    """Record that the request leaves now: from here on it counts as spent until it is settled."""
    if not db.execute(
        "UPDATE usage SET state = 'sent', sent_at = clock_timestamp() WHERE id = %s AND state = 'reserved'", [usage_id]
    ):
        raise NotFound(f"no reserved usage has the id {usage_id!r}")


def settle(usage_id: str, price: "Price", tokens: dict[str, int] | None = None, response: Any = None) -> bool:
    """Replace the reserve by what it cost and store the answer; False when the row was ended before."""
    return _finish(usage_id, "settled", price.usd, price.source, price.date, tokens or {}, response)


def release(usage_id: str) -> bool:
    """Give the reserve back: nothing was billed; False when the row was ended before."""
    return _finish(usage_id, "released", 0.0, "", "", {}, None)


def charge_reserve(usage_id: str) -> bool:
    """Count the whole reserve as spent: the request was sent and nobody knows what it cost."""
    row = db.one("SELECT reserved_usd FROM usage WHERE id = %s", [usage_id])
    if row is None:
        raise NotFound(f"no usage has the id {usage_id!r}")
    return _finish(usage_id, "settled", float(row["reserved_usd"]), "reserve", now().date().isoformat(), {}, None)


def _finish(usage_id: str, state: str, cost: float, source: str, date: str, tokens: dict[str, int], response: Any) -> bool:
    row = db.one(
        FINISH,
        {
            "id": usage_id,
            "state": state,
            "cost": round(cost, 9),
            "price_source": source,
            "price_date": date,
            "tokens": db.jsonb(tokens),
            "response": db.jsonb(redact(response)) if response is not None else None,
        },
    )
    return bool(row and row["ended"])


def settled(run_id: str, step: str, agent: str, request_hash: str) -> Settled | None:
    """Return the stored answer to the same request of the same step, if there is one: it is not paid twice."""
    row = db.one(
        "SELECT id, cost_usd, response FROM usage WHERE run_id = %s AND step = %s AND agent = %s AND request_hash = %s "
        "AND state = 'settled' AND response IS NOT NULL ORDER BY settled_at LIMIT 1",
        [run_id, step, agent, request_hash],
    )
    return Settled(str(row["id"]), float(row["cost_usd"]), row["response"]) if row else None


def forget_answers(usage_ids: list[str]) -> None:
    """Keep the cost of these calls, not their answers: they led nowhere, and a repeat has to ask again."""
    db.execute("UPDATE usage SET response = NULL WHERE id = ANY(%s::uuid[])", [usage_ids])


def settle_lost(run_id: str, step: str, agent: str, request_hash: str) -> int:
    """End what an earlier, dead try of this step left open: sent rows at the reserve, others released; how many."""
    rows = db.all(
        "SELECT id, state FROM usage WHERE run_id = %s AND step = %s AND agent = %s AND request_hash = %s "
        "AND state IN ('reserved', 'sent')",
        [run_id, step, agent, request_hash],
    )
    return sum(_end_lost(row) for row in rows)


def sweep(older_than_seconds: float) -> int:
    """End the rows that stayed open longer than any request lasts: those of killed processes; how many."""
    rows = db.all(
        "SELECT id, state FROM usage WHERE state IN ('reserved', 'sent') "
        "AND reserved_at < clock_timestamp() - make_interval(secs => %s)",
        [older_than_seconds],
    )
    return sum(_end_lost(row) for row in rows)


def _end_lost(row: dict[str, Any]) -> bool:
    return charge_reserve(str(row["id"])) if row["state"] == "sent" else release(str(row["id"]))


def spent(run_id: str) -> float:
    """Return what the run has cost so far, in USD; calls on their way count at their reserve."""
    row = db.one(
        "SELECT coalesce(sum(CASE WHEN state = 'sent' THEN reserved_usd ELSE cost_usd END), 0) AS usd FROM usage WHERE run_id = %s",
        [run_id],
    )
    return float(row["usd"]) if row else 0.0


def _exceeded(held: list[dict[str, Any]], limits: Limits, usd: float, agent: str) -> BudgetExceeded:
    tightest = min(held, key=lambda entry: entry["free"], default={"scope": "run", "key": "", "free": 0})
    scope, key, free = tightest["scope"], tightest["key"], max(0.0, float(tightest["free"]))
    limit = limits.get((scope, key), 0.0)
    setting = {"run": "run_usd (or the pipeline's budget)", "user_day": "daily_budget_usd", "flow_day": "the pipeline's budget"}[
        scope
    ]
    name = {"run": "run", "user_day": "user and day", "flow_day": "flow and day"}[scope]
    return BudgetExceeded(
        f"{agent} needs up to {usd:.4f} USD and {name} {key!r} has {free:.4f} of {limit:.2f} USD left; raise {setting}"
    )
