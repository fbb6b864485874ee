"""Compiling a spec to Windmill's own form: an OpenFlow, and a schedule."""

import re
from dataclasses import replace
from typing import Any

from scripts.compiler import levels
from scripts.compiler.metadata import schema as script_form
from scripts.compiler.model import Branch, Call, Path, Spec, Step
from scripts.compiler.semantics import ASK, ON_FAILURE, RECORD
from scripts.compiler.sources import HOME, Bundle

PREPROCESS = "Read the event"
RECORDED = "Record the decision"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
Json = dict[str, Any]


def compile_flow(spec: Spec, bundle: Bundle) -> Json:
    """Return the OpenFlow of a checked spec, as the server would write it back."""
    compiler = _Compiler(bundle)
    value: Json = {
        "modules": compiler.modules(spec.steps, {}),
        "flow_env": {"pipeline": spec.pipeline()},
    }
    if spec.on_failure:
        value["failure_module"] = compiler.failure(spec.on_failure)
    if spec.preprocessor:
        # It is given the event, and nothing else.
        value["preprocessor_module"] = {
            "id": "preprocessor",
            "summary": PREPROCESS,
            "value": {
                "type": "script",
                "input_transforms": {},
                "path": f"{HOME}/{spec.preprocessor.run}",
            },
        }
    if spec.early_return:
        value["early_return"] = spec.early_return.value
    if spec.chat:
        value["chat_input_enabled"] = True
    # Line breaks of the spec are the editor's; in the browser a paragraph fills its line.
    description = re.sub(r"(?<!\n)\n(?![\n\-*])", " ", spec.description)
    return {
        "summary": spec.summary,
        "description": "\n\n".join(
            part for part in (description, origin(spec.name, spec.file)) if part
        ),
        "value": value,
        "schema": input_schema(spec),
    }


def origin(name: str, file: str) -> str:
    """Return the last words of a flow's description: where it is from,
    and how an edit gets back there.
    """
    return (
        f"Made from {file}. Edit here and deploy, then `wmill sync pull` and `scripts/millrace"
        f" flows import {name}` bring the edit into that file."
    )


def compile_script(spec: Spec, bundle: Bundle) -> Json:
    """Return a flow of one step that does on this machine what the schedule of a script starts on
    Windmill.
    """
    assert spec.call
    step = bundle.step(spec.call.run)
    form = script_form(step) if step else {"properties": {}, "required": []}
    given = schedule_arguments(spec, bundle)
    transforms = {
        name: {"type": "javascript", "expr": f"flow_input.{name}"}
        for name in form["properties"]
        if name not in given
    }
    transforms |= {name: {"type": "static", "value": value} for name, value in given.items()}
    value = {"type": "script", "input_transforms": transforms, "path": f"{HOME}/{spec.call.run}"}
    properties = {name: field for name, field in form["properties"].items() if name not in given}
    return {
        "summary": spec.summary,
        "value": {
            "modules": [
                {"id": spec.call.run.rsplit("/", 1)[-1], "summary": spec.summary, "value": value}
            ]
        },
        "schema": {
            **form,
            "properties": properties,
            "required": [name for name in form["required"] if name in properties],
        },
    }


def schedule_arguments(spec: Spec, bundle: Bundle) -> Json:
    """Return what a schedule starts its flow or script with; a script that takes `pipeline` is told
    its pipeline's facts.
    """
    if spec.call is None:
        return (
            {name: value.value for name, value in spec.schedule.args.items()}
            if spec.schedule
            else {}
        )
    step = bundle.step(spec.call.run)
    known = (
        {"pipeline": spec.pipeline()}
        if step and any(each.name == "pipeline" for each in step.parameters)
        else {}
    )
    return {**known, **{name: value.value for name, value in spec.call.with_.items()}}


