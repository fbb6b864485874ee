import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from scripts.paths import ROOT
from scripts.runner.worker import ForkWorker, Job


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "f" / "t").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def worker(root: Path) -> Iterator[ForkWorker]:
    worker = ForkWorker(root, light=(), heavy=())
    yield worker
    worker.close()


def run(worker: ForkWorker, body: str, events: list[Any] | None = None, **more: Any) -> Any:
    timeout, args = more.pop("timeout", None), more.pop("args", {})
    job = Job("s", args, more.pop("env", {}), content=body, timeout=timeout)
    return worker.run(job, (events if events is not None else []).append)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def gone(pids: list[int], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def test_a_step_gets_a_process_of_its_own(worker: ForkWorker) -> None:
    body = (
        "import os\nseen = []\ndef main():\n    seen.append(1)\n    return [os.getpid(), len(seen)]"
    )

    first, second = run(worker, body).result, run(worker, body).result

    assert first[0] != second[0] != os.getpid()
    assert first[1] == second[1] == 1


def test_a_step_sees_its_environment_and_not_that_of_another(worker: ForkWorker) -> None:
    body = "import os\ndef main(): return [os.environ.get('ONE'), os.environ.get('TWO')]"

    assert run(worker, body, env={"ONE": "1"}).result == ["1", None]
    assert run(worker, body, env={"TWO": "2"}).result == [None, "2"]


def test_events_are_passed_on_as_they_happen_and_the_rest_is_log(
    worker: ForkWorker, tmp_path: Path
) -> None:
    # The step goes on once its event was heard.
    heard = tmp_path / "heard"
    body = (
        f"import json, os, sys, time\nHEARD = {str(heard)!r}"
        + """
def main():
    print("plain"); print("to err", file=sys.stderr)
    print("MILLRACE_EVENT: " + json.dumps({"event": "progress", "message": "x" * 100000}))
    while not os.path.exists(HEARD): time.sleep(0.02)
    print("MILLRACE_EVENT: broken"); sys.stdout.write("no newline at the end")
    return 1
"""
    )
    events: list[Any] = []

    def listen(event: Any) -> None:
        events.append(event)
        heard.touch()

    done = worker.run(Job("s", {}, {}, content=body, timeout=60), listen)

    assert done.result == 1 and len(events) == 1
    assert all(text in done.log for text in ("plain", "to err", "broken", "no newline at the end"))


def test_a_step_over_its_time_is_killed_with_all_that_it_started(worker: ForkWorker) -> None:
    body = """
import subprocess, time
def main():
    other = subprocess.Popen(["sleep", "60"])
    print("MILLRACE_EVENT: {\\"pid\\": %d}" % other.pid)
    while True: pass
"""
    events: list[Any] = []

    done = run(worker, body, events, timeout=0.5)

    assert (done.ended, done.error["name"]) == ("timed_out", "Timeout")
    assert "after 0.5 seconds" in done.error["message"]
    assert done.seconds >= 0.5
    assert gone([events[0]["pid"]])


def test_what_a_step_leaves_behind_ends_with_it(worker: ForkWorker) -> None:
    body = "import subprocess\ndef main(): return subprocess.Popen(['sleep', '60']).pid"

    assert gone([run(worker, body).result])


def test_a_step_that_is_killed_is_a_fault_in_words(worker: ForkWorker) -> None:
    done = run(worker, "import os\ndef main(): os.kill(os.getpid(), 9)")

    assert done.ended == "killed"
    assert "ended by signal 9" in done.error["message"]


def test_a_lost_fork_server_is_replaced(worker: ForkWorker) -> None:
    os.kill(worker.server_pid, signal.SIGKILL)
    time.sleep(0.2)

    assert run(worker, "def main(): return 5").result == 5


def test_wm_failure_in_a_result_is_a_fault(worker: ForkWorker) -> None:
    done = run(worker, "def main(): return {'wm_failure': 'not good'}")

    assert done.error["message"] == "not good"


def test_large_arguments_and_results_pass(worker: ForkWorker) -> None:
    text = "é" * 1_000_000

    assert run(worker, "def main(a): return a", args={"a": text}).result == text


def test_steps_run_side_by_side(worker: ForkWorker, tmp_path: Path) -> None:
    # Each waits until all eight have begun.
    body = """
import pathlib, time
def main(n, folder):
    pathlib.Path(folder, str(n)).touch()
    while len(list(pathlib.Path(folder).iterdir())) < 8: time.sleep(0.02)
    return n
"""

    def one(n: int) -> Any:
        return run(worker, body, args={"n": n, "folder": str(tmp_path)}, timeout=60).result

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(one, range(8)))

    assert done == list(range(8))


