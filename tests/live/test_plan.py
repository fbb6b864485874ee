"""The plan of a deployment against the recording server: what it shows, what it refuses, and the
way back.
"""

import json
import shutil
from pathlib import Path

import pytest

from f.millrace.core.errors import BadInput
from scripts.deployment import __main__ as deployment
from scripts.deployment import imported, inventory, loaded, plan, record
from scripts.deployment.server import DeployFailed, Server
from scripts.deployment.workspaces import find_workspace
from tests.live.small import (
    FLOW,
    FLOW_TEXT,
    SCHEDULE,
    SCRIPT,
    commit,
    git,
    jobs,
    put,
    script,
)
from tests.live.test_deploy import deploy, wishes
from tests.live.windmill import TOKEN, WORKSPACE, Recorded

APP = "f/millrace/work/page"


def test_a_dry_run_shows_the_plan_and_changes_nothing(
    server: Recorded, checkout: Path, wmill: Path, capsys
):
    deploy(server, checkout, dry_run=True)

    said = capsys.readouterr().out
    assert (
        f"add: script {SCRIPT}\n" in said
        and f"add: flow {FLOW}\n" in said
        and f"add: schedule {FLOW}\n" in said
    )
    assert "plan: 6 to add, 0 to change, 0 to delete" in said
    assert server.writes() == []


def test_an_unchanged_bundle_is_not_pushed_again(
    server: Recorded, checkout: Path, wmill: Path, capsys
):
    deploy(server, checkout)
    server.requests.clear()

    deploy(server, checkout)

    assert "plan: nothing to do" in capsys.readouterr().out
    assert server.writes() == []


def test_what_changed_in_git_is_shown_and_pushed(
    server: Recorded, checkout: Path, wmill: Path, capsys
):
    deploy(server, checkout)
    script(checkout, "do", "return {'better': True}")
    commit(checkout)

    deploy(server, checkout)

    assert (
        f"change: script {SCRIPT}\nplan: 0 to add, 1 to change, 0 to delete"
        in capsys.readouterr().out
    )
    assert "better" in server.scripts[SCRIPT]["content"]


def test_a_flow_that_a_person_changed_on_the_server_is_not_overwritten(
    server: Recorded, checkout: Path, wmill: Path
):
    deploy(server, checkout)
    server.flows[FLOW]["summary"] = "Daily, but better"
    put(checkout, f"{FLOW}__flow/flow.yaml", FLOW_TEXT.replace("summary: One", "summary: First"))
    commit(checkout)

    with pytest.raises(DeployFailed) as refused:
        deploy(server, checkout)

    assert f"flow {FLOW}" in str(refused.value) and "-summary: Daily, but better" in str(
        refused.value
    )
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
    assert (
        lines[start + 1] == "+++ as it would be pushed"
        and "-summary: Daily, but better" in lines[start:]
    )
    assert "`scripts/millrace flows import daily`" in lines[-1] and "--overwrite" in lines[-1]


def test_an_edit_that_was_brought_into_git_is_no_conflict(
    server: Recorded, checkout: Path, wmill: Path, capsys
):
    deploy(server, checkout)
    server.flows[FLOW]["summary"] = "Better"
    put(checkout, f"{FLOW}__flow/flow.yaml", FLOW_TEXT.replace("summary: Daily", "summary: Better"))
    commit(checkout)

    deploy(server, checkout)

    assert "plan: nothing to do" in capsys.readouterr().out


def test_an_imported_edit_may_be_pushed_over_in_another_form_and_a_later_one_not(
    server: Recorded, checkout: Path, wmill: Path
):
    deploy(server, checkout)
    server.flows[FLOW]["summary"] = "Better"
    file = checkout / f"{FLOW}__flow/flow.yaml"
    put(checkout, f"{FLOW}__flow/flow.yaml", FLOW_TEXT.replace("summary: Daily", "summary: Better"))
    imported.note(checkout, FLOW, plan.flow_text(file))
    put(
        checkout,
        f"{FLOW}__flow/flow.yaml",
        FLOW_TEXT.replace("summary: Daily", "summary: Better, as the import has it"),
    )
    put(checkout, ".gitignore", ".millrace/\n")
    commit(checkout)

    deploy(server, checkout)

    assert server.flows[FLOW]["summary"] == "Better, as the import has it"
    server.flows[FLOW]["summary"] = "Edited again"
    with pytest.raises(DeployFailed, match=f"flow {FLOW}"):
        deploy(server, checkout)


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
    put(
        root,
        f"{APP}__raw_app/backend/do.yaml",
        f"type: script\nfields:\n  days:\n    value: 1\npath: {SCRIPT}\n",
    )
    text = (root / "wmill.yaml").read_text()
    put(root, "wmill.yaml", text if "includeTriggers" in text else text + "includeTriggers: true\n")
    put(
        root,
        f"{APP}.http_trigger.yaml",
        f"script_path: {SCRIPT}\nis_flow: false\nroute_path: page\nrequest_type: sync\n"
        "authentication_method: windmill\nhttp_method: post\n"
        "is_static_website: false\nworkspaced_route: true\n"
        "wrap_body: false\nraw_string: false\n",
    )
    commit(root)


