"""A flow as a nested list: what its OpenFlow says would run, with what its rows say did.

The list is the picture: a step is a card, a loop one card with a tick for each item, branches stand
side by side. Each card has the time that it took, as a line within the time of the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from f.millrace.core import db
from scripts.runner import openflow

if TYPE_CHECKING:
    from f.millrace.core import rows

INDEX = re.compile(r"\[[^\]]*\]")
# An iteration's number as a person counts it.
ITERATION = re.compile(r"\[([^\]]*)\]")
TICK = {"done": "d", "running": "r"}
MOST_TICKS = 30
# A card's line stays to be seen, however short the step was.
NARROWEST = 1.0
BY_POLICY = "nobody had to be asked"
SKIPPED, UNREACHED = "not needed", "not reached"
# What agents and tools did inside of steps, each name where it came first.
CALLS = """
SELECT name, started_at, finished_at, seen_at, status,
    coalesce(attributes ->> 'tool.success', 'true') AS success
FROM span WHERE run_id = %s AND (name LIKE 'invoke_agent %%' OR name LIKE 'execute_tool %%')
ORDER BY started_at LIMIT 400
"""


class Clock(NamedTuple):
    """The time that a run has taken so far."""

    began: datetime
    seconds: float

    def place(self, moment: datetime) -> float:
        """Return where a moment is, in percent."""
        away = (moment - self.began).total_seconds()
        return round(min(100.0, max(0.0, 100 * away / self.seconds)), 2)


class Call(NamedTuple):
    """The calls of one agent or tool inside a step."""

    id: str
    calls: int
    state: str
    seconds: float
    start: float
    length: float


class Card(NamedTuple):
    """One step, one loop over a step, or one question to a person."""

    id: str
    path: str
    title: str
    said: str
    state: str
    seconds: float | None
    start: float
    length: float
    ticks: str
    tries: int
    inner: tuple[Call, ...] = ()


class Split(NamedTuple):
    """Branches: of one kind, of which one is taken, or of another, which all are."""

    branches: list[tuple[str, list[Any]]]


class Body(NamedTuple):
    """The steps of a loop that has several."""

    title: str
    nodes: list[Any]


class Flow(NamedTuple):
    """A run's flow with how far it is."""

    nodes: list[Any]
    began: datetime
    seconds: float
    done: int
    total: int


class _Drawn:
    """What is known of a run while its flow is drawn."""

    def __init__(self, run: rows.Run, steps: list[rows.Step], actions: list[Any]) -> None:
        ended = run["finished_at"] or datetime.now(UTC)
        moments = [step["started_at"] for step in steps]
        began = min([run["started_at"], *moments])
        last = max([step["finished_at"] or step["started_at"] for step in steps], default=began)
        # A run that waits for days would push its steps to a line of no width.
        ended = max(last, began) if run["status"] not in ("running",) and steps else ended
        self.clock = Clock(began, max((ended - began).total_seconds(), 0.001))
        self.is_open = run["status"] in ("running", "waiting")
        self.status = run["status"]
        self.actions = actions
        # Of steps side by side it cannot be told whose calls are whose.
        self.calls: list[Any] = []
        if not any("[" in step["path"] for step in steps):
            self.calls = db.fetch_all(CALLS, [run["id"]])
        self.by_path: dict[str, list[rows.Step]] = {}
        for step in steps:
            self.by_path.setdefault(INDEX.sub("", step["path"]), []).append(step)


def load(run: rows.Run) -> Flow:
    """Return the flow of a run. Of a run without an OpenFlow (a step alone, or one of Windmill) it
    is its steps in their order.
    """
    steps = load_steps(run)
    actions = db.fetch_all(
        "SELECT a.*, p.decision, p.decided_by, p.decided_at FROM action a LEFT JOIN approval p ON"
        " p.action_id = a.id WHERE a.run_id = %s ORDER BY a.created_at",
        [run["id"]],
    )
    drawn = _Drawn(run, steps, actions)
    modules = openflow.value(run["openflow"]).get("modules") or [] if run["openflow"] else []
    nodes = _list(drawn, modules, "") if modules else _alone(drawn, steps)
    cards = list(_cards(nodes))
    return Flow(
        nodes,
        drawn.clock.began,
        drawn.clock.seconds,
        sum(card.state == "done" for card in cards),
        len(cards),
    )


def load_steps(run: rows.Run) -> list[rows.Step]:
    """Return the steps of a run that have begun, in their order."""
    found: list[rows.Step] = db.fetch_all(
        "SELECT * FROM step WHERE run_id = %s ORDER BY started_at, path", [run["id"]]
    )
    return found


def is_of(card_path: str, step_path: str) -> bool:
    """Tell whether a step's row belongs to the card of this path."""
    return INDEX.sub("", step_path) == card_path


def iteration(path: str) -> str:
    """Return which item of a loop a step was for; empty for one outside of loops."""
    found = ITERATION.findall(path)
    return " · ".join(str(int(one) + 1) for one in found if one.isdigit())


def _cards(nodes: Iterable[Any]) -> Iterable[Card]:
    for node in nodes:
        if isinstance(node, Card):
            yield node
        elif isinstance(node, Body):
            yield from _cards(node.nodes)
        else:
            for _, inner in node.branches:
                yield from _cards(inner)


def _alone(drawn: _Drawn, steps: list[rows.Step]) -> list[Any]:
    names = dict.fromkeys(INDEX.sub("", step["path"]) for step in steps)
    return [_card(drawn, path, drawn.by_path[path][0]["name"], "") for path in names]


