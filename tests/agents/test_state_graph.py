import json
import os
import subprocess
import sys

import pytest

from scripts.paths import ROOT

GRAPH = """
import asyncio, json, sys
from typing import TypedDict
from f.millrace.agents import state_graph

class State(TypedDict, total=False):
    count: int

async def step(state):
    return {"count": state.get("count", 0) + 1}

graph = state_graph.StateGraph(State)
graph.add_node("step", step)
graph.add_edge(state_graph.START, "step")
graph.add_conditional_edges(
    "step", lambda state: "step" if state["count"] < 5 else state_graph.END,
    ["step", state_graph.END])
result = asyncio.run(graph.compile().ainvoke({}, {"recursion_limit": 20}))
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
import requests
unwanted = ("langsmith", "requests", "langgraph_sdk.client")
loaded = [name for name, file in files.items() if file and name.startswith(unwanted)]
print(json.dumps([result, loaded, hasattr(requests, "get")]))
"""


@pytest.mark.long
@pytest.mark.parametrize("tracing", ["", "true"])
def test_a_graph_runs_without_langsmith_and_the_real_requests_stays_usable(tracing):
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LANGSMITH_TRACING": tracing,
        "LANGSMITH_API_KEY": "none",
    }

    done = subprocess.run(
        [sys.executable, "-c", GRAPH], capture_output=True, text=True, env=environment, cwd=ROOT
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"count": 5}, [], True]


@pytest.mark.long
def test_a_process_that_has_langgraph_keeps_it():
    code = (
        "import langgraph.graph, langsmith; from f.millrace.agents import state_graph;"
        " print(langsmith.__file__ is not None)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    assert done.stdout.strip() == "True", done.stderr