def test_an_app_and_a_trigger_are_added_once_changed_and_deleted_as_other_items_are(
    server: Recorded, checkout: Path, wmill: Path, capsys
):
    app(checkout, "document.title = 'one'\n")
    deploy(server, checkout)
    assert (
        f"add: app {APP}\n" in (said := capsys.readouterr().out)
        and f"add: HTTP trigger {APP}\n" in said
    )
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
def test_an_app_or_trigger_that_a_person_changed_is_not_overwritten(
    server: Recorded, checkout: Path, wmill: Path, kind: str
):
    app(checkout, "document.title = 'one'\n")
    deploy(server, checkout)
    if kind == "app":
        server.apps[APP]["value"]["files"]["/index.tsx"] = "document.title = 'mine'\n"
    else:
        server.http_triggers[APP]["authentication_method"] = "none"

    with pytest.raises(DeployFailed, match=f"{kind} {APP}"):
        deploy(server, checkout)


def test_a_trigger_that_a_person_disabled_stays_disabled(
    server: Recorded, checkout: Path, wmill: Path, capsys
):
    app(checkout, "document.title = 'one'\n")
    deploy(server, checkout)
    server.http_triggers[APP]["mode"] = "disabled"
    file = checkout / f"{APP}.http_trigger.yaml"
    file.write_text(file.read_text().replace("route_path: page", "route_path: other"))
    commit(checkout)

    deploy(server, checkout)

    assert (
        server.http_triggers[APP] | {"mode": "disabled", "route_path": "other"}
        == server.http_triggers[APP]
    )
    assert f"keep: HTTP trigger {APP} stays disabled" in capsys.readouterr().out


def test_an_app_of_somebody_else_stays(server: Recorded, checkout: Path, wmill: Path, capsys):
    app(checkout, "document.title = 'one'\n")
    theirs = {
        "path": "f/millrace/theirs",
        "summary": "Theirs",
        "value": {"files": {}, "runnables": {}},
        "policy": {},
    }
    server.apps["f/millrace/theirs"] = dict(theirs)

    deploy(server, checkout)

    assert "keep: app f/millrace/theirs" in capsys.readouterr().out
    assert server.apps["f/millrace/theirs"] == theirs


def test_rollback_returns_to_the_deployment_before(
    server: Recorded, checkout: Path, wmill: Path, capsys
):
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

    assert find_workspace(checkout, options) == ("http://127.0.0.1:1", "trial", "secret")
    options.to = "production"
    with pytest.raises(BadInput, match="there are staging"):
        find_workspace(checkout, options)
    options.to = None
    with pytest.raises(BadInput, match="--base-url is missing"):
        find_workspace(checkout, options)


def test_inline_scripts_belong_to_their_flow(server: Recorded, checkout: Path, wmill: Path, capsys):
    step = (
        "    - id: two\n      value:\n        type: rawscript\n        content: '!inline"
        " two.inline_script.py'\n"
    )
    step += "        input_transforms: {}\n        lock: ''\n        language: python3\n"
    put(checkout, f"{FLOW}__flow/flow.yaml", FLOW_TEXT.replace("schema:", step + "schema:", 1))
    put(checkout, f"{FLOW}__flow/two.inline_script.py", "def main():\n    return 1\n")
    commit(checkout)
    deploy(server, checkout)
    assert (
        server.flows[FLOW]["value"]["modules"][1]["value"]["content"]
        == "def main():\n    return 1\n"
    )
    deploy(server, checkout)
    assert "plan: nothing to do" in capsys.readouterr().out
    put(checkout, f"{FLOW}__flow/two.inline_script.py", "def main():\n    return 2\n")
    commit(checkout)

    deploy(server, checkout)

    assert (
        f"change: flow {FLOW}\nplan: 0 to add, 1 to change, 0 to delete" in capsys.readouterr().out
    )
    assert set(server.scripts) == {SCRIPT, "f/millrace/ops/show_version", "f/millrace/ops/migrate"}


