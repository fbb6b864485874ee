"""What the runner itself costs: milliseconds for each step of a flow whose steps do nothing."""

import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from scripts.runner.run import start
from scripts.runner.worker import ForkWorker, Job

EMPTY = "def main(number: int) -> dict:\n    return {'number': number}\n"


def overhead(steps: int = 30, isolation: str = "process") -> dict[str, float]:
    """Return median milliseconds per empty step: in a whole run, of the fork alone, and the run's
    own start.

    The steps wait until the fork server has loaded its libraries, as those of a longer run do.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "f" / "bench").mkdir(parents=True)
        (root / "f" / "bench" / "empty.py").write_text(EMPTY)
        (root / "f" / "bench" / "warm.py").write_text(
            "import time\n\n\ndef main() -> None:\n    time.sleep(6)\n"
        )
        began = time.monotonic()
        seen: list[tuple[str, str, float]] = []

        def on_event(event: dict[str, Any]) -> None:
            seen.append((event["kind"], event["step"], time.monotonic()))

        start(_flow(steps), "bench", {}, on_event=on_event, isolation=isolation, root=root)  # type: ignore[arg-type]
        begins = [at for kind, step, at in seen if kind == "step_started" and step != "warm"]
        return {
            "step_ms": round(
                statistics.median(b - a for a, b in itertools.pairwise(begins)) * 1000, 1
            ),
            "fork_ms": round(_fork_only(root, steps), 1),
            "start_ms": round((seen[0][2] - began) * 1000, 1),
        }


def _flow(steps: int) -> dict[str, Any]:
    modules = [
        {"id": "warm", "value": {"type": "script", "path": "f/bench/warm", "input_transforms": {}}}
    ]
    for number in range(steps):
        transforms = {"number": {"type": "static", "value": number}}
        modules.append(
            {
                "id": f"s{number}",
                "value": {
                    "type": "script",
                    "path": "f/bench/empty",
                    "input_transforms": transforms,
                },
            }
        )
    return {"summary": "bench", "value": {"modules": modules}}


def _fork_only(root: Path, times: int) -> float:
    worker = ForkWorker(root)
    try:
        worker.run(Job("warm", {}, {}, path="f/bench/warm"), lambda event: None)
        jobs = [
            worker.run(Job("s", {"number": n}, {}, path="f/bench/empty"), lambda event: None)
            for n in range(times)
        ]
        return statistics.median(job.seconds for job in jobs) * 1000
    finally:
        worker.close()


if __name__ == "__main__":
    print(overhead())
