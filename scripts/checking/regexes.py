"""Regular expressions that evil text makes slow: every pattern of the bundle is tried on texts that
are made from its own parts, and its steps may grow no faster than the text.

    scripts/prove regexes [PART OF A PATH ...]
"""

import ast
import importlib
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from scripts.checking.match_steps import MOST_STEPS, Steps, TooManySteps, is_member, sre
from scripts.paths import ROOT

LENGTHS = (100, 200, 400)
# Linear steps double with the text, quadratic ones take four times as many.
MOST_GROWTH = 2.7
ENDS = ("", "\0", "!", "\n\0")
SAMPLES = 5
LONGEST_PUMP = 24
METHODS = frozenset(
    {"compile", "search", "match", "fullmatch", "findall", "finditer", "sub", "subn", "split"}
)
ANCHORED = frozenset({"match", "fullmatch"})


class Pattern(NamedTuple):
    """A pattern of the bundle and where it is written; `scan`: it is looked for anywhere."""

    where: str
    pattern: str | bytes
    flags: int
    scan: bool


class SlowPattern(NamedTuple):
    """A text that makes a pattern slow, by the part that is repeated; steps at each length."""

    where: str
    prefix: str
    pump: str
    end: str
    lengths: tuple[int, ...]
    steps: tuple[int, ...]

    def __str__(self) -> str:
        grows = ", ".join(
            f"{steps} steps at {size} characters"
            for steps, size in zip(self.steps, self.lengths, strict=True)
        )
        return f"{self.where}: {self.prefix!r} + {self.pump!r} * n + {self.end!r}: {grows}"


def find_patterns(root: Path = ROOT) -> list[Pattern]:
    """Return the patterns that the modules under f/ compile or use, each once."""
    found: dict[tuple[Any, ...], Pattern] = {}
    for file in sorted((root / "f").rglob("*.py")):
        for pattern in _patterns_of(file, root):
            found.setdefault((pattern.where.partition(":")[0], *pattern[1:3]), pattern)
    return list(found.values())


def _patterns_of(file: Path, root: Path) -> Iterator[Pattern]:
    path = file.relative_to(root).as_posix()
    source = file.read_text()
    if not re.search(r"\bre\.|PATTERN", source):
        return
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    for name, value in vars(module).items():
        for each in _compiled(value):
            yield Pattern(f"{path}:{name}", each.pattern, each.flags, _is_scanned(name, source))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _is_call_of_re(node):
            yield from _inline(node, path, module)


