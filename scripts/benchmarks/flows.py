"""The compiler on a hundred specs, and the importer on the edited flows of the tests.

`wmill lint` checks the same flows beside `flows check`, though only their form.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from scripts.compiler import write
from scripts.deployment import cli
from scripts.importer import flow
from scripts.paths import ROOT

SPECS, REPEATS = 100, 3
PARTS = ("f", "scripts", "resources", "flows", "dependencies")
EDITED = ROOT / "tests/importer/edited"


def measure() -> dict[str, Any]:
    """Return the seconds of both, and how many edited flows became the spec that they should."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
        root = Path(name)
        _hundred(root)
        ours = [
            _seconds([sys.executable, "-m", "scripts.commands", "flows", "check"], root)
            for _ in range(REPEATS)
        ]
        theirs = [_seconds([str(cli.wmill()), "lint"], root) for _ in range(REPEATS)]
    right, seconds = _imports()
    return {
        "specs": SPECS,
        "flows_check_processor_seconds": round(median(ours), 3),
        "wmill_lint_processor_seconds": round(median(theirs), 3),
        "ratio_to_wmill_lint": round(median(ours) / median(theirs), 2),
        "edited_flows": len(seconds),
        "imported_right": right,
        "import_seconds_median": round(median(seconds), 4),
    }


def _hundred(root: Path) -> None:
    """Copy the bundle and give it a hundred copies of its main pipeline."""
    for part in PARTS:
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("wmill.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    text = (ROOT / "flows/daily_research.yaml").read_text()
    for number in range(SPECS - len(list((root / "flows").glob("*.yaml")))):
        (root / f"flows/copy_{number}.yaml").write_text(text)
    write.compile_all(root)


def _seconds(command: list[str], root: Path) -> float:
    """Return the processor time of a command, which other work on the machine disturbs least."""
    began = _used()
    done = subprocess.run(
        command,
        cwd=root,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[-2:]} failed: {done.stdout[-500:]}{done.stderr[-500:]}")
    return _used() - began


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _imports() -> tuple[int, list[float]]:
    from tests.importer.conftest import FLOW, bundle_of, with_base

    right, seconds = 0, []
    for folder in sorted(EDITED.iterdir()):
        with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
            root = with_base(bundle_of(Path(name)))
            shutil.copy(folder / "flow.yaml", root / FLOW)
            schedule = root / "f/millrace/news/base.schedule.yaml"
            if (folder / "schedule.yaml").exists():
                shutil.copy(folder / "schedule.yaml", schedule)
            elif folder.name == "schedule_removed":
                schedule.unlink()
            began = time.monotonic()
            imported = flow.read_flow(root / FLOW, root)
            seconds.append(time.monotonic() - began)
            right += imported.complete and imported.text == (folder / "spec.yaml").read_text()
    return right, seconds
