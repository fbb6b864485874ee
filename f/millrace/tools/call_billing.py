# requirements:

"""Tools that cost money: one call is a row like a request to a model, under the same limits."""

import contextlib
from collections.abc import Generator
from uuid import uuid4

from f.millrace.core import config, prices, run_context
from f.millrace.trust import budget


@contextlib.contextmanager
def bill_tool_call(agent: str, tool: str) -> Generator[None, None, None]:
    """Account for one call of a tool by its price in the settings; BudgetExceeded when the money
    does not reach.

    A call that fails is charged too: its server may bill it.
    """
    rate = config.settings().tool_usd.get(tool)
    if not rate:
        yield
        return
    context = run_context.current()
    run_id = context.run_id or str(uuid4())
    usage_id = budget.reserve(
        run_id, config.settings().user, agent, tool, rate, context.step, kind="tool"
    )
    budget.mark_sent(usage_id)
    try:
        yield
    except BaseException:
        budget.charge_reserve(usage_id)
        raise
    budget.settle(usage_id, prices.Price(rate, "settings", run_context.now().date().isoformat()))
