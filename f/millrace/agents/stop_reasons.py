# requirements:

"""Why a research ends, and what it tries another way, once, when it does not get on.

Confused is an agent that asks for the same search again; stalled is a round that brought no new
evidence.
"""

from collections.abc import Collection, Sequence

from f.millrace.agents import planner
from f.millrace.evidence import claims

FEWEST_WORDS = 2


class StopReason:
    """Why a research ended."""

    ENOUGH = "enough evidence"
    STALLED = "stalled: no new evidence"
    CONFUSED = "confused: the same query was asked for again"
    ROUNDS = "the limit of rounds"
    BUDGET = "the budget"
    TIME = "the limit of time"
    ONE_ROUND = "one round was asked for"
    NOTHING = "no sources found"
    SMALL_TALK = "nothing was asked"
    OFF = "the researcher is switched off"
    SEARCH_FAILED = "web search failed; collected items, notes and memory served"
    MODEL_FAILED = "the model gave no usable answer; sentences were picked from the evidence"
    PICKED = "sentences were picked from the evidence"


def drop_asked(queries: Sequence[planner.Query], asked: Sequence[str]) -> list[planner.Query]:
    """Return the queries whose words, in whatever order, were not asked for yet."""
    known = {_key_words(text) for text in asked}
    kept: list[planner.Query] = []
    for query in queries:
        words = _key_words(query.text)
        if query.text.strip() and words not in known:
            known.add(words)
            kept.append(query)
    return kept


def reformulate(
    question: str, asked: Sequence[str], sources: Sequence[str], served: Collection[str]
) -> planner.Query | None:
    """Return a search that differs from the last one in words and, where there is another, in
    source.

    `sources` are the tools that search, in their order; `served` those whose results were taken
    already.
    """
    if not sources:
        return None
    source = next((source for source in sources if source not in served), sources[0])
    return planner.Query(text=rephrase(question, asked[-1] if asked else ""), tool=source)


def rephrase(question: str, last: str) -> str:
    """Return the question without the words of the last query; its names alone, or its first half,
    when too few are left.
    """
    used = claims.content_words(last)
    words = [word for word in claims.WORD.findall(question) if word.lower() not in claims.STOPWORDS]
    left = [word for word in words if not claims.content_words(word) <= used]
    names = [word for word in words if word[0].isupper()]
    for chosen in (left, names):
        if FEWEST_WORDS <= len(chosen) < len(words):
            return " ".join(chosen)
    return " ".join(words[: max(1, len(words) // 2)]) or question


def _key_words(text: str) -> frozenset[str] | str:
    return claims.content_words(text) or text
