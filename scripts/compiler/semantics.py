"""What a spec means beside the code: each run exists, its inputs fit,
each path is visible where it stands.
"""

from dataclasses import dataclass, field
from typing import Any

from scripts.compiler import levels
from scripts.compiler.inputs import fits
from scripts.compiler.model import Call, Path, Spec, Step
from scripts.compiler.problems import Problem
from scripts.compiler.reader import ROOTS, Reader, closest, format_list
from scripts.compiler.sources import HOME, Bundle, Module
from scripts.compiler.types import json_type

ASK, RECORD = "approvals/ask", "approvals/record"
# What the compiler offers to the scripts that it places itself; each takes those that its main()
# names.
OFFERED = {
    ASK: ("action_id", "timeout"),
    RECORD: ("action_id", "asked", "resume", "resumes", "approvers"),
}
# What Windmill's chat gives a flow.
MESSAGE = "user_message"
# What a failure handler is given when it asks for it; the editor gives the last three, too, as soon
# as it shows the step.
ON_FAILURE = {
    "error": "error",
    "pipeline": "flow_env.pipeline",
    "flow_job_id": "flow_job_id",
    "started_at": "started_at",
    "message": "error.message",
    "name": "error.name",
    "step_id": "error.step_id",
}
FAILURE_ROOTS = ("error", "flow_input", "flow_env", "flow_job_id", "started_at")


@dataclass
class Scope:
    """What a step may read: finished steps, those it must not read and why,
    and whether it is in a loop.
    """

    visible: set[str] = field(default_factory=set)
    hidden: dict[str, str] = field(default_factory=dict)
    in_loop: bool = False
    nested: str = ""
    beside: bool = False

    def inside(self, step: Step, where: str) -> "Scope":
        """Return the scope of the steps within a loop or branch."""
        return Scope(
            set(self.visible),
            dict(self.hidden),
            self.in_loop or step.kind == "for_each",
            where,
            False,
        )


def check(spec: Spec, bundle: Bundle) -> list[Problem]:
    """Return every mistake in what a spec refers to."""
    checker = _Checker(spec, bundle)
    checker.steps(spec.steps, Scope())
    if spec.call:
        checker.call(spec.call, "run", {"pipeline"})
        checker.manner(spec.call)
    if spec.on_failure:
        checker.call(spec.on_failure, "on_failure", set(ON_FAILURE))
        for path in spec.on_failure.from_.values():
            checker.failure_path(path)
    checker.entrance()
    if spec.schedule:
        checker.schedule_args()
    return checker.reader.problems


