"""Confidence, 0 to 100, from four parts that are kept beside it:

    score = 0.4 tool_reliability + 0.3 source_quality + 0.2 coherence + 0.1 history      each part 0 to 100

- tool_reliability: the share of tool calls that answered; one imagined success and failure weigh little calls down.
- source_quality: the mean quality of the cited pieces, plus 8 for each further independent source, at most 24.
- coherence: the share of sentences that the evidence carried, less 15 for a settled and 30 for an undecided conflict.
- history: the share of earlier results that a person let stand (approved, or none asked) of those that were reviewed;
  75 when nobody has reviewed any.

No finding at all scores 0.
"""

from collections.abc import Sequence

from f.millrace.agents import claims
from f.millrace.core import db
from f.millrace.core.contracts import Confidence, Conflict, Evidence

WEIGHTS = {"tool_reliability": 0.4, "source_quality": 0.3, "coherence": 0.2, "history": 0.1}
USUAL_HISTORY = 75.0
# Kinds of hosts, by how much editing or review stands behind what they publish.
REVIEWED = ("arxiv.org", "nature.com", "science.org", "acm.org", "ieee.org", "nih.gov", "who.int", "europa.eu")
REVIEWED_ENDINGS = (".gov", ".edu", ".ac.uk", ".mil")
TALK = ("mastodon", "reddit.", "news.ycombinator.com", "twitter.", "x.com", "medium.com", "facebook.", "youtube.")


def quality(piece: Evidence) -> float:
    """Return the quality of one piece of evidence, 0 to 100, by who published it and whether it is dated."""
    source = piece.source.lower()
    if piece.trust == "own":
        base = 80.0
    elif piece.trust == "trusted":
        base = 85.0
    elif source in ("arxiv",) or source.endswith((*REVIEWED, *REVIEWED_ENDINGS)):
        base = 82.0
    elif any(word in source for word in TALK) or source == "hackernews":
        base = 45.0
    else:
        base = 62.0
    return min(100.0, base + (5 if piece.published_at else 0))


def rate(
    *,
    calls: int,
    failures: int,
    cited: Sequence[Evidence],
    kept: int,
    dropped: int,
    conflicts: Sequence[Conflict],
    history: float,
) -> Confidence:
    """Return the confidence in a result and its parts."""
    if not kept:
        return Confidence(score=0, history=history)
    parts = {
        "tool_reliability": 100 * (calls - failures + 1) / (calls + 1) if calls else 90.0,
        "source_quality": _sources(cited),
        "coherence": _coherence(kept, dropped, conflicts),
        "history": history,
    }
    score = round(sum(WEIGHTS[name] * value for name, value in parts.items()))
    return Confidence(score=max(0, min(100, score)), **{name: round(value, 1) for name, value in parts.items()})


def _sources(cited: Sequence[Evidence]) -> float:
    if not cited:
        return 0.0
    mean = sum(quality(piece) for piece in cited) / len(cited)
    voices: list[Evidence] = []
    for piece in cited:
        if not any(piece.source == voice.source or claims.duplicate(piece.text, [voice.text]) for voice in voices):
            voices.append(piece)
    return min(100.0, mean + min(24, 8 * (len(voices) - 1)))


def _coherence(kept: int, dropped: int, conflicts: Sequence[Conflict]) -> float:
    lost = sum(30 if conflict.trusted is None else 15 for conflict in conflicts)
    return max(0.0, 100 * kept / (kept + dropped) - lost)


def history(namespace: str, run_id: str) -> float:
    """Return how earlier results of the namespace fared with people, 0 to 100."""
    row = db.one(
        "SELECT count(*) FILTER (WHERE review = 'approved') AS good, "
        "count(*) FILTER (WHERE review IN ('corrected', 'refused')) AS bad "
        "FROM research_result r JOIN run ON run.id = r.run_id WHERE run.namespace = %s AND r.run_id <> %s",
        [namespace, run_id],
    )
    good, bad = (row["good"], row["bad"]) if row else (0, 0)
    # Three imagined good ones and one bad: a single verdict moves the figure, it does not make it.
    return round(100 * (good + 3) / (good + bad + 4), 1) if good + bad else USUAL_HISTORY
