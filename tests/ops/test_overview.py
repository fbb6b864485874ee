"""What the app Today is told: one call for the figures, one for the text of a digest."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from f.millrace.core import db, errors, windmill
from f.millrace.ops import find_console, health, overview
from f.millrace.research import show_digest
from f.millrace.trust import actions, approvals
from tests.research.conftest import NOW, conflicting, item

RUN = "00000000-0000-0000-0000-000000000003"


def run_row(
    run_id: str = RUN, flow: str = "do_task", orchestrator: str = "windmill", **columns: Any
) -> None:
    names = "".join(f", {name}" for name in columns)
    db.execute(
        f"INSERT INTO run (id, flow, orchestrator{names}) VALUES (%s, %s,"
        f" %s{', %s' * len(columns)})",
        [run_id, flow, orchestrator, *columns.values()],
    )


def test_an_empty_database_is_told_as_empty(database: str) -> None:
    page = overview.main()

    assert (
        page["reachable"]
        and page["digest"] is None
        and page["waiting"] == []
        and page["runs"] == []
    )
    assert page["spending"]["today_usd"] == 0 and page["spending"]["run"] is None
    assert page["schedules"]["list"] == [] and "without Windmill" in page["schedules"]["problem"]
    assert show_digest.main() == {"digest": None}


def test_looking_leaves_no_run(database: str) -> None:
    overview.main()
    show_digest.main()

    assert db.fetch_one("SELECT count(*) AS n FROM run") == {"n": 0}


def test_components_with_problems_come_first_with_their_next_step(
    database: str, configure: Any
) -> None:
    configure(search_url="http://127.0.0.1:9")

    told = overview.main()["health"]

    assert (told[0]["name"], told[0]["state"]) == ("search", "critical") and told[0]["step"]
    assert [part["state"] for part in told[1:]] == ["healthy"] * (len(health.CHECKS) - 1)


def test_without_its_database_the_page_says_what_to_do(configure: Any) -> None:
    configure(database_url="postgresql://nobody@127.0.0.1:9/none")

    page = overview.main()

    assert not page["reachable"]
    assert (page["health"][0]["name"], page["health"][0]["state"]) == ("database", "critical")
    assert "MILLRACE_DATABASE_URL" in page["health"][0]["step"]


def test_the_newest_digest_is_named_and_its_text_comes_by_its_id(
    pipeline: Any, offered: Any, researcher: Any
) -> None:
    offered["hackernews"] = [item("plant", "The plant makes 12 GWh")]
    researcher["The plant makes 12 GWh"] = conflicting
    run_id, _ = pipeline.run()

    named = overview.main()["digest"]
    digest = show_digest.main(named["id"])["digest"]

    assert named == {"id": digest["id"], "run_id": run_id, "is_today": True}
    (section,) = digest["sections"]
    assert section["findings"] == [
        {"text": "It is said that The plant makes 12 GWh.", "numbers": [1]}
    ]
    assert section["references"][0]["url"].startswith("https://news.example/")
    assert section["conflicts"][0]["sides"][0]["trusted"]
    assert show_digest.main()["digest"] == digest
    assert json.dumps(digest)


def test_yesterdays_digest_is_not_todays(pipeline: Any, offered: Any, clock: Any) -> None:
    offered["hackernews"] = [item("plant", "The plant makes 12 GWh")]
    pipeline.run()
    clock(NOW + timedelta(days=1))

    assert overview.main()["digest"]["is_today"] is False


def test_a_sample_edition_is_nobodys_digest_of_today(pipeline: Any, offered: Any) -> None:
    offered["hackernews"] = [item("plant", "The plant makes 12 GWh")]
    pipeline.run(sample=True)

    assert overview.main()["digest"] is None


def test_a_digest_that_is_not_there_is_said(database: str) -> None:
    with pytest.raises(errors.NotFound, match="leave digest_id empty"):
        show_digest.main("00000000-0000-0000-0000-000000000009")


def test_a_question_is_told_once_with_its_age_and_without_a_way_to_answer_by_itself(
    database: str,
) -> None:
    run_row()
    actions.propose(
        "notes.write", {"text": "Buy quay timber"}, "call:1", reason="it changes notes", run_id=RUN
    )

    (waiting,) = overview.main()["waiting"]

    assert waiting["question"] == "Call notes.write?" and waiting["reason"] == "it changes notes"
    assert (waiting["run_id"], waiting["flow"], waiting["orchestrator"]) == (
        RUN,
        "do_task",
        "windmill",
    )
    assert datetime.fromisoformat(waiting["since"]) < datetime.fromisoformat(waiting["until"])
    assert "Buy quay timber" not in json.dumps(waiting) and "resume" not in json.dumps(waiting)


def test_an_answered_question_waits_no_longer(database: str) -> None:
    run_row()
    row = actions.propose("notes.write", {"text": "x"}, "call:1", reason="", run_id=RUN)
    approvals.decide(str(row["id"]), row["digest"], "denied", "ada")

    assert overview.main()["waiting"] == []


def test_spending_is_of_today_and_of_the_newest_daily_run(database: str) -> None:
    run_row(flow="daily_research", pipeline=db.jsonb({"budget": {"run_usd": 5.0}}))
    for days, usd in ((0, 0.25), (0, 0.5), (2, 4)):
        db.execute(
            "INSERT INTO usage (run_id, agent, model, state, cost_usd, reserved_at) VALUES (%s,"
            " 'writer', 'm', 'settled', %s, %s)",
            [
                RUN if days == 0 else "00000000-0000-0000-0000-000000000004",
                usd,
                datetime.now(UTC) - timedelta(days=days),
            ],
        )

    told = overview.main()["spending"]

    assert told["today_usd"] == 0.75 and told["limit_usd"] == 50
    assert [day["usd"] for day in told["days"]] == [0, 0, 0, 0, 4, 0, 0.75]
    assert told["run"] == {"run_id": RUN, "usd": 0.75, "limit_usd": 5.0}


def test_runs_of_maintenance_are_left_out_and_faults_are_redacted(database: str) -> None:
    run_row(status="failed", error="the key sk-abcdefghijklmnopqrstuvwx is refused")
    run_row("00000000-0000-0000-0000-000000000005", "ops.recover_runs")

    (told,) = overview.main()["runs"]

    assert (told["id"], told["status"]) == (RUN, "failed")
    assert "is refused" in told["error"] and "sk-abc" not in told["error"]


@pytest.fixture
def on_windmill(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The answers of the job's server."""
    answers: dict[str, Any] = {}
    monkeypatch.setattr(windmill, "on_worker", lambda: True)
    monkeypatch.setattr(windmill, "get", lambda path: answers.get(path.partition("?")[0]))
    monkeypatch.setattr(windmill, "resource", lambda path: {})
    return answers


