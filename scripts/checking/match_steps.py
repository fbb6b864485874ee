"""How many steps a regular expression takes on a text: a small backtracking matcher that counts.

It follows the parse tree that `re` itself makes, tries what `re` tries in the same order, and needs
no clock. Long bounds of repeats are shortened: a bound changes by which factor a pattern is slow,
never how the steps grow with the text.
"""

import functools
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from re import _constants  # pyright: ignore[reportAttributeAccessIssue] isort: skip
from re import _parser  # pyright: ignore[reportAttributeAccessIssue] isort: skip

# The names of the parse tree's items.
sre: Any = _constants
# Repeats with a higher bound are cut to this many above their least number.
SPREAD = 3
LEAST = 6
MOST_STEPS = 100_000
# Frames of Python's stack while a pattern is matched.
DEEPEST = 100_000

Then = Callable[[int], int | None]
Node = Callable[[int, Then], int | None]
SINGLE = frozenset({sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY})


class TooManySteps(Exception):
    """The matcher gave up."""


class Steps:
    """A pattern that counts. `count(text)` scans the text as `finditer` does."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        """Parse the pattern; flags are those of `re.Pattern.flags`."""
        keep = re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE | re.ASCII | re.UNICODE
        self.tree = _parser.parse(pattern, flags & keep)
        self.flags = self.tree.state.flags
        self.text, self.steps = "", 0
        self.groups: dict[int, tuple[int, int]] = {}
        self._match = self._sequence(list(self.tree), self.flags)

    def count(self, text: str, scan: bool = True) -> int:
        """Return the steps of one pass over the text; one try at its beginning unless `scan`."""
        self.find(text, scan)
        return self.steps

    def find(self, text: str, scan: bool = True) -> list[tuple[int, int]]:
        """Return where the pattern matches."""
        self.text, self.steps = text, 0
        usual = sys.getrecursionlimit()
        # A repeat of groups takes some frames of Python's stack for each round. The limit is the
        # process's: left so high, text that nests deeply would overflow the stack elsewhere.
        sys.setrecursionlimit(max(usual, DEEPEST))
        try:
            return list(self._find_all(scan))
        finally:
            sys.setrecursionlimit(usual)

    def _find_all(self, scan: bool) -> Iterator[tuple[int, int]]:
        at = 0
        while at <= len(self.text):
            self.groups = {}
            end = self._match(at, lambda stop: stop)
            if end is not None:
                yield at, end
            if not scan:
                return
            at = end if end is not None and end > at else at + 1

    def _step(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooManySteps

    def _sequence(self, items: list[Any], flags: int) -> Node:
        nodes = [self._node(op, value, flags) for op, value in items]
        if len(nodes) == 1:
            return nodes[0]

        def run(at: int, then: Then, index: int = 0) -> int | None:
            if index == len(nodes):
                return then(at)
            return nodes[index](at, lambda found: run(found, then, index + 1))

        return run

    def _node(self, op: Any, value: Any, flags: int) -> Node:
        if op in SINGLE:
            return self._single(_accepts(op, value, flags))
        makers: dict[Any, Callable[[Any, int], Node]] = {
            sre.BRANCH: self._branch,
            sre.SUBPATTERN: self._group,
            sre.MAX_REPEAT: functools.partial(self._repeat, kind="greedy"),
            sre.MIN_REPEAT: functools.partial(self._repeat, kind="lazy"),
            sre.POSSESSIVE_REPEAT: functools.partial(self._repeat, kind="possessive"),
            sre.ATOMIC_GROUP: self._atomic,
            sre.AT: self._position,
            sre.ASSERT: functools.partial(self._look, wanted=True),
            sre.ASSERT_NOT: functools.partial(self._look, wanted=False),
            sre.GROUPREF: self._reference,
        }
        return makers[op](value, flags)

    def _single(self, accepts: Callable[[str], bool]) -> Node:
        def run(at: int, then: Then) -> int | None:
            self._step()
            return then(at + 1) if at < len(self.text) and accepts(self.text[at]) else None

        return run

    def _branch(self, value: Any, flags: int) -> Node:
        branches = [self._sequence(list(branch), flags) for branch in value[1]]

        def run(at: int, then: Then) -> int | None:
            for branch in branches:
                if (found := branch(at, then)) is not None:
                    return found
            return None

        return run

    def _group(self, value: Any, flags: int) -> Node:
        number, added, taken, items = value
        inner = self._sequence(list(items), (flags | added) & ~taken)
        if number is None:
            return inner

        def run(at: int, then: Then) -> int | None:
            before = self.groups.get(number)

            def close(end: int) -> int | None:
                held = self.groups.get(number)
                self.groups[number] = (at, end)
                found = then(end)
                if found is None and held is not None:
                    self.groups[number] = held
                return found

            found = inner(at, close)
            if found is None and before is None:
                self.groups.pop(number, None)
            return found

        return run

    def _atomic(self, items: Any, flags: int) -> Node:
        inner = self._sequence(list(items), flags)

        def run(at: int, then: Then) -> int | None:
            end = inner(at, lambda found: found)
            return None if end is None else then(end)

        return run

    def _repeat(self, value: Any, flags: int, kind: str) -> Node:
        least, most, items = value
        least, most = _shortened(least, most)
        body = list(items)
        if len(body) == 1 and body[0][0] in SINGLE:
            op, said = body[0]
            return self._repeat_one(_accepts(op, said, flags), least, most, kind)
        inner = self._sequence(body, flags)
        if kind == "possessive":
            return self._atomic_repeat(inner, least, most)
        return self._repeat_group(inner, least, most, kind == "lazy")

    def _repeat_group(self, inner: Node, least: int, most: int, is_lazy: bool) -> Node:
        def run(at: int, then: Then, done: int = 0) -> int | None:
            self._step()

            def more() -> int | None:
                if done >= most:
                    return None
                return inner(
                    at,
                    lambda end: None if end == at and done >= least else run(end, then, done + 1),
                )

            if done < least:
                return more()
            first, second = (lambda: then(at), more) if is_lazy else (more, lambda: then(at))
            found = first()
            return second() if found is None else found

        return run

    def _atomic_repeat(self, inner: Node, least: int, most: int) -> Node:
        def run(at: int, then: Then) -> int | None:
            done = 0
            while done < most:
                end = inner(at, lambda found: found)
                if end is None or end == at:
                    break
                at, done = end, done + 1
            return then(at) if done >= least else None

        return run

    def _repeat_one(self, accepts: Callable[[str], bool], least: int, most: int, kind: str) -> Node:
        def run(at: int, then: Then) -> int | None:
            end = at
            while end < len(self.text) and end - at < most and accepts(self.text[end]):
                if kind == "lazy" and end - at >= least and (found := then(end)) is not None:
                    return found
                self._step()
                end += 1
            self._step()
            if end - at < least:
                return None
            if kind != "greedy":
                return then(end)
            for stop in range(end, at + least - 1, -1):
                self._step()
                if (found := then(stop)) is not None:
                    return found
            return None

        return run

    def _look(self, value: Any, flags: int, wanted: bool) -> Node:
        direction, items = value
        inner = self._sequence(list(items), flags)
        back = items.getwidth()[0] if direction < 0 else 0

        def run(at: int, then: Then) -> int | None:
            self._step()
            found = inner(at - back, lambda end: end) if at >= back else None
            return then(at) if (found is not None) == wanted else None

        return run

    def _reference(self, number: Any, _flags: int) -> Node:
        def run(at: int, then: Then) -> int | None:
            self._step()
            if number not in self.groups:
                return None
            begin, end = self.groups[number]
            said = self.text[begin:end]
            return then(at + len(said)) if self.text.startswith(said, at) else None

        return run

    def _position(self, value: Any, flags: int) -> Node:
        def run(at: int, then: Then) -> int | None:
            self._step()
            return then(at) if _stands(value, self.text, at, flags) else None

        return run


def _shortened(least: int, most: int) -> tuple[int, int]:
    if most == sre.MAXREPEAT:
        return min(least, LEAST), 1 << 30
    least = min(least, LEAST)
    return least, most if most <= LEAST else least + SPREAD


def _stands(value: Any, text: str, at: int, flags: int) -> bool:
    def is_word(place: int) -> bool:
        return 0 <= place < len(text) and _in_category("word", text[place])

    if value == sre.AT_BEGINNING_STRING or (value == sre.AT_BEGINNING and not flags & re.MULTILINE):
        return at == 0
    if value == sre.AT_BEGINNING:
        return at == 0 or text[at - 1] == "\n"
    if value == sre.AT_END_STRING:
        return at == len(text)
    if value == sre.AT_END:
        rest = text[at:]
        return rest in ("", "\n") or (bool(flags & re.MULTILINE) and rest[0] == "\n")
    return (is_word(at - 1) != is_word(at)) == (value == sre.AT_BOUNDARY)


def _accepts(op: Any, value: Any, flags: int) -> Callable[[str], bool]:
    """Return what tells whether an item that is one character wide takes a character."""
    if op == sre.ANY:
        return (lambda _char: True) if flags & re.DOTALL else (lambda char: char != "\n")
    members = [(op, value)] if op != sre.IN else value
    negated = op == sre.NOT_LITERAL or members[0][0] == sre.NEGATE
    fold = bool(flags & re.IGNORECASE)

    @functools.lru_cache(None)
    def accepts(char: str) -> bool:
        forms = {char, char.lower(), char.upper()} if fold else {char}
        return any(is_member(members, form) for form in forms) != negated

    return accepts


def is_member(members: list[Any], char: str) -> bool:
    """Tell whether a character is one of a set's."""
    for op, value in members:
        if op in (sre.LITERAL, sre.NOT_LITERAL) and len(char) == 1 and ord(char) == value:
            return True
        if op == sre.RANGE and len(char) == 1 and value[0] <= ord(char) <= value[1]:
            return True
        if op == sre.CATEGORY:
            _, _, kind = str(value).lower().partition("category_")
            if _in_category(kind.removeprefix("not_"), char) != kind.startswith("not_"):
                return True
    return False


def _in_category(kind: str, char: str) -> bool:
    if kind == "digit":
        return char.isdecimal()
    return char.isspace() if kind == "space" else char.isalnum() or char == "_"
