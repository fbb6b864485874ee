"""The app as the real CLI bundles and sends it."""

import subprocess
from pathlib import Path

import yaml

from scripts.deployment import apps
from tests.live.conftest import ROOT
from tests.live.windmill import TOKEN, WORKSPACE, Recorded

APP = "f/millrace/today"
CONSOLE = "f/millrace/console"


def test_the_app_is_bundled_and_sent_with_its_files(pushed: Recorded):
    app = pushed.apps[APP]

    assert (
        app["summary"]
        == yaml.safe_load((ROOT / f"{APP}__raw_app/raw_app.yaml").read_text())["summary"]
    )
    assert "/index.tsx" in app["value"]["files"]
    assert not [
        name
        for name in app["value"]["files"]
        if "node_modules" in name or name.startswith("/backend")
    ]
    assert "show_digest" in app["js"]
    assert "--water" in app["css"]
    # Nothing is loaded from elsewhere.
    assert "https://" not in app["css"] and "@import" not in app["css"]


def test_the_app_calls_only_what_was_pushed_and_only_for_those_who_are_logged_in(pushed: Recorded):
    app = pushed.apps[APP]
    allowed = set(app["policy"]["triggerables_v2"])

    assert app["policy"]["execution_mode"] == "publisher"
    for name, call in app["value"]["runnables"].items():
        assert call["path"] in (pushed.scripts if call["runType"] == "script" else pushed.flows)
        assert f"{name}:{call['runType']}/{call['path']}" in allowed


def test_the_app_console_opens_it_and_comes_back_as_it_was_pushed(pushed: Recorded, bundle: Path):
    app = pushed.apps[CONSOLE]

    assert "iframe" in app["js"] and "find_console" in str(app["value"]["runnables"])
    assert len(app["js"]) < 6000
    assert apps.from_server(app) == apps.from_files(bundle, CONSOLE)


def test_a_visitor_of_the_app_cannot_go_on_with_a_run_of_others(pushed: Recorded):
    policy = pushed.apps[APP]["policy"]["triggerables_v2"][
        "run_now:flow/f/millrace/research/daily_research"
    ]

    assert policy["static_inputs"] == {
        "dry_run": False,
        "run_id": "",
        "sample": False,
        "scheduled_for": "",
    }


def test_what_was_pushed_and_the_files_compare_as_equal(pushed: Recorded, bundle: Path):
    assert apps.from_server(pushed.apps[APP]) == apps.from_files(bundle, APP)


def test_a_pull_after_the_push_changes_nothing_of_the_app(
    pushed: Recorded, bundle: Path, wmill: Path
):
    assert APP not in pulled(pushed, bundle, wmill)

    summary = pushed.apps[APP]["summary"]
    pushed.apps[APP]["summary"] = "Edited on the server"
    try:
        assert f"{APP}__raw_app/raw_app.yaml" in pulled(pushed, bundle, wmill)
    finally:
        pushed.apps[APP]["summary"] = summary


def pulled(pushed: Recorded, bundle: Path, wmill: Path) -> str:
    """Return what the real CLI would change in the files."""
    where = ["--base-url", pushed.url, "--workspace", WORKSPACE, "--token", TOKEN]
    done = subprocess.run(
        [str(wmill), "sync", "pull", "--dry-run", "--skip-branch-validation", *where],
        cwd=bundle, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_pushed_script_is_sound_javascript(pushed: Recorded, tmp_path: Path):
    file = tmp_path / "bundle.js"
    file.write_text(pushed.apps[APP]["js"])

    assert (
        subprocess.run(["node", "--check", str(file)], capture_output=True, text=True).stderr == ""
    )
