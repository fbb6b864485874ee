"""What surrounds a run fails: the database is restarted, the disk is full. The run says so, and
goes on afterwards.
"""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import DatabaseUnavailable
from f.millrace.trust import recipients
from scripts.database.embedded import Embedded
from scripts.simulation.daily import READERS, World, pipeline_of
from scripts.simulation.scenario import scenario


@pytest.fixture
def server():
    """A Postgres of its own that keeps what it acknowledged when it is killed."""
    with tempfile.TemporaryDirectory(prefix="millrace-test-") as folder:
        os.chmod(folder, 0o755)
        made = Embedded(Path(folder) / "home")
        made.start()
        yield made
        db.close()
        made.stop()


def steps_of(world, run):
    return world._steps(run, pipeline_of("Europe/London"))


@pytest.mark.long
def test_a_run_goes_on_after_the_database_was_killed_under_it(server, monkeypatch):
    monkeypatch.setenv("MILLRACE_DATABASE_URL", server.url())
    config.reload()
    db.migrate()
    world = World(1, smtp=False)
    with world.played():
        for reader in READERS:
            recipients.add(reader, by="test")
        config.settings().now = scenario(1, 1)[0].clock
        run = world.new_run()
        world.items = 3
        for stop in ("open", "research", "deliver"):
            steps = steps_of(world, run)
            while next(steps, "end") not in (stop, "end"):
                pass
            server.stop(at_once=True)
            server.start()
            with pytest.raises(DatabaseUnavailable):
                db.execute("SELECT 1")
        for _ in steps_of(world, run):
            pass

    assert world.faults() == [] and len(world.mails) == 2
    assert db.fetch_one("SELECT status FROM run") == {"status": "done"}


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 kB."""
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"this user may not mount a small file system: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.usefixtures("database")
def test_a_full_disk_fails_the_mail_in_words_and_the_run_can_go_on(small_disk, monkeypatch):
    monkeypatch.setenv("MILLRACE_OUTBOX_DIR", str(small_disk / "outbox"))
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 60_000)
    world = World(1, smtp=False)
    with world.played():
        for reader in READERS:
            recipients.add(reader, by="test")
        config.settings().now = scenario(1, 1)[0].clock
        run = world.new_run()
        world.items = 3
        for _ in steps_of(world, run):
            pass
        assert db.fetch_one("SELECT status FROM run") == {"status": "partly_failed"}
        errors = db.fetch_all("SELECT DISTINCT status, error FROM delivery")
        assert [row["status"] for row in errors] == ["failed"] and "No space left" in errors[0][
            "error"
        ]
        assert not list((small_disk / "outbox").glob("*.eml"))

        filler.unlink()
        again = world.new_run()
        for _ in steps_of(world, again):
            pass

    assert world.faults() == [] and len(world.mails) == 2
