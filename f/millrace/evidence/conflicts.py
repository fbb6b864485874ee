# requirements:

"""Conflicts: both sides with dates and sources, which one is trusted, and why, by rules that can be
read.

A side gains by independent voices, by the quality of its sources and by being newer. When neither
is clearly ahead, none is trusted, and the result says so.
"""

from collections.abc import Mapping, Sequence

from f.millrace.core import contracts, sentences
from f.millrace.evidence import (
    answer_values,
    claims,
    disputes,
    identifiers,
    prompt,
    source_quality,
)

# How far ahead a side has to be.
MARGIN = 0.3


def propose(question: str, passages: Sequence[prompt.Passage]) -> list[contracts.ProposedConflict]:
    """Return what the passages disagree about; no model is asked."""
    return [
        contracts.ProposedConflict(
            question=f"{question}: {dispute.about}",
            sides=[
                contracts.ProposedSide(claim=side.claim, value=side.value, evidence=side.ids)
                for side in dispute.sides
            ],
        )
        for dispute in disputes.find(question, passages)
    ]


def find_overlooked(
    named: Sequence[contracts.ProposedConflict],
    question: str,
    evidence: Sequence[contracts.Evidence],
) -> list[contracts.ProposedConflict]:
    """Return what the evidence disagrees about where no conflict that a model has `named` cites
    it.
    """
    told = {one for conflict in named for side in conflict.sides for one in side.evidence}
    passages = prompt.passages(prompt.compose({}, evidence))
    return [
        conflict
        for conflict in propose(question, passages)
        if told.isdisjoint(one for side in conflict.sides for one in side.evidence)
    ]


def validate(
    found: Sequence[contracts.ProposedConflict], evidence: Mapping[str, contracts.Evidence]
) -> list[contracts.Conflict]:
    """Return the contradictions that stored evidence bears out: two sides or more, each with
    evidence of its own.
    """
    kept: list[contracts.Conflict] = []
    for contradiction in found:
        sides = [side for side in (_side(entry, evidence) for entry in contradiction.sides) if side]
        apart = {tuple(sorted(side.evidence)) for side in sides}
        if len(sides) >= 2 and len(apart) >= 2 and not _are_siblings(sides, evidence):
            kept.append(
                contracts.Conflict(question=claims.strip_links(contradiction.question), sides=sides)
            )
    return kept


def _are_siblings(
    sides: Sequence[contracts.ConflictSide], evidence: Mapping[str, contracts.Evidence]
) -> bool:
    """Tell whether no two sides speak of one thing, by the identifiers of their titles: invoices of
    two numbers do not contradict each other.
    """
    titles = [[identifiers.find(evidence[one].title) for one in side.evidence] for side in sides]
    return all(
        identifiers.are_different(mine, theirs)
        for place, side in enumerate(titles)
        for other in titles[place + 1 :]
        for mine in side
        for theirs in other
    )


def _side(
    said: contracts.ProposedSide, evidence: Mapping[str, contracts.Evidence]
) -> contracts.ConflictSide | None:
    claim = claims.strip_links(said.claim)
    known = [identity for identity in dict.fromkeys(said.evidence) if identity in evidence]
    carrying = [
        identity
        for identity in known
        if not claims.find_unsupported(claim, [evidence[identity].text])
    ]
    if not carrying or sentences.is_instruction(claim):
        return None
    value = said.value if said.value and answer_values.contains(claim, said.value) else ""
    agreeing = [
        identity
        for identity in known
        if value
        and identity not in carrying
        and answer_values.contains(evidence[identity].text, value)
    ]
    pieces = [evidence[identity] for identity in (*carrying, *agreeing)]
    return contracts.ConflictSide(
        claim=claim,
        value=value,
        evidence=[*carrying, *agreeing],
        dates=sorted(
            {piece.published_at.date().isoformat() for piece in pieces if piece.published_at}
        ),
        sources=sorted({piece.source for piece in pieces if piece.source}),
    )


def resolve(
    conflict: contracts.Conflict, evidence: Mapping[str, contracts.Evidence]
) -> contracts.Conflict:
    """Return the conflict with the side that is trusted and why; none when neither is clearly
    ahead.
    """
    weighed = [_weigh(side, conflict, evidence) for side in conflict.sides]
    order = sorted(range(len(weighed)), key=lambda place: -weighed[place][0])
    best, second = order[0], order[1]
    if weighed[best][0] - weighed[second][0] < MARGIN:
        why = "Undecided: sources of equal weight, and neither report is clearly newer."
        if _are_copies(conflict, evidence):
            why = (
                "Undecided: the texts are the same but for this, so one of them was changed, and"
                " nothing else tells which."
            )
        return conflict.model_copy(update={"trusted": None, "why": why})
    reasons = [
        mine
        for mine, theirs in zip(weighed[best][1], weighed[second][1], strict=True)
        if mine and mine != theirs
    ]
    why = (
        f"Trusted for {' and '.join(reasons)}."
        if reasons
        else "Trusted for the weight of its sources."
    )
    return conflict.model_copy(update={"trusted": best, "why": why})


