"""What single settings change, where no other test shows it."""

import asyncio
import json
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from f.millrace.blocks import summarise
from f.millrace.core import config, db, prices
from f.millrace.core.errors import BadInput, BadSetting, SourceFailed
from f.millrace.ingest import read, scan
from f.millrace.memory import vectors
from f.millrace.telemetry import sampling, upkeep
from f.millrace.telemetry.events import emit
from f.millrace.telemetry.metrics.business import OVERDUE
from f.millrace.telemetry.samples import collect
from f.millrace.telemetry.spans import step
from f.millrace.tools import mail
from f.millrace.tools.client import open_tools
from f.millrace.tools.http import fetch
from f.millrace.trust import actions, approvals, fallback, recovery, spend
from scripts.commands.__main__ import main as command
from scripts.runner.run import start
from scripts.samples.server import serve

Set = Callable[..., None]


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Set settings by name."""

    def put(**values: Any) -> None:
        for name, value in values.items():
            monkeypatch.setenv(
                f"MILLRACE_{name.upper()}", value if isinstance(value, str) else json.dumps(value)
            )
        config.reload()

    return put


def test_a_memory_moves_to_the_model_of_the_setting(database: str, change: Set) -> None:
    change(embedding_model="word2vec:old")

    with pytest.raises(BadSetting, match="embedding model 'word2vec:old' is unknown"):
        vectors.reembed()


def test_documents_are_looked_for_in_the_folders_of_the_setting(
    database: str, change: Set, tmp_path: Path
) -> None:
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf/a.md").write_text("# Quay\n\nThe quay is repaired.\n")
    change(documents_dirs=str(tmp_path / "shelf"))

    assert scan.main()["files"] == 1


def test_more_documents_than_the_setting_allows_are_refused(
    database: str, change: Set, tmp_path: Path
) -> None:
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text("# Quay\n")
    change(documents_max_files="1")

    with pytest.raises(BadInput, match="documents_max_files"):
        scan.main([str(tmp_path)])


def test_pictures_are_read_in_the_languages_of_the_setting(
    database: str, change: Set, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/tesseract"
    program.parent.mkdir()
    program.write_text(
        f'#!{sys.executable}\nimport sys\nprint("The quay of Kelby is read in", sys.argv[-1])\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf/scan.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\x00" * 40)
    change(ocr_languages="deu")

    scan.main([str(tmp_path / "shelf")])
    read.main()

    assert db.fetch_one("SELECT body FROM document") == {"body": "The quay of Kelby is read in deu"}


def test_a_question_without_a_time_waits_as_long_as_the_setting_says(
    database: str, change: Set
) -> None:
    action = actions.propose("mail.send", {"to": "ada@home.example"}, "k")
    change(approval_hours="1", now=(datetime.now(UTC) + timedelta(hours=2)).isoformat())

    assert approvals.expire() == 1
    assert actions.get_by_id(str(action["id"]))["state"] == "expired"


def test_a_step_may_take_as_much_memory_as_the_setting_says(
    database: str, change: Set, tmp_path: Path
) -> None:
    script = tmp_path / "f/t/greedy.py"
    script.parent.mkdir(parents=True)
    script.write_text(
        "import time\n\n\ndef main():\n    held = bytearray(600_000_000)\n    time.sleep(3)\n   "
        " return len(held)\n"
    )
    greedy = {
        "id": "greedy",
        "value": {"type": "script", "path": "f/t/greedy", "input_transforms": {}},
    }
    change(step_memory_mb="400")

    ended = start({"summary": "t", "value": {"modules": [greedy]}}, "t", root=tmp_path)

    assert ended.error is not None and ended.error["name"] == "MemoryExceeded"


def test_a_run_that_was_stuck_twice_goes_on_with_the_other_model(
    database: str, change: Set
) -> None:
    change(fallback_model="ollama:small")
    run_id = str(uuid4())
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'daily_research')", [run_id])
    row = {**(db.fetch_one("SELECT * FROM run") or {}), "idle_seconds": 4000, "running": []}

    assert [recovery.decide(row) for _ in range(2)] == ["continue", "alternative"]
    assert fallback.options_of(run_id) == {"model": "ollama:small"}


def test_mails_come_from_the_address_of_the_setting(change: Set) -> None:
    change(mail_from="digest@home.example")

    sent = mail.send("ada@home.example", "Hello", "Text", "", "one@home.example")

    assert "From: Millrace <digest@home.example>" in Path(sent.path).read_text()


def test_mails_name_their_sender_and_who_takes_replies_as_the_settings_say(change: Set) -> None:
    change(mail_name="Morning paper", reply_to="say@home.example")
    listing = mail.Listing("Millrace", "daily")

    sent = mail.send("ada@home.example", "Hello", "Text", "", "one@home.example", listing)

    written = Path(sent.path).read_text()
    assert "From: Morning paper <millrace@localhost>" in written
    assert "Reply-To: say@home.example" in written


def test_links_to_traces_begin_with_the_setting(
    database: str, change: Set, capsys: pytest.CaptureFixture[str]
) -> None:
    change(jaeger_url="https://traces.home.example/")
    with step("test.step"):
        pass
    capsys.readouterr()

    assert command(["trace", "last", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["jaeger"].startswith(
        "https://traces.home.example/trace/"
    )


def test_the_part_of_traces_that_is_exported_is_a_setting(database: str, change: Set) -> None:
    run = {
        "id": "018f6b0e-7f3a-7c11-9a55-ffffffffffff",
        "flow": "daily",
        "status": "done",
        "started_at": datetime.now(UTC),
    }
    change(trace_sampling="ratio", trace_ratio="1")

    assert sampling.decide(run) == "ratio"


def test_spans_are_kept_for_the_days_of_the_setting(database: str, change: Set) -> None:
    with step("test.step"):
        pass
    db.execute("UPDATE span SET started_at = started_at - interval '3 days'")
    change(trace_days="2")

    assert upkeep.prune()["spans"] == 1


def test_events_are_kept_for_the_days_of_the_setting(database: str, change: Set) -> None:
    with step("test.step"):
        emit("progress", "Looking")
    db.execute("UPDATE run_event SET at = at - interval '3 days'")
    change(event_days="2")

    assert upkeep.prune()["events"] == 1


def test_a_body_larger_than_the_setting_is_not_read(change: Set) -> None:
    with serve() as address:
        change(fetch_allow=address.removeprefix("http://"), fetch_max_bytes="1000")

        with pytest.raises(SourceFailed, match="larger than 1,000 bytes"):
            fetch(f"{address}/feeds/courier.xml")


def test_a_request_takes_at_most_the_seconds_of_the_setting(change: Set) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        change(fetch_allow=host, fetch_seconds="0.2")

        with pytest.raises(SourceFailed, match=r"took longer than 0\.2 s"):
            fetch(f"http://{host}/")


@pytest.mark.parametrize("counted", ["input", "output"])
def test_a_model_without_a_price_counts_at_the_cautious_rate(change: Set, counted: str) -> None:
    change(unknown_input_usd="3", unknown_output_usd="3")

    guess = prices.price(
        "openai:never-heard-of", prices.Tokens(**{counted: 1_000_000}), datetime.now(UTC)
    )

    assert (guess.usd, guess.known) == (3, False)


def test_the_machines_cost_what_the_setting_says(database: str, change: Set) -> None:
    with step("test.step"):
        pass
    db.execute("UPDATE step SET started_at = finished_at - interval '2 hours'")
    change(machine_usd_hour="1.5")

    assert spend.total_spending()["machines_usd"] == 3.0


def test_what_a_process_does_at_the_same_time_is_paid_for_once(database: str, change: Set) -> None:
    change(machine_usd_hour="1")
    run_id = "00000000-0000-4000-8000-000000000001"
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'test')", [run_id])
    for path, job, begin, end in (
        ("[a].x", "one", 0, 2),
        ("[b].x", "one", 1, 3),
        ("[c].x", "one", 5, 6),
        ("y", "two", 0, 3),
    ):
        db.execute(
            "INSERT INTO step (run_id, path, name, job_id, started_at, finished_at) "
            "VALUES (%s, %s, 'test', %s, timestamptz '2026-11-18' + make_interval(hours => %s), "
            "timestamptz '2026-11-18' + make_interval(hours => %s))",
            [run_id, path, job, begin, end],
        )

    assert spend.total_spending()["step_hours"] == 3 + 1 + 3


def test_calls_are_charged_to_the_user_of_the_setting(database: str, change: Set) -> None:
    change(user="ada")

    summarise.main(text="The quay of Kelby is repaired from March to June by Norrvik Marine.")

    assert db.fetch_one("SELECT DISTINCT user_id FROM usage") == {"user_id": "ada"}


def test_a_summariser_that_is_switched_off_says_so(database: str, change: Set) -> None:
    change(agents={"summariser": {"enabled": False}})

    with pytest.raises(BadSetting, match="the agent summariser is off"):
        summarise.main(text="The quay of Kelby is repaired from March to June by Norrvik Marine.")


def test_a_tool_server_has_the_seconds_of_the_setting_for_each_exchange(
    database: str, change: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed: list[dict[str, float]] = []

    async def stay_silent(self: object, request: httpx2.Request) -> httpx2.Response:
        allowed.append(request.extensions["timeout"])
        raise httpx2.ReadTimeout("")

    monkeypatch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", stay_silent)
    change(mcp={"box": "http://127.0.0.1:9/mcp"}, mcp_seconds="7")

    async def problems() -> list[str]:
        async with open_tools(["box"]) as tools:
            await tools.list_tools()
            return tools.problems

    [said] = asyncio.run(problems())
    assert "box could not be listed" in said and "no answer in time" in said
    assert allowed and all(set(each.values()) == {7} for each in allowed)


def test_metrics_are_kept_by_the_hour_for_the_days_of_the_setting(
    database: str, change: Set
) -> None:
    db.execute(
        "INSERT INTO metric_hour (metric, hour, labels, value) VALUES ('x', clock_timestamp() -"
        " interval '3 days', '{}', 1)"
    )
    change(metric_days="2")

    assert upkeep.prune()["metrics"] == 1


def test_alerts_are_kept_for_the_days_of_the_setting(database: str, change: Set) -> None:
    db.execute(
        "INSERT INTO alert (fingerprint, name, severity, state, source, summary, resolved_at)"
        " VALUES ('f', 'a', 'info', 'resolved', 'health', 's', clock_timestamp() - interval '3"
        " days')"
    )
    change(alert_days="2")

    assert upkeep.prune()["alerts"] == 1


def test_a_digest_is_overdue_after_the_time_of_the_setting(database: str, change: Set) -> None:
    noon = "2026-11-20T12:00:00+00:00"
    db.execute(
        "INSERT INTO run (id, flow, scheduled_for) VALUES (%s, 'daily_research', %s)",
        [str(uuid4()), noon],
    )
    change(now=noon, digest_due="13:00")

    [(_, [figure])] = collect([OVERDUE])

    assert figure.value == 0
