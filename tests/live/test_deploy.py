"""scripts/deploy against the recording server: what it makes, leaves alone and says."""

import argparse
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from f.millrace.core import config
from f.millrace.core.errors import BadInput
from scripts.deployment import __main__ as deployment
from scripts.deployment import bootstrap
from scripts.deployment.server import DeployFailed, Server
from tests.live.conftest import ROOT
from tests.live.small import jobs
from tests.live.windmill import TOKEN, WORKSPACE, Recorded
from tests.live.worker import Worker

SCHEDULE = "f/millrace/research/daily_research"


@pytest.fixture(scope="session")
def clone(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the bundle whose history had a script that is gone now."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(bundle, folder, dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "f/millrace/research/gone.py").write_text("def main() -> dict:\n    return {}\n")
    _git(folder, "init", "-q")
    _commit(folder)
    (folder / "f/millrace/research/gone.py").unlink()
    _commit(folder)
    return folder


def deploy(recorded: Recorded, root: Path, bootstrap: bool = False, **flags: bool) -> None:
    """Deploy without asking; the checks of the bundle have tests of their own."""
    deployment.deploy(
        Server(recorded.url, WORKSPACE, TOKEN), root, wishes(bootstrap=bootstrap, **flags)
    )


def wishes(**flags: bool) -> argparse.Namespace:
    """What the command line would say."""
    wanted = {
        "skip_checks": True,
        "yes": True,
        "bootstrap": False,
        "dry_run": False,
        "allow_delete": False,
        "overwrite": False,
    }
    return argparse.Namespace(**{**wanted, **flags})


def test_bootstrap_makes_settings_secrets_and_tables(
    server: Recorded,
    clone: Path,
    wmill: Path,
    python312: str,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys,
):
    monkeypatch.setenv("MILLRACE_RECIPIENTS", "reader@example.org")
    monkeypatch.setenv("MILLRACE_OUTBOX_DIR", "/only/here")
    config.reload()
    server.run = lambda path, arguments: (
        True,
        Worker(server, python312, {}).run(path, **arguments),
    )

    deploy(server, clone, bootstrap=True)

    assert server.variables["f/millrace/database_url"]["value"] == database
    assert server.variables["f/millrace/database_url"]["is_secret"] is True
    settings = server.resources["f/millrace/settings"]
    assert settings["value"] == {
        "database_url": "$var:f/millrace/database_url",
        "recipients": ["reader@example.org"],
    }
    assert server.resource_types[settings["resource_type"]]["schema"]["properties"]["model"][
        "description"
    ]
    said = capsys.readouterr().out
    assert "made: secret variable f/millrace/database_url" in said
    assert "tables: up to date" in said
    assert database not in said


def test_secrets_inside_of_settings_become_variables_too(
    server: Recorded, monkeypatch: pytest.MonkeyPatch
):
    far = {
        "url": "http://tracker.example.org/mcp",
        "headers": {"Authorization": "Bearer planted-4711"},
    }
    monkeypatch.setenv(
        "MILLRACE_MCP", json.dumps({"tracker": far, "near": "http://127.0.0.1:7410/mcp"})
    )
    monkeypatch.setenv("MILLRACE_MCP_TOKENS", json.dumps({"near": "planted-4712"}))
    config.reload()

    made = bootstrap.run(Server(server.url, WORKSPACE, TOKEN))

    values = {path: variable["value"] for path, variable in server.variables.items()}
    header, token = "f/millrace/mcp_tracker_headers_authorization", "f/millrace/mcp_tokens_near"
    assert values == {header: "Bearer planted-4711", token: "planted-4712"}
    settings = server.resources["f/millrace/settings"]["value"]
    assert settings["mcp"]["tracker"]["headers"] == {"Authorization": f"$var:{header}"}
    assert settings["mcp"]["near"]["url"] == "http://127.0.0.1:7410/mcp" and settings[
        "mcp_tokens"
    ] == {"near": f"$var:{token}"}
    assert "planted" not in json.dumps(settings) + "".join(made)
    told = server.answer("GET", "resources/get_value_interpolated/f/millrace/settings", {}, None)[1]
    assert (
        config.validate(told).mcp["tracker"].headers["Authorization"].get_secret_value()
        == "Bearer planted-4711"
    )


def test_bootstrap_leaves_what_is_there(server: Recorded, clone: Path, wmill: Path, database: str):
    server.run = jobs(server)
    server.resources["f/millrace/settings"] = {
        "path": "f/millrace/settings",
        "value": {"model": "ollama:x"},
    }
    server.variables["f/millrace/database_url"] = {
        "path": "f/millrace/database_url",
        "value": "theirs",
    }

    deploy(server, clone, bootstrap=True)

    settings = server.resources["f/millrace/settings"]["value"]
    assert settings["model"] == "ollama:x"
    assert server.variables["f/millrace/database_url"]["value"] == "theirs"


def test_bootstrap_adds_the_settings_that_the_resource_leaves_empty(
    server: Recorded, database: str, monkeypatch
):
    monkeypatch.setenv("MILLRACE_DATABASE_URL", database)
    monkeypatch.setenv("MILLRACE_MODEL", "openai:gpt-5-mini")
    config.reload()
    server.resources["f/millrace/settings"] = {
        "path": "f/millrace/settings",
        "value": {"model": "ollama:x", "database_url": "", "recipients": []},
    }

    made = bootstrap.run(Server(server.url, WORKSPACE, TOKEN))

    assert server.resources["f/millrace/settings"]["value"] == {
        "model": "ollama:x",
        "database_url": "$var:f/millrace/database_url",
        "recipients": [],
    }
    assert "database_url in the resource f/millrace/settings" in made
    assert bootstrap.run(Server(server.url, WORKSPACE, TOKEN)) == []


def test_what_others_made_stays_and_what_was_ours_goes(
    server: Recorded, clone: Path, wmill: Path, capsys
):
    server.dependencies["analytics"] = {
        "name": "analytics",
        "content": "pandas==3.0.0\n",
        "language": "python3",
    }
    for path in ("f/millrace/research/theirs", "f/millrace/research/gone", "f/other/thing"):
        server.scripts[path] = {"path": path, "content": "def main(): ..."}

    deploy(server, clone, allow_delete=True, overwrite=True)

    assert "analytics" in server.dependencies
    assert "f/millrace/research/theirs" in server.scripts
    assert "f/other/thing" in server.scripts
    assert "f/millrace/research/gone" not in server.scripts
    said = capsys.readouterr().out
    assert "keep: script f/millrace/research/theirs" in said
    assert "keep: workspace dependencies 'analytics'" in said
    assert "delete: script f/millrace/research/gone" in said
    assert "--bootstrap makes it" in said


def test_a_schedule_that_a_person_switched_stays_switched(
    server: Recorded, clone: Path, wmill: Path, capsys
):
    if not (clone / f"{SCHEDULE}.schedule.yaml").exists():
        pytest.skip("the bundle has no schedule of that name")
    server.schedules[SCHEDULE] = {"path": SCHEDULE, "enabled": False}

    deploy(server, clone, overwrite=True)

    assert server.schedules[SCHEDULE]["enabled"] is False
    assert "stays off" in capsys.readouterr().out


def test_a_failed_migration_is_told_in_words(server: Recorded, clone: Path, wmill: Path):
    server.run = jobs(
        server, (False, {"error": {"name": "DatabaseUnavailable", "message": "no database"}})
    )

    with pytest.raises(DeployFailed, match="f/millrace/ops/migrate failed: no database"):
        deploy(server, clone, bootstrap=True)


INSTALLATION = """\
Installing collected packages
Error while installing sentencex==1.0.32:\x20
Stderr:
Using CPython 3.12.1 interpreter
  × Request failed after 3 retries in 12.1s
  ├─▶ Failed to fetch: `https://packages.example/simple/sentencex/`
  ╰─▶ invalid peer certificate: UnknownIssuer
  help: Consider enabling use of system TLS certificates

Stdout:

Exit status: None
"""


def test_a_worker_that_cannot_install_a_package_says_which_and_why(
    server: Recorded, clone: Path, wmill: Path
):
    error = {"name": "ExecutionErr", "message": "Env installation did not succeed, check logs"}
    server.run = jobs(server, (False, {"error": error}))
    server.log = INSTALLATION

    with pytest.raises(DeployFailed) as failed:
        deploy(server, clone, bootstrap=True)

    assert "sentencex==1.0.32 could not be installed: Request failed" in str(failed.value)
    assert "UnknownIssuer; set NATIVE_CERT=true in the environment" in str(failed.value)


def test_a_file_that_git_does_not_know_is_refused(server: Recorded, clone: Path, wmill: Path):
    stray = clone / "f/millrace/research/stray.py"
    stray.write_text("")

    try:
        with pytest.raises(BadInput, match=r"f/millrace/research/stray\.py"):
            deploy(server, clone)
    finally:
        stray.unlink()

    assert server.writes() == []


def test_a_bundle_with_a_mistake_is_not_pushed(server: Recorded, clone: Path, wmill: Path):
    options = wishes(skip_checks=False)
    lock = clone / "f/millrace/ops/migrate.script.lock"
    text = lock.read_text()
    lock.write_text(text.replace("==", "==9", 1))

    try:
        with pytest.raises(
            DeployFailed, match=r"nothing was pushed:\n(.*\n)*.*ops/migrate\.script\.lock"
        ):
            deployment.deploy(Server(server.url, WORKSPACE, TOKEN), clone, options)
    finally:
        lock.write_text(text)

    assert server.writes() == []


def test_a_wrong_token_is_told_in_words(server: Recorded, clone: Path, wmill: Path):
    options = wishes()

    with pytest.raises(DeployFailed, match="does not accept the token"):
        deployment.deploy(Server(server.url, WORKSPACE, "wrong"), clone, options)

    assert server.writes() == []


def test_a_server_that_is_not_there_is_told_in_words(wmill: Path, capsys):
    status = deployment.main(
        [
            "--base-url",
            "http://127.0.0.1:9",
            "--workspace",
            "w",
            "--token",
            "t",
            "--yes",
            "--skip-checks",
        ]
    )

    assert status == 1
    assert "no Windmill answers at http://127.0.0.1:9" in capsys.readouterr().err


def test_without_an_answer_nothing_is_pushed(
    server: Recorded, clone: Path, wmill: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.setattr(deployment, "ROOT", clone)

    status = deployment.main(
        ["--base-url", server.url, "--workspace", WORKSPACE, "--token", TOKEN, "--skip-checks"]
    )

    assert status == 2
    assert "--yes" in capsys.readouterr().err
    assert server.writes() == []


def _commit(folder: Path) -> None:
    _git(folder, "add", "-A")
    _git(
        folder, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "state"
    )


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
