"""The effective settings, as a person reads them on Windmill and on the command line."""

import json
from typing import Any

import pytest

from f.millrace.core import config
from f.millrace.ops import show_settings
from scripts.verbs.__main__ import main as verb


def test_a_worker_tells_each_setting_with_its_place_and_no_secret(worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.resource = {"smtp_url": "smtp://me:hunter2hunter2@mail.example", "feeds": [], "interests": ["a|b", "`c`"]}
    monkeypatch.setenv("MILLRACE_DEFAULTS", '{"search_url": "http://user:s3cretword@searxng:8080"}')
    monkeypatch.setenv("MILLRACE_MODEL", "ollama:small")
    config.reload()

    told = json.loads(json.dumps(show_settings.main()))
    told_from = {name: one["from"] for name, one in told["settings"].items()}

    assert list(told["settings"]) == list(config.NAMES)
    assert (told_from["smtp_url"], told_from["feeds"]) == ("resource f/millrace/settings", "default")
    assert (told_from["search_url"], told_from["model"]) == ("MILLRACE_DEFAULTS", "MILLRACE_MODEL")
    assert told["settings"]["smtp_url"]["value"] == show_settings.MASKED
    assert "hunter2" not in json.dumps(told) and "s3cretword" not in json.dumps(told)


def test_the_table_renders_in_the_ui_with_what_was_set_first(worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.resource = {"interests": ["a|b", "`c`"]}
    config.reload()

    told = show_settings.main()
    lines = told["markdown"].splitlines()

    assert told["wm_renderer"] == "markdown"
    assert lines[:2] == ["| setting | value | from | meaning |", "|---|---|---|---|"] and len(lines) == 2 + len(config.NAMES)
    assert [line for line in lines if line.startswith("| `interests` |")] == [
        '| `interests` | `["a\\|b", "\'c\'"]` | resource f/millrace/settings | Words that lift a topic\'s rank. |'
    ]
    assert all(line.replace("\\|", "").count("|") == 5 for line in lines)
    assert [" default |" in line for line in lines[2:]] == sorted(" default |" in line for line in lines[2:])


def test_only_what_somebody_set_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_MAX_ROUNDS", "2")
    config.reload()

    assert show_settings.main(only_set=True)["settings"].keys() == {"max_rounds", "outbox_dir", "notes_dir"}


def test_the_verb_shows_the_same_and_the_order_of_the_places(capsys: pytest.CaptureFixture[str]) -> None:
    assert verb(["settings", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"] == json.loads(json.dumps(show_settings.rows()))

    assert verb(["settings"]) == 0
    last = " ".join(capsys.readouterr().out.split())
    assert (
        "MILLRACE_<NAME> in the environment, millrace.yaml, on a worker the resource f/millrace/settings, MILLRACE_DEFAULTS"
        in last
    )
