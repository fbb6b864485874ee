"""Grafana's dashboards, from the catalogue's panels, by Grafana's own SDK."""

import json
from collections.abc import Iterable
from typing import Any, get_args

from grafana_foundation_sdk.builders import common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    GridPos,
    VariableRefresh,
)

from f.millrace.telemetry.metrics.define import Dashboard, Metric, Panel, with_prefix

DASHBOARDS: tuple[Dashboard, ...] = get_args(Dashboard)
PROMETHEUS = DataSourceRef(type_val="prometheus", uid="prometheus")
UNITS = {
    "seconds": "s",
    "ratio": "percentunit",
    "bytes": "bytes",
    "usd": "currencyUSD",
    "": "short",
}
WIDTHS = {"stat": 6, "line": 12, "bars": 12, "table": 12}
HEIGHTS = {"stat": 5, "line": 8, "bars": 8, "table": 8}
# Variables: which label each one chooses by, and the metric that knows its values.
VARIABLES = {
    "agent": ("agent", "millrace_agent_invocations_total"),
    "flow": ("flow", "millrace_workflow_runs_total"),
    "model": ("model", "millrace_token_usage_total"),
}
JAEGER = "http://127.0.0.1:16686"
# Of what is looked at, in microseconds as Jaeger wants it.
TRACES = f"{JAEGER}/search?service=millrace&limit=50&start=${{__from}}000&end=${{__to}}000"


def dashboards(metrics: Iterable[Metric], prefix: str) -> dict[str, str]:
    """Return the JSON of each dashboard by its file's name."""
    found = list(metrics)
    return {
        f"{name.lower()}.json": _dashboard(
            name,
            [
                (metric, panel)
                for metric in found
                for panel in metric.panels
                if panel.dashboard == name
            ],
            prefix,
        )
        for name in DASHBOARDS
    }


def _dashboard(name: str, panels: list[tuple[Metric, Panel]], prefix: str) -> str:
    made = (
        builders.Dashboard(f"Millrace: {name}")
        .uid(f"{prefix}-{name.lower()}")
        .tags([prefix])
        .description(
            "Generated from the catalogue in f/millrace/telemetry/metrics; `scripts/millrace"
            " metrics write` makes it again."
        )
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh("1m")
        .time("now-7d", "now")
        .timezone("browser")
        .link(
            _link("Dashboards", DashboardLinkType.DASHBOARDS)
            .tags([prefix])
            .as_dropdown(True)
            .keep_time(True)
            .include_vars(True)
        )
        .link(_link("Traces in Jaeger", DashboardLinkType.LINK).url(TRACES).target_blank(True))
    )
    for variable in [
        name for name in VARIABLES if any(f"${name}" in panel.query for _, panel in panels)
    ]:
        made = made.with_variable(_variable(variable, prefix))
    # Figures first, then courses; each row is filled before the next begins.
    ordered = sorted(panels, key=lambda pair: (pair[1].kind != "stat", pair[1].kind != "table"))
    x = y = high = 0
    for number, (metric, panel) in enumerate(ordered, 1):
        width, height = WIDTHS[panel.kind], HEIGHTS[panel.kind]
        if x + width > 24 or (x and height != high):
            x, y = 0, y + high
        made = made.with_panel(
            _panel(metric, panel, prefix).id(number).grid_pos(GridPos(x=x, y=y, w=width, h=height))
        )
        x, high = x + width, height
    board = json.loads(JSONEncoder(sort_keys=True).encode(made.build()))
    for variable in board["templating"].get("list", []):
        # The SDK gives every variable what only those of intervals have.
        for name in ("auto", "auto_min", "auto_count"):
            variable.pop(name, None)
    return json.dumps(board, indent=2, sort_keys=True) + "\n"


def _link(title: str, kind: DashboardLinkType) -> builders.DashboardLink:
    return builders.DashboardLink(title).type(kind)


def _variable(name: str, prefix: str) -> builders.QueryVariable:
    label, metric = VARIABLES[name]
    return (
        builders.QueryVariable(name)
        .label(name)
        .datasource(PROMETHEUS)
        .query(f"label_values({with_prefix(metric, prefix)}, {label})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def _panel(metric: Metric, panel: Panel, prefix: str) -> Any:
    made = {"line": _line, "bars": _bars, "stat": _stat, "table": _table}[panel.kind]()
    return (
        made.title(panel.title)
        .description(f"{metric.help}\n\n{metric.means}\n\n{metric.do}")
        .datasource(PROMETHEUS)
        .unit(UNITS[panel.unit])
        .data_links(
            [
                _link("Traces of this time in Jaeger", DashboardLinkType.LINK)
                .url(TRACES)
                .target_blank(True)
            ]
        )
        .with_target(_target(metric, panel, prefix))
    )


def _target(metric: Metric, panel: Panel, prefix: str) -> prometheus.Dataquery:
    query = (
        prometheus.Dataquery()
        .ref_id("A")
        .expr(with_prefix(panel.query, prefix))
        .legend_format(panel.legend or "__auto")
    )
    if panel.kind in ("stat", "table"):
        return query.instant().format("table" if panel.kind == "table" else "time_series")  # type: ignore[arg-type]
    # The dots on a course: each is one case, and leads to its trace.
    return query.range().exemplar(metric.type == "histogram")


def _line() -> timeseries.Panel:
    return (
        timeseries.Panel()
        .draw_style(GraphDrawStyle.LINE)
        .show_points(VisibilityMode.AUTO)
        .fill_opacity(10)
        .legend(_legend())
    )


def _bars() -> timeseries.Panel:
    stacked = common.StackingConfig().mode(StackingMode.NORMAL)
    return (
        timeseries.Panel()
        .draw_style(GraphDrawStyle.BARS)
        .fill_opacity(60)
        .stacking(stacked)
        .legend(_legend())
    )


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"])
        .show_legend(True)
    )


def _stat() -> stat.Panel:
    last = common.ReduceDataOptions().calcs(["lastNotNull"])
    return (
        stat.Panel()
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA)
        .reduce_options(last)
    )


def _table() -> table.Panel:
    return table.Panel()
