"""What the real CLI sends when it pushes the bundle."""

import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.deployment import cli
from scripts.deployment.server import Server
from tests.live.conftest import ROOT
from tests.live.small import put, script, small_bundle
from tests.live.windmill import TOKEN, WORKSPACE, Recorded, recording
from tests.live.worker import pins


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A small bundle: a script, a flow, a schedule."""
    return small_bundle(tmp_path / "small")


def test_every_python_file_becomes_a_script_with_its_text(pushed: Recorded, bundle: Path):
    files = {
        str(path.relative_to(bundle).with_suffix("")): path.read_text()
        for path in bundle.glob("f/**/*.py")
    }

    sent = {path: script["content"] for path, script in pushed.scripts.items()}

    assert sent == files


def test_every_step_is_sent_with_a_summary_its_schema_and_a_full_lock(pushed: Recorded):
    steps = {
        path: script
        for path, script in pushed.scripts.items()
        if "\ndef main(" in script["content"]
    }
    assert steps

    for path, sent in steps.items():
        assert sent["summary"], path
        assert sent["lock"].startswith("# workspace-dependencies-mode: manual\n"), path
        assert pins(sent["lock"]), path
        for name, field in sent["schema"]["properties"].items():
            assert field.get("description"), f"{path}: {name}"


def test_flows_schedules_and_dependencies_are_sent(pushed: Recorded):
    for flow in (ROOT / "f").glob("**/*__flow"):
        path = str(flow.relative_to(ROOT)).removesuffix("__flow")
        assert pushed.flows[path]["value"]["modules"], path
    for schedule in (ROOT / "f").glob("**/*.schedule.yaml"):
        path = str(schedule.relative_to(ROOT)).removesuffix(".schedule.yaml")
        assert pushed.schedules[path]["cron_version"] == "v2", path
    wanted = {
        path.name.removesuffix(".requirements.in")
        for path in (ROOT / "dependencies").glob("*.requirements.in")
    }
    assert wanted == set(pushed.dependencies)


def test_flows_call_only_scripts_that_were_sent(pushed: Recorded):
    for name, flow in pushed.flows.items():
        for path in _called(flow["value"]):
            assert path in pushed.scripts, f"{name} calls {path}"


def test_nothing_is_sent_outside_the_bundles_folder(pushed: Recorded):
    sent = [*pushed.scripts, *pushed.flows, *pushed.schedules, *pushed.resources, *pushed.variables]

    assert [path for path in sent if not path.startswith("f/millrace/")] == []
    assert pushed.resources == {}
    assert pushed.variables == {}
    assert not [request for request in pushed.writes() if request.startswith("DELETE")]


def test_wmill_lint_finds_nothing(wmill: Path, bundle: Path):
    done = subprocess.run(
        [str(wmill), "lint", "--json", "--locks-required", "--fail-on-warn"],
        cwd=bundle,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_wmill_lint_finds_nothing_in_the_examples(wmill: Path, tmp_path: Path):
    shutil.copytree(ROOT / "u/example", tmp_path / "u/example")
    (tmp_path / "wmill.yaml").write_text("includes: ['u/example/**']\nnonDottedPaths: true\n")

    done = subprocess.run(
        [str(wmill), "lint", "--json", "--fail-on-warn"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0 and len(list(tmp_path.rglob("flow.yaml"))) == 2, (
        done.stdout + done.stderr
    )


def files(folder: Path) -> dict[str, bytes]:
    """Return each file's content, but for the hashes that the CLI keeps for itself."""
    there = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    return {name: content for name, content in there.items() if name != "wmill-lock.yaml"}


def pull(recorded: Recorded, folder: Path) -> str:
    """Pull with the real CLI; return what it said."""
    return cli.run(
        folder,
        Server(recorded.url, WORKSPACE, TOKEN),
        "pull",
        ["--yes", "--skip-branch-validation"],
    )


def _called(value: object) -> list[str]:
    if isinstance(value, list):
        return [path for inner in value for path in _called(inner)]
    if not isinstance(value, dict):
        return []
    own = [value["path"]] if value.get("type") in ("script", "flow") and "path" in value else []
    return own + [path for inner in value.values() for path in _called(inner)]


