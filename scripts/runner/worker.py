"""Runs one script at a time per caller: in a child of the fork server, or in this process."""

import contextlib
import contextvars
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from scripts.paths import ROOT
from scripts.runner import forkserver, script

EVENT = "MILLRACE_EVENT: "
# What most steps need, loaded before the first step; and what takes seconds, loaded while the first
# steps run.
LIGHT = (
    "asyncio",
    "urllib.request",
    "logging.config",
    "pydantic.root_model",
    "psycopg",
    "opentelemetry.sdk.trace",
    "httpx2",
    "fastfeedparser",
)
HEAVY = ("genai_prices", "pydantic_ai", "mcp.server", "langgraph.graph", "trafilatura", "nh3")
# A step with these requirements waits for the heavy ones; importing them itself, beside others,
# would take longer.
NEEDS_HEAVY = "# requirements: millrace_agents"
LOG_BYTES = 200_000
KILLED_WITHIN_SECONDS = 10
MEASURED_SECONDS = 0.25
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20

LimitHit = Literal["", "time", "memory"]

OnEvent = Callable[[dict[str, Any]], None]


@dataclass
class Job:
    """One execution of one script."""

    step_id: str
    args: dict[str, Any]
    env: dict[str, str]
    path: str | None = None
    content: str | None = None
    timeout: float | None = None


@dataclass
class JobResult:
    """How an execution ended: a result or an error, how the process ended, and what it printed."""

    result: Any = None
    error: dict[str, Any] | None = None
    ended: Literal["returned", "raised", "timed_out", "killed"] = "returned"
    seconds: float = 0.0
    log: str = ""


class Worker(Protocol):
    """Something that can execute jobs, from several threads at once."""

    def run(self, job: Job, on_event: OnEvent) -> JobResult:
        """Execute the job and return how it ended; never raises for a fault of the step."""
        ...

    def close(self) -> None:
        """End whatever still runs."""
        ...


class ForkWorker:
    """Executes each job in a fresh process, forked from a server that has the libraries loaded."""

    def __init__(
        self,
        root: Path = ROOT,
        light: tuple[str, ...] = LIGHT,
        heavy: tuple[str, ...] = HEAVY,
        memory_mb: int = 0,
    ) -> None:
        self.root, self.modules, self.memory_mb = root, [light, heavy], memory_mb
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._running = 0
        self._start()

    @property
    def server_pid(self) -> int:
        """The fork server's process id."""
        assert self._server is not None
        return self._server.pid

    def run(self, job: Job, on_event: OnEvent) -> JobResult:
        """Fork a child for the job, pass on its events, kill it when its time is over."""
        started = time.monotonic()
        with self._lock:
            self._running += 1
        mine, line = socket.socketpair()
        out, out_writer = os.pipe()
        err, err_writer = os.pipe()
        try:
            try:
                self._ask(
                    forkserver.LOADED if _needs_heavy(job, self.root) else forkserver.NOW,
                    [line.fileno(), out_writer, err_writer],
                )
            finally:
                line.close()
                os.close(out_writer)
                os.close(err_writer)
            with contextlib.suppress(OSError):
                forkserver.send(mine, _request(job, self.root))
            watch = _Watch(mine, out, err, on_event)
            try:
                over = watch.until(job.timeout, self.memory_mb)
                if over:
                    self._kill(watch.pid)
                    watch.until(KILLED_WITHIN_SECONDS)
            except BaseException:
                self._kill(watch.pid)
                raise
            return _outcome(job, watch, over, time.monotonic() - started)
        finally:
            mine.close()
            os.close(out)
            os.close(err)
            with self._lock:
                self._running -= 1

    def close(self) -> None:
        """End the fork server and with it every child."""
        with self._lock:
            self._closed = True
            if self._control is not None:
                self._control.close()
            server, idle = self._server, self._running == 0
        if server is not None:
            if idle:  # perhaps still loading libraries, for nobody now
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(server.pid, signal.SIGKILL)
            try:
                server.wait(KILLED_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()

    def _start(self) -> None:
        mine, theirs = socket.socketpair()
        code = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); from scripts.runner import forkserver;"
            " forkserver.main()"
        )
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-P", "-c", code, str(theirs.fileno()), json.dumps(self.modules)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**_without_owner(), "LANGSMITH_TRACING": "false"},
            )
        self._control = mine

    def _ask(self, number: int, descriptors: list[int]) -> None:
        with self._lock:
            if self._closed or self._control is None or self._server is None:
                raise RuntimeError("the runner is closed")
            if self._server.poll() is not None:
                self._control.close()
                self._start()
            message = forkserver.REQUEST.pack(number)
            if descriptors:
                socket.send_fds(self._control, [message], descriptors)
            else:
                self._control.sendall(message)

    def _kill(self, pid: int | None) -> None:
        if pid is not None:
            with contextlib.suppress(OSError, RuntimeError):
                self._ask(pid, [])


