# requirements:

"""Disputes: what passages of different publishers cannot all be right about. No model is asked.

Three ways to find one: passages answer a question with different values; a copy of a text was
altered; two sentences about the same thing differ in a figure, or one denies the other. Things that
only share a name are kept apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from f.millrace.core import sentences
from f.millrace.evidence import (
    answer_values,
    answers,
    claims,
    copies,
    disambiguation,
    identifiers,
    prompt,
    questions,
    records,
)

MOST = 3
MOST_SIDES = 4
MOST_COMPARED = 60
# How close to the words of the question a value has to be, to be set against another; names are
# looser than figures.
CLOSE = {"date": 0.6, "figure": 0.6, "name": 0.75, "description": 0.45}
SAME_STORY = 0.5


@dataclass
class DisputeSide:
    """What one side says: the value that differs, a sentence with it, and the passages that hold
    it.
    """

    value: str
    claim: str
    ids: list[str] = field(default_factory=list)


@dataclass
class Dispute:
    """Sides that cannot all be right."""

    about: str
    sides: list[DisputeSide]


def find(question: str, passages: Sequence[prompt.Passage]) -> list[Dispute]:
    """Return what the passages disagree about, the question's own answer first."""
    passages = identifiers.select(question, passages)
    things = disambiguation.group(question, passages)
    ways = (
        _find_by_answers(question, passages, things),
        _find_by_copies(question, passages),
        _find_by_sentences(question, passages, things),
    )
    made: list[Dispute] = []
    for dispute in (dispute for way in ways for dispute in way):
        home = next(
            (
                other
                for other in made
                if any(_same_side(mine, theirs) for mine in dispute.sides for theirs in other.sides)
            ),
            None,
        )
        if home is None:
            made.append(dispute)
        elif dispute.sides[0].value:
            _merge(dispute, home)
    return made[:MOST]


def _same_side(one: DisputeSide, other: DisputeSide) -> bool:
    return one.claim == other.claim or bool(
        one.value and other.value and answer_values.is_same(one.value, other.value)
    )


def _merge(dispute: Dispute, home: Dispute) -> None:
    """Add the sides of a dispute to one that it shares a side with."""
    for side in dispute.sides:
        known = next((other for other in home.sides if _same_side(side, other)), None)
        if known is not None:
            known.ids += [
                identity
                for identity in side.ids
                if not any(identity in other.ids for other in home.sides)
            ]
        elif len(home.sides) < MOST_SIDES and not any(
            set(side.ids) & set(other.ids) for other in home.sides
        ):
            home.sides.append(side)
            home.about += f" or {side.value}"


def _find_by_answers(
    question: str, passages: Sequence[prompt.Passage], things: Sequence[Sequence[prompt.Passage]]
) -> list[Dispute]:
    asked = questions.parse(question)
    if asked.kind == "description" and not asked.is_class:
        return []
    found = answers.extract(question, passages)
    if asked.is_class:
        found = [named for answer in found if (named := answers.with_class(asked, answer))]
    given = [
        answer
        for answer in found
        if answer.closeness >= CLOSE.get(asked.kind, 1)
        and (not asked.subject or asked.subject & claims.content_words(answer.passage.text))
    ]
    made = []
    for thing in things:
        ids = {passage.id for passage in thing}
        ranked = group_by_value([answer for answer in given if answer.passage.id in ids])
        sides = [
            side
            for side in ranked
            if side is ranked[0]
            or (
                (asked.kind != "figure" or _same_year(side, ranked[0]))
                and any(
                    disambiguation.are_of_one_thing(question, mine.passage, theirs.passage)
                    for mine in side
                    for theirs in ranked[0]
                )
            )
        ][:MOST_SIDES]
        if len(sides) >= 2:
            said = [
                DisputeSide(side[0].value, side[0].quote, [answer.passage.id for answer in side])
                for side in sides
            ]
            made.append(
                Dispute(" or ".join(side.value for side in said), _add_supporting(said, thing))
            )
    return made


def group_by_value(group: Sequence[answers.ExtractedAnswer]) -> list[list[answers.ExtractedAnswer]]:
    """Return the answers by value, the one of most publishers first."""
    made: list[list[answers.ExtractedAnswer]] = []
    for answer in sorted(group, key=lambda each: (-each.strength, each.passage.id)):
        home = next(
            (value for value in made if answer_values.is_same(answer.value, value[0].value)), None
        )
        made.append([answer]) if home is None else home.append(answer)
    for value in made:
        # the least detailed comes first: all of them hold it
        value.sort(key=lambda each: len(each.value))
    return sorted(
        made,
        key=lambda value: (
            -len({answer.passage.source for answer in value}),
            -max(answer.support for answer in value),
            -value[0].strength,
            value[0].value,
        ),
    )


def _same_year(side: list[answers.ExtractedAnswer], first: list[answers.ExtractedAnswer]) -> bool:
    """Tell whether two figures are of the same year, as far as they name one: figures of two years
    do not contradict.
    """
    mine, theirs = (
        {q.value for q in claims.quantities(answer[0].quote) if q.unit == claims.CALENDAR}
        for answer in (side, first)
    )
    return not mine or not theirs or bool(mine & theirs)


