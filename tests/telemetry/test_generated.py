"""The generated files are as the catalogue says, and as Grafana and Prometheus take them."""

import argparse
import importlib
import json
import re
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from f.millrace.telemetry.catalogue import CATALOGUE
from f.millrace.telemetry.metrics.define import Dashboard, Severity
from scripts.commands.__main__ import MODULES
from scripts.observability import generated
from scripts.observability.dashboards import VARIABLES
from scripts.paths import ROOT

FOLDER = ROOT / generated.FOLDER
ALERTS = {alert.name: alert for metric in CATALOGUE.values() for alert in metric.alerts}
# An installation that is watched has at least these.
NAMED = """
ToolFailures SelfRagEscalations GuardrailDenials SlowTurns ErrorRate AgentUnhealthy Unhealthy
Spend70 Spend90 Spend100 BudgetBurn
StalledRun QualityDrop SecurityViolation TelemetryBacklog NoDigest
""".split()


def dashboard(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"grafana/dashboards/{name.lower()}.json").read_text())


def test_nothing_has_drifted() -> None:
    assert generated.check(ROOT) == []


def test_a_changed_file_is_found_with_the_way_out(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / generated.FOLDER)
    rules = tmp_path / generated.FOLDER / "prometheus/rules.yml"
    rules.write_text(rules.read_text().replace("0.3", "0.9"))
    (tmp_path / generated.FOLDER / "grafana/dashboards/mine.json").write_text("{}")

    said = [str(problem) for problem in generated.check(tmp_path)]

    assert len(said) == 2
    assert all("scripts/millrace metrics write" in line for line in said)


@pytest.mark.parametrize("name", get_args(Dashboard))
def test_a_dashboard_is_one_that_grafana_takes(name: str) -> None:
    board = dashboard(name)
    own = [
        (metric, panel)
        for metric in CATALOGUE.values()
        for panel in metric.panels
        if panel.dashboard == name
    ]

    assert board["uid"] == f"millrace-{name.lower()}"
    assert board["schemaVersion"] == 41
    assert sorted(panel["title"] for panel in board["panels"]) == sorted(
        panel.title for _, panel in own
    )
    assert {panel["type"] for panel in board["panels"]} <= {"timeseries", "stat", "table"}
    assert all(
        panel["datasource"]["uid"]
        == panel["targets"][0].get("datasource", panel["datasource"])["uid"]
        == "prometheus"
        for panel in board["panels"]
    )
    asked = {
        name
        for name in VARIABLES
        for panel in board["panels"]
        if f"${name}" in panel["targets"][0]["expr"]
    }
    assert {variable["name"] for variable in board["templating"].get("list", [])} == asked


@pytest.mark.parametrize("name", get_args(Dashboard))
def test_panels_lie_side_by_side_and_none_on_another(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard(name)["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        taken |= cells


@pytest.mark.parametrize("name", get_args(Dashboard))
def test_every_panel_leads_to_traces(name: str) -> None:
    for panel in dashboard(name)["panels"]:
        links = panel["fieldConfig"]["defaults"]["links"]
        assert links[0]["url"].startswith("http://127.0.0.1:16686/search?service=millrace")
        latency = "_bucket" in panel["targets"][0]["expr"]
        assert latency is False or panel["targets"][0]["exemplar"]


def test_every_alert_that_was_asked_for_is_there() -> None:
    assert set(NAMED) <= ALERTS.keys()
    assert {alert.severity for alert in ALERTS.values()} == set(get_args(Severity))


def test_the_runbook_says_what_to_do_about_each_alert() -> None:
    text = (FOLDER / "runbook.md").read_text()
    for name, alert in ALERTS.items():
        section = text.split(f"### {name}\n")[1].split("\n### ")[0]
        assert alert.expr in section
        assert all(
            words in section
            for words in (*alert.causes, *alert.steps, "Likely causes", "First steps")
        )
    assert all(f"`{metric.full_name()}`" in text for metric in CATALOGUE.values())


def parser() -> argparse.ArgumentParser:
    """The command line as it is."""
    made = argparse.ArgumentParser(prog="scripts/millrace", exit_on_error=False)
    commands = made.add_subparsers(dest="command", required=True)
    for name in dict.fromkeys(MODULES.values()):
        importlib.import_module("scripts.commands." + name).add(commands)
    return made


def test_every_command_among_the_first_steps_is_one() -> None:
    made = parser()
    steps = {
        step
        for alert in ALERTS.values()
        for step in alert.steps
        if step.startswith("scripts/millrace ")
    }

    for step in sorted(steps):
        made.parse_args(step.split()[1:])
    assert len(steps) > 10


def test_another_prefix_is_in_every_file(tmp_path: Path) -> None:
    generated.write(tmp_path, "genesis")

    text = "".join(
        path.read_text()
        for path in tmp_path.rglob("*.*")
        if path.suffix in (".json", ".yml", ".md")
    )
    assert "genesis_agents_total" in text
    assert re.findall(r"\bmillrace_\w+", text) == []


@pytest.mark.parametrize("severity", get_args(Severity))
def test_each_severity_has_a_way_to_the_operator(severity: str) -> None:
    configuration = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())

    routes = [
        route
        for route in configuration["route"]["routes"]
        if f'severity="{severity}"' in route["matchers"]
    ]

    assert [route["receiver"] for route in routes] == ["millrace"]
