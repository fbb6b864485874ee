"""The real Prometheus and Alertmanager with the generated files: every panel has data, a fault is
told and over.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from f.millrace.blocks import recall as recall_block
from f.millrace.core import config, db
from f.millrace.telemetry.catalogue import CATALOGUE
from f.millrace.telemetry.metrics.define import Panel, metrics_in
from f.millrace.telemetry.spans import step
from scripts.observability import exporter
from scripts.observability.generated import FOLDER
from scripts.observability.gobuild import NoProgram
from scripts.observability.prometheus import Prometheus, alertmanager, program, prometheus
from scripts.paths import ROOT
from scripts.runner import run
from scripts.runner.openflow import load_openflow
from scripts.samples.sources import sample_sources
from tests.live.conftest import missing

# Grafana puts these in; `.*` is what "All" stands for.
VARIABLES = {"$agent": ".*", "$flow": ".*", "$model": ".*"}
# What the files say for weeks and minutes, in the seconds that a test has.
SOON = {
    r"(scrape|evaluation)_interval: \S+": r"\1_interval: 1s",
    r"scrape_timeout: \S+": "scrape_timeout: 1s",
    r"for: \S+": "for: 0s",
}
AT_ONCE = {r"group_wait: \S+": "group_wait: 0s", r"group_interval: \S+": "group_interval: 1s"}


TOKEN = "planted-token-of-the-tests"


@dataclass
class Watch:
    """What watches over the house in a test."""

    prometheus: Prometheus
    alertmanager: str
    outbox: Path


@pytest.fixture
def watch(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Exporter, Prometheus and Alertmanager, as Compose would start them."""
    try:
        program("prometheus")
        program("alertmanager")
    except NoProgram as error:
        missing(str(error))
    monkeypatch.setenv("MILLRACE_OPERATOR", "operator@localhost")
    config.reload()
    serving, thread = exporter.serving(TOKEN)
    (tmp_path / "alerts-token").write_text(TOKEN)
    place = {
        r"exporter:9464": f"127.0.0.1:{serving.server_port}",
        r"/run/millrace/alerts-token": str(tmp_path / "alerts-token"),
    }
    monkeypatch.setattr(exporter, "ROLL_SECONDS", 0.5)
    with alertmanager(
        tmp_path / "am", ROOT / FOLDER / "alertmanager.yml", {**place, **AT_ONCE}
    ) as notifier:
        replace = {**place, **SOON, "alertmanager:9093": notifier.removeprefix("http://")}
        with prometheus(
            tmp_path / "prom", ROOT / FOLDER / "prometheus/prometheus.yml", replace
        ) as found:
            yield Watch(found, notifier, tmp_path / "outbox")
    serving.shutdown()
    thread.join()
    serving.server_close()


def wait_for(what: Callable[[], Any], seconds: float = 30) -> Any:
    """Return what `what` returns as soon as it is something."""
    until = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < until:
        time.sleep(0.2)
    return found


def daily_run() -> None:
    """One run of the sample edition, and a question to memory: news is told without it."""
    run.start(
        load_openflow("daily_research"),
        "daily_research",
        {"sample": True, "max_topics": 1, "again": True},
    )
    recall_block.main("How much will the battery plant make?")


def runs_seen(prometheus: Prometheus, count: int) -> bool:
    """Tell whether Prometheus has scraped that many runs."""
    found = prometheus.query('sum(millrace_workflow_runs_total{flow="daily_research"})')
    return bool(found) and float(found[0]["value"][1]) >= count


def shown(query: str) -> str:
    """Return the query as Grafana sends it with every variable at All."""
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


def has_figure(prometheus: Prometheus, query: str) -> bool:
    """Tell whether a query returns a figure; a share of nothing is none."""
    return any(series["value"][1] != "NaN" for series in prometheus.query(shown(query)))


def list_empty(prometheus: Prometheus) -> list[str]:
    """Return the panels that show no figure."""
    return [
        f"{name}: {panel.title}: {panel.query}"
        for name, panel in panels()
        if not has_figure(prometheus, panel.query)
    ]


