"""Change the code a little, many times, and see whether a test notices.

scripts/prove mutations [trust/actions memory ...] [--sample 200] [--seed 1]
"""

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from scripts.mutations import line_coverage, servers
from scripts.paths import ROOT

if TYPE_CHECKING:
    from scripts.mutations.operators import Mutant

FOLDERS = ("trust", "core", "memory", "research", "digest", "stories")
# Written from the migrations by a command, and compared there.
GENERATED = frozenset({"f/millrace/core/schema.py"})
EQUIVALENT = Path(__file__).with_name("equivalent.yaml")


@dataclass
class Outcome:
    """What became of one mutant."""

    mutant: "Mutant"
    verdict: str
    tests: int = 0
    reason: str = ""

    def describe(self) -> str:
        """Return the place, the verdict and the change."""
        change = self.mutant
        why = {"survived": f"{self.tests} tests pass", "untouched": "no test executes it"}
        said = why.get(self.verdict, self.verdict)
        return "\n".join(
            [
                f"{change.path}:{change.first_line}: {said} ({change.operator})",
                *(f"  - {line}" for line in change.removed),
                *(f"  + {line}" for line in change.added),
            ]
        )


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return 0, or 1 when more than --most of the mutants survive."""
    parser = argparse.ArgumentParser(prog="scripts/prove mutations", description=__doc__)
    parser.add_argument("modules", nargs="*", help="trust, trust/actions, ...; all six folders")
    parser.add_argument("--sample", type=int, default=200, help="how many mutants (0: all)")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--servers", type=int, default=2, help="how many at once")
    parser.add_argument("--tests", nargs="*", help="folders or files of tests; all but tests/live")
    parser.add_argument(
        "--seconds", type=float, default=120, help="of tests for one mutant at most"
    )
    parser.add_argument("--most", type=float, default=0.1, help="share that may survive")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    parser.add_argument("--no-postgres", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)

    servers.install()
    if str(servers.LIBRARIES) not in sys.path:
        sys.path.append(str(servers.LIBRARIES))
    root: Path = options.root
    paths = chosen(root, options.modules or list(FOLDERS))
    sample = draw(root, paths, options.sample, options.seed)
    print(f"{len(sample)} mutants of {len(paths)} modules, seed {options.seed}", flush=True)
    folders = options.tests or sorted(
        f"tests/{folder.name}"
        for folder in root.joinpath("tests").iterdir()
        if folder.is_dir() and folder.name not in ("live", "__pycache__")
    )
    with servers.started(options.servers, root, not options.no_postgres) as running:
        known = line_coverage.measure(running, paths, folders)
        for name, why in known.left_out.items():
            print(f"left out: {name}: {why}", flush=True)
        outcomes = judge(running, sample, known, options.seconds)
    text = report(outcomes)
    (servers.home_of(root) / "report.txt").write_text(text + "\n")
    print(text)
    return int(share_of_survivors(outcomes) >= options.most)


def chosen(root: Path, modules: list[str]) -> list[str]:
    """Return the files that were asked for, by folder or by module."""
    found: list[str] = []
    for name in modules:
        place = root / "f/millrace" / name
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
        if not files or not files[0].exists():
            raise SystemExit(f"f/millrace/{name} is neither a folder nor a module")
        found += [str(file.relative_to(root)) for file in files]
    return [path for path in dict.fromkeys(found) if path not in GENERATED]


def draw(root: Path, paths: list[str], count: int, seed: int) -> list["Mutant"]:
    """Return so many mutants of these files, the same ones for the same seed; all when 0."""
    from scripts.mutations import operators

    sources = {path: (root / path).read_text() for path in paths}
    points = [point for path in paths for point in operators.mutation_points(path, sources[path])]
    random.Random(seed).shuffle(points)
    drawn: dict[tuple[str, str], Mutant] = {}
    for point in points:
        if count and len(drawn) == count:
            break
        mutant = operators.mutate(point, sources[point.path])
        if mutant is not None:
            drawn.setdefault((point.path, operators.meaning(mutant.code)), mutant)
    return sorted(drawn.values(), key=lambda mutant: (mutant.path, mutant.first_line, mutant.id))


def judge(
    running: list[servers.Server],
    sample: list["Mutant"],
    known: line_coverage.Coverage,
    most_seconds: float,
    tell: Callable[[str], None] = lambda text: print(text, flush=True),
) -> list[Outcome]:
    """Run the tests of each mutant's lines with it in place."""
    excused = equivalents()
    outcomes: list[Outcome] = []

    def one(server: servers.Server, mutant: "Mutant") -> None:
        tests = known.tests(mutant.path, mutant.first_line, mutant.last_line, most_seconds)
        outcome = Outcome(mutant, "untouched", len(tests))
        if tests:
            limit = 60 + 10 * sum(known.seconds.get(test, 0.0) for test in tests)
            with server.changed(mutant.path, mutant.code):
                outcome.verdict = server.ask(limit, tests=tests)["verdict"]
        outcome.reason = excused.get(key_of(mutant.path, mutant.removed, mutant.added), "")
        if outcome.verdict in ("survived", "untouched") and outcome.reason:
            outcome.verdict = "equivalent"
        outcomes.append(outcome)
        if outcome.verdict != "killed":
            tell(f"[{len(outcomes)}/{len(sample)}] {outcome.describe()}")

    probe = [known.tests(one.path, one.first_line, one.last_line, 0)[:1] for one in sample]
    first = sorted({test for tests in probe for test in tests})
    if first and running[0].ask(600, tests=first)["verdict"] != "survived":
        raise SystemExit(f"tests fail without a mutant; {running[0].log} says which")
    servers.share(running, sample, one)
    return outcomes


def report(outcomes: list[Outcome]) -> str:
    """Return the figures, and each survivor with its place and change."""
    counts = Counter(outcome.verdict for outcome in outcomes)
    survivors = [one for one in outcomes if one.verdict in ("survived", "untouched")]
    survivors.sort(key=lambda one: (one.mutant.path, one.mutant.first_line))
    killed = counts["killed"] + counts["late"]
    lines = [one.describe() for one in survivors]
    lines += [
        f"{len(outcomes)} mutants: {killed} killed ({counts['late']} of them by time),"
        f" {len(survivors)} survived ({counts['untouched']} of them without a test that executes"
        f" the line), {counts['equivalent']} survived that change nothing that matters",
        f"{share_of_survivors(outcomes):.1%} of {len(outcomes) - counts['equivalent']} survived",
    ]
    return "\n".join(lines)


def share_of_survivors(outcomes: list[Outcome]) -> float:
    """Return which part of the mutants that change something is noticed by no test."""
    counted = [one for one in outcomes if one.verdict != "equivalent"]
    survived = [one for one in counted if one.verdict in ("survived", "untouched")]
    return len(survived) / len(counted) if counted else 0.0


def equivalents() -> dict[str, str]:
    """Return why a change changes nothing that matters, by the change."""
    return {
        key_of(entry["file"], entry["line"].split("\n"), entry["mutant"].split("\n")): entry["why"]
        for entry in yaml.safe_load(EQUIVALENT.read_text()) or []
    }


def key_of(
    path: str, removed: list[str] | tuple[str, ...], added: list[str] | tuple[str, ...]
) -> str:
    """Return what a change is known by, wherever its line stands: the file and the two texts."""
    return json.dumps([path, *([line.strip() for line in part] for part in (removed, added))])


if __name__ == "__main__":
    sys.exit(main())
