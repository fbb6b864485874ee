"""The example of Windmill's own AI agent step: its tools are blocks in the form in which the worker
takes them.
"""

import re
from typing import Any

import pytest
import yaml

from f.millrace.core.errors import BadInput
from scripts.paths import ROOT
from scripts.runner.openflow import load_openflow
from scripts.runner.run import start
from scripts.runner.worker import InlineWorker

FLOW = "u/example/agent"


def agent() -> dict[str, Any]:
    return load_openflow(FLOW)["value"]["modules"][0]["value"]


def test_each_tool_has_a_name_that_the_worker_takes() -> None:
    names = [tool["summary"] for tool in agent()["tools"]]

    assert names == ["recall", "research", "summarise"]
    assert all(re.fullmatch(r"[a-zA-Z0-9_]+", name) for name in names)


@pytest.mark.parametrize("tool", agent()["tools"], ids=lambda tool: tool["summary"])
def test_a_tool_is_a_block_that_describes_itself_and_what_the_model_fills_in(
    tool: dict[str, Any],
) -> None:
    metadata = yaml.safe_load((ROOT / f"{tool['value']['path']}.script.yaml").read_text())
    fields, given = metadata["schema"]["properties"], tool["value"]["input_transforms"]

    # The worker tells the model this description, else only the name.
    assert len(metadata["description"]) > 40
    assert given.keys() <= fields.keys()
    for name in fields:
        assert fields[name]["description"], name
    # What the model does not fill in is fixed; a required field is one or the other.
    assert set(metadata["schema"]["required"]) <= given.keys()


def test_what_the_model_asks_is_treated_as_somebody_elses_question() -> None:
    (research,) = [tool for tool in agent()["tools"] if tool["summary"] == "research"]

    assert research["value"]["input_transforms"]["written_by_others"] == {
        "type": "static",
        "value": True,
    }


def test_without_windmill_the_flow_says_that_it_cannot_run(database: str) -> None:
    with pytest.raises(BadInput, match="'agent' is of type 'aiagent', which runs only on Windmill"):
        start(
            load_openflow(FLOW),
            FLOW,
            {"question": "When is high water?"},
            isolation=InlineWorker(ROOT),
            root=ROOT,
        )
