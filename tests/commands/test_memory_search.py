import json

import pytest

from scripts.commands.__main__ import main

pytestmark = pytest.mark.usefixtures("database")
KEYS = [
    "id",
    "type",
    "title",
    "source",
    "text",
    "score",
    "why",
    "valid_from",
    "valid_to",
    "recorded_at",
    "citation",
]


def test_search_prints_what_was_found_and_explains_it(capsys):
    main(
        [
            "memory",
            "add",
            "Hard carbon makes good anodes",
            "--type",
            "fact",
            "--since",
            "2026-01-01",
        ]
    )
    capsys.readouterr()

    assert main(["memory", "search", "carbon anodes", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["query", "plan", "results", "timings_ms"] and found["plan"] == "similar"
    assert list(found["results"][0]) == KEYS and found["results"][0]["valid_from"].startswith(
        "2026-01-01"
    )

    main(["memory", "search", "carbon anodes", "--explain"])
    told = capsys.readouterr().out
    assert all(part in told for part in ("Plan: similar", "database", "shares", "meaning"))
    assert "WITH asked AS" not in told and "--sql shows them" in told
    main(["memory", "search", "carbon anodes", "--explain", "--sql"])
    assert "WITH asked AS" in capsys.readouterr().out


def test_a_search_that_cannot_be_is_refused_in_words(capsys):
    assert main(["memory", "search", "harbour", "--namespace", "nowhere"]) != 0
    assert "no namespace 'nowhere'" in capsys.readouterr().err
    assert main(["memory", "search", "what happened on 31 February?"]) != 0
    assert "there is no" in capsys.readouterr().err


def test_every_action_explains_what_it_asked_the_database(capsys):
    main(["memory", "add", "Hard carbon makes good anodes", "--namespace", "desk"])
    capsys.readouterr()

    for action in (["stats"], ["timeline", "carbon"], ["conversation"], ["export"]):
        assert main(["memory", *action, "--namespace", "desk", "--json", "--explain"]) == 0
        told = capsys.readouterr()
        assert "SQL " in told.err and " ms, " in told.err and "SQL " not in told.out


def test_reading_documents_as_of_another_time_is_refused(capsys):
    assert main(["ingest", ".", "--as-of", "2020-01-01"]) == 2
    assert "as they are now" in capsys.readouterr().err


def test_a_path_that_was_mistyped_is_told_and_is_a_failure(capsys, tmp_path):
    assert main(["ingest", str(tmp_path / "typo.md"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["result"]["problems"] == [
        {"path": str(tmp_path / "typo.md"), "problem": "is not there"}
    ]
