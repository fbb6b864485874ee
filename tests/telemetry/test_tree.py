"""`scripts/millrace trace` draws a run as a tree, and sends a trace that sampling left out."""

import argparse
import json
from collections.abc import Callable

import pytest

from f.millrace.core import config
from f.millrace.core.errors import BadInput
from f.millrace.telemetry.export import export_runs
from f.millrace.telemetry.spans import span, step
from scripts.commands import trace
from tests.telemetry.conftest import RUN, Collector


def show(**options: bool) -> int:
    return trace.show(
        argparse.Namespace(run=RUN[:8], **{"json": False, "export": False, **options})
    )


def test_the_tree_has_times_tokens_money_faults_and_the_link(
    ran: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    used = {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "operation.cost": 0.0123,
    }
    with step("research.write", run_id=RUN), span("invoke_agent writer"), span("chat gpt", used):
        pass
    with pytest.raises(RuntimeError), step("research.close", run_id=RUN):
        raise RuntimeError("no disk\nleft")
    ran()

    assert show() == 0

    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[0].startswith("research.write") and "120 tokens" in lines[0] and "$0.01" in lines[0]
    )
    names = [line.lstrip("│├└─ ").split("  ")[0] for line in lines[1:-1]]
    assert names == [
        "research.write",
        "invoke_agent writer",
        "chat gpt",
        "research.close",
        "research.open",
        "search",
        "fetch",
    ]
    assert "error  no disk" in lines[4]
    assert lines[-1].startswith(f"http://127.0.0.1:16686/trace/{RUN.replace('-', '')}")


def test_a_trace_that_was_left_out_is_sent_on_demand(
    ran: Callable[..., None],
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MILLRACE_TRACE_SAMPLING", "none")
    config.reload()
    ran()
    export_runs()
    show()
    assert "left out by sampling" in capsys.readouterr().out

    show(export=True)

    assert "4 spans sent" in capsys.readouterr().out
    assert len(collector.spans) == 4


def test_without_a_collector_the_export_says_what_to_set(ran: Callable[..., None]) -> None:
    ran()

    with pytest.raises(BadInput, match="set MILLRACE_OTLP_ENDPOINT"):
        show(export=True)


def test_the_json_form_is_one_object(
    ran: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    ran()

    show(json=True)

    document = json.loads(capsys.readouterr().out)
    assert (document["run_id"], len(document["spans"])) == (RUN, 3)
