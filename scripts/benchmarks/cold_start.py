"""How long a step takes until its `main` can be called, and what its own modules add to the import
of its libraries.

The peer is a fresh process that imports exactly the modules, not ours, which the step's import
loaded. Both run from byte code in a cache of their own, in turns; counted is processor time, which
other work on the machine disturbs least.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from scripts.paths import ROOT

REPEATS = 15
LOADED = """
import importlib, json, sys
before = set(sys.modules)
importlib.import_module({module!r})
new = [name for name in sys.modules if name not in before]
ours = [name for name in new if name.split(".")[0] == "f"]
own = [name for name in ours if getattr(sys.modules[name], "__file__", None)]
print(json.dumps([own, [name for name in new if name.split(".")[0] != "f"]]))
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
    """Return for each step, and for a bare interpreter: modules, milliseconds (medians of fresh
    processes) and ratios.
    """
    with tempfile.TemporaryDirectory() as cache:
        python = Python(cache)
        return {
            "bare interpreter": _bare(python),
            **{step: _step(python, step) for step in _steps()},
        }


class Python:
    """Fresh Python processes that share one cache of byte code."""

    def __init__(self, cache: str) -> None:
        kept = {
            name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
        }
        self._environment = {**kept, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": cache}

    def run(self, code: str, stdin: str = "") -> tuple[str, float, float]:
        """Return what the code printed, and the milliseconds of its whole process: of processor
        time, and by the clock.
        """
        with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as printed:
            given.write(stdin)
            given.seek(0)
            command = [sys.executable, "-W", "ignore", "-c", code]
            started = time.perf_counter()
            process = subprocess.Popen(
                command, stdin=given, stdout=printed, cwd=ROOT, env=self._environment
            )
            _, status, used = os.wait4(process.pid, 0)
            elapsed = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise RuntimeError(f"{code.strip()[:80]!r} ended with {process.returncode}")
            printed.seek(0)
            return printed.read(), (used.ru_utime + used.ru_stime) * 1000, elapsed * 1000


def _steps() -> list[str]:
    files = sorted((ROOT / "f/millrace").glob("*/*.py"))
    return [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in files
        if "\ndef main(" in file.read_text()
    ]


def _bare(python: Python) -> dict[str, Any]:
    runs = [python.run("pass")[1:] for _ in range(REPEATS)]
    used, elapsed = (statistics.median(column) for column in zip(*runs, strict=True))
    return {"step_ms": round(used, 1), "wall_ms": round(elapsed, 1), "runs": REPEATS}


def _step(python: Python, module: str) -> dict[str, Any]:
    loaded, _, _ = python.run(LOADED.format(module=module))
    own, libraries = json.loads(loaded)
    pairs = [
        (*python.run(f"import {module}")[1:], python.run(IMPORT, json.dumps(libraries))[1])
        for _ in range(REPEATS)
    ]
    step, elapsed, peer = (statistics.median(column) for column in zip(*pairs, strict=True))
    # Pairs are neighbours in time: what slows the machine for a while slows both.
    ratio = statistics.median(used / others for used, _, others in pairs)
    return {
        "own_modules": len(own),
        "foreign_modules": len(libraries),
        "step_ms": round(step, 1),
        "wall_ms": round(elapsed, 1),
        "libraries_ms": round(peer, 1),
        "ratio": round(ratio, 3),
        "runs": REPEATS,
    }
