"""The plan of an unchanged bundle, beside `wmill sync push --dry-run`, both against the recording
server of the tests.
"""

import argparse
import contextlib
import io
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from scripts.deployment import __main__ as deployment
from scripts.deployment import checkout, cli
from scripts.deployment.server import Server
from scripts.paths import ROOT

REPEATS = 3


def measure() -> dict[str, Any]:
    """Return the seconds of both."""
    from tests.live.windmill import TOKEN, WORKSPACE, recording

    with recording() as recorded, tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
        server, folder = Server(recorded.url, WORKSPACE, TOKEN), Path(name)
        checkout.copy(ROOT, folder)
        _deploy(server, dry_run=False)
        ours = [_timed(lambda: _deploy(server, dry_run=True)) for _ in range(REPEATS)]
        theirs = [_timed(lambda: cli.dry_run(folder, server)) for _ in range(REPEATS)]
        items = len(recorded.scripts) + len(recorded.flows) + len(recorded.schedules)
    return {
        "items": items,
        "plan_seconds": round(median(ours), 3),
        "wmill_dry_run_seconds": round(median(theirs), 3),
        "ratio_to_wmill_dry_run": round(median(ours) / median(theirs), 2),
    }


def _deploy(server: Server, dry_run: bool) -> None:
    wishes = {
        "skip_checks": True,
        "yes": True,
        "bootstrap": False,
        "allow_delete": False,
        "overwrite": False,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        deployment.deploy(server, ROOT, argparse.Namespace(**wishes, dry_run=dry_run))


def _timed(work: Any) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
