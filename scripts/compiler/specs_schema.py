"""JSON Schema of a spec, for editors: completion, help and red lines while typing."""

import json
from collections.abc import Mapping
from typing import Any

from scripts.compiler import inputs, spec, words
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


def text() -> str:
    """Return the schema as a file."""
    return json.dumps(schema(), indent=2) + "\n"


def schema() -> Json:
    """Return the schema: the same words as the compiler accepts."""
    properties: Json = {
        "summary": {"type": "string", "maxLength": spec.SUMMARY_LENGTH},
        "description": {"type": "string"},
        "area": NAME,
        "pattern": {"enum": list(PATTERNS)},
        "orchestrator": {"enum": list(ORCHESTRATORS)},
        "agents": {"type": "array", "items": NAME},
        "budget": _closed(
            _described(
                {key: {"type": "number", "exclusiveMinimum": 0} for key in spec.BUDGET},
                words.BUDGET,
            )
        ),
        "schedule": _schedule(),
        "inputs": {"type": "object", "propertyNames": NAME, "additionalProperties": _input()},
        "steps": STEPS,
        "run": RUN,
        "with": {"type": "object"},
        "preprocessor": _closed({"run": RUN}, "run"),
        "early_return": NAME,
        "chat": {"type": "boolean"},
        "on_failure": _closed({"run": RUN, "from": NAMED_PATHS, "with": {"type": "object"}}, "run"),
    }
    meanings = {key: word.means for key, word in words.TOP.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Millrace pipeline",
        **_closed(
            _described({key: properties[key] for key in spec.TOP}, meanings), "summary", "area"
        ),
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


def _described(properties: Json, meanings: Mapping[str, str]) -> Json:
    return {key: {**part, "description": meanings[key]} for key, part in properties.items()}


def _schedule() -> Json:
    parts: Json = {
        "cron": {"type": "string"},
        "timezone": {"type": "string"},
        "enabled": {"type": "boolean"},
        "misfire_grace": SECONDS,
        "catch_up": {"type": "boolean"},
        "args": {"type": "object"},
    }
    chosen = _described({key: parts[key] for key in spec.SCHEDULE}, words.SCHEDULE)
    return _closed(chosen, "cron", "timezone")


def _input() -> Json:
    parts: Json = {key: {} for key in inputs.KEYS}
    parts["type"] = {"enum": list(inputs.TYPES)}
    parts["description"] = {"type": "string"}
    return _closed(_described(parts, words.INPUT), "type", "description")


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
    }  # fmt: skip
    meanings = {key: word.means for key, word in words.STEP.items()}
    chosen = _described({key: parts[key] for key in spec.KEYS[kind]}, meanings)
    return {"title": kind, **_closed(chosen, "id", "summary", kind)}
