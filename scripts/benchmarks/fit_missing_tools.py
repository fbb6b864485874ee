"""Fit the weights of tool_matching on sets of other authors' tools, or test them on whole sets.

    python -m scripts.benchmarks.fit_missing_tools FOLDER            # prints the weights
    python -m scripts.benchmarks.fit_missing_tools FOLDER --hold-out # figures of sets left out

FOLDER is as `missing_tools` reads it; what stands before the first `_` or `.` of a file's name is
its family, and a family is left out as a whole. The half `first` of our own set is always read too.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from f.millrace.agents import tool_matching, tool_signatures
from scripts.benchmarks import missing_tools

MOST_CASES = 200
RIDGE = 1.0
STEPS = 30
FEWEST = 20
OWN = "own_first"


@dataclass(frozen=True)
class Measured:
    """A case, and what is measured of it and each of its tools."""

    case: missing_tools.Case
    rows: Any
    own_words: float

    @property
    def answers(self) -> Any:
        return numpy.array([tool.name == self.case.met for tool in self.case.tools])


@dataclass(frozen=True)
class Model:
    """Weights of a tool's measures, and of what the best one shows."""

    of_tools: Any
    of_best: Any


def read_sets(folder: Path) -> dict[str, list[Measured]]:
    """Return what is measured of each set's cases, those aside that a name alone decides."""
    named = {
        path.stem: missing_tools.read_file(path)[:MOST_CASES]
        for path in sorted(folder.glob("*.jsonl"))
    }
    own = missing_tools.read_own_set("first")
    for kind in missing_tools.KINDS:
        named[f"{OWN}.{kind}"] = [case for case in own if case.kind == kind]
    return {name: _measure(cases) for name, cases in named.items()}


def _measure(cases: Sequence[missing_tools.Case]) -> list[Measured]:
    found = []
    for case in cases:
        if tool_matching.find_same_name(case.need, case.tools) or not case.tools:
            continue
        offers = [tool_signatures.describe_tool(tool) for tool in case.tools]
        rows = numpy.array(tool_matching.measure_offers(case.need, offers))
        found.append(Measured(case, rows, tool_matching.share_of_own_words(case.need, offers)))
    return found


def fit(sets: Sequence[list[Measured]]) -> Model:
    """Return the weights; each set counts as much as the next, a right tool as all others."""
    shares = [[1 / max(len(cases), FEWEST)] * len(cases) for cases in sets]
    cases = [case for group in sets for case in group]
    share = [one for group in shares for one in group]
    weights = [
        numpy.where(case.answers, 1.0, 1 / len(case.rows)) * part
        for case, part in zip(cases, share, strict=True)
    ]
    of_tools = _fit_logistic(
        numpy.vstack([case.rows for case in cases]),
        numpy.concatenate([case.answers for case in cases]),
        numpy.concatenate(weights),
    )
    shown, met, parts = [], [], []
    for case, part in zip(cases, share, strict=True):
        for only, weight in ((None, 1.0), (_find_kept(case, of_tools), 0.5)):
            shown.append(_show(case, of_tools, only))
            met.append(case.case.is_met)
            parts.append(part * weight)
    of_best = _fit_logistic(numpy.array(shown), numpy.array(met), numpy.array(parts))
    return Model(of_tools, of_best)


def _find_kept(case: Measured, of_tools: Any) -> int:
    """Return the tool that is kept where a list of one is learned: the right one or the best."""
    if case.case.is_met:
        return int(numpy.argmax(case.answers))
    return int(numpy.argmax(_rate(case.rows, of_tools)))


def _show(case: Measured, of_tools: Any, only: int | None) -> tuple[float, ...]:
    """Return what the best tool shows, among all tools or alone."""
    rows = case.rows if only is None else case.rows[only : only + 1]
    rates = [float(rate) for rate in _rate(rows, of_tools)]
    best, ahead = tool_matching.find_best(rates)
    measures = [float(value) for value in rows[best]]
    return tool_matching.list_signs(case.case.need, rates[best], ahead, case.own_words, measures)


def _rate(rows: Any, weights: Any) -> Any:
    return rows @ weights[:-1] + weights[-1]


def _fit_logistic(rows: Any, answers: Any, parts: Any) -> Any:
    """Return the weights and the constant, by Newton's method with a ridge on scaled measures."""
    middle, spread = rows.mean(0), rows.std(0) + 1e-6
    scaled = numpy.hstack([(rows - middle) / spread, numpy.ones((len(rows), 1))])
    parts = parts * len(parts) / parts.sum()
    ridge = numpy.diag([RIDGE] * rows.shape[1] + [1e-6])
    found = numpy.zeros(scaled.shape[1])
    for _ in range(STEPS):
        sure = 1 / (1 + numpy.exp(-numpy.clip(scaled @ found, -30, 30)))
        slope = scaled.T @ (parts * (sure - answers)) + ridge @ found
        bend = (scaled * (parts * sure * (1 - sure))[:, None]).T @ scaled + ridge
        found = found - numpy.linalg.solve(bend, slope)
    weights = found[:-1] / spread
    return numpy.append(weights, found[-1] - weights @ middle)


def judge(model: Model, cases: Sequence[Measured]) -> list[float]:
    """Return how sure it is that each case is met."""
    shown = numpy.array([_show(case, model.of_tools, None) for case in cases])
    return list(1 / (1 + numpy.exp(-_rate(shown, model.of_best))))


def _family(name: str) -> str:
    return name.partition(".")[0].partition("_")[0]


def _has_schema(cases: Sequence[Measured]) -> bool:
    return any(case.case.kind != "bare" for case in cases)


def hold_out(sets: dict[str, list[Measured]]) -> None:
    """Print the figures of each set, fitted on all other families."""
    for family in sorted({_family(name) for name in sets}):
        for schema in (True, False):
            known = {n: c for n, c in sets.items() if c and _has_schema(c) == schema}
            model = fit([cases for name, cases in known.items() if _family(name) != family])
            for name in (name for name in known if _family(name) == family):
                sure = judge(model, known[name])
                met = [case.case.is_met for case in known[name]]
                print(name, len(met), missing_tools.rate([one < 0.5 for one in sure], met))


def main(arguments: Sequence[str]) -> int:
    """Print weights or figures."""
    sets = read_sets(Path(arguments[0]))
    if "--hold-out" in arguments:
        hold_out(sets)
        return 0
    for title, schema in (("WITH_SCHEMA", True), ("WITHOUT_SCHEMA", False)):
        model = fit([cases for cases in sets.values() if cases and _has_schema(cases) == schema])
        of_tools, of_best = (
            tuple(vars(tool_matching)[name])[:-1] for name in (title, f"SURE_{title}")
        )
        for name, names, weights in (
            (title, of_tools, model.of_tools),
            (f"SURE_{title}", of_best, model.of_best),
        ):
            told = dict(zip((*names, "constant"), weights, strict=True))
            print(f"{name} = {{")
            print("".join(f'    "{one}": {value:.2f},\n' for one, value in told.items()), end="}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
