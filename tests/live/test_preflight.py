"""What a deployment refuses before anything slow, and failures of the CLI in words."""

from pathlib import Path

import pytest

from scripts.compiler import checks
from scripts.deployment import __main__ as deployment
from scripts.deployment import cli
from scripts.deployment.server import DeployFailed, Server
from tests.live.small import SCRIPT, commit, script, small_bundle
from tests.live.test_deploy import deploy, wishes
from tests.live.windmill import TOKEN, WORKSPACE, Recorded
from tests.live.workspace import worker

FOLDER = {
    "name": "millrace",
    "display_name": "Millrace",
    "owners": ["u/tester"],
    "extra_perms": {"u/tester": True},
}


@pytest.mark.parametrize(
    ("state", "workspace", "said"),
    [
        ({"token_expired": True}, WORKSPACE, "does not accept the token"),
        ({}, "test", "has no workspace 'test'; did you mean 'tests'\\?"),
        ({"is_superadmin": True}, "nonesuch", "has no workspace 'nonesuch'; there are tests"),
        (
            {"version": "CE v1.450.0"},
            WORKSPACE,
            "the server runs CE v1.450.0; the bundle needs Windmill 1.587.0 or later",
        ),
        (
            {"workers": [worker(), worker("v1.500.2")]},
            WORKSPACE,
            "older than 1.587.0: wk-default-tests; update them",
        ),
        (
            {"is_admin": False},
            WORKSPACE,
            "only an admin of the workspace may push workspace dependencies \\(millrace_core\\)",
        ),
    ],
)
def test_what_cannot_be_deployed_is_refused_before_the_checks(
    server: Recorded,
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: dict,
    workspace: str,
    said: str,
):
    for name, value in state.items():
        setattr(server, name, value)
    checked: list[Path] = []
    monkeypatch.setattr(checks, "run_checks", lambda root: checked.append(root) or [])

    with pytest.raises(DeployFailed, match=said):
        deployment.deploy(Server(server.url, workspace, TOKEN), checkout, wishes(skip_checks=False))

    assert checked == []
    assert server.writes() == []


def test_a_user_who_is_no_admin_deploys_when_dependencies_stay(
    server: Recorded, checkout: Path, wmill: Path
):
    deploy(server, checkout)
    server.is_admin = False
    script(checkout, "do", "return {'better': True}")
    commit(checkout)

    deploy(server, checkout)

    assert "better" in server.scripts[SCRIPT]["content"]


def test_a_user_who_may_not_write_the_folder_is_told_before_the_push(
    server: Recorded, checkout: Path, wmill: Path
):
    deploy(server, checkout)
    server.is_admin = False
    server.folders["millrace"] |= {"owners": ["u/ada"], "extra_perms": {"u/ada": True}}
    script(checkout, "do", "return {'better': True}")
    commit(checkout)
    server.requests.clear()

    with pytest.raises(DeployFailed, match="tester may not write the folder f/millrace"):
        deploy(server, checkout)

    assert server.writes() == []


def test_help_says_which_rights_are_needed(capsys):
    with pytest.raises(SystemExit):
        deployment.main(["--help"])

    assert (
        "dependencies/*.requirements.in needs an admin of the workspace" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            {"is_admin": False, "folders": {"millrace": FOLDER}},
            "only an admin of workspace 'tests' may push workspace dependencies",
        ),
        ({"workers": [worker("v1.500.2")]}, "a worker is older than Windmill 1.587"),
        ({"token_expired": True}, "does not accept the token"),
    ],
)
def test_a_failure_of_the_cli_is_one_sentence(
    wmill: Path, server: Recorded, tmp_path: Path, state: dict, said: str
):
    for name, value in state.items():
        setattr(server, name, value)

    message = failed(server.url, WORKSPACE, small_bundle(tmp_path / "bundle"))

    assert said in message and len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("superadmin", "said"),
    [
        (False, "does not let the token's user into workspace 'nope'"),
        (True, "has no workspace 'nope'"),
    ],
)
def test_a_workspace_that_the_cli_does_not_find_is_one_sentence(
    wmill: Path, server: Recorded, tmp_path: Path, superadmin: bool, said: str
):
    server.is_superadmin = superadmin

    message = failed(server.url, "nope", small_bundle(tmp_path / "bundle"))

    assert said in message and len(message.splitlines()) == 1


