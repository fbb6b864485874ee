"""The compiler's form of an approval, recognised in an edited flow and put in order."""

from typing import Any

from scripts.compiler.semantics import ASK, BY_POLICY, RECORD
from scripts.compiler.sources import HOME
from scripts.importer import canonical

Json = dict[str, Any]
DEFAULT_SECONDS = 1800


def runs(module: Json) -> str:
    """Return the verb of the script that a module runs, or nothing."""
    value = module["value"]
    return value.get("path", "").removeprefix(HOME + "/") if value.get("type") == "script" else ""


def parts(module: Json) -> tuple[Json, Json, Json] | None:
    """Return the modules that ask, record and decide by policy, when the module is an approval."""
    value = module["value"]
    if value.get("type") != "branchone" or len(value["branches"]) != 1:
        return None
    inner = [*value["branches"][0]["modules"], *value["default"]]
    if [runs(each) for each in inner] != [ASK, RECORD, BY_POLICY] or len(value["default"]) != 1:
        return None
    return inner[0], inner[1], inner[2]


def names(flow: Json) -> dict[str, str]:
    """Return the ids that the parts of renamed approvals should have."""
    found = {}
    for module in canonical.every(flow["value"]["modules"]):
        for part, end in zip(parts(module) or (), ("ask", "record", "by_policy"), strict=False):
            if part["id"] != f"{module['id']}_{end}":
                found[part["id"]] = f"{module['id']}_{end}"
    return found


def agree(flow: Json, before: dict[str, Json]) -> list[str]:
    """Let the question and the flow wait equally long, changing the flow; return a note for each that was put right."""
    notes = []
    for module in canonical.every(flow["value"]["modules"]):
        found = parts(module)
        if found is None or "suspend" not in found[0]:
            continue
        ask = found[0]
        suspend, transforms = ask["suspend"], ask["value"]["input_transforms"]
        waits = suspend.get("timeout", DEFAULT_SECONDS)
        expires = (transforms.get("timeout") or {}).get("value")
        if expires == waits or not isinstance(waits, int) or not isinstance(expires, int | None):
            continue
        # The compiler writes one number at two places; the one that was changed counts.
        given = (before.get(module["id"]) or {}).get("approval", {}).get("timeout")
        chosen = waits if expires is None or waits != given else expires
        suspend["timeout"] = chosen
        transforms["timeout"] = {"type": "static", "value": chosen}
        notes.append(f"step {module['id']!r}: the question and the flow now wait {chosen} s both")
    return notes
