"""Run the named measurements (all without names) and print one JSON object."""

import importlib
import json
import os
import sys

from scripts.commands import old_names
from scripts.paths import ROOT

NAMES = (
    "cold_start",
    "runner",
    "digest",
    "research",
    "week",
    "stories",
    "several_answers",
    "prompt_injection",
    "redaction",
    "missing_tools",
    "telemetry",
    "schedule",
    "memory",
    "flows",
    "deploy",
    "ingest",
    "console",
)


def main(names: list[str]) -> int:
    """Measure and print; 2 for an unknown name."""
    names = old_names.translate("bench", names)
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"bench: unknown {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    figures = {}
    for name in names or NAMES:
        print(f"measuring {name} ...", file=sys.stderr)
        figures[name] = importlib.import_module("scripts.benchmarks." + name).measure()
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
