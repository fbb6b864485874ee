"""Where the running code is: which step of which flow, and what time it is."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from f.millrace.core import run_context, windmill
from f.millrace.core.errors import BadSetting

RUN = "0190a1b2-0000-7000-8000-000000000001"


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the variables of a job."""

    def set_variables(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    monkeypatch.delenv("MILLRACE_STEP", raising=False)
    run_context._caller.cache_clear()
    return set_variables


def test_a_context_holds_inside_its_block():
    with run_context.use(run_context.Context(run_id=RUN)):
        with run_context.change(step="plan", dry_run=True) as inside:
            assert (
                run_context.current()
                == inside
                == run_context.Context(run_id=RUN, step="plan", dry_run=True)
            )
        assert run_context.current().step == ""
    assert run_context.current() == run_context.Context()


def test_a_runs_id_finds_its_trace():
    assert run_context.Context(run_id=RUN).trace_id == RUN.replace("-", "")


@pytest.mark.parametrize(
    ("values", "run"),
    [
        ({}, ""),
        ({"WM_JOB_ID": RUN}, RUN),
        ({"WM_ROOT_JOB_ID": RUN, "WM_JOB_ID": RUN[:-1] + "2"}, RUN),
        ({"WM_JOB_ID": "no id"}, ""),
        ({"WM_JOB_ID": RUN.upper()}, RUN),
    ],
)
def test_the_outermost_job_is_the_run(job, values, run):
    job(**values)

    assert run_context.root_run_id() == run


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({}, "plan"),
        ({"WM_FLOW_STEP_ID": "a"}, "a"),
        ({"MILLRACE_STEP": "research[0].plan", "WM_FLOW_STEP_ID": "a"}, "research[0].plan"),
        ({"WM_FLOW_PATH": "u/eve/brief/forloop-3", "WM_FLOW_STEP_ID": "a"}, "[3].a"),
        ({"WM_FLOW_PATH": "u/eve/brief/branchone-1", "WM_FLOW_STEP_ID": "a"}, "a"),
    ],
)
def test_a_step_has_one_path_in_its_run(job, values, path):
    job(**values)

    assert run_context.step_path("plan") == path


def test_a_part_of_a_step_stands_before_its_name(job):
    assert run_context.step_path("plan", "tp_1") == "[tp_1].plan"
    job(MILLRACE_STEP="research[0].plan")
    assert run_context.step_path("plan", "tp_1") == "research[0][tp_1].plan"


@pytest.mark.parametrize(
    ("path", "flow", "inside"),
    [
        ("", "", False),
        ("u/eve/brief", "u/eve/brief", False),
        ("u/eve/brief/forloop-3", "u/eve/brief", True),
        ("u/eve/brief/branchall-0/forloop-3", "u/eve/brief", True),
        ("u/eve/forloop-3/brief", "u/eve/forloop-3/brief", False),
    ],
)
def test_the_flow_of_an_iteration_is_that_of_its_loop(job, path, flow, inside):
    job(WM_FLOW_PATH=path)

    assert run_context.flow_path() == flow == run_context.root_flow_path()
    assert run_context.is_in_iteration() is inside


JOBS = {
    "inner": {"parent_job": "middle", "script_path": "f/millrace/blocks/mail"},
    "middle": {
        "parent_job": "outer",
        "flow_status": {"modules": [{"id": "a", "job": "x"}, {"id": "mail", "job": "inner"}]},
    },
    "outer": {
        "script_path": "u/eve/brief",
        "flow_status": {"modules": [{"id": "each", "flow_jobs": ["x", "y", "middle"]}]},
    },
    "stray": {"parent_job": "outer"},
    "alone": {"parent_job": "script"},
    "script": {"script_path": "u/eve/script"},
}


@pytest.fixture
def part(job, monkeypatch):
    """A job of a part that another flow calls."""
    monkeypatch.setattr(windmill, "get", lambda path: JOBS.get(path.split("/")[2].split("?")[0]))
    job(
        BASE_INTERNAL_URL="http://server.invalid",
        WM_TOKEN="x",
        WM_FLOW_PATH="f/millrace/blocks/mail",
        WM_FLOW_JOB_ID="inner",
        WM_ROOT_JOB_ID="outer",
        WM_FLOW_STEP_ID="send",
    )
    return job


def test_a_step_of_a_called_part_has_the_path_of_its_caller(part):
    assert run_context.step_path("send") == "each[2].mail.send"
    assert run_context.root_flow_path() == "u/eve/brief"


def test_a_job_that_its_caller_does_not_name_is_known_by_its_id(part):
    part(WM_FLOW_JOB_ID="stray")
    assert run_context.step_path("send") == "stray.send"

    part(WM_FLOW_JOB_ID="alone", WM_ROOT_JOB_ID="script")
    assert run_context.step_path("send") == "alone.send"


def test_a_part_that_is_started_by_itself_has_no_caller(part):
    part(WM_ROOT_JOB_ID="inner")

    assert run_context.step_path("send") == "send"
    assert run_context.root_flow_path() == "f/millrace/blocks/mail"


def test_a_caller_that_the_server_does_not_show_is_a_fault(part):
    part(WM_FLOW_JOB_ID="hidden")

    with pytest.raises(BadSetting, match="does not show job 'hidden'"):
        run_context.step_path("send")


def test_the_runner_says_for_which_flow_a_job_is_done(part):
    part(MILLRACE_FLOW_PATH="u/eve/other")

    assert run_context.root_flow_path() == "u/eve/other"


def test_the_clock_is_fixed_by_its_setting(configure):
    moment = datetime(2026, 11, 18, 8, tzinfo=UTC)
    configure(now="2026-11-18T08:00:00")
    assert run_context.now() == moment and run_context.now().tzinfo == UTC
    configure(now="2026-11-18T08:00:00+01:00")
    assert run_context.now() == moment.astimezone(timezone(timedelta(hours=1))) - timedelta(hours=1)


def test_without_the_setting_the_clock_goes():
    before = datetime.now(UTC)

    assert before <= run_context.now() <= datetime.now(UTC)
