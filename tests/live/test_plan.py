"""The plan of a deployment against the recording server: what it shows, what it refuses, and the way back."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from f.millrace.core.errors import BadInput
from scripts.deployment import __main__ as deployment
from scripts.deployment import record
from scripts.deployment.server import DeployFailed, Server
from scripts.deployment.workspaces import named
from tests.live.test_deploy import deploy, wishes
from tests.live.windmill import TOKEN, WORKSPACE, Recorded, recording

FLOW, SCRIPT, APP = "f/millrace/work/daily", "f/millrace/work/do", "f/millrace/work/page"
SCHEDULE = """\
summary: Daily
args: {}
cron_version: v2
enabled: true
is_flow: true
no_flow_overlap: true
schedule: 0 0 8 * * *
script_path: f/millrace/work/daily
timezone: UTC
"""
FLOW_TEXT = """\
summary: Daily
description: ''
value:
  modules:
    - id: one
      summary: One
      value:
        type: script
        input_transforms: {}
        path: f/millrace/work/do
schema:
  $schema: https://json-schema.org/draft/2020-12/schema
  type: object
  order: []
  properties: {}
  required: []
"""


@pytest.fixture
def server() -> Iterator[Recorded]:
    """An empty workspace."""
    with recording() as recorded:
        yield recorded


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small bundle in Git: a script, a flow, a schedule."""
    root = tmp_path / "bundle"
    put(root, "wmill.yaml", "includes: ['f/millrace/**']\nnonDottedPaths: true\nincludeSchedules: true\nskipVariables: true\n"
        "workspaces:\n  staging: {baseUrl: 'http://127.0.0.1:1', workspaceId: trial}\n")  # fmt: skip
    script(root, "do")
    put(root, f"{FLOW}__flow/flow.yaml", FLOW_TEXT)
    put(root, f"{FLOW}.schedule.yaml", SCHEDULE)
    put(root, "dependencies/millrace_core.requirements.in", "pydantic==2.0\n")
    git(root, "init", "-q")
    return commit(root)


