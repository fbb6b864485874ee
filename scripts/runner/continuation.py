"""A run that continues another from one of its steps: what it takes over.

The steps before keep their results. What they had read and found out is copied under new ids, so
that neither run changes what the other shows; what they spent counts against the limit of the run.
Actions stay those of the run that proposed them: what was done is never copied.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from f.millrace.core import db, ids
from f.millrace.core.errors import BadInput
from f.millrace.telemetry import runs
from f.millrace.trust import budget

INDEX = re.compile(r"\[[^\]]*\]")
# Each id that rows and results name: of a run or a digest, of a topic or a passage.
# Not the space of a dry run, which is named by its run: what was read is there.
ID = re.compile(
    r"(?<![\w-])(?:[a-z]{2,5}_[0-9a-f]{16}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
)
# What the steps before the chosen one left, by table; `began` is when that one began.
READ_BY_STEPS = """EXISTS (SELECT FROM step s WHERE s.run_id = t.run_id
AND s.name = 'research.read_source' AND s.finished_at <= %(began)s)"""
TABLES = {
    "topic": "t.created_at < %(began)s",
    "evidence": "t.created_at < %(began)s",
    "research_result": "t.created_at < %(began)s",
    "source_reading": READ_BY_STEPS,
    "digest": "t.created_at < %(began)s",
    "step": "t.started_at < %(began)s AND t.status = 'done'",
}
WITH_IDS = ("topic", "evidence", "digest")


class ChainStart(NamedTuple):
    """Where a chain begins: before its module of this number, with what those before came to."""

    number: int
    results: dict[str, Any]


class StepPlace(NamedTuple):
    """A step in a flow: the number of the module in each chain on the way, and the branch of it
    that the way leads into.
    """

    path: str
    way: list[tuple[list[dict[str, Any]], int, int | str | None]]


def find_place(modules: list[dict[str, Any]], step: str) -> StepPlace:
    """Return where a step stands. What is in a loop or in a called flow begins with the whole of
    that. BadInput when the flow has no such step.
    """
    names, way, path = INDEX.sub("", step).split("."), [], ""
    for name in names:
        index = next((at for at, one in enumerate(modules) if one["id"] == name), None)
        if index is None:
            raise BadInput(f"the flow of this run has no step {step!r}")
        path += ("." if path else "") + name
        value = modules[index]["value"]
        following = names[len(way) + 1] if len(way) + 1 < len(names) else None
        if value["type"] != "branchone" or following is None:
            way.append((modules, index, None))
            break
        branch, inner = _find_branch(value, following)
        way.append((modules, index, branch))
        modules = inner
    return StepPlace(path, way)


def _find_branch(value: dict[str, Any], name: str) -> tuple[int | str | None, list[dict[str, Any]]]:
    branches: list[tuple[int | str, list[dict[str, Any]]]] = [
        *enumerate(branch["modules"] for branch in value.get("branches") or []),
        ("default", value.get("default") or []),
    ]
    for branch, modules in branches:
        if any(module["id"] == name for module in modules):
            return branch, modules
    return None, []


def find_starts(place: StepPlace, done: dict[str, Any], thread: str) -> dict[str, ChainStart]:
    """Return where each chain on the way begins, by the thread of its checkpoints."""
    seeds: dict[str, ChainStart] = {}
    for modules, index, branch in place.way:
        if index:
            names = {name for module in modules[:index] for name in _names(module)}
            kept = {name: value for name, value in done.items() if name in names}
            seeds[thread] = ChainStart(index, kept)
        thread = f"{thread}/{modules[index]['id']}:{branch}"
    return seeds


def _names(module: dict[str, Any]) -> list[str]:
    """Return the names of a module and of those inside whose results later steps may read."""
    value = module["value"]
    inner = [one for branch in value.get("branches") or [] for one in branch["modules"]]
    inner += [*(value.get("default") or []), *(value.get("modules") or [])]
    return [module["id"], *(name for one in inner for name in _names(one))]


def find_start_time(run_id: str, path: str) -> datetime:
    """Return when a step of a run began; BadInput when it has not run, or has not ended."""
    rows = db.fetch_all(
        "SELECT started_at, finished_at, path FROM step WHERE run_id = %s ORDER BY started_at",
        [run_id],
    )
    found = [row for row in rows if f"{INDEX.sub('', row['path'])}.".startswith(f"{path}.")]
    if not found or any(row["finished_at"] is None for row in found):
        raise BadInput(
            f"step {path!r} of run {run_id} has not ended; a run goes on from one that has"
        )
    return found[0]["started_at"]


def copy_earlier(
    row: dict[str, Any], run_id: str, place: StepPlace, began: datetime
) -> dict[str, str]:
    """Copy what the steps before left to the new run, and return the new ids by the old ones."""
    old = str(row["id"])
    given: dict[str, str] = {old: run_id}
    if place.way[0][1] == 0 and len(place.way) == 1:
        budget.carry_over(old, run_id)
        return given
    found = {table: _load(table, rule, old, began) for table, rule in TABLES.items()}
    for table in WITH_IDS:
        given |= {one["id"]: _new_id(run_id, one["id"]) for one in found[table]}
    inserts = _load_inserts()
    with db.transaction():
        for table, rows in found.items():
            inserts[table](replace_ids(rows, given))
        runs.store_parts(run_id, replace_ids(runs.load_parts(old, began), given))
        budget.carry_over(old, run_id)
    return given


def _load_inserts() -> dict[str, Callable[[list[dict[str, Any]]], None]]:
    # Few runs continue another, and these load what only research needs.
    from f.millrace.evidence import store
    from f.millrace.memory import results
    from f.millrace.research import compose, intake, select

    return {
        "topic": select.insert_copies,
        "evidence": store.insert_copies,
        "research_result": results.insert_copies,
        "source_reading": intake.insert_copies,
        "digest": compose.insert_copies,
        "step": runs.insert_step_copies,
    }


def _new_id(run_id: str, old: str) -> str:
    prefix, found, _ = old.partition("_")
    return ids.stable_id(prefix, run_id, old) if found else str(uuid.uuid5(uuid.UUID(run_id), old))


def replace_ids(value: Any, given: dict[str, str]) -> Any:
    """Return JSON in which ids are replaced by those that stand for them here."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return json.loads(ID.sub(lambda found: given.get(found[0], found[0]), text))


def _load(table: str, rule: str, run_id: str, began: datetime) -> list[dict[str, Any]]:
    rows = db.fetch_all(
        f"SELECT to_jsonb(t) AS row FROM {table} t WHERE t.run_id = %(run)s AND {rule}",
        {"run": run_id, "began": began},
    )
    return [row["row"] for row in rows]
