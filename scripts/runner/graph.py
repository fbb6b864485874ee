"""A list of OpenFlow modules as a LangGraph: one node a module, one more where a person is asked.

LangGraph keeps what is done (each node's output is a checkpoint) and waits for people; what a
module means is in `modules.py`. LangGraph's own retries, time-outs and error handling are not used:
Windmill's differ.
"""

import contextvars
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from f.millrace.core.run_context import now
from scripts.runner import modules
from scripts.runner.modules import Engine, Scope

SUSPEND_SECONDS = 1800


def _merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return {**old, **new}


def _sum(old: int, new: int) -> int:
    return old + new


class State(TypedDict, total=False):
    """What a checkpoint holds; the surroundings (inputs, outer results) are given again with each
    invocation.
    """

    results: Annotated[dict[str, Any], _merge]
    last: Any
    resumed: dict[str, Any] | None
    asked: dict[str, Any] | None
    error: dict[str, Any] | None
    failed_at: int | None
    stopped: bool
    swallowed: Annotated[int, _sum]
    failure: Any


@dataclass
class ChainResult:
    """How far a chain came: to its end, to an error, or to people who have not answered."""

    result: Any = None
    results: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    stopped: bool = False
    swallowed: int = 0
    waiting: list[dict[str, Any]] = field(default_factory=list)


class Chain:
    """Modules in order, compiled; invoked once per run, iteration or branch under a checkpoint
    thread of its own.
    """

    def __init__(
        self, engine: Engine, steps: list[dict[str, Any]], failure: dict[str, Any] | None = None
    ) -> None:
        self.engine, self.steps, self.failure = engine, steps, failure
        graph = StateGraph(State, context_schema=Scope)
        previous = START
        for index, module in enumerate(steps):
            for name, node in self._nodes(index, module):
                graph.add_node(name, node)
                self._connect(graph, previous, name)
                previous = name
        self._connect(graph, previous, END)
        if failure:
            graph.add_node("failure", self._failure_node())
            graph.add_edge("failure", END)
        self.graph = graph.compile(checkpointer=engine.saver)

    def run(self, scope: Scope) -> ChainResult:
        """Run what is not done yet under the scope's thread."""
        if not self.steps:
            return ChainResult(result=scope.previous)
        # LangGraph finds an outer graph through a context variable and would make this one its
        # subgraph.
        return contextvars.Context().run(self._run, scope)

    def _run(self, scope: Scope) -> ChainResult:
        config: Any = {
            "configurable": {"thread_id": scope.thread},
            "recursion_limit": 2 * len(self.steps) + 10,
        }
        state = self.graph.get_state(config)
        given: Any = None
        # Not `state.next`: it leaves out a task whose output is saved while the checkpoint after it
        # is not yet.
        if state.created_at is None:
            given = self._begin(config, scope)
        elif not state.tasks:
            if not (state.values.get("error") and self.engine.retry_failed):
                return self._to_result(state.values)
            self._rewind(config, state.values["failed_at"])
        else:
            asked = [
                each.value
                for task in state.tasks
                if task.name.startswith("wait.")
                for each in task.interrupts
            ]
            answer = self.engine.find_answer(asked[0]) if asked else None
            given = Command(resume=answer) if answer else None
        values = self.graph.invoke(given, config, context=scope, durability="sync")
        return self._to_result(values)

    def _begin(self, config: Any, scope: Scope) -> Any:
        """Return what the chain is begun with; one that continues an earlier run begins behind what
        was done there.
        """
        seed = self.engine.seeds.get(scope.thread)
        if seed is None:
            return {"results": {}, "swallowed": 0}
        last = self.steps[seed.number - 1]["id"]
        self.graph.update_state(
            config,
            {"results": seed.results, "last": seed.results.get(last), "swallowed": 0},
            as_node=self._names(seed.number - 1)[-1],
        )
        return None

    def _to_result(self, values: dict[str, Any]) -> ChainResult:
        waiting: list[dict[str, Any]] = []
        for each in values.get("__interrupt__", ()):
            waiting += each.value.get("inside", [each.value])
        failed = values.get("error") is not None
        return ChainResult(
            result=values.get("failure") if failed else values.get("last"),
            results=values.get("results", {}),
            error=values.get("error"),
            stopped=bool(values.get("stopped")),
            swallowed=values.get("swallowed", 0),
            waiting=waiting,
        )

    def _rewind(self, config: Any, index: int) -> None:
        """Go back to before the module that failed."""
        before = self._names(index - 1)[-1] if index else START
        self.graph.update_state(
            config,
            {"error": None, "failed_at": None, "failure": None, "stopped": False, "asked": None},
            as_node=before,
        )

    def _names(self, index: int) -> list[str]:
        return [name for name, _ in self._nodes(index, self.steps[index])]

    def _nodes(self, index: int, module: dict[str, Any]) -> list[tuple[str, Callable[..., Any]]]:
        nodes: list[tuple[str, Callable[..., Any]]] = [
            (f"step.{module['id']}", self._step_node(index, module))
        ]
        if module.get("suspend"):
            # Asking and waiting are two nodes: a node that waits runs again from its top when the
            # answer comes.
            nodes.append((f"wait.{module['id']}", self._wait_node(index, module)))
        return nodes

    def _connect(
        self, graph: StateGraph[Any, Any, Any, Any], previous: str, following: str
    ) -> None:
        if previous == START:
            graph.add_edge(START, following)
            return
        target = "failure" if self.failure else END

        def route(state: State) -> str:
            if state.get("error"):
                return target
            return END if state.get("stopped") else following

        graph.add_conditional_edges(previous, route, list({target, END, following}))

    def _step_node(self, index: int, module: dict[str, Any]) -> Callable[..., State]:
        def node(state: State, runtime: Runtime[Scope]) -> State:
            scope = runtime.context
            step = modules.execute(self.engine, module, _names(state, scope), scope)
            if step.waiting:
                interrupt({"inside": step.waiting})
            if step.error is not None:
                return {"resumed": None, "asked": None, "error": step.error, "failed_at": index}
            update: State = {
                "resumed": None,
                "asked": None,
                "last": step.result,
                "results": {**step.results, module["id"]: step.result},
                "stopped": step.stopped,
                "swallowed": step.swallowed,
            }
            if module.get("suspend") and not step.skipped and not step.stopped:
                update["asked"] = _question(module, step.result, scope)
            return update

        return node

    def _wait_node(self, index: int, module: dict[str, Any]) -> Callable[..., State]:
        def node(state: State) -> State:
            asked, suspend = state.get("asked"), module["suspend"]
            if asked is None:
                return {}
            answers: list[dict[str, Any]] = []
            while len(answers) < int(suspend.get("required_events") or 1):
                answers.append(_verdict(interrupt(asked), asked))
                if answers[-1]["error"]:
                    break
            resumed = _resume_values(answers)
            self.engine.emit("answered", asked["step"], asked["summary"], answer=resumed)
            error = answers[-1]["error"]
            if error and not suspend.get("continue_on_disapprove_timeout"):
                return {
                    "error": {**error, "stack": "", "step_id": module["id"]},
                    "failed_at": index,
                    "asked": None,
                }
            return {"resumed": resumed, "asked": None}

        return node

    def _failure_node(self) -> Callable[..., State]:
        def node(state: State, runtime: Runtime[Scope]) -> State:
            assert self.failure is not None
            error = state.get("error")
            names = {
                **_names(state, runtime.context),
                "error": error,
                "previous_result": {"error": error},
            }
            step = modules.execute(self.engine, self.failure, names, runtime.context)
            if isinstance(step.result, dict) and step.result.get("recover") is True:
                return {"error": None, "last": step.result, "swallowed": 1}
            return {"failure": step.result if step.error is None else None}

        return node


