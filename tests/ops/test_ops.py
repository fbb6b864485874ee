from pathlib import Path

from f.millrace.core import config, db
from f.millrace.memory.store import remember
from f.millrace.ops import migrate, prune_memory, report_failure

RUN = "00000000-0000-0000-0000-000000000003"


def test_migrating_a_migrated_database_does_nothing(database):
    assert migrate.main() == {"applied": [], "count": 0}


def test_a_failure_ends_the_run_and_mails_the_operator_once(database, monkeypatch):
    monkeypatch.setenv("MILLRACE_OPERATOR", "op@home.example")
    config.reload()
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'daily_research')", [RUN])
    error = {
        "name": "SourceFailed",
        "message": "the disk is full; token sk-abcdefghijklmnopqrstuvwx",
        "step_id": "compose",
    }

    first = report_failure.main(run_id=RUN, error=error)
    again = report_failure.main(run_id=RUN, error=error)

    assert first["mailed"] and not again["mailed"]
    row = db.fetch_one("SELECT status, error FROM run WHERE id = %s", [RUN])
    assert (
        row["status"] == "failed"
        and row["error"].startswith("compose: the disk is full")
        and "sk-abc" not in row["error"]
    )
    assert len(list(Path(config.settings().outbox_dir).glob("*.eml"))) == 1


def test_a_loop_that_goes_on_without_an_iteration_has_not_failed_its_run(database, monkeypatch):
    monkeypatch.setenv("MILLRACE_OPERATOR", "op@home.example")
    monkeypatch.setenv("WM_FLOW_PATH", "f/millrace/research/daily_research/forloop-2")
    config.reload()
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'daily_research')", [RUN])

    told = report_failure.main(run_id=RUN, message="the source is down", step_id="read_source")

    assert not told["mailed"]
    assert db.fetch_one("SELECT status FROM run WHERE id = %s", [RUN]) == {"status": "running"}
    assert db.fetch_one(
        "SELECT message FROM run_event WHERE run_id = %s AND event = 'error'", [RUN]
    ) == {"message": "read_source: the source is down"}


def test_a_failure_without_words_is_still_reported(database, monkeypatch):
    monkeypatch.setenv("WM_ROOT_JOB_ID", RUN)

    assert report_failure.main()["run_id"] == RUN
    assert db.fetch_one("SELECT status FROM run WHERE id = %s", [RUN]) == {"status": "failed"}


def test_pruning_deletes_what_is_too_old_and_leaves_counts_in_the_audit(database, monkeypatch):
    monkeypatch.setenv("MILLRACE_MEMORY_DAYS", '{"note": 1}')
    monkeypatch.setenv("MILLRACE_NOW", "2026-01-01")
    config.reload()
    remember("note", "a note of yesterday")
    monkeypatch.setenv("MILLRACE_NOW", "2026-01-03")
    config.reload()

    assert prune_memory.main() == {"deleted": 1, "by_type": {"note": 1}}
    assert db.fetch_one("SELECT detail FROM audit WHERE kind = 'memory.pruned'") == {
        "detail": {"counts": {"note": 1}}
    }
