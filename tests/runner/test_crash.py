"""A runner that is killed at any moment: the run goes on as if nothing had happened, and nothing is
left behind.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from f.millrace.core.errors import BadInput, DatabaseUnavailable
from f.millrace.telemetry import upkeep
from scripts.paths import ROOT
from scripts.runner import store
from scripts.runner.worker import ForkWorker
from tests.tiers import pick

CRASHES = int(os.environ.get("CRASHES", pick(quick=4, full=12, prove=180)))
# Has imported everything and forks a runner for each line, so that a crash costs half a second and
# not three.
LAUNCHER = """
import json, os, signal, sys
# A shell that starts the tests in the background has the signal ignored by all of them.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from scripts.runner import graph, run
from scripts.runner.worker import ForkWorker
root = Path(sys.argv[2])
for line in sys.stdin:
    run_id, flow = json.loads(line)
    pid = os.fork()
    if pid == 0:
        worker = ForkWorker(root, light=("psycopg",), heavy=())
        print(os.getpid(), worker.server_pid, flush=True)
        if flow is None:
            run.resume(run_id, isolation=worker, root=root)
        else:
            run.start(flow, "crash", {"n": 5}, run_id, isolation=worker, root=root)
        worker.close()
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""
# Notes the process it runs in, does its one effect under a business key, and dawdles around it.
EFFECT = """
    def main(key, run, fail_once=False, seconds=0.02):
        with psycopg.connect(os.environ["MILLRACE_DATABASE_URL"], autocommit=True) as c:
            c.execute("INSERT INTO call (what) VALUES (%s)",
                      [f"{run} {os.getpid()} {os.environ['MILLRACE_STEP']}"])
            time.sleep(seconds)
            c.execute("INSERT INTO effect (key) VALUES (%s) ON CONFLICT DO NOTHING",
                      [f"{run}/{key}"])
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
    value = {
        "type": "forloopflow",
        "iterator": iterator,
        "modules": inner,
        "parallel": True,
        "skip_failures": True,
    }
    branch = {
        "type": "branchone",
        "default": [module("b", "f/t/effect", expr=run, with_={"key": "b"})],
        "branches": [],
    }
    steps = [
        module("a", "f/t/effect", expr=run, with_={"key": "a"}),
        {"id": "each", "value": value},
        {"id": "choose", "value": branch},
        module("end", "f/t/effect", expr={**run, "key": "results.each"}),
    ]
    return {"summary": "crash", "value": {"modules": steps, "flow_env": {"run": "x"}}}


class Runner:
    """A runner in a process of its own, to be killed."""

    def __init__(self, launcher: subprocess.Popen[str], run_id: str, flow: Any) -> None:
        assert launcher.stdin is not None and launcher.stdout is not None
        self.output = launcher.stdout
        print(json.dumps([run_id, flow]), file=launcher.stdin, flush=True)
        self.pid, self.server_pid = (int(pid) for pid in self.output.readline().split())

    def end(self, with_signal: int = signal.SIGKILL) -> int:
        """Send the signal and return the exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, with_signal)
        return int(self.output.readline())