def put(root: Path, name: str, text: str) -> None:
    """Write a file."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def script(root: Path, name: str, body: str = "return {}") -> None:
    """Write a script with its metadata."""
    put(root, f"f/millrace/work/{name}.py", f"def main() -> dict:\n    {body}\n")
    put(root, f"f/millrace/work/{name}.script.yaml", f"summary: Do {name}\nlock: '!inline f/millrace/work/{name}.script.lock'\nkind: script\n"
        "schema: {$schema: 'https://json-schema.org/draft/2020-12/schema', type: object, properties: {}, required: []}\n")  # fmt: skip
    put(root, f"f/millrace/work/{name}.script.lock", "# py: 3.12")


def git(root: Path, *arguments: str) -> None:
    """Run git."""
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


def commit(root: Path) -> Path:
    """Commit everything."""
    git(root, "add", "-A")
    git(root, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "state")
    return root


def test_a_dry_run_shows_the_plan_and_changes_nothing(server: Recorded, checkout: Path, wmill: Path, capsys):
    deploy(server, checkout, dry_run=True)

    said = capsys.readouterr().out
    assert f"add: script {SCRIPT}\n" in said and f"add: flow {FLOW}\n" in said and f"add: schedule {FLOW}\n" in said
    assert "plan: 4 to add, 0 to change, 0 to delete" in said
    assert server.writes() == []


def test_an_unchanged_bundle_is_not_pushed_again(server: Recorded, checkout: Path, wmill: Path, capsys):
    deploy(server, checkout)
    server.requests.clear()

    deploy(server, checkout)

    assert "plan: nothing to do" in capsys.readouterr().out
    assert server.writes() == []


def test_what_changed_in_git_is_shown_and_pushed(server: Recorded, checkout: Path, wmill: Path, capsys):
    deploy(server, checkout)
    script(checkout, "do", "return {'better': True}")
    commit(checkout)

    deploy(server, checkout)

    assert f"change: script {SCRIPT}\nplan: 0 to add, 1 to change, 0 to delete" in capsys.readouterr().out
    assert "better" in server.scripts[SCRIPT]["content"]


def test_a_flow_that_a_person_changed_on_the_server_is_not_overwritten(server: Recorded, checkout: Path, wmill: Path):
    deploy(server, checkout)
    server.flows[FLOW]["summary"] = "Daily, but better"
    put(checkout, f"{FLOW}__flow/flow.yaml", FLOW_TEXT.replace("summary: One", "summary: First"))
    commit(checkout)

    with pytest.raises(DeployFailed) as refused:
        deploy(server, checkout)

    assert f"flow {FLOW}" in str(refused.value) and "-summary: Daily, but better" in str(refused.value)
    assert "flows import daily" in str(refused.value) and "--overwrite" in str(refused.value)
    assert server.flows[FLOW]["summary"] == "Daily, but better"
    deploy(server, checkout, overwrite=True)
    assert server.flows[FLOW]["summary"] == "Daily"


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("script", {"content": "def main(): return 'mine'\n", "hash": "other"}),
        ("schedule", {"schedule": "0 0 9 * * *"}),
        ("schedule", {"on_failure": "script/f/eve/tell"}),
        ("flow", {"tag": "gpu"}),
    ],
)
def test_what_else_was_changed_on_the_server_is_not_overwritten_either(
    server: Recorded, checkout: Path, wmill: Path, kind: str, change: dict[str, str]
):
    deploy(server, checkout)
    items = {"script": server.scripts, "schedule": server.schedules, "flow": server.flows}[kind]
    items[SCRIPT if kind == "script" else FLOW] |= change

    with pytest.raises(DeployFailed, match=f"{kind} f/millrace/work"):
        deploy(server, checkout)
    assert items[SCRIPT if kind == "script" else FLOW].items() >= change.items()


def test_a_dry_run_shows_what_a_person_changed_and_how_to_bring_it_into_git(
    server: Recorded, checkout: Path, wmill: Path, capsys
):
    deploy(server, checkout)
    server.flows[FLOW]["summary"] = "Daily, but better"
    capsys.readouterr()

    deploy(server, checkout, dry_run=True)

    lines = capsys.readouterr().out.splitlines()
    start = lines.index(f"--- {FLOW} on the server")
    assert lines[start + 1] == "+++ as it would be pushed" and "-summary: Daily, but better" in lines[start:]
    assert "`scripts/millrace flows import daily`" in lines[-1] and "--overwrite" in lines[-1]


def test_an_edit_that_was_brought_into_git_is_no_conflict(server: Recorded, checkout: Path, wmill: Path, capsys):
    deploy(server, checkout)
    server.flows[FLOW]["summary"] = "Better"
    put(checkout, f"{FLOW}__flow/flow.yaml", FLOW_TEXT.replace("summary: Daily", "summary: Better"))
    commit(checkout)

    deploy(server, checkout)

    assert "plan: nothing to do" in capsys.readouterr().out


def test_nothing_is_deleted_without_being_asked_for(server: Recorded, checkout: Path, wmill: Path):
    script(checkout, "old")
    commit(checkout)
    deploy(server, checkout)
    for file in checkout.glob("f/millrace/work/old.*"):
        file.unlink()
    commit(checkout)

    with pytest.raises(DeployFailed, match=r"f/millrace/work/old.*--allow-delete"):
        deploy(server, checkout)

    assert "f/millrace/work/old" in server.scripts
    deploy(server, checkout, allow_delete=True)
    assert "f/millrace/work/old" not in server.scripts


def app(root: Path, code: str) -> None:
    """Write an app of one file, and an HTTP trigger."""
    put(root, f"{APP}__raw_app/raw_app.yaml", "summary: Page\n")
    put(root, f"{APP}__raw_app/index.tsx", code)
    put(root, f"{APP}__raw_app/package.json", '{"dependencies": {}}\n')
    put(root, f"{APP}__raw_app/backend/do.yaml", f"type: script\nfields:\n  days:\n    value: 1\npath: {SCRIPT}\n")
    text = (root / "wmill.yaml").read_text()
    put(root, "wmill.yaml", text if "includeTriggers" in text else text + "includeTriggers: true\n")
    put(root, f"{APP}.http_trigger.yaml", f"script_path: {SCRIPT}\nis_flow: false\nroute_path: page\nrequest_type: sync\n"
        "authentication_method: windmill\nhttp_method: post\nis_static_website: false\nworkspaced_route: true\n"
        "wrap_body: false\nraw_string: false\n")  # fmt: skip
    commit(root)


def test_an_app_and_a_trigger_are_added_once_changed_and_deleted_as_other_items_are(
    server: Recorded, checkout: Path, wmill: Path, capsys
):
    app(checkout, "document.title = 'one'\n")
    deploy(server, checkout)
    assert f"add: app {APP}\n" in (said := capsys.readouterr().out) and f"add: HTTP trigger {APP}\n" in said
    assert "one" in server.apps[APP]["js"] and server.http_triggers[APP]["route_path"] == "page"

    deploy(server, checkout)
    assert "plan: nothing to do" in capsys.readouterr().out

    app(checkout, "document.title = 'two'\n")
    deploy(server, checkout)
    assert f"change: app {APP}\nplan: 0 to add, 1 to change, 0 to delete" in capsys.readouterr().out
    assert "two" in server.apps[APP]["js"]

    shutil.rmtree(checkout / f"{APP}__raw_app")
    (checkout / f"{APP}.http_trigger.yaml").unlink()
    commit(checkout)
    deploy(server, checkout, allow_delete=True)
    assert server.apps == {} and server.http_triggers == {}


@pytest.mark.parametrize("kind", ["app", "HTTP trigger"])
def test_an_app_or_trigger_that_a_person_changed_is_not_overwritten(server: Recorded, checkout: Path, wmill: Path, kind: str):
    app(checkout, "document.title = 'one'\n")
    deploy(server, checkout)
    if kind == "app":
        server.apps[APP]["value"]["files"]["/index.tsx"] = "document.title = 'mine'\n"
    else:
        server.http_triggers[APP]["authentication_method"] = "none"

    with pytest.raises(DeployFailed, match=f"{kind} {APP}"):
        deploy(server, checkout)


def test_an_app_of_somebody_else_stays(server: Recorded, checkout: Path, wmill: Path, capsys):
    app(checkout, "document.title = 'one'\n")
    theirs = {"path": "f/millrace/theirs", "summary": "Theirs", "value": {"files": {}, "runnables": {}}, "policy": {}}
    server.apps["f/millrace/theirs"] = dict(theirs)

    deploy(server, checkout)

    assert "keep: app f/millrace/theirs" in capsys.readouterr().out
    assert server.apps["f/millrace/theirs"] == theirs


def test_rollback_returns_to_the_deployment_before(server: Recorded, checkout: Path, wmill: Path, capsys):
    deploy(server, checkout)
    script(checkout, "do", "return {'worse': True}")
    script(checkout, "new")
    commit(checkout)
    deploy(server, checkout)

    deployment.roll_back(Server(server.url, WORKSPACE, TOKEN), checkout, wishes())

    assert "worse" not in server.scripts[SCRIPT]["content"]
    assert "f/millrace/work/new" not in server.scripts
    known = record.read(Server(server.url, WORKSPACE, TOKEN))
    assert known is not None and len(known.revisions) == 1
    with pytest.raises(BadInput, match="no deployment before"):
        deployment.roll_back(Server(server.url, WORKSPACE, TOKEN), checkout, wishes())


def test_a_workspace_is_named_in_wmill_yaml(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WMILL_TOKEN_STAGING", "secret")
    options = wishes()
    options.to, options.base_url, options.workspace, options.token = "staging", None, None, None

    assert named(checkout, options) == ("http://127.0.0.1:1", "trial", "secret")
    options.to = "production"
    with pytest.raises(BadInput, match="there are staging"):
        named(checkout, options)
    options.to = None
    with pytest.raises(BadInput, match="--base-url is missing"):
        named(checkout, options)


def test_inline_scripts_belong_to_their_flow(server: Recorded, checkout: Path, wmill: Path, capsys):
    step = "    - id: two\n      value:\n        type: rawscript\n        content: '!inline two.inline_script.py'\n"
    step += "        input_transforms: {}\n        lock: ''\n        language: python3\n"
    put(checkout, f"{FLOW}__flow/flow.yaml", FLOW_TEXT.replace("schema:", step + "schema:", 1))
    put(checkout, f"{FLOW}__flow/two.inline_script.py", "def main():\n    return 1\n")
    commit(checkout)
    deploy(server, checkout)
    assert server.flows[FLOW]["value"]["modules"][1]["value"]["content"] == "def main():\n    return 1\n"
    deploy(server, checkout)
    assert "plan: nothing to do" in capsys.readouterr().out
    put(checkout, f"{FLOW}__flow/two.inline_script.py", "def main():\n    return 2\n")
    commit(checkout)

    deploy(server, checkout)

    assert f"change: flow {FLOW}\nplan: 0 to add, 1 to change, 0 to delete" in capsys.readouterr().out
    assert set(server.scripts) == {SCRIPT}
