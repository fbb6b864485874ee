"""The environments in which peers of a measure live: never ours, made once in the cache, again when
the pins change.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.deployment.cli import cache

# Names a Python that has the packages already; `none` leaves out peers whose figures a measure can
# do without.
GIVEN = "BENCH_PEERS"


def left_out() -> bool:
    """Tell whether the measure is to do without peers."""
    return os.environ.get(GIVEN) == "none"


def python(name: str, packages: Sequence[str]) -> Path:
    """Return the Python of an environment with these pinned packages, made at the first call (a
    minute).
    """
    if os.environ.get(GIVEN):
        return Path(os.environ[GIVEN])
    home = cache() / f"{name}-peers"
    made, pins = home / "bin/python", "\n".join(packages)
    ready = home / "ready"
    if not ready.exists() or ready.read_text() != pins:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        # pip gives up where releases of OpenTelemetry's many packages differ; uv finds those that
        # fit.
        uv = Path(sys.executable).with_name("uv")
        subprocess.run(
            [str(uv), "pip", "install", "--quiet", "--python", str(made), *packages], check=True
        )
        ready.write_text(pins)
    return made
