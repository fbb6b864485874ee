"""Writing an imported spec over the text of the spec before:
what did not change keeps its lines and comments.
"""

import json
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Any

import yaml

from scripts.compiler.spec import KEYS, TOP
from scripts.importer import normal_form
from scripts.importer.sourcetext import Entry, Part, parse

Json = dict[str, Any]
WIDTH = 120
STEP = (
    "id",
    "when",
    "summary",
    "depends_on",
    "for_each",
    "run",
    "from",
    "with",
    "approval",
    "parallel",
    "keep_going",
    "retry",
    "timeout",
    "skip_if",
    "stop_if",
    "steps",
    "branches",
    "choose",
    "otherwise",
)
ORDER = {
    name: number for number, name in enumerate((*TOP, *[key for key in STEP if key not in TOP]))
}
ORDER_STEP = {name: number for number, name in enumerate(STEP)}
ALWAYS_BLOCK = ("steps", "branches", "choose", "otherwise", "inputs")


def merge(new: Json, before: str | None) -> str:
    """Return the text of a spec; `before` is the text whose comments
    and lines are kept where they still hold.
    """
    if before is None:
        return "\n".join(_fresh_mapping(new)) + "\n"
    document = parse(before)
    writer = _Writer(document.top, new)
    return "\n".join([*writer.mapping(document.top, new), *document.tail]).rstrip("\n") + "\n"


def match_steps(old: Iterable[Json], new: Iterable[Json]) -> dict[str, str]:
    """Return for each new step the id of the old step that it was: the same id, or a renamed one
    that is most alike.
    """
    olds, news = {step["id"]: step for step in old}, {step["id"]: step for step in new}
    found = {name: name for name in news if name in olds}
    free = [name for name in olds if name not in found]
    for name, step in news.items():
        if name in found:
            continue
        alike = [(_likeness(olds[each], step, found), each) for each in free]
        score, best = max(alike, default=(0.0, ""))
        if score >= 0.5:
            found[name] = best
            free.remove(best)
    return found


def list_steps(steps: Iterable[Any]) -> list[Json]:
    """Return the steps of a plain list, those inside loops and branches too."""
    found: list[Json] = []
    for step in steps:
        if not isinstance(step, dict):
            found += list_steps(step) if isinstance(step, list) else []
            continue
        found += [step] if "id" in step else []
        for key in ("steps", "branches", "choose", "otherwise"):
            found += list_steps(step.get(key) or [])
    return found


def _likeness(old: Json, new: Json, found: dict[str, str]) -> float:
    same = [
        key
        for key in ("run", "for_each", "approval")
        if key in old and normal_form.is_same(key, old[key], new.get(key))
    ]
    children = {found.get(each["id"]) for each in list_steps([new])[1:]} & {
        each["id"] for each in list_steps([old])[1:]
    }
    if not same and not children:
        return 0.0
    before, after = (
        json.dumps(normal_form.normalise("", {**step, "id": ""}), sort_keys=True, default=str)
        for step in (old, new)
    )
    return 0.5 + 0.5 * SequenceMatcher(None, before, after).ratio()


class _Writer:
    def __init__(self, top: Part, new: Json) -> None:
        self.entries = {entry.value.plain["id"]: entry for entry in _step_entries(top)}
        steps = list_steps(new.get("steps") or [])
        self.was = match_steps(list_steps(top.plain.get("steps") or []), steps)

    # complexipy: ignore (old keys keep their place, new ones find theirs)
    def mapping(self, old: Part, new: Json) -> list[str]:
        """Return the lines of a mapping; entries keep their place, new ones stand where the
        language lists them.
        """
        order = ORDER_STEP if "id" in new or "when" in new else ORDER
        keys = [
            entry.key
            for entry in old.entries
            if entry.key in new or _is_unchanged(entry.key, old.plain, new)
        ]
        for key in new:
            if key not in keys:
                later = [
                    place
                    for place, each in enumerate(keys)
                    if order.get(each, -1) > order.get(key, len(order))
                ]
                keys.insert(later[0] if later and key in order else len(keys), key)
        lines: list[str] = []
        for key in keys:
            entry = old.entry(key)
            lines += (
                self.entry(key, entry, new[key])
                if key in new or entry is None
                else [*entry.lead, *entry.lines]
            )
        return lines

    def entry(self, key: str, old: Entry | None, value: Any) -> list[str]:
        if old is None:
            return _fresh_entry(key, value)
        if normal_form.is_same(key, old.value.plain, value):
            return [*old.lead, *old.lines]
        part = old.value
        if part.kind == "mapping" and isinstance(value, dict) and value:
            inner = self.inputs(part, value) if key == "inputs" else self.mapping(part, value)
            return [*old.lead, f"{old.head}{old.remark}", *_indented(inner, part.offset or 2)]
        if (
            part.kind == "sequence"
            and isinstance(value, list)
            and value
            and isinstance(value[0], (dict, list))
        ):
            return [
                *old.lead,
                f"{old.head}{old.remark}",
                *_indented(self.items(part, value), part.offset),
            ]
        fresh = _fresh_entry(key, _keep_form(key, part.plain, value))
        return [*old.lead, fresh[0] + (old.remark if len(fresh) == 1 else ""), *fresh[1:]]

    def inputs(self, old: Part, new: Json) -> list[str]:
        """Return the inputs in the order of the form."""
        return [
            line for key, value in new.items() for line in self.entry(key, old.entry(key), value)
        ]

    def items(self, old: Part, new: list[Any]) -> list[str]:
        """Return the lines of a list of steps or branches, each with the lines of what it was
        before, wherever that stood.
        """
        lines: list[str] = []
        for value in new:
            entry = (
                self.entries.get(self.was.get(value["id"], ""))
                if isinstance(value, dict) and "id" in value
                else None
            )
            if entry is None and not (isinstance(value, dict) and "id" in value):
                entry = self.branch_before(old, value)
            lines += self.item(entry, value)
        return lines

    def branch_before(self, old: Part, value: Any) -> Entry | None:
        """Return the branch that shares a step with this one."""
        mine = {self.was.get(step["id"]) for step in list_steps([value])}
        for entry in old.entries:
            if mine & {step["id"] for step in list_steps([entry.value.plain])}:
                return entry
        return None

    def item(self, old: Entry | None, value: Any) -> list[str]:
        if old is None:
            return _fresh_item(value)
        if normal_form.is_same("", old.value.plain, value):
            return [*old.lead, *old.lines]
        part = old.value
        if part.kind == "mapping" and isinstance(value, dict):
            inner = self.mapping(part, value)
        elif part.kind == "sequence" and isinstance(value, list):
            inner = self.items(part, value)
        else:
            short = (
                f"- {_flow(_keep_form('', part.plain, value))}"
                if isinstance(value, dict) and not list_steps([value])[1:]
                else ""
            )
            return [
                *old.lead,
                *([short + old.remark] if 0 < len(short) <= WIDTH else _fresh_item(value)),
            ]
        shifted = _indented(inner, part.offset or 2)
        first = next(
            number for number, line in enumerate(inner) if line and not line.startswith("#")
        )
        lead = [line.strip() for line in shifted[:first]]
        return [*old.lead, *lead, "-" + shifted[first][1:], *shifted[first + 1 :]]


