# requirements:

"""Where the running code is: which run, flow, edition and step, and what time it is."""

import contextlib
import contextvars
import os
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from f.millrace.core import config

# What Windmill adds to the path of a flow for the job of one iteration or branch.
INSIDE = re.compile(r"(?:/(?:forloop|whileloop|branchone|branchall)-[^/]*)+$")


class Context(NamedTuple):
    """One run as seen from inside a step; empty strings outside of one."""

    run_id: str = ""
    flow: str = ""
    namespace: str = "main"
    edition: str = "daily"
    step: str = ""
    attempt: str = ""
    dry_run: bool = False
    session_id: str = ""
    turn_id: str = ""

    @property
    def trace_id(self) -> str:
        """The run's id as 32 hex digits: a run's id finds its trace."""
        return self.run_id.replace("-", "")


_current: contextvars.ContextVar[Context] = contextvars.ContextVar("millrace_context", default=Context())  # noqa: B039


def current() -> Context:
    """Return the context of the running code."""
    return _current.get()


@contextlib.contextmanager
def use(context: Context) -> Iterator[Context]:
    """Make `context` the current one inside the block."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def within(**changes: str | bool) -> contextlib.AbstractContextManager[Context]:
    """Change some fields of the current context inside the block."""
    return use(current()._replace(**changes))  # type: ignore[arg-type]


def root_run_id() -> str:
    """Return the id of the outermost run from the job's environment; empty when there is none."""
    return _uuid(os.environ.get("WM_ROOT_JOB_ID") or os.environ.get("WM_JOB_ID") or "")


def step_path(name: str, part: str = "") -> str:
    """Return the unique path of this step in its run, e.g. `research[0].investigate`.

    The local runner sets it; on Windmill it comes from the module id and the index of the loop's iteration. With `part`,
    one of several things that the step's process does, it is e.g. `research[0][tp_1].investigate`.
    """
    path = _step_path(name)
    before, _, last = path.rpartition(".")
    return f"{before}[{part}].{last}" if part else path


def _step_path(name: str) -> str:
    given = os.environ.get("MILLRACE_STEP")
    if given:
        return given
    module = os.environ.get("WM_FLOW_STEP_ID") or name
    flow_path = os.environ.get("WM_FLOW_PATH", "")
    if "/forloop-" in flow_path:
        return f"[{flow_path.rsplit('/forloop-', 1)[1]}].{module}"
    return module


def flow_path() -> str:
    """Return the path of the flow that this job belongs to, e.g. `u/eve/brief`; empty outside of one."""
    return INSIDE.sub("", os.environ.get("WM_FLOW_PATH", ""))


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
