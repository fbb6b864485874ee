"""Taking a spec's values apart: each mistake is kept with its line, and reading goes on."""

import difflib
import re
from collections.abc import Collection, Iterable
from typing import Any

from f.millrace.core.errors import BadInput
from f.millrace.core.schedules import parse_duration
from scripts.compiler.model import Path, Value
from scripts.compiler.problems import Problem
from scripts.compiler.yamlread import Node

ROOTS = ("results", "flow_input", "flow_env")
PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[\d+\])*")
WORD = re.compile(r"[a-z][a-z0-9_]*")


def closest(word: str, allowed: Iterable[str]) -> str:
    """Return a hint such as ` (did you mean 'steps'?)`, or nothing."""
    found = difflib.get_close_matches(word, list(allowed), 1, 0.6)
    return f" (did you mean {found[0]!r}?)" if found else ""


def format_list(words: Iterable[str]) -> str:
    """Return words as a person lists them."""
    return ", ".join(words) or "nothing"


class Reader:
    """Reads nodes of one file and collects what is wrong with them."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def wrong(self, line: int, what: str) -> None:
        """Keep one mistake."""
        self.problems.append(Problem(self.file, line, what))

    def mapping(
        self, node: Node, what: str, allowed: Collection[str] | None = None
    ) -> dict[str, Node]:
        """Return a mapping's entries; keys that are not allowed are mistakes and left out."""
        if not isinstance(node.value, dict):
            if node.value is not None:
                self.wrong(node.line, f"{what} is {node.kind()}; it must be a mapping")
            return {}
        if allowed is None:
            return node.value
        for key, child in node.value.items():
            if key not in allowed:
                hint = closest(key, allowed)
                self.wrong(
                    child.key_line,
                    f"{what} has no key {key!r}{hint}; allowed are {format_list(allowed)}",
                )
        return {key: child for key, child in node.value.items() if key in allowed}

    def items(self, node: Node | None, what: str) -> list[Node]:
        """Return the entries of a list that must not be empty."""
        if node is None:
            return []
        if not isinstance(node.value, list) or not node.value:
            found = "an empty list" if isinstance(node.value, list) else node.kind()
            self.wrong(node.line, f"{what} is {found}; it must be a list with at least one entry")
            return []
        return node.value

    def typed(
        self,
        node: Node | None,
        what: str,
        kinds: type | tuple[type, ...],
        says: str,
        default: Any = None,
    ) -> Any:
        """Return a value of the given type, or the default after a mistake."""
        if node is None:
            return default
        value = node.value
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            self.wrong(node.line, f"{what} is {node.kind()}; it must be {says}")
            return default
        return value

    def text(self, node: Node | None, what: str, default: str = "") -> str:
        return self.typed(node, what, str, "text", default)

    def flag(self, node: Node | None, what: str, default: bool | None = False) -> Any:
        return self.typed(node, what, bool, "true or false", default)

    def word(self, node: Node | None, what: str) -> str:
        """Return a name made of small letters, digits and underscores."""
        text = self.text(node, what)
        if node is not None and text and not WORD.fullmatch(text):
            self.wrong(
                node.line,
                f"{what} {text!r} must be a word of small letters, digits and underscores",
            )
        return text

    def one_of(self, node: Node | None, what: str, allowed: Collection[str], default: str) -> str:
        text = self.text(node, what, default)
        if node is not None and isinstance(node.value, str) and text not in allowed:
            self.wrong(
                node.line,
                f"{what} {text!r} is unknown{closest(text, allowed)}; allowed are"
                f" {format_list(allowed)}",
            )
        return text

    def count(self, node: Node | None, what: str, least: int, most: int) -> int | None:
        """Return a whole number within limits."""
        value = self.typed(node, what, int, "a whole number")
        if value is not None and node is not None and not least <= value <= most:
            self.wrong(node.line, f"{what} is {value}; it must be from {least} to {most}")
        return value

    def seconds(self, node: Node | None, what: str, most: int) -> int | None:
        """Return seconds from a whole number or from text such as `90s`, `5m` or `2h`."""
        value = self.typed(node, what, (int, str), "seconds, or text such as 90s, 5m or 2h")
        if value is None or node is None:
            return None
        try:
            seconds = parse_duration(value).total_seconds()
        except BadInput as error:
            self.wrong(node.line, f"{what}: {error}")
            return None
        if not 1 <= seconds <= most or seconds != int(seconds):
            self.wrong(node.line, f"{what} is {value}; it must be from 1 to {most} whole seconds")
            return None
        return int(seconds)

    def path(self, node: Node | None, what: str, may_negate: bool = False) -> Path | None:
        """Return a Windmill path, with `not` before it where a condition is asked for."""
        text = self.text(node, what).strip()
        if node is None or not text:
            return None
        negated = may_negate and text.startswith("not ")
        bare = text.removeprefix("not ").strip() if negated else text
        if not PATH.fullmatch(bare):
            says = "a path, or `not` and a path" if may_negate else "a path"
            self.wrong(
                node.line,
                f"{what} {text!r} is not {says} such as results.open.run_id; anything more is a"
                " boolean that a step returns",
            )
            return None
        return Path(bare, node.line, negated)

    def paths(self, node: Node | None, what: str) -> dict[str, Path]:
        """Return named paths: the `from` of a step."""
        found = {}
        for name, child in (self.mapping(node, what) if node else {}).items():
            if isinstance(child.value, str):
                path = self.path(child, f"{what}: {name}")
                if path:
                    found[name] = path
            else:
                self.wrong(
                    child.line, f"{what}: {name} is {child.kind()}; a constant belongs under `with`"
                )
        return found

    def constants(self, node: Node | None, what: str) -> dict[str, Value]:
        """Return named constants: the `with` of a step."""
        return {
            name: Value(child.plain(), child.line)
            for name, child in (self.mapping(node, what) if node else {}).items()
        }
