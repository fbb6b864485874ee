# requirements:

"""Where the running code is: which run, flow, edition and step, and what time it is."""

import contextlib
import contextvars
import functools
import os
import re
import uuid
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from f.millrace.core import config, errors, windmill

# What Windmill adds to the path of a flow for the job of one iteration or branch.
INSIDE = re.compile(r"(?:/(?:forloop|whileloop|branchone|branchall)-[^/]*)+$")
# Flows of ours that are made to be steps of somebody's flow: what they do is done for that flow.
PARTS = "f/millrace/blocks/"


class Context(NamedTuple):
    """One run as seen from inside a step; empty strings outside of one.

    Attributes:
        user_id: Who the run is for; empty for the user of the settings.
    """

    run_id: str = ""
    flow: str = ""
    namespace: str = "main"
    edition: str = "daily"
    step: str = ""
    attempt: str = ""
    dry_run: bool = False
    session_id: str = ""
    turn_id: str = ""
    user_id: str = ""

    @property
    def trace_id(self) -> str:
        """The run's id as 32 hex digits: a run's id finds its trace."""
        return self.run_id.replace("-", "")


_current: contextvars.ContextVar[Context] = contextvars.ContextVar(
    "millrace_context",
    default=Context(),  # noqa: B039
)


def current() -> Context:
    """Return the context of the running code."""
    return _current.get()


def user_id() -> str:
    """Return whom the running code works for: the run's user, else the setting `user`."""
    return current().user_id or config.settings().user


@contextlib.contextmanager
def use(context: Context) -> Generator[Context, None, None]:
    """Make `context` the current one inside the block."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def change(**changes: str | bool) -> contextlib.AbstractContextManager[Context]:
    """Change some fields of the current context inside the block."""
    return use(current()._replace(**changes))  # type: ignore[arg-type]


def root_run_id() -> str:
    """Return the id of the outermost run from the job's environment; empty when there is none."""
    return _uuid(os.environ.get("WM_ROOT_JOB_ID") or os.environ.get("WM_JOB_ID") or "")


def step_path(name: str, part: str = "") -> str:
    """Return the unique path of this step in its run, e.g. `research[0].investigate`.

    The local runner sets it; on Windmill it comes from the module id and the index of the loop's
    iteration. With `part`, one of several things that the step's process does, it is e.g.
    `research[0][tp_1].investigate`.
    """
    path = _step_path(name)
    before, _, last = path.rpartition(".")
    return f"{before}[{part}].{last}" if part else path


def _step_path(name: str) -> str:
    given = os.environ.get("MILLRACE_STEP")
    if given:
        return given
    module = os.environ.get("WM_FLOW_STEP_ID") or name
    if _is_part():
        # Two calls of one flow in a run have steps of the same names.
        return f"{_caller(os.environ['WM_FLOW_JOB_ID'])[1]}{module}"
    flow_path = os.environ.get("WM_FLOW_PATH", "")
    if "/forloop-" in flow_path:
        return f"[{flow_path.rsplit('/forloop-', 1)[1]}].{module}"
    return module


def flow_path() -> str:
    """Return the path of the flow that this job belongs to, e.g.
    `u/eve/brief`; empty outside of one.
    """
    return INSIDE.sub("", os.environ.get("WM_FLOW_PATH", ""))


def is_in_iteration() -> bool:
    """Tell whether this job is done for one iteration of a loop, or for one branch."""
    return INSIDE.search(os.environ.get("WM_FLOW_PATH", "")) is not None


def root_flow_path() -> str:
    """Return the path of the flow that this job is done for: of a called part, the outermost flow
    that calls it.
    """
    given = os.environ.get("MILLRACE_FLOW_PATH")
    if given:
        return given
    return _caller(os.environ["WM_FLOW_JOB_ID"])[0] if _is_part() else flow_path()


def _is_part() -> bool:
    job, root = os.environ.get("WM_FLOW_JOB_ID"), os.environ.get("WM_ROOT_JOB_ID")
    return bool(job) and job != root and flow_path().startswith(PARTS) and windmill.on_worker()


@functools.lru_cache(maxsize=100)
def _caller(job: str) -> tuple[str, str]:
    """Return the outermost flow's path and what stands before the names of this flow job's steps:
    `mail.`, `each[2].mail.`.
    """
    before = ""
    row = _job(job)
    while parent := row.get("parent_job"):
        above = _job(parent)
        before = _step_of(above, job) + before
        job, row = parent, above
    return str(row.get("script_path") or ""), before


def _job(job: str) -> dict[str, Any]:
    row: Any = windmill.get(f"jobs_u/get/{job}?no_logs=true")
    if not isinstance(row, dict):
        raise errors.BadSetting(
            f"Windmill does not show job {job!r}, which called this flow; may the job's user see"
            " its own runs?"
        )
    return cast("dict[str, Any]", row)


def _step_of(flow: dict[str, Any], job: str) -> str:
    """Return the step of a flow that a job of it is, with the number of the iteration."""
    status: dict[str, Any] = flow.get("flow_status") or {}
    modules: list[dict[str, Any]] = status.get("modules") or []
    for module in modules:
        jobs: list[str] = module.get("flow_jobs") or []
        if job in jobs:
            return f"{module['id']}[{jobs.index(job)}]."
        if module.get("job") == job:
            return f"{module['id']}."
    return f"{job}."


def now() -> datetime:
    """Return the time in UTC, or the fixed clock of the setting `now`."""
    fixed = config.settings().now
    if fixed is None:
        return datetime.now(UTC)
    return (fixed if fixed.tzinfo else fixed.replace(tzinfo=UTC)).astimezone(UTC)


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""