def test_a_workspace_that_has_it_all_already_asks_nothing(
    server: Recorded, checkout: Path, wmill: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    deploy(server, checkout)
    server.resources.clear()  # the record, too
    server.folders.clear()  # as after a plain `wmill sync push`
    server.requests.clear()
    monkeypatch.setattr(deployment, "ROOT", checkout)

    status = deployment.main(["--base-url", server.url, "--workspace", WORKSPACE, "--token", TOKEN])

    assert status == 0
    assert "plan: nothing to do" in capsys.readouterr().out
    assert server.writes() == ["POST folders/create", "POST resources/create"]
    assert record.PATH in server.resources


def test_the_record_of_a_large_bundle_is_kept(server: Recorded):
    items = {
        f"script f/millrace/a/step_{n}": {"pushed": "0" * 16, "held": "1" * 16} for n in range(400)
    }

    record.write(Server(server.url, WORKSPACE, TOKEN), record.Record(["abc"], items, []))

    known = record.read(Server(server.url, WORKSPACE, TOKEN))
    assert known == record.Record(["abc"], items, [])
    assert server.resources[record.PATH]["resource_type"] == "state"


def test_the_variable_of_an_older_deployment_is_read_once_and_removed(
    server: Recorded, checkout: Path, wmill: Path, capsys
):
    deploy(server, checkout)
    kept = server.resources.pop(record.PATH)["value"]
    server.variables[record.PATH] = {
        "path": record.PATH,
        "value": json.dumps(kept),
        "is_secret": False,
    }
    server.schedules[FLOW]["schedule"] = "0 0 9 * * *"

    with pytest.raises(DeployFailed, match=f"schedule {FLOW}"):
        deploy(server, checkout)
    assert record.PATH in server.variables
    deploy(server, checkout, overwrite=True)

    assert record.PATH not in server.variables
    assert server.resources[record.PATH]["value"]["revisions"] == kept["revisions"]


def test_schedules_wait_for_tables_and_are_switched_on_with_them(
    server: Recorded, checkout: Path, wmill: Path, capsys
):
    server.run = jobs(server)

    deploy(server, checkout)

    assert server.schedules[FLOW]["enabled"] is False
    assert f"1 schedule(s) stay off until there are tables: {FLOW}" in capsys.readouterr().out
    deploy(server, checkout, bootstrap=True)
    assert server.schedules[FLOW]["enabled"] is True
    assert f"on: schedule {FLOW}" in capsys.readouterr().out
    known = record.read(Server(server.url, WORKSPACE, TOKEN))
    assert known is not None and known.waiting == []


def test_a_migration_that_fails_leaves_schedules_off_until_one_succeeds(
    server: Recorded, checkout: Path, wmill: Path
):
    server.run = jobs(
        server, (False, {"error": {"name": "DatabaseUnavailable", "message": "no database"}})
    )

    with pytest.raises(DeployFailed, match=rf"(?s)no database.*1 schedule\(s\) stay off.*{FLOW}"):
        deploy(server, checkout, bootstrap=True)

    assert server.schedules[FLOW]["enabled"] is False
    server.run = jobs(server)
    deploy(server, checkout)
    assert server.schedules[FLOW]["enabled"] is True


def test_a_push_that_was_cut_off_does_not_make_a_waiting_schedule_a_persons_choice(
    server: Recorded, checkout: Path, wmill: Path, monkeypatch: pytest.MonkeyPatch
):
    server.run = jobs(server)
    with monkeypatch.context() as patch:
        patch.setattr(inventory, "remove", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            deploy(server, checkout, bootstrap=True)
    assert server.schedules[FLOW]["enabled"] is False

    deploy(server, checkout, bootstrap=True)

    assert server.schedules[FLOW]["enabled"] is True


@pytest.mark.parametrize("chosen", [True, False])
def test_what_a_person_switched_after_the_tables_were_there_stays(
    server: Recorded, checkout: Path, wmill: Path, chosen: bool, capsys
):
    put(
        checkout,
        f"{FLOW}.schedule.yaml",
        SCHEDULE.replace("enabled: true", f"enabled: {str(not chosen).lower()}"),
    )
    git(checkout, "commit", "--quiet", "--all", "--allow-empty", "--message", "switch")
    server.run = jobs(server)
    deploy(server, checkout, bootstrap=True)
    server.schedules[FLOW]["enabled"] = chosen
    script(checkout, "do", "return {'better': True}")
    commit(checkout)

    deploy(server, checkout)

    assert server.schedules[FLOW]["enabled"] is chosen
    assert f"keep: schedule {FLOW} stays {'on' if chosen else 'off'}" in capsys.readouterr().out


def test_the_deploy_waits_until_a_worker_loads_the_new_source(
    server: Recorded, checkout: Path, wmill: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.setattr(loaded, "POLL_SECONDS", 0)
    server.run = jobs(server)
    deploy(server, checkout)
    before = server.scripts[SCRIPT]["content"]
    script(checkout, "do", "return {'better': True}")
    commit(checkout)
    answer, asked = jobs(server), []

    def slow_to_notice(path: str, arguments: dict) -> tuple[bool, object]:
        asked.append(arguments.get("paths"))
        server.stale = {SCRIPT: before} if len(asked) < 3 else {}
        return answer(path, arguments)

    server.run = slow_to_notice
    deploy(server, checkout)

    assert asked == [[SCRIPT]] * 3
    assert (
        "workers: load the new source (1 scripts asked for), on Python 3.12.1"
        in capsys.readouterr().out
    )


def test_a_job_that_loads_two_revisions_at_once_is_tried_again(
    server: Recorded, checkout: Path, wmill: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.setattr(loaded, "POLL_SECONDS", 0)
    answer, asked = jobs(server), []

    def mixed_at_first(path: str, arguments: dict) -> tuple[bool, object]:
        asked.append(path)
        if len(asked) < 3:
            return False, {"error": {"name": "AttributeError", "message": "no attribute 'use'"}}
        return answer(path, arguments)

    server.run = mixed_at_first
    deploy(server, checkout)

    assert asked == [loaded.STEP] * 3
    assert "workers: load the new source" in capsys.readouterr().out


def test_a_job_that_fails_for_longer_than_sources_are_kept_ends_the_deploy(
    server: Recorded, checkout: Path, wmill: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(loaded, "POLL_SECONDS", 0)
    monkeypatch.setattr(loaded, "SECONDS", 0.5)
    server.run = lambda path, arguments: (
        False,
        {"error": {"name": "AttributeError", "message": "no attribute 'use'"}},
    )

    with pytest.raises(DeployFailed, match=r"show_version failed: .*no attribute 'use'"):
        deploy(server, checkout)


def test_a_worker_that_keeps_old_source_is_told_and_no_table_is_changed(
    server: Recorded, checkout: Path, wmill: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(loaded, "POLL_SECONDS", 0)
    server.run = jobs(server)
    deploy(server, checkout, bootstrap=True)
    server.stale = {SCRIPT: server.scripts[SCRIPT]["content"]}
    script(checkout, "do", "return {'better': True}")
    commit(checkout)
    monkeypatch.setattr(loaded, "SECONDS", 0.5)
    server.requests.clear()

    with pytest.raises(
        DeployFailed, match=f"still loads the old source of {SCRIPT}; no table was changed"
    ):
        deploy(server, checkout)

    assert "POST jobs/run/p/f/millrace/ops/migrate" not in server.writes()


def test_the_folder_is_made_once_and_never_touched_again(
    server: Recorded, checkout: Path, wmill: Path
):
    deploy(server, checkout)
    assert server.folders["millrace"]["summary"] == "Small"
    theirs = {
        "name": "millrace",
        "display_name": "Ours",
        "owners": ["g/team"],
        "extra_perms": {"g/team": True},
        "summary": "Team",
    }
    server.folders["millrace"] = dict(theirs)
    script(checkout, "do", "return {'better': True}")
    put(checkout, "f/millrace/folder.meta.yaml", "summary: New\ndisplay_name: New\n")
    commit(checkout)

    deploy(server, checkout)

    assert "better" in server.scripts[SCRIPT]["content"]
    assert server.folders["millrace"] == theirs


def test_many_additions_are_one_line(server: Recorded, checkout: Path, wmill: Path, capsys):
    for number in range(25):
        script(checkout, f"more_{number}")
    commit(checkout)

    deploy(server, checkout, dry_run=True)

    said = capsys.readouterr().out
    assert "add: script (28 of them)\n" in said and f"add: flow {FLOW}\n" in said


def test_a_revision_without_the_step_that_shows_the_source_is_deployed_all_the_same(
    server: Recorded, checkout: Path, wmill: Path, capsys
):
    for file in checkout.glob("f/millrace/ops/show_version.*"):
        file.unlink()
    commit(checkout)
    server.run = jobs(server)

    deploy(server, checkout, bootstrap=True)

    said = capsys.readouterr().out
    assert "workers may load old source for a minute" in said and f"on: schedule {FLOW}" in said


def test_the_zone_of_the_workspace_s_settings_is_pushed_and_is_no_edit(
    server: Recorded, checkout: Path, wmill: Path, capsys
):
    server.resources["f/millrace/settings"] = {"value": {"schedule_zone": "Asia/Tokyo"}}
    server.run = jobs(server, (True, {"applied": []}))
    deploy(server, checkout)
    pushed = server.schedules[FLOW]["timezone"]
    capsys.readouterr()

    deploy(server, checkout)

    assert pushed == "Asia/Tokyo"
    assert "plan: nothing to do" in capsys.readouterr().out
