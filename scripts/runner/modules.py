"""What each kind of OpenFlow module does, with Windmill's options around it. Nothing here knows
LangGraph.
"""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from f.millrace.core.run_context import now
from scripts.runner import openflow, paths
from scripts.runner.continuation import ChainStart
from scripts.runner.paths import ExpressionError
from scripts.runner.retries import delay_before
from scripts.runner.worker import Job, JobResult, Worker

PARALLEL = 8
RESERVED_ENV = (
    "WM_TOKEN",
    "WM_BASE_URL",
    "BASE_INTERNAL_URL",
    "WM_SCHEDULED_FOR",
    "WM_SCHEDULE_PATH",
    "WM_STATE_PATH",
    "WM_OBJECT_PATH",
    "WM_END_USER_EMAIL",
    "WM_TESTED_RUNNABLE",
)


@dataclass(frozen=True)
class Scope:
    """What surrounds a chain of modules: its place in the run and what it sees from outside."""

    path: str  # before each step's name: "" or "research[0]."
    thread: str  # of its checkpoints
    flow_input: dict[str, Any]
    flow_env: dict[str, Any]
    results: dict[str, Any]
    previous: Any
    job_id: str  # the flow job or iteration as a job
    flow_path: str


@dataclass
class Step:
    """What a module came to."""

    result: Any = None
    error: dict[str, Any] | None = None
    # of the steps inside that later steps may read
    results: dict[str, Any] = field(default_factory=dict)
    stopped: bool = False
    skipped: bool = False
    swallowed: int = 0  # faults that the flow was told to go on after
    waiting: list[dict[str, Any]] = field(default_factory=list)


class _Chain(Protocol):
    def run(self, scope: Scope) -> Any: ...


