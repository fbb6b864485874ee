# requirements:

"""Limits of money: what a call falls under, the warning on the way, the person near the end, the
stop at the end.

At 70 % of a limit there is a warning and cheaper models take over where they are set; at 90 %
nothing more is started until a person allows the rest; at 100 % it stops. The three are rows of
`budget_alert`, each told once.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict

from f.millrace.core import config, db, errors, money, run_context
from f.millrace.telemetry import alerts, events
from f.millrace.trust import actions, people

if TYPE_CHECKING:
    from f.millrace.core import rows

    class Limit(TypedDict):
        """A limit of money, and what was spent of it."""

        scope: str
        key: str
        limit_usd: float
        spent_usd: float

    class ApplicableLimit(Limit):
        """A limit that a call falls under: what is left, and whether a person is asked first."""

        free: float
        asks: bool


WARN, ASK, STOP = 70, 90, 100
SEVERITIES = {WARN: "info", ASK: "warning", STOP: "critical"}
ALERT = "BudgetUsed"
TOOL = "budget.allow"
NAMES = {"run": "run", "user_day": "user and day", "flow_day": "flow and day"}
SETTINGS = {
    "run": "run_usd (or the pipeline's budget)",
    "flow_day": "flow_daily_usd (or the pipeline's budget)",
}

Limits = dict[tuple[str, str], Decimal]


def limits_of(run_id: str, user: str, flow: str = "") -> Limits:
    """Return the limits that a call falls under: its run's, its user's for the day (UTC), its
    flow's when it has one.

    Where both the pipeline and the settings limit the same, the lower holds.
    """
    row = (
        db.fetch_one("SELECT flow, pipeline -> 'budget' AS budget FROM run WHERE id = %s", [run_id])
        or {}
    )
    own: dict[str, Any] = row.get("budget") or {}
    flow = flow or str(row.get("flow") or "")
    day = run_context.now().date().isoformat()
    limits: Limits = {
        ("run", str(run_id)): _lowest(config.settings().run_usd, own.get("run_usd")),
        ("user_day", f"{user} {day}"): daily_usd(user),
    }
    whole_flow = _lowest(config.settings().flow_daily_usd.get(flow), own.get("daily_usd"))
    if whole_flow is not None:
        limits["flow_day", f"{flow} {day}"] = whole_flow
    return limits


def daily_usd(user: str) -> Decimal:
    """Return the most that a user may spend in a day: as the settings say of them, else of their
    role, else of everybody.
    """
    return _daily(user)[0]


def _daily(user: str) -> tuple[Decimal, str]:
    """Return a user's limit for a day, and the setting that says so."""
    settings = config.settings()
    if user in settings.user_daily_usd:
        return settings.user_daily_usd[user], "user_daily_usd"
    person = people.find(user) if settings.role_daily_usd else None
    given = settings.role_daily_usd.get(person["role"]) if person else None
    return (
        (settings.daily_budget_usd, "daily_budget_usd")
        if given is None
        else (
            given,
            "role_daily_usd",
        )
    )


def _setting(scope: str, key: str) -> str:
    """Return which setting says a limit."""
    return _daily(key.rpartition(" ")[0])[1] if scope == "user_day" else SETTINGS[scope]


def is_near(run_id: str, user: str, flow: str = "") -> bool:
    """Tell whether a limit of this call has reached the warning: time for a cheaper model."""
    limits = limits_of(run_id, user, flow)
    row = db.fetch_one(
        "SELECT bool_or(b.spent_usd * 100 >= wanted.limit_usd * %s) AS near FROM budget b JOIN"
        " unnest(%s::text[], %s::text[], %s::numeric[]) AS wanted (scope, key, limit_usd) USING"
        " (scope, key) WHERE b.spent_usd > 0",
        [WARN, [scope for scope, _ in limits], [key for _, key in limits], list(limits.values())],
    )
    return bool(row and row["near"])


def warn(changed: list[Limit], run_id: str) -> None:
    """Warn once of each limit among the changed ones that has reached 70 %, 90 % or its end."""
    for entry in changed:
        limit, spent = money.usd(entry["limit_usd"]), money.usd(entry["spent_usd"])
        for percent in (WARN, ASK, STOP):
            if spent > 0 and spent * 100 >= limit * percent:
                _alert(entry["scope"], entry["key"], limit, spent, percent, run_id)