def test_every_panel_returns_something_of_a_real_run(watch: Watch, database: str) -> None:
    from f.millrace.ops.check_health import main as check_health

    with sample_sources(True):
        daily_run()
        check_health()
        assert wait_for(lambda: runs_seen(watch.prometheus, 1))
        # A rate needs two points.
        daily_run()
    # What is due by the clock has a row only when a schedule started it.
    db.execute(
        "UPDATE run SET scheduled_for = started_at, namespace = 'main' WHERE flow ="
        " 'daily_research'"
    )
    assert wait_for(
        lambda: runs_seen(watch.prometheus, 2) and watch.prometheus.query("millrace_digest_overdue")
    )

    if list_empty(watch.prometheus):
        # What was read for the first time when both runs were over has not risen yet.
        with sample_sources(True):
            daily_run()
        assert wait_for(lambda: runs_seen(watch.prometheus, 3))
        wait_for(lambda: not list_empty(watch.prometheus))
    empty = list_empty(watch.prometheus)
    unknown = sorted(
        {
            name
            for _, panel in panels()
            for name in metrics_in(panel.query)
            if not watch.prometheus.query(f'count({{__name__=~"millrace_{name}(_bucket)?"}})')
        }
    )

    assert empty == []
    assert [name for name in unknown if name != "labels_refused_total"] == []


def panels() -> list[tuple[str, Panel]]:
    """Every panel of the catalogue, with its metric's name."""
    return [(metric.name, panel) for metric in CATALOGUE.values() for panel in metric.panels]


def test_a_latency_leads_to_its_trace(watch: Watch) -> None:
    with step("ops.example") as _:
        pass
    row = db.fetch_one("SELECT id FROM run")
    assert row is not None

    found = wait_for(lambda: watch.prometheus.exemplars("millrace_request_duration_seconds_bucket"))

    assert found[0]["exemplars"][0]["labels"] == {"trace_id": str(row["id"]).replace("-", "")}


def test_the_alert_of_a_fault_arrives_and_resolves(watch: Watch) -> None:
    db.execute(
        "INSERT INTO run (id, flow, started_at) VALUES (gen_random_uuid(), 'daily_research', now()"
        " - interval '1 day')"
    )

    row = wait_for(lambda: db.fetch_one("SELECT * FROM alert WHERE name = 'StalledRun'"))

    assert row["state"] == "active"
    assert row["severity"] == "critical"
    mail = wait_for(lambda: [text for text in mails(watch.outbox) if "StalledRun" in text])[0]
    assert "Subject: Millrace: StalledRun (critical): 1 run(s) stand still" in mail
    assert "scripts/millrace recover" in mail
    assert f"scripts/millrace alerts ack {row['id']}" in mail

    db.execute("UPDATE run SET status = 'done', finished_at = now()")

    over = wait_for(
        lambda: db.fetch_one("SELECT * FROM alert WHERE name = 'StalledRun' AND state = 'resolved'")
    )
    assert over["id"] == row["id"]
    assert wait_for(
        lambda: [text for text in mails(watch.outbox) if "StalledRun (resolved)" in text]
    )


def mails(outbox: Path) -> list[str]:
    """The texts in the outbox, with headers on one line."""
    return [
        re.sub(r"\r?\n[ \t]+", " ", path.read_text()) for path in sorted(outbox.glob("**/*.eml"))
    ]


def test_a_silenced_alert_is_not_told(watch: Watch) -> None:
    import json
    import urllib.request

    silence = {
        "matchers": [
            {"name": "alertname", "value": "StalledRun", "isRegex": False, "isEqual": True}
        ],
        "startsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "endsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 600)),
        "createdBy": "operator",
        "comment": "known",
    }
    address = f"{watch.alertmanager}/api/v2/silences"
    request = urllib.request.Request(
        address, json.dumps(silence).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=5).close()
    db.execute(
        "INSERT INTO run (id, flow, started_at) VALUES (gen_random_uuid(), 'daily_research', now()"
        " - interval '1 day')"
    )
    db.execute(
        "INSERT INTO budget (scope, key, limit_usd, spent_usd) VALUES ('user_day', 'operator ' ||"
        " to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 10, 9.5)"
    )

    # The other alert, raised at the same time, shows that notices do come.
    assert wait_for(lambda: db.fetch_one("SELECT 1 FROM alert WHERE name = 'Spend90'"))
    assert wait_for(
        lambda: any(
            alert["labels"]["alertname"] == "StalledRun" for alert in watch.prometheus.alerts()
        )
    )

    assert db.fetch_one("SELECT 1 FROM alert WHERE name = 'StalledRun'") is None
    assert not [text for text in mails(watch.outbox) if "StalledRun" in text]
