import json
import threading

import psycopg
import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import SchemaMismatch
from f.millrace.trust import audit, policy, pseudonyms, recipients

pytestmark = pytest.mark.usefixtures("database")


def written(count=5):
    for number in range(count):
        audit.append(
            "eva", "test.done", f"thing {number}", seconds=0.25, text="nul \x00 and \\u0000"
        )


@pytest.fixture
def tamper(owner):
    """Change the log as someone who owns the database could."""

    def change(sql):
        with owner.transaction():
            owner.execute("SET LOCAL session_replication_role = replica")
            owner.execute(sql)

    return change


def test_a_log_that_nobody_touched_is_whole():
    written()

    assert audit.verify() == [] and len(audit.rows()) == 5


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "UPDATE audit SET actor = 'mallory' WHERE id = 2",
            "row 2 (test.done thing 1) was changed",
        ),
        (
            "UPDATE audit SET detail = detail || '{\"seconds\": 1}' WHERE id = 3",
            "row 3 (test.done thing 2) was changed",
        ),
        ("DELETE FROM audit WHERE id = 2", "row 3 does not follow"),
        ("DELETE FROM audit WHERE id = 1", "row 2 does not follow"),
        ("DELETE FROM audit WHERE id > 3", "its head counts 5"),
        ("DELETE FROM audit", "its head counts 5"),
        (
            (
                "INSERT INTO audit (actor, kind, subject, previous, hash) SELECT 'mallory', kind,"
                " subject, hash, 'x' FROM audit WHERE id = 5"
            ),
            "row 6 (test.done thing 4) was changed",
        ),
        (
            (
                "WITH gone AS (DELETE FROM audit WHERE id = 2 RETURNING *) INSERT INTO audit"
                " OVERRIDING SYSTEM VALUE SELECT 100, run_id, actor, kind, subject, detail, at,"
                " previous, hash FROM gone"
            ),
            "does not follow",
        ),
    ],
)
def test_what_was_done_to_the_log_is_noticed(tamper, sql, said):
    written()

    tamper(sql)

    assert any(said in fault for fault in audit.verify())


def test_an_earlier_export_shows_what_was_written_anew(tamper):
    written()
    exported = list(audit.export())
    tamper("DELETE FROM audit")
    tamper("DELETE FROM audit_head")
    tamper(f"INSERT INTO audit_head (rows, hash) VALUES (0, '{audit.GENESIS}')")
    written(6)

    assert audit.verify() == []
    assert len(audit.verify(exported)) == 5
    assert "not an audit row" in audit.verify(["{}"])[0]


def test_an_export_is_one_json_object_a_line_with_its_chain():
    written(2)

    rows = [json.loads(line) for line in audit.export()]

    assert [row["subject"] for row in rows] == ["thing 0", "thing 1"] and rows[1][
        "previous"
    ] == rows[0]["hash"]


def test_the_database_refuses_changes_and_forks(owner):
    written(2)

    for sql in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
            owner.execute(sql)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(sql)
    with pytest.raises(psycopg.errors.RaiseException, match="must follow"):
        db.execute(
            "INSERT INTO audit (actor, kind, subject, previous, hash) VALUES ('x', 'y', 'z', 'a',"
            " 'b')"
        )


def test_many_writers_at_once_make_one_chain():
    def work(number):
        for turn in range(10):
            audit.append(f"writer {number}", "test.done", str(turn))
        db.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert audit.verify() == [] and len(audit.rows()) == 120


def test_a_row_of_a_transaction_that_failed_leaves_no_gap():
    written(1)
    with db.transaction():
        audit.append("eva", "test.done", "never")
        raise psycopg.Rollback
    written(1)

    assert audit.verify() == []


def test_addresses_do_not_reach_the_log_and_are_told_while_a_row_knows_them(monkeypatch):
    monkeypatch.setenv("MILLRACE_OPERATOR", "eva@home.example")
    config.reload()
    recipients.add("Ada.O'Neil@mail.example", by="eva@home.example")
    audit.append(
        "eva@home.example",
        "test.done",
        "mail:f:Ada.O'Neil@mail.example:1",
        to=["ada.o'neil@mail.example."],
    )
    rows = audit.rows()

    assert "mail.example" not in str(rows) and "eva" not in str(rows) and audit.verify() == []
    told = pseudonyms.reveal(
        {"subject": rows[-1]["subject"], "by": rows[-1]["actor"]}, pseudonyms.known_addresses()
    )
    assert told == {"subject": "mail:f:Ada.O'Neil@mail.example:1", "by": "eva@home.example"}
    assert audit.last("recipient.added", "Ada.O'Neil@mail.example") is not None

    db.execute("DELETE FROM standing_approval")
    db.execute("DELETE FROM recipient")
    assert (
        pseudonyms.reveal(rows[-1]["subject"], pseudonyms.known_addresses()) == rows[-1]["subject"]
    )


