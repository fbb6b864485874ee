"""Run a compiled OpenFlow on this machine, or go on with a run that waited, failed or lost its
runner.
"""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from f.millrace.core import db
from f.millrace.core.config import settings
from f.millrace.core.errors import BadInput
from scripts.paths import ROOT
from scripts.runner import continuation
from scripts.runner import openflow as flows
from scripts.runner.store import Store, is_over
from scripts.runner.worker import ForkWorker, InlineWorker, Worker

Isolation = Literal["process", "inline"]  # a child process for each step, or this one
OnEvent = Callable[[dict[str, Any]], None]
NO_EVENTS: OnEvent = lambda _event: None  # noqa: E731


@dataclass
class Outcome:
    """How a run stands when its runner lets go of it."""

    status: str  # done | failed | partly_failed | waiting | stopped
    result: Any
    run_id: str
    error: dict[str, Any] | None = None
    waiting: list[dict[str, Any]] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)  # what each step came to


def start(
    openflow: dict[str, Any],
    flow_name: str,
    args: dict[str, Any] | None = None,
    run_id: str | None = None,
    on_event: OnEvent | None = None,
    isolation: Isolation | Worker | None = None,
    *,
    root: Path = ROOT,
    flow_path: str | None = None,
    database_url: str | None = None,
) -> Outcome:
    """Start a run of `openflow` and drive it until it ends or waits for a person.

    Raises BadInput when the flow cannot run here, or when the run exists already.
    """
    run_id = str(uuid.UUID(run_id)) if run_id else str(uuid.uuid4())
    args = args or {}
    whole = flows.complete(openflow, root)
    with (
        db.in_words(),
        _worker(isolation, root) as worker,
        contextlib.closing(Store(database_url)) as store,
    ):
        store.lock_run(run_id)
        store.open_run(run_id, flow_name, args, whole)
        path = flow_path or flows.find_flow(flow_name, root) or flow_name
        return _drive(_Drive(store, worker, on_event or NO_EVENTS, run_id, whole, args, path))


def resume(
    run_id: str,
    answer: dict[str, Any] | None = None,
    on_event: OnEvent | None = None,
    isolation: Isolation | Worker | None = None,
    *,
    root: Path = ROOT,
    database_url: str | None = None,
) -> Outcome:
    """Go on with a run from where it stands, with the OpenFlow it was started with.

    `answer` is a person's: {"approved": bool, "body": {...}, "by": str, "step": path when several
    wait}. What is done is not done again. A run that failed goes on with the step that failed; of
    one that is over the result comes back.
    """
    try:
        run_id = str(uuid.UUID(run_id))
    except ValueError as error:
        raise BadInput(f"{run_id!r} is not a run's id; scripts/millrace runs lists them") from error
    with (
        db.in_words(),
        _worker(isolation, root) as worker,
        contextlib.closing(Store(database_url)) as store,
    ):
        store.lock_run(run_id)
        row = store.find_run(run_id)
        if is_over(row):
            return Outcome(row["status"], row["result"], run_id)
        row = store.reopen_run(row)
        path = flows.find_flow(row["flow"], root) or row["flow"]
        failed = row["status"] == "failed"
        drive = _Drive(
            store,
            worker,
            on_event or NO_EVENTS,
            run_id,
            row["openflow"],
            row["args"],
            path,
            answer,
            failed,
            row["thread"],
        )
        return _drive(drive)


def repeat(
    run_id: str,
    step: str,
    new_id: str | None = None,
    on_event: OnEvent | None = None,
    isolation: Isolation | Worker | None = None,
    *,
    root: Path = ROOT,
    database_url: str | None = None,
) -> Outcome:
    """Start a run that continues an ended one: from `step` on it does everything again, and what
    came before keeps its results.

    Raises BadInput when the run has not ended, or the step has not run.
    """
    new_id = str(uuid.UUID(new_id)) if new_id else str(uuid.uuid4())
    with (
        db.in_words(),
        _worker(isolation, root) as worker,
        contextlib.closing(Store(database_url)) as store,
    ):
        row = store.find_run(run_id)
        if row["status"] in ("running", "waiting"):
            raise BadInput(f"run {run_id} is {row['status']}; stop it, or wait for its end")
        place = continuation.find_place(flows.value(row["openflow"]).get("modules") or [], step)
        began = continuation.find_start_time(run_id, place.path)
        results = store.find_results(row)
        store.lock_run(new_id)
        args = continuation.replace_ids(row["args"], {run_id: new_id})
        store.open_run(new_id, row["flow"], args, row["openflow"], (run_id, place.path))
        given = continuation.copy_earlier(row, new_id, place, began)
        seeds = continuation.find_starts(place, continuation.replace_ids(results, given), new_id)
        path = flows.find_flow(row["flow"], root) or row["flow"]
        return _drive(
            _Drive(
                store,
                worker,
                on_event or NO_EVENTS,
                new_id,
                row["openflow"],
                args,
                path,
                seeds=seeds,
            )
        )


