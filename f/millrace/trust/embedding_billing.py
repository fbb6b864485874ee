# requirements:

"""Embeddings that cost money: each request to a server is a row of the account, like a request to a
model. Loaded by core/embedding when such a request is made.
"""

import contextlib
import urllib.error
from collections.abc import Callable, Generator, Sequence
from uuid import uuid4

from f.millrace.core import run_context
from f.millrace.trust import budget

AGENT = "embedding"


@contextlib.contextmanager
def bill_embedding(
    model: str, texts: Sequence[str]
) -> Generator[Callable[[int], None], None, None]:
    """Reserve the most that one request can cost,
    and settle it by the tokens that the server billed.

    BudgetExceeded when the money does not reach. A request that was refused costs nothing; one that
    broke off, its reserve.
    """
    # Only a step that pays needs the prices.
    from f.millrace.core import prices

    context = run_context.current()
    most = sum(prices.most_tokens(text) for text in texts)
    usd = prices.price(model, prices.Tokens(input=most), run_context.now()).usd
    run_id = context.run_id or str(uuid4())
    usage_id = budget.reserve(run_id, run_context.user_id(), AGENT, model, usd, context.step)
    budget.mark_sent(usage_id)
    tokens = [0]
    try:
        yield lambda billed: tokens.__setitem__(0, billed)
    except BaseException as error:
        _ = budget.release(usage_id) if _is_refused(error) else budget.charge_reserve(usage_id)
        raise
    spent = prices.Tokens(input=tokens[0] or most)
    budget.settle(usage_id, prices.price(model, spent, run_context.now()), spent.counts())


def _is_refused(error: BaseException) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code < 500
    return isinstance(error, urllib.error.URLError) and isinstance(
        error.reason, ConnectionRefusedError
    )
