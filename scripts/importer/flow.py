"""Importing a flow that was edited in Windmill's editor and pulled:
its spec again, and what has no words there.
"""

import difflib
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from f.millrace.core.errors import BadInput, NotFound
from scripts.compiler import levels, locks, metadata, outputs, pulled, semantics, spec, write
from scripts.compiler.openflow import compile_flow, compile_schedule
from scripts.compiler.problems import Problem, SpecInvalid
from scripts.compiler.sources import HOME, Bundle, bundle
from scripts.compiler.yamlread import read
from scripts.importer import canonical, inline, normal_form, validate_form
from scripts.importer.decompile import NotExpressible, decompile
from scripts.importer.merge_text import list_steps, match_steps, merge
from scripts.importer.prepare import prepare

Json = dict[str, Any]
FLOW_FILE = "flow.yaml"
SUFFIX = "__flow"
# The flow's own words, and what the server notes of a schedule by itself.
KEPT_BY_SERVER = (
    "summary",
    "email",
    "edited_by",
    "edited_at",
    "permissioned_as",
    "extra_perms",
    "version_id",
)
ORIGIN = re.compile(
    r"\s*(?:Made from flows/\S+\. Edit here and deploy, then `wmill sync pull` and"
    r" `scripts/millrace flows import \S+`\s+bring the"
    r" edit into that file\.|Compiled from flows/\S+; edit that file\.)"
)


@dataclass
class Imported:
    """The text of the spec that a flow became, what it could not say, and what to know about it.

    `steps` are the files that its inline scripts became; `left_over` are those of the flow's folder
    that nothing names then.
    """

    name: str
    text: str
    steps: dict[str, str] = field(default_factory=dict)
    left_over: list[Path] = field(default_factory=list)
    not_expressible: list[NotExpressible] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether the spec says all that the flow says, and is free of mistakes."""
        return not self.not_expressible and not self.problems

    def changes(self, root: Path) -> str:
        """Return the difference between the spec as it is and as it would be."""
        file = root / spec.FOLDER / f"{self.name}.yaml"
        before = file.read_text(encoding="utf-8") if file.is_file() else ""
        label = f"{spec.FOLDER}/{self.name}.yaml"
        lines = difflib.unified_diff(
            before.splitlines(True), self.text.splitlines(True), label, label
        )
        added = [
            line
            for path, text in self.steps.items()
            for line in difflib.unified_diff([], text.splitlines(True), "/dev/null", path)
        ]
        return "".join([*lines, *added])


def find(root: Path, wanted: str) -> Path:
    """Return the flow.yaml that a name, a folder or a file means."""
    given = Path(wanted).expanduser()
    for path in (given, given / FLOW_FILE):
        if path.is_file():
            return path.resolve()
    found = sorted((root / HOME).rglob(f"{wanted}{SUFFIX}/{FLOW_FILE}"))
    if not found:
        names = sorted(
            path.parent.name.removesuffix(SUFFIX) for path in (root / HOME).rglob(FLOW_FILE)
        )
        raise NotFound(
            f"there is no flow {wanted!r}: neither a file nor one of {', '.join(names) or 'none'};"
            " `wmill sync pull` first?"
        )
    return found[0]


def edited(root: Path) -> list[Path]:
    """Return the flows of specs whose flow.yaml or schedule is not what the spec makes."""
    files = bundle(root)
    specs, _ = write.check(root, files)
    found = []
    for each in specs:
        texts = {} if each.call else write.expected(each, files)
        path = root / f"{each.path}{SUFFIX}" / FLOW_FILE
        if path.is_file() and any(
            (root / name).read_text("utf-8") != text
            for name, text in texts.items()
            if (root / name).is_file()
        ):
            found.append(path)
    return found


def read_flow(path: Path, root: Path) -> Imported:
    """Return what a flow becomes, writing nothing."""
    name = path.parent.name.removesuffix(SUFFIX)
    document = pulled.read(path)
    if not isinstance(document, dict) or not isinstance(document.get("value"), dict):
        raise BadInput(
            f"{path.name} in {path.parent.name} is no flow: it has no value with modules"
        )
    validate_form.check(document, f"{path.name} in {path.parent.name}")
    file = root / spec.FOLDER / f"{name}.yaml"
    before = file.read_text(encoding="utf-8") if file.is_file() else None
    if before is not None:
        _refuse_mistakes(file)
    files = bundle(root)
    old = read(before).plain() if before is not None else {}
    known = _steps_by_id(old)
    flow, notes = prepare(canonical.flow(document), files, known)
    flow, steps = inline.move_out(
        flow, name, old.get("area") or path.parent.parent.name, path.parent, files
    )
    notes += [
        f"the inline script of a step is the file {file} now; say there what its inputs mean"
        for file in steps
    ]
    files = inline.with_files(files, steps)
    decompiled = decompile(flow, files, known)
    new = _complete_spec(decompiled.spec, flow, old, path, root)
    _keep_nulls(new, old, _left_empty(document["value"]))
    _keep_depends_on(new, old)
    text = merge(new, before)
    imported = Imported(
        name,
        text,
        steps,
        _named_files(document, path.parent),
        decompiled.not_expressible,
        notes=notes + decompiled.notes,
    )
    loaded = _verify(imported, flow, files, decompiled.joint)
    if loaded is not None:
        imported.not_expressible += _list_not_expressible_of_schedule(
            path, compile_schedule(loaded, files) or {}
        )
    return imported


def write_spec(imported: Imported, root: Path) -> list[str]:
    """Write the spec and what the compiler makes of it; return the paths."""
    file = root / spec.FOLDER / f"{imported.name}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(imported.text, encoding="utf-8")
    written = [
        file.relative_to(root).as_posix(),
        *outputs.write(root, imported.steps, "it is a step of that name"),
    ]
    if imported.steps:
        described = {
            name: text
            for name, text in metadata.expected(root).items()
            if name.replace(".script.yaml", ".py") in imported.steps
        }
        written += [*outputs.write(root, described, metadata.KEEP), *locks.write(root)]
    if imported.problems:
        return written
    written += write.compile_all(root, [imported.name], overwrite=True)
    flow = root / f"{spec.load(file).path}{SUFFIX}" / FLOW_FILE
    for path in set(imported.left_over) - set(_named_files(pulled.read(flow), flow.parent)):
        path.unlink(missing_ok=True)
    return written


def _named_files(part: Any, folder: Path) -> list[Path]:
    """Return the files in the flow's folder that hold code of its inline scripts."""
    if isinstance(part, list):
        return [path for each in part for path in _named_files(each, folder)]
    if isinstance(part, dict):
        return [path for each in part.values() for path in _named_files(each, folder)]
    return (
        [folder / part.removeprefix(pulled.INLINE).strip()]
        if isinstance(part, str) and part.startswith(pulled.INLINE)
        else []
    )


