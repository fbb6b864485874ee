"""Pictures of flows that have no spec, and of the forms of their steps,
in the layout of Windmill's flow editor.

scripts/millrace flows draw u/example/brief > flow.svg
"""

import json
import textwrap
from html import escape
from pathlib import Path
from typing import Any

from f.millrace.core.errors import NotFound
from scripts.compiler import metadata, pulled
from scripts.compiler.draw import HAND
from scripts.compiler.shapes import Shape, shorten
from scripts.compiler.sources import read

Json = dict[str, Any]
# The editor's own measures: a box, and from the top of one to the top of the next.
WIDTH, HEIGHT, STEP, BESIDE = 275, 34, 96, 50
FORM = 620
STYLE = """\
text { font-size: 11.5px; fill: #2d3748;
  font-family: Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }
.strong { font-weight: 600; } .slanted { font-style: italic; }
.small { font-size: 11px; fill: #718096; } .help { font-size: 12px; fill: #718096; }
.code { font-family: ui-monospace, Menlo, Consolas, monospace; fill: #2d3748; white-space: pre; }
.red { fill: #e53e3e; } .chosen { fill: #3b5bdb; }
.back { fill: #f0eff3; } .panel { fill: #fbfbfd; stroke: #e2e4ec; }
.box { fill: #ffffff; stroke: #e5e6ee; }
.virtual { fill: #dee0f0; stroke: none; } .badge { fill: #dee0f0; }
.line { fill: none; stroke: #c0c3cf; stroke-width: 1.2; }
.sign { fill: none; stroke: #4a5568; stroke-width: 1.4; } .solid { fill: #4a5568; stroke: none; }
.off { fill: #d5d7e0; } .on { fill: #3b5bdb; } .knob { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text, .code { fill: #dfe3ea; } .small, .help { fill: #9aa3b2; } .chosen { fill: #91a7ff; }
  .back { fill: #20242d; } .panel { fill: #272c36; stroke: #3a4150; }
  .box { fill: #2e3440; stroke: #434b5c; } .virtual, .badge { fill: #3c4255; }
  .line { stroke: #5a6274; } .sign { stroke: #c3c9d5; }
  .solid { fill: #c3c9d5; } .off { fill: #4b5263; }
}
"""
# Beside a box: a script of the workspace, a flow, a loop, branches.
ICONS = {
    "script": (
        '<path class="sign" d="M-4 6 V-6 H4 V6 Z M-4 6 H4 M-1.5 -3 v.6 M1.5 -3 v.6 M-1.5 0 v.6 M1.5'
        ' 0 v.6 M-1 6 V3.5 H1 V6"/>'
    ),
    "flow": '<path class="sign" d="M-5 -4 H5 M-3 0 H5 M-5 4 H3"/>',
    "loop": (
        '<path class="sign" d="M-5 -1 V-3 H4 M2 -5 L4.5 -3 L2 -1 M5 1 V3 H-4 M-2 5 L-4.5 3 L-2 1"/>'
    ),
    "branch": '<path class="sign" d="M-3 -5 V5 M-3 1 C-3 -1 3 0 3 -3 M3 -5 V-3"/>',
}
KINDS = {
    "forloopflow": ("loop", "For loop over {}", "Collect result of each iteration"),
    "whileloopflow": ("loop", "While loop", "Collect result of each iteration"),
    "branchall": ("branch", "All of these", "Collect result of each branch"),
    "branchone": ("branch", "One of these", "Result of the chosen branch"),
}


def load(root: Path, path: str) -> Json:
    """Return the OpenFlow at a path on Windmill; NotFound when there is none."""
    file = root / f"{path}__flow/flow.yaml"
    if not file.is_file():
        raise NotFound(
            f"there is no flow {path!r}; the file would be {file.relative_to(root).as_posix()}"
        )
    return pulled.read(file)


def svg(root: Path, path: str) -> str:
    """Return the picture of a flow: its boxes, each with its summary and id."""
    flow = load(root, path)
    inputs = ", ".join(
        flow.get("schema", {}).get("order") or flow.get("schema", {}).get("properties") or {}
    )
    label = f"Input: {inputs}" if inputs else "Input"
    return _page(
        _chain([_virtual(label), *_modules(flow["value"]["modules"]), _virtual("Result")]),
        flow["summary"],
        "back",
    )