@pytest.fixture
def launch(bundle: Any) -> Iterator[Any]:
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(ROOT), str(bundle.root)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ),
    ) as launcher:  # fmt: skip
        yield lambda run_id, flow: Runner(launcher, run_id, flow)
        launcher.kill()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pids: list[int]) -> bool:
    until = time.monotonic() + 10
    while any(alive(pid) for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.long
def test_a_killed_run_ends_as_if_nothing_had_happened(bundle: Any, flow: Any, launch: Any) -> None:
    pids: list[int] = []
    interrupted = 0
    for seed in range(CRASHES):
        chance, run_id = random.Random(seed), f"00000000-0000-4000-8000-{seed:012d}"
        flow["value"]["flow_env"]["run"] = str(seed)
        kills = 0
        for _ in range(3):
            runner = launch(
                run_id, None if bundle.rows(f"SELECT 1 FROM run WHERE id = '{run_id}'") else flow
            )
            time.sleep(chance.random() * 0.7)
            kills += runner.end() != 0
            pids.append(runner.server_pid)
        if not bundle.rows(f"SELECT 1 FROM run WHERE id = '{run_id}'"):
            continue
        interrupted += 1

        outcome = bundle.resume(run_id, isolation=ForkWorker(bundle.root, light=(), heavy=()))

        assert (outcome.status, outcome.result) == (
            "done",
            {"key": [{"key": name} for name in "pqrs"]},
        )
        assert len(bundle.rows(f"SELECT key FROM effect WHERE key LIKE '{seed}/%'")) == 7
        # A step runs again only when it was cut short: at most what can run at once, for each kill.
        processes = [what.split() for what in bundle.calls() if what.startswith(f"{seed} ")]
        steps = [step for _, _, step in processes]
        assert set(steps) == {
            "a",
            "choose.b",
            "end",
            *(f"each[{n}].{s}" for n in range(4) for s in ("one", "two")),
        }
        assert len(steps) <= 11 + 4 * kills
        pids += [int(pid) for _, pid, _ in processes]
    assert interrupted > CRASHES / 2
    assert gone(pids)


@pytest.mark.long
def test_what_is_finished_does_not_run_again(bundle: Any, flow: Any, launch: Any) -> None:
    # Item p is quick, the others hang: after the kill p and the step before the loop stay done.
    for step in flow["value"]["modules"][1]["value"]["modules"]:
        step["value"]["input_transforms"]["seconds"] = {
            "type": "javascript",
            "expr": "flow_env.seconds[flow_input.iter.index]",
        }
    flow["value"]["flow_env"]["seconds"] = [0.01, 5, 5, 5]
    run_id = "00000000-0000-4000-9000-000000000001"
    runner = launch(run_id, flow)
    wait_for(lambda: len(bundle.calls()) == 6)
    time.sleep(0.7)
    runner.end()

    with psycopg.connect(bundle.url, autocommit=True) as connection:
        connection.execute(
            "UPDATE run SET openflow"
            " = jsonb_set(openflow, '{value,flow_env,seconds}', '[0.01, 0.01, 0.01, 0.01]')"
        )
    outcome = bundle.resume(run_id, isolation=ForkWorker(bundle.root, light=(), heavy=()))

    assert outcome.status == "done"
    steps = [what.split()[2] for what in bundle.calls()]
    assert [steps.count(step) for step in ("a", "each[0].one", "each[0].two")] == [1, 1, 1]
    assert [steps.count(f"each[{n}].one") for n in (1, 2, 3)] == [2, 2, 2]
    assert bundle.rows("SELECT status FROM attempt ORDER BY started_at") == [("killed",), ("done",)]


@pytest.mark.long
def test_a_run_cut_off_at_any_write_of_a_checkpoint_goes_on(
    bundle: Any, flow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from langgraph.checkpoint.postgres import PostgresSaver

    loop = flow["value"]["modules"][1]["value"]
    loop |= {"parallel": False, "iterator": {"type": "static", "value": ["p", "q"]}}
    countdown = [10**6]

    def cut(method: Any) -> Any:
        def limited(*args: Any, **more: Any) -> Any:
            countdown[0] -= 1
            if countdown[0] == 0:
                raise KeyboardInterrupt
            return method(*args, **more)

        return limited

    for name in ("put", "put_writes"):
        monkeypatch.setattr(PostgresSaver, name, cut(getattr(PostgresSaver, name)))
    bundle.run(flow["value"]["modules"], flow_env={"run": "whole"})
    writes = 10**6 - countdown[0]

    for point in range(1, writes + 1, pick(quick=5, full=1)):
        run = f"cut{point}"
        countdown[0] = point
        cut_off = bundle.run(flow["value"]["modules"], flow_env={"run": run})
        assert cut_off.status == "stopped", point

        outcome = bundle.resume(cut_off.run_id)

        assert (outcome.status, outcome.result) == (
            "done",
            {"key": [{"key": "p"}, {"key": "q"}]},
        ), point
        assert len(bundle.rows(f"SELECT key FROM effect WHERE key LIKE '{run}/%'")) == 5, point
        steps = [what for what in bundle.calls() if what.startswith(f"{run} ")]
        # seven, and at most the one whose output was being saved again
        assert len(steps) <= 8, point
    assert writes > 20


@pytest.mark.long
def test_two_runners_cannot_have_the_same_run(
    bundle: Any, flow: Any, launch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LOCK_SECONDS", 0.2)
    flow["value"]["modules"][0]["value"]["input_transforms"]["seconds"] = {
        "type": "static",
        "value": 5,
    }
    run_id = "00000000-0000-4000-9000-000000000002"
    runner = launch(run_id, flow)
    wait_for(bundle.calls)

    with pytest.raises(BadInput, match="is being run by another process"):
        bundle.resume(run_id)
    runner.end()


@pytest.mark.long
def test_a_run_that_is_stopped_by_hand_says_so_and_can_go_on(
    bundle: Any, flow: Any, launch: Any
) -> None:
    flow["value"]["modules"][1]["value"]["modules"][0]["value"]["input_transforms"]["seconds"] = {
        "type": "static",
        "value": 0.8,
    }
    run_id = "00000000-0000-4000-9000-000000000003"
    runner = launch(run_id, flow)
    wait_for(lambda: len(bundle.calls()) == 5)

    assert runner.end(signal.SIGINT) == 0

    assert bundle.rows("SELECT status FROM run") == [("stopped",)]
    assert gone([int(what.split()[1]) for what in bundle.calls()])
    assert (
        bundle.resume(run_id, isolation=ForkWorker(bundle.root, light=(), heavy=())).status
        == "done"
    )


def wait_for(ready: Callable[[], Any]) -> None:
    until = time.monotonic() + 20
    while not ready():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_run_whose_database_goes_away_says_so_in_words(bundle: Any) -> None:
    bundle.script(
        "cut",
        """
        def main():
            with psycopg.connect(os.environ["MILLRACE_DATABASE_URL"], autocommit=True) as c:
                c.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                          " WHERE pid <> pg_backend_pid() AND datname = current_database()"
                          " AND usename = current_user")
        """,
    )

    with pytest.raises(DatabaseUnavailable, match="went away in the middle"):
        bundle.run(
            [{"id": "cut", "value": {"type": "script", "path": "f/t/cut", "input_transforms": {}}}]
        )


def test_what_was_kept_to_go_on_goes_with_a_run_that_is_over(bundle: Any) -> None:
    bundle.script("once", "def main():\n        note('once')\n        return 7")
    step = {"id": "once", "value": {"type": "script", "path": "f/t/once", "input_transforms": {}}}

    outcome = bundle.run([step])

    for table in upkeep.CHECKPOINTS:
        assert bundle.rows(f"SELECT count(*) FROM {table}") == [(0,)]
    again = bundle.resume(outcome.run_id)
    assert (again.status, again.result) == ("done", 7) and bundle.calls() == ["once"]


def test_a_run_that_failed_long_ago_does_not_do_again_what_it_has_done(bundle: Any) -> None:
    bundle.script("once", "def main():\n        note('once')")
    bundle.script("fail", "def main():\n        raise ValueError('no')")
    steps = [
        {"id": name, "value": {"type": "script", "path": f"f/t/{name}", "input_transforms": {}}}
        for name in ("once", "fail")
    ]
    run_id = bundle.run(steps).run_id

    assert upkeep.prune()["checkpoints"] == 0 and bundle.resume(run_id).status == "failed"
    with psycopg.connect(bundle.url, autocommit=True) as connection:
        connection.execute("UPDATE run SET finished_at = finished_at - interval '31 days'")

    assert upkeep.prune()["checkpoints"] == 1
    with pytest.raises(BadInput, match=r"is kept for 30 days .setting event_days."):
        bundle.resume(run_id)
    assert bundle.calls() == ["once"]
