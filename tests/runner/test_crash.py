"""A runner that is killed at any moment: the run goes on as if nothing had happened, and nothing is left behind."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from f.millrace.core.errors import BadInput
from scripts.paths import ROOT
from scripts.runner.worker import Processes

CRASHES = int(os.environ.get("CRASHES", "6"))
START = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from scripts.runner import run
from scripts.runner.worker import Processes
root, run_id, what = Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
worker = Processes(root, preload=("psycopg",))
print(worker.server_pid, flush=True)
if what is None:
    run.resume(run_id, isolation=worker, root=root)
else:
    run.start(what, "crash", {"n": 5}, run_id, isolation=worker, root=root)
"""
# Notes the process it runs in, does its one effect under a business key, and dawdles around it.
EFFECT = """
    def main(key, run, fail_once=False, seconds=0.02):
        with psycopg.connect(os.environ["MILLRACE_DATABASE_URL"], autocommit=True) as c:
            c.execute("INSERT INTO call (what) VALUES (%s)", [f"pid {os.getpid()} {os.environ['MILLRACE_STEP']}"])
            time.sleep(seconds)
            c.execute("INSERT INTO effect (key) VALUES (%s) ON CONFLICT DO NOTHING", [f"{run}/{key}"])
        time.sleep(seconds)
        return {"key": key}
"""


@pytest.fixture
def flow(bundle: Any, module: Any) -> dict[str, Any]:
    bundle.script("effect", EFFECT)
    run = {"run": "flow_env.run"}
    inner = [
        module("one", "f/t/effect", expr={**run, "key": "flow_input.iter.value"}),
        module("two", "f/t/effect", expr={**run, "key": "results.one.key"}),
    ]
    iterator = {"type": "static", "value": ["p", "q", "r", "s"]}
    value = {"type": "forloopflow", "iterator": iterator, "modules": inner, "parallel": True, "skip_failures": True}
    branch = {"type": "branchone", "default": [module("b", "f/t/effect", expr=run, with_={"key": "b"})], "branches": []}
    steps = [
        module("a", "f/t/effect", expr=run, with_={"key": "a"}),
        {"id": "each", "value": value},
        {"id": "choose", "value": branch},
        module("end", "f/t/effect", expr={**run, "key": "results.each"}),
    ]
    return {"summary": "crash", "value": {"modules": steps, "flow_env": {"run": "x"}}}


def begin(bundle: Any, run_id: str, flow: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START, str(ROOT), str(bundle.root), run_id, json.dumps(flow)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
    )  # fmt: skip


def alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    try:
        return state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(bundle: Any) -> list[tuple[int, str]]:
    return [(int(what.split()[1]), what.split()[2]) for what in bundle.calls()]


def done_steps(bundle: Any) -> set[str]:
    """Return the steps whose effect is there and whose checkpoint surely is: those before a step that began."""
    return {row[0] for row in bundle.rows("SELECT key FROM effect")}


@pytest.mark.parametrize("seed", range(CRASHES))
def test_a_killed_run_ends_as_if_nothing_had_happened(bundle: Any, flow: Any, seed: int) -> None:
    chance, run_id = random.Random(seed), f"00000000-0000-4000-8000-{seed:012d}"
    servers, goes_on, kills = [], flow, 0
    for _ in range(12):
        with begin(bundle, run_id, goes_on) as runner:
            assert runner.stdout is not None
            servers.append(int(runner.stdout.readline()))
            try:
                runner.wait(1.2 + chance.random() * 1.2)
            except subprocess.TimeoutExpired:
                runner.kill()
                kills += 1
        if bundle.rows("SELECT 1 FROM run"):
            goes_on = None
        if kills >= 3:
            break

    outcome = bundle.resume(run_id, isolation=Processes(bundle.root, preload=()))

    assert outcome.status == "done"
    each = [{"key": name} for name in "pqrs"]
    assert outcome.result == {"key": each}
    assert len(bundle.rows("SELECT key FROM effect")) == 7
    # A step runs again only when it was cut short: at most once more for each kill.
    runs_of: dict[str, int] = {}
    for _, step in children_of(bundle):
        runs_of[step] = runs_of.get(step, 0) + 1
    assert set(runs_of) == {"a", "choose.b", "end", *(f"each[{n}].{s}" for n in range(4) for s in ("one", "two"))}
    assert sum(runs_of.values()) <= len(runs_of) + 4 * kills
    until = time.monotonic() + 10
    pids = servers + [pid for pid, _ in children_of(bundle)]
    while any(alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    assert [pid for pid in pids if alive(pid)] == []


def test_what_is_finished_does_not_run_again(bundle: Any, flow: Any) -> None:
    # Item p is quick, the others hang: after the kill p and the step before the loop stay done.
    loop = flow["value"]["modules"][1]["value"]
    for step in loop["modules"]:
        step["value"]["input_transforms"]["seconds"] = {"type": "javascript", "expr": "flow_env.seconds[flow_input.iter.index]"}
    flow["value"]["flow_env"]["seconds"] = [0.01, 3, 3, 3]
    run_id = "00000000-0000-4000-9000-000000000001"
    with begin(bundle, run_id, flow) as runner:
        until = time.monotonic() + 20
        while "x/p" not in done_steps(bundle) or len(bundle.calls()) < 6:
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(0.7)
        runner.kill()

    with psycopg.connect(bundle.url, autocommit=True) as connection:
        connection.execute(
            """UPDATE run SET openflow = jsonb_set(openflow, '{value,flow_env,seconds}', '[0.01, 0.01, 0.01, 0.01]')"""
        )
    outcome = bundle.resume(run_id, isolation=Processes(bundle.root, preload=()))

    assert outcome.status == "done"
    steps = [step for _, step in children_of(bundle)]
    assert [steps.count(step) for step in ("a", "each[0].one", "each[0].two")] == [1, 1, 1]
    assert [steps.count(f"each[{n}].one") for n in (1, 2, 3)] == [2, 2, 2]
    assert bundle.rows("SELECT status FROM attempt ORDER BY started_at") == [("killed",), ("done",)]


def test_two_runners_cannot_have_the_same_run(bundle: Any, flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from scripts.runner import store

    monkeypatch.setattr(store, "LOCK_SECONDS", 0.2)
    flow["value"]["modules"][0]["value"]["input_transforms"]["seconds"] = {"type": "static", "value": 5}
    run_id = "00000000-0000-4000-9000-000000000002"
    with begin(bundle, run_id, flow) as runner:
        until = time.monotonic() + 20
        while not bundle.calls() and time.monotonic() < until:
            time.sleep(0.05)

        with pytest.raises(BadInput, match="is being run by another process"):
            bundle.resume(run_id)
        runner.kill()


def test_a_run_that_is_stopped_by_hand_says_so_and_can_go_on(bundle: Any, flow: Any) -> None:
    import signal

    flow["value"]["modules"][1]["value"]["modules"][0]["value"]["input_transforms"]["seconds"] = {"type": "static", "value": 2}
    run_id = "00000000-0000-4000-9000-000000000003"
    with begin(bundle, run_id, flow) as runner:
        until = time.monotonic() + 20
        while len(bundle.calls()) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        runner.send_signal(signal.SIGINT)
        assert runner.wait(10) == 0
    assert bundle.rows("SELECT status FROM run") == [("stopped",)]
    assert not any(alive(pid) for pid, _ in children_of(bundle))

    assert bundle.resume(run_id, isolation=Processes(bundle.root, preload=())).status == "done"
