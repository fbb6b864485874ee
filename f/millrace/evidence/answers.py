# requirements:

"""What each passage answers to a question that asks for a date, a figure or a name. No model is
asked.

An answer is a value as it stands in the passage, near the words that the question asks with.
Passages that give the same value agree; how many publishers do is what a value is worth.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from f.millrace.core import sentences
from f.millrace.evidence import answer_values, claims, kinds, prompt, question_match, questions

# A value further than this many words from what is asked is not an answer.
REACH = 12
# Names are everywhere; one is an answer only close by.
REACH_OF_NAMES = 5
QUOTE = 260
# What a whole question in a sentence is worth beside a value right behind the word that is asked
# with.
MATCH = 1.0
# What closeness is in the directness of an answer; the rest is how much of the question is there.
CLOSENESS = 0.6
# How much less a line of a menu or form is worth, and a sentence that goes on from another one.
NO_PROSE, LEANS = 0.3, 0.2
CONNECTS = re.compile(
    r"(?:However|But|And|Also|Additionally|Moreover|Furthermore|Meanwhile|Instead|Nevertheless"
    r"|Then|Thus|Therefore|Besides|On the other hand|In contrast)\b"
)
# What a sentence is worth that has all words of the question, and what one more that says of its
# subject what is asked for.
BY_MATCH = 0.5
FILLS, OF_CLASS = 0.8, 0.25
# A sentence with this much of a question has to do with it.
HOLDS = 0.5
# A sentence that seems to be about somebody or something else says so much less.
OF_ANOTHER = 0.4
# Between two words: the end of a sentence.
SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*\s+[\"'“‘(\[]?[A-Z0-9À-Þ]")
# A name used like an adjective is this many words further off: what it describes comes behind it.
MODIFIER = 5
DEFINITION = re.compile(
    r"\b(?:is|was|are|were|refers to|became)\s+(?:a|an|the|one of the)\s+"
    r"(?P<what>[^.,;()]+?)(?=(?<!\s)\s++(?:who|which|that|in|at|by|on|of|from|for|with|located|published"
    r"|released|born|based|and (?:is|was))\b|[.,;()]|$)"
)
# A party by its name.
PARTY = re.compile(r"(?<![\w-])[A-Z][\w'’-]{0,30} [Pp]arty\b|\b[Pp]arty of (?:the )?[A-Z]")
# What stands behind these is said of somebody else.
RELATIVE = re.compile(
    r"(?i)(?:(?<!\w)(?P<verb>\w{1,60})\s{0,9})?(?:\b(?:his|her|whose|their)|\w['’]s)\s++(?:\w{1,60}\s++)?"
    r"(?P<who>father|mother|parents|brother|sister|son|daughter|wife|husband|uncle|aunt"
    r"|grandfather|grandmother|cousin|nephew)\b[^.]{0,400}$"
)
# Somebody made something that has a name.
MADE = re.compile(
    r"(?<!was )(?<!were )(?<!been )(?<!is )\b(?P<verb>established|founded|created|formed|opened"
    r"|built|constructed|erected|launched)\s++(?:the\s++)?"
    r"(?P<what>[A-Z][\w'’-]*+(?:\s++[A-Z][\w'’-]*+){1,4})"
)
# Upon the death of a relative somebody does something himself.
UPON = frozenset("on upon at after".split())
# A lower-case word right behind a name: the name is used like an adjective (an American band).
MODIFIES = re.compile(
    r"(?:\s+|-)(?!and\b|or\b|is\b|was\b|in\b|at\b|on\b|who\b|by\b|with\b|as\b|for\b|from\b|to\b|of\b|featuring\b)[a-z]{3,}"
)
# What stands right before the name that is asked for: by whom, where.
LEADS_PLACE = re.compile(r"\b(?:in|at|near|of)\s+(?:the\s+)?(?:[a-z]+\s+){0,2}$")
DEFINES = re.compile(r"\b(?:is|was|are|were)\s+(?:an?|the|one)\b")
# A name that nothing leads to as to a place is so many words further off.
NO_PLACE = 4
LEADS = re.compile(r"\b(?:by|in|at|near)\s+(?:the\s+)?$")
# A firm that publishes is not who made the work; a quoted title is no name of a person.
PUBLISHER = re.compile(
    r"(?i)\b(?:records|recordings|entertainment|label|music group|corporation|pictures|studios?"
    r"|productions?|press|magazine|inc|ltd|films|television|network)\b"
)
REST_OF_NAME = re.compile(r"(?:[\s/&]+[A-Z][\w.]*){1,3}")
WORKS = frozenset(
    claims.stem(word)
    for word in "album song single film movie book novel symphony composition work play series"
    " painting poem opera ballet musical setting EP".lower().split()
)
# A sentence that begins so speaks of the subject of the passage.
POINTS = re.compile(r"(?:It|He|She|They|The (?:film|book|song|album|station|town|village|band))\b")
# A first sentence that begins so says what its page is about.
OPENS = re.compile(r"(?:The )?[A-Z][^.]{0,100}?\s(?:is|was|are|were|refers to) (?:a|an|the|one)\b")
# Right before the one who made something; a role or a people may stand in between.
MADE_BY = re.compile(
    r"\b(?P<by>by|duo|band|group|singer|musician|rapper|artist|composer|director|author|writer"
    r"|trio|quartet|songwriter|guitarist|pianist|saxophonist)\s+(?:[a-z/-]+\s+){0,4}"
    r"(?:[A-Z][\w-]+\s+(?:[a-z/-]+\s+){1,4})?$"
)


# Behind a word that is asked with: something else is measured.
OTHER_MEASURES = frozenset(
    claims.stem(word) for word in "density growth rate change decline increase per group".split()
)
# A figure that is told by a word of the same meaning (`people` for the population) is as far off as
# so many words more.
BY_ANOTHER_WORD = 2
# Right before a value: it is what the words before it are.
COPULA = re.compile(
    r"\b(?:is|was|are|were)\s+(?:(?:about|around|approximately|roughly|nearly|over|only|now|currently"
    r"|estimated at|in|on)\s+)?$"
)


@dataclass(frozen=True)
class ExtractedAnswer:
    """A value that a passage gives, and the words around it."""

    value: str
    quote: str
    passage: prompt.Passage
    closeness: float
    strength: float
    match: float = 0.0
    support: int = 0

    @property
    def directness(self) -> float:
        """Return how clearly it answers: 0 to 1. A value beside a word that is asked with is less
        where the sentence has nothing else of the question, and one further off is more where it
        has all of it.
        """
        return round(CLOSENESS * self.closeness + (1 - CLOSENESS) * self.match, 4)


def extract(question: str, passages: Sequence[prompt.Passage]) -> list[ExtractedAnswer]:
    """Return the answer that each passage gives, if any; of several in a passage, the one that
    others give too.
    """
    asked = questions.parse(question)
    if not asked.kind or not (asked.relation or asked.kind == "description"):
        return []
    weights = question_match.weigh_words(asked, passages)
    candidates = [_candidates(asked, passage, weights) for passage in passages]
    publishers: dict[str, set[str]] = {}
    for passage, answers in zip(passages, candidates, strict=True):
        for answer in answers:
            publishers.setdefault(answer_values.normalise(answer.value), set()).add(passage.source)
    best = []
    for answers in candidates:
        ranked = sorted(
            answers,
            key=lambda a: (
                -a.strength
                - 0.15 * a.closeness * len(publishers[answer_values.normalise(a.value)]),
                -len(answer_values.normalise(a.value).split()) if asked.kind == "date" else 0,
            ),
        )
        best += ranked[:1]
    return [replace(each, support=_support(asked, each, passages)) for each in best]


def _support(
    asked: questions.Question, answer: ExtractedAnswer, passages: Sequence[prompt.Passage]
) -> int:
    """Return how many other publishers have the value anywhere in their text."""
    if asked.kind == "description":
        return 0
    return len(
        {
            passage.source
            for passage in passages
            if answer_values.contains(passage.text, answer.value)
        }
        - {answer.passage.source}
    )


def candidates(question: str, passages: Sequence[prompt.Passage]) -> list[ExtractedAnswer]:
    """Return every value of the kind that is asked for that stands near the words of the
    question.
    """
    asked = questions.parse(question)
    if not asked.kind or not (asked.relation or asked.kind == "description"):
        return []
    weights = question_match.weigh_words(asked, passages)
    return [answer for passage in passages for answer in _candidates(asked, passage, weights)]


def with_class(asked: questions.Question, answer: ExtractedAnswer) -> ExtractedAnswer | None:
    """Return the answer with the name of the class in its sentence as its value (`chess` of `he
    plays chess`); None when there is none, or more than one.
    """
    named = {
        stem: word
        for word in claims.WORD.findall(answer.quote)
        if (stem := claims.stem(word.lower())) in asked.relation and stem not in asked.named
    }
    return replace(answer, value=next(iter(named.values()))) if len(named) == 1 else None


def _candidates(
    asked: questions.Question, passage: prompt.Passage, weights: question_match.Weights
) -> list[ExtractedAnswer]:
    """Return the values of that kind near the words that are asked with, each value once."""
    if asked.kind == "description":
        return _descriptions(asked, passage, weights)
    text = passage.text
    words = [
        (match.start(), match.end(), claims.stem(match[0].lower()))
        for match in answer_values.WORD.finditer(text)
    ]
    near = _asked_words(asked, text, words)
    reach = REACH_OF_NAMES if asked.kind == "name" else REACH
    about = 0.1 * min(3, len(asked.subject & claims.content_words(text)))
    values = answer_values.find(asked, text)
    counted = _counted_by(near, words, values) if asked.kind == "figure" else {}
    found: dict[str, ExtractedAnswer] = {}
    for value, start, end in values:
        quote = quote_around(text, start, end)
        places = [place for place in near if counted.get(place, start) == start]
        closest = _closest(asked, text, words, places, (value, start, end))
        if closest > reach or not _is_statement(quote):
            continue
        fit = _fit(asked, quote, text[max(0, start - 80) : start])
        closeness = fit / (1 + max(0.25, closest) / 4)
        match = question_match.measure(asked, quote, passage, weights)
        strength = closeness + about + MATCH * match - _flaws(quote)
        answer = ExtractedAnswer(value, quote, passage, closeness, round(strength, 4), match)
        known = found.setdefault(answer_values.normalise(value), answer)
        if known.strength < answer.strength:
            found[answer_values.normalise(value)] = answer
    return list(found.values())


def _is_statement(quote: str) -> bool:
    return not sentences.is_instruction(quote) and not sentences.is_furniture(quote)


def _flaws(quote: str) -> float:
    """Return how much less a quote is worth that is no prose, or leans on what comes before it."""
    flaw = 1.0 if not sentences.is_prose(quote) else 1 - sentences.rate_sentence(quote) / 2
    return NO_PROSE * flaw + LEANS * bool(CONNECTS.match(quote))


def _asked_words(
    asked: questions.Question, text: str, words: list[tuple[int, int, str]]
) -> list[int]:
    """Return the places of the words that are asked with. `The population density was 90 people per
    square mile` has none of a population.
    """
    following = [word for _, _, word in words[1:]] + [""]
    return [
        place
        for place, (_, end, word) in enumerate(words)
        if word in asked.relation
        and not (
            asked.kind == "figure"
            and following[place] in OTHER_MEASURES - asked.named
            and text[end : end + 1] == " "
        )
    ]


def _fit(asked: questions.Question, quote: str, before: str) -> float:
    """Return how far a sentence says of what is asked about all that is asked: 0 to 1. `before`
    stands in front of the value.
    """
    plain = (
        (asked.kind == "date" and _stands_behind_name(asked, before))
        or (asked.person and _is_made_by(asked, before))
        or (asked.place and _is_where(asked, before, quote))
    )
    of_another = _is_of_relative(asked, before) or _has_other_object(asked, quote)
    return (1.0 if plain else _covered(asked, quote)) * (OF_ANOTHER if of_another else 1.0)


def _is_of_relative(asked: questions.Question, before: str) -> bool:
    """Tell whether what follows is said of a relative who is not asked about. Who succeeds his
    father, or does something upon his death, does it himself.
    """
    found = RELATIVE.search(before)
    if found is None or claims.stem(found["who"].lower()) in asked.relation:
        return False
    verb = (found["verb"] or "").lower()
    return verb not in UPON and claims.stem(verb) not in asked.relation


def _has_other_object(asked: questions.Question, quote: str) -> bool:
    """Tell whether a sentence says of something else than what is asked about that somebody founded
    or built it: `in 1967 they founded the Reliance Party`.
    """
    found = MADE.search(quote)
    if found is None or claims.stem(found["verb"]) not in asked.relation:
        return False
    named = claims.content_words(found["what"])
    return bool(named - asked.subject and asked.subject - named)


def _covered(asked: questions.Question, quote: str) -> float:
    """Return how far a sentence speaks of all that is asked for: 0.2 to 1. Of `the median age`, one
    about the age of 18 speaks of half.
    """
    words = claims.content_words(quote)
    held = sum(bool(part & words) for part in asked.parts)
    return 0.2 + 0.8 * (held / len(asked.parts)) ** 2 if asked.parts else 1.0


def _descriptions(
    asked: questions.Question, passage: prompt.Passage, weights: question_match.Weights
) -> list[ExtractedAnswer]:
    """Return what the sentences of a passage say that its subject is, the one nearest to what is
    asked first.
    """
    found = [
        answer
        for place, sentence in enumerate(sentences.split(passage.text))
        if _is_statement(sentence)
        and len(sentence) <= 2 * sentences.LONGEST
        and (answer := _description(asked, sentence, place == 0, passage, weights))
    ]
    return sorted(found, key=lambda answer: -answer.strength)


def _description(
    asked: questions.Question,
    sentence: str,
    first: bool,
    passage: prompt.Passage,
    weights: question_match.Weights,
) -> ExtractedAnswer | None:
    """Return what a sentence says that its subject is; None when it says nothing of it."""
    defined = _definition(asked, sentence)
    if defined and asked.is_class and not claims.content_words(defined["what"]) & asked.relation:
        defined = None
    words = claims.content_words(sentence)
    opens = first and OPENS.match(sentence) is not None
    named = (
        not asked.subject
        or bool(asked.subject & words)
        or opens
        or POINTS.match(sentence) is not None
    )
    related = _related(asked, sentence)
    match = question_match.measure(asked, sentence, passage, weights)
    if not named or not (defined or related or match >= HOLDS):
        return None
    # Of a sport or a party a sentence with its name says more than what somebody is; what somebody
    # is says little where more is asked than that.
    by_definition, by_word = (
        (0.3, 0.45) if asked.is_class else (0.6 / max(1, len(asked.parts)), 0.2)
    )
    closeness = by_definition * bool(defined) + by_word * min(len(related), 2) + 0.05 * first
    filled = _filled(asked, sentence, defined)
    # Of a class the words of the question alone are no answer.
    by_class = asked.is_class or bool(asked.fills)
    floor = BY_MATCH if related or filled or not by_class else BY_MATCH / 2
    closeness = max(closeness, floor * match) + filled
    value = " ".join((defined["what"] if defined else sentence).split())
    about = 0.1 * min(3, len(asked.subject & words))
    strength = closeness + about + MATCH * match - _flaws(sentence)
    return ExtractedAnswer(
        value, sentence, passage, min(1.0, round(closeness, 4)), round(strength, 4), match
    )


def _filled(asked: questions.Question, sentence: str, defined: re.Match[str] | None) -> float:
    """Return what it is worth that a sentence says of its subject something of the kind that is
    asked for: that she is a biologist, that he worked as a keeper.
    """
    told = [defined["what"]] if defined else []
    if asked.fills != "kind":
        told += kinds.find_predicates(sentence, asked.subject)
    if asked.is_class:
        if asked.capital:
            return 0.0
        # Of a sport or a religion that is not among the known ones.
        told += [found["what"] for found in [_definition(asked, sentence)] if found]
        return OF_CLASS * any(kinds.is_of_kind("role", what) for what in told)
    return FILLS * any(kinds.is_of_kind(asked.fills, what) for what in told)


def _related(asked: questions.Question, sentence: str) -> frozenset[str]:
    """Return the words that a sentence has of what is asked for. The name of a class (`sport`,
    `profession`) is none of it.
    """
    if asked.fills == "role":
        return frozenset()
    if not asked.capital:
        held = claims.content_words(sentence) & asked.relation
        return held - asked.named if asked.is_class else held - asked.head
    written = " ".join(word for word in claims.WORD.findall(sentence) if word[0].isupper())
    named = PARTY.search(sentence) is not None
    return claims.content_words(f"{written} party" if named else written) & asked.relation


def _definition(asked: questions.Question, sentence: str) -> re.Match[str] | None:
    """Return where a sentence says what its subject is; None when it says so of something else."""
    for match in DEFINITION.finditer(sentence):
        before = sentence[: match.start()]
        if (
            asked.subject & claims.content_words(before)
            or POINTS.match(before)
            or OPENS.match(sentence)
        ):
            return match
    return None


def _closest(
    asked: questions.Question,
    text: str,
    words: list[tuple[int, int, str]],
    places: list[int],
    found: tuple[str, int, int],
) -> float:
    """Return how far a value is from the closest of the words that are asked with."""
    _, start, end = found
    if asked.kind == "date" and _stands_behind_name(asked, text[:start]):
        return 1.0
    first = sum(begin < start for begin, _, _ in words)
    last = sum(begin < end for begin, _, _ in words)
    distances = [
        _distance(place, first, last, words, text)
        + BY_ANOTHER_WORD * (asked.kind == "figure" and words[place][2] not in asked.named)
        for place in places
    ]
    closest = min(distances, default=99.0)
    if _is_predicate(text, start, words, places):
        closest = min(closest, 1.0)
    return _closest_name(asked, text, found, closest) if asked.kind == "name" else closest


def _closest_name(
    asked: questions.Question, text: str, found: tuple[str, int, int], closest: float
) -> float:
    """Return how far off a name is: further where it is used like an adjective or cannot be what is
    asked for, right there behind the role that is asked for.
    """
    value, start, end = found
    modifies = bool(MODIFIES.match(text[end:]) and " " not in value)
    closest += MODIFIER * modifies - bool(LEADS.search(text[:start]))
    if asked.place:
        closest = _closest_place(asked, text, start, end, closest)
    if asked.person:
        closest += _misfit(text, start, end, value)
        if not modifies and _is_made_by(asked, text[max(0, start - 80) : start]):
            closest = min(closest, 1.0)
    return closest


def _is_predicate(
    text: str, start: int, words: list[tuple[int, int, str]], places: list[int]
) -> bool:
    """Tell whether a value is what the words that are asked with are: `the median age in the town
    was 42.7`.
    """
    copula = COPULA.search(text, max(0, start - 40), start)
    if copula is None:
        return False
    ends = [words[place][1] for place in places if words[place][1] <= copula.start()]
    between = text[ends[-1] : copula.start()] if ends else text
    return len(between.split()) <= REACH and not re.search(r"[.;:!?,]", between)


def _closest_place(
    asked: questions.Question, text: str, start: int, end: int, closest: float
) -> float:
    """Return how far off a place is: a name that no `in` or `at` leads to is hardly one, and one in
    a sentence that says what the thing is is near.
    """
    before = text[max(0, start - 80) : start]
    if not LEADS_PLACE.search(before):
        return closest + NO_PLACE
    return (
        min(closest, 1.0) if _is_where(asked, before, quote_around(text, start, end)) else closest
    )


def _is_where(asked: questions.Question, before: str, quote: str) -> bool:
    """Tell whether a place stands in a sentence that says where what is asked about is."""
    return (
        bool(asked.relation & questions.LOCATED)
        and LEADS_PLACE.search(before) is not None
        and bool(asked.subject & claims.content_words(quote))
        and DEFINES.search(quote) is not None
    )


def _is_made_by(asked: questions.Question, before: str) -> bool:
    """Tell whether a name follows a role that is asked for (`the band`), or its `by`."""
    made = MADE_BY.search(before)
    if made is None:
        return False
    role = made["by"] if made["by"] != "by" else ""
    verb = claims.WORD.findall(before[: made.start()])[-3:] if not role else [role]
    return bool({claims.stem(word.lower()) for word in verb} & (asked.relation | WORKS))


def _misfit(text: str, start: int, end: int, value: str) -> float:
    """Return how much further off a name is that cannot be a person's or a band's: a publisher, a
    quoted title.
    """
    quoted = _is_quoted(text, start, end)
    run = REST_OF_NAME.match(text, end)
    return 99.0 if quoted or PUBLISHER.search(value + (run[0] if run else "")) else 0.0


def _is_quoted(text: str, start: int, end: int) -> bool:
    """Tell whether a place of a text stands within marks of quotation that its line closes."""
    first = text.rfind("\n", 0, start) + 1
    opened = text[max(first, start - QUOTE) : start]
    closes = re.search(r"[\"”]|''", text[end : end + QUOTE])
    return closes is not None and (
        opened.count("“") > opened.count("”")
        or opened.count('"') % 2 == 1
        or opened.count("``") > opened.count("''")
    )


def _counted_by(
    near: list[int], words: list[tuple[int, int, str]], values: list[tuple[str, int, int]]
) -> dict[int, int]:
    """Return which figure a word counts, when it stands right behind one: in `3 people, 2 houses`
    people are 3.
    """
    ends = {sum(begin < end for begin, _, _ in words): start for _, start, end in values}
    return {place: ends[place] for place in near if place in ends}


def _distance(
    place: int, first: int, last: int, words: list[tuple[int, int, str]], text: str
) -> float:
    """Return how many words are between a word and a value, more when the word comes after it or in
    another sentence.
    """
    if first <= place < last:
        return 99.0
    before = place < first
    between = (
        text[words[place][1] : words[first][0]]
        if before
        else text[words[last - 1][1] : words[place][0]]
    )
    count = first - place if before else (place - last) * 1.5 + (0.5 if place == last else 1.5)
    return count + (6 if SENTENCE_END.search(between + " A") else 0)


def _stands_behind_name(asked: questions.Question, before: str) -> bool:
    """Tell whether a date stands in brackets behind a name where that which is asked for does: `Ada
    Lovelace (10 December 1815 - 27 November 1852)`, `the Battle of Ardle (3 May 1640)`.
    """
    if "birth" in asked.relation:
        return bool(re.search(r"[\w,.]\s*\([\s,;]*(?:born\s+)?$", before))
    if "death" in asked.relation:
        return bool(re.search(r"\([^()]*\d{4}\s*+[–—-]\s*+$", before))
    if "occur" in asked.relation:
        name = re.search(r"([\w'’ ]{3,60})\s\(\s*$", before)
        return bool(name and asked.subject & claims.content_words(name[1]))
    return False


def quote_around(text: str, start: int, end: int) -> str:
    """Return the sentence around a place of a text; of a very long one, the words around it."""
    for sentence in sentences.split(text):
        found = re.search(r"\s+".join(map(re.escape, sentence.split())), text)
        if found is not None and found.start() <= start and end <= found.end():
            if len(sentence) <= sentences.LONGEST:
                return sentence
            break
    first, last = max(0, start - QUOTE // 2), min(len(text), end + QUOTE // 2)
    cut = " ".join(text[first:last].split())
    if first:
        cut = cut.partition(" ")[2]
    return cut.rpartition(" ")[0] if last < len(text) else cut
