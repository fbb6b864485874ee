"""Reading a canonical OpenFlow back into the words of the specs; what they cannot say is named,
step by step.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from scripts.compiler import inputs as language
from scripts.compiler.levels import result_of
from scripts.compiler.semantics import ASK, FAILURE_ROOTS
from scripts.compiler.sources import HOME, Bundle
from scripts.importer import approvals, canonical, expressions

Json = dict[str, Any]
KINDS = {
    "rawscript": (
        "an inline script that is no Python with a main(); make it a file"
        " f/millrace/<area>/<verb>.py and let the step run that"
    ),
    "flow": "a call of another flow; a spec runs scripts only",
    "whileloopflow": "a while loop; a script can repeat inside, or use for_each",
    "aiagent": "Windmill's AI agent step; an agent of the bundle is a script",
    "identity": "a step that does nothing; remove it in the editor, or give it a script",
}
SETTINGS = {
    "sleep": "waits after the step",
    "suspend": "waits for a person, which the language says with an `approval` step",
    "cache_ttl": "keeps its result for some time",
    "cache_ignore_s3_path": "keeps its result for some time",
    "mock": "has a pinned result",
    "concurrent_limit": "limits how many runs there are at once",
    "concurrency_key": "limits how many runs there are at once",
    "concurrency_time_window_s": "limits how many runs there are at once",
    "stop_after_all_iters_if": "ends the flow after all items",
    "priority": "has a priority",
    "delete_after_use": "deletes its data",
    "delete_after_secs": "deletes its data",
    "continue_on_error": (
        "goes on after a failure as a whole, where the language has keep_going for each item"
    ),
    "debouncing": "is debounced",
    "pass_flow_input_directly": "is given the flow's input directly",
    "hash": "is pinned to one version of its script",
    "tag_override": "has a worker tag of its own",
    "is_trigger": "is a trigger",
    "parallelism": "limits how many items run at once; the number of workers is the limit",
    "squash": "squashes its items",
    "same_worker": "keeps all steps on one worker",
    "notes": "has notes in the editor",
    "groups": "has groups in the editor",
    "skip_expr": "may be skipped as a whole",
    "tag": "has a worker tag",
    "labels": "has labels",
}


@dataclass(frozen=True)
class NotExpressible:
    """One thing that a spec cannot say; `step` is empty for the flow as a whole."""

    step: str
    what: str

    def __str__(self) -> str:
        return f"step {self.step!r}: {self.what}" if self.step else f"the flow: {self.what}"


@dataclass
class Decompiled:
    """The spec's parts that an OpenFlow decides, what was lost,
    and the steps that two modules became together.
    """

    spec: Json
    not_expressible: list[NotExpressible]
    notes: list[str]
    joint: set[str] = field(default_factory=set)


def decompile(flow: Json, bundle: Bundle, base: dict[str, Json]) -> Decompiled:
    """Return the spec of a canonical flow; `base` has the steps of the spec before, which keep what
    cannot be said again.
    """
    decompiler = _Decompiler(bundle, base)
    value = flow["value"]
    spec: Json = {"summary": flow["summary"], **decompiler.facts(value.get("flow_env") or {})}
    spec["inputs"] = decompiler.inputs(flow["schema"])
    spec["steps"] = decompiler.steps(value["modules"], {})
    if "failure_module" in value:
        spec["on_failure"] = decompiler.failure(value["failure_module"])
    spec |= decompiler.entrance(value)
    for key in [*value, *flow]:
        if key not in (
            "early_return",
            "chat_input_enabled",
            "preprocessor_module",
            "modules",
            "failure_module",
            "flow_env",
            "summary",
            "description",
            "value",
            "schema",
            "extra_perms",
        ):
            decompiler.lost("", SETTINGS.get(key, f"sets {key}"))
    return Decompiled(
        {key: each for key, each in spec.items() if each or key == "summary"},
        decompiler.not_expressible,
        decompiler.notes,
        decompiler.joint,
    )


class _Decompiler:
    def __init__(self, bundle: Bundle, base: dict[str, Json]) -> None:
        self.bundle, self.base = bundle, base
        self.not_expressible: list[NotExpressible] = []
        self.notes: list[str] = []
        self.joint: set[str] = set()

    def lost(self, step: str, what: str) -> None:
        self.not_expressible.append(NotExpressible(step, what))

    def facts(self, environment: Json) -> Json:
        """Return what the flow's environment says of the pipeline."""
        known = dict(environment.get("pipeline") or {})
        for name in environment:
            if name != "pipeline":
                self.lost(
                    "", f"flow_env has {name!r}; a spec's environment is the pipeline's own facts"
                )
        schedule = known.get("schedule") or {}
        found = {
            key: known[key]
            for key in ("pattern", "orchestrator", "agents", "budget")
            if key in known
        }
        manner = {key: schedule[key] for key in ("misfire_grace", "catch_up") if key in schedule}
        return {**found, "schedule": manner} if manner else found

    def entrance(self, value: Json) -> Json:
        """Return how the flow is started from outside, and which step answers."""
        found: Json = {}
        module = value.get("preprocessor_module")
        path = str((module or {}).get("value", {}).get("path", ""))
        if module and path.startswith(HOME + "/"):
            found["preprocessor"] = {"run": path.removeprefix(HOME + "/")}
        elif module:
            self.lost(
                "",
                "has a preprocessor that is no script of the bundle; make it a file"
                " f/millrace/<area>/<verb>.py",
            )
        if value.get("early_return"):
            found["early_return"] = value["early_return"]
        return {**found, **({"chat": True} if value.get("chat_input_enabled") else {})}

    def inputs(self, schema: Json) -> Json:
        found: Json = {}
        for name, given in schema["properties"].items():
            parts = {key: given[key] for key in language.KEYS if key in given}
            known = {
                *language.KEYS,
                *(["originalType"] if given.get("originalType") == given.get("type") else []),
            }
            if others := [repr(key) for key in given if key not in known]:
                self.lost(
                    "",
                    f"input {name!r} has {', '.join(others)}; an input has"
                    f" {', '.join(language.KEYS)}",
                )
            if parts.get("type") not in language.TYPES:
                self.lost(
                    "",
                    f"input {name!r} is of type {parts.get('type')!r}; types are"
                    f" {', '.join(language.TYPES)}",
                )
                continue
            if "default" not in parts and name not in schema["required"]:
                parts["default"] = None
            found[name] = {key: parts[key] for key in language.KEYS if key in parts}
        return found

    # complexipy: ignore (a module becomes a step with its neighbours or alone)
    def steps(self, modules: list[Json], places: dict[str, str]) -> list[Json]:
        """Return a list of modules as steps; those side by side become steps with `depends_on`."""
        places = dict(places)
        levels: list[list[Json]] = []
        paired = False
        for position, module in enumerate(modules):
            if paired:
                paired = False
                continue
            group = _group(module)
            if group:
                levels.append(
                    [step for branch in group if (step := self.step(branch, places)) is not None]
                )
                places |= {
                    f"results.{module['id']}[{number}]": f"results.{each['id']}"
                    for number, each in enumerate(group)
                }
                continue
            paired = self.pair(modules, position)
            step = (
                self.joined(module, modules[position + 1], places)
                if paired
                else self.alone(modules, position, places) or self.step(module, places)
            )
            if step is not None:
                levels.append([step])
        steps = [step for level in levels for step in level]
        if any(len(level) > 1 for level in levels):
            before: list[str] = []
            for level in levels:
                for step in level:
                    step["depends_on"] = before
                before = [step["id"] for step in level]
        return steps

    def step(self, module: Json, places: dict[str, str]) -> Json | None:
        """Return one step, or what the spec had under its id when there are no words for it, or
        nothing.
        """
        kind = module["value"].get("type")
        readers = {
            "script": self.run,
            "forloopflow": self.for_each,
            "branchall": self.branches,
            "branchone": self.choice,
        }
        if kind not in readers:
            language = module["value"].get("language")
            told = KINDS.get(kind, f"of type {kind!r}")
            return self.gone(
                module,
                (
                    f"{told}; this one is in {language}"
                    if kind == "rawscript" and language != "python3"
                    else told
                ),
            )
        parts = readers[kind](module, places)
        if parts is None:
            return None
        if not all(_bodies(parts)):
            return self.gone(
                module,
                "left out with all the steps of one of its parts; a spec has no part without steps",
            )
        step = {"id": module["id"], "summary": module["summary"], **parts}
        self.settings(step, module, places)
        return step

    def gone(self, module: Json, what: str) -> Json | None:
        self.lost(module["id"], f"it is {what}" if not what.startswith(("it ", "its ")) else what)
        return self.base.get(module["id"])

    # complexipy: ignore (a case for each setting of a module in OpenFlow)
    def settings(self, step: Json, module: Json, places: dict[str, str]) -> None:
        name, runs = module["id"], "run" in step
        for key, given in module.items():
            if key in ("id", "summary", "value"):
                continue
            if key == "continue_on_error" and (runs or "choose" in step):
                step["keep_going"] = True
            elif key == "retry" and runs:
                self.retry(step, given)
            elif key == "timeout" and runs and given.get("type") == "static":
                step["timeout"] = given["value"]
            elif key == "skip_if" or (key == "stop_after_if" and (runs or "choose" in step)):
                self.condition(step, key, given, places)
            else:
                self.lost(name, f"it {SETTINGS.get(key, f'sets {key}')}")
        for key in module["value"]:
            if key in SETTINGS:
                self.lost(name, f"it {SETTINGS[key]}")

    def retry(self, step: Json, given: Json) -> None:
        for key, what in (
            ("exponential", "retries with growing delays"),
            ("retry_if", "retries only on a condition"),
        ):
            if key in given:
                self.lost(step["id"], f"it {what}; the language has attempts with a constant delay")
        if "constant" in given:
            step["retry"] = {
                "attempts": given["constant"]["attempts"],
                "seconds": given["constant"]["seconds"],
            }

    def condition(self, step: Json, key: str, given: Json, places: dict[str, str]) -> None:
        word = "skip_if" if key == "skip_if" else "stop_if"
        for extra in sorted(given.keys() - {"expr"}):
            self.lost(step["id"], f"{word} has {extra!r}; the language has a condition only")
        text = given["expr"]
        if word == "stop_if":
            negated = text.startswith("!")
            bare = text.removeprefix("!")
            if expressions.root_of(bare) == "result":
                text = f"{'!' if negated else ''}results.{step['id']}{bare.removeprefix('result')}"
        path = self.path(text, places, may_negate=True)
        if path is None:
            self.lost(
                step["id"],
                f"{word} is {given['expr']!r}; a condition is a path, or `not` and a path",
            )
            path = self.base.get(step["id"], {}).get(word)
        if path is not None:
            step[word] = path

    def run(self, module: Json, places: dict[str, str]) -> Json | None:
        value = module["value"]
        path = value.get("path", "")
        if not path.startswith(HOME + "/"):
            return self.gone(module, f"the script {path!r}; a spec runs scripts under {HOME}")
        return {"run": _verb(path), **self.given(module["id"], value["input_transforms"], places)}

    def given(self, name: str, transforms: Json, places: dict[str, str]) -> Json:
        from_, with_ = {}, {}
        for key, each in transforms.items():
            if each["type"] == "static":
                with_[key] = each["value"]
                continue
            path = self.path(each.get("expr", ""), places)
            if path is not None:
                from_[key] = path
                continue
            self.lost(
                name,
                f"input {key!r} is {each.get('expr', each)!r}, more than a path; let a step return"
                " that value",
            )
            before = self.base.get(name, {})
            if key in before.get("from", {}):
                from_[key] = before["from"][key]
            elif key in before.get("with", {}):
                with_[key] = before["with"][key]
        return {key: each for key, each in (("from", from_), ("with", with_)) if each}

    def for_each(self, module: Json, places: dict[str, str]) -> Json | None:
        value = module["value"]
        path = self.path(value["iterator"].get("expr", ""), places)
        if path is None:
            found = value["iterator"].get("expr", value["iterator"].get("value"))
            return self.gone(
                module,
                f"a loop over {found!r}; for_each takes a path, so let a step return the list",
            )
        if not value["modules"]:
            return self.gone(module, "a loop without steps")
        step: Json = {"for_each": path}
        if value["parallel"]:
            step["parallel"] = True
        if value["skip_failures"]:
            step["keep_going"] = True
        return {**step, "steps": self.steps(value["modules"], places)}

    def branches(self, module: Json, places: dict[str, str]) -> Json | None:
        value = module["value"]
        filled = [branch for branch in value["branches"] if branch["modules"]]
        if len(filled) < len(value["branches"]) or not filled:
            return self.gone(
                module, "branches of which one is empty; the language has no empty branch"
            )
        failures = {branch["skip_failure"] for branch in filled}
        if len(failures) > 1:
            self.lost(
                module["id"], "some of its branches may fail and others not; keep_going is for all"
            )
        step: Json = {} if value["parallel"] else {"parallel": False}
        if failures == {True}:
            step["keep_going"] = True
        return {**step, "branches": [self.branch(branch, places) for branch in filled]}

    def branch(self, branch: Json, places: dict[str, str]) -> Any:
        steps = self.steps(branch["modules"], places)
        own = branch["summary"] != branch["modules"][0]["summary"]
        return {"summary": branch["summary"], "steps": steps} if own else steps

    def choice(self, module: Json, places: dict[str, str]) -> Json | None:
        value = module["value"]
        if not value["branches"] or any(not branch["modules"] for branch in value["branches"]):
            return self.gone(
                module,
                "a choice with an empty branch; the language has no empty branch, skip_if may"
                " say it",
            )
        choices = []
        for branch in value["branches"]:
            when = self.path(branch["expr"], places, may_negate=True)
            if when is None:
                return self.gone(
                    module,
                    f"a choice on {branch['expr']!r}; a condition is a path, or `not` and a path",
                )
            own = (
                {}
                if branch["summary"] == branch["modules"][0]["summary"]
                else {"summary": branch["summary"]}
            )
            choices.append({"when": when, **own, "steps": self.steps(branch["modules"], places)})
        otherwise = {"otherwise": self.steps(value["default"], places)} if value["default"] else {}
        return {"choose": choices, **otherwise}

    def question(self, ask: Json, when: str | None, places: dict[str, str]) -> Json | None:
        transforms, suspend = ask["value"]["input_transforms"], ask.get("suspend") or {}
        action = self.path((transforms.get("action_id") or {}).get("expr", ""), places)
        if (
            action is None
            or not suspend.get("continue_on_disapprove_timeout")
            or suspend["required_events"] != 1
        ):
            return None
        return {
            "approval": {
                "action": action,
                **({"when": when} if when else {}),
                "timeout": suspend.get("timeout", approvals.DEFAULT_SECONDS),
            }
        }

    def pair(self, modules: list[Json], position: int) -> bool:
        """Tell whether a question and its record are neighbours and about the same action."""
        two = modules[position : position + 2]
        if (
            not approvals.is_pair(modules, position)
            or _is_read(modules, two[0]["id"])
            or not set(two[1]) <= approvals.PLAIN
        ):
            return False
        skip = (two[0].get("skip_if") or {}).get("expr")
        told = two[1]["value"]["input_transforms"].get("asked")
        known = (
            {"type": "javascript", "expr": approvals.negated(skip)}
            if skip
            else {"type": "static", "value": True}
        )
        return told in (None, known) and self.asks(two[0], {}) is not None

    def asks(self, module: Json, places: dict[str, str]) -> Json | None:
        """Return the approval of a step that asks by itself; one that may be skipped asks only when
        it is not.
        """
        if not set(module) <= {"id", "summary", "value", "suspend", "skip_if"}:
            return None
        skip = module["skip_if"]["expr"] if "skip_if" in module else ""
        when = self.path(approvals.negated(skip), places, may_negate=True) if skip else None
        return self.question(module, when, places) if when or not skip else None

    def alone(self, modules: list[Json], position: int, places: dict[str, str]) -> Json | None:
        """Return the approval that a question without its record is, put there by hand, when nobody
        reads what it returns.
        """
        ask = modules[position]
        if (
            approvals.runs(ask) != ASK
            or "suspend" not in ask
            or _is_read(modules, ask["id"])
            or _reads_answer(modules[position + 1 :])
        ):
            return None
        found = self.asks(ask, places)
        if found is None:
            return None
        self.notes.append(
            f"step {ask['id']!r} became an approval: the answer is recorded, too, and read as"
            f" results.{ask['id']}.approved"
        )
        self.joint |= {ask["id"], f"{ask['id']}_ask"}
        return {"id": ask["id"], "summary": ask["summary"], **found}

    def joined(self, ask: Json, record: Json, places: dict[str, str]) -> Json:
        if not approvals.is_compiled(ask, record):
            self.notes.append(
                f"steps {ask['id']!r} and {record['id']!r} became the approval {record['id']!r}"
            )
            self.joint |= {ask["id"], record["id"], f"{record['id']}_ask"}
        return {"id": record["id"], "summary": ask["summary"], **(self.asks(ask, places) or {})}

    def failure(self, module: Json) -> Json | None:
        value = module["value"]
        if value.get("type") != "script" or not value.get("path", "").startswith(HOME + "/"):
            self.lost(
                "failure", f"it is {KINDS.get(value.get('type'), 'a script outside the bundle')}"
            )
            return self.base.get("failure")
        transforms = canonical.chosen_inputs(value["input_transforms"])
        self.settings({"id": "failure"}, module, {})
        return {"run": _verb(value["path"]), **self.given("failure", transforms, {})}

    def path(self, text: str, places: dict[str, str], may_negate: bool = False) -> str | None:
        """Return an expression as a path of the spec;
        results of steps side by side are named by the step.
        """
        negated, bare = text.startswith("!"), text.removeprefix("!")
        root = expressions.root_of(bare)
        if not expressions.is_path(bare) or (
            root not in ("results", "flow_input", "flow_env", *FAILURE_ROOTS)
        ):
            return None
        for place, own in places.items():
            if bare == place or bare.startswith((place + ".", place + "[")):
                bare = own + bare.removeprefix(place)
        if negated:
            return f"not {bare}" if may_negate else None
        return bare


