"""docs/metrics.md: what is counted and measured, from the catalogue of metrics."""

from pathlib import Path
from types import ModuleType

from f.millrace.telemetry import catalogue
from f.millrace.telemetry.metrics import define
from scripts.docs import markdown

FILE = "docs/metrics.md"


def text(root: Path) -> str:  # noqa: ARG001
    """Return the page."""
    return markdown.page(
        "Metrics",
        "[f/millrace/telemetry/metrics](../f/millrace/telemetry/metrics)",
        "`scripts/millrace metrics serve` serves them to Prometheus; what to do when one raises an"
        " alert is in the [runbook](../resources/telemetry/runbook.md).\n",
        *(part for family in catalogue.FAMILIES for part in _family(family)),
    )


def _family(family: ModuleType) -> list[str]:
    metrics = [value for value in vars(family).values() if isinstance(value, define.Metric)]
    rows = [
        (
            f"`{metric.full_name()}`",
            ", ".join(filter(None, (metric.type, metric.unit))),
            "; ".join(_label(label) for label in metric.labels),
            f"{metric.help} {metric.means}",
            metric.source,
            ", ".join(dict.fromkeys(panel.dashboard for panel in metric.panels)),
        )
        for metric in metrics
    ]
    head = ("metric", "type, unit", "labels", "what it tells", "from", "dashboards")
    title = family.__name__.rsplit(".", 1)[1].capitalize()
    return [f"## {title}\n\n{(family.__doc__ or '').strip()}\n", markdown.table(head, rows)]


def _label(label: define.Label) -> str:
    if label.values:
        return f"`{label.name}` ({', '.join(label.values)})"
    return f"`{label.name}` (at most {label.at_most})"