def form(root: Path, path: str, step: str) -> str:
    """Return the picture of a step's form: its fields in the editor's order, with help, and what
    the flow gives each.
    """
    module = next(
        each for each in _every(load(root, path)["value"]["modules"]) if each["id"] == step
    )
    fields = _fields(root, module["value"])
    shape = Shape(FORM, 0)
    shape.marks = [
        _text(0, 14, module["value"]["path"], "strong"),
        f'<rect class="box" x="330" y="-4" width="{FORM - 330}" height="28" rx="6"/>',
        _text(342, 14, module.get("summary") or ""),
        _text(0, 56, "Step Input", "strong"),
        _text(92, 56, "Test this step", "small"),
        _text(196, 56, "Run settings", "small"),
        (
            f'<path class="line" d="M-16 66 H{FORM + 16}"/><path class="line"'
            ' style="stroke-width:2" d="M-8 66 H70"/>'
        ),
    ]
    top = 84.0
    # The editor lists a step's fields as the properties stand in the file, which a pull sorts.
    for name in sorted(fields["properties"]):
        given = module["value"]["input_transforms"].get(name)
        field = _field(
            name, fields["properties"][name], name in (fields.get("required") or []), given
        )
        shape.place(field, 0, top)
        top += field.height + 18
    shape.height = top - 18
    return _page(shape, f"The form of the step {step}", "panel")


def _fields(root: Path, value: Json) -> Json:
    """Return the form of the script or flow that a step calls."""
    if value["type"] == "flow":
        return load(root, value["path"])["schema"]
    return metadata.schema(read(root, root / f"{value['path']}.py"))


# complexipy: ignore (the editor draws a field in as many ways; from top to bottom)
def _field(name: str, field: Json, required: bool, given: Json | None) -> Shape:
    """Return one field: name, type, switch between a value and an expression,
    help, and what it is given.
    """
    expr = str(given.get("expr", "")) if given and given["type"] == "javascript" else ""
    template = (
        field.get("type") == "string"
        and expr.startswith("`")
        and expr.count("`") == 2
        and expr.endswith("`")
    )
    plugged = bool(expr) and not template
    shape = Shape(FORM, 0)
    label = 6.7 * len(name)
    shape.marks = [
        _text(0, 13, name, "strong"),
        _switch("${}" if field.get("type") == "string" else "static", plugged),
    ]
    shape.marks += [_text(label + 1, 12, "*", "red")] if required else []
    shape.marks.append(_text(label + 14, 13, str(field.get("type") or "object"), "small slanted"))
    lines = textwrap.wrap(str(field.get("description") or ""), 100)
    top = 30.0
    if plugged:
        top = _box(shape, top - 4, [line for line in expr.split("\n") if line.strip()], "code")
        shape.marks += [
            _text(0, top + 16 + 16 * number, line, "help slanted")
            for number, line in enumerate(lines)
        ]
        shape.height = top + 16 * len(lines) + 4
        return shape
    shape.marks += [
        _text(0, top + 4 + 16 * number, line, "help") for number, line in enumerate(lines)
    ]
    top += 16 * len(lines) - 3
    value = expr[1:-1] if template else (given or {}).get("value", field.get("default"))
    if field.get("type") == "boolean":
        shape.marks.append(_toggle(top, bool(value)))
        shape.height = top + 20
        return shape
    empty = value in (None, "")
    text = (
        field.get("placeholder", "")
        if empty
        else value
        if isinstance(value, str)
        else json.dumps(value)
    )
    shape.height = _box(shape, top, [str(text)], "small" if empty else "code" if template else "")
    return shape


def _box(shape: Shape, top: float, lines: list[str], style: str) -> float:
    """Put a text box on a field and return where it ends."""
    height = 12 + 16 * len(lines)
    shape.marks.append(
        f'<rect class="box" x="0" y="{top:g}" width="{FORM}" height="{height}" rx="6"/>'
    )
    shape.marks += [
        _text(10, top + 19 + 16 * number, shorten(line, FORM - 20, 7.1), style)
        for number, line in enumerate(lines)
    ]
    return top + height


def _switch(left: str, plugged: bool) -> str:
    x = FORM - 78
    half = (
        f'<rect class="box" x="{x + (46 if plugged else 2)}" y="2" width="{30 if plugged else 42}"'
        ' height="16" rx="4"/>'
    )
    return (
        f'<rect class="off" x="{x}" y="0" width="78" height="20" rx="5"/>{half}'
        + _text(x + 23, 14, left, "small" if plugged else "", "middle")
        + _text(x + 61, 14, "ƒ", "chosen" if plugged else "small", "middle")
    )


def _toggle(top: float, on: bool) -> str:
    return (
        f'<rect class="{"on" if on else "off"}" x="0" y="{top:g}" width="36" height="18" rx="9"/>'
        f'<circle class="knob" cx="{27 if on else 9}" cy="{top + 9:g}" r="7"/>'
    )


def _virtual(label: str) -> Shape:
    shape = Shape(WIDTH, HEIGHT)
    shape.marks = [
        f'<rect class="virtual" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
        _text(WIDTH / 2, 21, shorten(label, WIDTH - 20, 6), "", "middle"),
    ]
    return shape


