# requirements:

"""What a metric is: its name, labels and unit, where it comes from, where it is shown, when it
warns, what to do.

`define_metric` refuses what would be a bad metric for years: a wrong name, a unit that the name
does not say, a label without bounds. Names and PromQL are written with the prefix `millrace_`;
another prefix is put in when files are generated.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from f.millrace.core import errors

PREFIX = "millrace"
Type = Literal["counter", "gauge", "histogram"]
Severity = Literal["info", "warning", "critical", "emergency"]
Dashboard = Literal[
    "Overview", "Agents", "Cost", "Safety", "Performance", "Research", "Memory", "Workflows"
]
Kind = Literal["line", "stat", "bars", "table"]
UNITS = ("", "seconds", "ratio", "bytes", "usd")
# Two gauges keep the names that an older installation gave them, with that installation's prefix
# only.
OLDER = {"genesis": {"agents": "agents_total", "workflows": "workflows_total"}}
MOST_LABELS = 4
MOST_VALUES = 200
MOST_SERIES = 25_000
OTHER = "other"
RESERVED = frozenset({"le", "quantile", "job", "instance"})
# The trace of the run that a row with `run_id` belongs to: the run's id without its dashes.
RUN_TRACE = "coalesce(replace(run_id::text, '-', ''), '') AS trace"
WORD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
USED = re.compile(rf"\b{PREFIX}_([a-z0-9_]+)\b")
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)


class Label(NamedTuple):
    """A label and its bounds: the values it may have, or how many different ones."""

    name: str
    values: tuple[str, ...] = ()
    at_most: int = 0

    @property
    def most(self) -> int:
        """How many different values there can be."""
        return len(self.values) or self.at_most + 1


class Panel(NamedTuple):
    """One picture of a metric on a dashboard; `legend` names each line by its labels."""

    dashboard: Dashboard
    title: str
    query: str
    legend: str = ""
    kind: Kind = "line"
    unit: str = ""


class Alert(NamedTuple):
    """When a metric warns, with a course of values that makes it warn and one that does not."""

    name: str
    expr: str
    severity: Severity
    summary: str
    causes: tuple[str, ...]
    steps: tuple[str, ...]
    fires: Mapping[str, str]
    quiet: Mapping[str, str]
    wait: str = "0m"
    # The test looks at both courses at this time; their values are a tick apart.
    at: str = "30m"
    tick: Literal["1m", "1h"] = "1m"


class Metric(NamedTuple):
    """One entry of the catalogue."""

    name: str
    type: Type
    labels: tuple[Label, ...]
    unit: str
    help: str
    sql: str
    source: str
    means: str
    do: str
    bounds: tuple[float, ...] = ()
    panels: tuple[Panel, ...] = ()
    alerts: tuple[Alert, ...] = ()
    zeros: tuple[Mapping[str, str], ...] = ()

    def full_name(self, prefix: str = PREFIX) -> str:
        """Return the name as Prometheus knows it;
        a histogram's parts add `_bucket`, `_sum` and `_count`.
        """
        return f"{prefix}_{OLDER.get(prefix, {}).get(self.name, self.name)}"

    @property
    def shape(self) -> str:
        """What the stored samples depend on."""
        return (
            f"{self.type} {','.join(label.name for label in self.labels)}"
            f" {','.join(map(str, self.bounds))}".strip()
        )


def define_metric(
    name: str,
    type: Type,
    labels: Sequence[Label] = (),
    unit: str = "",
    help: str = "",
    *,
    sql: str,
    source: str,
    means: str,
    do: str,
    bounds: Sequence[float] = (),
    panels: Sequence[Panel] = (),
    alerts: Sequence[Alert] = (),
    zeros: Sequence[Mapping[str, str]] = (),
) -> Metric:
    """Return the metric; BadInput names everything that is wrong with it.

    `sql` gives one row a sample: a counter's or histogram's have `at`, the labels, `value` and
    `trace`, and are counted in the hour of `at`; a gauge's have the labels and `value`, and are
    read as they are at each scrape, by `now()`: no index can be asked about `clock_timestamp()`.
    `source` says in words which rows or events those are. `zeros` are label sets that stand at 0
    before anything has happened.
    """
    found = Metric(
        name,
        type,
        tuple(labels),
        unit,
        help,
        sql,
        source,
        means,
        do,
        tuple(bounds),
        tuple(panels),
        tuple(alerts),
        tuple(zeros),
    )
    problems = [*_name(found), *_labels(found), *_check_words(found), *_shape(found)]
    if problems:
        raise errors.BadInput(f"metric {name!r}: " + "; ".join(problems))
    return found


def metrics_in(query: str) -> set[str]:
    """Return the names, without prefix, of the metrics that a query reads."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in USED.findall(query)}