class _Watch:
    """Reads a child's two streams and its line until it has ended."""

    def __init__(self, line: socket.socket, out: int, err: int, on_event: OnEvent) -> None:
        self.line, self.out, self.err, self.on_event = line, out, err, on_event
        self.pid: int | None = None
        self.exit: int | None = None
        self.answer: dict[str, Any] | None = None
        self.used_mb = 0.0
        self.log = bytearray()
        self._partial = bytearray()
        self._open: set[int] = {line.fileno(), out, err}

    # complexipy: ignore (one loop waits for output, for time and for memory)
    def until(self, seconds: float | None, memory_mb: int = 0) -> LimitHit:
        """Read until the child has ended, or its seconds (from its start) or its memory are over,
        which is returned.
        """
        deadline = None
        while self.line.fileno() in self._open:
            if seconds is not None and deadline is None and self.pid is not None:
                deadline = time.monotonic() + seconds
            wait = None if deadline is None else deadline - time.monotonic()
            if wait is not None and wait <= 0:
                return "time"
            if memory_mb:
                wait = MEASURED_SECONDS if wait is None else min(wait, MEASURED_SECONDS)
            ready, _, _ = select.select(list(self._open), [], [], wait)
            for descriptor in ready:
                self._read(descriptor)
            if memory_mb and self.pid is not None:
                self.used_mb = resident_mb(self.pid)
                if self.used_mb > memory_mb:
                    return "memory"
        self._drain()
        return ""

    def _read(self, descriptor: int) -> None:
        if descriptor == self.line.fileno():
            message = forkserver.receive(self.line)
            if message is None:
                self._open.discard(descriptor)
            elif "pid" in message:
                self.pid = message["pid"]
            elif "exit" in message:
                self.exit = message["exit"]
                self._open.discard(descriptor)
            else:
                self.answer = message
            return
        data = os.read(descriptor, 1 << 16)
        if not data:
            self._open.discard(descriptor)
        elif descriptor == self.err:
            self._keep(data)
        else:
            self._lines(data)

    def _drain(self) -> None:
        # The child and its group are dead: what is in the pipes is all there will be.
        while self._open:
            ready, _, _ = select.select(list(self._open), [], [], 0)
            if not ready:
                break
            for descriptor in ready:
                self._read(descriptor)
        if self._partial:
            self._lines(b"\n")

    def _lines(self, data: bytes) -> None:
        self._partial += data
        *lines, rest = bytes(self._partial).split(b"\n")
        self._partial = bytearray(rest)
        for line in lines:
            text = line.decode(errors="replace")
            event = _event(text)
            if event is None:
                self._keep(line + b"\n")
            else:
                self.on_event(event)

    def _keep(self, data: bytes) -> None:
        self.log += data
        if len(self.log) > 2 * LOG_BYTES:
            del self.log[:-LOG_BYTES]


