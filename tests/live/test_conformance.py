"""The official conformance suite of MCP against our serving code and our client; no failure is
expected of either.

The suite's own server scenarios need its fixed tools, which tests/serving/everything.py serves. Of
its client scenarios those run that need no OAuth server.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import fetched
from tests.live.conftest import missing

ROOT = Path(__file__).resolve().parents[2]
SUITE = "@modelcontextprotocol/conformance@0.1.16"
EXPECTED_FAILURES: list[str] = []
CLIENT_SCENARIOS = ["initialize", "tools_call", "elicitation-sep1034-client-defaults", "sse-retry"]
SECONDS = 120


@pytest.fixture(scope="module")
def suite() -> list[str]:
    """The command of the suite."""
    try:
        return [str(fetched.node()), str(fetched.node_package(SUITE) / "dist/index.js")]
    except fetched.NotFetched as error:
        missing(str(error))
        raise


@pytest.fixture
def everything() -> Iterator[str]:
    """The address of the server with the suite's tools, a process of its own."""
    command = [sys.executable, "-m", "tests.serving.everything"]
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert started.stdout
    try:
        yield started.stdout.readline().strip()
    finally:
        started.terminate()
        started.wait()
        started.stdout.close()


def scenarios(suite: list[str], kind: str) -> list[str]:
    """Return the names of the suite's scenarios of that kind."""
    listed = subprocess.run(
        [*suite, "list"], capture_output=True, text=True, timeout=SECONDS, check=True
    ).stdout
    part = listed.partition(f"{kind} scenarios")[2].partition("\n\n")[0]
    return re.findall(r"- (\S+)", part)


def test_our_server_passes_every_server_scenario(suite, everything):
    expected = scenarios(suite, "Server")

    done = subprocess.run(
        [*suite, "server", "--url", everything, "--suite", "all"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )

    summary = re.findall(r"^(\S) (\S+): (\d+) passed, (\d+) failed", done.stdout, re.MULTILINE)
    assert [name for _, name, _, _ in summary] == expected and len(expected) >= 32
    assert [name for _, name, _, failed in summary if failed != "0"] == EXPECTED_FAILURES
    assert done.returncode == 0
    # This one sends an older version than it agreed on, for which the stream has no marks; it then
    # only advises.
    assert [name for _, name, passed, _ in summary if passed == "0"] == ["server-sse-polling"]


def test_the_suite_has_no_further_scenarios_without_oauth(suite):
    assert [
        name for name in scenarios(suite, "Client") if not name.startswith("auth/")
    ] == CLIENT_SCENARIOS


@pytest.mark.parametrize("scenario", CLIENT_SCENARIOS)
def test_our_client_passes(suite, scenario, database):
    client = f"{sys.executable} -m tests.serving.conformance_client"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}

    done = subprocess.run(
        [*suite, "client", "--command", client, "--scenario", scenario],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=ROOT,
        env=environment,
    )

    found = re.search(r"Passed: (\d+)/(\d+), (\d+) failed", done.stdout + done.stderr)
    assert found, done.stdout + done.stderr
    assert done.returncode == 0 and found[3] == "0" and int(found[1]) >= 1, (
        done.stdout + done.stderr
    )
