# requirements:

"""Confidence in words, with its reasons: a number says nothing to a reader who does not know how it
is made.

What stands on one source alone has no confidence: nothing confirms it, and that is what is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from f.millrace.core import contracts

SUPPORTED = 55
WORDS = (
    (75, "Well supported"),
    (SUPPORTED, "Supported"),
    (35, "Weakly supported"),
    (0, "Doubtful"),
)
# Below these a part of the score is a reason that is worth telling.
GOOD_TOOLS, GOOD_SOURCES, GOOD_HISTORY = 60, 45, 45
SEARCHES_FAILED = "some searches failed, so more may be known"


def describe(
    score: int, parts: Mapping[str, Any], sources: int, disputed: bool = False, pages: int = 1
) -> str:
    """Return how far a result can be relied on and why, in one line; empty where nothing was found.

    `sources` counts the publishers that are cited, `disputed` says that some contradict each other,
    `pages` counts what is listed below the line where all is of one publisher.
    """
    if sources < 1:
        return ""
    reasons = _reasons(parts)
    if sources == 1:
        # News is told from its own page: what a search would have added is not missed there.
        doubts = [reason for reason in reasons if reason != SEARCHES_FAILED]
        said = f"{pages} pages of one source" if pages > 1 else "One source"
        return "; ".join([f"{said}, confirmed by no other", *doubts])
    return "; ".join([_agreement(score, parts, sources, disputed), *reasons])


def describe_news(
    score: int, parts: Mapping[str, Any], sources: int, disputed: bool = False, pages: int = 1
) -> str:
    """Return the same of a topic of the news, which is told from its own pages: whether a search
    would have found more says nothing of them.
    """
    return describe(score, _parts_of_news(parts), sources, disputed, pages)


def describe_beside(
    score: int, parts: Mapping[str, Any], sources: int, disputed: bool = False, pages: int = 1
) -> str:
    """Return the same for a line beside a topic's sources. Most topics have one, so that a line at
    each would say nothing: empty then, unless there is a doubt or one publisher has several pages.
    """
    told = _parts_of_news(parts)
    if sources != 1:
        return describe(score, told, sources, disputed, pages)
    said = [f"{pages} pages of one source"] if pages > 1 else []
    words = "; ".join([*said, *_reasons(told)])
    return words[:1].upper() + words[1:]


def _parts_of_news(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {**parts, "tool_reliability": 100}


def _agreement(score: int, parts: Mapping[str, Any], sources: int, disputed: bool) -> str:
    """Return what the sources are to each other. Those agree that state the first finding, each by
    itself; only what they agree on has a word for how well it is supported.
    """
    if disputed:
        return f"{sources} sources, which disagree"
    agreeing = min(int(parts.get("agreeing") or 0), sources)
    if agreeing < 2:
        return f"{sources} sources, which tell different parts of it"
    word = next(word for least, word in WORDS if score >= least)
    return (
        f"{word}: {agreeing if agreeing == sources else f'{agreeing} of {sources}'} sources agree"
    )


def describe_result(result: contracts.TopicResult, sources: Sequence[Mapping[str, Any]]) -> str:
    """Return the same of what research found, given the sources that its findings cite."""
    publishers = {source["source"] or source["url"] for source in sources}
    return describe(
        result.confidence.score,
        result.confidence.model_dump(),
        len(publishers),
        bool(result.conflicts),
    )


def _reasons(parts: Mapping[str, Any]) -> list[str]:
    said = []
    if float(parts.get("tool_reliability", 100)) < GOOD_TOOLS:
        said.append(SEARCHES_FAILED)
    if float(parts.get("source_quality", 100)) < GOOD_SOURCES:
        said.append("little is known of who says it")
    if float(parts.get("history", 100)) < GOOD_HISTORY:
        said.append("these sources were wrong before")
    return said
