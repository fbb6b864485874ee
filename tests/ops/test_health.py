"""Health of each part, the alerts of what does not work, and what stands out against the weeks
before.
"""

import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.core import config, db, errors
from f.millrace.ops import alertmanager, health
from f.millrace.ops.check_health import main as check_health
from f.millrace.telemetry import alerts, baseline
from f.millrace.telemetry.catalogue import CATALOGUE
from f.millrace.telemetry.spans import span, step
from f.millrace.tools import mail
from scripts.commands.__main__ import main

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
EVENTS = CATALOGUE["events_total"]


def part(name: str) -> health.Component:
    return next(found for found in health.check_components() if found.name == name)


@pytest.fixture
def nobody() -> str:
    """A port of loopback at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"127.0.0.1:{port}"


@pytest.fixture
def somebody() -> Iterator[str]:
    """A port of loopback at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_new_installation_is_healthy_but_for_the_search_it_has_not(database: str) -> None:
    found = {one.name: one.state for one in health.check_components()}

    assert found == {name: "degraded" if name == "search" else "healthy" for name in health.CHECKS}


@pytest.mark.parametrize(
    ("name", "setting", "form", "state"),
    [
        ("search", "SEARCH_URL", "http://{}", "critical"),
        ("mail", "SMTP_URL", "smtp://{}", "critical"),
        ("jaeger", "OTLP_ENDPOINT", "http://{}", "degraded"),
        ("tools", "MCP", '{{"files": {{"url": "http://{}/mcp"}}}}', "degraded"),
    ],
)
def test_what_cannot_be_reached_is_said_with_the_next_step(
    database: str,
    nobody: str,
    somebody: str,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    setting: str,
    form: str,
    state: str,
) -> None:
    monkeypatch.setenv(f"MILLRACE_{setting}", form.format(somebody))
    config.reload()
    assert part(name).state == "healthy"

    monkeypatch.setenv(f"MILLRACE_{setting}", form.format(nobody))
    config.reload()
    found = part(name)

    assert found.state == state
    assert nobody in found.reason
    assert found.step


def test_workers_without_a_mail_server_are_a_fault_that_says_how_many_mails_wait(
    database: str, worker: Any, monkeypatch: pytest.MonkeyPatch, somebody: str
) -> None:
    assert part("mail").state == "degraded"

    for number in (1, 2):
        mail.send("ada@home.example", "Today", "text", "", f"d{number}@millrace.local")
    found = part("mail")

    assert (found.state, found.reason) == (
        "critical",
        "no smtp_url is set on the workers: nobody gets mail; 2 mails wait in the outbox",
    )
    assert "f/millrace/settings" in found.step and "scripts/millrace outbox" in found.step
    assert "2 mails wait" in check_health()["reasons"]["mail"]
    with monkeypatch.context() as on_a_persons_machine:
        on_a_persons_machine.delenv("WM_TOKEN")
        config.reload()
        assert part("mail") == found

    worker.resource = {"smtp_url": f"smtp://{somebody}"}
    config.reload()
    assert part("mail").state == "healthy"