def compile_schedule(spec: Spec, bundle: Bundle) -> Json | None:
    """Return the schedule of a spec, as the server would write it back."""
    if spec.schedule is None:
        return None
    return {
        "summary": spec.summary,
        "args": schedule_arguments(spec, bundle),
        "cron_version": "v2",
        "enabled": spec.schedule.enabled,
        "is_flow": spec.call is None,
        "no_flow_overlap": True,
        "schedule": spec.schedule.cron,
        "script_path": f"{HOME}/{spec.call.run}" if spec.call else spec.path,
        "timezone": spec.schedule.timezone,
        "ws_error_handler_muted": False,
    }


def input_schema(spec: Spec) -> Json:
    """Return the JSON Schema of the flow's inputs: the form in which a person starts it."""
    return {
        "$schema": DIALECT,
        "type": "object",
        "order": list(spec.inputs),
        "properties": {
            name: {"description": "", "default": None, **parts}
            for name, parts in spec.inputs.items()
        },
        "required": [name for name, parts in spec.inputs.items() if "default" not in parts],
    }


class _Compiler:
    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def modules(self, steps: list[Step], places: dict[str, str]) -> list[Json]:
        """Return the modules of a list of steps; `places` says where the results of steps side by
        side are found.
        """
        places = dict(places)
        modules: list[Json] = []
        for level in levels.arrange(steps):
            if len(level) == 1:
                modules += (
                    self.approval(level[0], places)
                    if level[0].approval
                    else [self.module(level[0], places)]
                )
                continue
            group = levels.group_id(level)
            branches = [
                self.branch(Branch([step], step.line, step.summary), places, step.keep_going)
                for step in level
            ]
            modules.append(
                {
                    "id": group,
                    "summary": f"{len(level)} steps side by side",
                    "value": _side_by_side(branches, True),
                }
            )
            places |= {step.id: f"results.{group}[{number}]" for number, step in enumerate(level)}
        return modules

    def module(self, step: Step, places: dict[str, str]) -> Json:
        module: Json = {
            "id": step.id,
            "summary": step.summary,
            "value": getattr(self, step.kind)(step, places),
        }
        if step.keep_going and step.kind not in ("for_each", "branches"):
            module["continue_on_error"] = True
        if step.retry:
            module["retry"] = {"constant": step.retry}
        if step.timeout:
            # The server stores a bare number in this form when it locks the flow.
            module["timeout"] = {"type": "static", "value": step.timeout}
        if step.skip_if:
            module["skip_if"] = {"expr": expression(step.skip_if, places)}
        if step.stop_if:
            own = Path(
                step.stop_if.text.replace(f"results.{step.id}", "result", 1),
                step.stop_if.line,
                step.stop_if.negated,
            )
            module["stop_after_if"] = {"expr": expression(own, {}), "skip_if_stopped": False}
        return module

    def run(self, step: Step, places: dict[str, str]) -> Json:
        assert step.call
        return self.script(step.call, places)

    def script(self, call: Call, places: dict[str, str]) -> Json:
        transforms = {
            name: {"type": "javascript", "expr": expression(path, places)}
            for name, path in call.from_.items()
        }
        transforms |= {
            # A constant null is an empty field: the server passes null for both.
            name: {"type": "static"} | ({} if value.value is None else {"value": value.value})
            for name, value in call.with_.items()
        }
        return {
            "type": "script",
            "input_transforms": self.complete(call.run, transforms),
            "path": f"{HOME}/{call.run}",
        }

    def complete(self, verb: str, transforms: Json) -> Json:
        """Return the inputs with an empty field for each that is not given, as the editor has it
        once it showed the step.
        """
        step = self.bundle.step(verb)
        return {
            **{each.name: {"type": "static"} for each in (step.parameters if step else ())},
            **transforms,
        }

    def for_each(self, step: Step, places: dict[str, str]) -> Json:
        assert step.for_each
        # Never `parallelism`: each further wave would wait for a poll of five seconds.
        return {
            "type": "forloopflow",
            "modules": self.modules(step.steps, places),
            "iterator": {"type": "javascript", "expr": expression(step.for_each, places)},
            "parallel": bool(step.parallel),
            "skip_failures": step.keep_going,
        }

    def branches(self, step: Step, places: dict[str, str]) -> Json:
        branches = [self.branch(branch, places, step.keep_going) for branch in step.branches]
        return _side_by_side(branches, step.parallel is not False)

    def branch(self, branch: Branch, places: dict[str, str], keep_going: bool) -> Json:
        summary = branch.summary or branch.steps[0].summary
        return {
            "summary": summary,
            "modules": self.modules(branch.steps, places),
            "expr": "",
            "parallel": True,
            "skip_failure": keep_going,
        }

    def choose(self, step: Step, places: dict[str, str]) -> Json:
        branches = [
            _choice(
                choice.summary or choice.steps[0].summary,
                expression(choice.when, places),
                self.modules(choice.steps, places),
            )
            for choice in step.choices
            if choice.when
        ]
        return {
            "type": "branchone",
            "branches": branches,
            "default": self.modules(step.otherwise or [], places),
        }

    def approval(self, step: Step, places: dict[str, str]) -> list[Json]:
        """Return the question, which is skipped when nobody has to be asked,
        and the record of the decision.

        The record comes either way and has the step's id, so that `results.<id>.approved` is the
        decision. Both stand at the flow's own level, where Windmill shows a flow that waits as
        suspended.
        """
        assert step.approval
        action = {"type": "javascript", "expr": expression(step.approval.action, places)}
        timeout, when = step.approval.timeout, step.approval.when
        asked = (
            {"type": "javascript", "expr": expression(when, places)}
            if when
            else {"type": "static", "value": True}
        )
        given = {"action_id": action, "timeout": {"type": "static", "value": timeout}}
        question = self.placed(f"{step.id}_ask", step.summary, ASK, given)
        question["suspend"] = {
            "continue_on_disapprove_timeout": True,
            "required_events": 1,
            "timeout": timeout,
        }
        if when:
            question["skip_if"] = {
                "expr": expression(replace(when, negated=not when.negated), places)
            }
        answer = {
            name: {"type": "javascript", "expr": name}
            for name in ("resume", "resumes", "approvers")
        }
        return [
            question,
            self.placed(step.id, RECORDED, RECORD, {"action_id": action, "asked": asked, **answer}),
        ]

    def placed(self, name: str, summary: str, verb: str, offered: Json) -> Json:
        """Return a module for one of the approval scripts,
        given what its main() takes of what is offered.
        """
        step = self.bundle.step(verb)
        taken = {parameter.name for parameter in step.parameters} if step else set(offered)
        transforms = {key: value for key, value in offered.items() if key in taken}
        return {
            "id": name,
            "summary": summary,
            "value": {"type": "script", "input_transforms": transforms, "path": f"{HOME}/{verb}"},
        }

    def failure(self, call: Call) -> Json:
        """Return the failure module, given the error and the pipeline if it asks for them."""
        step = self.bundle.step(call.run)
        taken = {parameter.name for parameter in step.parameters} if step else set()
        transforms = {
            name: {"type": "javascript", "expr": expr}
            for name, expr in ON_FAILURE.items()
            if name in taken
        }
        value = self.script(call, {})
        given = {
            name: each
            for name, each in value["input_transforms"].items()
            if name in call.from_ or name in call.with_
        }
        value["input_transforms"] = {**value["input_transforms"], **transforms, **given}
        return {"id": "failure", "summary": "Report the failure", "value": value}


def _side_by_side(branches: list[Json], parallel: bool) -> Json:
    return {"type": "branchall", "branches": branches, "parallel": parallel}


def _choice(summary: str, expr: str, modules: list[Json]) -> Json:
    return {
        "summary": summary,
        "modules": modules,
        "expr": expr,
        "parallel": True,
        "skip_failure": True,
    }


def expression(path: Path, places: dict[str, str]) -> str:
    """Return the JavaScript of a path;
    results of steps side by side are read from the list of their group.
    """
    text = path.text
    name = levels.result_of(text)
    if name in places:
        text = re.sub(rf"^results\.{name}\b", places[name], text)
    return f"!{text}" if path.negated else text
