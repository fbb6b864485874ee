"""What a run costs is the same sum wherever it is told."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from f.millrace.core import db
from f.millrace.core.errors import ToolFailed
from f.millrace.core.money import dollars
from f.millrace.tools.client import open_tools
from f.millrace.tools.toolbox import Toolbox
from scripts.commands.__main__ import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def millrace(edge, configure, database, monkeypatch, tmp_path, capsys):
    """Call the command line with the fake provider of models; what only looks does so in this
    process.
    """
    configure(model="openai:gpt-4o", tool_usd={"web.search": 0.003})
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        if arguments[0] != "run":
            assert main(list(arguments)) == 0
            return capsys.readouterr().out
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "scripts.commands", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.mark.long
def test_digest_terminal_json_and_spend_agree_to_the_cent(millrace):
    document = json.loads(millrace("run", "daily_research", "max_topics=2", "--sample", "--json"))
    run_id, cost = document["run_id"], document["cost_usd"]
    assert cost > 0.02

    told = dollars(cost)
    digest = next(
        Path(file) for file in document["result"]["digests"][0]["files"] if file.endswith(".txt")
    ).read_text()
    by_run = json.loads(millrace("spend", "--by", "run", "--json"))
    by_agent = json.loads(millrace("spend", "--by", "agent", "--run", run_id, "--json"))

    assert f"It cost {told}." in " ".join(digest.split())
    assert re.search(
        rf"daily_research {run_id}\s+done\s+{re.escape(told)}$",
        millrace("show", run_id),
        re.MULTILINE,
    )
    assert f"Together {told}" in millrace("spend", "--by", "model")
    assert told in millrace("runs")
    assert [(group["run"], group["cost_usd"]) for group in by_run["groups"]] == [(run_id, cost)]
    assert by_run["total"]["cost_usd"] == cost
    assert {limit["scope"]: limit["spent_usd"] for limit in by_agent["limits"]} == {
        "run": cost,
        "user_day": cost,
    }
    # The question whether the model can be used belongs to the run, and to no topic of it.
    checked = next(
        group["cost_usd"] for group in by_agent["groups"] if group["agent"] == "model_check"
    )
    assert sum(topic["cost_usd"] for topic in document["result"]["topics"]) == pytest.approx(
        cost - checked, abs=1e-6
    )
    assert sum(group["cost_usd"] for group in by_agent["groups"]) == pytest.approx(cost, abs=1e-6)
    assert {group["agent"] for group in by_agent["groups"]} == {
        "model_check",
        "planner",
        "judge",
        "writer",
        "researcher",
    }
    assert by_agent["groups"][0]["tokens"]["input"] >= 1000
    assert (
        next(group["tools_usd"] for group in by_agent["groups"] if group["agent"] == "researcher")
        > 0
    )


async def search_until_refused(times):
    async with open_tools(["web.search"]) as tools:
        toolbox = Toolbox(tools, await tools.list_tools())
        for _ in range(times):
            await toolbox.call("web.search", {"query": "orbit"})
        with pytest.raises(ToolFailed, match=r"needs up to \$0\.04"):
            await toolbox.call("web.search", {"query": "orbit"})


def test_a_tool_with_a_price_is_charged_by_call_and_stops_with_the_money(edge, in_step, configure):
    configure(tool_usd={"web.search": 0.04}, run_usd="0.1")

    asyncio.run(search_until_refused(2))

    assert len(edge.searches) == 2
    rows = db.fetch_all(
        "SELECT kind, model, state, cost_usd::float AS cost, price_source FROM usage"
    )
    assert (
        rows
        == [
            {
                "kind": "tool",
                "model": "web.search",
                "state": "settled",
                "cost": 0.04,
                "price_source": "settings",
            }
        ]
        * 2
    )
