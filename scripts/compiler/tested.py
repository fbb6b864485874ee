"""Steps without a test: one that no test imports and calls by its `main`."""

import ast
from collections.abc import Iterator
from pathlib import Path

from scripts.compiler.problems import Problem
from scripts.compiler.sources import Bundle, Module, python_files

TESTS = "tests"


def check(bundle: Bundle, root: Path) -> list[Problem]:
    """Return every step whose `main` no test calls; a copy without tests, as it is deployed, has
    nothing to check.
    """
    if not (root / TESTS).is_dir():
        return []
    tested = {name for module in python_files(root, TESTS) for name in _mains(module)}
    return [
        Problem(
            step.path,
            step.main.lineno if step.main else 1,
            "is a step without a test; import it in a test of"
            f" tests/{step.verb.split('/')[0]}/ and call its main()",
        )
        for step in bundle.steps()
        if step.dotted not in tested
    ]


def _imported(nodes: list[ast.AST]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the modules that a file imports, and those whose `main` it imports, by their names."""
    modules, functions = {}, {}
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    for each, source in ((each, node.module) for node in imports for each in node.names):
        if each.name == "main":
            functions[each.asname or each.name] = source
        else:
            modules[each.asname or each.name] = f"{source}.{each.name}"
    return modules, functions


def _mains(module: Module) -> Iterator[str]:
    """Yield the modules whose `main` a test names: by the module (`plan.main`), or by a name of its
    own (`from … import main`).
    """
    if module.tree is None:
        return
    nodes = list(ast.walk(module.tree))
    modules, functions = _imported(nodes)
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr == "main":
            if isinstance(node.value, ast.Name) and node.value.id in modules:
                yield modules[node.value.id]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in functions:
            yield functions[node.id]
