"""The compiler's form of an approval, recognised in an edited flow and put in order."""

from typing import Any

from scripts.compiler.openflow import RECORDED
from scripts.compiler.semantics import ASK, RECORD
from scripts.compiler.sources import HOME
from scripts.importer import canonical

Json = dict[str, Any]
DEFAULT_SECONDS = 1800
PLAIN = {"id", "summary", "value"}
# What approvals were compiled to before: a choice between a question with its record, and a
# decision by policy.
BY_POLICY = "approvals/record_by_policy"
ASKED = "Ask a person"


def runs(module: Json) -> str:
    """Return the verb of the script that a module runs, or nothing."""
    value = module["value"]
    return value.get("path", "").removeprefix(HOME + "/") if value.get("type") == "script" else ""


def is_pair(modules: list[Json], position: int) -> bool:
    """Tell whether a question and its record stand one after the other."""
    return [runs(each) for each in modules[position : position + 2]] == [ASK, RECORD]


def is_compiled(ask: Json, record: Json) -> bool:
    """Tell whether the ids of a question and its record are those that the compiler gives them."""
    return ask["id"] == f"{record['id']}_ask"


def modernise(flow: Json) -> Json:
    """Return a canonical flow in which approvals of the earlier form have the one of today."""
    value = flow["value"]
    return {**flow, "value": {**value, "modules": _modern(value["modules"])}}


def _modern(modules: list[Json]) -> list[Json]:
    return [
        each for module in modules for each in _unfolded(module) or [_with_modern_bodies(module)]
    ]


def _with_modern_bodies(module: Json) -> Json:
    value = dict(module["value"])
    if "modules" in value:
        value["modules"] = _modern(value["modules"])
    if "branches" in value:
        value["branches"] = [
            {**branch, "modules": _modern(branch["modules"])} for branch in value["branches"]
        ]
    if isinstance(value.get("default"), list):
        value["default"] = _modern(value["default"])
    return {**module, "value": value}


def _unfolded(module: Json) -> list[Json]:
    """Return the question and the record that an approval of the earlier form is, or nothing when
    it is none.
    """
    value = module["value"]
    if value.get("type") != "branchone" or len(value["branches"]) != 1 or set(module) > PLAIN:
        return []
    inner = [*value["branches"][0]["modules"], *value["default"]]
    if (
        [runs(each) for each in inner] != [ASK, RECORD, BY_POLICY]
        or set(inner[2]) > PLAIN
        or "skip_if" in inner[0]
    ):
        return []
    name, expr = module["id"], value["branches"][0]["expr"]
    asked = (
        {"type": "static", "value": True}
        if expr == "true"
        else {"type": "javascript", "expr": expr}
    )
    ask, record = inner[0], inner[1]
    own = ask["summary"] if ask["summary"] not in ("", ASKED) else module["summary"]
    ask = {**ask, "id": f"{name}_ask", "summary": own}
    if expr != "true":
        ask["skip_if"] = {"expr": negated(expr)}
    given = {**record["value"]["input_transforms"], "asked": asked}
    return [
        ask,
        {
            **record,
            "id": name,
            "summary": RECORDED,
            "value": {**record["value"], "input_transforms": given},
        },
    ]


def negated(expr: str) -> str:
    """Return the opposite of a condition that is a path or `!` and a path."""
    return expr.removeprefix("!") if expr.startswith("!") else f"!{expr}"


def agree(flow: Json, before: dict[str, Json]) -> list[str]:
    """Let the question and the flow wait equally long, changing the flow; return a note for each
    that was put right.
    """
    notes = []
    for modules in canonical.lists(flow["value"]["modules"]):
        for position, ask in enumerate(modules):
            if not is_pair(modules, position) or "suspend" not in ask:
                continue
            name = modules[position + 1]["id"]
            suspend, transforms = ask["suspend"], ask["value"]["input_transforms"]
            waits = suspend.get("timeout", DEFAULT_SECONDS)
            expires = (transforms.get("timeout") or {}).get("value")
            if (
                expires == waits
                or not isinstance(waits, int)
                or not isinstance(expires, int | None)
            ):
                continue
            # The compiler writes one number at two places; the one that was changed counts.
            given = (before.get(name) or {}).get("approval", {}).get("timeout")
            chosen = waits if expires is None or waits != given else expires
            suspend["timeout"] = chosen
            transforms["timeout"] = {"type": "static", "value": chosen}
            notes.append(f"step {name!r}: the question and the flow now wait {chosen} s both")
    return notes
