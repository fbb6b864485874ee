"""The worker test: the payloads of a real push run as a Windmill worker runs them, on Python 3.12 with their locks."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.live.windmill import Recorded
from tests.live.worker import Outcome, Worker, installed

NOTE = """# Sodium cells reach the grid

The first sodium-ion storage plant of 100 MWh went into service in Hubei in June 2025.
Its operator says that the cells cost a fifth less than lithium iron phosphate cells.
Sodium cells use hard carbon anodes, because graphite does not take up sodium.
"""


@pytest.fixture
def environment(database: str, tmp_path: Path) -> dict[str, str]:
    """What WHITELIST_ENVS lets through to a job."""
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "sodium.md").write_text(NOTE)
    return {
        "MILLRACE_DATABASE_URL": database,
        "MILLRACE_SOURCES": "notes",
        "MILLRACE_NOTES_DIR": str(notes),
        "MILLRACE_OUTBOX_DIR": str(tmp_path / "outbox"),
        "MILLRACE_RECIPIENTS": "reader@example.org",
    }


@pytest.fixture
def worker(pushed: Recorded, python312: str, environment: dict[str, str]) -> Worker:
    """A worker that runs the jobs of one root run."""
    return Worker(pushed, python312, environment)


def steps(recorded: Recorded) -> list[str]:
    """Return the paths of the scripts that a job can start."""
    return sorted(path for path, script in recorded.scripts.items() if "\ndef main(" in script["content"])


def test_every_step_imports_with_its_own_lock_and_only_modules_that_were_pushed(pushed: Recorded, worker: Worker):
    for lock in {pushed.scripts[path]["lock"] for path in steps(pushed)}:
        installed(lock, worker.python)
    before = len(pushed.requests)

    def load(path: str) -> tuple[str, Outcome]:
        return path, worker.load(path)

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(load, steps(pushed)))

    failed = [f"{path}: {outcome.error['stack']}" for path, outcome in outcomes if outcome.error]
    assert not failed, "\n".join(failed)
    fetched = {path for method, path in pushed.requests[before:] if path.startswith("scripts/raw/p/")}
    unknown = [path for path in fetched if pushed.raw(path.removeprefix("scripts/raw/p/").removesuffix(".py"))[0] == 404]
    assert unknown == [], "a worker gives an empty module for these"


def test_migrate_brings_an_empty_database_up_to_date(
    pushed: Recorded, python312: str, environment: dict[str, str], postgres_server: str
):
    name = f"worker_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    url = postgres_server.rsplit("/", 1)[0] + f"/{name}"
    worker = Worker(pushed, python312, {**environment, "MILLRACE_DATABASE_URL": url})

    first = worker.run("f/millrace/ops/migrate")
    second = worker.run("f/millrace/ops/migrate")

    assert first["applied"]
    assert second["applied"] == []
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('memory_item')").fetchone() != (None,)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


def test_the_settings_resource_reaches_a_job(pushed: Recorded, python312: str, environment: dict[str, str]):
    url = environment.pop("MILLRACE_DATABASE_URL")
    pushed.variables["f/millrace/database_url"] = {"value": url}
    pushed.resources["f/millrace/settings"] = {"value": {"database_url": "$var:f/millrace/database_url"}}

    try:
        result = Worker(pushed, python312, environment).run("f/millrace/ops/migrate")
    finally:
        pushed.variables.clear()
        pushed.resources.clear()

    assert result["applied"] == []


def test_a_run_of_the_pipeline_reads_notes_and_writes_a_digest(worker: Worker, environment: dict[str, str]):
    research = "f/millrace/research/"

    opened = worker.run(research + "open", pipeline={"name": "daily_research"}, again=False, sample=False, dry_run=False)
    run_id = opened["run_id"]
    read = worker.run(research + "read_source", run_id=run_id, source="notes", max_items=50)
    selected = worker.run(research + "select", run_id=run_id, collected=[read], max_topics=1)
    found = worker.run(research + "investigate", run_id=run_id, topic_id=selected["topics"][0]["topic_id"])
    composed = worker.run(research + "compose", run_id=run_id)

    assert run_id == worker.root_job
    assert opened["skip"] is False
    assert read["status"] == "ok"
    assert read["new"] == 1
    assert "Sodium" in selected["topics"][0]["title"]
    assert found["findings"] >= 1
    assert composed["digests"]
    with psycopg.connect(environment["MILLRACE_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM span WHERE trace_id = %s", [run_id.replace("-", "")]).fetchone() > (4,)