def budget_exceeded(
    held: list[ApplicableLimit], amount: Decimal, agent: str, run_id: str
) -> errors.BudgetExceeded:
    """Return the refusal of a call that is more than is left,
    and note that the limit's end was met.
    """
    tightest = min(held, key=lambda entry: entry["free"])
    scope, key, limit, free = (
        tightest["scope"],
        tightest["key"],
        money.usd(tightest["limit_usd"]),
        max(money.usd(0), money.usd(tightest["free"])),
    )
    _alert(scope, key, limit, money.usd(tightest["spent_usd"]), STOP, run_id)
    return errors.BudgetExceeded(
        f"{agent} needs up to {money.dollars(amount)} and {NAMES[scope]} {key!r} has"
        f" {money.dollars(free)} of {money.dollars(limit)} left; raise {_setting(scope, key)}"
    )


def allow(
    entry: ApplicableLimit, run_id: str, raise_to: Callable[[str, str, Decimal], None]
) -> None:
    """Use the answer to the question about this limit: `raise_to` lets the rest be spent.

    BudgetHeld when nobody has said yes, and the question waits.
    """
    scope, key, limit = entry["scope"], entry["key"], money.usd(entry["limit_usd"])
    exact = f"{limit.normalize():f}"
    name = f"budget {scope} {key} {exact}"
    arguments = {"scope": scope, "key": key, "limit_usd": exact}
    used = (
        f"{money.dollars(entry['spent_usd'])} of the {money.dollars(limit)} of {NAMES[scope]}"
        f" {key!r} are used"
    )
    action = actions.propose(
        TOOL,
        arguments,
        name,
        reason=f"{used}; calls wait for a yes to the rest",
        run_id=run_id,
        at_least="high",
    )
    if action["state"] == "approved":
        try:
            actions.perform(name, arguments, lambda: _allowed(raise_to, scope, key, limit))
            return
        except errors.NeedsApproval:
            pass
    if action["state"] == "proposed":
        actions.ask(action["id"])
    answer = {"proposed": "a person has to allow the rest", "denied": "a person refused the rest"}
    raise errors.BudgetHeld(
        f"{used}; {answer.get(action['state'], 'nobody allowed the rest in time')} "
        f"(scripts/millrace approvals show {str(action['id'])[:8]}), or raise"
        f" {_setting(scope, key)}"
    )


def _allowed(
    raise_to: Callable[[str, str, Decimal], None], scope: str, key: str, limit: Decimal
) -> dict[str, Any]:
    raise_to(scope, key, limit)
    return {"allowed_usd": f"{limit.normalize():f}"}


def describe(scope: str, key: str, limit: Decimal, spent: Decimal, percent: int) -> str:
    """Return in words how far a limit is used, what follows, and how to raise it."""
    whose = f"run {key[:8]}" if scope == "run" else f"{NAMES[scope]} {key!r}"
    used = f"{money.dollars(spent)} of the {money.dollars(limit)} of {whose}"
    if percent == STOP and spent < limit:
        said = f"The budget is at its end: {used} is used, the next call may need more"
    else:
        said = f"{percent} % of the budget is used: {used}"
    follows = {
        WARN: "cheaper models take over where they are set",
        ASK: "a person is asked before more is started",
        STOP: "nothing more is started",
    }[percent]
    return f"{said}; {follows} (setting {_setting(scope, key)})."


def resolve_old() -> list[rows.Alert]:
    """End the alerts about limits of days that are over, and of runs of yesterday."""
    today = run_context.now().date().isoformat()
    return [
        ended
        for row in alerts.list_alerts()
        if row["name"] == ALERT
        and not (
            row["labels"].get("key", "").endswith(today) or row["labels"].get("day", "") == today
        )
        and (ended := alerts.resolve(ALERT, row["labels"]))
    ]


def _alert(scope: str, key: str, limit: Decimal, spent: Decimal, percent: int, run_id: str) -> None:
    fresh = db.execute(
        "INSERT INTO budget_alert (scope, key, limit_usd, percent, spent_usd, run_id) VALUES (%s,"
        " %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [scope, key, limit, percent, spent, run_id],
    )
    if not fresh:
        return
    said = describe(scope, key, limit, spent, percent)
    labels = {"scope": scope, "key": key, "day": run_context.now().date().isoformat()}
    alerts.raise_alert(ALERT, SEVERITIES[percent], "run", said, labels)
    events.emit(
        "budget",
        said,
        scope=scope,
        key=key,
        percent=percent,
        limit_usd=float(limit),
        limit_spent_usd=float(spent),
    )


def _lowest(*given: Any) -> Any:
    amounts = [money.usd(one) for one in given if one is not None]
    return min(amounts) if amounts else None