def _event(text: str) -> dict[str, Any] | None:
    if not text.startswith(EVENT):
        return None
    try:
        event = json.loads(text[len(EVENT) :])
    except json.JSONDecodeError:
        return None
    return event if isinstance(event, dict) else None


def _needs_heavy(job: Job, root: Path) -> bool:
    if job.path is None:
        return False
    try:
        return NEEDS_HEAVY in (root / f"{job.path}.py").read_text()[:500]
    except OSError:
        return False  # the child says what is wrong with the script


def _without_owner() -> dict[str, str]:
    """Return the environment less the owner's address: who may change tables may change what was
    logged.
    """
    return {name: value for name, value in os.environ.items() if name != "MILLRACE_OWNER_URL"}


def _request(job: Job, root: Path) -> dict[str, Any]:
    return {
        "root": str(root),
        "path": job.path,
        "content": job.content,
        "args": job.args,
        "step_id": job.step_id,
        "env": {**_without_owner(), **job.env},
        "cwd": os.getcwd(),
    }


def resident_mb(pid: int) -> float:
    """Return what a process and those it started hold in memory; 0 when it is gone or the system
    does not say.
    """
    try:
        with open(f"/proc/{pid}/statm") as file:
            pages = int(file.read().split()[1])
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = [int(child) for child in file.read().split()]
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * PAGE_MB + sum(resident_mb(child) for child in children)


def _outcome(job: Job, watch: _Watch, over: LimitHit, seconds: float) -> JobResult:
    log = bytes(watch.log[-LOG_BYTES:]).decode(errors="replace")
    if over == "time" and watch.answer is None:
        message = f"timed out after {job.timeout:g} seconds and was killed"
        return JobResult(None, _error("Timeout", message, job), "timed_out", seconds, log)
    if over == "memory" and watch.answer is None:
        message = (
            f"used {watch.used_mb:.0f} MB of memory and was killed; the setting step_memory_mb"
            " allows less"
        )
        return JobResult(None, _error("MemoryExceeded", message, job), "killed", seconds, log)
    if watch.answer is None:
        how = (
            f"signal {-watch.exit}"
            if watch.exit is not None and watch.exit < 0
            else f"exit code {watch.exit}"
        )
        return JobResult(
            None,
            _error("ProcessDied", f"the step's process ended by {how} without a result", job),
            "killed",
            seconds,
            log,
        )
    return _result_of(job, watch.answer, seconds, log)


def _result_of(job: Job, answer: dict[str, Any], seconds: float, log: str) -> JobResult:
    if "error" in answer:
        return JobResult(None, answer["error"], "raised", seconds, log)
    result = answer["result"]
    failure = result.get("wm_failure") if isinstance(result, dict) else None
    if failure:
        return JobResult(result, _error("Failure", str(failure), job), "raised", seconds, log)
    return JobResult(result, None, "returned", seconds, log)


def _error(name: str, message: str, job: Job) -> dict[str, Any]:
    return {"name": name, "message": message, "stack": "", "step_id": job.step_id}


@dataclass
class InlineWorker:
    """Executes jobs in this process, one after another: for tests and debuggers. It cannot kill, so
    it has no time-outs.
    """

    root: Path = ROOT
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, job: Job, on_event: OnEvent) -> JobResult:
        """Call the script's main with its environment and collect what it prints."""
        started, printed = time.monotonic(), io.StringIO()
        with self._lock, _environment(job.env), contextlib.redirect_stdout(printed):
            # A context of its own, as a process would have: in the runner's, a step's own LangGraph
            # takes itself for a subgraph.
            answer = contextvars.Context().run(script.run, _request(job, self.root))
        log = []
        for line in printed.getvalue().splitlines():
            event = _event(line)
            if event is None:
                log.append(line)
            else:
                on_event(event)
        return _result_of(job, answer, time.monotonic() - started, "\n".join(log))

    def close(self) -> None:
        """Nothing outlives a call."""


@contextlib.contextmanager
def _environment(env: dict[str, str]) -> Any:
    before = dict(os.environ)
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