def _names(state: State, scope: Scope) -> dict[str, Any]:
    """Return what an expression may name."""
    return {
        "flow_input": scope.flow_input,
        "flow_env": scope.flow_env,
        "results": {**scope.results, **state.get("results", {})},
        "previous_result": state.get("last", scope.previous),
        # As on Windmill: a step that follows no question, or one that was skipped, is given no
        # answers.
        "resume": None,
        "resumes": [],
        "approvers": [],
        **(state.get("resumed") or {}),
    }


def _question(module: dict[str, Any], result: Any, scope: Scope) -> dict[str, Any]:
    """Return what a person is asked, from the asking step's result."""
    shown = result if isinstance(result, dict) else {}
    seconds = module["suspend"].get("timeout") or SUSPEND_SECONDS
    return {
        "step": scope.path + module["id"],
        "summary": module.get("summary") or "",
        "description": shown.get("description"),
        "default_args": shown.get("default_args"),
        "result": result,
        "asked_at": now().isoformat(),
        "timeout": seconds,
        "deadline": now().timestamp() + float(seconds),
    }


def _verdict(answer: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Return one answer as Windmill hands it on; one that comes too late is none."""
    by = str(answer.get("by") or "anonymous")
    if answer.get("timed_out"):
        return {
            "body": None,
            "by": by,
            "error": {"name": "SuspendedTimedOut", "message": "nobody answered in time"},
        }
    body = answer.get("body")
    if answer.get("approved"):
        # Windmill's approve button posts exactly these.
        return {
            "body": asked.get("default_args") if body is None else body,
            "by": by,
            "error": None,
        }
    return {
        "body": body,
        "by": by,
        "error": {"name": "SuspendedDisapproved", "message": f"disapproved by {by}"},
    }


def _resume_values(answers: list[dict[str, Any]]) -> dict[str, Any]:
    last, error = answers[-1], answers[-1]["error"]
    bodies = [each["body"] for each in answers if each["error"] is None or each["body"] is not None]
    people = [
        each["by"] for each in answers if (each["error"] or {}).get("name") != "SuspendedTimedOut"
    ]
    return {
        "resume": {"error": error} if error else last["body"],
        "resumes": [*bodies, {"error": error}] if error else bodies,
        "approvers": people,
    }


class Chains:
    """The compiled chains of a run, each made once."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._made: dict[int, Chain] = {}
        self._lock = threading.Lock()

    def __call__(self, steps: list[dict[str, Any]], failure: dict[str, Any] | None = None) -> Chain:
        """Return the chain of this very list of modules."""
        with self._lock:
            if id(steps) not in self._made:
                self._made[id(steps)] = Chain(self.engine, steps, failure)
            return self._made[id(steps)]
