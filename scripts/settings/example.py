"""A millrace.yaml in which everything is explained and nothing is changed."""

import textwrap
from typing import Any

import yaml

from f.millrace.core import all_settings, settings_model
from f.millrace.core.config import NONE
from scripts.settings.schema import LINE, describe_values, schema

WIDTH = 110


def text() -> str:
    """Return every setting with its meaning and its default, commented out; the first line is for
    editors.
    """
    lines = [
        LINE,
        (
            "# Take the # away where you change something. `scripts/millrace settings check` tells"
            " what is wrong."
        ),
        (
            f"# To have a list or a text empty that has a default, write [] or {NONE}; a variable"
            f" has only {NONE}: MILLRACE_FEEDS={NONE}"
        ),
        "",
    ]
    for name, field in schema()["properties"].items():
        told = f"{field['description']} Allowed: {describe_values(field)}."
        lines += [
            f"# {line}"
            for line in textwrap.wrap(told, WIDTH, break_long_words=False, break_on_hyphens=False)
        ]
        lines += [f"# {line}" for line in _written(name).splitlines()] + [""]
    return "\n".join(lines)


def _written(name: str) -> str:
    default: Any = settings_model.make_model((name,))().model_dump(mode="json")[name]
    if "Secret" in str(all_settings.declared(name)[0]):
        default = {} if isinstance(default, dict) else ""
    if isinstance(default, str) and "Decimal" in str(all_settings.declared(name)[0]):
        default = float(default)
    return yaml.safe_dump(
        {name: default}, allow_unicode=True, sort_keys=False, default_flow_style=False
    ).strip()
