"""The worker test: the payloads of a real push run as a Windmill worker runs them, on Python 3.12
with their locks.
"""

import email
import email.policy
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from f.millrace.trust import recipients
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
        "MILLRACE_RECIPIENTS": "reader@example.org",
        "MILLRACE_OWNERS": "reader@example.org",
    }


@pytest.fixture
def worker(pushed: Recorded, python312: str, environment: dict[str, str]) -> Worker:
    """A worker that runs the jobs of one root run."""
    return Worker(pushed, python312, environment)


@pytest.fixture
def allowed(environment: dict[str, str]) -> None:
    """The reader has a standing approval."""
    recipients.add("reader@example.org", recipients.FLOW, [], by="tester")


def steps(recorded: Recorded) -> list[str]:
    """Return the paths of the scripts that a job can start."""
    return sorted(
        path for path, script in recorded.scripts.items() if "\ndef main(" in script["content"]
    )


def test_every_step_imports_with_its_own_lock_and_only_modules_that_were_pushed(
    pushed: Recorded, worker: Worker
):
    for lock in {pushed.scripts[path]["lock"] for path in steps(pushed)}:
        installed(lock, worker.python)
    before = len(pushed.requests)

    def load(path: str) -> tuple[str, Outcome]:
        return path, worker.load(path)

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(load, steps(pushed)))

    failed = [f"{path}: {outcome.error['stack']}" for path, outcome in outcomes if outcome.error]
    assert not failed, "\n".join(failed)
    fetched = {
        path for method, path in pushed.requests[before:] if path.startswith("scripts/raw/p/")
    }
    unknown = [
        path
        for path in fetched
        if pushed.raw(path.removeprefix("scripts/raw/p/").removesuffix(".py"))[0] == 404
    ]
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


def test_the_settings_resource_reaches_a_job(
    pushed: Recorded, python312: str, environment: dict[str, str]
):
    url = environment.pop("MILLRACE_DATABASE_URL")
    pushed.variables["f/millrace/database_url"] = {"value": url}
    pushed.resources["f/millrace/settings"] = {
        "value": {"database_url": "$var:f/millrace/database_url"}
    }

    try:
        result = Worker(pushed, python312, environment).run("f/millrace/ops/migrate")
    finally:
        pushed.variables.clear()
        pushed.resources.clear()

    assert result["applied"] == []


def test_the_pipeline_from_notes_to_a_delivered_digest(
    allowed: None, worker: Worker, environment: dict[str, str]
):
    result = run_pipeline(worker)

    assert result["opened"]["run_id"] == worker.root_job
    assert result["read"] | {"status": "ok", "new": 1} == result["read"]
    assert "Sodium" in result["selected"]["topics"][0]["title"]
    assert result["found"]["topics"][0]["findings"] >= 1
    assert result["proposed"]["needs_approval"] is False
    assert [sent["recipient"] for sent in result["delivered"]["deliveries"]] == [
        "reader@example.org"
    ]
    assert any(label.startswith("cost:") for label in result["closed"]["wm_labels"])
    with psycopg.connect(environment["MILLRACE_DATABASE_URL"]) as connection:
        ((content,),) = connection.execute("SELECT content FROM outbox").fetchall()
        letter = email.message_from_bytes(content.encode(), policy=email.policy.default).get_body(
            ("plain",)
        )
        assert letter is not None
        assert "Sodium" in letter.get_content()
        run = connection.execute("SELECT status FROM run").fetchall()
        spans = connection.execute("SELECT DISTINCT trace_id FROM span").fetchall()
    assert run == [("done",)]
    assert spans == [(worker.root_job.replace("-", ""),)]


def test_a_step_that_a_lost_worker_ran_already_changes_nothing(
    allowed: None, worker: Worker, environment: dict[str, str]
):
    first = run_pipeline(worker, twice=True)

    assert first["closed"]["status"] == "done"
    with psycopg.connect(environment["MILLRACE_DATABASE_URL"]) as connection:
        for table in ("run", "digest", "delivery", "source_item", "outbox"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,), table  # type: ignore[arg-type]


def test_without_a_standing_approval_a_person_is_asked_and_the_answer_counts(
    worker: Worker, environment: dict[str, str]
):
    result = run_pipeline(worker, stop_before="approve")
    action_id = result["proposed"]["action_id"]
    assert result["proposed"]["needs_approval"] is True
    with psycopg.connect(environment["MILLRACE_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT 1 FROM outbox").fetchall() == []

    asked = worker.run("f/millrace/approvals/ask", action_id=action_id, timeout=60)
    bare = worker.run(
        "f/millrace/approvals/record",
        action_id=action_id,
        resume=None,
        resumes=[None],
        approvers=["anonymous"],
    )

    assert asked["description"]["markdown"]
    assert asked["default_args"]["action_digest"]
    assert "resume" not in str(asked), "the step's result is shown to many"
    assert bare["approved"] is False


def run_pipeline(worker: Worker, twice: bool = False, stop_before: str = "") -> dict:
    """Run the steps as the flow would; `twice` runs each step again, as Windmill does when a worker
    dies.
    """

    def run(name: str, **arguments: object) -> dict:
        if twice:
            worker.run("f/millrace/" + name, **arguments)
        return worker.run("f/millrace/" + name, **arguments)

    opened = run(
        "research/open",
        pipeline={"name": "daily_research"},
        again=False,
        sample=False,
        dry_run=False,
    )
    run_id = opened["run_id"]
    read = run("research/read_source", run_id=run_id, source="notes", max_items=50)
    run("research/read_pages", run_id=run_id, max_topics=1)
    selected = run("research/select", run_id=run_id, collected=[read], max_topics=1)
    found = run("research/investigate", run_id=run_id, topic_ids=selected["batches"][0])
    run("research/compose", run_id=run_id)
    run("research/remember", run_id=run_id)
    proposed = run("research/propose", run_id=run_id)
    delivered = run("research/deliver", run_id=run_id)
    known = {
        "opened": opened,
        "read": read,
        "selected": selected,
        "found": found,
        "proposed": proposed,
        "delivered": delivered,
    }
    if stop_before == "approve":
        return known
    answer = run(
        "approvals/record", action_id=proposed["action_id"], asked=proposed["needs_approval"]
    )
    run(
        "research/deliver_rest",
        run_id=run_id,
        approved=answer["approved"],
        action_id=proposed["action_id"],
    )
    return known | {"closed": run("research/close", run_id=run_id)}
