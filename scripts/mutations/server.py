"""Run tests again and again in one copy of the tree: a fork of this process for each request.

It is started in the copy and reads one JSON object a line. It has imported the libraries that the
tests need, and none of our own modules, so each fork reads those as they are then.
"""

import contextlib
import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

LIBRARIES = (
    "pytest _pytest.pytester coverage psycopg pydantic pydantic_ai pydantic_ai.models.openai"
    " pydantic_ai.models.test hypothesis yaml opentelemetry.sdk.trace numpy httpx2 mcp nh3"
    " trafilatura langgraph.graph genai_prices"
).split()
KILLED, SURVIVED, LATE, BROKEN = "killed", "survived", "late", "broken"
# What pytest ends with when a test fails, when one cannot be imported, and when a conftest cannot.
NOTICED = (1, 2, 4)
# The plugins of pytest among the libraries are imported before it starts.
OPTIONS = ("-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")


class Recorder:
    """A plugin of pytest: the lines that each test executes, and how long it lasts."""

    def __init__(self, measured: Any) -> None:
        self.measured = measured
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Begin a test."""
        self.measured.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count a phase of a test."""
        seconds = self.seconds.get(report.nodeid, 0.0) + report.duration
        self.seconds[report.nodeid] = seconds
        if report.failed:
            self.failed.append(report.nodeid)


def main() -> None:
    """Answer requests until the input ends."""
    sys.path.extend(sys.argv[1:])
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.argv[1:])
    for name in LIBRARIES:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(answer(request)), flush=True)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Run the tests of a request in a fork and return how it ended."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setsid()
        _become_tests(request)
    status: int | None = None
    while status is None and time.monotonic() - began < request["seconds"]:
        done, code = os.waitpid(child, os.WNOHANG)
        status = os.waitstatus_to_exitcode(code) if done else None
        time.sleep(0.02)
    # What the tests started and left is of the same session.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if status is None:
        os.waitpid(child, 0)
    if status is None:
        verdict = LATE
    elif status == 0:
        verdict = SURVIVED
    else:
        verdict = KILLED if status in NOTICED or status < 0 else BROKEN
    return {"verdict": verdict, "status": status, "seconds": time.monotonic() - began}


def _become_tests(request: dict[str, Any]) -> None:
    code = 70
    try:
        with open(request["log"], "w") as log, open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        code = _measure(request) if "measure" in request else _test(request["tests"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _test(tests: list[str]) -> int:
    import pytest

    return int(pytest.main([*tests, "-x", *OPTIONS]))


def _measure(request: dict[str, Any]) -> int:
    import coverage  # pyright: ignore[reportMissingImports]
    import pytest

    measured = coverage.Coverage(data_file=None, include=request["include"], config_file=False)
    recorder = Recorder(measured)
    measured.start()
    code = int(pytest.main([request["measure"], *OPTIONS], plugins=[recorder]))
    measured.stop()
    data = measured.get_data()
    lines: dict[str, dict[str, list[int]]] = {}
    for path in data.measured_files():
        name = str(Path(path).relative_to(Path.cwd()))
        for number, contexts in data.contexts_by_lineno(path).items():
            for context in contexts:
                lines.setdefault(context, {}).setdefault(name, []).append(number)
    told = {"lines": lines, "seconds": recorder.seconds, "failed": recorder.failed, "code": code}
    Path(request["result"]).write_text(json.dumps(told))
    return 0


if __name__ == "__main__":
    main()