def test_secrets_do_not_reach_the_log():
    audit.append(
        "eva", "test.done", "x", authorization="Bearer sk-proj-abcdefghijklmnopqrstuvwx0123456789"
    )

    assert "abcdefghijklmnop" not in str(audit.rows())


def test_a_changed_policy_is_a_row_and_the_same_policy_none(monkeypatch):
    assert policy.note() and not policy.note()

    monkeypatch.setenv("MILLRACE_DAILY_BUDGET_USD", "9")
    config.reload()

    assert policy.note()
    assert audit.rows()[-1]["detail"]["changed"] == ["daily_budget_usd"]


def test_a_changed_prompt_is_a_row():
    policy._noted_rules.cache_clear()
    policy.note_prompt("writer", "one")
    policy.note_prompt("writer", "one")
    policy.note_prompt("writer", "two")
    policy._noted_rules.cache_clear()
    policy.note_prompt("writer", "two")

    assert [row["detail"]["hash"] for row in audit.rows()] == ["one", "two"]


def test_agents_that_start_together_note_a_prompt_once():
    policy._noted_rules.cache_clear()
    together = threading.Barrier(8)

    def work():
        db.fetch_one("SELECT 1")
        together.wait()
        policy.note_prompt("writer", "one")
        db.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [row["kind"] for row in audit.rows()] == ["prompt.changed"]


@pytest.fixture
def two_roles(postgres_server, monkeypatch):
    """A database of its own that an owner migrates for a role of fewer rights."""
    base = postgres_server.rsplit("/", 1)[0]
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE two_roles")
    host = base.split("@")[1]
    monkeypatch.setenv("MILLRACE_OWNER_URL", base + "/two_roles")
    monkeypatch.setenv("MILLRACE_DATABASE_URL", f"postgresql://lesser:pass-word@{host}/two_roles")
    config.reload()
    yield
    db.close()
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("DROP DATABASE two_roles WITH (FORCE)")
        connection.execute("DROP ROLE IF EXISTS lesser")


def test_the_applications_role_adds_to_the_log_and_does_no_more(two_roles):
    assert len(db.migrate()) > 1 and db.migrate() == []

    written(2)
    db.execute("INSERT INTO run (id, flow) VALUES (gen_random_uuid(), 'x')")

    assert audit.verify() == []
    for sql in (
        "UPDATE audit SET actor = 'x'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "UPDATE audit_head SET rows = 1",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "DROP TABLE audit",
        "CREATE TABLE mine (x int)",
        "SET session_replication_role = replica",
        "DELETE FROM schema_migration",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(sql)


def test_a_role_of_fewer_rights_says_who_has_to_migrate(two_roles, monkeypatch):
    db.migrate()
    with db.open_connection(db.owner_url()) as owner:
        owner.execute(
            "DELETE FROM schema_migration WHERE number = (SELECT max(number) FROM schema_migration)"
        )
    monkeypatch.delenv("MILLRACE_OWNER_URL")
    config.reload()

    with pytest.raises(SchemaMismatch, match="MILLRACE_OWNER_URL"):
        db.migrate()


def test_an_export_is_compared_row_by_row_with_what_is_there(database):
    for number in range(3):
        audit.append("eva", "test.done", f"thing {number}")
    exported = list(audit.export())

    assert audit.verify(exported) == [] and audit.verify([*exported[1:], "", "\n"]) == []
    changed = [exported[0].replace(json.loads(exported[0])["hash"], "0" * 64), *exported[1:]]
    (fault,) = audit.verify(changed)
    assert fault.endswith("(test.done thing 0) differs from what was exported")
    (fault,) = audit.verify([*exported, exported[0].replace('"id": ', '"id": 999')])
    assert fault.endswith("(test.done thing 0) was exported and is gone")
    (fault,) = audit.verify([*exported, "no row"])
    assert fault == "line 4 of the export is not an audit row"