def test_missing_rights_in_the_folder_are_one_sentence(
    wmill: Path, server: Recorded, tmp_path: Path
):
    root = small_bundle(tmp_path / "bundle")
    (root / "dependencies/millrace_core.requirements.in").unlink()
    server.is_admin = False

    message = failed(server.url, WORKSPACE, root)

    assert "may not write the folder f/millrace" in message and len(message.splitlines()) == 1


def test_a_server_that_the_cli_cannot_reach_is_one_sentence(wmill: Path, tmp_path: Path):
    message = failed("http://127.0.0.1:9", WORKSPACE, small_bundle(tmp_path / "bundle"))

    assert message == "no Windmill answers at http://127.0.0.1:9: start it, or correct --base-url"


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (
            (
                "errors: {\n'400': \"the body's workspace_id does not match the workspace in the"
                ' path"\n}\n'
            ),
            "no admin of the workspace, or",
        ),
        (
            (
                "Server failed. Not Found: \nurl: '/w/tests/workspace_dependencies/create',"
                " status: 404"
            ),
            "too old for workspace dependencies",
        ),
        ("Workspace 'tests' not found on http://x/.", "has no workspace 'tests'"),
        (
            "body: 'Bad request: A field exceeds its maximum length'",
            "too long for the server's database",
        ),
        (
            "first line\n\nsomething that nobody knows",
            "wmill sync push failed:\nfirst line\nsomething that nobody knows",
        ),
    ],
)
def test_recorded_words_of_the_cli_are_explained(printed: str, said: str):
    assert said in cli.explain(printed, Server("http://127.0.0.1:9", WORKSPACE, TOKEN))


def test_the_servers_own_limits_are_the_recording_servers(server: Recorded):
    asking = Server(server.url, WORKSPACE, TOKEN)
    variable = {
        "path": "f/millrace/x",
        "value": "v" * 15_001,
        "is_secret": False,
        "description": "",
    }

    refusals = [
        ("variables/create", variable, "400 .*A field exceeds its maximum length"),
        (
            "variables/create",
            {**variable, "value": "v" * 11_250, "is_secret": True},
            "A field exceeds its maximum length",
        ),
        (
            "variables/create",
            {**variable, "path": "f/x", "value": ""},
            "Invalid path: it must be of the form",
        ),
        (
            "scripts/create",
            {"path": "f/a b/x", "summary": "", "content": "", "language": "python3"},
            "proper_id",
        ),
        ("scripts/create", {"path": "f/a/x"}, "422 .*missing field `summary`"),
        ("variables/update/f/a/none", {"value": ""}, "Not found: Variable not found"),
        ("folders/create", {"name": "a.b"}, "Folder name can only contain"),
        ("jobs/run/p/f/a/none", {}, "Not found: script not found"),
    ]
    for path, body, said in refusals:
        with pytest.raises(DeployFailed, match=said):
            asking.post(path, body)
    asking.post("variables/create", {**variable, "value": "v" * 15_000})
    asking.post(
        "variables/create",
        {**variable, "path": "f/millrace/y", "value": "v" * 11_200, "is_secret": True},
    )
    with pytest.raises(DeployFailed, match="Bad request: Variable f/millrace/x already exists"):
        asking.post("variables/create", {**variable, "value": ""})


def test_a_folder_that_does_not_exist_is_no_obstacle_to_an_admin_only(server: Recorded):
    asking = Server(server.url, WORKSPACE, TOKEN)
    body = {
        "path": "f/nowhere/x",
        "summary": "",
        "content": "def main(): ...",
        "language": "python3",
    }
    asking.post("scripts/create", body)
    server.is_admin = False

    with pytest.raises(DeployFailed, match="row-level security"):
        asking.post("scripts/create", {**body, "path": "f/nowhere/y"})
    with pytest.raises(DeployFailed, match="write permission at this path"):
        asking.post(
            "resources/create", {"path": "f/nowhere/y", "value": {}, "resource_type": "state"}
        )


def failed(url: str, workspace: str, root: Path) -> str:
    """Push with the real CLI, which must fail; return how that is told."""
    with pytest.raises(DeployFailed) as refused:
        cli.push(root, Server(url, workspace, TOKEN), "tests")
    return str(refused.value)
