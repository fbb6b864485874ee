"""A log line is one JSON object that names its run, step and trace; in a terminal it is words."""

import json

import pytest

from f.millrace.core import config
from f.millrace.core.errors import BadInput
from f.millrace.telemetry.logs import structured_log
from f.millrace.telemetry.spans import step

RUN = "018f6b0e-7f3a-7c11-9a55-0123456789ab"


def test_a_line_is_one_object_with_its_place_and_no_secret(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with step("research.open", run_id=RUN):
        structured_log(
            "warning",
            "slow\nsource",
            {"url": "https://me:hunter2hunter2@news.example/", "password": "x1"},
            ["feeds"],
        )

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    line = json.loads(lines[0])
    assert (line["level"], line["message"], line["tags"]) == ("warning", "slow\nsource", ["feeds"])
    assert (line["run_id"], line["step"], line["trace_id"]) == (RUN, "open", RUN.replace("-", ""))
    assert len(line["span_id"]) == 16
    assert line["context"] == {"url": "https://[redacted]@news.example/", "password": "[redacted]"}


def test_what_json_cannot_hold_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    structured_log("error", "odd", {"when": object, "set": {1}})

    assert json.loads(capsys.readouterr().err)["context"]["when"] == "<class 'object'>"


def test_lines_below_the_level_are_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_LOG_LEVEL", "warning")
    config.reload()

    structured_log("info", "not this")

    assert capsys.readouterr().err == ""


def test_a_terminal_gets_words_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    structured_log("info", "read\x1b[2J it", {"items": 3}, ["feeds"])

    words = capsys.readouterr().err
    assert "info      read [2J it  items=3  #feeds\n" in words
    assert "\x1b" not in words


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(
        BadInput, match="there is no log level 'loud'; there are debug, info, warning, error"
    ):
        structured_log("loud", "x")
