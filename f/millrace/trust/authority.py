# requirements:

"""Who is acting: a person (or the pipeline's own code), or an agent, which may not widen what it is
allowed to do.
"""

import contextlib
import contextvars
from collections.abc import Generator

from f.millrace.core import errors
from f.millrace.trust import audit

_agent: contextvars.ContextVar[str] = contextvars.ContextVar("millrace_agent", default="")


@contextlib.contextmanager
def agent(name: str) -> Generator[None, None, None]:
    """Run the block as the agent `name`: its model's words and its tools cannot decide,
    grant or raise anything.
    """
    token = _agent.set(name)
    try:
        yield
    finally:
        _agent.reset(token)


def acting_agent() -> str:
    """Return the agent in whose name this code runs; empty when none."""
    return _agent.get()


def refuse_agents(what: str) -> None:
    """Raise NotAllowed when an agent is acting: `what` is for people; the attempt is recorded."""
    name = acting_agent()
    if name:
        audit.append(name, "authority.refused", what)
        raise errors.NotAllowed(
            f"{name} is an agent and cannot {what}; a person does that on the command line"
        )