def _refuse_mistakes(file: Path) -> None:
    loaded, problems = spec.parse(file)
    if loaded is None or problems:
        raise SpecInvalid(
            [
                *problems,
                Problem(
                    f"{spec.FOLDER}/{file.name}", 1, "correct the spec first, then import again"
                ),
            ]
        )
    if loaded.call:
        raise BadInput(f"{spec.FOLDER}/{file.name} schedules a script; there is no flow to import")


def _steps_by_id(old: Json) -> dict[str, Json]:
    """Return the steps of the spec before by id, and its failure handler."""
    known = {step["id"]: step for step in list_steps(old.get("steps") or [])}
    return {**known, **({"failure": old["on_failure"]} if "on_failure" in old else {})}


def _complete_spec(decompiled: Json, flow: Json, old: Json, path: Path, root: Path) -> Json:
    """Return the whole spec: what the flow says,
    and what only the spec before or the schedule says.
    """
    manner = decompiled.pop("schedule", {})
    new: Json = {
        "summary": decompiled.pop("summary"),
        "area": old.get("area") or path.parent.parent.name,
    }
    description = _description_of(flow)
    if description:
        new["description"] = description
    # A new flow that knows nothing of pipelines keeps what the spec before said.
    for key in ("pattern", "orchestrator", "agents", "budget"):
        if "pipeline" not in (flow["value"].get("flow_env") or {}) and key in old:
            new[key] = old[key]
    new |= decompiled
    schedule = _schedule(path, root, old.get("schedule"))
    if schedule:
        new["schedule"] = {**schedule, **manner} if manner else {**_manner(old), **schedule}
    return {key: value for key, value in new.items() if not normal_form.is_default(key, value, new)}


