"""JavaScript as Windmill's editor writes it, read back as a path or a constant where it is one."""

import json
import re
from typing import Any

from scripts.compiler.reader import PATH, ROOTS

NAME = re.compile(r"[A-Za-z_$][\w$]*")
PART = re.compile(
    r"""\s*(?:\?\.|\.)\s*(?P<dotted>[A-Za-z_$][\w$]*)"""
    r"""|\s*(?:\?\.)?\s*\[\s*(?:(?P<number>\d+)|"(?P<double>[^"\\]*)"|'(?P<single>[^'\\]*)')\s*\]"""
)


def simple(text: str) -> str:
    """Return an expression in the spec's way of writing where it is a path or its negation,
    otherwise as it is.

    `results["open"]?.run_id;` is `results.open.run_id`; `!(result.more)` is `!result.more`.
    """
    bare = _strip(text)
    if bare.startswith("!") and not bare.startswith("!="):
        inner = simple(bare[1:])
        return f"!{inner}" if is_path(inner) else text.strip()
    found = _path(bare)
    return found if found is not None else text.strip()


def is_path(text: str) -> bool:
    """Tell whether a text is a path as specs have them."""
    return PATH.fullmatch(text) is not None


def is_readable(text: str) -> bool:
    """Tell whether a text is a path to something that a step may read."""
    return is_path(text) and text.split(".")[0].split("[")[0] in ROOTS and "." in text


def constant(text: str) -> tuple[bool, Any]:
    """Return whether an expression is a plain constant, and its value."""
    bare = _strip(text)
    quoted = re.fullmatch(r"'([^'\\\n]*)'|`([^`\\$]*)`", bare)
    if quoted:
        return True, quoted[1] if quoted[1] is not None else quoted[2]
    if bare == "undefined":
        return True, None
    try:
        return True, json.loads(bare, parse_constant=_refuse)
    except ValueError:
        return False, None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def root_of(text: str) -> str:
    """Return the first name of an expression, or nothing."""
    found = NAME.match(text)
    return found[0] if found else ""


def rename(text: str, names: dict[str, str]) -> str:
    """Return an expression that reads the results of renamed steps."""
    for old, new in names.items():
        # Only a whole name: `results.a` is not part of `results.ab`.
        text = re.sub(
            rf"\bresults(\??)\.{re.escape(old)}(?![\w$])",
            lambda found, new=new: f"results{found[1]}.{new}",
            text,
        )
        text = re.sub(
            rf"""\bresults(?:\?\.)?\[\s*(["']){re.escape(old)}\1\s*\]""", f"results.{new}", text
        )
    return text


def _strip(text: str) -> str:
    bare = text.strip()
    changed = True
    while changed:
        before = bare
        bare = bare.rstrip(";").strip()
        if bare.startswith("return ") and "\n" not in bare:
            bare = bare.removeprefix("return ").strip()
        if bare.startswith("(") and bare.endswith(")") and _closes_last(bare):
            bare = bare[1:-1].strip()
        changed = bare != before
    return bare


def _closes_last(text: str) -> bool:
    """Tell whether the first parenthesis is closed by the last character."""
    depth = 0
    for position, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return position == len(text) - 1
    return False


def _path(text: str) -> str | None:
    head = NAME.match(text)
    if not head:
        return None
    parts, position = [head[0]], head.end()
    while position < len(text):
        found = PART.match(text, position)
        if not found:
            return None
        name = next(
            (found[key] for key in ("dotted", "double", "single") if found[key] is not None), None
        )
        parts.append(f"[{found['number']}]" if name is None else f".{name}")
        position = found.end()
    joined = "".join(parts)
    return joined if is_path(joined) else None
