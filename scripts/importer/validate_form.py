"""Whether a pulled flow has the form of one: what is damaged is named,
before anything is read from it.
"""

from collections.abc import Iterator
from typing import Any

from f.millrace.core.errors import BadInput

Json = dict[str, Any]
SHOWN = 5
NAMES = {dict: "a mapping", list: "a list", str: "text"}
CONDITIONS = ("skip_if", "stop_after_if", "stop_after_all_iters_if")


def check(document: Json, name: str) -> None:
    """Raise BadInput with what is damaged; a part that is missing or empty is none of it."""
    found = list(_flow(document))
    if found:
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise BadInput(
            f"{name} is no whole flow: {'; '.join(found[:SHOWN])}{more}. Pull it again, or save it"
            " in the editor"
        )


def _flow(document: Json) -> Iterator[str]:
    value, form = document["value"], document.get("schema") or {}
    yield from _modules(value.get("modules"), "value.modules")
    if value.get("failure_module") is not None:
        yield from _module(value["failure_module"], "value.failure_module")
    yield from _is(value.get("flow_env"), dict, "value.flow_env")
    if isinstance(value.get("flow_env"), dict):
        pipeline = value["flow_env"].get("pipeline")
        yield from _is(pipeline, dict, "value.flow_env.pipeline")
        if isinstance(pipeline, dict):
            yield from _is(pipeline.get("schedule"), dict, "value.flow_env.pipeline.schedule")
    yield from _is(form, dict, "schema")
    fields = form.get("properties") if isinstance(form, dict) else None
    yield from _is(fields, dict, "schema.properties")
    for name, field in fields.items() if isinstance(fields, dict) else ():
        yield from _is(field, dict, f"schema.properties.{name}")
    for key in ("order", "required") if isinstance(form, dict) else ():
        yield from _is(form.get(key), list, f"schema.{key}")


def _modules(modules: Any, where: str) -> Iterator[str]:
    yield from _is(modules, list, where)
    for place, module in enumerate(modules if isinstance(modules, list) else ()):
        yield from _module(module, f"{where}[{place}]")


def _module(module: Any, where: str) -> Iterator[str]:
    if not isinstance(module, dict):
        yield f"{where} is {_name(module)}, not a step"
        return
    where = (
        f"step {module['id']!r}" if isinstance(module.get("id"), str) and module["id"] else where
    )
    value = module.get("value")
    if not isinstance(value, dict) or not isinstance(value.get("type"), str) or not value["type"]:
        yield f"{where} has no value with a type"
        return
    yield from _is(value.get("path"), str, f"{where}: path")
    yield from _transforms(value.get("input_transforms"), f"{where}: input_transforms")
    for key in (
        "iterator",
        *(key for key in ("timeout", "sleep") if isinstance(module.get(key), dict)),
    ):
        yield from _transform((value if key == "iterator" else module).get(key), f"{where}: {key}")
    for key in ("retry", "suspend", "mock", *CONDITIONS):
        yield from _is(module.get(key), dict, f"{where}: {key}")
        if key in CONDITIONS and isinstance(module.get(key), dict):
            yield from _is(module[key].get("expr"), str, f"{where}: {key}.expr")
    for key, part in (module["retry"] if isinstance(module.get("retry"), dict) else {}).items():
        yield from _is(part, dict, f"{where}: retry.{key}")
    yield from _modules(value.get("modules"), f"{where}: modules")
    if value["type"] == "branchone":
        yield from _modules(value.get("default"), f"{where}: default")
    if value["type"] in ("branchone", "branchall"):
        yield from _branches(value.get("branches"), where)


def _branches(branches: Any, where: str) -> Iterator[str]:
    if not isinstance(branches, list):
        yield f"{where} has no list of branches"
        return
    for place, branch in enumerate(branches):
        if not isinstance(branch, dict):
            yield f"{where}: branch {place} is {_name(branch)}"
            continue
        yield from _is(branch.get("expr"), str, f"{where}: expr of branch {place}")
        yield from _modules(branch.get("modules"), f"{where}: modules of branch {place}")


def _transforms(given: Any, where: str) -> Iterator[str]:
    yield from _is(given, dict, where)
    for name, each in given.items() if isinstance(given, dict) else ():
        yield from _transform(each, f"{where}.{name}")


def _transform(given: Any, where: str) -> Iterator[str]:
    yield from _is(given, dict, where)
    if isinstance(given, dict) and given.get("type") == "javascript":
        yield from _is(given.get("expr"), str, f"{where}.expr")


def _is(part: Any, kind: type, where: str) -> Iterator[str]:
    if part is not None and not isinstance(part, kind):
        yield f"{where} is {_name(part)} where {NAMES[kind]} belongs"


def _name(part: Any) -> str:
    return NAMES.get(type(part), repr(part)[:40])
