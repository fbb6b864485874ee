"""The longest that a function may be, decorators and docstring included."""

import ast
from collections.abc import Iterator
from pathlib import Path

from scripts.compiler.problems import Problem

# A test shows its whole story in one place.
LINES_AT_MOST = {"f": 60, "scripts": 60, "tests": 80}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def check(root: Path) -> Iterator[Problem]:
    """Return each function that is too long, with its length and the limit."""
    for folder, limit in LINES_AT_MOST.items():
        for path in sorted((root / folder).rglob("*.py")):
            for function in _functions(path):
                begin = min([function.lineno, *(one.lineno for one in function.decorator_list)])
                lines = (function.end_lineno or begin) - begin + 1
                if lines > limit:
                    yield Problem(
                        str(path.relative_to(root)),
                        function.lineno,
                        f"{function.name}() has {lines} lines; allowed are {limit}: split it by"
                        " subject",
                    )


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            yield node