def _add_supporting(
    sides: list[DisputeSide], passages: Sequence[prompt.Passage]
) -> list[DisputeSide]:
    """Add to each side the passages that hold its value and none of the others': they agree, in
    words of their own.
    """
    taken = {identity for side in sides for identity in side.ids}
    for passage in passages:
        # A short word or figure stands in many texts for many reasons; only a longer one tells that
        # another text agrees.
        holding = [
            side
            for side in sides
            if len(side.value) > 3 and answer_values.contains(passage.text, side.value)
        ]
        if len(holding) == 1 and passage.id not in taken:
            holding[0].ids.append(passage.id)
    return sides


def _find_by_copies(question: str, passages: Sequence[prompt.Passage]) -> list[Dispute]:
    kind = questions.parse(question).kind
    words_too = question.rstrip().endswith("?") and kind in ("", "description")
    made = []
    for index, one in enumerate(passages):
        for other in passages[index + 1 :]:
            if one.source == other.source:
                continue
            told = [
                (claims.overlap(question, sides[0].claim), sides)
                for change in copies.find_changes(one.text, other.text, words_too)
                if (sides := _sides(change, one, other, kind))
            ]
            if told:
                nearest, sides = max(told, key=lambda entry: entry[0])
                about = " or ".join(side.value for side in sides)
                made.append((nearest, Dispute(about, _add_supporting(sides, passages))))
    return [dispute for _, dispute in sorted(made, key=lambda entry: -entry[0])]


def _sides(
    change: copies.Change, one: prompt.Passage, other: prompt.Passage, kind: questions.Kind
) -> list[DisputeSide]:
    """Return both sides of a change; none when it is not of the kind that was asked for."""
    numeric = any(mark.isdigit() for mark in change.one)
    if kind in ("date", "figure", "name") and (kind == "name") == numeric:
        return []
    sides = [
        DisputeSide(change.one, answers.quote_around(one.text, *change.at_one), [one.id]),
        DisputeSide(change.other, answers.quote_around(other.text, *change.at_other), [other.id]),
    ]
    return [] if any(sentences.is_instruction(side.claim) for side in sides) else sides


def _find_by_sentences(
    question: str, passages: Sequence[prompt.Passage], things: Sequence[Sequence[prompt.Passage]]
) -> list[Dispute]:
    home = {passage.id: place for place, thing in enumerate(things) for passage in thing}
    top = _comparable(question, passages)
    kind = questions.parse(question).kind
    made: list[Dispute] = []
    taken: set[str] = set()
    for index, (one, first) in enumerate(top):
        for other, second in top[index + 1 :]:
            if (
                first.source == second.source
                or {one, other} & taken
                or home[first.id] != home[second.id]
                or disambiguation.name_others(one, other)
                or identifiers.are_different(identifiers.find(one), identifiers.find(other))
            ):
                continue
            dispute = _compare((one, first), (other, second), top, kind)
            if dispute is not None:
                taken |= {one, other}
                made.append(dispute)
                break
    return made


def _compare(
    one: tuple[str, prompt.Passage],
    other: tuple[str, prompt.Passage],
    top: Sequence[tuple[str, prompt.Passage]],
    kind: questions.Kind,
) -> Dispute | None:
    """Return what two sentences of two passages disagree about; None when they do not."""
    about = claims.find_contradiction(one[0], other[0])
    if about:
        return Dispute(about, [_agreeing(*one, top), _agreeing(*other, top)])
    sides = _sides_of_change(*one, *other, kind)
    return Dispute(" or ".join(side.value for side in sides), sides) if sides else None


def _sides_of_change(
    one: str, first: prompt.Passage, other: str, second: prompt.Passage, kind: questions.Kind
) -> list[DisputeSide]:
    """Return both sides where two sentences are the same but for one figure, date or name."""
    change = copies.find_change_of_sentence(one, other)
    if change is None:
        return []
    numeric = any(mark.isdigit() for mark in change.one)
    if kind in ("date", "figure", "name") and (kind == "name") == numeric:
        return []
    return [
        DisputeSide(change.one, one, [first.id]),
        DisputeSide(change.other, other, [second.id]),
    ]


def _comparable(
    question: str, passages: Sequence[prompt.Passage]
) -> list[tuple[str, prompt.Passage]]:
    """Return the sentences that can contradict each other: also those that name their subject only
    as `it`, but no entries of tables and forms, which do not say what they are about.
    """
    found = [
        (claims.overlap(question, sentence), sentence, passage)
        for passage in passages
        if claims.overlap(question, passage.text) >= SAME_STORY
        for sentence in sentences.split(passage.text)
        if len(sentence) <= sentences.LONGEST
        and not sentences.is_instruction(sentence)
        and not records.is_entry(sentence)
        and len(claims.content_words(sentence)) >= 3
    ]
    ranked = sorted(found, key=lambda entry: (-entry[0], entry[2].id, entry[1]))
    return [(sentence, passage) for _, sentence, passage in ranked[:MOST_COMPARED]]


def _agreeing(
    sentence: str, passage: prompt.Passage, top: Sequence[tuple[str, prompt.Passage]]
) -> DisputeSide:
    numbers = claims.quantities(sentence)
    ids = [
        other.id
        for text, other in top
        if claims.similarity(text, sentence) >= claims.SAME_SUBJECT
        and numbers
        and claims.quantities(text) == numbers
    ]
    return DisputeSide("", sentence, list(dict.fromkeys([passage.id, *ids])))
