"""Writing what is compiled from the specs, and telling what has drifted.

scripts/millrace flows compile
"""

from collections.abc import Collection
from pathlib import Path

from f.millrace.core.errors import NotFound
from scripts.compiler import outputs, semantics, serverform, spec, specs_schema
from scripts.compiler.model import Spec
from scripts.compiler.openflow import compile_flow, compile_schedule
from scripts.compiler.problems import Problem, SpecInvalid
from scripts.compiler.reader import closest
from scripts.compiler.sources import HOME, Bundle, bundle

COMPILE = "run scripts/millrace flows compile"
IMPORT = "after an edit on Windmill scripts/millrace flows import"
KEEP = "an edit on Windmill is brought into its spec by scripts/millrace flows import"
# The second is what earlier versions wrote; flows on servers may still say it.
MARKS = ("Made from flows/", "Compiled from flows/")


def check(root: Path, files: Bundle | None = None) -> tuple[list[Spec], list[Problem]]:
    """Return the specs that are free of mistakes, and the mistakes of the others."""
    files = files or bundle(root)
    good, problems = [], []
    for path in spec.files(root):
        loaded, found = spec.parse(path)
        if loaded is not None:
            found = found + semantics.check(loaded, files)
        if loaded is not None and not found:
            good.append(loaded)
        problems += found
    return good, sorted(set(problems))


def expected(spec_: Spec, files: Bundle) -> dict[str, str]:
    """Return the generated files of one spec: path and text."""
    texts = {}
    if spec_.call is None:
        texts[f"{spec_.path}__flow/flow.yaml"] = serverform.dump(compile_flow(spec_, files))
    schedule = compile_schedule(spec_, files)
    if schedule is not None:
        texts[f"{spec_.path}.schedule.yaml"] = serverform.dump(schedule)
    return texts


# complexipy: ignore (all flows or some: what is checked, written and removed differs)
def compile_all(
    root: Path, only: Collection[str] | None = None, overwrite: bool = False
) -> list[str]:
    """Write what has changed and remove what no spec makes any more; return the paths.

    Nothing is written when a spec has a mistake, or (unless with `overwrite`) when a compiled file
    was edited since.
    """
    files = bundle(root)
    specs, problems = check(root, files)
    names = [path.stem for path in spec.files(root)]
    for name in only or ():
        if name not in names:
            raise NotFound(
                f"there is no flow {name!r}{closest(name, names)}; scripts/millrace flows list"
                " shows them"
            )
    if only:
        problems = [problem for problem in problems if Path(problem.file).stem in only]
    if problems:
        raise SpecInvalid(problems)
    chosen = [each for each in specs if not only or each.name in only]
    texts = {name: text for each in chosen for name, text in expected(each, files).items()}
    if not only:
        texts[specs_schema.FILE] = specs_schema.text()
    changed = outputs.write(root, texts, KEEP, overwrite)
    if not only:
        for name in list_stale(root, specs, files):
            (root / name).unlink()
            changed.append(name)
    return changed


def drift(root: Path) -> list[Problem]:
    """Return every mistake in a spec, and every generated file that is not what its spec makes."""
    files = bundle(root)
    specs, problems = check(root, files)
    for each in specs:
        for name, text in expected(each, files).items():
            problems += _compare(
                root,
                name,
                text,
                f"differs from what {each.file} makes",
                f"{COMPILE}, or {IMPORT} {each.name}",
            )
    problems += _compare(
        root, specs_schema.FILE, specs_schema.text(), "differs from the language of the specs"
    )
    problems += [
        Problem(name, 1, f"no spec makes this file; {COMPILE}")
        for name in list_stale(root, specs, files)
    ]
    return problems


def list_stale(root: Path, specs: list[Spec], files: Bundle) -> list[str]:
    """Return generated flows and schedules that no spec makes.
    A spec with mistakes keeps its files.
    """
    wanted = {name for each in specs for name in expected(each, files)}
    broken = {path.stem for path in spec.files(root)} - {each.name for each in specs}
    found = []
    for path in sorted((root / HOME).rglob("*.yaml")):
        name = path.relative_to(root).as_posix()
        flow = path.name == "flow.yaml" and is_made(path)
        if not flow and (not name.endswith(".schedule.yaml") or is_handwritten(path)):
            continue
        stem = (
            path.parent.name.removesuffix("__flow")
            if flow
            else path.name.removesuffix(".schedule.yaml")
        )
        if name not in wanted and stem not in broken:
            found.append(name)
    return found


def is_handwritten(path: Path) -> bool:
    """Tell whether a flow, or the flow beside a schedule,
    is written by hand: then no spec is asked for.
    """
    flow = (
        path
        if path.name == "flow.yaml"
        else path.parent / f"{path.name.removesuffix('.schedule.yaml')}__flow" / "flow.yaml"
    )
    return flow.is_file() and not is_made(flow)


def is_made(flow: Path) -> bool:
    """Tell whether a flow says that it is made from a spec."""
    text = flow.read_text(encoding="utf-8")
    return any(mark in text for mark in MARKS)


def _compare(root: Path, name: str, text: str, what: str, way_out: str = COMPILE) -> list[Problem]:
    path = root / name
    if not path.exists():
        return [Problem(name, 1, f"is missing; {COMPILE}")]
    lines, wanted = path.read_text(encoding="utf-8").split("\n"), text.split("\n")
    if lines == wanted:
        return []
    first = next(
        (number for number, (a, b) in enumerate(zip(lines, wanted, strict=False), 1) if a != b),
        min(len(lines), len(wanted)),
    )
    return [Problem(name, first, f"{what}; {way_out}")]
