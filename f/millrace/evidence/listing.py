# requirements:

"""The lines that answer a question: one for each thing of the name that is asked about, each from a
passage of that thing.

A label (a place, a year, a rank) is put only on a sentence whose own passage carries it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from f.millrace.core import sentences
from f.millrace.evidence import (
    answer_values,
    answers,
    claims,
    disambiguation,
    disputes,
    identifiers,
    prompt,
    questions,
)

# Of several things each is heard; what answers less clearly than this does not answer.
FAINT = 0.25
# Of a thing that gives no clearer answer, one this close is told after all clear ones.
FAINTEST = 0.12
# A second value of one thing is worth a line when it is this close to what is asked.
CLOSE = 0.5
UNFIT = -99.0
# What a second publisher of a value, and a name of the question in the line, are worth beside its
# strength.
BY_PUBLISHER, NAMED = 0.2, 0.2
# What another publisher that has the value anywhere is worth.
BY_SUPPORT = 0.1
# One this close may be taken for an answer.
RIVAL = 0.3
# A sentence that begins so may speak of what the one before it names.
CONTINUES = re.compile(r"(?:It|He|She|They|Its|His|Her|Their|The [a-z]+)\b")
LONGEST_LABEL = 60
# A sentence with a value of the kind that is asked for says more than one without.
WITH_VALUE = 1.0
# A sentence has something to do with a question when it holds so much of its words, together with
# the title of its passage.
IN_CONTEXT = 0.4
# Of one thing, another value than that of most publishers is told as a dispute, and not as a line.
MOST_VALUES = 1


@dataclass(frozen=True)
class Line:
    """A sentence that answers, the passages that give its value, and what of several it is
    about.
    """

    text: str
    ids: tuple[str, ...]
    about: str = ""


Order = tuple[float, ...]


def list_answers(question: str, passages: Sequence[prompt.Passage]) -> list[Line]:
    """Return the sentences that answer, of each thing one: clear answers first, then that of most
    publishers; then second values, and what is said of things that give no value.
    """
    asked = questions.parse(question)
    if not asked.kind:
        return []
    names = disambiguation.proper_names(question)
    given = [
        answer
        for answer in answers.extract(question, passages)
        if answer.directness >= FAINTEST and not sentences.is_furniture(answer.quote)
    ]
    answered = any(answer.directness >= FAINT for answer in given)
    things = disambiguation.group(question, passages)
    ranked: list[tuple[Order, Line]] = []
    for thing in things:
        ids = {passage.id for passage in thing}
        own = [each for each in given if each.passage.id in ids]
        found = _lines_of_answers(asked, own, names, len(things) > 1, answered)
        if found:
            ranked += found
        elif told := _said_of(question, asked, thing):
            ranked.append(((2, 0, -len(thing)), told))
    return _keep_prose([line for _, line in sorted(ranked, key=lambda entry: entry[0])])


def is_answered(question: str, passages: Sequence[prompt.Passage]) -> bool:
    """Tell whether a sentence gives a clear answer."""
    return any(
        answer.directness >= FAINT and not sentences.is_furniture(answer.quote)
        for answer in answers.extract(question, passages)
    )


def _keep_prose(lines: list[Line]) -> list[Line]:
    """Return the lines without menus, which answer only where nothing else does."""
    return [line for line in lines if sentences.is_prose(line.text)] or lines


def _lines_of_answers(
    asked: questions.Question,
    own: Sequence[answers.ExtractedAnswer],
    names: Sequence[str],
    several: bool,
    answered: bool,
) -> list[tuple[Order, Line]]:
    """Return the lines of the clear answers of a thing; of a faint one when other things answer
    clearly.
    """
    clear = [each for each in own if each.directness >= FAINT]
    if clear or not own or not answered:
        return _lines_of_thing(asked, clear, names, several) if clear else []
    best = max(own, key=lambda each: each.strength)
    line = _line([best], names, several)
    return [((1, not sentences.is_prose(line.text), -best.strength), line)]


def _lines_of_thing(
    asked: questions.Question,
    own: Sequence[answers.ExtractedAnswer],
    names: Sequence[str],
    several: bool,
) -> list[tuple[Order, Line]]:
    """Return a line for each value of one thing that is worth one, and where it belongs."""
    values = disputes.group_by_value(own)
    if asked.kind == "description":
        values = sorted(values, key=lambda value: -max(each.strength for each in value))
    values.sort(key=lambda value: not any(sentences.is_prose(each.quote) for each in value))
    found: list[tuple[Order, Line]] = []
    for place, value in enumerate(values[:MOST_VALUES]):
        best = max(each.closeness for each in value)
        if place and best < CLOSE:
            continue
        line = _line(value, names, several)
        names_it = not asked.subject or bool(asked.subject & claims.content_words(line.text))
        publishers = len({answer.passage.source for answer in value})
        worth = (
            max(each.strength for each in value)
            + BY_PUBLISHER * min(publishers - 1, 2)
            + BY_SUPPORT * min(max(each.support for each in value), 3)
            + NAMED * names_it
        )
        order = (place, not sentences.is_prose(line.text), -worth)
        found.append((order, line))
    return found


def _said_of(
    question: str, asked: questions.Question, thing: Sequence[prompt.Passage]
) -> Line | None:
    """Return the sentence of a thing that has most to do with the question; None when it is about
    something else.
    """
    found = [
        (_aptness(question, asked, sentence, place == 0), Line(sentence, (passage.id,)))
        for passage in thing
        for place, sentence in enumerate(sentences.split(passage.text))
        if _is_in_context(question, asked, sentence, passage)
    ]
    score, line = max(found, key=lambda entry: entry[0], default=(UNFIT, Line("", ())))
    return line if score > UNFIT else None


def _aptness(question: str, asked: questions.Question, sentence: str, first: bool) -> float:
    words = claims.content_words(sentence)
    if (
        len(sentence) > 2 * sentences.LONGEST
        or sentences.is_instruction(sentence)
        or sentences.is_furniture(sentence)
    ):
        return UNFIT
    return (
        claims.overlap(question, sentence)
        + 0.2 * first
        + 0.1 * len(words & asked.relation)
        + WITH_VALUE * answer_values.is_held(asked, sentence)
        + 0.2 * sentences.rate_sentence(sentence)
    )


def _is_in_context(
    question: str, asked: questions.Question, sentence: str, passage: prompt.Passage
) -> bool:
    """Tell whether a sentence has to do with a question: it holds much of its words, goes on about
    it, or, on a page that was found for what is asked to be described, names that.
    """
    told = f"{passage.title} {sentence}"
    names_it = bool(asked.subject) and asked.subject <= claims.content_words(told)
    return (
        claims.overlap(question, told) >= IN_CONTEXT
        or (names_it and asked.kind == "description" and passage.kind == prompt.PAGE)
        or _goes_on(asked, sentence, passage)
    )


def _goes_on(asked: questions.Question, sentence: str, passage: prompt.Passage) -> bool:
    """Tell whether a sentence that does not name its subject (`He succeeded in 1872`) says
    something of the kind that is asked for in a passage that names it.
    """
    return (
        CONTINUES.match(sentence) is not None
        and answer_values.is_held(asked, sentence)
        and asked.subject <= claims.content_words(f"{passage.title} {passage.text}")
    )


def rivals(
    question: str, passages: Sequence[prompt.Passage], lines: Sequence[str]
) -> frozenset[str] | None:
    """Return the sentences that give another value of the kind that is asked for than the lines
    that answer: they would be read as answers, too. None when nothing is answered.
    """
    asked = questions.parse(question)
    if not asked.kind or not any(
        answer_values.contains(line, answer.value)
        for answer in answers.extract(question, passages)
        for line in lines
    ):
        return None
    return frozenset(
        answer.quote
        for answer in answers.candidates(question, passages)
        if answer.closeness >= RIVAL
        and not any(answer_values.contains(line, answer.value) for line in lines)
    )


def _line(value: Sequence[answers.ExtractedAnswer], names: Sequence[str], several: bool) -> Line:
    best = max(
        value,
        key=lambda answer: (
            sentences.rate_sentence(answer.quote),
            len(answer.value),
            answer.strength,
        ),
    )
    ids = [best.passage.id, *(answer.passage.id for answer in value)]
    return Line(best.quote, tuple(dict.fromkeys(ids)), _label(best, names, several))


def _label(best: answers.ExtractedAnswer, names: Sequence[str], several: bool) -> str:
    """Return what tells the thing of a sentence apart, as its own passage has it: an identifier of
    its title that the sentence leaves out, or what stands with the name.
    """
    if title := label_of(best.passage, best.quote):
        return title
    sense = disambiguation.sense_of(names, best.passage) if several else ""
    return f"{names[0]} ({sense})" if sense and names else ""


def label_of(passage: prompt.Passage, line: str) -> str:
    """Return the title of a passage when it has an identifier that the line leaves out; else
    empty.
    """
    # A heading that the line begins with is not said twice.
    title = passage.title.strip().removesuffix(f" › {line.partition(':')[0]}")
    told = identifiers.find(title)
    return (
        title if told and len(title) <= LONGEST_LABEL and not told & identifiers.find(line) else ""
    )
