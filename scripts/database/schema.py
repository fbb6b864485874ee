"""Generate `f/millrace/core/schema.py` from the numbered SQL files: a worker sees only `f/`."""

import hashlib
import re
from pathlib import Path

from scripts.paths import ROOT

FOLDER = "resources/postgres/migrations"
TARGET = "f/millrace/core/schema.py"
HEADER = '''# requirements:

"""The migrations of the database.

Generated from resources/postgres/migrations by `scripts/millrace metadata write`. Do not edit.
"""

from typing import NamedTuple


class Migration(NamedTuple):
    """One forward step of the schema."""

    number: int
    name: str
    sha256: str
    sql: str


MIGRATIONS = [
'''


def generated(root: Path = ROOT) -> str:
    """Return the module's text; ValueError when a file's name or number is wrong."""
    text = HEADER
    for expected, path in enumerate(sorted((root / FOLDER).glob("*.sql")), 1):
        match = re.fullmatch(r"(\d{4})_[a-z0-9_]+", path.stem)
        if not match or int(match[1]) != expected:
            raise ValueError(
                f"{path.name}: migrations are named NNNN_name.sql without gaps;"
                f" expected {expected:04}_…"
            )
        sql = path.read_text()
        if '"""' in sql or "\\" in sql:
            raise ValueError(
                f"{path.name}: triple quotes and backslashes do not fit into the generated module"
            )
        sha256 = hashlib.sha256(sql.encode()).hexdigest()
        head = f'        {expected},\n        "{path.stem}",\n        "{sha256}",\n'
        text += f'    Migration(\n{head}        """\n{sql}""",\n    ),\n'
    return text + "]\n"


def write(root: Path = ROOT) -> bool:
    """Write the module; True when it changed."""
    target, text = root / TARGET, generated(root)
    if target.exists() and target.read_text() == text:
        return False
    target.write_text(text)
    return True


def check(root: Path = ROOT) -> list[str]:
    """Return a line when the module has drifted from the SQL files."""
    target = root / TARGET
    if target.exists() and target.read_text() == generated(root):
        return []
    return [f"{TARGET} differs from {FOLDER}; run scripts/millrace metadata write"]