def with_prefix(text: str, prefix: str) -> str:
    """Return a query or sentence with another prefix."""
    older = OLDER.get(prefix, {})
    return (
        USED.sub(lambda found: f"{prefix}_{older.get(found[1], found[1])}", text)
        if prefix != PREFIX
        else text
    )


def _name(metric: Metric) -> list[str]:
    problems = []
    if "clock_timestamp()" in metric.sql and metric.type == "gauge":
        problems.append("its sql asks clock_timestamp(), for which no index serves; ask now()")
    if not WORD.fullmatch(metric.name):
        problems.append("a name is lower case words with _ between them")
    if metric.name.startswith((PREFIX + "_", "genesis_")):
        problems.append("a name has no prefix; it is put before it when files are generated")
    if metric.type not in get_args(Type):
        problems.append(f"the type {metric.type!r} is none of {', '.join(get_args(Type))}")
    if metric.type == "counter" and not metric.name.endswith("_total"):
        problems.append("a counter's name ends in _total")
    if metric.type != "counter" and metric.name.endswith(
        ("_total", "_count", "_sum", "_bucket", "_created")
    ):
        problems.append(f"a {metric.type}'s name cannot end in _{metric.name.rsplit('_', 1)[1]}")
    if metric.unit not in UNITS:
        return [
            *problems,
            (
                f"the unit {metric.unit!r} is none of {', '.join(filter(None, UNITS))}, or none at"
                " all for a number of things"
            ),
        ]
    stem = metric.name.removesuffix("_total")
    if metric.unit and not stem.endswith("_" + metric.unit):
        problems.append(
            f"its unit is {metric.unit}, so its name ends in"
            f" _{metric.unit}{'_total' * (metric.type == 'counter')}"
        )
    if not metric.unit and (
        said := next((unit for unit in UNITS[1:] if stem.endswith("_" + unit)), "")
    ):
        problems.append(f"its name says {said}, so its unit is {said!r}")
    return problems


def _labels(metric: Metric) -> list[str]:
    names = [label.name for label in metric.labels]
    problems = [
        f"the label {name!r} is there twice"
        for name in {name for name in names if names.count(name) > 1}
    ]
    if len(names) > MOST_LABELS:
        problems.append(f"it has {len(names)} labels; at most {MOST_LABELS}")
    series = len(metric.bounds) + 3 if metric.bounds else 1
    for label in metric.labels:
        series *= max(1, label.most)
        problems += _check_label(label)
    if series > MOST_SERIES:
        problems.append(f"its labels allow {series} series; at most {MOST_SERIES}")
    return problems + [
        f"zeros name {sorted(zero)}, the labels are {sorted(names)}"
        for zero in metric.zeros
        if set(zero) != set(names)
    ]


def _check_label(label: Label) -> Iterator[str]:
    if not WORD.fullmatch(label.name) or label.name in RESERVED:
        yield f"the label {label.name!r} is not a free lower case name"
    if bool(label.values) == bool(label.at_most):
        yield (
            f"the label {label.name!r} needs bounds: its values, or at_most for how many there may"
            " be"
        )
    elif label.most > MOST_VALUES + 1:
        yield f"the label {label.name!r} may have {label.most} values; at most {MOST_VALUES}"
    if len(set(label.values)) < len(label.values):
        yield f"the label {label.name!r} names a value twice"


def _check_words(metric: Metric) -> list[str]:
    said = {
        "help": metric.help,
        "source": metric.source,
        "means": metric.means,
        "do": metric.do,
        "sql": metric.sql,
    }
    problems = [f"{name} is empty" for name, text in said.items() if not text.strip()]
    if not metric.panels and not metric.alerts:
        problems.append("nobody looks at it: it needs a panel or an alert")
    for panel in metric.panels:
        if panel.dashboard not in get_args(Dashboard):
            problems.append(f"there is no dashboard {panel.dashboard!r}")
        if metric.name not in metrics_in(panel.query):
            problems.append(f"the panel {panel.title!r} does not read {PREFIX}_{metric.name}")
    for alert in metric.alerts:
        problems += _check_alert(metric, alert)
    return problems


def _check_alert(metric: Metric, alert: Alert) -> Iterator[str]:
    if alert.severity not in get_args(Severity):
        yield (
            f"the alert {alert.name!r} has the severity {alert.severity!r}; there are"
            f" {', '.join(get_args(Severity))}"
        )
    if metric.name not in metrics_in(alert.expr):
        yield f"the alert {alert.name!r} does not read {PREFIX}_{metric.name}"
    if not (alert.causes and alert.steps and alert.fires and alert.quiet):
        yield (
            f"the alert {alert.name!r} needs causes, first steps, and a course that fires and one"
            " that does not"
        )


def _shape(metric: Metric) -> list[str]:
    if (metric.type == "histogram") != bool(metric.bounds):
        return ["a histogram needs bounds, and only a histogram has them"]
    return [] if list(metric.bounds) == sorted(set(metric.bounds)) else ["its bounds must rise"]
