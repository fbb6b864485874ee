"""Reading flows/<name>.yaml: the language of a pipeline,
each mistake with its line and what is allowed.

for spec in list_specs(root): print(spec.name, spec.summary)
"""

from functools import lru_cache
from pathlib import Path as File
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from f.millrace.core.errors import BadInput
from f.millrace.core.schedules import parse_cron, parse_duration
from scripts.compiler.inputs import read_inputs
from scripts.compiler.model import (
    KINDS,
    ORCHESTRATORS,
    PATTERNS,
    Approval,
    Branch,
    Call,
    Schedule,
    Spec,
    Step,
    Value,
)
from scripts.compiler.problems import Problem, SpecInvalid
from scripts.compiler.reader import Reader, format_list
from scripts.compiler.yamlread import Node, YamlMistake, read

FOLDER = "flows"
SUMMARY_LENGTH = 70
DAY = 86_400
TOP = (
    "summary",
    "description",
    "area",
    "pattern",
    "orchestrator",
    "agents",
    "budget",
    "schedule",
    "inputs",
    "steps",
    "run",
    "with",
    "on_failure",
    "preprocessor",
    "early_return",
    "chat",
)
SCHEDULE = ("cron", "timezone", "enabled", "misfire_grace", "catch_up", "args")
BUDGET = ("run_usd", "daily_usd")
COMMON = ("id", "summary", "depends_on", "skip_if", "stop_if", "keep_going")
KEYS = {
    "run": (*COMMON, "run", "from", "with", "retry", "timeout"),
    "for_each": (*COMMON, "for_each", "steps", "parallel"),
    "branches": (*COMMON, "branches", "parallel"),
    "choose": (*COMMON, "choose", "otherwise"),
    "approval": (*COMMON[:3], "approval"),
}
RESERVED = ("failure", "preprocessor", "input", "results", "previous_result")


def load(path: File) -> Spec:
    """Return the spec in a file; raise `SpecInvalid` with all its mistakes."""
    spec, problems = parse(path)
    if spec is None or problems:
        raise SpecInvalid(problems)
    return spec


def list_specs(root: File) -> list[Spec]:
    """Return all specs by name; raise `SpecInvalid` with the mistakes of all of them."""
    pairs = [parse(path) for path in files(root)]
    problems = [problem for _, found in pairs for problem in found]
    if problems:
        raise SpecInvalid(problems)
    return [spec for spec, _ in pairs if spec is not None]


def read_steps(steps: list[dict[str, Any]]) -> list[Step]:
    """Return plain steps as the rest of the compiler knows them;
    mistakes in them are for `parse` to find.
    """
    return _Spec(Reader(""), "").steps(
        read(yaml.safe_dump({"steps": steps})).value["steps"], "steps"
    )


def files(root: File) -> list[File]:
    """Return the files under flows/ that are specs."""
    return sorted((root / FOLDER).glob("*.yaml"))


def parse(path: File) -> tuple[Spec | None, list[Problem]]:
    """Return what could be read of a spec, and its mistakes."""
    facts = path.stat()
    spec, problems = _parse(path, facts.st_mtime_ns, facts.st_size)
    return spec, list(problems)


@lru_cache(maxsize=1024)
def _parse(path: File, _changed: int, _size: int) -> tuple[Spec | None, tuple[Problem, ...]]:
    reader = Reader(f"{FOLDER}/{path.name}")
    try:
        spec = _Spec(reader, path.stem).read(read(path.read_text(encoding="utf-8")))
    except YamlMistake as mistake:
        reader.wrong(mistake.line, mistake.what)
        spec = None
    except UnicodeDecodeError as error:
        reader.wrong(1, f"not UTF-8: {error.reason} at byte {error.start}")
        spec = None
    return spec, tuple(reader.problems)