def _compiled(value: Any) -> Iterator["re.Pattern[Any]"]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _compiled(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _compiled(inner)


def _is_scanned(name: str, source: str) -> bool:
    methods = set(re.findall(rf"\b{re.escape(name)}\.(\w+)", source))
    return not methods or bool(methods - ANCHORED)


def _is_call_of_re(node: ast.Call) -> bool:
    called = node.func
    if isinstance(called, ast.Name):
        return called.id == "_compile"
    return (
        isinstance(called, ast.Attribute)
        and isinstance(called.value, ast.Name)
        and called.value.id == "re"
        and called.attr in METHODS
    )


def _inline(node: ast.Call, path: str, module: Any) -> Iterator[Pattern]:
    """Yield the pattern of a call such as `re.sub(...)`, where the module's own names give it."""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else "search"
    flags = [word.value for word in node.keywords if word.arg == "flags"]
    flags += [
        one for one in node.args[1:] if "re." in ast.unparse(one) and "(" not in ast.unparse(one)
    ]
    try:
        pattern = _value(node.args[0], module)
        set_flags = int(_value(flags[0], module)) if flags else 0
        made = re.compile(pattern, set_flags)
    except (NameError, TypeError, AttributeError):
        return  # made of a value that is known only when it runs
    yield Pattern(f"{path}:{node.lineno}", made.pattern, made.flags, method not in ANCHORED)


def _value(node: ast.expr, module: Any) -> Any:
    return eval(compile(ast.Expression(node), "<pattern>", "eval"), dict(vars(module)))


def find_slow(
    pattern: Pattern,
    samples: int = SAMPLES,
    ends: tuple[str, ...] = ENDS,
    lengths: tuple[int, ...] = LENGTHS,
) -> SlowPattern | None:
    """Return a text that makes the pattern slow; None when none was found. Each text is tried with
    each end, which is there to make a match fail late, and at lengths of which each is twice the
    one before.
    """
    counter = Steps(pattern.pattern, pattern.flags)
    for prefix, pump in _attacks(counter.tree, random.Random(1), samples):
        for end in ends:
            steps = [_steps(counter, prefix, pump, end, lengths[0], pattern.scan)]
            for size in lengths[1:]:
                steps.append(_steps(counter, prefix, pump, end, size, pattern.scan))
                if steps[-1] < MOST_GROWTH * steps[-2] and steps[-1] < MOST_STEPS:
                    break
            else:
                return SlowPattern(pattern.where, prefix, pump, end, lengths, tuple(steps))
    return None


def _steps(counter: Steps, prefix: str, pump: str, end: str, size: int, scan: bool) -> int:
    try:
        return counter.count(prefix + pump * -(-size // len(pump)) + end, scan)
    except TooManySteps:
        return MOST_STEPS


def _attacks(tree: Any, chance: random.Random, samples: int) -> list[tuple[str, str]]:
    """Return what to put before and what to repeat: samples of the pattern, their beginnings, and
    what its own repeats repeat.
    """
    whole = [_sample(tree, chance) for _ in range(samples)]
    words = {word for word in _words(tree) if len(word) > 1}
    begun = {sample[:size] for sample in whole[:2] for size in range(1, 4)}
    attacks = {("", sample[:size]) for sample in whole for size in range(1, LONGEST_PUMP + 1)}
    attacks |= {("", word + behind) for word in words for behind in ("", " ")}
    attacks |= {(prefix, f"{word} ") for prefix in begun for word in words}
    attacks |= {attack for _ in range(samples) for attack in _on_repeats(tree, chance)}
    return sorted((prefix, pump) for prefix, pump in attacks if pump)


def _on_repeats(tree: Any, chance: random.Random) -> Iterator[tuple[str, str]]:
    for before, body in _repeats(tree, []):
        prefix = "".join(_sample([item], chance) for item in before)
        pump = _sample(body, chance) or "a"
        yield from ((prefix, pump), ("", pump), (prefix, prefix + pump), ("", pump[:1]))
        yield ("", (prefix + pump)[:LONGEST_PUMP])


def _repeats(items: Any, before: list[Any]) -> Iterator[tuple[list[Any], Any]]:
    """Yield the body of each long repeat, and the items that stand before it."""
    seen = list(before)
    for op, value in items:
        repeats = op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
        if repeats and value[1] > 1:
            yield seen, value[2]
        for inner in _inner(op, value):
            yield from _repeats(inner, seen)
        seen = [*seen, (op, value)]


def _words(items: Any) -> Iterator[str]:
    """Yield the runs of letters that the pattern spells out."""
    word = ""
    for op, value in items:
        if op == sre.LITERAL:
            word += chr(value)
            continue
        yield word
        word = ""
        for inner in _inner(op, value):
            yield from _words(inner)
    yield word


def _inner(op: Any, value: Any) -> list[Any]:
    """Return the parts of an item that are patterns themselves."""
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return [value[2]]
    if op == sre.SUBPATTERN:
        return [value[3]]
    if op == sre.BRANCH:
        return list(value[1])
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]] if value[0] > 0 else []
    return [value] if op == sre.ATOMIC_GROUP else []


def _sample(items: Any, chance: random.Random) -> str:
    return "".join(_sample_of(op, value, chance) for op, value in items)


def _sample_of(op: Any, value: Any, chance: random.Random) -> str:
    if op == sre.LITERAL:
        return chr(value)
    if op in (sre.ANY, sre.NOT_LITERAL):
        return chance.choice([char for char in "a \0" if ord(char) != value])
    if op == sre.IN:
        return _sample_of_set(value, chance)
    if op == sre.BRANCH:
        return _sample(chance.choice(value[1]), chance)
    if op == sre.SUBPATTERN:
        return _sample(value[3], chance)
    if op == sre.ATOMIC_GROUP:
        return _sample(value, chance)
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        least, most, body = value
        return "".join(
            _sample(body, chance) for _ in range(chance.randint(least, min(most, least + 2)))
        )
    return ""


def _sample_of_set(members: Any, chance: random.Random) -> str:
    if members[0][0] == sre.NEGATE:
        free = [char for char in "a1-. A_:/<[(\0é\n" if not is_member(members[1:], char)]
        return chance.choice(free or ["☃"])
    op, value = chance.choice(members)
    if op == sre.LITERAL:
        return chr(value)
    if op == sre.RANGE:
        return chr(chance.choice([value[0], value[1]]))
    kind = str(value).lower().partition("category_")[2]
    return {"digit": "1", "space": chance.choice(" \n"), "word": chance.choice("a1_")}.get(
        kind, chance.choice("a-")
    )


def main(words: list[str]) -> int:
    """Print each slow pattern; 1 when there is one."""
    patterns = [
        one for one in find_patterns() if not words or any(word in one.where for word in words)
    ]
    slow = [found for found in map(find_slow, patterns) if found]
    print("\n".join(map(str, [*slow, f"{len(patterns)} patterns, {len(slow)} slow"])))
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
