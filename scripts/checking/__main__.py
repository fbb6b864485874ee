"""Run every tool and tell all mistakes in one go.

scripts/check
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.checking.tools import TOOLS, Outcome, Tool
from scripts.paths import ROOT


def main(root: Path = ROOT, tools: tuple[Tool, ...] = TOOLS) -> int:
    """Return 1 when any tool found a mistake; none of them keeps another from being run."""
    wrong = []
    with ThreadPoolExecutor() as pool:
        running = [(tool, pool.submit(_timed, tool, root)) for tool in tools]
        for tool, future in running:
            outcome, seconds = future.result()
            seen = f" ({outcome.looked_at})" if outcome.looked_at else ""
            state = "mistakes" if outcome.mistakes else "in order"
            print(f"{tool.name:8} {state}, {seconds:.1f} s{seen}", flush=True)
            if outcome.mistakes:
                wrong.append(tool.name)
                print(outcome.mistakes, flush=True)
    print(f"mistakes in: {', '.join(wrong)}" if wrong else "all checks passed")
    return 1 if wrong else 0


def _timed(tool: Tool, root: Path) -> tuple[Outcome, float]:
    start = time.monotonic()
    try:
        outcome = tool.run(root)
    except Exception as error:  # a tool that cannot run is a mistake, and no reason to stop
        outcome = Outcome(f"{type(error).__name__}: {error}")
    return outcome, time.monotonic() - start


if __name__ == "__main__":
    sys.exit(main())
