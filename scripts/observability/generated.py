"""Everything that is generated from the catalogue: dashboards, rules and their tests,
configurations, the runbook.

scripts/millrace metrics write
"""

from collections.abc import Iterable
from pathlib import Path

import yaml

from f.millrace.telemetry.catalogue import CATALOGUE
from f.millrace.telemetry.metrics.define import PREFIX, Metric
from scripts.compiler.problems import Problem
from scripts.observability import dashboards, rules, runbook

FOLDER = Path("resources/telemetry")
TICKS = ("1m", "1h")
WRITE = "run scripts/millrace metrics write"
HEAD = "# Generated from f/millrace/telemetry/metrics by `scripts/millrace metrics write`.\n"
PROVIDER = {
    "apiVersion": 1,
    "providers": [
        {
            "name": "millrace",
            "folder": "Millrace",
            "type": "file",
            "disableDeletion": True,
            "allowUiUpdates": False,
            "options": {"path": "/var/lib/grafana-dashboards"},
        }
    ],
}


def expected(prefix: str = PREFIX, metrics: Iterable[Metric] = ()) -> dict[str, str]:
    """Return the text of every file, by its path under resources/telemetry."""
    found = list(metrics) or list(CATALOGUE.values())
    texts = {
        f"grafana/dashboards/{name}": text
        for name, text in dashboards.dashboards(found, prefix).items()
    }
    yamls = {
        "grafana/providers/millrace.yaml": PROVIDER,
        "prometheus/prometheus.yml": rules.prometheus_configuration(),
        "prometheus/rules.yml": rules.rules(found, prefix),
        **{
            f"prometheus-tests/every_{tick}.yml": rules.rule_tests(
                found, prefix, "../prometheus/rules.yml", tick
            )
            for tick in TICKS
        },
        "alertmanager.yml": rules.alertmanager_configuration(),
    }
    texts |= {
        name: HEAD + yaml.safe_dump(value, sort_keys=False, width=130, allow_unicode=True)
        for name, value in yamls.items()
    }
    return {**texts, "runbook.md": runbook.runbook(found, prefix)}


def write(folder: Path, prefix: str = PREFIX) -> list[str]:
    """Write what has changed and remove dashboards that are none any more; return the paths."""
    changed = []
    wanted = expected(prefix)
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(str(path))
    for path in _orphans(folder, wanted):
        path.unlink()
        changed.append(str(path))
    return changed


def check(root: Path) -> list[Problem]:
    """Return every generated file that is missing, differs from the catalogue, or belongs to
    nothing.
    """
    problems = []
    wanted = expected()
    for name, text in wanted.items():
        path = root / FOLDER / name
        if not path.exists():
            problems.append(Problem(str(FOLDER / name), 1, f"is missing; {WRITE}"))
        elif path.read_text(encoding="utf-8") != text:
            problems.append(Problem(str(FOLDER / name), 1, f"differs from the catalogue; {WRITE}"))
    return problems + [
        Problem(str(path.relative_to(root)), 1, f"belongs to no dashboard; {WRITE}")
        for path in _orphans(root / FOLDER, wanted)
    ]


def _orphans(folder: Path, wanted: dict[str, str]) -> list[Path]:
    return [
        path
        for path in sorted((folder / "grafana/dashboards").glob("*.json"))
        if f"grafana/dashboards/{path.name}" not in wanted
    ]