@dataclass
class Engine:
    """What all chains of one run share."""

    run_id: str
    worker: Worker
    saver: Any
    on_event: Callable[[dict[str, Any]], None]
    step_died: Callable[[str, str, str, str, str], None]
    flow_path: str = ""
    subflows: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] | None = None
    retry_failed: bool = False
    parallel: int = PARALLEL
    # Where chains begin that have not begun yet, by the thread of their checkpoints.
    seeds: dict[str, ChainStart] = field(default_factory=dict)
    chain: Callable[..., _Chain] = field(init=False)
    cancelled: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def emit(self, kind: str, step: str, summary: str = "", **more: Any) -> None:
        """Tell whoever watches, one event at a time."""
        with self._lock:
            self.on_event({"kind": kind, "step": step, "summary": summary, **more})

    def find_answer(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer to a question, once; after its deadline every answer is too late."""
        if now().timestamp() > asked["deadline"]:
            return {"timed_out": True}
        with self._lock:
            answer = self.answer
            if answer is None or answer.get("step") not in (None, asked["step"]):
                return None
            self.answer = None
            return answer

    def cancel(self) -> None:
        """End the running steps and start no more."""
        self.cancelled.set()
        self.worker.close()

    def wait(self, seconds: float) -> None:
        """Sleep, unless the run is cancelled."""
        if self.cancelled.wait(max(0.0, seconds)):
            raise KeyboardInterrupt


def execute(engine: Engine, module: dict[str, Any], names: dict[str, Any], scope: Scope) -> Step:
    """Run one module: skip, mock, tries, early stop, failure that is gone on after, sleep."""
    path, summary = scope.path + module["id"], module.get("summary") or ""
    previous = names["previous_result"]
    try:
        skip_if = module.get("skip_if")
        if skip_if and paths.condition(skip_if["expr"], names):
            engine.emit("step_skipped", path, summary)
            return Step(result=previous, skipped=True)
        mock = module.get("mock") or {}
        step = (
            Step(mock.get("return_value"))
            if mock.get("enabled")
            else _with_retries(engine, module, names, scope)
        )
        if step.waiting:
            return step
        if step.error is None:
            step = _stop_early(module, step, names)
    except ExpressionError as error:
        step = Step(error=_fault("ExpressionError", f"step {path!r}: {error}", module["id"]))
        engine.emit("step_failed", path, summary, error=step.error, seconds=0.0, log="")
    if step.error is not None and module.get("continue_on_error"):
        step = replace(step, result={"error": step.error}, error=None, swallowed=step.swallowed + 1)
    if step.error is None and module.get("sleep"):
        engine.wait(
            float(paths.value_of(module["sleep"], {**names, "result": step.result}, "sleep") or 0)
        )
    return step


def _with_retries(
    engine: Engine, module: dict[str, Any], names: dict[str, Any], scope: Scope
) -> Step:
    retry, tries = module.get("retry"), 0
    while True:
        step = KINDS[module["value"]["type"]](_Call(engine, module, names, scope, tries))
        if step.error is None or step.waiting:
            return step
        seconds = delay_before(retry, tries)
        if seconds is None or not _may_retry(retry, step.error, names):
            return step
        tries += 1
        path = scope.path + module["id"]
        engine.emit(
            "step_retry",
            path,
            module.get("summary") or "",
            attempt=tries + 1,
            wait=seconds,
            error=step.error,
        )
        engine.wait(seconds)


def _may_retry(retry: dict[str, Any] | None, error: dict[str, Any], names: dict[str, Any]) -> bool:
    expression = ((retry or {}).get("retry_if") or {}).get("expr")
    if not expression:
        return True
    seen = {name: names[name] for name in ("flow_input", "flow_env")}
    return paths.condition(expression, {**seen, "error": error, "result": {"error": error}})


def _stop_early(module: dict[str, Any], step: Step, names: dict[str, Any]) -> Step:
    """Apply the module's stop conditions; a loop applied those of its iterations itself."""
    kind = module["value"]["type"]
    many = kind in (*openflow.LOOPS, "branchall")
    stop = module.get("stop_after_all_iters_if" if many else "stop_after_if")
    seen = {**names, "result": step.result, "all_iters": step.result if many else None}
    if not stop or step.stopped or not paths.condition(stop["expr"], seen):
        return step
    message = stop.get("error_message")
    if message is not None and not stop.get("skip_if_stopped"):
        return replace(
            step,
            error=_fault(
                "EarlyStopError", message or f"stop after if: {stop['expr']}", module["id"]
            ),
        )
    return replace(step, stopped=True)


@dataclass
class _Call:
    """One try of one module."""

    engine: Engine
    module: dict[str, Any]
    names: dict[str, Any]
    scope: Scope
    tries: int

    @property
    def value(self) -> dict[str, Any]:
        return self.module["value"]

    @property
    def id(self) -> str:
        return self.module["id"]

    @property
    def path(self) -> str:
        return self.scope.path + self.id

    @property
    def thread(self) -> str:
        return f"{self.scope.thread}/{self.id}" + (f"#{self.tries}" if self.tries else "")

    def inside(self, suffix: str, **changes: Any) -> Scope:
        """Return the scope of a body of this module."""
        thread = self.thread + suffix
        return replace(
            self.scope, path=f"{self.path}{suffix}.", thread=thread, results=self.names["results"],
            previous=self.scope.flow_input, **changes,
        )  # fmt: skip

    def emit(self, kind: str, **more: Any) -> None:
        self.engine.emit(
            kind, self.path, self.module.get("summary") or "", attempt=self.tries + 1, **more
        )


def _run_script(call: _Call) -> Step:
    job_id = str(uuid.uuid4())
    args = paths.transform(call.value.get("input_transforms") or {}, call.names)
    timeout = call.module.get("timeout")
    if isinstance(timeout, dict):
        timeout = paths.value_of(timeout, call.names, "timeout")
    job = Job(
        step_id=call.id,
        args=args,
        env=_environment(call, job_id),
        path=call.value.get("path") if call.value["type"] == "script" else None,
        content=call.value.get("content"),
        timeout=float(timeout) if timeout else None,
    )
    call.emit("step_started", job_id=job_id)

    def on_event(event: dict[str, Any]) -> None:
        call.emit(
            "event", **{name: event.get(name) for name in ("event", "message", "metadata", "at")}
        )

    done = call.engine.worker.run(job, on_event)
    if call.engine.cancelled.is_set():
        raise KeyboardInterrupt
    if done.error is None:
        call.emit("step_finished", seconds=done.seconds, result=done.result, log=done.log)
        return Step(result=done.result)
    _record(call, job_id, done)
    call.emit("step_failed", seconds=done.seconds, error=done.error, log=done.log)
    return Step(error=done.error)


def _record(call: _Call, job_id: str, done: JobResult) -> None:
    assert done.error is not None
    status = {"timed_out": "timed_out", "killed": "killed"}.get(done.ended, "failed")
    name = ".".join((call.value.get("path") or call.id).split("/")[-2:])
    call.engine.step_died(
        call.path, name, job_id, status, f"{done.error['name']}: {done.error['message']}"
    )


def _environment(call: _Call, job_id: str) -> dict[str, str]:
    return dict.fromkeys(RESERVED_ENV, "") | {
        "WM_WORKSPACE": "local",
        "WM_JOB_ID": job_id,
        "WM_ROOT_JOB_ID": call.engine.run_id,
        "WM_FLOW_JOB_ID": call.scope.job_id,
        "WM_ROOT_FLOW_JOB_ID": call.scope.job_id,
        "WM_FLOW_PATH": call.scope.flow_path,
        "WM_FLOW_STEP_ID": call.id,
        "WM_JOB_PATH": call.value.get("path") or "",
        "WM_RUNNABLE_ID": call.value.get("path") or "",
        "WM_WORKER_GROUP": "local",
        "MILLRACE_STEP": call.path,
        "MILLRACE_FLOW_PATH": call.engine.flow_path,
        "MILLRACE_EVENTS_STDOUT": "1",
    }


def _run_identity(call: _Call) -> Step:
    return Step(result=call.names["previous_result"])


def _run_flow(call: _Call) -> Step:
    flow = openflow.value(call.engine.subflows[call.value["path"]])
    args = paths.transform(call.value.get("input_transforms") or {}, call.names)
    scope = replace(
        call.inside(""),
        flow_input=args,
        flow_env=flow.get("flow_env") or {},
        results={},
        previous=args,
        flow_path=call.value["path"],
    )
    ended = call.engine.chain(flow["modules"], flow.get("failure_module")).run(scope)
    # What a called flow stops or names inside stays inside.
    return Step(
        result=ended.result, error=ended.error, swallowed=ended.swallowed, waiting=ended.waiting
    )


def _iteration(call: _Call, index: int, item: Any, results: dict[str, Any]) -> Any:
    flow_input = {**call.scope.flow_input, "iter": {"index": index, "value": item}}
    suffix = f"[{index}]"
    scope = call.inside(
        suffix,
        flow_input=flow_input,
        job_id=str(uuid.uuid5(uuid.UUID(call.engine.run_id), call.thread + suffix)),
        flow_path=f"{call.scope.flow_path}/forloop-{index}",
    )
    scope = replace(scope, results={**scope.results, **results}, previous=flow_input)
    return call.engine.chain(call.value["modules"]).run(scope)


def _run_for_loop(call: _Call) -> Step:
    items = paths.value_of(call.value["iterator"], call.names, "iterator")
    if not isinstance(items, list):
        raise ExpressionError(f"the loop needs a list to go over, found: {str(items)[:200]}")
    call.emit("loop_started", items=len(items))
    if not call.value.get("parallel"):
        return _loop_in_turn(call, iter(items))
    ended = _side_by_side(
        call.engine, [lambda i=i, x=x: _iteration(call, i, x, {}) for i, x in enumerate(items)]
    )
    return _join(ended, [bool(call.value.get("skip_failures", True))] * len(ended))


def _run_while_loop(call: _Call) -> Step:
    call.emit("loop_started", items=None)
    return _loop_in_turn(call, None)


# complexipy: ignore (the ways in which Windmill ends a loop, in its order)
def _loop_in_turn(call: _Call, items: Any) -> Step:
    """Run iterations one after another until the list, a stop condition or a fault ends them."""
    skip_failures = bool(call.value.get("skip_failures", items is not None))
    stop = call.module.get("stop_after_if")
    all_ended: list[Any] = []
    results: dict[str, Any] = {}
    while True:
        index = len(all_ended)
        item = next(items, _NONE) if items is not None else index
        if item is _NONE:
            break
        ended = _iteration(call, index, item, results)
        all_ended.append(ended)
        if ended.waiting:
            break
        results = {**results, **ended.results}
        if ended.stopped or (ended.error and not skip_failures):
            break
        shown = [_result_or_error(each) for each in all_ended]
        seen = {
            **call.names,
            "results": {**call.names["results"], **results},
            "result": shown[-1],
            "all_iters": shown,
        }
        if stop and ended.error is None and paths.condition(stop["expr"], seen):
            break
    return replace(_join(all_ended, [skip_failures] * len(all_ended)), results=results)


_NONE: Any = object()


def _run_branch_one(call: _Call) -> Step:
    branches = call.value.get("branches") or []
    taken = next(
        (i for i, each in enumerate(branches) if paths.condition(each["expr"], call.names)), None
    )
    steps = call.value.get("default") or [] if taken is None else branches[taken]["modules"]
    call.emit(
        "branch_taken",
        branch=taken,
        branch_summary="" if taken is None else branches[taken].get("summary") or "",
    )
    if not steps:
        return Step(result=call.names["previous_result"])
    scope = replace(
        call.inside(""), thread=f"{call.thread}:{'default' if taken is None else taken}"
    )
    ended = call.engine.chain(steps).run(scope)
    return Step(
        result=ended.result, error=ended.error, results=ended.results, stopped=ended.stopped,
        swallowed=ended.swallowed, waiting=ended.waiting,
    )  # fmt: skip


# complexipy: ignore (branches side by side, or in turn until one ends all)
def _run_branch_all(call: _Call) -> Step:
    branches = call.value.get("branches") or []
    skips = [bool(each.get("skip_failure", True)) for each in branches]
    scopes = [call.inside(f"[{index}]") for index in range(len(branches))]
    call.emit("loop_started", items=len(branches))

    def run(index: int) -> Any:
        return call.engine.chain(branches[index]["modules"]).run(scopes[index])

    if call.value.get("parallel", True):
        ended = _side_by_side(
            call.engine, [lambda index=index: run(index) for index in range(len(branches))]
        )
        stopped = False
    else:
        ended = []
        for index, skip in enumerate(skips):
            ended.append(run(index))
            if ended[-1].waiting or ended[-1].stopped or (ended[-1].error and not skip):
                break
        stopped = any(each.stopped for each in ended)
    inside: dict[str, Any] = {}
    for each in ended:
        inside |= each.results
    return replace(_join(ended, skips), results=inside, stopped=stopped)


def _side_by_side(engine: Engine, bodies: list[Callable[[], Any]]) -> list[Any]:
    """Run the bodies in threads; all of them come to their end, also when one fails."""
    if not bodies:
        return []
    with ThreadPoolExecutor(min(engine.parallel, len(bodies))) as pool:
        futures: list[Future[Any]] = [pool.submit(body) for body in bodies]
        try:
            return [future.result() for future in futures]
        except BaseException:
            engine.cancel()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _join(ended: list[Any], skips: list[bool]) -> Step:
    """Return what a loop or its like comes to: a list, with {"error": ...} in the place of what
    failed.
    """
    waiting = [asked for each in ended for asked in each.waiting]
    swallowed = sum(each.swallowed + (each.error is not None) for each in ended)
    error = next(
        (each.error for each, skip in zip(ended, skips, strict=False) if each.error and not skip),
        None,
    )
    return Step(
        result=[_result_or_error(each) for each in ended],
        error=error,
        swallowed=swallowed,
        waiting=waiting,
    )


def _result_or_error(ended: Any) -> Any:
    return {"error": ended.error} if ended.error is not None else ended.result


def _fault(name: str, message: str, step_id: str) -> dict[str, Any]:
    return {"name": name, "message": message, "stack": "", "step_id": step_id}


KINDS: dict[str, Callable[[_Call], Step]] = {
    "script": _run_script,
    "rawscript": _run_script,
    "identity": _run_identity,
    "flow": _run_flow,
    "forloopflow": _run_for_loop,
    "whileloopflow": _run_while_loop,
    "branchone": _run_branch_one,
    "branchall": _run_branch_all,
}