def test_the_next_schedule_comes_first_and_those_that_are_off_last(
    database: str, configure: Any, on_windmill: Any
) -> None:
    configure(now="2026-11-29T13:00:00+00:00")
    common = {"script_path": "f/millrace/x", "paused_until": None, "enabled": True}
    on_windmill["schedules/list"] = [
        {
            **common,
            "path": "f/millrace/off",
            "schedule": "0 0 1 * * *",
            "timezone": "UTC",
            "enabled": False,
        },
        {
            **common,
            "path": "f/millrace/daily",
            "schedule": "0 0 8 * * *",
            "timezone": "Europe/London",
            "summary": "Daily",
        },
        {**common, "path": "f/millrace/often", "schedule": "0 */5 * * * *", "timezone": "UTC"},
        {
            **common,
            "path": "f/millrace/paused",
            "schedule": "0 */5 * * * *",
            "timezone": "UTC",
            "paused_until": "2026-12-03T10:02:00Z",
        },
        {**common, "path": "f/other/theirs", "schedule": "0 0 1 * * *", "timezone": "UTC"},
    ]

    told = overview.main()["schedules"]["list"]

    assert [(row["path"], row["next"]) for row in told] == [
        ("f/millrace/often", "2026-11-29T13:05:00+00:00"),
        ("f/millrace/daily", "2026-11-30T08:00:00+00:00"),
        ("f/millrace/paused", "2026-12-03T10:05:00+00:00"),
        ("f/millrace/off", None),
    ]
    assert told[0]["summary"] == "often"


def test_the_app_console_is_told_where_the_console_is(configure: Any) -> None:
    configure(console_url=" https://console.home.example/ ")
    assert find_console.main() == {"url": "https://console.home.example", "framed": False}

    configure(console_framed_by="https://windmill.home.example")
    assert find_console.main()["framed"]
