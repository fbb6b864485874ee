"""The effective settings, as a person reads them on Windmill and on the command line."""

import json
from typing import Any

import pytest

from f.millrace.core import all_settings, config, secret
from f.millrace.ops import show_settings
from scripts.commands.__main__ import main as command


def shown(answer: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the rows by their setting, as they come out of the job."""
    return {row["setting"]: row for row in json.loads(json.dumps(answer))["table-row-object"][1:]}


def test_a_worker_tells_each_setting_with_its_place_and_no_secret(
    worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.resource = {
        "smtp_url": "smtp://me:hunter2hunter2@mail.example",
        "feeds": [],
        "interests": ["a|b", "`c`"],
    }
    monkeypatch.setenv("MILLRACE_DEFAULTS", '{"search_url": "http://user:s3cretword@searxng:8080"}')
    monkeypatch.setenv("MILLRACE_MODEL", "ollama:small")
    config.reload()

    told = shown(show_settings.main())
    told_from = {name: one["from"] for name, one in told.items()}

    assert sorted(told) == sorted(all_settings.NAMES)
    assert (told_from["smtp_url"], told_from["feeds"]) == (
        "resource f/millrace/settings",
        "default",
    )
    assert (told_from["search_url"], told_from["model"]) == ("MILLRACE_DEFAULTS", "MILLRACE_MODEL")
    assert told["smtp_url"]["value"] == secret.MASKED
    assert "hunter2" not in json.dumps(told) and "s3cretword" not in json.dumps(told)


def test_windmill_shows_a_table_with_what_was_set_first(worker: Any) -> None:
    worker.resource = {"interests": ["tea", "trams"]}
    config.reload()

    answer = show_settings.main()
    [columns, *rows] = answer["table-row-object"]

    assert list(answer) == ["table-row-object"], "another key would make the page show JSON"
    assert [list(row) for row in rows] == [columns] * len(all_settings.NAMES)
    assert [row["from"] == "default" for row in rows] == sorted(
        row["from"] == "default" for row in rows
    )
    assert shown(answer)["interests"]["value"] == '["tea", "trams"]'


def test_only_what_somebody_set_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_MAX_ROUNDS", "2")
    config.reload()

    assert shown(show_settings.main(only_set=True)).keys() == {
        "max_rounds",
        "outbox_dir",
        "notes_dir",
    }


def test_the_verb_shows_the_same_and_the_order_of_the_places(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(["settings", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"] == json.loads(
        json.dumps(show_settings.rows())
    )

    assert command(["settings"]) == 0
    last = " ".join(capsys.readouterr().out.split())
    assert (
        "MILLRACE_<NAME> in the environment, millrace.yaml, on a worker the resource"
        " f/millrace/settings, MILLRACE_DEFAULTS" in last
    )
