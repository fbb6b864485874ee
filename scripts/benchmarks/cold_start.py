"""What a step's own modules add to the import of the libraries that it uses.

The peer is a fresh process that imports exactly the modules, not ours, which the step's import loaded. Both run from
byte code in a cache of their own, in turns; counted is processor time, which other work on the machine disturbs least.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from scripts.paths import ROOT

REPEATS = 15
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
    with tempfile.TemporaryDirectory() as cache:
        python = Python(cache)
        return {step: _step(python, step) for step in _steps()}


class Python:
    """Fresh Python processes that share one cache of byte code."""

    def __init__(self, cache: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._environment = {**kept, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": cache}

    def run(self, code: str, stdin: str = "") -> tuple[str, float]:
        """Return what the code printed and the milliseconds of processor time of its whole process."""
        with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as printed:
            given.write(stdin)
            given.seek(0)
            command = [sys.executable, "-W", "ignore", "-c", code]
            process = subprocess.Popen(command, stdin=given, stdout=printed, cwd=ROOT, env=self._environment)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise RuntimeError(f"{code.strip()[:80]!r} ended with {process.returncode}")
            printed.seek(0)
            return printed.read(), (used.ru_utime + used.ru_stime) * 1000


def _steps() -> list[str]:
    files = sorted((ROOT / "f/millrace").glob("*/*.py"))
    return [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files if "\ndef main(" in file.read_text()]


def _step(python: Python, module: str) -> dict[str, Any]:
    libraries, _ = python.run(LOADED.format(module=module))
    pairs = [(python.run(f"import {module}")[1], python.run(IMPORT, libraries)[1]) for _ in range(REPEATS)]
    step, peer = (statistics.median(column) for column in zip(*pairs, strict=True))
    # Pairs are neighbours in time: what slows the machine for a while slows both.
    ratio = statistics.median(own / libraries for own, libraries in pairs)
    return {"step_ms": round(step, 1), "libraries_ms": round(peer, 1), "ratio": round(ratio, 3), "runs": REPEATS}