@pytest.mark.long
def test_the_second_server_takes_over_with_the_libraries_loaded_one_thread_and_no_connection(
    root: Path,
) -> None:
    worker = ForkWorker(root)
    body = "import os, sys\ndef main(): return [os.getppid(), 'nh3' in sys.modules]"
    try:
        first = run(worker, body).result
        assert first == [worker.server_pid, False]
        until = time.monotonic() + 60
        while not (second := run(worker, body).result)[1]:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert second[0] != worker.server_pid
        for pid in (worker.server_pid, second[0]):
            process = Path(f"/proc/{pid}")
            assert len(list((process / "task").iterdir())) == 1
            opened = [os.readlink(descriptor) for descriptor in (process / "fd").iterdir()]
            # the runner's, the other server's
            assert sum("socket" in target for target in opened) <= 2 + 1
    finally:
        worker.close()
    assert gone([worker.server_pid, second[0]])


def test_a_step_of_the_first_server_is_killed_after_the_second_took_over(root: Path) -> None:
    worker = ForkWorker(root, light=(), heavy=("colorsys",))
    stuck = "import re\ndef main(): re.match('(a+)+$', 'a' * 40 + 'b')"
    try:
        done = run(worker, stuck, timeout=1.5)
        parents = {
            run(worker, "import os\ndef main(): return os.getppid()").result for _ in range(3)
        }
    finally:
        worker.close()

    assert (done.ended, parents - {worker.server_pid}) != ("returned", set())


@pytest.mark.long
def test_a_step_of_an_agent_waits_until_the_libraries_are_loaded_and_others_do_not(
    root: Path,
) -> None:
    (root / "f" / "t" / "agent.py").write_text(
        "# requirements: millrace_agents\nimport sys\nthere = 'nh3' in sys.modules\ndef main():"
        " return there\n"
    )
    (root / "f" / "t" / "plain.py").write_text(
        "import sys\nthere = 'nh3' in sys.modules\ndef main(): return there\n"
    )
    worker = ForkWorker(root)
    try:
        with ThreadPoolExecutor(4) as pool:
            agents = [
                pool.submit(worker.run, Job("s", {}, {}, path="f/t/agent"), print) for _ in range(3)
            ]
            plain = worker.run(Job("s", {}, {}, path="f/t/plain"), print)
            assert [each.result().result for each in agents] == [True, True, True]
    finally:
        worker.close()
    assert plain.result is False


@pytest.mark.long
def test_both_servers_end_when_the_runner_closes_while_they_load(root: Path) -> None:
    worker = ForkWorker(root)
    run(worker, "def main(): return 1")
    group = worker.server_pid
    worker.close()

    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("the servers are still there")


def test_everything_dies_with_a_runner_that_is_killed(root: Path) -> None:
    # The step holds the interpreter's lock in one long regular expression, so only the fork server
    # can end it.
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from scripts.runner.worker import ForkWorker, Job
worker = ForkWorker(Path({str(root)!r}), light=(), heavy=())
print(worker.server_pid, flush=True)
body = '''
import json, os, re, subprocess
def main():
    other = subprocess.Popen(["sleep", "60"])
    print("MILLRACE_EVENT: " + json.dumps(dict(pids=[os.getpid(), other.pid])))
    re.match("(a+)+$", "a" * 40 + "b")
'''
worker.run(Job("s", {{}}, {{}}, content=body), lambda event: print(*event["pids"], flush=True))
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as runner:
        assert runner.stdout is not None
        pids = [int(runner.stdout.readline())] + [
            int(pid) for pid in runner.stdout.readline().split()
        ]
        time.sleep(0.2)
        assert all(alive(pid) for pid in pids)

        runner.kill()

    assert gone(pids)