class _Spec:
    def __init__(self, reader: Reader, name: str) -> None:
        self.reader, self.name = reader, name
        self.ids: dict[str, int] = {}

    def read(self, node: Node) -> Spec:
        reader = self.reader
        top = reader.mapping(node, "a spec", TOP)
        for key in ("summary", "area"):
            if key not in top:
                reader.wrong(
                    1, f"{key!r} is missing; every spec has a summary, an area, and steps or a run"
                )
        if ("steps" in top) == ("run" in top):
            reader.wrong(1, "a spec has either `steps` (a flow) or one `run` (a scheduled script)")
        summary = reader.text(top.get("summary"), "summary")
        if len(summary) > SUMMARY_LENGTH:
            reader.wrong(
                top["summary"].line,
                f"summary has {len(summary)} characters; at most {SUMMARY_LENGTH} are shown",
            )
        if summary.endswith("."):
            reader.wrong(top["summary"].line, "summary ends with a dot; it is a title")
        inputs = read_inputs(reader, top.get("inputs"))
        spec = Spec(
            self.name,
            reader.file,
            summary,
            reader.text(top.get("description"), "description").strip(),
            reader.word(top.get("area"), "area"),
            inputs=inputs,
        )
        spec.pattern = reader.one_of(top.get("pattern"), "pattern", PATTERNS, PATTERNS[0])
        spec.orchestrator = reader.one_of(
            top.get("orchestrator"), "orchestrator", ORCHESTRATORS, ORCHESTRATORS[0]
        )
        agents = top.get("agents")
        spec.agents = (
            [reader.word(item, "an agent") for item in reader.items(agents, "agents")]
            if agents and agents.value
            else []
        )
        spec.budget = self.budget(top.get("budget"))
        spec.schedule = self.schedule(top.get("schedule"))
        if "run" in top:
            self.script(spec, top)
        spec.steps = self.steps(top.get("steps"), "steps")
        if "on_failure" in top:
            spec.on_failure = self.call(top["on_failure"], "on_failure")
        self.entrance(spec, top)
        return spec

    def entrance(self, spec: Spec, top: dict[str, Node]) -> None:
        """Read how a flow is started by others than its form, and where it answers them."""
        reader = self.reader
        if "preprocessor" in top:
            spec.preprocessor = self.call(top["preprocessor"], "preprocessor")
        if "early_return" in top:
            node = top["early_return"]
            spec.early_return = Value(reader.word(node, "early_return"), node.line)
        spec.chat = reader.flag(top.get("chat"), "chat")

    def script(self, spec: Spec, top: dict[str, Node]) -> None:
        for key in ("inputs", "on_failure", "preprocessor", "early_return", "chat"):
            if key in top:
                self.reader.wrong(
                    top[key].key_line,
                    f"{key!r} belongs to a flow; a scheduled script has `run` and `with`",
                )
        if spec.schedule is None:
            self.reader.wrong(
                top["run"].key_line,
                "a spec with `run` is a scheduled script and needs a `schedule`",
            )
        elif spec.schedule.args:
            self.reader.wrong(
                spec.schedule.line,
                "the arguments of a scheduled script stand under `with`, not `schedule.args`",
            )
        spec.call = Call(
            self.reader.text(top["run"], "run"),
            top["run"].line,
            {},
            self.reader.constants(top.get("with"), "with"),
        )

    def budget(self, node: Node | None) -> dict[str, Any]:
        found = {}
        for key, child in (self.reader.mapping(node, "budget", BUDGET) if node else {}).items():
            amount = self.reader.typed(child, f"budget.{key}", (int, float), "a number")
            if amount is not None and amount <= 0:
                self.reader.wrong(child.line, f"budget.{key} is {amount}; it must be more than 0")
            found[key] = amount
        return found

    def schedule(self, node: Node | None) -> Schedule | None:
        if node is None:
            return None
        reader, parts = self.reader, self.reader.mapping(node, "schedule", SCHEDULE)
        for key in ("cron", "timezone"):
            if key not in parts:
                reader.wrong(
                    node.key_line,
                    f"schedule has no {key!r}; it needs cron (six fields) and timezone"
                    " (Europe/London)",
                )
        cron = reader.text(parts.get("cron"), "schedule.cron")
        zone = reader.text(parts.get("timezone"), "schedule.timezone", "UTC")
        if cron:
            self.check_cron(cron, parts["cron"].line)
        if "timezone" in parts:
            try:
                ZoneInfo(zone)
            except (OSError, ValueError, KeyError):
                reader.wrong(
                    parts["timezone"].line,
                    f"time zone {zone!r} is unknown; use a name such as Europe/London or UTC",
                )
        grace = reader.typed(
            parts.get("misfire_grace"),
            "schedule.misfire_grace",
            (int, str),
            "seconds, or text such as 12h",
        )
        if grace is not None:
            try:
                parse_duration(grace)
            except BadInput as error:
                reader.wrong(parts["misfire_grace"].line, f"schedule.misfire_grace: {error}")
        return Schedule(
            cron,
            zone,
            reader.flag(parts.get("enabled"), "schedule.enabled", True),
            node.key_line,
            grace,
            reader.flag(parts.get("catch_up"), "schedule.catch_up", True),
            reader.constants(parts.get("args"), "schedule.args"),
        )

    def check_cron(self, cron: str, line: int) -> None:
        if len(cron.split()) != 6:
            self.reader.wrong(
                line,
                f"cron {cron!r} has {len(cron.split())} fields; Windmill needs six, seconds first:"
                " 0 0 8 * * *",
            )
            return
        try:
            parse_cron(cron)
        except BadInput as error:
            self.reader.wrong(line, f"cron {cron!r} cannot be read: {error}")

    def steps(self, node: Node | None, what: str) -> list[Step]:
        return [
            step for item in self.reader.items(node, what) if (step := self.step(item)) is not None
        ]

    # complexipy: ignore (the words that every step may have, in the order of the language)
    def step(self, node: Node) -> Step | None:
        reader = self.reader
        parts = reader.mapping(node, "a step")
        kinds = [kind for kind in KINDS if kind in parts]
        name = reader.word(parts.get("id"), "id")
        what = f"step {name!r}" if name else "a step"
        if not name:
            reader.wrong(
                node.line, "a step has no id; give it a word that reads well as results.<id>"
            )
        if len(kinds) != 1:
            has = f"has {format_list(kinds)}" if kinds else "does nothing"
            reader.wrong(node.line, f"{what} {has}; it needs exactly one of {format_list(KINDS)}")
            return None
        kind = kinds[0]
        reader.mapping(node, f"{what} ({kind})", KEYS[kind])
        self.claim(name, kind, node.line)
        if not reader.text(parts.get("summary"), f"{what}: summary"):
            reader.wrong(node.line, f"{what} has no summary; say in one line what it does")
        step = Step(name, node.line, kind, reader.text(parts.get("summary"), "summary"))
        step.keep_going = reader.flag(parts.get("keep_going"), f"{what}: keep_going")
        step.parallel = reader.flag(parts.get("parallel"), f"{what}: parallel", None)
        step.skip_if = reader.path(parts.get("skip_if"), f"{what}: skip_if", may_negate=True)
        step.stop_if = reader.path(parts.get("stop_if"), f"{what}: stop_if", may_negate=True)
        if "depends_on" in parts:
            values = parts["depends_on"]
            listing = [values] if isinstance(values.value, str) else values.value or []
            step.depends_on = (
                [Value(item.plain(), item.line) for item in listing]
                if isinstance(listing, list)
                else []
            )
        getattr(self, f"read_{kind}")(step, parts, what)
        return step

    def claim(self, name: str, kind: str, line: int) -> None:
        made = [f"{name}_ask"] if kind == "approval" else []
        for each in [name, *made]:
            if each in RESERVED:
                self.reader.wrong(line, f"id {each!r} is reserved by Windmill; choose another word")
            elif each in self.ids:
                self.reader.wrong(
                    line, f"id {each!r} is used twice; the first is in line {self.ids[each]}"
                )
            elif each:
                self.ids[each] = line

    def read_run(self, step: Step, parts: dict[str, Node], what: str) -> None:
        reader = self.reader
        step.call = Call(
            reader.text(parts["run"], f"{what}: run"),
            parts["run"].line,
            reader.paths(parts.get("from"), f"{what}: from"),
            reader.constants(parts.get("with"), f"{what}: with"),
        )
        for name in step.call.from_.keys() & step.call.with_.keys():
            reader.wrong(
                step.call.with_[name].line,
                f"{what}: {name!r} stands under both from and with; keep one",
            )
        step.timeout = reader.seconds(parts.get("timeout"), f"{what}: timeout", 7 * DAY)
        if "retry" in parts:
            retry = reader.mapping(parts["retry"], f"{what}: retry", ("attempts", "seconds"))
            step.retry = {
                "attempts": (
                    reader.count(retry.get("attempts"), f"{what}: retry.attempts", 1, 100) or 1
                ),
                "seconds": (
                    reader.count(retry.get("seconds"), f"{what}: retry.seconds", 0, 21_600) or 0
                ),
            }

    def read_for_each(self, step: Step, parts: dict[str, Node], what: str) -> None:
        step.for_each = self.reader.path(parts["for_each"], f"{what}: for_each")
        if "steps" not in parts:
            self.reader.wrong(step.line, f"{what} has for_each but no steps to run for each item")
        step.steps = self.steps(parts.get("steps"), f"{what}: steps")

    def read_branches(self, step: Step, parts: dict[str, Node], what: str) -> None:
        for item in self.reader.items(parts["branches"], f"{what}: branches"):
            if isinstance(item.value, list):
                step.branches.append(Branch(self.steps(item, f"{what}: a branch"), item.line))
                continue
            branch = self.reader.mapping(item, f"{what}: a branch", ("summary", "steps"))
            step.branches.append(
                Branch(
                    self.steps(branch.get("steps"), f"{what}: a branch"),
                    item.line,
                    self.reader.text(branch.get("summary"), f"{what}: a branch's summary"),
                )
            )

    def read_choose(self, step: Step, parts: dict[str, Node], what: str) -> None:
        for item in self.reader.items(parts["choose"], f"{what}: choose"):
            choice = self.reader.mapping(item, f"{what}: a choice", ("when", "summary", "steps"))
            when = self.reader.path(choice.get("when"), f"{what}: when", may_negate=True)
            for key in ("when", "steps"):
                if key not in choice:
                    self.reader.wrong(
                        item.line, f"{what}: a choice has no {key!r}; it needs when and steps"
                    )
            step.choices.append(
                Branch(
                    self.steps(choice.get("steps"), f"{what}: steps of a choice"),
                    item.line,
                    self.reader.text(choice.get("summary"), f"{what}: a choice's summary"),
                    when,
                )
            )
        if "otherwise" in parts:
            step.otherwise = self.steps(parts["otherwise"], f"{what}: otherwise")

    def read_approval(self, step: Step, parts: dict[str, Node], what: str) -> None:
        reader, approval = (
            self.reader,
            self.reader.mapping(
                parts["approval"], f"{what}: approval", ("action", "when", "timeout")
            ),
        )
        action = reader.path(approval.get("action"), f"{what}: action")
        if "action" not in approval:
            reader.wrong(
                step.line,
                f"{what}: approval has no action; name the path of the proposed action's id",
            )
        timeout = reader.seconds(approval.get("timeout"), f"{what}: approval.timeout", 30 * DAY)
        if action:
            step.approval = Approval(
                action,
                reader.path(approval.get("when"), f"{what}: when", may_negate=True),
                timeout or DAY,
            )

    def call(self, node: Node, what: str) -> Call | None:
        reader, parts = self.reader, self.reader.mapping(node, what, ("run", "from", "with"))
        if "run" not in parts:
            reader.wrong(node.line, f"{what} has no run; name the step, such as ops/report_failure")
            return None
        return Call(
            reader.text(parts["run"], f"{what}: run"),
            parts["run"].line,
            reader.paths(parts.get("from"), f"{what}: from"),
            reader.constants(parts.get("with"), f"{what}: with"),
        )
