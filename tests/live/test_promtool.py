"""The alerts' rules, as the real promtool runs them."""

import shutil
import subprocess
from pathlib import Path

import yaml

from f.millrace.telemetry.catalogue import CATALOGUE
from scripts.observability import generated
from scripts.observability.gobuild import NoProgram
from scripts.observability.prometheus import program
from scripts.paths import ROOT
from tests.live.conftest import missing

FOLDER = ROOT / generated.FOLDER
ALERTS = {alert.name: alert for metric in CATALOGUE.values() for alert in metric.alerts}


def promtool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the real promtool."""
    try:
        found = program("promtool")
    except NoProgram as error:
        missing(str(error))
        raise
    return subprocess.run([str(found), *arguments], capture_output=True, text=True)


FILES = [FOLDER / f"prometheus-tests/every_{tick}.yml" for tick in generated.TICKS]


def test_every_rule_fires_in_its_course_and_is_quiet_in_the_other() -> None:
    done = promtool("test", "rules", *map(str, FILES))
    tests = [test for file in FILES for test in yaml.safe_load(file.read_text())["tests"]]

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(tests) == 2 * len(ALERTS)


def test_rules_that_never_fire_would_all_be_found(tmp_path: Path) -> None:
    rules = yaml.safe_load((FOLDER / "prometheus/rules.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["expr"] = "vector(0) > 1"
    (tmp_path / "prometheus").mkdir()
    (tmp_path / "prometheus/rules.yml").write_text(yaml.safe_dump(rules))
    shutil.copytree(FOLDER / "prometheus-tests", tmp_path / "prometheus-tests")

    done = promtool(
        "test", "rules", *(str(tmp_path / "prometheus-tests" / file.name) for file in FILES)
    )

    assert [
        name
        for name in ALERTS
        if f'alertname=\\"{name}\\"' not in (said := done.stdout + done.stderr)
        and f'alertname="{name}"' not in said
    ] == []
