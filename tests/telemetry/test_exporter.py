"""The exporter's answers, as Prometheus reads them, and what it needs to be installed."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from f.millrace.core import config, db
from f.millrace.telemetry import alerts
from f.millrace.telemetry.catalogue import CATALOGUE
from scripts.commands.__main__ import main
from scripts.compiler import locks
from scripts.observability import exporter
from scripts.paths import ROOT
from tests.telemetry.test_metrics import OLDER

TOKEN = "planted-token-of-the-tests"
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
STALLED = {
    "status": "firing",
    "labels": {
        "alertname": "StalledRun",
        "severity": "critical",
        "instance": "exporter:9464",
        "job": "millrace",
    },
    "annotations": {"summary": "1 run(s) stand still"},
}


@pytest.fixture(params=["millrace"])
def address(database: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A running exporter."""
    server, thread = exporter.serving(TOKEN, prefix=request.param)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def get(address: str, headers: dict[str, str] | None = None) -> str:
    with urllib.request.urlopen(
        urllib.request.Request(address, headers=headers or {}), timeout=20
    ) as answer:
        return answer.read().decode()


def post(address: str, body: Any, **changed: str) -> dict[str, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **changed}
    with urllib.request.urlopen(
        urllib.request.Request(address, data, headers), timeout=20
    ) as answer:
        return json.load(answer)


def test_metrics_are_openmetrics_with_the_trace_of_a_case(address: str) -> None:
    db.execute(
        "INSERT INTO run (id, flow, status, started_at, finished_at) VALUES"
        " ('018f6b0e-7f3a-7c11-9a55-0123456789ab', 'daily_research', 'done', now() - interval '7"
        " seconds', now())"
    )

    families = {
        family.name: family
        for family in text_string_to_metric_families(get(f"{address}/metrics", OPENMETRICS))
    }

    assert len(families) == len(CATALOGUE)
    duration = families["millrace_workflow_duration_seconds"]
    assert duration.unit == "seconds"
    cases = {sample.labels["le"]: sample.exemplar for sample in duration.samples if sample.exemplar}
    assert cases["10.0"].labels == {"trace_id": "018f6b0e7f3a7c119a550123456789ab"}
    assert [
        sample.value
        for sample in families["millrace_requests"].samples
        if sample.labels["orchestrator"] == "local"
    ] == [1]


def test_other_readers_get_prometheus_text(address: str) -> None:
    assert "# TYPE millrace_requests_total counter" in get(f"{address}/metrics")


@pytest.mark.parametrize("address", ["genesis"], indirect=True)
def test_the_older_prefix_serves_the_older_names(address: str) -> None:
    text = get(f"{address}/metrics", OPENMETRICS) + get(f"{address}/metrics")

    assert [name for name in OLDER if f" {name} " not in text] == []
    assert "millrace_" not in text


