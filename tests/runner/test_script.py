import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from scripts.runner import script


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def call(content: str, **args: Any) -> dict[str, Any]:
        return script.run({"root": str(tmp_path), "content": content, "args": args, "step_id": "s"})

    return call


def test_a_missing_argument_without_default_is_none(run: Any) -> None:
    assert run("def main(a, b=2): return [a, b]") == {"result": [None, 2]}


def test_null_where_there_is_a_default_gives_the_default(run: Any) -> None:
    assert run("def main(a, b=2): return [a, b]", a=None, b=None) == {"result": [None, 2]}


def test_arguments_nobody_asked_for_are_dropped_unless_main_takes_all(run: Any) -> None:
    assert run("def main(a): return a", a=1, b=2) == {"result": 1}
    assert run("def main(a, **rest): return [a, rest]", a=1, b=2) == {"result": [1, {"b": 2}]}


def test_dates_and_bytes_are_converted_by_their_annotation(run: Any) -> None:
    content = (
        "import datetime\ndef main(a: datetime.date, b: datetime.datetime, c: bytes): return"
        " [str(a), str(b), c.decode()]"
    )

    assert run(content, a="2026-01-02", b="2026-01-02T03:04:05", c="aGk=") == {
        "result": [str(date(2026, 1, 2)), str(datetime(2026, 1, 2, 3, 4, 5)), "hi"]
    }


def test_results_pass_through_json() -> None:
    nan = float("nan")

    assert json.loads(script.encode({"when": date(2026, 1, 2), "n": nan, "i": [float("inf")]})) == {
        "when": "2026-01-02",
        "n": None,
        "i": [None],
    }
    assert json.loads(script.encode({"text": "NaN and Infinity"})) == {"text": "NaN and Infinity"}
    assert json.loads(script.encode("a\x00b")) == "a null b"
    assert json.loads(script.encode(b"hi")) == "aGk="
    assert json.loads(script.encode(part for part in ("a", "b"))) == "ab"


def test_a_fault_has_name_message_stack_and_step(run: Any) -> None:
    error = run("def main():\n    raise ValueError('no')")["error"]

    assert (error["name"], error["message"], error["step_id"]) == ("ValueError", "no", "s")
    assert "in main" in error["stack"]
    assert "runner/script.py" not in error["stack"]


def test_leaving_the_process_is_a_fault(run: Any) -> None:
    assert run("def main(): raise SystemExit(0)")["error"]["name"] == "SystemExit"


def test_a_script_without_main_is_a_fault(run: Any) -> None:
    assert "has no main()" in run("x = 1")["error"]["message"]
