"""What the step that checks a worker reports of settings, roles and mail, and which source the
other one shows.
"""

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from f.millrace.core import config, db
from f.millrace.ops import check_worker, show_version

ROOT = Path(__file__).resolve().parents[2]


def parts() -> dict[str, dict]:
    return {part["name"]: part for part in check_worker.main()["parts"]}


def test_steps_with_a_role_of_their_own_and_an_owner_are_healthy(
    database: str, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "MILLRACE_OWNER_URL", postgres_server.rsplit("/", 1)[0] + urlsplit(database).path
    )
    config.reload()

    found = parts()

    assert (
        found["roles"]["state"]
        == found["database"]["state"]
        == found["settings"]["state"]
        == "healthy"
    )
    assert "steps are steps, who may not alter tables" in found["roles"]["reason"]


def test_steps_that_can_alter_tables_are_a_problem(
    database: str, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = postgres_server.rsplit("/", 1)[0] + urlsplit(database).path
    monkeypatch.setenv("MILLRACE_OWNER_URL", owner)
    monkeypatch.setenv("MILLRACE_DATABASE_URL", owner + "?application_name=steps")
    config.reload()

    roles = parts()["roles"]

    assert (
        roles["state"] == "critical"
        and "can alter tables" in roles["reason"]
        and "database_url" in roles["step"]
    )


def test_one_address_for_steps_and_owner_works_with_a_warning(database: str) -> None:
    assert parts()["roles"]["state"] == "degraded"


def test_an_owner_that_cannot_be_reached_is_a_problem(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_OWNER_URL", "postgresql://owner:hidden-4711@127.0.0.1:9/x")
    config.reload()

    roles = parts()["roles"]

    assert (
        roles["state"] == "critical"
        and "127.0.0.1:9" in roles["reason"]
        and "hidden-4711" not in str(roles)
    )


def test_settings_that_are_wrong_are_all_that_is_reported(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_MAX_SOURCES", "many")
    config.reload()

    found = parts()

    assert set(found) == {"python", "settings"}
    assert (
        found["settings"]["state"] == "critical"
        and "max_sources" in found["settings"]["reason"].lower()
    )


def test_no_database_leaves_the_roles_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    db.close()
    monkeypatch.setenv("MILLRACE_DATABASE_URL", "postgresql://steps@127.0.0.1:9/x")
    config.reload()

    found = parts()

    assert found["database"]["state"] == "critical" and found["roles"]["state"] == "unknown"


def test_the_source_of_a_script_is_shown_by_its_digest() -> None:
    shown = show_version.main(["f/millrace/core/db", "f/millrace/core/none"])

    wanted = hashlib.sha256((ROOT / "f/millrace/core/db.py").read_bytes()).hexdigest()
    assert shown["sources"] == {"f/millrace/core/db": wanted, "f/millrace/core/none": ""}
    assert shown["python"].startswith("3.")


def test_a_mail_server_without_a_port_is_asked_where_mails_are_sent(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_SMTP_URL", "smtp://127.0.0.1")
    config.reload()

    assert "127.0.0.1:587" in parts()["mail"]["reason"]
