import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from f.millrace.core import config, db
from f.millrace.digest import delivery
from f.millrace.memory.forget import forget
from f.millrace.trust import actions, audit, recipients, recovery
from scripts.paths import ROOT
from scripts.simulation.crash import Crash, watched
from scripts.simulation.daily import READERS, World, pipeline_of
from scripts.simulation.scenario import ZONES, scenario

PROVE = bool(os.environ.get("PROVE"))
FIRST_SEED = int(os.environ.get("FIRST_SEED", "0"))
# 100 scenarios of 60 wake-ups are more than 10 000 runs.
SEEDS, WAKEUPS = (range(FIRST_SEED, FIRST_SEED + 100), 60) if PROVE else (range(2), 10)
# A point near the end may lie behind the end of a shorter run; nine in ten kill, so more than 500
# do.
KILLS = 560 if PROVE else 10

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_no_digest_comes_twice_and_none_is_lost(seed):
    world = World(seed, smtp=seed % 2 == 1)

    world.live(scenario(seed, WAKEUPS))

    assert world.faults() == [] and world.mails


@pytest.mark.long
@pytest.mark.parametrize("start", range(len(ZONES)) if PROVE else [3])
def test_a_zone_that_changes_between_all_runs_doubles_and_loses_nothing(start):
    world = World(start, smtp=False)
    zones = itertools.cycle([*ZONES[start:], *ZONES[:start]])

    world.live(
        [
            replace(one, zone=zone, crashes=(), double=False)
            for one, zone in zip(scenario(start, 10), zones, strict=False)
        ]
    )

    assert world.faults() == [] and world.mails


def test_the_simulation_sees_a_digest_that_comes_twice(monkeypatch):
    # Without the question what became of an earlier try, a crash right after the effect sends
    # again.
    real = actions._reconciled
    monkeypatch.setattr(actions, "_reconciled", lambda row, check: real(row, lambda: False))
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


@pytest.mark.parametrize("smtp", [False, True])
def test_a_run_that_is_gone_on_with_does_not_take_over_what_a_later_one_has_sent(monkeypatch, smtp):
    world, pipeline, morning = (
        World(1, smtp),
        pipeline_of("UTC"),
        scenario(1, 1)[0].clock.replace(hour=9),
    )
    mark = delivery.mark

    def die_once(row, status, *more):
        if status in ("sent", "outbox"):
            monkeypatch.setattr(delivery, "mark", mark)
            world.points.dead = True
            raise Crash
        return mark(row, status, *more)

    with world.played(), watched(world.points):
        for reader in READERS:
            recipients.add(reader, by="test")
        config.settings().now, world.items, early = morning, 1, world.new_run()
        steps = world._steps(early, pipeline)
        while next(steps) != "research":
            pass
        recovery.mark_dead()
        config.settings().now, world.items = morning + timedelta(hours=1), 2
        monkeypatch.setattr(delivery, "mark", die_once)
        assert not world.drive([world.new_run()], pipeline, 0)
        recovery.mark_dead()
        world.drive([early], pipeline, 0)
        config.settings().now, world.items = morning + timedelta(days=1), 3
        world.drive([world.new_run()], pipeline, 0)

    assert world.faults() == [] and len(world.mails) >= 4


def test_a_mail_that_may_have_arrived_stays_unknown_when_its_run_is_gone_on_with_a_day_later(
    monkeypatch,
):
    world, pipeline, morning = (
        World(1, smtp=True),
        pipeline_of("UTC"),
        scenario(1, 1)[0].clock.replace(hour=9),
    )
    arrive = world._arrive

    def arrive_and_die(message):
        arrive(message)
        monkeypatch.setattr(world, "_arrive", arrive)
        world.points.dead = True
        raise Crash

    with world.played(), watched(world.points):
        recipients.add(READERS[0], by="test")
        config.settings().now, world.items, early = morning, 1, world.new_run()
        monkeypatch.setattr(world, "_arrive", arrive_and_die)
        assert not world.drive([early], pipeline, 0)
        recovery.mark_dead()
        config.settings().now, world.items = morning + timedelta(days=1), 2
        world.drive([world.new_run()], pipeline, 0)
        world.drive([early], pipeline, 0)

        of_early = db.fetch_one(
            "SELECT status FROM delivery WHERE run_id = %s AND recipient = %s", [early, READERS[0]]
        )

    assert of_early == {"status": "unknown"}


@pytest.mark.long
def test_a_reader_who_is_forgotten_is_found_nowhere_and_the_log_still_holds():
    world = World(1, smtp=False)
    world.live([replace(wakeup, crashes=(), items=2, double=False) for wakeup in scenario(1, 2)])
    before = len(audit.rows())

    done = forget(READERS[0])

    assert done.proved and done.files and audit.verify() == []
    assert (
        len(audit.rows()) == before
        and forget("It is said").proved
        and not forget(READERS[1], dry_run=True).proved
    )


@pytest.mark.long
def test_killed_at_any_point_the_run_ends_as_if_nothing_had_happened(tmp_path, database):
    done = subprocess.run(
        [sys.executable, "-m", "scripts.simulation.killed", str(KILLS), str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=3600,
    )

    assert done.returncode in (0, 1), done.stderr[-2000:]
    answer = json.loads(done.stdout)
    assert answer["faults"] == [] and answer["kills"] >= KILLS * 0.9
    assert len(list(Path(tmp_path / "outbox").glob("*.eml"))) == 2 * (KILLS + 1)