def test_the_push_starts_no_relock_and_the_server_keeps_the_locks_of_git(
    pushed: Recorded, bundle: Path
):
    committed = {
        str(path.relative_to(bundle)).removesuffix(".script.lock"): path.read_bytes()
        for path in bundle.glob("f/**/*.script.lock")
    }

    kept = {path: (script["lock"] or "").encode() for path, script in pushed.scripts.items()}

    assert pushed.dependency_jobs == []
    assert kept == committed


@pytest.mark.parametrize(
    ("importer", "jobs"),
    [
        ("from f.millrace.work.do import main as other", ["f/millrace/work/user"]),
        ("import f.millrace.work.do", ["f/millrace/work/user"]),
        ("from .do import main as other", ["f/millrace/work/user"]),
        ("from f.millrace.work import do", []),
        ("if True:\n    from f.millrace.work.do import main as other", []),
    ],
)
def test_a_tracked_import_starts_a_relock_of_its_importer(
    wmill: Path, small: Path, importer: str, jobs: list[str]
):
    script(small, "user")
    put(
        small,
        "f/millrace/work/user.py",
        f"# requirements:\n\n{importer}\n\n\ndef main() -> dict:\n    return {{}}\n",
    )

    with recording() as recorded:
        cli.push(small, Server(recorded.url, WORKSPACE, TOKEN), "tests")

    assert recorded.dependency_jobs == jobs


def test_a_script_without_a_lock_is_locked_by_the_server(wmill: Path, small: Path):
    put(small, "f/millrace/work/do.script.lock", "")

    with recording() as recorded:
        cli.push(small, Server(recorded.url, WORKSPACE, TOKEN), "tests")

    assert recorded.scripts["f/millrace/work/do"]["lock"] is None
    assert recorded.dependency_jobs == ["f/millrace/work/do"]


def test_a_pull_right_after_the_push_changes_no_file(pushed: Recorded, bundle: Path, wmill: Path):
    before = files(bundle)

    said = pull(pushed, bundle)

    assert "0 changes to apply" in said, said
    assert files(bundle) == before


def test_a_pull_brings_what_the_server_changed(wmill: Path, small: Path):
    with recording() as recorded:
        cli.push(small, Server(recorded.url, WORKSPACE, TOKEN), "tests")
        recorded.scripts["f/millrace/work/do"]["lock"] = "# py: 3.12\npydantic==2.0"
        recorded.schedules["f/millrace/work/daily"]["schedule"] = "0 0 9 * * *"
        recorded.flows["f/millrace/work/daily"]["summary"] = "Better"
        recorded.dependencies["millrace_core"]["content"] = "pydantic==2.1\n"

        pull(recorded, small)

    assert (small / "f/millrace/work/do.script.lock").read_text() == "# py: 3.12\npydantic==2.0"
    assert "0 0 9 * * *" in (small / "f/millrace/work/daily.schedule.yaml").read_text()
    assert "summary: Better" in (small / "f/millrace/work/daily__flow/flow.yaml").read_text()
    assert (small / "dependencies/millrace_core.requirements.in").read_text() == "pydantic==2.1\n"
    assert (
        small / "f/millrace/folder.meta.yaml"
    ).read_text() == "summary: Small\ndisplay_name: Small\n"


def test_a_plain_push_from_a_fresh_clone_into_an_empty_workspace_gives_the_same(
    pushed: Recorded, bundle: Path, wmill: Path
):
    with recording() as plain:
        server = Server(plain.url, WORKSPACE, TOKEN)
        cli.run(bundle, server, "push", ["--yes", "--skip-branch-validation"])

    def sent(rows: dict[str, dict]) -> dict[str, dict]:
        return {
            path: {key: value for key, value in row.items() if key != "deployment_message"}
            for path, row in rows.items()
        }

    assert sent(plain.scripts) == sent(pushed.scripts)
    assert sent(plain.flows) == sent(pushed.flows)
    assert sent(plain.schedules) == sent(pushed.schedules)
    assert plain.dependencies == pushed.dependencies
