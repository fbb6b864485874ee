import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from f.millrace.trust import actions
from scripts.paths import ROOT
from scripts.simulation.crash import Crash
from scripts.simulation.daily import World
from scripts.simulation.scenario import scenario

PROVE = bool(os.environ.get("PROVE"))
# 100 scenarios of 60 wake-ups are more than 10 000 runs.
SEEDS, WAKEUPS = (range(100), 60) if PROVE else (range(2), 10)
KILLS = 520 if PROVE else 10

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize("seed", SEEDS)
def test_no_digest_comes_twice_and_none_is_lost(seed):
    world = World(seed, smtp=seed % 2 == 1)

    world.live(scenario(seed, WAKEUPS))

    assert world.faults() == [] and world.mails


def test_the_simulation_sees_a_digest_that_comes_twice(monkeypatch):
    # Without the question what became of an earlier try, a crash right after the effect sends again.
    real = actions._settled
    monkeypatch.setattr(actions, "_settled", lambda row, check: real(row, lambda: False))
    world = World(1, smtp=True)
    arrive = world._arrive

    def arrive_and_die(message):
        arrive(message)
        if len(world.mails) == 1:
            world.points.dead = True
            raise Crash

    monkeypatch.setattr(world, "_arrive", arrive_and_die)
    world.live([replace(scenario(3, 1)[0], items=1, crashes=(), then="resume", double=False)])

    assert any("mailed 2 times" in fault for fault in world.faults())


def test_killed_at_any_point_the_run_ends_as_if_nothing_had_happened(tmp_path, database):
    done = subprocess.run(
        [sys.executable, "-m", "scripts.simulation.killed", str(KILLS), str(tmp_path)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=3600,
    )  # fmt: skip

    assert done.returncode in (0, 1), done.stderr[-2000:]
    answer = json.loads(done.stdout)
    assert answer["faults"] == [] and answer["kills"] >= KILLS * 0.9
    assert len(list(Path(tmp_path / "outbox").glob("*.eml"))) == 2 * (KILLS + 1)