def _description_of(flow: Json) -> str:
    return ORIGIN.sub("", flow["description"]).strip()


def _manner(old: Json) -> Json:
    return {
        key: value
        for key, value in (old.get("schedule") or {}).items()
        if key in ("misfire_grace", "catch_up")
    }


def _schedule(path: Path, root: Path, before: Json | None) -> Json | None:
    """Return the schedule beside a flow; a pulled bundle without the file has none, a single flow
    keeps the spec's.
    """
    theirs = _pulled_schedule(path)
    if theirs is None:
        return None if path.is_relative_to(root) else before
    found = {
        "cron": theirs.get("schedule"),
        "timezone": theirs.get("timezone"),
        "enabled": bool(theirs.get("enabled")),
    }
    return {**found, **({"args": theirs["args"]} if theirs.get("args") else {})}


def _pulled_schedule(path: Path) -> Json | None:
    file = path.parent.parent / f"{path.parent.name.removesuffix(SUFFIX)}.schedule.yaml"
    if not file.is_file():
        return None
    theirs = pulled.read(file)
    if not isinstance(theirs, dict):
        raise BadInput(f"{file.name} is no schedule: it is {theirs!r:.40}; pull it again")
    return theirs


def _list_not_expressible_of_schedule(path: Path, made: Json) -> list[NotExpressible]:
    """Name what a person set on the schedule that the compiled one would not have."""
    theirs = _pulled_schedule(path) or {}
    others = [
        key
        for key, value in theirs.items()
        if key not in KEPT_BY_SERVER and value and made.get(key) != value
    ]
    if not others:
        return []
    return [
        NotExpressible(
            "",
            f"its schedule sets {', '.join(others)}; a spec's schedule has"
            f" {', '.join(spec.SCHEDULE)}",
        )
    ]


def _keep_nulls(new: Json, old: Json, empty: set[tuple[str, str]]) -> None:
    """Keep a constant `null` that the spec gave and the flow still has:
    the form shows it as an empty field.
    """
    before = {step["id"]: step for step in list_steps(old.get("steps") or [])}
    for step in list_steps(new.get("steps") or []):
        was = before.get(step["id"], {})
        names = [
            name
            for name, value in (was.get("with") or {}).items()
            if value is None and (step["id"], name) in empty
        ]
        kept = {
            name: None
            for name in names
            if name not in {**step.get("from", {}), **step.get("with", {})}
        }
        if kept and step.get("run") == was.get("run"):
            step["with"] = {**step.get("with", {}), **kept}


def _left_empty(part: Any) -> set[tuple[str, str]]:
    """Return step and name of every input that the flow gives as an empty field."""
    if isinstance(part, list):
        return {each for inner in part for each in _left_empty(inner)}
    if not isinstance(part, dict):
        return set()
    value = part.get("value")
    given = value.get("input_transforms") if isinstance(value, dict) else None
    empty = (
        [
            name
            for name, each in given.items()
            if each in ({"type": "static"}, {"type": "static", "value": None})
        ]
        if isinstance(given, dict)
        else []
    )
    return {(str(part.get("id")), name) for name in empty}.union(
        *(_left_empty(each) for each in part.values())
    )


# complexipy: ignore (an order is kept only where it gives the same levels)
def _keep_depends_on(new: Json, old: Json) -> None:
    """Write `depends_on` as the spec did, where that gives the same levels."""
    was = match_steps(list_steps(old.get("steps") or []), list_steps(new.get("steps") or []))
    now = {before: name for name, before in was.items()}
    before = {step["id"]: step for step in list_steps(old.get("steps") or [])}
    for steps in _lists(new.get("steps") or []):
        wanted = _arranged(steps)
        kept = [dict(step) for step in steps]
        for step in kept:
            step.pop("depends_on", None)
            given = before.get(was.get(step["id"], ""), {}).get("depends_on")
            if given is not None:
                listing = [given] if isinstance(given, str) else given
                beside = {each["id"] for each in steps} - {step["id"]}
                step["depends_on"] = [now[name] for name in listing if now.get(name) in beside]
        places = {name: place for place, name in enumerate(before)}
        # The order of the file may be another one than that of the levels.
        as_before = sorted(kept, key=lambda step: places.get(was.get(step["id"], ""), len(places)))
        for order in (as_before, kept):
            if any("depends_on" in step for step in order) and _arranged(order) == wanted:
                steps[:] = order
                break


