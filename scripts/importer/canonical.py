"""An OpenFlow without what makes no difference: defaults,
empty settings, other ways to write the same path.

Both sides of a comparison go through it: what the editor left,
and what the compiler makes of the imported spec.
"""

from typing import Any

from scripts.compiler.reader import WORD
from scripts.compiler.semantics import ON_FAILURE
from scripts.importer import expressions

Json = dict[str, Any]
# Nothing that runs: where boxes stand, and what the editor remembers.
SHOWN_ONLY = ("assets", "parallel", "skip_failure", "expr")
EMPTY: tuple[Any, ...] = (None, "", [], {}, False)


def flow(document: Json) -> Json:
    """Return a flow as the comparison and the reading back need it."""
    value = document.get("value") or {}
    kept = {
        key: each
        for key, each in value.items()
        if not _empty(each) and key not in ("modules", "failure_module")
    }
    result: Json = {
        "summary": str(document.get("summary") or "").strip(),
        "description": str(document.get("description") or "").strip(),
        "value": {**kept, "modules": modules(value.get("modules") or [])},
        "schema": schema(document.get("schema") or {}),
    }
    if value.get("failure_module"):
        result["value"]["failure_module"] = module(value["failure_module"], None)
    others = {key: each for key, each in document.items() if key not in result and not _empty(each)}
    return {**result, **others}


def modules(steps: list[Json], before: str | None = None) -> list[Json]:
    """Return a list of modules; `before`
    is the step whose result the first one calls `previous_result`.
    """
    result = []
    for each in steps:
        found = module(each, before)
        result.append(found)
        before = None if "skip_if" in found else found["id"]
    return result


def module(given: Json, before: str | None) -> Json:
    """Return one module."""
    result: Json = {
        "id": str(given.get("id") or ""),
        "summary": str(given.get("summary") or "").strip(),
    }
    result["value"] = _value(given.get("value") or {}, before)
    for key, setting in given.items():
        if key in result:
            continue
        kept = _setting(key, setting, before)
        if not _empty(kept):
            result[key] = kept
    return result


# complexipy: ignore (a case for each kind of module in OpenFlow)
def _value(given: Json, before: str | None) -> Json:
    kind = given.get("type")
    result = {
        key: each for key, each in given.items() if not _empty(each) and key not in SHOWN_ONLY
    }
    if kind in ("script", "rawscript", "flow"):
        given_inputs = given.get("input_transforms") or {}
        result["input_transforms"] = {
            name: made
            for name, each in given_inputs.items()
            if (made := _transform(each, before)) is not None
        }
    if kind in ("forloopflow", "whileloopflow"):
        result["modules"] = modules(given.get("modules") or [])
        result["skip_failures"] = bool(given.get("skip_failures", kind == "forloopflow"))
    if kind == "forloopflow":
        result["parallel"] = bool(given.get("parallel", False))
        result["iterator"] = _transform(given.get("iterator") or {}, before) or {
            "type": "static",
            "value": None,
        }
    if kind == "branchall":
        result["parallel"] = bool(given.get("parallel", True))
        result["branches"] = [
            {**_branch(branch, before), "skip_failure": bool(branch.get("skip_failure", True))}
            for branch in given["branches"]
        ]
    if kind == "branchone":
        result["branches"] = [
            {**_branch(branch, before), "expr": _expression(branch.get("expr") or "", before)}
            for branch in given["branches"]
        ]
        result["default"] = modules(given.get("default") or [], before)
    return result


def _branch(given: Json, before: str | None) -> Json:
    inner = modules(given.get("modules") or [], before)
    summary = str(given.get("summary") or "").strip() or (inner[0]["summary"] if inner else "")
    return {"summary": summary, "modules": inner}


# complexipy: ignore (a case for each setting of a module in OpenFlow)
def _setting(key: str, setting: Any, before: str | None) -> Any:
    if not isinstance(setting, dict):
        if key == "timeout":
            return {"type": "static", "value": setting} if setting else None
        return setting
    if key == "retry":
        tries = {
            name: part
            for name, part in setting.items()
            if not _empty(part) and (name == "retry_if" or part.get("attempts"))
        }
        if "constant" in tries:
            tries["constant"] = {"seconds": 0, **tries["constant"]}
        return tries
    if key in ("skip_if", "stop_after_if", "stop_after_all_iters_if"):
        expr = _expression(setting.get("expr") or "", before)
        return (
            {**{name: part for name, part in setting.items() if not _empty(part)}, "expr": expr}
            if expr
            else None
        )
    if key == "suspend":
        return {
            "required_events": 1,
            **{name: part for name, part in setting.items() if not _empty(part)},
        }
    if key == "mock":
        return setting if setting.get("enabled") else None
    if key in ("timeout", "sleep"):
        return _transform(setting, before)
    return setting


