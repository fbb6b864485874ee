"""A week of mornings: daily_research lives through seven recorded days of news, and each digest is
graded exactly.

The recorded week and its grader lie beside the checkout and are not part of it; what each figure
means stands in the grader. Offline model, unless the environment sets another one.
"""

import json
import os
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from scripts.database.embedded import temporary
from scripts.paths import ROOT

WEEK = ROOT.parent / "shared/week"
DATA = ROOT.parent / "shared/data/week"
# What each figure has to reach; the last ones are counts.
TARGETS = {
    "on_topic": 0.98,
    "whole": 0.98,
    "fresh": 0.99,
    "led": 1.0,
    "filled": 0.95,
    "covered": 1.0,
    "story_once": 1.0,
    "story_marked": 1.0,
    "private": 0,
    "bot": 0,
}
COUNTS = ("private", "bot")


def measure() -> dict[str, Any]:
    """Return the figures of the week, and which of them miss their target."""
    if not (WEEK / "run.sh").exists() or not DATA.exists():
        return {"skipped": "the recorded week is not beside this checkout"}
    with temporary() as url, tempfile.TemporaryDirectory() as folder:
        figures = run(url, Path(folder), DATA)
    return {**figures, "missed": list_missed(figures)}


def run(database_url: str, folder: Path, data: Path) -> dict[str, Any]:
    """Live through a week in a new database, digests and all into `folder`; RuntimeError with what
    the grader said when it gives no figures.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = subprocess.run(
        ["bash", str(WEEK / "run.sh"), str(ROOT), str(data), str(folder), str(port)],
        env={**os.environ, "MILLRACE_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise RuntimeError(f"the week gave no figures: {done.stderr[-2000:]}") from error


def list_missed(figures: dict[str, Any]) -> list[str]:
    """Return the figures that miss their target."""
    return [
        name
        for name, target in TARGETS.items()
        if (figures[name] > target if name in COUNTS else figures[name] < target)
    ]
