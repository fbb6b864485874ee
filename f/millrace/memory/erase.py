# requirements:

"""Erase: find a subject in every column of every table, and blank it where the row has to stay."""

import secrets
from dataclasses import dataclass
from typing import Any

from f.millrace.core import db
from f.millrace.memory import subject_pattern

BLANK = "[forgotten]"
# The audit is append-only and holds ids and hashes; migrations are code. Nobody but their owner may
# lock their rows.
KEPT = ("audit", "audit_head", "schema_migration")


@dataclass(frozen=True)
class Column:
    """A column that can hold text."""

    schema: str
    table: str
    name: str
    kind: str
    generated: bool
    unique: bool

    @property
    def place(self) -> str:
        """The quoted name of its table."""
        return f'"{self.schema}"."{self.table}"'


COLUMNS = """
SELECT n.nspname AS schema, c.relname AS "table", a.attname AS name, t.typname AS kind,
       a.attgenerated <> '' AS generated,
       EXISTS (
           SELECT 1 FROM pg_index i
           WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY(i.indkey::smallint[])
       ) AS unique
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND a.attnum > 0 AND NOT a.attisdropped
  -- A closed list of words is code, not content.
  AND NOT EXISTS (
      SELECT 1 FROM pg_constraint k
      WHERE k.conrelid = c.oid AND k.contype = 'c' AND a.attnum = ANY(k.conkey)
        AND pg_get_constraintdef(k.oid) LIKE '%%= ANY%%'
  )
  AND t.typname IN ('text', 'varchar', 'bpchar', 'name', 'citext', 'json', 'jsonb', 'xml',
                    '_text', '_varchar', 'bytea', 'tsvector')
ORDER BY 1, 2, a.attnum
"""


def columns() -> list[Column]:
    """Return every column of the database that can hold text,
    those of other builders and of the checkpointer too.
    """
    return [
        Column(
            row["schema"], row["table"], row["name"], row["kind"], row["generated"], row["unique"]
        )
        for row in db.fetch_all(COLUMNS, {})
    ]


def mentions(column: Column) -> str:
    """Return the condition that a column mentions the subject (parameters `pattern` and `raw`)."""
    name = f'"{column.name}"'
    if column.kind == "bytea":
        return (
            f"(encode({name}, 'escape') ~* %(pattern)s OR EXISTS (SELECT 1 FROM"
            f" unnest(%(raw)s::bytea[]) AS r WHERE position(r IN {name}) > 0))"
        )
    text = f"array_to_string({name}, E'\\n')" if column.kind.startswith("_") else f"{name}::text"
    # As JSON writes it, a line break ends in a letter, which would hide the edge of a word.
    text = (
        f"regexp_replace({text}, '\\\\+[nrtbf]', ' ', 'g')"
        if column.kind in ("json", "jsonb")
        else text
    )
    return f"{text} ~* %(pattern)s"


def scan(subject: subject_pattern.SubjectPattern) -> dict[str, int]:
    """Return how many rows of which column mention the subject, as `table.column`; {} is the proof
    that none does.
    """
    found: dict[str, int] = {}
    for column in columns():
        row = db.fetch_one(
            f"SELECT count(*) AS n FROM {column.place} WHERE {mentions(column)}", values(subject)
        )
        if row and row["n"]:
            found[f"{column.table}.{column.name}"] = row["n"]
    return found


def values(subject: subject_pattern.SubjectPattern) -> db.Values:
    """Return the parameters of `mentions`."""
    return {"pattern": subject.postgres, "raw": subject.raw}


def blank(connection: db.Connection, subject: subject_pattern.SubjectPattern) -> dict[str, int]:
    """Blank each text, and each part of a JSON value, that mentions the subject;
    how many rows of each table.
    """
    touched: dict[str, set[Any]] = {}
    for column in columns():
        if column.generated or column.table in KEPT or column.kind == "tsvector":
            continue
        rows = connection.execute(
            f'SELECT ctid::text AS place, "{column.name}" AS value FROM {column.place}'  # type: ignore[arg-type]
            f" WHERE {mentions(column)} FOR UPDATE",
            values(subject),
        ).fetchall()
        for row in rows:
            mark = f"[forgotten {secrets.token_hex(8)}]" if column.unique else BLANK
            connection.execute(
                f'UPDATE {column.place} SET "{column.name}" = %s WHERE ctid = %s::tid',  # type: ignore[arg-type]
                [_blank_value(column, row["value"], subject, mark), row["place"]],
            )
            touched.setdefault(column.table, set()).add((column.name, row["place"]))
    return {table: len(places) for table, places in sorted(touched.items())}


def _blank_value(
    column: Column, value: Any, subject: subject_pattern.SubjectPattern, mark: str
) -> Any:
    if column.kind in ("json", "jsonb"):
        less = _remove_subject(value, subject)
        return db.jsonb(BLANK if less == value else less)
    if column.kind.startswith("_"):
        less = [mark if subject.is_in(part or "") else part for part in value]
        return [mark] if less == value else less
    return mark.encode() if column.kind == "bytea" else mark


def _remove_subject(value: Any, subject: subject_pattern.SubjectPattern) -> Any:
    if isinstance(value, str):
        return BLANK if subject.is_in(value) else value
    if isinstance(value, dict):
        return {
            (BLANK if subject.is_in(key) else key): _remove_subject(inner, subject)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_remove_subject(inner, subject) for inner in value]
    return value
