"""A real run's trace: its shape, and each attribute against the list in
resources/telemetry/attributes.yaml.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from f.millrace.core import config, db
from f.millrace.telemetry.export import root_attributes
from f.millrace.telemetry.spans import root_span_id
from scripts.paths import ROOT

LISTED: dict[str, Any] = yaml.safe_load((ROOT / "resources/telemetry/attributes.yaml").read_text())[
    "attributes"
]
KINDS = {
    "invoke_workflow": "workflow",
    "invoke_agent": "agent",
    "chat": "chat",
    "execute_tool": "tool",
    "search_memory": "memory",
    "create_memory": "memory",
    "risk_decision": "risk",
    "approval": "approval",
}
# What may stand above what.
ABOVE = {
    "step": {"workflow"},
    "agent": {"step", "agent"},
    "chat": {"agent"},
    "tool": {"step", "agent"},
    "memory": {"step", "agent", "tool"},
    "risk": {"step", "agent"},
    "approval": {"step"},
}
TYPES = {"string": str, "integer": int, "number": int | float, "boolean": bool, "list": list}


def kind_of(span: dict[str, Any]) -> str:
    return KINDS.get(
        span["name"].split()[0], "step" if "phase" in span["attributes"] else "unknown"
    )


@pytest.fixture(scope="module")
def trace(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[dict[str, Any]]]:
    """The spans of a small daily run of the sample edition, with what was said, and its root."""
    from scripts.runner import run
    from scripts.runner.openflow import load_openflow
    from scripts.samples.sources import sample_sources

    url = postgres_server.rsplit("/", 1)[0] + "/trace_of_a_run"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE trace_of_a_run TEMPLATE template_millrace STRATEGY file_copy"
        )
    folder: Path = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MILLRACE_DATABASE_URL", url)
        patch.setenv("MILLRACE_OUTBOX_DIR", str(folder / "outbox"))
        patch.setenv("MILLRACE_NOTES_DIR", str(folder / "notes"))
        patch.setenv("MILLRACE_TRACE_CONTENT", "true")
        with sample_sources(True):
            done = run.start(
                load_openflow("daily_research"), "daily_research", {"sample": True, "max_topics": 1}
            )
        row = db.fetch_one("SELECT * FROM run WHERE id = %s", [done.run_id])
        assert row is not None and row["status"] == "done", row
        spans = db.fetch_all("SELECT * FROM span WHERE run_id = %s", [done.run_id])
        root = {
            "span_id": root_span_id(done.run_id),
            "name": "invoke_workflow daily_research",
            "parent_id": None,
        }
        yield [{**root, "attributes": root_attributes(row), "status": "ok"}, *spans]
        db.close()
    config.reload()
    # A worker may leave this module and come back to it.
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("DROP DATABASE trace_of_a_run WITH (FORCE)")


@pytest.fixture
def others(database: str) -> list[dict[str, Any]]:
    """The spans of a question and of the maintenance that leaves a trace."""
    from f.millrace.ops import (
        embed_memory,
        forget,
        prune_memory,
        recover_runs,
        report_failure,
        retract,
    )
    from scripts.commands.__main__ import main

    assert main(["ask", "What do sodium cells cost?", "--sample", "--json"]) == 0
    for done in (
        embed_memory.main(),
        prune_memory.main(),
        recover_runs.main(),
        report_failure.main(message="the disk is full"),
        retract.main("https://example.org/"),
        forget.main("nobody@example.org"),
    ):
        assert isinstance(done, dict)
    return db.fetch_all("SELECT * FROM span")


def test_a_run_is_workflow_then_steps_then_agents_then_what_they_do(
    trace: list[dict[str, Any]],
) -> None:
    by_id = {span["span_id"]: span for span in trace}

    for span in trace[1:]:
        parent = by_id[span["parent_id"]]
        assert kind_of(parent) in ABOVE[kind_of(span)], (
            f"{span['name']} stands below {parent['name']}"
        )
    assert {kind_of(span) for span in trace} == {
        "workflow",
        "step",
        "agent",
        "chat",
        "tool",
        "memory",
        "risk",
        "approval",
    }


def test_each_attribute_is_listed_with_its_type_and_place(trace: list[dict[str, Any]]) -> None:
    assert [wrong for span in trace for wrong in mistakes(span)] == []


def test_a_question_and_maintenance_say_what_is_listed_too(
    others: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert {"ask", "ops.prune_memory", "ops.forget"} <= {span["name"] for span in others}
    assert "agent" in {kind_of(span) for span in others}
    assert sorted({wrong for span in others for wrong in mistakes(span)}) == []
    capsys.readouterr()


def mistakes(span: dict[str, Any]) -> list[str]:
    """What is wrong with a span's attributes, each in words."""
    kind, found = kind_of(span), []
    for name, value in span["attributes"].items():
        listed = LISTED.get(name)
        if listed is None:
            found.append(f"{name} of {span['name']} is not listed")
        elif kind not in [*listed.get("always", []), *listed.get("may", [])]:
            found.append(f"{name} is not listed for {kind} ({span['name']})")
        elif not isinstance(value, TYPES[listed["type"]]) or (
            listed["type"] == "boolean"
        ) != isinstance(value, bool):
            found.append(f"{name} is {value!r}, listed as {listed['type']}")
    return found


