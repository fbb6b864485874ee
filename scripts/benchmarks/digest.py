"""The daily research on the sample edition, end to end as a person starts it; peer: the same steps
called in one process.
"""

import json
import statistics
import subprocess
import time
from typing import Any

from scripts.paths import ROOT

REPEATS = 3


def measure() -> dict[str, Any]:
    """Return seconds from the command to the prompt, beside the seconds that the run's own row
    spans.
    """
    whole, inside = [], []
    for _ in range(REPEATS):
        began = time.perf_counter()
        done = subprocess.run(
            [
                str(ROOT / "scripts/millrace"),
                "run",
                "daily_research",
                "--sample",
                "--again",
                "--json",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        whole.append(time.perf_counter() - began)
        inside.append(_seconds(json.loads(done.stdout)))
    command, run = statistics.median(whole), statistics.median(inside)
    return {
        "command_s": round(command, 2),
        "run_s": round(run, 2),
        "ratio": round(command / run, 2),
        "runs": REPEATS,
    }


def _seconds(document: dict[str, Any]) -> float:
    from datetime import datetime

    return (
        datetime.fromisoformat(document["finished_at"])
        - datetime.fromisoformat(document["started_at"])
    ).total_seconds()
