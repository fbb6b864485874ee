"""`doctor --windmill` against the recording server, with the bundle's own steps on a worker's
Python.
"""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from f.millrace.core import config
from scripts.commands import __main__ as commands
from scripts.deployment import doctor
from scripts.deployment import record as records
from scripts.deployment.server import Server
from tests.live.conftest import ROOT
from tests.live.windmill import TOKEN, WORKSPACE, Recorded, recording
from tests.live.worker import Worker
from tests.live.workspace import worker


@pytest.fixture
def ready(
    pushed: Recorded,
    python312: str,
    database: str,
    postgres_server: str,
    monkeypatch: pytest.MonkeyPatch,
):
    """A workspace to which the bundle was pushed, with settings, two roles, a mail server that
    answers, and a worker.
    """
    owner = postgres_server.rsplit("/", 1)[0] + urlsplit(database).path
    place = urlsplit(owner)
    for name in ("MILLRACE_DATABASE_URL", "MILLRACE_OWNER_URL"):
        monkeypatch.delenv(name, raising=False)
    config.reload()
    pushed.variables |= {
        "f/millrace/database_url": {"value": database},
        "f/millrace/owner_url": {"value": owner},
    }
    # Postgres takes the connection, which is all that is asked of a mail server here.
    value = {
        "database_url": "$var:f/millrace/database_url",
        "smtp_url": f"smtp://{place.hostname}:{place.port}",
    }
    pushed.resources["f/millrace/settings"] = {"value": value}
    pushed.run = lambda path, arguments: (
        True,
        Worker(pushed, python312, {}).run(path, **arguments),
    )
    yield pushed
    pushed.variables.clear()
    pushed.resources.clear()
    pushed.run = pushed.workers = None


def examined(recorded: Recorded, token: str = TOKEN) -> dict[str, doctor.Finding]:
    found: dict[str, doctor.Finding] = {}
    for finding in doctor.examine(Server(recorded.url, WORKSPACE, token), ROOT):
        found.setdefault(finding.name, finding)
    return found


def test_a_workspace_that_is_ready_has_no_problem(
    ready: Recorded, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.setenv("COLUMNS", "200")

    status = commands.main(
        [
            "doctor",
            "--windmill",
            "--base-url",
            ready.url,
            "--workspace",
            WORKSPACE,
            "--token",
            TOKEN,
        ]
    )

    said = capsys.readouterr().out
    assert status == 0, said
    for line in (
        "ok       rights",
        "ok       dependencies",
        "ok       roles",
        "ok       mail",
        "ok       approval",
    ):
        assert line in said
    assert ready.jobs[list(ready.jobs)[-1]]["result"] == {"approved": False}


def test_what_is_missing_is_named_with_the_way_out(ready: Recorded):
    ready.resources["f/millrace/settings"]["value"].pop("smtp_url")
    ready.resources[records.PATH] = {"value": {"waiting": ["f/millrace/research/daily_research"]}}
    ready.workers = [worker(tags=("bash",))]
    dependencies = ready.dependencies.pop("millrace_core")

    try:
        found = examined(ready)
    finally:
        ready.dependencies["millrace_core"] = dependencies

    problems = {name: finding for name, finding in found.items() if finding.state == "problem"}
    assert set(problems) == {"switches", "workers", "dependencies"}
    # Mails are kept in the outbox until then.
    assert found["mail"].state == "note" and "smtp_url" in found["mail"].way_out
    assert "--bootstrap" in problems["switches"].way_out
    assert (
        "python3" in problems["workers"].text and "millrace_core" in problems["dependencies"].text
    )


def test_settings_that_are_wrong_are_a_problem(ready: Recorded):
    ready.resources["f/millrace/settings"]["value"]["max_sources"] = "many"

    found = examined(ready)

    assert found["settings"].state == "problem" and "max_sources" in found["settings"].text


def test_a_wrong_token_and_an_empty_workspace_end_the_examination(tmp_path: Path):
    with recording() as empty:
        wrong = examined(empty, "wrong")
        found = examined(empty)

    assert list(wrong) == ["server", "rights"] and wrong["rights"].state == "problem"
    assert found["bundle"].state == "problem" and "scripts/deploy" in found["bundle"].way_out


def test_rights_that_are_missing_are_told(ready: Recorded):
    ready.is_admin = False
    try:
        first = examined(ready)["rights"]
        ready.folders["millrace"] = {
            "name": "millrace",
            "owners": ["u/ada"],
            "extra_perms": {"u/ada": True},
        }
        second = examined(ready)["rights"]
    finally:
        ready.is_admin = True
        ready.folders.clear()

    assert first.state == "note" and "dependencies" in first.text
    assert second.state == "problem" and "may not write the folder f/millrace" in second.text
