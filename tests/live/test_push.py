"""What the real CLI sends when it pushes the bundle."""

import shutil
import subprocess
from pathlib import Path

from tests.live.conftest import ROOT
from tests.live.windmill import Recorded
from tests.live.worker import pins


def test_every_python_file_becomes_a_script_with_its_text(pushed: Recorded, bundle: Path):
    files = {str(path.relative_to(bundle).with_suffix("")): path.read_text() for path in bundle.glob("f/**/*.py")}

    sent = {path: script["content"] for path, script in pushed.scripts.items()}

    assert sent == files


def test_every_step_is_sent_with_a_summary_its_schema_and_a_full_lock(pushed: Recorded):
    steps = {path: script for path, script in pushed.scripts.items() if "\ndef main(" in script["content"]}
    assert steps

    for path, script in steps.items():
        assert script["summary"], path
        assert script["lock"].startswith("# workspace-dependencies-mode: manual\n"), path
        assert pins(script["lock"]), path
        for name, field in script["schema"]["properties"].items():
            assert field.get("description"), f"{path}: {name}"


def test_flows_schedules_and_dependencies_are_sent(pushed: Recorded):
    for flow in (ROOT / "f").glob("**/*__flow"):
        path = str(flow.relative_to(ROOT)).removesuffix("__flow")
        assert pushed.flows[path]["value"]["modules"], path
    for schedule in (ROOT / "f").glob("**/*.schedule.yaml"):
        path = str(schedule.relative_to(ROOT)).removesuffix(".schedule.yaml")
        assert pushed.schedules[path]["cron_version"] == "v2", path
    wanted = {path.name.removesuffix(".requirements.in") for path in (ROOT / "dependencies").glob("*.requirements.in")}
    assert wanted == set(pushed.dependencies)


def test_flows_call_only_scripts_that_were_sent(pushed: Recorded):
    for name, flow in pushed.flows.items():
        for path in _called(flow["value"]):
            assert path in pushed.scripts, f"{name} calls {path}"


def test_nothing_is_sent_outside_the_bundles_folder(pushed: Recorded):
    sent = [*pushed.scripts, *pushed.flows, *pushed.schedules, *pushed.resources, *pushed.variables]

    assert [path for path in sent if not path.startswith("f/millrace/")] == []
    assert set(pushed.folders) == {"millrace"}
    assert pushed.resources == {}
    assert pushed.variables == {}
    assert not [request for request in pushed.writes() if request.startswith("DELETE")]


def test_wmill_lint_finds_nothing(wmill: Path, bundle: Path):
    done = subprocess.run(
        [str(wmill), "lint", "--json", "--locks-required", "--fail-on-warn"], cwd=bundle, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_wmill_lint_finds_nothing_in_the_examples(wmill: Path, tmp_path: Path):
    shutil.copytree(ROOT / "u/example", tmp_path / "u/example")
    (tmp_path / "wmill.yaml").write_text("includes: ['u/example/**']\nnonDottedPaths: true\n")

    done = subprocess.run([str(wmill), "lint", "--json", "--fail-on-warn"], cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 0 and len(list(tmp_path.rglob("flow.yaml"))) == 2, done.stdout + done.stderr


def _called(value: object) -> list[str]:
    if isinstance(value, list):
        return [path for inner in value for path in _called(inner)]
    if not isinstance(value, dict):
        return []
    own = [value["path"]] if value.get("type") in ("script", "flow") and "path" in value else []
    return own + [path for inner in value.values() for path in _called(inner)]
