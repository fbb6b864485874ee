"""`health`, `alerts` and `metrics` as a person types them."""

import json
import socket
from pathlib import Path

import pytest

from f.millrace.core import config
from f.millrace.telemetry import alerts
from scripts.commands.__main__ import main


@pytest.fixture
def stalled(database: str) -> int:
    """The id of an open alert."""
    return alerts.raise_alert(
        "StalledRun", "critical", "prometheus", "1 run(s) stand still", {"flow": "daily_research"}
    )["id"]


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a command line prints; its exit code must be `code`."""
    assert main(list(words)) == code
    printed = capsys.readouterr()
    return printed.out + printed.err


def test_alerts_are_listed_seen_and_ended(stalled: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert "StalledRun 1 run(s) stand still" in said(capsys, "alerts")
    assert f"alert {stalled} (StalledRun) is acknowledged" in said(
        capsys, "alerts", "ack", str(stalled)
    )
    assert "acknowledged" in said(capsys, "alerts", "list")
    shown = said(capsys, "alerts", "show", str(stalled))
    assert "First steps:" in shown and "scripts/millrace recover" in shown
    assert f"alert {stalled} (StalledRun) is resolved" in said(
        capsys, "alerts", "resolve", str(stalled)
    )
    assert "No open alerts" in said(capsys, "alerts")
    assert json.loads(said(capsys, "alerts", "list", "--all", "--json"))[0]["state"] == "resolved"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("alerts", "ack"), "name the alert"),
        (("alerts", "ack", "77"), "there is no alert 77"),
        (("metrics", "write", "--prefix", "Genesis"), "lower case words"),
        (("metrics", "write", "--prefix", "genesis"), "--to FOLDER"),
    ],
)
def test_a_wrong_command_says_what_is_right(
    database: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], error: str
) -> None:
    assert error in said(capsys, *words, code=2)


def test_health_says_the_next_step_and_its_exit_code_tells_scripts(
    database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "next: set MILLRACE_SEARCH_URL" in " ".join(said(capsys, "health").split())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("MILLRACE_SEARCH_URL", f"http://127.0.0.1:{port}")
    config.reload()

    told = json.loads(said(capsys, "health", "--json", code=1))

    assert told["state"] == "critical"
    assert {part["name"]: part["state"] for part in told["parts"]}["search"] == "critical"


def test_metrics_are_listed_shown_and_written_with_another_prefix(
    database: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    listed = said(capsys, "metrics", "list", "--prefix", "genesis").splitlines()
    assert (
        "genesis_agents_total  gauge" in listed
        and "genesis_cost_usd_total {agent, model}  counter" in listed
    )
    assert "millrace_exporter_up 1.0" in said(capsys, "metrics", "show")
    said(capsys, "metrics", "write", "--prefix", "genesis", "--to", str(tmp_path))
    assert "genesis_errors_total" in (tmp_path / "prometheus/rules.yml").read_text()
    assert "all files are as the catalogue says" in said(capsys, "metrics", "check")