def _list(drawn: _Drawn, modules: list[dict[str, Any]], before: str) -> list[Any]:
    return [_node(drawn, module, before) for module in modules]


def _node(drawn: _Drawn, module: dict[str, Any], before: str) -> Any:
    value, path = module["value"], before + module["id"]
    title, kind = str(module.get("summary") or ""), value["type"]
    if module.get("suspend") or _asks(module):
        return _question(drawn, module, path)
    if kind in openflow.LOOPS:
        return _loop(drawn, module, path, title)
    if kind in openflow.BRANCHES:
        named = [
            (str(branch.get("summary") or ""), branch["modules"]) for branch in value["branches"]
        ]
        if kind == "branchone" and value.get("default"):
            named.append(("otherwise", value["default"]))
        return Split([(name, _list(drawn, inner, f"{path}.")) for name, inner in named])
    return _card(drawn, path, title, "")


def _loop(drawn: _Drawn, module: dict[str, Any], path: str, title: str) -> Any:
    """Return a loop over one step as its card, over several as what is in it."""
    inner = module["value"]["modules"]
    if len(inner) == 1 and inner[0]["value"]["type"] in ("script", "rawscript"):
        said = str(inner[0].get("summary") or title)
        return _card(drawn, f"{path}.{inner[0]['id']}", title, said)._replace(id=module["id"])
    return Body(title or module["id"], _list(drawn, inner, f"{path}."))


def _asks(module: dict[str, Any]) -> bool:
    """Tell whether a choice is that of an approval: in one of its branches the flow waits."""
    if module["value"]["type"] != "branchone":
        return False
    return any(
        inner.get("suspend")
        for branch in module["value"]["branches"]
        for inner in branch["modules"]
    )


def _question(drawn: _Drawn, module: dict[str, Any], path: str) -> Card:
    """Return the card of a question: it has no step of its own, what was asked is an action."""
    asked = [action for action in drawn.actions if action["asked_at"]]
    card = _card(drawn, path, str(module.get("summary") or "Ask a person"), "")
    if not asked:
        passed = card.state == "done" or not drawn.is_open or _is_passed(drawn, module["id"])
        return card._replace(state="done", said=BY_POLICY) if passed else card
    last = asked[-1]
    answered = last["decided_at"]
    start = drawn.clock.place(last["asked_at"])
    until = drawn.clock.place(answered) if answered else 100.0
    said = f"{last['decision']} by {last['decided_by']}" if answered else "waits for a person"
    waits = not answered and drawn.status == "waiting"
    return card._replace(
        state="waiting" if waits else "done" if answered else card.state,
        said=said,
        seconds=((answered or datetime.now(UTC)) - last["asked_at"]).total_seconds(),
        start=start,
        length=max(NARROWEST, until - start),
    )


def _is_passed(drawn: _Drawn, name: str) -> bool:
    """Tell whether a step that comes after the question has begun: its record, or the end."""
    later = name.removesuffix("_ask")
    return any(path in (later, "close", "send") for path in drawn.by_path)


def _card(drawn: _Drawn, path: str, title: str, said: str) -> Card:
    name = path.rpartition(".")[2]
    found = drawn.by_path.get(path, [])
    if not found:
        if not drawn.is_open:
            said = SKIPPED if drawn.status in ("done", "partly_failed") else UNREACHED
        return Card(name, path, title or name, said, "idle", None, 0.0, 0.0, "", 0)
    began = min(step["started_at"] for step in found)
    ended = [step["finished_at"] for step in found]
    now = datetime.now(UTC)
    until = max(moment or now for moment in ended)
    start = drawn.clock.place(began)
    ticks = "".join(
        TICK.get(step["status"], "f") for step in sorted(found, key=lambda step: step["path"])
    )
    return Card(
        name,
        path,
        title or name,
        _said(found, said),
        _state(found),
        (until - began).total_seconds(),
        start,
        max(NARROWEST, drawn.clock.place(until) - start),
        ticks[:MOST_TICKS] if len(found) > 1 else "",
        max(step["tries"] for step in found),
        _calls_between(drawn, began, until),
    )


def _calls_between(drawn: _Drawn, began: datetime, until: datetime) -> tuple[Call, ...]:
    """Return what agents and tools did while a step ran."""
    groups: dict[str, list[Any]] = {}
    for row in drawn.calls:
        if began <= row["started_at"] <= until:
            groups.setdefault(row["name"].partition(" ")[2], []).append(row)
    return tuple(_call(drawn, name, rows) for name, rows in groups.items())


def _call(drawn: _Drawn, name: str, rows: list[Any]) -> Call:
    began = rows[0]["started_at"]
    until = max(row["finished_at"] or row["seen_at"] for row in rows)
    failed = sum(row["status"] in ("error", "killed") or row["success"] == "false" for row in rows)
    runs = drawn.status == "running" and any(row["status"] == "pending" for row in rows)
    start = drawn.clock.place(began)
    return Call(
        name,
        len(rows),
        "running" if runs else "failed" if failed == len(rows) else "done",
        (until - began).total_seconds(),
        start,
        max(NARROWEST, drawn.clock.place(until) - start),
    )


def _state(found: list[rows.Step]) -> str:
    statuses = [step["status"] for step in found]
    if "running" in statuses:
        return "running"
    return "done" if "done" in statuses else "failed"


def _said(found: list[rows.Step], said: str) -> str:
    failed = sum(step["status"] not in ("done", "running") for step in found)
    done = sum(step["status"] == "done" for step in found)
    if len(found) > 1:
        counted = f"{done} of {len(found)}"
        return f"{counted}, {failed} failed" if failed else counted
    return str(found[0]["error"] or said)[:200] if failed else said
