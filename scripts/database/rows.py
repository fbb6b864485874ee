"""Generate `f/millrace/core/rows.py`: the type of each table's rows, read from a database with all
migrations.

No step loads the file: it is for whoever reads or checks the code. That it has not drifted is seen
by the hash of the migrations in it, without starting a database.
"""

import hashlib
import re
from pathlib import Path
from typing import Any

from scripts.paths import ROOT

MIGRATIONS = "resources/postgres/migrations"
TARGET = "f/millrace/core/rows.py"
HEADER = '''# requirements:

"""The rows of each table, by type: generated from resources/postgres/migrations by
`scripts/millrace metadata write`. Do not edit.

For type checkers only; no step loads it: import it below `if TYPE_CHECKING:`.

Migrations: {hash}
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, TypedDict
from uuid import UUID

# What is in it is up to its writer.
Json = Any
# Ranges of times as psycopg reads them.
Range = Any
Multirange = Any
'''
TYPES = {
    "text": "str", "varchar": "str", "tsvector": "str", "vector": "str", "halfvec": "str",
    "sparsevec": "str", "bool": "bool", "int2": "int", "int4": "int", "int8": "int",
    "float4": "float", "float8": "float", "numeric": "Decimal", "uuid": "UUID",
    "timestamptz": "datetime", "date": "date", "json": "Json", "jsonb": "Json", "bytea": "bytes",
    "tstzrange": "Range", "tstzmultirange": "Multirange",
}  # fmt: skip
SHAPES = {"'{}'::jsonb": "dict[str, Any]", "'[]'::jsonb": "list[Any]"}
COLUMNS = """
SELECT c.relname AS "table", a.attname AS name, t.typname AS kind, NOT a.attnotnull AS nullable,
       (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
        WHERE d.adrelid = c.oid AND d.adnum = a.attnum) AS made_of,
       (SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
        WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]
        AND pg_get_constraintdef(k.oid) LIKE '%= ANY%' LIMIT 1) AS allowed
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum
"""
LONGEST = 100
WORDS = re.compile(r"'([^']*)'::text")


def generated(columns: list[dict[str, Any]], root: Path = ROOT) -> str:
    """Return the module's text for the columns of all tables."""
    by_table: dict[str, list[str]] = {}
    for column in columns:
        by_table.setdefault(column["table"], []).append(_line(column))
    text = HEADER.format(hash=hash_of_migrations(root))
    for table, lines in sorted(by_table.items()):
        head = f'class {class_of(table)}(TypedDict):\n    """A row of `{table}`."""'
        text += f"\n\n{head}\n\n{''.join(lines)}"
    return text


def class_of(table: str) -> str:
    """Return the name of a table's rows: MemoryItem for memory_item."""
    return "".join(word.capitalize() for word in table.split("_"))


def _line(column: dict[str, Any]) -> str:
    line = f"    {column['name']}: {_type(column)}\n"
    if len(line) <= LONGEST:
        return line
    start, words, end = re.split(r"[][]", line)
    inner = "".join(f"        {word},\n" for word in words.split(", "))
    return f"{start}[\n{inner}    ]{end}"


def _type(column: dict[str, Any]) -> str:
    kind = column["kind"]
    plain = TYPES.get(kind.removeprefix("_"))
    if plain is None:
        raise ValueError(
            f"{column['table']}.{column['name']} is of the type {kind}, which has no Python type"
            " here; add it to TYPES in scripts/database/rows.py"
        )
    # What a JSON value is of itself, each writer keeps to.
    plain = SHAPES.get(column["made_of"] or "", plain)
    words = WORDS.findall(column["allowed"] or "")
    if words and plain == "str":
        plain = "Literal[" + ", ".join(f'"{word}"' for word in words) + "]"
    if kind.startswith("_"):
        plain = f"list[{plain}]"
    return plain + (" | None" if column["nullable"] else "")


def hash_of_migrations(root: Path = ROOT) -> str:
    """Return one hash over all migrations in their order."""
    paths = sorted((root / MIGRATIONS).glob("*.sql"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def columns(url: str) -> list[dict[str, Any]]:
    """Return every column of every table of a database."""
    from f.millrace.core import db

    with db.open_connection(url) as connection:
        return connection.execute(COLUMNS).fetchall()


def write(root: Path = ROOT) -> bool:
    """Write the module when it has drifted, with a throw-away database; True when it changed."""
    if not check(root):
        return False
    from f.millrace.core import db
    from scripts.database.embedded import temporary

    with temporary() as url:
        db.migrate(url)
        text = generated(columns(url), root)
    (root / TARGET).write_text(text)
    return True


def check(root: Path = ROOT) -> list[str]:
    """Return a line when the module was made from other migrations."""
    target = root / TARGET
    if target.exists() and f"Migrations: {hash_of_migrations(root)}\n" in target.read_text():
        return []
    return [f"{TARGET} differs from {MIGRATIONS}; run scripts/millrace metadata write"]
