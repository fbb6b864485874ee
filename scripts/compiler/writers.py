"""Who writes which table: one module each, found in the SQL of its strings.

A rule about a table's rows then stands in one place, and a reader who asks how a row came to be
opens one file.
"""

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from scripts.compiler.imports import PACKAGE
from scripts.compiler.problems import Problem
from scripts.compiler.reader import format_list
from scripts.compiler.sources import Bundle, Module, python_files

MIGRATIONS = "resources/postgres/migrations"
CREATED = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)")
WRITES = re.compile(
    r"\b(INSERT INTO|UPDATE|DELETE FROM|TRUNCATE(?: TABLE)?|MERGE INTO)\s+(?:ONLY\s+)?([\w?.\"]+)"
)
# What stands for a part of a statement that is known only at run time.
OPEN = "?"
# Modules that write the tables of others, and why.
ACROSS = {
    "memory.erase": "erasure blanks a subject in every column of every table there is",
    "memory.forget": "erasure deletes a subject's rows from every table there is",
    "memory.forget_documents": "erasure, inside of documents",
    "memory.retention": "retention deletes what nobody has said for longer than the settings keep",
    "memory.export": "an import stores an export's rows as they were, of each table of memory",
    "telemetry.upkeep": "retention deletes what is older than the settings keep, in batches",
    "core.db": "migrations are recorded before any module of the tables is there",
}
# Rows of a past that never was: measured, and replayed.
MADE_UP = ("scripts/benchmarks/", "scripts/simulation/")

Write = tuple[str, str, int]


def check(bundle: Bundle, root: Path) -> list[Problem]:
    """Return each write to a table that another module owns, or whose table cannot be read off."""
    known = tables(root)
    problems, by_table = [], dict[str, dict[str, int]]()
    for module in [*bundle.modules.values(), *python_files(root, "scripts")]:
        if module.path.startswith(MADE_UP) or _place(module) in ACROSS:
            continue
        for _, table, line in writes(module):
            if table in known:
                by_table.setdefault(table, {}).setdefault(module.path, line)
            elif OPEN in table:
                problems.append(
                    Problem(
                        module.path,
                        line,
                        "writes a table whose name is put together at run time; name it in the"
                        " statement, so that its owner can be told",
                    )
                )
    shared = {table: places for table, places in by_table.items() if len(places) > 1}
    return problems + [
        Problem(
            path,
            line,
            f"writes the table {table}, and so do"
            f" {format_list(other for other in places if other != path)}"
            "; one module writes a table, and the others call its functions",
        )
        for table, places in shared.items()
        for path, line in places.items()
    ]


def owners(bundle: Bundle, root: Path) -> dict[str, str]:
    """Return the module that writes each table."""
    known = tables(root)
    return {
        table: _place(module)
        for module in bundle.modules.values()
        if _place(module) not in ACROSS
        for _, table, _ in writes(module)
        if table in known
    }


@lru_cache(maxsize=4)
def tables(root: Path) -> frozenset[str]:
    """Return the names of the tables that the migrations create."""
    texts = [path.read_text(encoding="utf-8") for path in (root / MIGRATIONS).glob("*.sql")]
    return frozenset(name for text in texts for name in CREATED.findall(text))


def writes(module: Module) -> Iterator[Write]:
    """Yield each statement of a module that writes: what it does, the table, and its line."""
    if module.tree is not None and not module.path.endswith("core/schema.py"):
        yield from _writes(module.tree)


def _writes(node: ast.AST) -> Iterator[Write]:
    text = _text(node)
    if text:
        for found in WRITES.finditer(text):
            yield found[1], found[2].removeprefix("public."), node.lineno  # pyright: ignore[reportAttributeAccessIssue]
        return
    for child in ast.iter_child_nodes(node):
        yield from _writes(child)


def _text(node: ast.AST) -> str:
    """Return a string as far as it can be read: pieces that are added,
    with a mark for what is put in.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.replace("{", OPEN)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(piece) or OPEN for piece in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return (left or OPEN) + (right or OPEN) if left or right else ""
    return ""


def _place(module: Module) -> str:
    return module.dotted.removeprefix(PACKAGE + ".")
