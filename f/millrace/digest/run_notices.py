# requirements:

"""What a run has to own up to: a model that failed, money that ran out, topics that were left
undone, and who wrote the rest.

One text for the digest's head, the run's result and the terminal.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from f.millrace.core import db, money, redaction
from f.millrace.models import fault_log

if TYPE_CHECKING:
    from f.millrace.core import rows
    from f.millrace.digest import findings

MOST_FAULTS = 4
# Kinds of faults (models/faults) in which no model answered at all.
UNREACHED = ("server", "timeout", "address")
MOST_UNDONE = 10
# The topics that were researched by nobody, each with the words of its last failure.
FAILED = """
SELECT DISTINCT ON (metadata ->> 'topic_id') metadata ->> 'topic_id' AS topic_id,
       metadata ->> 'error' AS error
FROM run_event
WHERE run_id = %s AND event = 'topic' AND metadata ->> 'status' = 'failed'
ORDER BY metadata ->> 'topic_id', id DESC
"""
ALERTS = """
SELECT DISTINCT ON (scope, key) scope, key, limit_usd, spent_usd, percent FROM budget_alert
WHERE run_id = %s ORDER BY scope, key, percent DESC
"""


def notices(run_id: str, topics: list[findings.Topic], detailed: bool = True) -> list[str]:
    """Return what the reader has to know first, the gravest first; empty when all went as it
    should.

    `detailed` is for owners and the operator: the model, what its provider said, with its address,
    and the next step. Other readers are told what it means for what they read.
    """
    return [
        *_model_notices(run_id, topics, detailed),
        *budget_notices(run_id),
        *_undone(run_id, topics, detailed),
    ]


def list_messages(run_id: str, detailed: bool = True) -> list[str]:
    """Return what the steps want to be known of the run, such as an answer that was cut; what went
    wrong with a model only `detailed`.
    """
    found = db.fetch_all(
        "SELECT DISTINCT message FROM run_event WHERE run_id = %s AND metadata ->> 'for_digest' ="
        " 'true' AND (%s OR event <> 'error') ORDER BY message LIMIT 10",
        [run_id, detailed],
    )
    return [redaction.redact(row["message"]) for row in found]


def model_faults(run_id: str, topics: list[findings.Topic]) -> list[fault_log.RunFault]:
    """Return the faults of models that left a mark: a topic without a result, one that the offline
    model wrote, or no answer after it. What was mended in time is nobody's worry.
    """
    harmed = any(
        result is None or fault_log.OFFLINE in result["written_by"] for _, result in topics
    )
    return fault_log.of_run(run_id, mended=harmed)


def writers(topics: list[findings.Topic]) -> dict[str, int]:
    """Return which models wrote how many of the topics that have findings, the busiest first."""
    counted = Counter(
        name
        for _, result in topics
        if result and result["findings"]
        for name in result["written_by"]
    )
    return dict(counted.most_common())


def budget_notices(run_id: str) -> list[str]:
    """Return how far the limits were used that this run brought to 70, 90 or 100 %."""
    reached = db.fetch_all(ALERTS, [run_id])
    if not reached:
        return []
    from f.millrace.trust import limits  # with all that asking a person takes

    return [
        limits.describe(
            row["scope"], row["key"], row["limit_usd"], money.usd(row["spent_usd"]), row["percent"]
        )
        for row in reached
    ]


def without_money(topics: list[findings.Topic]) -> list[rows.ResearchResult]:
    """Return the results in which nothing was told for want of money, by their titles."""
    found = [
        result
        for _, result in topics
        if result and not result["findings"] and result["stopped_because"].startswith("the budget")
    ]
    return sorted(found, key=lambda result: result["title"])


def failures(run_id: str, detailed: bool = True) -> dict[str, str]:
    """Return why topics could not be researched, by the topic's id; an error has addresses and
    names of settings in it, and is for those who are told in detail.
    """
    rows = db.fetch_all(FAILED, [run_id])
    faults = fault_log.of_run(run_id)
    said = _plain_fault(faults) or "its research failed"

    def describe(error: str) -> str:
        # What a model failed at is told once, at the head.
        told = not detailed or any(fault["reason"] in error for fault in faults)
        return said if told else _reason(error)

    return {row["topic_id"]: describe(row["error"] or "") for row in rows}


def _plain_fault(faults: list[fault_log.RunFault]) -> str:
    """Return what happened to the models for somebody who cannot mend it; empty: nothing."""
    if not faults:
        return ""
    unreached = all(row["kind"] in UNREACHED for row in faults)
    return "the model could not be reached" if unreached else "the model could not be used"


def _plain_notice(topics: list[findings.Topic], faults: list[fault_log.RunFault]) -> str:
    """Return the notice for a reader who can mend nothing: the fact, and what was done instead."""
    said = _plain_fault(faults)
    said = said[:1].upper() + said[1:]
    by_model = writers(topics)
    stood_in, written = by_model.get(fault_log.OFFLINE, 0), sum(by_model.values())
    if not stood_in:
        return f"{said}."
    if stood_in == written:
        return f"{said}; sentences were picked from the sources without one."
    return f"{said}; in {stood_in} of {_count(written, 'topic')} sentences were picked without one."


def _model_notices(run_id: str, topics: list[findings.Topic], detailed: bool) -> list[str]:
    faults = model_faults(run_id, topics)
    if not faults:
        return []
    if not detailed:
        return [_plain_notice(topics, faults)]
    said = [f"{fault_log.describe(row)}{_times(row)}." for row in faults[:MOST_FAULTS]]
    by_model = writers(topics)
    stood_in = by_model.get(fault_log.OFFLINE, 0)
    if stood_in:
        said.append(
            f"The offline model stood in for it: {_count(stood_in, 'topic')} of"
            f" {sum(by_model.values())} hold sentences picked from the sources, not its words"
            " (setting offline_stands_in)."
        )
    return said


def _undone(run_id: str, topics: list[findings.Topic], detailed: bool) -> list[str]:
    reasons = failures(run_id, detailed)
    left = [
        (row["title"], reasons.get(row["id"], "its step ended without a result"))
        for row, result in topics
        if result is None
    ]
    left += [
        (row["title"], result["stopped_because"])
        for row, result in topics
        if result and not result["findings"] and result["stopped_because"].startswith("the budget")
    ]
    picked = [
        f"“{row['title']}”"
        for row, result in topics
        if result
        and fault_log.OFFLINE in result["written_by"]
        and result["stopped_because"].startswith("the budget")
    ]
    said = (
        [f"For want of money the offline model picked the sentences of {'; '.join(picked)}."]
        if picked
        else []
    )
    if not left:
        return said
    more = f", and {len(left) - MOST_UNDONE} more" if len(left) > MOST_UNDONE else ""
    return [*said, f"Left undone: {_list_undone(left[:MOST_UNDONE])}{more}."]


def _list_undone(left: list[tuple[str, str]]) -> str:
    """Return titles with why they were left undone, a reason that several share once."""
    of_reason: dict[str, list[str]] = {}
    for title, reason in left:
        of_reason.setdefault(reason, []).append(f"“{title}”")
    return "; ".join(f"{', '.join(titles)} ({reason})" for reason, titles in of_reason.items())


def _reason(error: str) -> str:
    """Return a fault without the name of its class and of the agent that met it."""
    words = error.partition(": ")[2] if error.split(":", 1)[0].isidentifier() else error
    return words.partition(" gave no usable answer: ")[2] or words


def _times(row: fault_log.RunFault) -> str:
    return f" ({row['n']} times)" if row["n"] > 1 else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
