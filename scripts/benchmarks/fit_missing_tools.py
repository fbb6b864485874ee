"""Fit the weights that judge a bare request on sets of other authors' tools.

    python -m scripts.benchmarks.fit_missing_tools FOLDER [HELD_OUT]

FOLDER holds sets as `missing_tools` reads them; the half `first` of our own set is read too. The
new weights are drawn towards those in force. With HELD_OUT, a folder of sets that are not fitted
on, it prints precision and recall of what is said to be missing there with the new weights.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from f.millrace.agents import tool_matching, tool_measures, tool_signatures
from scripts.benchmarks import missing_tools

BARE = "bare"
# What is weighed of a tool; a measure without a weight in force starts from none.
NAMES = (*tool_measures.OF_REQUEST, "constant")
MOST_CASES = 200
# How strongly weights are drawn to those in force: of a tool's measures, and of the best tool's.
DRAWN = 100.0
DRAWN_OF_BEST = 1.0
STEPS = 25
# How much our own set counts, the only one with siblings and opposites of every tool.
OWN_SHARE = 3.0
# A case is asked again with one tool listed, which counts less.
ALONE_SHARE = 0.5


@dataclass(frozen=True)
class LabelledCase:
    """A case, and what is measured of each of its tools."""

    case: missing_tools.Case
    rows: Any
    share: float = 1.0

    @property
    def answers(self) -> Any:
        """Which of the tools is right."""
        return numpy.array([float(tool.name == self.case.met) for tool in self.case.tools])


@dataclass(frozen=True)
class Model:
    """Weights of a tool's measures, and of what the best one shows."""

    of_tools: Any
    of_best: Any


def read_sets(folder: Path) -> dict[str, list[LabelledCase]]:
    """Return what is measured of the bare requests of each set."""
    return {
        path.stem: _measure(missing_tools.read_file(path)[:MOST_CASES], 1.0)
        for path in sorted(folder.glob("*.jsonl"))
    }


def _measure(cases: Sequence[missing_tools.Case], share: float) -> list[LabelledCase]:
    bare = [case for case in cases if case.kind == BARE and case.tools]
    found = []
    for case in bare:
        offers = [tool_signatures.describe_tool(tool) for tool in case.tools]
        rows = numpy.array(tool_matching.measure_offers(case.need, offers))
        found.append(LabelledCase(case, rows, share / len(bare)))
    return found


def fit(cases: Sequence[LabelledCase]) -> Model:
    """Return the weights; a right tool counts as much as all others of its case."""
    of_tools = _fit_logistic(
        numpy.vstack([case.rows for case in cases]),
        numpy.concatenate([case.answers for case in cases]),
        numpy.concatenate(
            [case.share * numpy.where(case.answers > 0, 1.0, 1 / len(case.rows)) for case in cases]
        ),
        [tool_matching.WITHOUT_SCHEMA.get(name, 0.0) for name in NAMES],
        DRAWN,
    )
    shown, met, shares = [], [], []
    for case in cases:
        kept = _find_kept(case, of_tools)
        for rows, share in ((case.rows, 1.0), (case.rows[kept : kept + 1], ALONE_SHARE)):
            shown.append(_show(rows, of_tools))
            met.append(float(case.case.is_met))
            shares.append(case.share * share)
    of_best = _fit_logistic(
        numpy.array(shown),
        numpy.array(met),
        numpy.array(shares),
        list(tool_matching.SURE_WITHOUT_SCHEMA.values()),
        DRAWN_OF_BEST,
    )
    return Model(of_tools, of_best)


def _find_kept(case: LabelledCase, of_tools: Any) -> int:
    """Return the tool that is listed alone: the right one, or else the best."""
    values = case.answers if case.case.is_met else _rate(case.rows, of_tools)
    return int(numpy.argmax(values))


def _show(rows: Any, of_tools: Any) -> tuple[float, ...]:
    """Return what the best tool shows."""
    rates = [float(rate) for rate in _rate(rows, of_tools)]
    best, ahead = tool_matching.find_best(rates)
    return rates[best], ahead


def _rate(rows: Any, weights: Any) -> Any:
    return rows @ weights[:-1] + weights[-1]


def _fit_logistic(
    rows: Any, answers: Any, shares: Any, in_force: Sequence[float], drawn: float
) -> Any:
    """Return the weights and the constant, by Newton's method on scaled measures."""
    middle, spread = rows.mean(0), rows.std(0) + 1e-6
    scaled = numpy.hstack([(rows - middle) / spread, numpy.ones((len(rows), 1))])
    shares = shares * len(shares) / shares.sum()
    told = numpy.array(in_force)
    start = numpy.append(told[:-1] * spread, told[-1] + told[:-1] @ middle)
    ridge = numpy.diag([drawn] * rows.shape[1] + [1e-6])
    found = start.copy()
    for _ in range(STEPS):
        sure = _logistic(scaled @ found)
        slope = scaled.T @ (shares * (sure - answers)) + ridge @ (found - start)
        bend = (scaled * (shares * sure * (1 - sure))[:, None]).T @ scaled + ridge
        found = found - numpy.linalg.solve(bend, slope)
    weights = found[:-1] / spread
    return numpy.append(weights, found[-1] - weights @ middle)


def _logistic(values: Any) -> Any:
    return 1 / (1 + numpy.exp(-numpy.clip(values, -30, 30)))


def _print_weights(name: str, names: Sequence[str], weights: Sequence[float]) -> None:
    print(f"{name} = {{")
    for one, weight in zip(names, weights, strict=True):
        print(f'    "{one}": {weight:.2f},')
    print("}")


def main(arguments: Sequence[str]) -> int:
    """Print the weights, and the figures of the sets that are held out."""
    cases = [case for group in read_sets(Path(arguments[0])).values() for case in group]
    model = fit([*cases, *_measure(missing_tools.read_own_set("first"), OWN_SHARE)])
    _print_weights("WITHOUT_SCHEMA", NAMES, model.of_tools)
    _print_weights("SURE_WITHOUT_SCHEMA", list(tool_matching.SURE_WITHOUT_SCHEMA), model.of_best)
    for name, held_out in read_sets(Path(arguments[1])).items() if len(arguments) > 1 else ():
        shown = numpy.array([_show(case.rows, model.of_tools) for case in held_out])
        sure = [float(one) for one in _logistic(_rate(shown, model.of_best))]
        said = [one < tool_matching.LIKELY for one in sure]
        print(name, missing_tools.rate(said, [case.case.is_met for case in held_out]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
