"""`--explain` of the commands that ask Postgres: every statement with its milliseconds and rows, on
standard error.
"""

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg

from f.millrace.core import db
from scripts.database.ready import ready

Function = Callable[[argparse.Namespace], int]


def explain(function: Function) -> Function:
    """Return the command's function; with `--explain` it tells what the database was asked."""

    def run(options: argparse.Namespace) -> int:
        if not options.explain:
            return function(options)
        ready()
        with db.connect() as connection:
            connection.cursor_factory = _Telling
        return function(options)

    return run


class _Telling(psycopg.Cursor[Any]):
    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Execute and tell."""
        began = time.perf_counter()
        try:
            return super().execute(query, params, **options)
        finally:
            spent = (time.perf_counter() - began) * 1000
            words = " ".join(str(query).split())
            print(f"SQL {spent:.1f} ms, {max(self.rowcount, 0)} rows: {words}", file=sys.stderr)
