"""The order of steps: as written, or in levels when `depends_on` says what needs what."""

from scripts.compiler.model import Path, Step
from scripts.compiler.reader import Reader, closest, format_list


def paths_of(step: Step) -> list[Path]:
    """Return every path that a step mentions, also inside its loops and branches."""
    found = [step.for_each, step.skip_if, step.stop_if, *[choice.when for choice in step.choices]]
    found += list(step.call.from_.values()) if step.call else []
    found += [step.approval.action, step.approval.when] if step.approval else []
    return [path for path in found if path] + [
        path for steps in step.inner() for inner in steps for path in paths_of(inner)
    ]


def list_needed(step: Step, siblings: set[str]) -> set[str]:
    """Return the sibling steps whose end a step waits for: named, or mentioned in a path."""
    named = {str(value.value) for value in step.depends_on or []} & siblings
    mentioned = {part for path in paths_of(step) if (part := result_of(path.text)) in siblings}
    return (named | mentioned) - {step.id}


def result_of(path: str) -> str | None:
    """Return the id of the step whose result a path reads."""
    parts = path.replace("[", ".").split(".")
    return parts[1] if parts[0] == "results" and len(parts) > 1 else None


def arrange(steps: list[Step]) -> list[list[Step]]:
    """Return the steps in levels; those of one level run side by side.
    Steps of a cycle are left out.
    """
    if all(step.depends_on is None for step in steps):
        return [[step] for step in steps]
    waiting = {step.id: list_needed(step, {other.id for other in steps}) for step in steps}
    levels: list[list[Step]] = []
    done: set[str] = set()
    while ready := [step for step in steps if step.id not in done and waiting[step.id] <= done]:
        levels.append(ready)
        done |= {step.id for step in ready}
    return levels


# complexipy: ignore (an unknown name, a step that waits for itself, and a circle)
def check(reader: Reader, steps: list[Step]) -> None:
    """Report unknown names in `depends_on` and cycles."""
    known = [step.id for step in steps]
    for step in steps:
        for value in step.depends_on or []:
            if value.value == step.id:
                reader.wrong(value.line, f"step {step.id!r} depends on itself")
            elif value.value not in known:
                others = [name for name in known if name != step.id]
                reader.wrong(
                    value.line,
                    f"step {step.id!r} depends on {value.value!r}, which is no step beside it"
                    f"{closest(str(value.value), others)}; beside it are {format_list(others)}",
                )
    placed = {step.id for level in arrange(steps) for step in level}
    left = [step for step in steps if step.id not in placed]
    if left:
        circle = _circle(left)
        reader.wrong(
            left[0].line,
            f"steps wait for each other: {' -> '.join(circle)}; take one of them out of the circle",
        )


def _circle(left: list[Step]) -> list[str]:
    waiting = {step.id: list_needed(step, {other.id for other in left}) for step in left}
    trail = [left[0].id]
    while len(set(trail)) == len(trail):
        following = sorted(waiting[trail[-1]] & waiting.keys())
        trail.append(following[0] if following else trail[0])
    return trail[trail.index(trail[-1]) :]


def group_id(level: list[Step]) -> str:
    """Return the id of the branches that hold a level's steps."""
    return "_and_".join(step.id for step in level)