def test_a_notice_becomes_a_row_and_a_mail_once(
    address: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_OPERATOR", "operator@localhost")
    config.reload()

    assert post(f"{address}/alerts", {"alerts": [STALLED]}) == {"raised": 1, "resolved": 0}
    assert post(f"{address}/alerts", {"alerts": [STALLED]}) == {"raised": 0, "resolved": 0}

    assert [(row["name"], row["state"], row["labels"]) for row in alerts.list_alerts()] == [
        ("StalledRun", "active", {})
    ]
    assert post(f"{address}/alerts", {"alerts": [{**STALLED, "status": "resolved"}]}) == {
        "raised": 0,
        "resolved": 1,
    }
    assert post(f"{address}/alerts", {"alerts": [{**STALLED, "status": "resolved"}]}) == {
        "raised": 0,
        "resolved": 0,
    }
    assert alerts.list_alerts() == []
    assert len(list((tmp_path / "outbox").glob("**/*.eml"))) == 2


def test_what_comes_together_is_one_mail_and_what_only_informs_is_none(
    address: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_OPERATOR", "operator@localhost")
    config.reload()
    slow = [
        {**STALLED, "labels": {"alertname": "SlowTurns", "severity": "warning", "agent": agent}}
        for agent in ("judge", "writer")
    ]
    spent = {**STALLED, "labels": {"alertname": "Spend70", "severity": "info", "scope": "run"}}

    assert post(f"{address}/alerts", {"alerts": slow}) == {"raised": 2, "resolved": 0}
    assert post(f"{address}/alerts", {"alerts": [spent]}) == {"raised": 1, "resolved": 0}

    assert sorted(row["agents"] for row in alerts.list_alerts()) == [[], ["judge"], ["writer"]]
    (mail,) = (tmp_path / "outbox").glob("**/*.eml")
    assert "and 1 more" in mail.read_text().replace("\n ", " ")


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"alerts": 1}', b'{"alerts": [{"labels": {"severity": "loud"}}]}']
)
def test_a_notice_that_is_none_is_refused_and_leaves_nothing(address: str, body: bytes) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(f"{address}/alerts", body)
    refused.value.close()

    assert refused.value.code == 400
    assert alerts.list_alerts(everything=True) == []


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Host": "evil.example.org"}, 421),
        ({"Origin": "https://evil.example.org"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Length": "2000000"}, 413),
        ({"Content-Length": "many"}, 411),
    ],
)
def test_who_may_not_send_alerts_is_refused_and_leaves_nothing(
    address: str, changed: dict[str, str], status: int
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(f"{address}/alerts", {"alerts": [STALLED]}, **changed)
    refused.value.close()

    assert refused.value.code == status
    assert alerts.list_alerts(everything=True) == []


def test_a_page_of_others_reads_no_figures(address: str) -> None:
    for headers, status in (({"Host": "evil.example.org"}, 421), ({"Origin": "null"}, 403)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(f"{address}/metrics", headers)
        refused.value.close()
        assert refused.value.code == status


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "no list of alerts"),
        ({"alerts": ["x"]}, "alert 1 is no object"),
        ({"alerts": [STALLED, {"labels": []}]}, "alert 2 needs a label alertname"),
        ({"alerts": [STALLED, {"labels": ["x"]}]}, "labels of alert 2 is no object"),
        ({"alerts": [{"labels": {"alertname": "A", "x": {}}}]}, "labels 'x' is no text"),
        ({"alerts": [{"labels": {"alertname": "A" * 201}}]}, "1 to 200 characters"),
        ({"alerts": [{"labels": {"alertname": "A"}, "annotations": 3}]}, "annotations of alert 1"),
        ({"alerts": [{"labels": {"alertname": "A"}, "status": []}]}, "there are firing, resolved"),
        ({"alerts": [STALLED] * 101}, "has 101 alerts, at most 100"),
        (
            {"alerts": [{"labels": {"alertname": "A", **{f"l{n}": "" for n in range(50)}}}]},
            "has 51 labels, at most 40",
        ),
        (b"[" * 100_000, "not JSON that can be read"),
    ],
)
def test_what_is_no_notice_is_refused_in_words(address: str, body: Any, words: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(f"{address}/alerts", body)

    assert (refused.value.code, words in refused.value.read().decode()) == (400, True)
    refused.value.close()
    assert alerts.list_alerts(everything=True) == []


@pytest.mark.parametrize("name", ["[/x]", "[bold", "\x1b[2Jx", "a\0b", "\ud800"])
def test_an_alert_of_any_name_is_stored_and_listed(
    address: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = {"labels": {"alertname": name}, "annotations": {"summary": f"{name}\r\nBcc: x"}}

    assert post(f"{address}/alerts", {"alerts": [sent]}) == {"raised": 1, "resolved": 0}

    assert main(["alerts", "list"]) == 0
    listed = capsys.readouterr().out
    assert alerts.list_alerts()[0]["name"] in listed and "\x1b" not in listed


def test_without_a_database_a_scrape_fails_and_the_exporter_goes_on(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    config.reload()

    with pytest.raises(urllib.error.HTTPError) as failed:
        get(f"{address}/metrics")
    failed.value.close()

    assert failed.value.code == 503
    assert get(f"{address}/ready") == "ready\n"


@pytest.mark.long
def test_its_container_installs_all_that_it_imports() -> None:
    code = (
        "import sys, scripts.observability.exporter; print(*{name.partition('.')[0] for name in"
        " sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = {name for name in done.stdout.split() if name not in sys.stdlib_module_names}
    pinned = locks.pins((ROOT / "dependencies/millrace_metrics.requirements.in").read_text())
    packages = packages_distributions()
    needed = {locks.normal(each) for name in names for each in packages.get(name, [])}

    # OpenTelemetry takes psutil when it is there.
    assert needed - {"setuptools", "pip", "psutil"} <= pinned.keys()
    assert "prometheus-client" in needed