def _transform(given: Json | None, before: str | None) -> Json | None:
    """Return one input, or nothing for a field of the form that was left empty."""
    if given is None:
        return None
    if given.get("type") != "javascript":
        return (
            {"type": given.get("type", "static"), "value": given["value"]}
            if given.get("value") is not None
            else None
        )
    expr = _expression(str(given.get("expr") or ""), before)
    if not expr:
        return None
    is_constant, value = expressions.constant(expr)
    if is_constant:
        return {"type": "static", "value": value} if value is not None else None
    return {"type": "javascript", "expr": expr}


def chosen_inputs(transforms: Json) -> Json:
    """Return the inputs of a failure handler without those that each is given by itself, by us or
    by the editor.
    """
    return {
        name: each
        for name, each in transforms.items()
        if each.get("expr") != ON_FAILURE.get(name, "")
    }


def _expression(text: str, before: str | None) -> str:
    found = expressions.simple(text)
    bare = found.removeprefix("!")
    if before and expressions.is_path(bare) and expressions.root_of(bare) == "previous_result":
        return found.replace("previous_result", f"results.{before}", 1)
    return found


def schema(given: Json) -> Json:
    """Return the form: its fields in order, each without empty settings."""
    fields = given.get("properties") or {}
    order = [name for name in given.get("order") or [] if name in fields]
    order += [name for name in fields if name not in order]
    required = set(given.get("required") or [])
    return {
        "order": order,
        "properties": {name: _field(fields[name] or {}) for name in order},
        # A field with a default is never missing.
        "required": sorted(
            name for name in order if name in required and fields[name].get("default") is None
        ),
    }


def _field(given: Json) -> Json:
    return {
        key: part
        for key, part in given.items()
        if not _empty(part) or (key == "default" and part is not None)
    }


def _empty(value: Any) -> bool:
    return any(value is each or (type(value) is type(each) and value == each) for each in EMPTY)


def words(flow_: Json) -> dict[str, str]:
    """Return new names for ids that are no words of the spec's language, such as `myStep`."""
    taken = {each["id"] for each in every(flow_["value"]["modules"])}
    names: dict[str, str] = {}
    for each in every(flow_["value"]["modules"]):
        old = each["id"]
        if not WORD.fullmatch(old):
            names[old] = _free(word(old), taken)
            taken.add(names[old])
    return names


def word(text: str) -> str:
    """Return a text as an id of the spec's language: small letters, digits and underscores."""
    letters = [
        ("_" if letter.isupper() and position and text[position - 1].islower() else "")
        + letter.lower()
        for position, letter in enumerate(text)
    ]
    found = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter == "_") else "_"
        for letter in "".join(letters)
    )
    return found if WORD.fullmatch(found) else "step_" + found.strip("_")


def _free(wanted: str, taken: set[str]) -> str:
    number = 2
    free = wanted
    while free in taken:
        free, number = f"{wanted}_{number}", number + 1
    return free


def rename(part: Any, names: dict[str, str]) -> Any:
    """Return a part of a flow with other step ids, also where expressions name them."""
    if isinstance(part, list):
        return [rename(each, names) for each in part]
    if not isinstance(part, dict):
        return part
    result = {key: rename(each, names) for key, each in part.items()}
    if isinstance(part.get("expr"), str):
        result["expr"] = expressions.rename(part["expr"], names)
    if part.get("early_return") in names:
        result["early_return"] = names[part["early_return"]]
    if "value" in part and part.get("id") in names:
        result["id"] = names[part["id"]]
    return result


def every(steps: list[Json]) -> list[Json]:
    """Return all modules of a list, those inside loops and branches too."""
    return [
        found
        for step in steps
        for found in [step, *[each for inner in bodies(step) for each in every(inner)]]
    ]


def lists(steps: list[Json]) -> list[list[Json]]:
    """Return a list of modules and all lists of modules inside it."""
    return [steps, *(found for step in steps for inner in bodies(step) for found in lists(inner))]


def bodies(step: Json) -> list[list[Json]]:
    """Return the lists of modules inside one."""
    value = step["value"]
    lists = [value["modules"]] if "modules" in value else []
    lists += [branch["modules"] for branch in value.get("branches", [])]
    return (
        [*lists, value["default"]]
        if "default" in value and value.get("type") == "branchone"
        else lists
    )