def test_a_model_without_its_key_is_critical(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_MODEL", "openai:gpt-5")
    config.reload()

    assert part("model").state == "critical"
    assert "OPENAI_API_KEY" in part("model").step
    monkeypatch.setenv("OPENAI_API_KEY", "sk-something")
    assert part("model").state == "healthy"


def test_without_a_database_that_is_said_and_the_rest_still_looked_at(
    monkeypatch: pytest.MonkeyPatch, nobody: str
) -> None:
    monkeypatch.setenv("MILLRACE_DATABASE_URL", f"postgresql://x@{nobody}/x")
    config.reload()

    found = {one.name: one for one in health.check_components()}

    assert found["database"].state == "critical"
    assert nobody in found["database"].reason
    assert (found["schedules"].state, found["disk"].state) == ("unknown", "healthy")
    assert health.worst(list(found.values())) == "critical"


def test_a_schedule_that_stays_away_is_late(database: str) -> None:
    db.execute(
        "INSERT INTO run (id, flow, status, scheduled_for, started_at) SELECT gen_random_uuid(),"
        " 'daily_research', 'done', at, at FROM generate_series(now() - interval '10 days', now() -"
        " interval '4 days', interval '1 day') AS at"
    )

    assert part("schedules").state == "critical"
    assert "daily_research ran last" in part("schedules").reason
    assert "worker" not in part("schedules").step
    db.execute(
        "INSERT INTO run (id, flow, status, scheduled_for) VALUES (gen_random_uuid(),"
        " 'daily_research', 'done', now())"
    )
    assert part("schedules").state == "healthy"


def test_runs_that_somebody_started_by_hand_keep_no_time(database: str) -> None:
    insert = (
        "INSERT INTO run (id, flow, status, orchestrator, started_at) SELECT gen_random_uuid(),"
        " 'ops.recover_runs', 'done', %s, at FROM generate_series(now() - interval '3 hours',"
        " now() - interval '2 hours', interval '10 minutes') AS at"
    )
    db.execute(insert, ["local"])
    assert part("schedules").state == "healthy"

    db.execute(insert, ["windmill"])
    assert part("schedules").state == "critical" and "is a worker running" in part("schedules").step


def test_a_fault_is_an_alert_and_a_mail_until_it_is_over(
    database: str, nobody: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("MILLRACE_OPERATOR", "operator@localhost")
    monkeypatch.setenv("MILLRACE_SEARCH_URL", f"http://{nobody}")
    config.reload()

    first, second = check_health(), check_health()

    assert (first["state"], first["raised"], second["raised"]) == ("critical", 1, 0)
    (row,) = alerts.list_alerts()
    assert (row["name"], row["labels"], row["state"]) == ("Unhealthy", {"part": "search"}, "active")
    # What Prometheus raises of the same fault is the same alert.
    notice = {
        "status": "firing",
        "labels": {"alertname": "Unhealthy", "part": "search", "severity": "critical"},
    }
    assert alertmanager.receive({"alerts": [notice]}) == {"raised": 0, "resolved": 0}

    monkeypatch.delenv("MILLRACE_SEARCH_URL")
    config.reload()
    assert check_health()["resolved"] == 1
    assert alerts.list_alerts() == []
    mails = [
        path.read_text()
        for path in sorted((tmp_path / "outbox").glob("**/*.eml"), key=os.path.getmtime)
    ]
    assert len(mails) == 2
    assert "docker compose up -d searxng" in mails[0].replace("=\n", "")
    assert "Unhealthy (resolved)" in mails[1].replace("\n ", " ")


def test_what_could_not_be_mailed_when_it_began_is_mailed_when_it_can(
    database: str, nobody: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("MILLRACE_OPERATOR", "operator@localhost")
    monkeypatch.setenv("MILLRACE_SEARCH_URL", f"http://{nobody}")
    monkeypatch.setenv("MILLRACE_SMTP_URL", f"smtp://{nobody}")
    config.reload()
    assert check_health()["raised"] == 2
    assert not list((tmp_path / "outbox").glob("**/*.eml"))

    monkeypatch.delenv("MILLRACE_SMTP_URL")
    config.reload()
    assert (check_health()["resolved"], check_health()["raised"]) == (1, 0)

    (mail,) = (tmp_path / "outbox").glob("**/*.eml")
    text = mail.read_text().replace("=\n", "").replace("\n ", " ")
    assert (
        "Unhealthy (critical): search does not work" in text
        and "Resolved: Unhealthy: mail does not work" in text
    )


def test_what_is_wrong_is_one_line_of_the_log(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check_health()

    (line,) = [json.loads(text) for text in capsys.readouterr().err.splitlines()]
    assert (line["level"], line["tags"]) == ("warning", ["health", "search"])
    assert line["message"].startswith("search is degraded: there is no web search")
    assert line["context"]["next"]


def test_checking_leaves_no_run_and_no_span(database: str) -> None:
    check_health()

    row = db.fetch_one(
        "SELECT (SELECT count(*) FROM run) AS runs, (SELECT count(*) FROM span) AS spans, (SELECT"
        " count(*) FROM health_check) AS parts"
    )

    assert row == {"runs": 0, "spans": 0, "parts": len(health.CHECKS)}


def test_an_alert_is_seen_by_a_person_then_over_and_may_come_again(database: str) -> None:
    first = alerts.raise_alert(
        "ErrorRate", "critical", "prometheus", "too many", {"agent": "judge"}
    )

    assert first["agents"] == ["judge"]
    assert alerts.acknowledge(first["id"], "operator")["state"] == "acknowledged"
    with pytest.raises(errors.BadInput, match="is acknowledged already"):
        alerts.acknowledge(first["id"], "operator")
    assert not alerts.raise_alert(
        "ErrorRate", "critical", "prometheus", "still too many", {"agent": "judge"}
    )["fresh"]
    assert alerts.list_alerts()[0]["state"] == "acknowledged"
    assert alerts.close(first["id"])["state"] == "resolved"
    assert alerts.raise_alert("ErrorRate", "critical", "prometheus", "again", {"agent": "judge"})[
        "fresh"
    ]
    with pytest.raises(errors.BadInput, match="no alert 999"):
        alerts.find(999)


def test_agents_that_fail_while_a_part_is_down_are_named_with_its_alert(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_MODEL", "openai:gpt-5-mini")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    config.reload()
    check_health()
    assert alerts.list_alerts()[0]["agents"] == []
    for agent in ("writer", "judge"):
        with (
            pytest.raises(OSError),
            step("research.investigate"),
            span(f"invoke_agent {agent}", {"agent.id": agent}),
        ):
            raise OSError("no key")

    check_health()

    (row,) = alerts.list_alerts()
    assert (row["labels"], row["agents"]) == ({"part": "model"}, ["judge", "writer"])


def planted(shape: Any, days: int = 70, noise: float = 0.1, seed: int = 1) -> dict[date, float]:
    """Daily figures of a shape, with noise, until yesterday."""
    draw = random.Random(seed)
    every = [TODAY - timedelta(days=n) for n in range(days, 0, -1)]
    return {
        day: shape(index, day) * (1 + draw.uniform(-noise, noise))
        for index, day in enumerate(every)
    }


def weekly(index: int, day: date) -> float:
    """Busy from Monday to Friday."""
    return 100.0 if day.weekday() < 5 else 10.0


@pytest.mark.parametrize("seed", range(20))
def test_a_planted_change_stands_out_and_a_weekend_does_not(seed: int) -> None:
    values = planted(weekly, seed=seed)
    usual = [day for day in list(values)[-7:] if baseline.detect(values, day) is not None]
    assert usual == []

    for factor in (0.0, 0.3, 2.0, 5.0):
        for day in list(values)[-7:]:
            assert baseline.detect({**values, day: values[day] * factor}, day) is not None, (
                factor,
                day,
            )


def test_a_busy_sunday_stands_out_although_it_is_a_usual_monday() -> None:
    values = planted(weekly)
    sunday = next(day for day in reversed(values) if day.weekday() == 6)

    assert baseline.detect({**values, sunday: 100.0}, sunday) == pytest.approx(10, rel=0.2)


def test_too_few_days_say_nothing() -> None:
    values = planted(weekly, days=10)

    assert baseline.detect({**values, YESTERDAY: 10_000.0}, YESTERDAY) is None


@given(
    st.dictionaries(
        st.dates(date(2026, 1, 1), date(2026, 3, 31)), st.floats(0, 1e9), min_size=1, max_size=80
    )
)
def test_any_course_is_judged_without_a_fault(values: dict[date, float]) -> None:
    usual = baseline.detect(values, max(values))

    assert usual is None or usual != values[max(values)]


def test_an_odd_day_becomes_an_alert_and_the_next_usual_one_ends_it(database: str) -> None:
    def course(yesterday: float) -> None:
        db.execute("DELETE FROM metric_hour")
        for day, value in planted(lambda index, day: 50.0).items():
            number = yesterday if day == YESTERDAY else value
            db.execute(
                "INSERT INTO metric_hour (metric, hour, labels, value) VALUES ('events_total', %s,"
                ' \'{"event": "tool"}\', %s)',
                [f"{day} 12:00+00", number],
            )

    check_health()
    course(500.0)
    assert check_health()["anomalies"] == [
        f"events_total was 500 on {YESTERDAY:%A}, {YESTERDAY}; usual is {_usual()}"
    ]
    assert [(row["name"], row["severity"], row["source"]) for row in alerts.list_alerts()] == [
        ("Anomaly", "info", "baseline")
    ]

    course(50.0)
    assert check_health()["anomalies"] == []
    assert alerts.list_alerts() == []


def _usual() -> str:
    values = baseline.daily(EVENTS, TODAY)
    same = [
        value
        for day, value in values.items()
        if day.weekday() == YESTERDAY.weekday() and day < YESTERDAY
    ]
    return f"{statistics.median(same):,.0f}"


def test_the_outlook_follows_a_planted_slope_and_not_one_odd_day() -> None:
    values = planted(lambda index, day: 10 + 0.5 * index, days=40, noise=0.02)
    values[TODAY - timedelta(days=5)] = 5_000.0

    found = baseline.forecast(values)

    assert found is not None
    assert found.a_day == pytest.approx(0.5, rel=0.1)
    assert found.today == pytest.approx(29.5, rel=0.1)
    assert found.in_30_days == pytest.approx(sum(29.5 + 0.5 * n for n in range(1, 31)), rel=0.1)
    level = baseline.forecast(
        planted(lambda index, day: 1e6 + 1e4 * index, days=40, noise=0), growing=True
    )
    assert level is not None and level.in_30_days == pytest.approx(1e6 + 1e4 * 69)
    assert baseline.forecast(planted(weekly, days=6)) is None


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with no room left."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user may not mount a small file system")
    with contextlib.suppress(OSError):
        (place / "all").write_bytes(bytes(100_000))
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_the_disk_of_the_database_counts_also_where_it_is_another_one(
    database: str, full_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(config.DATABASE_FOLDER, str(full_disk / "data"))

    found = part("disk")

    assert found.state == "critical" and str(full_disk) in found.reason


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (errors.DatabaseUnavailable("the data are gone"), "the data are gone"),
        (psycopg.errors.DiskFull("no room"), "the disk of the database is full (no room)"),
        (RuntimeError("odd"), "RuntimeError: odd"),
    ],
)
def test_health_answers_whatever_is_wrong_with_the_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: Exception, said: str
) -> None:
    def fail() -> str:
        raise fault

    monkeypatch.setattr("scripts.commands.health.ready", fail)

    assert main(["health", "--json"]) == 1

    parts = {one["name"]: one for one in json.loads(capsys.readouterr().out)["parts"]}
    assert parts["database"]["state"] == "critical" and said in parts["database"]["reason"]
    assert parts["disk"]["state"] != "unknown" and parts.keys() == health.CHECKS.keys()


def test_a_fault_of_the_database_is_one_line_for_any_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> str:
        raise psycopg.errors.DiskFull("could not extend file")

    monkeypatch.setattr("scripts.commands.runs.ready", fail)

    assert main(["runs"]) == 1
    assert capsys.readouterr().err.startswith("millrace: the disk of the database is full")
