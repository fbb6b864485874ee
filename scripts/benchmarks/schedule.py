"""The same crashes, clocks and double starts for the daily pipeline and for APScheduler with a job
store.

APScheduler runs its own code over a SQLite job store, in an environment of its own; its job does
what a careful author would do: mail what is new since a stored watermark, then move the watermark.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from f.millrace.core import config, db
from scripts.database.embedded import temporary
from scripts.simulation.daily import World
from scripts.simulation.scenario import scenario

PEER = ("apscheduler==3.11.0", "sqlalchemy==2.0.44")
SEEDS, WAKEUPS = 4, 40


def measure() -> dict[str, Any]:
    """Return for both sides: digests that came twice, items lost, items that came twice."""
    seeds = int(os.environ.get("SEEDS", SEEDS))
    wakeups = [scenario(seed, WAKEUPS) for seed in range(seeds)]
    with tempfile.TemporaryDirectory() as folder:
        ours = _ours(wakeups, Path(folder))
        peer = _peer(wakeups, Path(folder))
    return {
        "seeds": seeds,
        "wakeups": sum(len(one) for one in wakeups),
        "millrace": ours,
        "apscheduler": peer,
    }


def _ours(wakeups: list[Any], folder: Path) -> dict[str, int]:
    found: Counter[str] = Counter()
    with temporary() as url:
        for seed, one in enumerate(wakeups):
            with db.open_connection(url) as server:
                server.execute(f"CREATE DATABASE seed{seed}")  # type: ignore[arg-type]
            address = url.rsplit("/", 1)[0] + f"/seed{seed}"
            db.migrate(address)
            os.environ |= {
                "MILLRACE_DATABASE_URL": address,
                "MILLRACE_OUTBOX_DIR": str(folder / f"outbox{seed}"),
            }
            config.reload()
            world = World(seed, smtp=False)
            world.live(one)
            faults = world.faults()
            found["digests_twice"] += sum("mailed" in fault for fault in faults)
            found["items_lost"] += sum("never reached" in fault for fault in faults)
            found["items_twice"] += sum("reached" in fault and "times" in fault for fault in faults)
            found["runs"] += world.runs
            found["mails"] += len(world.mails)
            db.close()
    return dict(found)


def _peer(wakeups: list[Any], folder: Path) -> dict[str, Any]:
    home = folder / "peer"
    subprocess.run(
        ["uv", "venv", "-q", "--python", sys.executable, str(home)], check=True, env=_environment()
    )
    subprocess.run(
        ["uv", "pip", "install", "-q", "--python", str(home / "bin/python"), *PEER],
        check=True,
        env=_environment(),
    )
    program = Path(__file__).with_name("apscheduler_peer.py")
    given = json.dumps([[asdict(wakeup) for wakeup in one] for one in wakeups], default=str)
    done = subprocess.run(
        [str(home / "bin/python"), str(program)],
        input=given,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