def _arranged(steps: list[Json]) -> list[list[str]]:
    return [[step.id for step in level] for level in levels.arrange(spec.read_steps(steps))]


def _lists(steps: list[Json]) -> list[list[Json]]:
    found = [steps]
    for step in steps:
        for key in ("steps", "otherwise"):
            found += _lists(step[key]) if key in step else []
        for branch in [*step.get("branches", []), *step.get("choose", [])]:
            found += _lists(branch if isinstance(branch, list) else branch["steps"])
    return found


def _verify(imported: Imported, flow: Json, files: Bundle, joint: set[str]) -> spec.Spec | None:
    """Read the new spec as the compiler would, name every difference that is left, and return it
    unless it has mistakes.
    """
    with tempfile.TemporaryDirectory(prefix="millrace-import-") as folder:
        file = Path(folder) / f"{imported.name}.yaml"
        file.write_text(imported.text, encoding="utf-8")
        loaded, problems = spec.parse(file)
    imported.problems = sorted(set(problems + (semantics.check(loaded, files) if loaded else [])))
    if loaded is None or problems:
        return None
    named = {each.step for each in imported.not_expressible} | joint
    made = canonical.flow(compile_flow(loaded, files))
    for step, what in differences(made, flow):
        if step not in named and not (not step and named):
            imported.not_expressible.append(NotExpressible(step, what))
    return loaded


# complexipy: ignore (a paragraph for each part of a flow that may differ)
def differences(made: Json, wanted: Json) -> list[tuple[str, str]]:
    """Return what a compiled flow says otherwise than the one that was edited: step and words."""
    found: list[tuple[str, str]] = []
    sides = [
        {each["id"]: each for each in canonical.every(side["value"]["modules"])}
        for side in (made, wanted)
    ]
    for name in dict.fromkeys([*sides[1], *sides[0]]):
        here, there = (side.get(name) for side in sides)
        if here is None or there is None:
            found.append((name, "it is left out" if here is None else "it is added"))
            continue
        for key in sorted(here.keys() | there.keys()):
            mine, theirs = _shallow(here.get(key)), _shallow(there.get(key))
            if mine != theirs:
                found.append((name, f"its {key} would be {mine!r} instead of {theirs!r}"))
    for key in ("summary", "schema", "description"):
        if key == "description":
            made, wanted = (
                {**side, key: normal_form.join_paragraphs(_description_of(side))}
                for side in (made, wanted)
            )
        if made[key] != wanted[key]:
            found.append(("", f"its {key} would be {made[key]!r} instead of {wanted[key]!r}"))
    for key in ("preprocessor_module", "early_return", "chat_input_enabled"):
        mine, theirs = (_entrance(side["value"].get(key)) for side in (made, wanted))
        if mine != theirs:
            found.append(("", f"its {key} would be {mine!r} instead of {theirs!r}"))
    here, there = made["value"].get("failure_module"), wanted["value"].get("failure_module")
    if (here is None) != (there is None) or (
        here and there and _with_chosen_inputs(here) != _with_chosen_inputs(there)
    ):
        found.append(("failure", "it would be given other inputs"))
    return found


def _entrance(setting: Any) -> Any:
    """Return a setting of the flow as a whole; of a module only what it runs."""
    return (setting.get("value") or {}).get("path") if isinstance(setting, dict) else setting


def _with_chosen_inputs(handler: Json) -> Json:
    value = handler["value"]
    return {
        **value,
        "input_transforms": canonical.chosen_inputs(value.get("input_transforms") or {}),
    }


def _shallow(value: Any) -> Any:
    """Return a module's value with the ids of the modules inside instead of these."""
    if isinstance(value, list):
        return [
            (
                each["id"]
                if isinstance(each, dict) and "id" in each and "value" in each
                else _shallow(each)
            )
            for each in value
        ]
    return (
        {key: _shallow(each) for key, each in value.items()} if isinstance(value, dict) else value
    )
