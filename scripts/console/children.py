"""The children that run what the console starts, with one ready ahead of time.

A child is a process of its own: it goes on when the server ends, and its run's rows are all that
the pages follow.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from f.millrace.core import errors, run_context
from scripts.console import run_view
from scripts.paths import ROOT
from scripts.runner.openflow import load_openflow

LONGEST_WORDS = 500
# Runs of one console at a time; each is a process with a fork server of its own.
MOST = 8
KEPT = 100


class Children:
    """Starts runs, one child each; a spare one waits, loaded, for the next."""

    def __init__(self, ended: Callable[[str], None] = lambda _run_id: None) -> None:
        """Keep a spare child; `ended` is told which run's child has ended."""
        self._ended = ended
        self._lock = threading.Lock()
        self._spare: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._busy: dict[subprocess.Popen[bytes], str] = {}
        self.problems: OrderedDict[str, str] = OrderedDict()
        # Runs that were started lately, whose rows may not be there yet: whose, what is asked, and
        # in which conversation.
        self._started: OrderedDict[str, tuple[str, str, str]] = OrderedDict()

    def warm_up(self) -> None:
        """Have a child ready for the next run."""
        with self._lock:
            if not self._closed and (self._spare is None or self._spare.poll() is not None):
                self._spare = _spawn()

    def start(self, flow: str, args: dict[str, Any], session: str = "") -> str:
        """Start a run of a flow for whom the context names, and return its id."""
        run_id = str(uuid4())
        first = next((str(value) for value in args.values()), "")
        self._note_started(run_id, run_view.say_asked(args, first), session)
        loaded = load_openflow(flow)
        job = {"kind": "start", "flow": flow, "openflow": loaded, "args": args, "run_id": run_id}
        self._give(job, run_id, session)
        return run_id

    def resume(self, run_id: str, session: str = "") -> None:
        """Go on with a run that waited, failed or was stopped."""
        self._give({"kind": "resume", "run_id": run_id}, run_id, session)

    def repeat(self, run_id: str, step: str, asked: str, session: str = "") -> str:
        """Start a run that continues an ended one from a step, for whom the context names, and
        return its id.
        """
        new_id = str(uuid4())
        self._note_started(new_id, asked, session)
        job = {"kind": "repeat", "run_id": run_id, "step": step, "new_id": new_id}
        self._give(job, new_id, session)
        return new_id

    def perform(self, action_id: str, run_id: str) -> None:
        """Make a call that was approved."""
        self._give({"kind": "perform", "action_id": action_id}, run_id, "")

    def find_started(self, run_id: str, person_id: str) -> str | None:
        """Return what a run is asked that this person has started here lately; None for any other:
        its row may not be there yet.
        """
        whose, asked, _ = self._started.get(run_id, ("", "", ""))
        return asked if whose == person_id else None

    def find_session(self, run_id: str) -> str:
        """Return the conversation of a run that was started here lately; empty for any other."""
        return self._started.get(run_id, ("", "", ""))[2]

    def close(self) -> None:
        """End the spare child; those that run go on."""
        with self._lock:
            self._closed = True
            spare, self._spare = self._spare, None
        if spare is not None:
            # It has nothing to lose, and may still be loading.
            spare.kill()
            spare.wait()
            _close_pipes(spare)

    def _note_started(self, run_id: str, asked: str, session: str) -> None:
        self._started[run_id] = (run_context.user_id(), asked, session)
        while len(self._started) > KEPT:
            self._started.popitem(last=False)

    def _give(self, job: dict[str, Any], run_id: str, session: str) -> None:
        here = run_context.current()
        context = {
            "user_id": run_context.user_id(),
            "session_id": session,
            "namespace": here.namespace,
        }
        with self._lock:
            if len(self._busy) >= MOST:
                raise errors.NotAllowed(
                    f"{MOST} runs go on already; wait for one of them, or stop one"
                )
            child, self._spare = self._spare, None
            if child is None or child.poll() is not None:
                child = _spawn()
            self._busy[child] = run_id
        assert child.stdin is not None
        # One that died while it loaded says so on stderr, which is read below.
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps({**job, "context": context}).encode() + b"\n")
            child.stdin.flush()
        threading.Thread(target=self._watch, args=[child, run_id], daemon=True).start()
        threading.Thread(target=self.warm_up, daemon=True).start()

    def _watch(self, child: subprocess.Popen[bytes], run_id: str) -> None:
        assert child.stderr is not None
        said = child.stderr.read().decode(errors="replace").strip()
        code = child.wait()
        _close_pipes(child)
        with self._lock:
            self._busy.pop(child, None)
            if code and said:
                self.problems[run_id] = said.splitlines()[-1][:LONGEST_WORDS]
                while len(self.problems) > KEPT:
                    self.problems.popitem(last=False)
        self._ended(run_id)


def _spawn() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "scripts.console.runner_child"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _close_pipes(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdin, child.stderr):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
