"""Pictures of flows that have no spec, and of the forms of their steps as Windmill's editor shows them.

scripts/millrace flows draw u/example/brief > flow.svg
"""

import json
from pathlib import Path
from typing import Any

from f.millrace.core.errors import NotFound
from scripts.compiler import metadata, pulled, shapes
from scripts.compiler.draw import HAND, seconds
from scripts.compiler.sources import read

Json = dict[str, Any]
FIELD = 62
WIDTH = 560
KINDS = {
    "forloopflow": ("loop", "for each of {}"),
    "whileloopflow": ("loop", "again and again"),
    "branchall": ("branch", "all of these"),
    "branchone": ("branch", "one of these"),
}


def load(root: Path, path: str) -> Json:
    """Return the OpenFlow at a path on Windmill; NotFound when there is none."""
    file = root / f"{path}__flow/flow.yaml"
    if not file.is_file():
        raise NotFound(f"there is no flow {path!r}; the file would be {file.relative_to(root).as_posix()}")
    return pulled.read(file)


def svg(root: Path, path: str) -> str:
    """Return the picture of a flow."""
    flow = load(root, path)
    inputs = ", ".join(flow.get("schema", {}).get("order") or flow.get("schema", {}).get("properties") or {})
    parts = [shapes.pill(f"inputs: {inputs}" if inputs else "started by hand", "time")]
    parts += [_shape(module) for module in flow["value"]["modules"]]
    whole = shapes.stack([*parts, shapes.pill("result of the run", "time")])
    return shapes.page(whole, flow["summary"])


def form(root: Path, path: str, step: str) -> str:
    """Return the picture of a step's form: what each field means, an example, and what the flow gives it."""
    module = next(each for each in _every(load(root, path)["value"]["modules"]) if each["id"] == step)
    title, fields = _called(root, module["value"])
    shape = shapes.Shape(WIDTH, 0)
    shape.marks = [shapes.words(0, 16, shapes.cut(f"{module['id']}: {title}", WIDTH, 8), "name")]
    shape.marks.append(shapes.words(0, 34, module["value"]["path"], "note"))
    top = 48
    for name in fields["order"]:
        given = module["value"]["input_transforms"].get(name)
        shape.marks += _field(top, name, fields["properties"][name], name in fields["required"], given)
        top += FIELD
    shape.height = top
    return shapes.page(shape, f"The form of the step {step}")


def _called(root: Path, value: Json) -> tuple[str, Json]:
    """Return the summary and the form of the script or flow that a step calls."""
    if value["type"] == "flow":
        flow = load(root, value["path"])
        return flow["summary"], flow["schema"]
    script = read(root, root / f"{value['path']}.py")
    return metadata.summary(script), metadata.schema(script)


def _field(top: float, name: str, field: Json, required: bool, given: Json | None) -> list[str]:
    """Return one field: name, help, and a box with what it is given, or its default or example in grey."""
    plugged = given is not None and given["type"] == "javascript"
    shown = field.get("placeholder", field["default"]) if given is None else given.get("expr", given.get("value"))
    text = " ".join(shown.split()) if isinstance(shown, str) else "" if shown is None else json.dumps(shown)
    label = name + (" *" if required else "")
    box = f'<rect class="card" x="0" y="{top + 24:g}" width="{WIDTH}" height="28" rx="6"/>'
    colour = shapes.COLOURS["run"] if plugged else shapes.COLOURS["loop"] if given is not None else ""
    return [
        shapes.words(0, top + 14, label, "label"),
        shapes.words(8 * len(label) + 12, top + 14, shapes.cut(field["description"], WIDTH - 8 * len(label) - 12, 6.0), "note"),
        box,
        shapes.words(
            10, top + 42, shapes.cut(("⇠ " if plugged else "") + text, WIDTH - 20, 7.2), "" if given else "note", colour
        ),
    ]


def _shape(module: Json) -> shapes.Shape:
    value, name = module["value"], module["id"]
    summary = module.get("summary") or ""
    if value["type"] not in KINDS:
        notes = [str(value.get("path", value.get("language", value["type"]))).removeprefix("f/millrace/")]
        notes += ["may be skipped"] if module.get("skip_if") else []
        waits = module.get("suspend")
        notes += [f"waits up to {seconds(waits.get('timeout', 1800))}"] if waits else []
        return shapes.card(name, summary, notes, "approval" if waits else "run", HAND if waits else "")
    kind, told = KINDS[value["type"]]
    title = f"{name}: " + told.format(value.get("iterator", {}).get("expr", "these"))
    if "modules" in value:
        return shapes.frame(shapes.stack([_shape(each) for each in value["modules"]]), title, summary, kind)
    branches = [(each.get("summary") or each.get("expr") or "", each["modules"]) for each in value["branches"]]
    branches += [("otherwise", value["default"])] if value.get("default") else []
    drawn = [shapes.stack([_shape(each) for each in modules]) for _, modules in branches]
    return shapes.frame(shapes.beside(drawn, [label for label, _ in branches], shapes.COLOURS[kind]), title, summary, kind)


def _every(modules: list[Json]) -> list[Json]:
    found = list(modules)
    for module in modules:
        value = module["value"]
        bodies = [value.get("modules"), value.get("default"), *(each["modules"] for each in value.get("branches", []))]
        found += [each for body in bodies if body for each in _every(body)]
    return found