class _Checker:
    def __init__(self, spec: Spec, bundle: Bundle) -> None:
        self.spec, self.bundle, self.reader = spec, bundle, Reader(spec.file)
        self.every = {step.id: step for step in spec.every_step()}

    def steps(self, steps: list[Step], scope: Scope) -> None:
        levels.check(self.reader, steps)
        for level in levels.arrange(steps):
            scope.beside = len(level) > 1
            for step in level:
                self.step(step, scope)
            for step in level:
                self.finish(step, scope)

    def finish(self, step: Step, scope: Scope) -> None:
        """Make a step's result visible to those after it, or remember why it is not."""
        if step.skip_if:
            scope.hidden[step.id] = (
                "it may be skipped, and then Windmill gives the previous step's result"
            )
        elif step.kind == "choose" and not (
            step.otherwise and all(choice.steps for choice in step.choices)
        ):
            scope.hidden[step.id] = (
                "it has no `otherwise`, and when nothing is chosen Windmill gives the previous"
                " step's result"
            )
        else:
            scope.visible.add(step.id)
        for inner in [found for steps in step.inner() for found in _every(steps)]:
            scope.hidden[inner.id] = (
                f"it is inside {step.id!r} and not visible outside; use results.{step.id}"
            )

    def step(self, step: Step, scope: Scope) -> None:
        self.place(step, scope)
        what = f"step {step.id!r}"
        if step.call:
            self.call(step.call, what, set())
            for path in step.call.from_.values():
                self.path(path, what, scope)
        for path in (step.for_each, step.skip_if, *[choice.when for choice in step.choices]):
            self.path(path, what, scope)
        if step.stop_if:
            self.stop(step, step.stop_if)
        if step.approval:
            self.path(step.approval.action, what, scope)
            self.path(step.approval.when, what, scope)
            for verb, offered in OFFERED.items():
                self.call(Call(verb, step.line), what, set(offered))
        names = {"for_each": "a loop", "branches": "branches", "choose": "a choice"}
        for steps in step.inner():
            self.steps(steps, scope.inside(step, names.get(step.kind, "")))

    def place(self, step: Step, scope: Scope) -> None:
        """Report what Windmill cannot do at a step's place in the flow."""
        if step.approval and (scope.in_loop or scope.beside or scope.nested == "branches"):
            self.reader.wrong(
                step.line,
                f"step {step.id!r}: an approval waits for the whole flow; place it at the top level"
                " or in a choice, with no step beside it",
            )
        if step.stop_if and (scope.nested or scope.beside):
            self.reader.wrong(
                step.stop_if.line,
                f"step {step.id!r}: stop_if ends the whole flow; it may stand only at the top"
                " level, with no step beside it",
            )

    def stop(self, step: Step, path: Path) -> None:
        if levels.result_of(path.text) != step.id or path.text == f"results.{step.id}":
            self.reader.wrong(
                path.line,
                f"step {step.id!r}: stop_if {path.text!r} must read this step's own result, such as"
                f" results.{step.id}.done",
            )
        elif step.kind not in ("run", "choose"):
            self.reader.wrong(
                path.line,
                f"step {step.id!r}: stop_if needs a step that returns one result, a run or a"
                " choose",
            )

    def path(self, path: Path | None, what: str, scope: Scope) -> None:
        if path is None:
            return
        root, *rest = path.text.replace("[", ".").replace("]", "").split(".")
        if root not in ROOTS:
            self.reader.wrong(
                path.line,
                f"{what}: path {path.text!r} starts with {root!r}; a path starts with"
                f" {format_list(ROOTS)}",
            )
        elif not rest:
            self.reader.wrong(
                path.line, f"{what}: path {path.text!r} names nothing; write {root}.<name>"
            )
        elif root == "results":
            self.result(path, rest[0], what, scope)
        elif root == "flow_input":
            self.input(path, rest, what, scope)
        else:
            self.environment(path, rest, what)

    def result(self, path: Path, name: str, what: str, scope: Scope) -> None:
        if name in scope.visible:
            return
        if name in scope.hidden:
            reason = scope.hidden[name]
        elif name == what.removeprefix("step ").strip("'"):
            reason = "that is this step itself"
        elif name in self.every:
            reason = "it has not run yet at that point"
        else:
            reason = f"there is no such step{closest(name, self.every)}"
        self.reader.wrong(
            path.line,
            f"{what}: path {path.text!r} cannot be read: {reason}; visible here are"
            f" {format_list(sorted(scope.visible))}",
        )

    def input(self, path: Path, rest: list[str], what: str, scope: Scope) -> None:
        if rest[0] == "iter":
            if not scope.in_loop:
                self.reader.wrong(
                    path.line, f"{what}: path {path.text!r} is known only inside for_each"
                )
            elif len(rest) < 2 or rest[1] not in ("value", "index"):
                self.reader.wrong(
                    path.line,
                    f"{what}: path {path.text!r} is wrong; allowed are flow_input.iter.value and"
                    " .index",
                )
        elif rest[0] not in self.spec.inputs:
            self.reader.wrong(
                path.line,
                f"{what}: path {path.text!r} names no input{closest(rest[0], self.spec.inputs)};"
                f" inputs are {format_list(self.spec.inputs)}",
            )

    def environment(self, path: Path, rest: list[str], what: str) -> None:
        facts: Any = {"pipeline": self.spec.pipeline()}
        for name in rest:
            if not isinstance(facts, dict):
                return
            if name not in facts:
                self.reader.wrong(
                    path.line,
                    f"{what}: path {path.text!r} has no {name!r};"
                    f" known there are {format_list(facts)}",
                )
                return
            facts = facts[name]

    def failure_path(self, path: Path) -> None:
        root = path.text.split(".")[0]
        if root not in FAILURE_ROOTS:
            self.reader.wrong(
                path.line,
                f"on_failure: path {path.text!r} starts with {root!r}; known there are"
                f" {format_list(FAILURE_ROOTS)}",
            )
        elif root in ROOTS:
            self.path(path, "on_failure", Scope())

    def call(self, call: Call, what: str, offered: set[str]) -> None:
        """Check that a script exists and that what it is given is what its main() takes."""
        module = self.bundle.step(call.run)
        if module is None:
            self.reader.wrong(
                call.line, f"{what}: there is no step {call.run!r}: {self.why_not(call.run)}"
            )
            return
        names = [parameter.name for parameter in module.parameters]
        for name, given in {**call.from_, **call.with_}.items():
            if name not in names:
                self.reader.wrong(
                    given.line,
                    f"{what}: {call.run} has no input {name!r}{closest(name, names)}; its inputs"
                    f" are {format_list(names)}",
                )
        given = call.from_.keys() | call.with_.keys() | offered
        missing = [
            parameter.name
            for parameter in module.parameters
            if parameter.required and parameter.name not in given
        ]
        if missing:
            self.reader.wrong(
                call.line,
                f"{what}: {call.run} needs {format_list(missing)}; give it under from or with",
            )
        self.constants(call, module, what)

    def manner(self, call: Call) -> None:
        """Report schedule words that a scheduled script never hears of."""
        schedule, module = self.spec.schedule, self.bundle.step(call.run)
        deaf = module is not None and all(
            parameter.name != "pipeline" for parameter in module.parameters
        )
        if schedule and deaf and (schedule.misfire_grace is not None or not schedule.catch_up):
            self.reader.wrong(
                schedule.line,
                f"schedule: misfire_grace and catch_up have no effect, since {call.run} has no"
                " input 'pipeline'; leave them out, or let main() take pipeline: dict and decide"
                " with core/schedules",
            )

    def why_not(self, run: str) -> str:
        file = f"{HOME}/{run}.py"
        if file in self.bundle.modules:
            module = self.bundle.modules[file]
            return f"{file} does not parse" if module.tree is None else f"{file} has no main()"
        steps = [module.verb for module in self.bundle.steps()]
        return f"{file} does not exist{closest(run, steps)}"

    def constants(self, call: Call, module: Module, what: str) -> None:
        kinds = {parameter.name: json_type(parameter) for parameter in module.parameters}
        for name, given in call.with_.items():
            kind = kinds.get(name)
            if kind and given.value is not None and not fits(given.value, kind):
                self.reader.wrong(
                    given.line, f"{what}: {name} is {given.value!r}; {call.run} takes {kind} there"
                )

    def entrance(self) -> None:
        """Check what starts the flow from outside and what it answers."""
        given, spec = self.spec.preprocessor, self.spec
        module = self.bundle.step(given.run) if given else None
        if given and module is None:
            self.reader.wrong(
                given.line,
                f"preprocessor: there is no step {given.run!r}: {self.why_not(given.run)}",
            )
        if given and module and "preprocessor" not in module.names:
            self.reader.wrong(
                given.line,
                f"preprocessor: {given.run} has no function preprocessor(event), which Windmill"
                " calls",
            )
        if given and (given.from_ or given.with_):
            self.reader.wrong(
                given.line, "preprocessor: it is given the event alone; leave out from and with"
            )
        answer = spec.early_return
        if answer and answer.value not in (names := [step.id for step in spec.steps]):
            self.reader.wrong(
                answer.line,
                f"early_return {answer.value!r} is no step at the top"
                f" level{closest(answer.value, names)}; there are {format_list(names)}",
            )
        message = spec.inputs.get(MESSAGE, {})
        if spec.chat and (message.get("type") != "string" or "default" in message):
            self.reader.wrong(
                1,
                f"chat: true needs an input {MESSAGE}: {{type: string, description: ...}} without a"
                " default",
            )

    def schedule_args(self) -> None:
        schedule = self.spec.schedule
        if schedule is None or self.spec.call:
            return
        for name, given in schedule.args.items():
            if name not in self.spec.inputs:
                self.reader.wrong(
                    given.line,
                    f"schedule.args: there is no input {name!r}{closest(name, self.spec.inputs)};"
                    f" inputs are {format_list(self.spec.inputs)}",
                )
            elif not fits(given.value, self.spec.inputs[name].get("type", "")):
                self.reader.wrong(
                    given.line,
                    f"schedule.args: {name} is {given.value!r}; its type is"
                    f" {self.spec.inputs[name].get('type')}",
                )
        needed = [
            name
            for name, parts in self.spec.inputs.items()
            if "default" not in parts and name not in schedule.args
        ]
        if needed:
            self.reader.wrong(
                schedule.line,
                f"a scheduled start has no value for {format_list(needed)}; give a default or"
                " schedule.args",
            )


def _every(steps: list[Step]) -> list[Step]:
    return [
        found
        for step in steps
        for found in [step, *[each for inner in step.inner() for each in _every(inner)]]
    ]
