"""The command line as programs call it: exit codes, one JSON object, no stack traces."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from f.millrace.core.errors import BadInput
from scripts.commands import values
from scripts.commands.__main__ import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def millrace(database: str, tmp_path: Path):
    """Call the command line as a process of its own."""

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("WM_", "OPENAI_"))
        }
        return subprocess.run(
            [sys.executable, "-m", "scripts.commands", *arguments],
            cwd=tmp_path,
            env={**kept, "PYTHONPATH": str(ROOT), "MILLRACE_DATABASE_URL": database, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return call


def test_the_sample_edition_ends_with_a_cited_digest_in_the_outbox(millrace) -> None:
    done = millrace("run", "daily_research", "--sample", "--json")

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document) == {
        "run_id",
        "trace_id",
        "flow",
        "status",
        "postponed",
        "started_at",
        "finished_at",
        "cost_usd",
        "result",
    }
    result = document["result"]
    assert result["edition"] == "sample"
    assert {source["status"] for source in result["sources"]} == {"ok"}
    citations = {
        cited
        for topic in result["topics"]
        for finding in topic["findings"]
        for cited in finding["citations"]
    }
    assert citations
    assert citations <= set(result["evidence"])
    assert [delivery["status"] for delivery in result["deliveries"]] == ["outbox"]
    assert Path(result["deliveries"][0]["path"]).is_file()
    assert json.loads(millrace("show", document["run_id"], "--json").stdout) == document


@pytest.mark.long
def test_a_second_run_of_the_day_shows_the_digest_that_is_there_and_again_makes_another(
    millrace,
) -> None:
    def run(*flags: str) -> dict[str, Any]:
        done = millrace("run", "daily_research", "--sample", *flags, "--json", "max_topics=1")
        return json.loads(done.stdout)["result"]

    first, second, third = run(), run(), run("--again")

    assert second["digests"][0]["digest_id"] == first["digests"][0]["digest_id"]
    assert third["digests"][0]["digest_id"] != first["digests"][0]["digest_id"]
    assert third["deliveries"][0]["message_id"] != first["deliveries"][0]["message_id"]


@pytest.mark.long
def test_a_dry_run_leaves_nothing_in_the_outbox(millrace, tmp_path: Path) -> None:
    done = millrace(
        "run",
        "daily_research",
        "--sample",
        "--dry-run",
        "--json",
        "max_topics=1",
        MILLRACE_OUTBOX_DIR=str(tmp_path / "dry"),
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["result"]["digests"]
    assert not list(tmp_path.glob("dry/*"))


@pytest.mark.long
def test_a_recipient_without_a_standing_approval_waits_for_a_person_and_gets_it_then(
    millrace, tmp_path: Path
) -> None:
    (tmp_path / "notes").mkdir()
    settings = {"MILLRACE_SOURCES": "notes", "MILLRACE_RECIPIENTS": "new@reader.example"}

    asked = millrace("run", "daily_research", "--json", **settings)
    action = json.loads(millrace("approvals", "list", "--json").stdout)["approvals"][0]
    shown = millrace("approvals", "show", action["id"])
    saved = millrace("show", "last", "--save", "digests")
    approved = millrace("approvals", "approve", action["id"], "--json", **settings)

    assert asked.returncode == 3
    assert json.loads(asked.stdout)["status"] == "waiting"
    assert "new@reader.example" in shown.stdout
    assert saved.returncode == 0
    assert sorted(path.suffix for path in (tmp_path / "digests").iterdir()) == [".html", ".txt"]
    assert approved.returncode == 0, approved.stderr
    assert [one["status"] for one in json.loads(approved.stdout)["result"]["deliveries"]] == [
        "outbox"
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "nope"], "no flow 'nope'"),
        (
            ["run", "daily_research", "max_topics=99"],
            "input 'max_topics' is 99; allowed is 1 to 20",
        ),
        (
            ["run", "daily_research", "max_topics=many"],
            "input 'max_topics' must be integer, not 'many'",
        ),
        (["run", "daily_research", "--sample", "max_topics=99"], "input 'max_topics' is 99"),
        (["run", "daily_research", "--sampel", "max_topics=9"], "unrecognized arguments: --sampel"),
        (["runs", "max_topics=9"], "unrecognized arguments: max_topics=9"),
        (["flows", "import", "--dry-run", "nope"], "there is no flow 'nope'"),
        (["flows", "import", "--dry-rum", "nope"], "unrecognized arguments: --dry-rum"),
        (
            ["run", "u/example/brief", "to={"],
            "input 'to' must be array, not '{'; write it as JSON: to='[…]'",
        ),
        (["run", "daily_research", "max_topic=3"], "did you mean 'max_topics'?"),
        (["run", "daily_research", "--input", "missing.json"], "cannot read"),
        (["resume", "ffffffff"], "no run 'ffffffff'"),
        (["show", "%"], "no run"),
        (["step", "research/nope"], "no step"),
        (["approvals", "approve", "ffffffff"], "no action"),
        (["recipients", "add", "not an address"], "not an address"),
        (
            ["recipients", "add", "a@example.org", "--flow", "f/millrace/research/daily_reserch"],
            "did you mean 'daily_research'?",
        ),
        (["ask", ""], "a question has 1 to"),
    ],
)
def test_a_mistake_is_answered_in_words_and_with_exit_code_2(
    database: str,
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit) as ended:
        sys.exit(main(arguments))

    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said


def test_a_database_that_cannot_be_reached_is_said_without_its_password(millrace) -> None:
    done = millrace("runs", MILLRACE_DATABASE_URL="postgresql://me:hunter2hunter2@127.0.0.1:9/none")

    assert done.returncode == 1
    assert "127.0.0.1:9/none cannot be reached" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_say_where_each_value_comes_from_and_mask_secrets(millrace) -> None:
    rows = json.loads(
        millrace(
            "settings", "--json", MILLRACE_BRAVE_API_KEY="abcdef123456", MILLRACE_MAX_ROUNDS="2"
        ).stdout
    )["settings"]

    shown = {row["name"]: (row["value"], row["from"]) for row in rows}
    assert shown["brave_api_key"] == ("**********", "MILLRACE_BRAVE_API_KEY")
    assert shown["max_rounds"] == (2, "MILLRACE_MAX_ROUNDS")
    assert shown["max_rounds"] != ("offline", "default") == shown["model"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("owners", "said"),
    [("new@reader.example", "Not read: Hacker News"), ("", "Hacker News could not be read, so")],
)
def test_a_digest_of_a_day_without_news_says_which_sources_failed(millrace, owners, said) -> None:
    settings = {
        "MILLRACE_OWNERS": owners,
        "MILLRACE_SOURCES": "notes,hackernews",
        "MILLRACE_HACKERNEWS_URL": "http://127.0.0.1:9/v0",
    }
    millrace("recipients", "add", "new@reader.example")

    done = millrace(
        "run", "daily_research", "--json", **settings, MILLRACE_RECIPIENTS="new@reader.example"
    )

    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["status"] == "partly_failed"
    plain = next(
        Path(file) for file in document["result"]["digests"][0]["files"] if file.endswith(".txt")
    ).read_text()
    assert said in " ".join(plain.split())
    assert "Hacker News: FAILED" in plain
    assert ("Your notes" in plain) == bool(owners)


def test_feedback_is_kept_with_its_run(millrace) -> None:
    run = json.loads(
        millrace(
            "run",
            "daily_research",
            "--json",
            MILLRACE_SOURCES="notes",
            MILLRACE_RECIPIENTS="a@b.example",
        ).stdout
    )

    done = millrace("feedback", run["run_id"][:8], "good")

    assert done.returncode == 0
    assert "good" in done.stdout


def test_a_list_of_texts_is_given_with_commas_or_as_json() -> None:
    schema = {
        "properties": {
            "to": {"type": "array", "items": {"type": "string"}},
            "most": {"type": "array", "items": {"type": "integer"}},
        }
    }

    assert values.read(["to=ada@example.org, bo@example.org"], None, schema) == {
        "to": ["ada@example.org", "bo@example.org"]
    }
    assert values.read(['to=["ada@example.org"]', "most=[1, 2]"], None, schema) == {
        "to": ["ada@example.org"],
        "most": [1, 2],
    }
    assert values.read(["to="], None, schema) == {"to": []}
    with pytest.raises(BadInput, match="write it as JSON"):
        values.read(["most=one"], None, schema)
