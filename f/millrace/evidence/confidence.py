# requirements:

"""Confidence, 0 to 100, from four parts that are kept beside it:

    score = 0.4 tool_reliability + 0.3 source_quality + 0.2 coherence + 0.1 history      each part 0
    to 100

- tool_reliability: the share of tool calls that answered; half of that when web search failed and
  other things served.
- source_quality: the mean quality of the cited pieces, plus 12 for a second and a third independent
  voice each; one voice alone costs 10. A page that gives orders to its reader counts 0 and is no
  voice.
- coherence: the share of sentences that the evidence carried, most of it for being said by two
  independent voices (a reviewed or first-hand source alone counts for over half); less 15 for a
  settled conflict and 40 for an undecided one.
- history: how earlier results fared with people, and whether these sources were right in earlier
  conflicts (evidence/source_quality).

No finding at all scores 0.
"""

from collections.abc import Sequence

from f.millrace.core import contracts
from f.millrace.evidence import claims, source_quality

WEIGHTS = {"tool_reliability": 0.4, "source_quality": 0.3, "coherence": 0.2, "history": 0.1}
NO_CALLS = 90.0
SEARCH_FAILED = 0.5
ANOTHER_VOICE, ONE_VOICE = 12, 10
ALONE = 0.4
OUGHT_TO_KNOW = 0.6
SETTLED, UNDECIDED = 15, 40


def rate(
    *,
    question: str,
    calls: int,
    failures: int,
    search_failed: bool,
    evidence: Sequence[contracts.Evidence],
    findings: Sequence[contracts.Finding],
    dropped: int,
    conflicts: Sequence[contracts.Conflict],
    history: float,
) -> contracts.Confidence:
    """Return the confidence in findings and its parts; `evidence` is all that was gathered, cited
    or not.
    """
    if not findings:
        return contracts.Confidence(score=0, history=history)
    parts = {
        "tool_reliability": _tools(calls, failures) * (SEARCH_FAILED if search_failed else 1),
        "source_quality": _quality(findings, evidence, question),
        "coherence": _coherence(findings, evidence, question, dropped, conflicts),
        "history": history,
    }
    score = round(sum(WEIGHTS[name] * value for name, value in parts.items()))
    return contracts.Confidence(
        score=max(0, min(100, score)),
        agreeing=_count_agreeing(findings, evidence),
        **{name: round(value, 1) for name, value in parts.items()},
    )


def _count_agreeing(
    findings: Sequence[contracts.Finding], evidence: Sequence[contracts.Evidence]
) -> int:
    """Return how many independent publishers that are cited state the first finding, each with its
    figures and names.
    """
    cited = {identity for finding in findings for identity in finding.citations}
    said = findings[0].text
    return source_quality.count_independent(
        [
            piece
            for piece in evidence
            if piece.id in cited
            and not claims.find_unsupported(said, [piece.text])
            and claims.names(said) <= claims.content_words(f"{piece.title} {piece.text}")
        ]
    )


def _tools(calls: int, failures: int) -> float:
    return 100 * max(0, calls - failures) / calls if calls else NO_CALLS


def _quality(
    findings: Sequence[contracts.Finding], evidence: Sequence[contracts.Evidence], question: str
) -> float:
    ids = {identity for finding in findings for identity in finding.citations}
    cited = [piece for piece in evidence if piece.id in ids]
    if not cited:
        return 0.0
    hostile = {piece.url for piece in evidence if source_quality.gives_orders(piece)}
    mean = sum(
        0 if piece.url in hostile else source_quality.rate(piece, question) for piece in cited
    ) / len(cited)
    voices = source_quality.count_independent(
        [piece for piece in cited if piece.url not in hostile]
    )
    return max(
        0.0, min(100.0, mean + (ANOTHER_VOICE * min(2, voices - 1) if voices > 1 else -ONE_VOICE))
    )


def _coherence(
    findings: Sequence[contracts.Finding],
    evidence: Sequence[contracts.Evidence],
    question: str,
    dropped: int,
    conflicts: Sequence[contracts.Conflict],
) -> float:
    kept = len(findings) / (len(findings) + dropped)
    agreed = sum(_agreed(finding, evidence, question) for finding in findings) / len(findings)
    lost = sum(UNDECIDED if conflict.trusted is None else SETTLED for conflict in conflicts)
    return max(0.0, 100 * kept * (ALONE + (1 - ALONE) * agreed) - lost)


def _agreed(
    finding: contracts.Finding, evidence: Sequence[contracts.Evidence], question: str
) -> float:
    """Return 1 when two independent voices say what the finding says, a part when one that ought to
    know does.
    """
    saying = [
        piece for piece in evidence if not claims.find_unsupported(finding.text, [piece.text])
    ]
    if source_quality.count_independent(saying) > 1:
        return 1.0
    return (
        OUGHT_TO_KNOW
        if any(
            source_quality.is_reviewed(piece) or source_quality.is_first_hand(piece, question)
            for piece in saying
        )
        else 0.0
    )
