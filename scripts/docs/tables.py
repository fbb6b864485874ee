"""docs/tables.md: the tables of the database, from the migrations that make them and the statements
that write them.
"""

import ast
import re
from pathlib import Path

from f.millrace.core.errors import NotFound
from scripts.compiler import sources
from scripts.compiler.sources import Bundle
from scripts.database import schema
from scripts.docs import markdown

FILE = "docs/tables.md"
CREATED = re.compile(r"^CREATE TABLE (\w+) \((.*?)^\)", re.MULTILINE | re.DOTALL)
ALTERED = re.compile(r"^ALTER TABLE (\w+)\b(.*?);[ \t]*(?:--[^\n]*)?$", re.MULTILINE | re.DOTALL)
COMMENTED = re.compile(r"^COMMENT ON TABLE (\w+) IS '((?:[^']|'')*)';$", re.MULTILINE)
WRITTEN = re.compile(r"\b(?:INSERT INTO|(?<!FOR )(?<!DO )UPDATE|DELETE FROM) ([a-z_]+)\b")
# Words that begin a constraint, not a column.
CONSTRAINTS = {"PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "CONSTRAINT", "EXCLUDE"}
# What follows a column's type.
TYPE = re.compile(r"(.+?)(?= (?:PRIMARY|NOT|NULL|DEFAULT|CHECK|REFERENCES|UNIQUE|GENERATED)\b|$)")
Columns = dict[str, tuple[str, str]]


def text(root: Path) -> str:
    """Return the page."""
    tables, means = read(root)
    if missing := sorted(tables.keys() - means.keys()):
        raise NotFound(
            f"table {missing[0]!r} has no COMMENT ON TABLE in {schema.FOLDER}; a migration says in"
            " one sentence what it holds"
        )
    written = writers(sources.bundle(root))
    parts = [
        f"## `{name}`\n\n{means[name]}\n\nWritten by: {_written(written.get(name, []))}.\n\n"
        + markdown.table(
            ("column", "type", "note"),
            ((f"`{column}`", kind, note) for column, (kind, note) in columns.items()),
        )
        for name, columns in sorted(tables.items())
    ]
    return markdown.page("Tables", f"[{schema.FOLDER}](../{schema.FOLDER})", *parts)


# complexipy: ignore (a case for each statement that changes a table)
def read(root: Path) -> tuple[dict[str, Columns], dict[str, str]]:
    """Return the columns of each table (type and comment), and what each table holds."""
    tables: dict[str, Columns] = {}
    means: dict[str, str] = {}
    for path in sorted((root / schema.FOLDER).glob("*.sql")):
        sql = path.read_text(encoding="utf-8")
        for name, body in CREATED.findall(sql):
            tables[name] = dict(_column(part) for part in _parts(body) if _is_column(part))
        for name, body in ALTERED.findall(sql):
            for part in _parts(body):
                words = part.split()
                if words[:2] == ["ADD", "COLUMN"]:
                    column, found = _column(part.split("COLUMN ", 1)[1])
                    tables[name][column] = found
                elif words[:2] == ["DROP", "COLUMN"]:
                    del tables[name][words[2]]
                elif words[:2] == ["RENAME", "COLUMN"]:
                    tables[name] = {
                        words[4] if key == words[2] else key: found
                        for key, found in tables[name].items()
                    }
        means |= {name: told.replace("''", "'") for name, told in COMMENTED.findall(sql)}
    return tables, means


def writers(bundle: Bundle) -> dict[str, list[str]]:
    """Return the modules that insert, change or delete rows of each table."""
    found: dict[str, set[str]] = {}
    for module in bundle.modules.values():
        if module.tree is None or module.path == schema.TARGET:
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for name in WRITTEN.findall(node.value):
                    found.setdefault(name, set()).add(module.path.removeprefix("f/millrace/"))
    return {name: sorted(paths) for name, paths in found.items()}


# complexipy: ignore (a parser of commas, brackets and comments in one pass)
def _parts(body: str) -> list[str]:
    """Return the parts between a table's commas, each with the comment of its line."""
    lines, depth, part, parts = body.splitlines(), 0, "", []
    for line in lines:
        code, _, comment = line.partition("--")
        for character in code:
            depth += (character == "(") - (character == ")")
            if character == "," and depth == 0:
                parts.append(part)
                part = ""
            else:
                part += character
        part += " "
        if comment and code.strip():
            # The comment of a line is that of the column which ends, or stands, in it.
            if code.rstrip().endswith(",") and parts:
                parts[-1] += f" --{comment}"
            else:
                part += f" --{comment}"
    return [found for each in [*parts, part] if (found := " ".join(each.split()))]


def _is_column(part: str) -> bool:
    return part.split()[0] not in CONSTRAINTS


def _column(part: str) -> tuple[str, tuple[str, str]]:
    definition, _, comment = part.partition(" --")
    name, rest = definition.split(" ", 1)
    match = TYPE.match(rest)
    return name, (match[1] if match else rest, comment.strip())


def _written(paths: list[str]) -> str:
    return ", ".join(f"`{path}`" for path in paths) or "the database's own functions"