def _is_unchanged(key: str, old: Json, new: Json) -> bool:
    """Tell whether an entry that only writes out a default stays: a step that is of another kind
    now may not have it.
    """
    kind = next((kind for kind in KEYS if kind in new), "") if "id" in new else ""
    return normal_form.is_default(key, old[key], old) and key in KEYS.get(kind, (key,))


def _keep_form(key: str, old: Any, new: Any) -> Any:
    """Return a value in the manner of the one before: its order, its defaults, what says the same,
    2h instead of 7200.
    """
    if normal_form.is_same(key, old, new):
        return old
    if key == "timeout" and isinstance(old, str) and isinstance(new, int):
        return normal_form.format_duration(new)
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    kept = {
        name: each
        for name, each in old.items()
        if name not in new and _is_unchanged(name, old, new)
    }
    known = {name: _keep_form(name, old[name], new[name]) for name in old if name in new}
    added = {
        name: each
        for name, each in _ordered(new).items()
        if name not in old and not normal_form.is_default(name, each, new)
    }
    return {name: {**kept, **known}[name] for name in old if name in kept or name in known} | added


def _step_entries(part: Part) -> list[Entry]:
    found = []
    for entry in part.entries:
        if not entry.key and isinstance(entry.value.plain, dict) and "id" in entry.value.plain:
            found.append(entry)
        found += _step_entries(entry.value)
    return found


def _fresh_mapping(value: Json) -> list[str]:
    return [line for key, each in _ordered(value).items() for line in _fresh_entry(key, each)]


def _ordered(value: Json) -> Json:
    order = ORDER_STEP if "id" in value or "when" in value else ORDER
    return {key: value[key] for key in sorted(value, key=lambda key: order.get(key, len(order)))}


def _fresh_entry(key: str, value: Any) -> list[str]:
    if key == "description" and isinstance(value, str) and ("\n" in value or len(value) > WIDTH):
        return [
            "description: |",
            *[f"  {line}" if line else "" for line in normal_form.wrap(value, WIDTH - 2)],
        ]
    if isinstance(value, (dict, list)) and value and key in ALWAYS_BLOCK:
        inner = (
            [line for item in value for line in _fresh_item(item)]
            if isinstance(value, list)
            else _fresh_inputs(value)
        )
        return [f"{key}:", *_indented(inner, 2)]
    line = f"{_flow(key)}: {_flow(value)}"
    if isinstance(value, dict) and len(line) > WIDTH:
        return [
            f"{_flow(key)}:",
            *[f"  {_flow(name)}: {_flow(each)}" for name, each in value.items()],
        ]
    return [line]


def _fresh_inputs(value: Json) -> list[str]:
    return [f"{_flow(name)}: {_flow(parts)}" for name, parts in value.items()]


def _fresh_item(value: Any) -> list[str]:
    inner = (
        [line for each in value for line in _fresh_item(each)]
        if isinstance(value, list)
        else _fresh_mapping(value)
    )
    shifted = _indented(inner, 2)
    return ["-" + shifted[0][1:], *shifted[1:]]


def _flow(value: Any) -> str:
    """Return a value in one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=10**9, allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("...").rstrip("\n")


def _indented(lines: list[str], by: int) -> list[str]:
    return [" " * by + line if line else "" for line in lines]
