"""A small bundle of test scripts, and a runner for flows over it."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from scripts.runner.run import Outcome, resume, start
from scripts.runner.worker import InlineWorker


class Bundle:
    """A temporary bundle root: write scripts, run flows over them, look at what they did."""

    def __init__(self, root: Path, url: str, owner: psycopg.Connection) -> None:
        self.root, self.url = root, url
        self.events: list[dict[str, Any]] = []
        owner.execute("CREATE TABLE IF NOT EXISTS effect (key text PRIMARY KEY)")
        owner.execute("CREATE TABLE IF NOT EXISTS call (id bigserial PRIMARY KEY, what text)")

    def script(self, path: str, body: str) -> str:
        """Write a script under f/t/ and return its Windmill path."""
        file = self.root / "f" / "t" / f"{path}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(PRELUDE + textwrap.dedent(body))
        return f"f/t/{path}"

    def run(self, modules: list[dict[str, Any]], isolation: Any = None, **more: Any) -> Outcome:
        """Start a flow made of `modules`; `args`, `failure`, `flow_env` as keywords."""
        value = {"modules": modules}
        for key, name in (("failure", "failure_module"), ("flow_env", "flow_env")):
            if key in more:
                value[name] = more[key]
        self.events.clear()
        return start(
            {"summary": "test", "value": value},
            "t",
            more.get("args"),
            more.get("run_id"),
            self.events.append,
            isolation or InlineWorker(self.root),
            root=self.root,
            database_url=self.url,
        )

    def resume(
        self, run_id: str, answer: dict[str, Any] | None = None, isolation: Any = None
    ) -> Outcome:
        """Go on with a run."""
        return resume(
            run_id,
            answer,
            self.events.append,
            isolation or InlineWorker(self.root),
            root=self.root,
            database_url=self.url,
        )

    def calls(self) -> list[str]:
        """Return what the scripts have noted, in order."""
        return [row[0] for row in self.rows("SELECT what FROM call ORDER BY id")]

    def rows(self, sql: str) -> list[Any]:
        """Return the rows of a query."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(sql).fetchall()  # type: ignore[arg-type]

    def kinds(self, step: str) -> list[str]:
        """Return the kinds of events of one step."""
        return [event["kind"] for event in self.events if event["step"] == step]


PRELUDE = """
import os, time, psycopg

def note(what):
    with psycopg.connect(os.environ["MILLRACE_DATABASE_URL"], autocommit=True) as c:
        c.execute("INSERT INTO call (what) VALUES (%s)", [str(what)])
        return c.execute("SELECT count(*) FROM call WHERE what = %s", [str(what)]).fetchone()[0]
"""


@pytest.fixture
def bundle(tmp_path: Path, database: str, owner: psycopg.Connection) -> Bundle:
    """An empty bundle with the scripts `echo`, `fail` and `flaky`."""
    made = Bundle(tmp_path / "bundle", database, owner)
    made.script("echo", "def main(value=None):\n    note(value)\n    return value\n")
    made.script(
        "fail", "def main(message='broken'):\n    note('fail')\n    raise ValueError(message)\n"
    )
    made.script(
        "flaky",
        "def main(good_at: int = 1):\n    n = note('flaky')\n    assert n >= good_at, n\n   "
        " return n\n",
    )
    return made


@pytest.fixture
def module() -> Callable[..., dict[str, Any]]:
    """A function that writes a script module: constants as keywords, expressions in `expr`."""
    return script_module


def script_module(
    name: str,
    path: str = "f/t/echo",
    expr: dict[str, str] | None = None,
    with_: dict[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Return a module that runs a script."""
    transforms: dict[str, Any] = {
        key: {"type": "static", "value": value} for key, value in (with_ or {}).items()
    }
    transforms |= {
        key: {"type": "javascript", "expr": value} for key, value in (expr or {}).items()
    }
    return {
        "id": name,
        "value": {"type": "script", "path": path, "input_transforms": transforms},
        **options,
    }
