"""Pictures of a flow, from its spec: SVG for people, text for terminals.

scripts/millrace flows draw daily_research > flow.svg
"""

from collections.abc import Iterator
from pathlib import Path

from f.millrace.core.errors import NotFound
from scripts.compiler import levels, shapes, spec
from scripts.compiler.model import Branch, Schedule, Spec, Step
from scripts.compiler.model import Path as Reference
from scripts.compiler.reader import closest

# A raised hand, in a square of 24.
HAND = (
    '<path d="M6 12V6.5a1.5 1.5 0 0 1 3 0V11h.6V4.3a1.5 1.5 0 0 1 3 0V11h.6V5.3a1.5 1.5 0 0 1 3'
    " 0V12h.6V8.3a1.5 1.5 0 0 1 3 0V15c0 4.4-2.9 7-7 7-3 0-4.8-1.3-6.2-3.9L3.3 13.6c-.8-1.6 1.3-2.9"
    ' 2.4-1.4z"/>'
)
BY_POLICY = "otherwise by policy"


def svg(root: Path, name: str) -> str:
    """Return a picture of a flow that needs no other file, for light and dark pages."""
    loaded = find(root, name)
    parts = [shapes.pill(start(loaded.schedule), "time")]
    if loaded.call:
        parts.append(shapes.card(loaded.call.run, loaded.summary, [], "run"))
    parts += [shape for level in levels.arrange(loaded.steps) for shape in [_level(level)]]
    parts.append(shapes.pill("result of the run", "time"))
    whole = shapes.stack(parts)
    if loaded.on_failure:
        failure = shapes.card(loaded.on_failure.run, "When a step gives up", [], "failure")
        whole.place(failure, (whole.width - failure.width) / 2, whole.height + shapes.GAP)
        whole.height += shapes.GAP + failure.height
    return shapes.page(whole, loaded.summary)


def text(root: Path, name: str) -> str:
    """Return a flow as an indented list."""
    loaded = find(root, name)
    lines = [f"{loaded.name}: {loaded.summary}", f"  {start(loaded.schedule)}"]
    if loaded.call:
        lines.append(f"  {loaded.call.run}")
    lines += _lines(loaded.steps, "  ")
    if loaded.on_failure:
        lines.append(f"  ! when a step gives up: {loaded.on_failure.run}")
    return "\n".join(lines)


def find(root: Path, name: str) -> Spec:
    """Return a spec by name, or say which names there are."""
    path = root / spec.FOLDER / f"{name}.yaml"
    if not path.exists():
        names = [found.stem for found in spec.files(root)]
        raise NotFound(
            f"there is no flow {name!r}{closest(name, names)}; there are"
            f" {', '.join(names) or 'none yet'}"
        )
    return spec.load(path)


def start(schedule: Schedule | None) -> str:
    """Return when a flow starts, in words where the cron line is a plain time of day."""
    if schedule is None:
        return "started by hand"
    second, minute, hour, *rest = schedule.cron.split()
    if rest == ["*", "*", "*"] and hour.isdigit() and minute.isdigit() and second.isdigit():
        when = f"every day at {int(hour):02d}:{int(minute):02d}"
    else:
        when = f"cron {schedule.cron}"
    return f"{when}, {schedule.timezone}" + ("" if schedule.enabled else " (off)")


def notes(step: Step) -> list[str]:
    """Return the small print of a step: retries, time limit, conditions."""
    found = []
    if step.retry:
        found.append(f"up to {step.retry['attempts'] + 1} attempts")
    if step.timeout:
        found.append(f"at most {seconds(step.timeout)}")
    if step.keep_going and step.kind == "run":
        found.append("failure tolerated")
    if step.skip_if:
        found.append("may be skipped")
    if step.stop_if:
        found.append("may end the run")
    if step.approval:
        found.append(f"waits up to {seconds(step.approval.timeout)}")
    return found


def seconds(count: int) -> str:
    """Return a duration as people say it."""
    for unit, size in (("h", 3600), ("min", 60)):
        if count >= 2 * size and count % size == 0:
            return f"{count // size} {unit}"
    return f"{count} s"


def _level(level: list[Step]) -> shapes.Shape:
    if len(level) == 1:
        return _shape(level[0])
    inner = shapes.place_beside(
        [_shape(step) for step in level], ["" for _ in level], shapes.COLOURS["branch"]
    )
    return shapes.frame(inner, "side by side", "", "branch")


def _shape(step: Step) -> shapes.Shape:
    if step.call:
        return shapes.card(step.id, step.summary, notes(step), "run")
    if step.approval:
        return shapes.card(step.id, step.summary, notes(step), "approval", HAND)
    if step.for_each:
        title = f"{step.id}: for each of {step.for_each.text}"
        return shapes.frame(
            _stack(step.steps), title, step.summary, "loop", " · ".join(manner(step))
        )
    choices = _choices(step)
    inner = shapes.place_beside(
        [_stack(branch.steps) for branch, _ in choices],
        [label for _, label in choices],
        shapes.COLOURS["branch"],
    )
    title = f"{step.id}: one of these" if step.choices else f"{step.id}: all of these"
    return shapes.frame(inner, title, step.summary, "branch", " · ".join(notes(step)))


def manner(step: Step) -> list[str]:
    """Return how a loop runs its items."""
    return (["all at once"] if step.parallel else []) + (
        ["a failed item is noted"] if step.keep_going else []
    )


def _stack(steps: list[Step]) -> shapes.Shape:
    return shapes.stack([_level(level) for level in levels.arrange(steps)])


def _choices(step: Step) -> list[tuple[Branch, str]]:
    pairs = [(branch, branch.summary) for branch in step.branches]
    pairs += [
        (choice, choice.summary or f"when {condition(choice.when)}") for choice in step.choices
    ]
    return pairs + ([(Branch(step.otherwise, step.line), "otherwise")] if step.otherwise else [])


def condition(path: Reference | None) -> str:
    """Return a condition as it stands in the spec."""
    return "" if path is None else f"not {path.text}" if path.negated else path.text


# complexipy: ignore (it draws a tree, so it calls itself in two places)
def _lines(steps: list[Step], indent: str) -> list[str]:
    lines = []
    for level in levels.arrange(steps):
        for step in level:
            mark = "=" if len(level) > 1 else _mark(step)
            small = f"  ({', '.join(notes(step))})" if notes(step) else ""
            lines.append(f"{indent}{mark} {step.id}: {step.summary}{small}")
            lines += [f"{indent}    {line}" for line in _conditions(step)]
            lines += _lines(step.steps, indent + "    ")
            for branch, label in _choices(step):
                lines += [
                    f"{indent}    {label or 'branch'}:",
                    *_lines(branch.steps, indent + "      "),
                ]
    return lines


def _mark(step: Step) -> str:
    if step.for_each:
        return "@"
    return "?" if step.approval or step.choices else "-"


def _conditions(step: Step) -> Iterator[str]:
    """Return what decides how often and whether a step runs, in words."""
    if step.for_each:
        yield ", ".join([f"for each of {step.for_each.text}", *manner(step)])
    if step.approval:
        when = step.approval.when
        yield f"a person decides {f'when {condition(when)}, {BY_POLICY}' if when else 'always'}"