def test_every_attribute_that_a_step_names_is_listed() -> None:
    unlisted = [f"{place}: {name}" for place, name in said_in_code() if name not in LISTED]

    assert unlisted == []


def said_in_code() -> Iterator[tuple[str, str]]:
    """Each attribute that a file names where it opens a step or adds to a span."""
    for path in sorted((ROOT / "f/millrace").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            added = (
                isinstance(node.func, ast.Attribute)
                and node.func.attr == "set"
                and ast.unparse(node.func.value) in ("span", "handle")
            )
            opened = isinstance(node.func, ast.Name) and node.func.id == "step"
            if not added and not opened:
                continue
            names = [
                keyword.arg for keyword in node.keywords if keyword.arg not in (None, "run_id")
            ]
            keys = [
                key.value
                for argument in node.args
                if isinstance(argument, ast.Dict)
                for key in argument.keys
                if isinstance(key, ast.Constant)
            ]
            for name in [*names, *keys]:
                yield (
                    path.relative_to(ROOT).as_posix(),
                    (str(name) if "." in str(name) else f"millrace.{name}"),
                )


def test_each_attribute_that_is_always_there_is_there(trace: list[dict[str, Any]]) -> None:
    missing = [
        f"{name} of {span['name']}"
        for span in trace
        for name, listed in LISTED.items()
        if kind_of(span) in listed.get("always", []) and name not in span["attributes"]
    ]

    assert missing == []


def test_what_was_said_is_there_when_asked_for(
    trace: list[dict[str, Any]], database: str, configure: Callable[..., None]
) -> None:
    from f.millrace.blocks import recall

    configure(trace_content=True)
    recall.main("What do sodium cells cost?")  # news is told without memory
    seen = {name for span in trace for name in span["attributes"]}
    seen |= {name for span in db.fetch_all("SELECT * FROM span") for name in span["attributes"]}

    assert {name for name, listed in LISTED.items() if listed.get("content")} <= seen


def test_names_that_are_said_to_be_opentelemetrys_are() -> None:
    from opentelemetry.semconv._incubating.attributes import (
        error_attributes,
        gen_ai_attributes,
        user_attributes,
    )

    defined = {
        getattr(module, name)
        for module in (error_attributes, gen_ai_attributes, user_attributes)
        for name in dir(module)
        if name.isupper()
    }

    claimed = {name for name, listed in LISTED.items() if listed["from"] in ("otel", "genai")}
    assert claimed <= defined
    assert not {name for name, listed in LISTED.items() if listed["from"] == "own"} & defined
