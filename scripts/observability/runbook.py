"""The runbook, from the catalogue: for each alert what it means, its query, likely causes and first
steps; then every metric.
"""

import re
from collections.abc import Iterable

from f.millrace.telemetry.metrics.define import Alert, Metric, with_prefix


def runbook(metrics: Iterable[Metric], prefix: str) -> str:
    """Return it as Markdown."""
    found = list(metrics)
    lines = [
        "# Runbook",
        "",
        (
            "Generated from the catalogue (f/millrace/telemetry/metrics) by `scripts/millrace"
            " metrics write`."
        ),
        "",
        "## Alerts",
        "",
    ]
    for metric in found:
        for alert in metric.alerts:
            lines += _alert(metric, alert, prefix)
    lines += [
        "## Metrics",
        "",
        "| metric | labels | what it counts | from | what to do |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(metric, prefix) for metric in found]
    return "\n".join(lines) + "\n"


def _alert(metric: Metric, alert: Alert, prefix: str) -> list[str]:
    waits = f", after {alert.wait}" if alert.wait != "0m" else ""
    summary = _strip_template(alert.summary)
    return [
        f"### {alert.name}",
        "",
        f"{alert.severity}{waits}. {summary[0].upper()}{summary[1:]}.",
        "",
        f"Means: {metric.means}",
        "",
        "```promql",
        with_prefix(alert.expr, prefix),
        "```",
        "",
        "Likely causes:",
        "",
        *(f"- {cause}" for cause in alert.causes),
        "",
        "First steps:",
        "",
        *(f"{number}. {_code(one)}" for number, one in enumerate(alert.steps, 1)),
        "",
    ]


def _strip_template(summary: str) -> str:
    """Return a summary without its template: `{{ $labels.agent }}` becomes the label's name,
    marked.
    """
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"`\1`", summary)
    return re.sub(r"\{\{ \$value[^}]*\}\}", "`value`", text)


def _code(step: str) -> str:
    return (
        f"`{step}`"
        if step.startswith(("scripts/millrace", "docker")) and ":" not in step and "," not in step
        else step
    )


def _row(metric: Metric, prefix: str) -> str:
    labels = ", ".join(label.name for label in metric.labels)
    return (
        f"| `{metric.full_name(prefix)}` | {labels} | {metric.help} | {metric.source} |"
        f" {metric.do} |".replace("{", "").replace("}", "")
    )
