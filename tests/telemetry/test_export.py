"""Ended runs reach a collector once; one that is down, silent or refuses loses nothing."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from f.millrace.core import config, db
from f.millrace.ops.export_traces import main
from f.millrace.telemetry import export
from f.millrace.telemetry.export import export_run, export_runs, run_ended
from f.millrace.telemetry.spans import root_span_id, step
from scripts.commands import report
from tests.telemetry.conftest import RUN, Collector


def run_row(run_id: str = RUN) -> dict[str, Any]:
    row = db.fetch_one("SELECT * FROM run WHERE id = %s", [run_id])
    assert row is not None
    return row


def set_rule(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"MILLRACE_{name.upper()}", value)
    config.reload()


def test_a_run_is_one_trace_whose_id_is_the_runs(
    ran: Callable[..., None], collector: Collector
) -> None:
    ran()

    assert main()["runs"] == 1
    assert main()["runs"] == 0

    spans = {span["name"]: span for span in collector.spans}
    assert list(spans) == ["invoke_workflow research.open", "research.open", "fetch", "search"]
    assert {span["traceId"] for span in spans.values()} == {RUN.replace("-", "")}
    assert spans["research.open"]["parentSpanId"] == root_span_id(RUN)
    assert spans["search"]["parentSpanId"] == spans["research.open"]["spanId"]


def test_a_killed_run_has_its_root_span_too(ran: Callable[..., None], collector: Collector) -> None:
    ran("killed")

    export_runs()

    root = collector.spans[0]
    assert root["status"]["code"] == 2
    assert {"key": "workflow.success", "value": {"boolValue": False}} in root["attributes"]


@pytest.mark.parametrize("fault", ["down", "silent", "busy"])
def test_spans_stay_until_the_collector_takes_them(
    fault: str, ran: Callable[..., None], collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "SECONDS_AT_END", 0.2)
    good = config.settings().otlp_endpoint
    collector.answers = {"down": 200, "silent": None, "busy": 503}[fault]
    if fault == "down":
        set_rule(monkeypatch, otlp_endpoint="http://127.0.0.1:9")
    ran()

    run_ended(RUN)

    assert db.fetch_one("SELECT count(*) AS waiting FROM span WHERE exported_at IS NULL") == {
        "waiting": 3
    }
    collector.answers = 200
    set_rule(monkeypatch, otlp_endpoint=good)
    assert export_runs().spans == len(collector.spans) == 4


def test_a_trace_that_is_refused_holds_up_no_other(
    ran: Callable[..., None], collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran()
    ran(run_id=str(uuid.uuid4()))
    collector.answers = 400

    sent = export_runs()

    assert (sent.runs, "status 400" in sent.fault) == (0, True)
    collector.answers = 200
    assert export_runs().runs == 2


def test_a_resumed_run_keeps_its_one_root(ran: Callable[..., None], collector: Collector) -> None:
    ran("failed")
    export_runs()
    db.execute("UPDATE run SET status = 'running', finished_at = NULL WHERE id = %s", [RUN])
    with step("research.close", run_id=RUN):
        pass
    db.execute(
        "UPDATE run SET status = 'done', finished_at = clock_timestamp() - interval '10 seconds'"
        " WHERE id = %s",
        [RUN],
    )

    export_runs()
    export_runs()

    names = [span["name"] for span in collector.spans]
    assert sorted(names) == sorted(
        [
            "invoke_workflow research.open",
            "research.open",
            "search",
            "fetch",
            "resume_workflow research.open",
            "research.close",
        ]
    )
    assert len({span["spanId"] for span in collector.spans}) == len(names)


def test_a_span_that_comes_late_follows(ran: Callable[..., None], collector: Collector) -> None:
    ran()
    export_runs()
    with step("approvals.record", run_id=RUN):
        pass

    assert export_runs().spans == 1


def test_a_run_that_was_left_out_is_sent_when_asked_for(
    ran: Callable[..., None], collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_rule(monkeypatch, trace_sampling="none")
    ran()

    assert export_runs().left_out == 1
    assert export_runs().left_out == 0
    assert collector.spans == []
    assert export_run(run_row(), asked=True) == 4
    assert len(collector.spans) == 4


def old_run(flow: str) -> None:
    db.execute(
        "INSERT INTO run (id, flow, started_at) VALUES (%s, %s, now() - interval '20 days')",
        [uuid.uuid4(), flow],
    )


@pytest.mark.parametrize(
    ("status", "high_risk", "seen_before", "reason"),
    [
        ("failed", False, True, "error"),
        ("partly_failed", False, True, "error"),
        ("done", True, True, "high_risk"),
        ("done", False, False, "new_flow"),
        ("done", False, True, "out"),
    ],
)
def test_adaptive_sampling_keeps_what_is_interesting(
    status: str,
    high_risk: bool,
    seen_before: bool,
    reason: str,
    ran: Callable[..., None],
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_rule(monkeypatch, trace_sampling="adaptive")
    # The last 56 bits of the id draw the lot: these are above a tenth.
    run_id = "018f6b0e-7f3a-7c11-9a55-ffffffffffff"
    ran(status, run_id=run_id)
    if seen_before:
        old_run("research.open")
    if high_risk:
        db.execute(
            "INSERT INTO action (key, run_id, tool, arguments, digest, risk) VALUES ('k', %s,"
            " 'mail.send', '{}', 'd', 'high')",
            [run_id],
        )

    export_runs()

    assert run_row(run_id)["sampled"] == reason
    assert bool(collector.spans) == (reason != "out")


def test_one_in_ten_of_the_others_is_kept(
    database: str, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_rule(monkeypatch, trace_sampling="adaptive")
    old_run("daily")
    for number in range(200):
        db.execute(
            "INSERT INTO run (id, flow, status, finished_at) VALUES (%s, 'daily', 'done', now() -"
            " interval '1 minute')",
            [uuid.uuid5(uuid.NAMESPACE_URL, str(number))],
        )

    export_runs(limit=500)

    kept = db.fetch_one("SELECT count(*) FILTER (WHERE sampled = 'ratio') AS n FROM run")
    assert kept is not None and 10 <= kept["n"] <= 30


def test_what_is_left_out_by_scope_tears_nothing_apart(
    ran: Callable[..., None], collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_rule(monkeypatch, trace_exclude="millrace.tools*")
    ran()

    export_runs()

    spans = {span["name"]: span for span in collector.spans}
    assert "search" not in spans
    assert spans["fetch"]["parentSpanId"] == spans["research.open"]["spanId"]


def test_a_service_can_be_left_out(
    ran: Callable[..., None], collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_rule(monkeypatch, trace_exclude="other")
    ran()
    db.execute("UPDATE span SET service = 'other' WHERE name = 'fetch'")

    export_runs()

    assert "fetch" not in {span["name"] for span in collector.spans}


def test_a_run_that_has_just_ended_is_left_for_its_last_step(
    ran: Callable[..., None], collector: Collector
) -> None:
    ran(seconds_ago=0)

    assert export_runs().runs == 0


@pytest.mark.parametrize(
    "path", ["", "/", "/v1/traces", "/v1/traces/", "/v1/metrics", "/otlp/v1/traces"]
)
def test_the_address_of_a_collector_is_taken_with_and_without_the_path_of_traces(
    path: str, ran: Callable[..., None], collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_rule(monkeypatch, otlp_endpoint=config.settings().otlp_endpoint + path)
    ran()

    export_runs()

    base = "/otlp" if path.startswith("/otlp") else ""
    assert {asked for asked, _ in collector.asked} == {f"{base}/v1/traces"}


def test_a_collector_is_sent_the_headers_of_the_setting(
    ran: Callable[..., None], collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_rule(monkeypatch, otlp_headers='{"Authorization": "Bearer abc"}')
    ran()

    export_runs()

    assert {key for _, key in collector.asked} == {"Bearer abc"}
    assert "abc" not in str(config.settings().otlp_headers)


def test_what_a_collector_says_of_its_refusal_is_told(
    ran: Callable[..., None], collector: Collector
) -> None:
    collector.answers, collector.says = 401, b"no such tenant"
    ran()

    fault = main()["fault"]

    assert "/v1/traces refuses a trace with status 401: no such tenant" in fault


def test_who_ended_a_run_is_told_that_its_trace_is_refused(
    ran: Callable[..., None], collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    ran()
    collector.answers = 400

    report.send_trace(RUN)
    assert "refuses a trace with status 400" in capsys.readouterr().err

    collector.answers = 200
    report.send_trace(RUN)
    assert capsys.readouterr().err == "" and len(collector.spans) == 4