def _node(module: Json, icon: str, label: str) -> Shape:
    """Return a step's box: an icon, its summary, its id,
    and a hand below when it waits for a person.
    """
    shape, name = Shape(WIDTH, HEIGHT), module["id"]
    badge = 7 * len(name) + 12
    shape.marks = [
        f"<title>{escape(module['value'].get('path') or label)}</title>",
        f'<rect class="box" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
        f'<g transform="translate(17 {HEIGHT / 2:g})">{ICONS[icon]}</g>',
        _text(
            (WIDTH + 34 - badge - 14) / 2,
            21,
            shorten(label, WIDTH - 34 - badge - 14, 6),
            "",
            "middle",
        ),
        f'<rect class="badge" x="{WIDTH - badge - 8}" y="7" width="{badge}" height="20" rx="5"/>',
        _text(WIDTH - badge / 2 - 8, 21, name, "strong", "middle"),
    ]
    if module.get("suspend"):
        shape.marks.append(
            f'<g transform="translate({WIDTH - 34} {HEIGHT - 7})"><rect class="box" width="20"'
            ' height="16" rx="4"/><g class="solid" transform="translate(4 2)'
            f' scale(0.5)">{HAND}</g></g>'
        )
    return shape


def _modules(modules: list[Json]) -> list[Shape]:
    return [shape for module in modules for shape in _shapes(module)]


def _shapes(module: Json) -> list[Shape]:
    """Return the boxes of a module: one, or those of a loop or branches, from their own to the one
    that collects results.
    """
    value, summary = module["value"], module.get("summary") or ""
    if value["type"] not in KINDS:
        return [
            _node(
                module,
                "flow" if value["type"] == "flow" else "script",
                summary or str(value.get("path") or value["type"]),
            )
        ]
    icon, told, collects = KINDS[value["type"]]
    told = told.format(value.get("iterator", {}).get("expr", ""))
    if "modules" in value:
        return [
            _node(module, icon, summary or told),
            _virtual(told),
            *_modules(value["modules"]),
            _virtual(collects),
        ]
    branches = [
        (each.get("summary") or each.get("expr") or "Branch", each["modules"])
        for each in value["branches"]
    ]
    branches += [("Default", value["default"])] if value.get("default") else []
    columns = [_chain([_virtual(label), *_modules(modules)]) for label, modules in branches]
    return [_node(module, icon, summary or told), _columns(columns), _virtual(collects)]


def _chain(shapes: list[Shape]) -> Shape:
    """Return shapes under each other, joined by lines with the editor's + between."""
    whole = Shape(max(shape.width for shape in shapes), 0)
    middle = whole.width / 2
    for number, shape in enumerate(shapes):
        if number:
            end = whole.height + STEP - HEIGHT
            whole.marks.append(
                f'<path class="line" d="M{middle:g} {whole.height + 2:g} V{end - 2:g}"/>'
            )
            whole.marks.append(_plus(middle, (whole.height + end) / 2))
            whole.height = end
        whole.place(shape, middle - shape.width / 2, whole.height)
        whole.height += shape.height
    return whole


def _columns(columns: list[Shape]) -> Shape:
    whole = Shape(
        sum(each.width for each in columns) + BESIDE * (len(columns) - 1),
        max(each.height for each in columns),
    )
    x = 0.0
    for each in columns:
        whole.place(each, x, 0)
        x += each.width + BESIDE
    return whole


def _plus(x: float, y: float) -> str:
    return (
        f'<rect class="box" x="{x - 9:g}" y="{y - 9:g}" width="18" height="18" rx="5"/>'
        f'<path class="sign" d="M{x - 4:g} {y:g} h8 M{x:g} {y - 4:g} v8"/>'
    )


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "") -> str:
    style = f' class="{style}"' if style else ""
    anchor = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:g}" y="{y:g}"{style}{anchor}>{escape(text)}</text>'


def _page(inner: Shape, title: str, ground: str) -> str:
    """Return a whole picture that needs no other file, for light and dark pages."""
    margin = 28
    width, height = inner.width + 2 * margin, inner.height + 2 * margin
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"'
        f' width="{width:g}" height="{height:g}"'
        f' role="img">\n<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n<rect'
        f' class="{ground}" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}"'
        f' rx="10"/>\n<g transform="translate({margin} {margin})">\n'
        + "\n".join(inner.marks)
        + "\n</g>\n</svg>\n"
    )


def _every(modules: list[Json]) -> list[Json]:
    found = list(modules)
    for module in modules:
        value = module["value"]
        bodies = [
            value.get("modules"),
            value.get("default"),
            *(each["modules"] for each in value.get("branches", [])),
        ]
        found += [each for body in bodies if body for each in _every(body)]
    return found