def _verb(path: str) -> str:
    return path.removeprefix(HOME + "/")


def _group(module: Json) -> list[Json]:
    """Return the steps of a group that the compiler made of steps side by side, or nothing."""
    value = module["value"]
    if (
        value.get("type") != "branchall"
        or not value["parallel"]
        or len(module) > 3
        or len(value["branches"]) < 2
    ):
        return []
    steps = [branch["modules"][0] for branch in value["branches"] if len(branch["modules"]) == 1]
    if len(steps) < len(value["branches"]):
        return []
    names = "_and_".join(each["id"] for each in steps)
    told = module["summary"] == f"{len(steps)} steps side by side"
    agree = all(
        branch["summary"] == step["summary"] and branch["skip_failure"] == _may_fail(step)
        for branch, step in zip(value["branches"], steps, strict=True)
    )
    return steps if told and agree and module["id"] == names else []


def _bodies(parts: Json) -> list[list[Json]]:
    """Return the lists of steps inside a step that was read."""
    found = [parts[key] for key in ("steps", "otherwise") if key in parts]
    return found + [
        each["steps"] if isinstance(each, dict) else each
        for key in ("branches", "choose")
        for each in parts.get(key, [])
    ]


def _may_fail(step: Json) -> bool:
    value = step["value"]
    if value["type"] == "forloopflow":
        return value["skip_failures"]
    if value["type"] == "branchall":
        return all(branch["skip_failure"] for branch in value["branches"])
    return bool(step.get("continue_on_error"))


def _is_read(modules: list[Json], name: str) -> bool:
    """Tell whether any expression reads the result of a step."""
    return any(result_of(text.removeprefix("!")) == name for text in _texts(modules))


def _reads_answer(modules: list[Json]) -> bool:
    """Tell whether the first script of a list,
    the only one that is given a person's answer, reads it.
    """
    for module in modules[:1]:
        value = module["value"]
        inner = [
            value.get("modules"),
            value.get("default"),
            *(each["modules"] for each in value.get("branches", [])),
        ]
        if value.get("type") in ("forloopflow", "whileloopflow", "branchone", "branchall"):
            return any(_reads_answer(body) for body in inner if body)
        return any(re.search(r"\b(?:resume|resumes|approvers)\b", text) for text in _texts(module))
    return False


def _texts(part: Any) -> list[str]:
    """Return all expressions."""
    if isinstance(part, dict):
        own = [part["expr"]] if isinstance(part.get("expr"), str) else []
        return own + [text for each in part.values() for text in _texts(each)]
    return [text for each in part for text in _texts(each)] if isinstance(part, list) else []
