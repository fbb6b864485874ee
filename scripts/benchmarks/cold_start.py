"""What a step's own modules add to the import of the third-party libraries that it uses.

The peer is a fresh process that imports exactly the third-party modules which the step's import loaded.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

from scripts.paths import ROOT

REPEATS = 5
LOADED = """
import importlib, json, sys
before = set(sys.modules)
importlib.import_module({module!r})
print(json.dumps([name for name in sys.modules if name not in before and name.split(".")[0] != "f"]))
"""
IMPORT = """
import importlib, json, sys
for name in json.load(sys.stdin):
    try:
        importlib.import_module(name)
    except ImportError:
        pass
"""


def measure() -> dict[str, Any]:
    """Return for each step: milliseconds of the step and of its libraries, medians of fresh processes, and their ratio."""
    return {step: _step(step) for step in _steps()}


def _steps() -> list[str]:
    files = sorted((ROOT / "f/millrace").glob("*/*.py"))
    return [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files if "\ndef main(" in file.read_text()]


def _step(module: str) -> dict[str, Any]:
    libraries = json.loads(_python(LOADED.format(module=module)))
    ours, theirs = [], []
    for _ in range(REPEATS):
        ours.append(_milliseconds(f"import {module}"))
        theirs.append(_milliseconds(IMPORT, json.dumps(libraries)))
    step, peer = statistics.median(ours), statistics.median(theirs)
    return {"step_ms": round(step, 1), "libraries_ms": round(peer, 1), "ratio": round(step / peer, 3), "runs": REPEATS}


def _milliseconds(code: str, stdin: str = "") -> float:
    began = time.perf_counter()
    _python(code, stdin)
    return (time.perf_counter() - began) * 1000


def _python(code: str, stdin: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.stdout
