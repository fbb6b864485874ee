# requirements:

"""Scope: what a research was asked about, and what becomes of a search that goes beyond it.

A search that shares no word that carries meaning with the question, or with the conversation before
it, goes beyond what was asked for. That is medium risk: by the policy it runs and is told, or it
waits for a person.
"""

from collections.abc import Sequence

from f.millrace.core import run_context
from f.millrace.evidence import claims
from f.millrace.telemetry import events
from f.millrace.tools import approved_calls, toolbox
from f.millrace.trust import actions, risk

WIDEN = "research.widen"


def is_off_topic(question: str, earlier: Sequence[str], search: str) -> bool:
    """Return whether a search has nothing to do with what was asked."""
    asked = claims.content_words(" ".join([question, *earlier]))
    wanted = claims.content_words(search)
    return bool(asked and wanted) and not asked & wanted


def may_search(
    question: str, earlier: Sequence[str], search: str, tools: toolbox.Toolbox, topic_id: str
) -> bool:
    """Return whether a search may be made now; one beyond the scope that needs a person is left as
    a proposed action.
    """
    if not is_off_topic(question, earlier, search):
        return True
    found = risk.assess(WIDEN)
    asks = risk.needs_approval(found, tools.threshold)
    what = f"the search {search!r} goes beyond the question"
    events.emit(
        "decision",
        f"{what}; {'it waits for a person' if asks else 'it runs by policy'}",
        tool=WIDEN,
        risk=found.risk,
    )
    searches = tools.searches()
    if asks and searches and run_context.current().run_id:
        arguments = {"query": search}
        key = approved_calls.key_of(
            run_context.current().run_id, topic_id, searches[0].name, arguments
        )
        actions.propose(
            searches[0].name,
            arguments,
            key,
            reason=f"{what}: {found.rule}",
            annotations=searches[0].annotations,
        )
    return not asks
