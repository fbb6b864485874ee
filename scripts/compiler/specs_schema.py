"""JSON Schema of a spec, for editors: completion, help and red lines while typing."""

import json
from typing import Any

from scripts.compiler import inputs, spec
from scripts.compiler.model import ORCHESTRATORS, PATTERNS

FILE = "resources/windmill/spec.schema.json"
Json = dict[str, Any]
NAME = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
STEPS = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}}
PATH = {
    "type": "string",
    "description": "A Windmill path, such as results.open.run_id or flow_input.iter.value.",
}
CONDITION = {"type": "string", "description": "A path to a boolean, or `not` and a path."}
SECONDS = {"type": ["integer", "string"], "description": "Seconds, or text such as 90s, 5m or 2h."}
RUN = {
    "type": "string",
    "pattern": "^[a-z0-9_]+(/[a-z0-9_]+)+$",
    "description": "A step under f/millrace, such as research/open.",
}
NAMED_PATHS = {"type": "object", "additionalProperties": PATH}
HELP = {
    "id": "A word; the result is read as results.<id>.",
    "summary": "What it does, in one line.",
    "depends_on": "Steps beside it that must end first; independent ones run side by side.",
    "skip_if": "Do not run when this is true; nothing may read the result then.",
    "stop_if": "End the whole run after this step when this part of its own result is true.",
    "keep_going": 'A failure becomes {"error": ...} and the flow goes on.',
    "parallel": "All items or branches at once.",
    "retry": "More attempts after a failure, with a constant delay.",
}


def text() -> str:
    """Return the schema as a file."""
    return json.dumps(schema(), indent=2) + "\n"


def schema() -> Json:
    """Return the schema: the same words as the compiler accepts."""
    properties: Json = {
        "summary": {
            "type": "string",
            "maxLength": spec.SUMMARY_LENGTH,
            "description": "The title of the flow, without a dot.",
        },
        "description": {"type": "string"},
        "area": {**NAME, "description": "The folder under f/millrace that holds the flow."},
        "pattern": {"enum": list(PATTERNS)},
        "orchestrator": {"enum": list(ORCHESTRATORS), "description": "Who runs it in production."},
        "agents": {"type": "array", "items": NAME},
        "budget": _closed({key: {"type": "number", "exclusiveMinimum": 0} for key in spec.BUDGET}),
        "schedule": _schedule(),
        "inputs": {"type": "object", "propertyNames": NAME, "additionalProperties": _input()},
        "steps": STEPS,
        "run": RUN,
        "with": {"type": "object", "description": "Constants for the scheduled script."},
        "preprocessor": {
            **_closed({"run": RUN}, "run"),
            "description": (
                "Makes the inputs of a webhook's, route's or mail's event; its script has"
                " preprocessor(event)."
            ),
        },
        "early_return": {
            **NAME,
            "description": "The step whose result callers that wait are given.",
        },
        "chat": {
            "type": "boolean",
            "description": "Started from Windmill's chat: needs the input user_message.",
        },
        "on_failure": _closed({"run": RUN, "from": NAMED_PATHS, "with": {"type": "object"}}, "run"),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Millrace pipeline",
        **_closed({key: properties[key] for key in spec.TOP}, "summary", "area"),
        "oneOf": [{"required": ["steps"]}, {"required": ["run", "schedule"]}],
        "$defs": {"step": {"oneOf": [_step(kind) for kind in spec.KEYS]}},
    }


def _closed(properties: Json, *required: str) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _schedule() -> Json:
    parts: Json = {
        "cron": {"type": "string", "description": "Six fields, seconds first: 0 0 8 * * *"},
        "timezone": {"type": "string", "description": "A name such as Europe/London."},
        "enabled": {"type": "boolean"},
        "misfire_grace": {**SECONDS, "description": "How late a start may be, such as 12h."},
        "catch_up": {"type": "boolean", "description": "Whether a missed start is made up for."},
        "args": {"type": "object"},
    }
    return _closed({key: parts[key] for key in spec.SCHEDULE}, "cron", "timezone")


def _input() -> Json:
    parts: Json = {key: {} for key in inputs.KEYS}
    parts["type"] = {"enum": list(inputs.TYPES)}
    parts["description"] = {"type": "string", "description": "The help text of the form."}
    return _closed(parts, "type", "description")


def _step(kind: str) -> Json:
    choice = _closed(
        {"when": CONDITION, "summary": {"type": "string"}, "steps": STEPS}, "when", "steps"
    )
    branch = {"oneOf": [STEPS, _closed({"summary": {"type": "string"}, "steps": STEPS}, "steps")]}
    parts: Json = {
        "id": NAME,
        "summary": {"type": "string"},
        "depends_on": {"type": ["array", "string"], "items": NAME},
        "skip_if": CONDITION,
        "stop_if": CONDITION,
        "keep_going": {"type": "boolean"},
        "parallel": {"type": "boolean"},
        "run": RUN,
        "from": NAMED_PATHS,
        "with": {"type": "object"},
        "timeout": SECONDS,
        "retry": _closed(
            {
                "attempts": {"type": "integer", "minimum": 1},
                "seconds": {"type": "integer", "minimum": 0},
            }
        ),
        "for_each": PATH,
        "steps": STEPS,
        "branches": {"type": "array", "items": branch, "minItems": 1},
        "choose": {"type": "array", "items": choice, "minItems": 1},
        "otherwise": STEPS,
        "approval": _closed({"action": PATH, "when": CONDITION, "timeout": SECONDS}, "action"),
    }
    chosen = {
        key: {**parts[key], "description": HELP[key]} if key in HELP else parts[key]
        for key in spec.KEYS[kind]
    }
    return {"title": kind, **_closed(chosen, "id", "summary", kind)}