def _weigh(
    side: contracts.ConflictSide,
    conflict: contracts.Conflict,
    evidence: Mapping[str, contracts.Evidence],
) -> tuple[float, list[str]]:
    """Return the weight of a side and what speaks for it: voices, quality, date."""
    pieces = [evidence[identity] for identity in side.evidence]
    voices = source_quality.count_independent(pieces)
    best = max(pieces, key=source_quality.rate)
    newest = max(side.dates, default="")
    others = [max(other.dates, default="") for other in conflict.sides if other is not side]
    newer = bool(newest) and all(other and newest > other for other in others)
    weight = 0.5 * min(voices, 4) + source_quality.rate(best) / 100 + (0.4 if newer else 0)
    reasons = [
        f"{voices} independent sources" if voices > 1 else "",
        (
            f"the more reliable kind of source ({best.source})"
            if source_quality.rate(best) >= 75
            else ""
        ),
        f"the newer report ({newest})" if newer else "",
    ]
    return weight, reasons


def _are_copies(conflict: contracts.Conflict, evidence: Mapping[str, contracts.Evidence]) -> bool:
    """Tell whether the sides are copies of one text."""
    first, second = (
        [evidence[identity].text for identity in side.evidence] for side in conflict.sides[:2]
    )
    return any(source_quality.is_copied(one, other) for one in first for other in second)


def is_consistent(finding: contracts.Finding, found: Sequence[contracts.Conflict]) -> bool:
    """Tell whether a finding neither contradicts a side that is trusted nor repeats the value of
    one that is not.
    """
    return _find_winner(finding, found) is None


def keep_standing(
    said: Sequence[contracts.Finding], found: Sequence[contracts.Conflict]
) -> list[contracts.Finding]:
    """Return the claims in their order; in place of one that lost a conflict stands, once, the
    claim of the side that won it.
    """
    winners = [_find_winner(claim, found) for claim in said]
    told = [claim.text for claim, winner in zip(said, winners, strict=True) if winner is None]
    kept: list[contracts.Finding] = []
    for claim, winner in zip(said, winners, strict=True):
        if winner is None:
            kept.append(claim)
        elif not claims.is_duplicate(winner.claim, told):
            kept.append(contracts.Finding(text=winner.claim, citations=winner.evidence))
            told.append(winner.claim)
    return kept


def _find_winner(
    finding: contracts.Finding, found: Sequence[contracts.Conflict]
) -> contracts.ConflictSide | None:
    """Return the trusted side that a finding contradicts, or the value of whose rival it repeats;
    None when it does neither.
    """
    for conflict in found:
        if conflict.trusted is None:
            continue
        winner = conflict.sides[conflict.trusted]
        if claims.find_contradiction(finding.text, winner.claim):
            return winner
        if winner.value and answer_values.contains(finding.text, winner.value):
            continue
        cited = set(finding.citations)
        for loser in conflict.sides:
            # What says the same otherwise may be cited, too: `a ferry` of `a ferry from Orrin`.
            own = cited - set(winner.evidence)
            if (
                loser is not winner
                and loser.value
                and own
                and own <= set(loser.evidence)
                and answer_values.contains(finding.text, loser.value)
            ):
                return winner
    return None


def discredited(
    found: Sequence[contracts.Conflict], evidence: Mapping[str, contracts.Evidence]
) -> set[str]:
    """Return the evidence that is not drawn on: what lost to more voices, or is a changed copy of
    what is trusted.
    """
    lost: set[str] = set()
    for conflict in found:
        if conflict.trusted is None:
            continue
        winning = [evidence[identity] for identity in conflict.sides[conflict.trusted].evidence]
        for number, side in enumerate(conflict.sides):
            if number != conflict.trusted:
                pieces = [evidence[identity] for identity in side.evidence]
                lost |= {piece.id for piece in _lost(pieces, winning)}
    return lost


def _lost(
    pieces: list[contracts.Evidence], winning: list[contracts.Evidence]
) -> list[contracts.Evidence]:
    voices = source_quality.count_independent
    outvoted = voices(winning) > voices(pieces)
    return [
        piece
        for piece in pieces
        if piece not in winning
        and (outvoted or any(source_quality.is_copied(piece.text, other.text) for other in winning))
    ]


def summarise(conflict: contracts.Conflict) -> str:
    """Return the conflict in one line, for a prompt."""
    sides = "; ".join(f"{side.claim} [{', '.join(side.evidence)}]" for side in conflict.sides)
    return f"{conflict.question}: {sides}"
