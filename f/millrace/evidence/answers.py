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
from f.millrace.evidence import answer_values, claims, prompt, questions

# A value further than this many words from what is asked is not an answer.
REACH = 12
# Names are everywhere; one is an answer only close by.
REACH_OF_NAMES = 5
QUOTE = 260
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


@dataclass(frozen=True)
class ExtractedAnswer:
    """A value that a passage gives, and the words around it."""

    value: str
    quote: str
    passage: prompt.Passage
    closeness: float
    strength: float


def extract(question: str, passages: Sequence[prompt.Passage]) -> list[ExtractedAnswer]:
    """Return the answer that each passage gives, if any; of several in a passage, the one that
    others give too.
    """
    asked = questions.parse(question)
    if not asked.kind or not (asked.relation or asked.kind == "description"):
        return []
    candidates = [_candidates(asked, passage) for passage in passages]
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
                a.value,
            ),
        )
        best += ranked[:1]
    return best


def candidates(question: str, passages: Sequence[prompt.Passage]) -> list[ExtractedAnswer]:
    """Return every value of the kind that is asked for that stands near the words of the
    question.
    """
    asked = questions.parse(question)
    if not asked.kind or not (asked.relation or asked.kind == "description"):
        return []
    return [answer for passage in passages for answer in _candidates(asked, passage)]


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


def _candidates(asked: questions.Question, passage: prompt.Passage) -> list[ExtractedAnswer]:
    """Return the values of that kind near the words that are asked with, each value once."""
    if asked.kind == "description":
        return _descriptions(asked, passage)
    text = passage.text
    words = [
        (match.start(), match.end(), claims.stem(match[0].lower()))
        for match in answer_values.WORD.finditer(text)
    ]
    near = [place for place, (_, _, word) in enumerate(words) if word in asked.relation]
    reach = REACH_OF_NAMES if asked.kind == "name" else REACH
    about = 0.1 * min(3, len(asked.subject & claims.content_words(text)))
    values = answer_values.find(asked, text)
    counted = _counted_by(near, words, values) if asked.kind == "figure" else {}
    found: dict[str, ExtractedAnswer] = {}
    for value, start, end in values:
        quote = quote_around(text, start, end)
        places = [place for place in near if counted.get(place, start) == start]
        closest = _closest(asked, text, words, places, (value, start, end))
        if sentences.is_instruction(quote) or closest > reach:
            continue
        fit = _fit(asked, quote, text[max(0, start - 80) : start])
        closeness = fit / (1 + max(0.25, closest) / 4)
        answer = ExtractedAnswer(value, quote, passage, closeness, round(closeness + about, 4))
        known = found.setdefault(answer_values.normalise(value), answer)
        if known.strength < answer.strength:
            found[answer_values.normalise(value)] = answer
    return list(found.values())


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


def _descriptions(asked: questions.Question, passage: prompt.Passage) -> list[ExtractedAnswer]:
    """Return what the sentences of a passage say that its subject is, the one nearest to what is
    asked first.
    """
    found: list[ExtractedAnswer] = []
    for place, sentence in enumerate(sentences.split(passage.text)):
        if sentences.is_instruction(sentence) or len(sentence) > 2 * sentences.LONGEST:
            continue
        defined = _definition(asked, sentence)
        if (
            defined
            and asked.is_class
            and not claims.content_words(defined["what"]) & asked.relation
        ):
            defined = None
        words = claims.content_words(sentence)
        opens = place == 0 and OPENS.match(sentence) is not None
        named = bool(asked.subject & words) or opens or POINTS.match(sentence) is not None
        related = sorted(words & asked.relation)
        if not named or not (defined or related):
            continue
        # Of a sport or a party a sentence with its name says more than what somebody is.
        by_definition, by_word = (0.3, 0.45) if asked.is_class else (0.6, 0.2)
        closeness = by_definition * bool(defined) + by_word * min(len(related), 2)
        closeness += 0.05 * (place == 0)
        value = " ".join((defined["what"] if defined else sentence).split())
        strength = closeness + 0.1 * min(3, len(asked.subject & words))
        found.append(
            ExtractedAnswer(value, sentence, passage, round(closeness, 4), round(strength, 4))
        )
    return sorted(found, key=lambda answer: -answer.strength)


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
    value, start, end = found
    if asked.kind == "date" and _stands_behind_name(asked, text[:start]):
        return 1.0
    first = sum(begin < start for begin, _, _ in words)
    last = sum(begin < end for begin, _, _ in words)
    distances = [_distance(place, first, last, words, text) for place in places]
    closest = min(distances, default=99.0)
    if asked.kind == "name":
        modifies = bool(MODIFIES.match(text[end:]) and " " not in value)
        closest += MODIFIER * modifies - bool(LEADS.search(text[:start]))
        if asked.place:
            closest = _closest_place(asked, text, start, end, closest)
        if asked.person:
            closest += _misfit(text, start, end, value)
            if not modifies and _is_made_by(asked, text[max(0, start - 80) : start]):
                closest = min(closest, 1.0)
    return closest


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
    quoted = text[start - 1 : start] in ('"', "“", "`") and text[end : end + 1] in ('"', "”", "'")
    run = REST_OF_NAME.match(text, end)
    return 99.0 if quoted or PUBLISHER.search(value + (run[0] if run else "")) else 0.0


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
