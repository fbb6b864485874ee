# requirements:

"""What was spent, from the rows: one sum for the digest,
the terminal, JSON and the report of `spend`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from f.millrace.core import config, db, money, run_context

if TYPE_CHECKING:
    from uuid import UUID

    class UsedLimit(TypedDict):
        """A limit of money, and how far it is used."""

        scope: str
        key: str
        limit_usd: float
        spent_usd: float
        reserved_usd: float
        percent: float | None


# A call on its way counts at its reserve: the provider may bill it.
COST = (
    "CASE usage.state WHEN 'settled' THEN usage.cost_usd WHEN 'sent' THEN usage.reserved_usd ELSE"
    " 0 END"
)
By = Literal["run", "flow", "agent", "model", "user", "day"]
GROUPS: dict[str, str] = {
    "run": "usage.run_id::text",
    "flow": "coalesce(run.flow, '')",
    "agent": "usage.agent",
    "model": "usage.model",
    "user": "usage.user_id",
    "day": "to_char(usage.reserved_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
}
TOKENS = ("input", "output", "cache_read", "cache_write", "reasoning")


def cost_of(run_id: str | UUID | None, step: str | None = None) -> Decimal:
    """Return what the run has cost so far, or one step of it."""
    row = db.fetch_one(
        f"SELECT coalesce(sum({COST}), 0) AS usd FROM usage WHERE run_id = %s AND (%s::text IS NULL"
        " OR step = %s)",
        [run_id, step, step],
    )
    return money.usd(row["usd"]) if row else money.usd(0)


def run_cost_usd(run_id: str) -> float:
    """Return what the run has cost so far, as every place tells it."""
    return money.number(cost_of(run_id))


def group_spending(
    by: By, since: datetime | None = None, run_id: str | None = None
) -> list[dict[str, Any]]:
    """Return calls, tokens and money of each group, the dearest first."""
    counts = ", ".join(
        f"coalesce(sum((tokens ->> '{name}')::bigint), 0)::bigint AS {name}" for name in TOKENS
    )
    rows = db.fetch_all(
        f"SELECT {GROUPS[by]} AS name, count(*) AS calls, sum({COST}) AS cost, coalesce(sum({COST})"
        " FILTER (WHERE kind = 'tool'), 0) AS tools, coalesce(sum(reserved_usd) FILTER (WHERE"
        " state = 'reserved'), 0) AS reserved, array_remove(array_agg(DISTINCT"
        " nullif(price_source, '')), NULL) AS prices, max(nullif(price_date, '')) AS price_date,"
        f" {counts} FROM usage LEFT JOIN run ON run.id = usage.run_id WHERE state <> 'released' AND"
        " (%s::timestamptz IS NULL OR reserved_at >= %s) AND (%s::uuid IS NULL OR usage.run_id ="
        f" %s) GROUP BY 1 ORDER BY sum({COST}) DESC, 1",
        [since, since, run_id, run_id],
    )
    return [
        {
            by: row["name"],
            "calls": row["calls"],
            "cost_usd": money.number(row["cost"]),
            "tools_usd": money.number(row["tools"]),
            "reserved_usd": money.number(row["reserved"]),
            "currency": "USD",
            "tokens": {name: row[name] for name in TOKENS},
            "price_sources": row["prices"],
            "price_date": row["price_date"],
        }
        for row in rows
    ]


def total_spending(since: datetime | None = None, run_id: str | None = None) -> dict[str, float]:
    """Return the sum of all calls,
    and what the machines cost beside it by the rate of the settings.
    """
    cost = db.fetch_one(
        f"SELECT coalesce(sum({COST}), 0) AS usd FROM usage WHERE (%s::timestamptz IS NULL OR"
        " reserved_at >= %s) AND (%s::uuid IS NULL OR run_id = %s)",
        [since, since, run_id, run_id],
    )
    hours = db.fetch_one(
        # Parts of one job run at the same time in one process, which is paid for once.
        "SELECT coalesce(sum(extract(epoch FROM upper(busy) - lower(busy))), 0) / 3600 AS hours"
        " FROM (SELECT unnest(range_agg(tstzrange(started_at, greatest(started_at,"
        " coalesce(finished_at, clock_timestamp()))))) AS busy FROM step WHERE (%s::timestamptz IS"
        " NULL OR started_at >= %s) AND (%s::uuid IS NULL OR run_id = %s) GROUP BY run_id,"
        " coalesce(nullif(job_id, ''), path)) AS jobs",
        [since, since, run_id, run_id],
    )
    assert cost and hours
    machines = money.usd(hours["hours"]) * config.settings().machine_usd_hour
    return {
        "cost_usd": money.number(cost["usd"]),
        "machines_usd": money.number(machines),
        "step_hours": round(float(hours["hours"]), 4),
    }


def limits_today(run_id: str | None = None) -> list[UsedLimit]:
    """Return how far the limits of today are used, and those of the run when one is named."""
    rows = db.fetch_all(
        "SELECT scope, key, limit_usd, spent_usd, reserved_usd FROM budget WHERE (scope <> 'run'"
        " AND key LIKE %s) OR (scope = 'run' AND key = %s) ORDER BY scope, key",
        [f"% {run_context.now().date().isoformat()}", run_id or ""],
    )
    return [
        {
            "scope": row["scope"],
            "key": row["key"],
            "limit_usd": money.number(row["limit_usd"]),
            "spent_usd": money.number(row["spent_usd"]),
            "reserved_usd": money.number(row["reserved_usd"]),
            "percent": (
                round(float(100 * row["spent_usd"] / row["limit_usd"]), 1)
                if row["limit_usd"]
                else None
            ),
        }
        for row in rows
    ]