@dataclass
class _Drive:
    store: Store
    worker: Worker
    on_event: OnEvent
    run_id: str
    flow: dict[str, Any]
    args: dict[str, Any]
    flow_path: str
    answer: dict[str, Any] | None = None
    retry_failed: bool = False
    thread: str = ""
    seeds: dict[str, continuation.ChainStart] = field(default_factory=dict)


@contextlib.contextmanager
def _worker(isolation: Isolation | Worker | None, root: Path) -> Iterator[Worker]:
    # Before anything else, so that its imports go on while the run is being opened.
    if isolation is None:
        isolation = "process" if settings().isolation == "child" else "inline"
    if isinstance(isolation, str):
        worker: Worker = (
            InlineWorker(root)
            if isolation == "inline"
            else ForkWorker(root, memory_mb=settings().step_memory_mb)
        )
    else:
        worker = isolation
    try:
        yield worker
    finally:
        # Ending a process takes 50 ms, which a caller need not wait for.
        threading.Thread(target=worker.close).start()


def _drive(drive: _Drive) -> Outcome:
    began = time.monotonic()
    try:
        outcome = _invoke(drive)
    except KeyboardInterrupt:
        outcome = Outcome(
            "stopped", None, drive.run_id, {"name": "Stopped", "message": "stopped by hand"}
        )
        drive.worker.close()
    except Exception as error:
        drive.worker.close()
        # The first fault is what the caller has to see, also when the database is what broke.
        with contextlib.suppress(Exception):
            drive.store.close_run(drive.run_id, "failed", None, f"{type(error).__name__}: {error}")
        raise
    message = f"{outcome.error['name']}: {outcome.error['message']}" if outcome.error else None
    outcome.status = drive.store.close_run(
        drive.run_id, outcome.status, outcome.result, message, outcome.results
    )
    drive.on_event(
        {
            "kind": "run_ended",
            "step": "",
            "summary": "",
            "status": outcome.status,
            "seconds": time.monotonic() - began,
        }
    )
    return outcome


def _invoke(drive: _Drive) -> Outcome:
    saver = drive.store.checkpointer()
    # LangGraph takes a second to import; the run's row and the fork server are there before it.
    from scripts.runner.graph import ChainResult, Chains
    from scripts.runner.modules import Engine, Scope

    value = flows.value(drive.flow)
    engine = Engine(
        run_id=drive.run_id,
        worker=drive.worker,
        saver=saver,
        on_event=drive.on_event,
        step_died=lambda *what: drive.store.step_died(drive.run_id, *what),
        flow_path=drive.flow_path,
        subflows=drive.flow.get(flows.SUBFLOWS) or {},
        answer=drive.answer,
        retry_failed=drive.retry_failed,
        seeds=drive.seeds,
    )
    engine.chain = Chains(engine)
    scope = Scope(
        path="",
        thread=drive.thread or drive.run_id,
        flow_input=drive.args,
        flow_env=value.get("flow_env") or {},
        results={},
        previous=drive.args,
        job_id=drive.run_id,
        flow_path=drive.flow_path,
    )
    ended: ChainResult = engine.chain(value.get("modules") or [], value.get("failure_module")).run(
        scope
    )  # type: ignore[assignment]
    for asked in ended.waiting:
        engine.emit("waiting", asked["step"], asked["summary"], asked=asked)
    return _outcome(ended, drive.run_id)


def _outcome(ended: Any, run_id: str) -> Outcome:
    if ended.waiting:
        return Outcome("waiting", None, run_id, None, ended.waiting)
    if ended.error is not None:
        result = ended.result if ended.result is not None else {"error": ended.error}
        return Outcome("failed", result, run_id, ended.error, results=ended.results)
    status = "partly_failed" if ended.swallowed else "done"
    return Outcome(status, ended.result, run_id, results=ended.results)
