# requirements:

"""What each passage answers to a question that asks for a date, a figure or a name. No model is
asked.

An answer is a value as it stands in the passage, near the words that the question asks with.
Passages that give the same value agree; how many publishers do is what a value is worth.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from f.millrace.core import sentences
from f.millrace.evidence import claims, prompt

Kind = Literal["date", "figure", "name", "description", ""]

# A value further than this many words from what is asked is not an answer.
REACH = 12
# Names are everywhere; one is an answer only close by.
REACH_OF_NAMES = 5
QUOTE = 260
# Between two words: the end of a sentence.
SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*\s+[\"'“‘(\[]?[A-Z0-9À-Þ]")
# A name used like an adjective is this many words further off: what it describes comes behind it.
MODIFIER = 5
# A longer run of capitalised words is a list or a headline.
MOST_NAME_WORDS = 5

WHEN = re.compile(
    r"(?i)^(?:when|since when)\b|\b(?:what|which) (?:year|month|date|day|decade)\b"
    r"|^what (?:is|was) the (?:[\w ]+ )?(?:birth ?date|date|year)\b"
)
FIGURE = re.compile(
    r"(?i)\bhow (?:many|much|long|tall|old|far|large|big|high|fast|deep|heavy|wide)\b"
    r"|\b(?:population|length|height|area|size|number|amount|price|cost|distance|depth|weight|age"
    r"|capacity|elevation|percentage|share|rate|speed|budget|revenue) (?:of|does)\b"
    r"|^what (?:is|was|were) the (?:[\w-]+ ){0,3}(?:population|age|length|height|area|size|number"
    r"|amount|price|cost|distance|depth|weight|capacity|elevation|percentage|rate|speed|budget"
    r"|revenue|total|income|score)\b"
)
NAME = re.compile(
    r"(?i)^(?:who|whom|whose|where)\b|\b(?:what|which)"
    r" (?:city|town|country|state|county|place|person|team|company|band)\b"
    r"|\bwhat is the name\b|^(?:by|from|of|to) (?:whom|which|what)\b"
    r"|\b(?:what|which) (?:is|was) the (?:modern[\w -]{0,60}|current |former |old )?"
    r"(?:name|capital)\b"
)
WHERE = re.compile(
    r"(?i)^where\b|\b(?:what|which) (?:city|town|village|country|state|county|place)\b"
)
# What is asked for when none of these is: what kind of thing it is.
DESCRIPTION = re.compile(r"(?i)\b(?:what|which)\b")
DEFINITION = re.compile(
    r"\b(?:is|was|are|were|refers to|became)\s+(?:a|an|the|one of the)\s+"
    r"(?P<what>[^.,;()]+?)(?=(?<!\s)\s++(?:who|which|that|in|at|by|on|of|from|for|with|located|published"
    r"|released|born|based|and (?:is|was))\b|[.,;()]|$)"
)
# Words that a question and its answer use for the same relation.
RELATIONS = (
    "born birth birthday birthplace",
    "die died death dead",
    (
        "establish established found founded founding founder create created form formed open"
        " opened start started inaugurated launched activated"
    ),
    (
        "build built construct constructed construction complete completed erect erected dates"
        " dating"
    ),
    "father mother parent parents son daughter child",
    "direct directed director directors",
    "write written wrote author authored writer novel",
    (
        "artist album band singer musician recorded performed song single duo group trio quartet"
        " rapper songwriter guitarist pianist saxophonist"
    ),
    (
        "sport football footballer basketball baseball hockey cricket cricketer rugby soccer tennis"
        " golf golfer boxing boxer wrestling wrestler athletics gymnastics gymnast swimming swimmer"
        " runner running cyclist cycling racing skier skating rowing rower judo volleyball handball"
        " lacrosse snooker darts bowling"
    ),
    "profession occupation job career",
    "party democrat democratic republican labour labor conservative liberal socialist",
    "genre style film novel band",
    "compose composed composer music",
    "rank admiral general captain colonel lieutenant",
    "take took place held happen happened occur occurred fought began",
    "serve served serving office position term appointed elected succeeded",
    "become became succeeded appointed elected inherited",
    "population people inhabitants residents",
    "located location lies situated in",
    "based base headquarters headquartered in",
    "marry married wife husband spouse consort",
    "win won winner champion champions defeated beat",
    "length long flows",
    "cost price costs worth",
    "minister ministers incumbent",
    "publish published publication publisher",
    "produce produced producer",
    "play played plays player",
)
CLASS = 8
LOCATED = frozenset(claims.stem(word) for word in "located location situated lies".split())
LIFE = frozenset({"birth", "death"})
OCCUR = frozenset(claims.stem(word) for word in "take took place held happen occur".split())
# Who made something may have written, directed or sung it.
CREATOR = frozenset(
    claims.stem(word) for word in "creator maker write direct artist album compose".split()
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
ASKING = frozenset(
    claims.stem(word)
    for word in "name year date day month many much long current currently estimated number part"
    " total associated involved term following".split()
)
# Space, with a comma before, in or without it.
COMMA = r"(?:\s++(?:,\s++)?|,\s++)"
DATE = re.compile(
    rf"\b(?:(?P<month1>{claims.MONTH})\s+(?P<day1>\d{{1,2}})(?:st|nd|rd|th)?{COMMA}(?P<year1>\d{{4}})"
    rf"|(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month2>{claims.MONTH}){COMMA}(?P<year2>\d{{4}})"
    rf"|(?P<month3>{claims.MONTH})\s+(?P<year3>\d{{4}})|(?P<year4>1[0-9]\d\d|20\d\d)(?!\d|[,.]\d|\s?%))"
)
DECADE = re.compile(r"(?:the\s+)?(?:(?:early|mid|late)[\s-]+)?(?P<decade>(?:1[0-9]|20)\d0)s\b")
YEAR = re.compile(r"\b(?:1\d|20)\d\d")
# Behind a year: the end of a span of years.
SPAN = re.compile(
    r"[–—-]\d\d(?![\d-])|\s?[–—-]\s?(?:1\d|20)\d\d(?!\d)"
    r"|\s+(?:and|to|until)\s+(?:1\d|20)\d\d(?!\d)"
)
# A capitalised word, or an initial with its full stop.
CAPITAL = r"(?:[A-ZÀ-ÖØ-Þ]\.(?=\s)|[A-ZÀ-ÖØ-Þ](?:[\w'’-]|\.(?=\w))*)"
PROPER = re.compile(
    rf"{CAPITAL}(?:(?:,?\s+|\s+(?:of|of the|the|de|da|di|van|von|la|le|al|&)\s+){CAPITAL})*"
)
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
PERSON = re.compile(r"(?i)^(?:who|whom|whose|by (?:whom|which artist))\b")
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
# What kind of thing a name is, behind the name: `Tern station`.
KIND_OF_NAME = re.compile(
    r"(?:[A-Z][\w'’.-]{0,60}|[”\"])\s(?P<kind>album|song|film|movie|book|novel|series|station|church|house"
    r"|bridge|school|college|university|river|lake|village|town|city|county|district|parish|island"
    r"|division|club|team|band|company|newspaper|magazine|ship|airport|hospital|museum|castle)"
    r"\s++(?=\w)"
)
POSSESSIVE = re.compile(r"['’]s?$")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d[\d,.]*")


@dataclass(frozen=True)
class QuestionType:
    """What a question asks for: the kind of value, of what, in which relation; all as stems.

    Attributes:
        person: It asks who.
        place: It asks where.
        is_class: The relation holds the names of the class that is asked for: of sports, parties.
        named: The words of the relation that the question itself has.
        parts: Each word of the relation with those that mean the same.
    """

    kind: Kind
    subject: frozenset[str]
    relation: frozenset[str]
    person: bool = False
    place: bool = False
    is_class: bool = False
    named: frozenset[str] = frozenset()
    parts: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True)
class ExtractedAnswer:
    """A value that a passage gives, and the words around it."""

    value: str
    quote: str
    passage: prompt.Passage
    closeness: float
    strength: float


def question_type(question: str) -> QuestionType:
    """Return what a question asks for; the kind is empty for a headline and for what has no typical
    form.
    """
    kind = _kind_of(question)
    subject = _subject_of(question)
    groups = [frozenset(claims.stem(word) for word in group.split()) for group in RELATIONS]
    asked = claims.content_words(question) - subject - ASKING - _kinds_of(question)
    if not asked and kind in ("name", "date"):
        # `the Minister of Trade`: the capital does not make the office a name.
        asked = subject & frozenset().union(*groups)
    if asked & CREATOR:
        asked |= CREATOR
    relation = frozenset(asked).union(*(group for group in groups if group & asked))
    return QuestionType(
        kind,
        subject,
        # What takes place is told in the words of its name.
        relation | subject if asked & OCCUR else relation,
        person=kind == "name" and bool(PERSON.search(question)),
        place=kind == "name" and bool(WHERE.search(question)),
        is_class=kind == "description" and len(relation) >= CLASS,
        named=frozenset(claims.content_words(question)),
        parts=_parts_of(asked, subject, groups),
    )


def _kind_of(question: str) -> Kind:
    if WHEN.search(question):
        return "date"
    if FIGURE.search(question):
        return "figure"
    if NAME.search(question):
        return "name"
    asks = DESCRIPTION.search(question) and question.rstrip().endswith("?")
    return "description" if asks else ""


def _subject_of(question: str) -> frozenset[str]:
    """Return the stems of the names and quoted titles in a question."""
    words = [word for word in claims.WORD.findall(question)[1:] if word[0].isupper()]
    for quoted in re.findall(r"[\"“]([^\"“”]+)[\"”]", question):
        words += claims.WORD.findall(quoted)
    return frozenset(claims.stem(POSSESSIVE.sub("", word.lower())) for word in words) - {
        claims.stem(word) for word in claims.STOPWORDS
    }


def _kinds_of(question: str) -> frozenset[str]:
    """Return the stems of the words beside a name that say what kind of thing it is (`Tern
    station`): they are not what is asked.
    """
    found = KIND_OF_NAME.findall(question)
    return frozenset(claims.stem(word.lower()) for word in found)


def _parts_of(
    asked: frozenset[str], subject: frozenset[str], groups: Sequence[frozenset[str]]
) -> tuple[frozenset[str], ...]:
    """Return each word that is asked with and those that stand for it."""
    if asked & CREATOR:
        return (CREATOR.union(*(group for group in groups if group & CREATOR)),)
    words = asked - OCCUR | {"occur"} if asked & OCCUR else asked
    return tuple(
        frozenset({word}).union(
            *(group for group in groups if word in group), subject if word == "occur" else ()
        )
        for word in sorted(words)
        if len(word) > 2
    )


def extract(question: str, passages: Sequence[prompt.Passage]) -> list[ExtractedAnswer]:
    """Return the answer that each passage gives, if any; of several in a passage, the one that
    others give too.
    """
    asked = question_type(question)
    if not asked.kind or not (asked.relation or asked.kind == "description"):
        return []
    candidates = [_candidates(asked, passage) for passage in passages]
    publishers: dict[str, set[str]] = {}
    for passage, answers in zip(passages, candidates, strict=True):
        for answer in answers:
            publishers.setdefault(normalise(answer.value), set()).add(passage.source)
    best = []
    for answers in candidates:
        ranked = sorted(
            answers,
            key=lambda a: (
                -a.strength - 0.15 * a.closeness * len(publishers[normalise(a.value)]),
                -len(normalise(a.value).split()) if asked.kind == "date" else 0,
                a.value,
            ),
        )
        best += ranked[:1]
    return best


def candidates(question: str, passages: Sequence[prompt.Passage]) -> list[ExtractedAnswer]:
    """Return every value of the kind that is asked for that stands near the words of the
    question.
    """
    asked = question_type(question)
    if not asked.kind or not (asked.relation or asked.kind == "description"):
        return []
    return [answer for passage in passages for answer in _candidates(asked, passage)]


def with_class(asked: QuestionType, answer: ExtractedAnswer) -> ExtractedAnswer | None:
    """Return the answer with the name of the class in its sentence as its value (`chess` of `he
    plays chess`); None when there is none, or more than one.
    """
    named = {
        stem: word
        for word in claims.WORD.findall(answer.quote)
        if (stem := claims.stem(word.lower())) in asked.relation and stem not in asked.named
    }
    return replace(answer, value=next(iter(named.values()))) if len(named) == 1 else None


def normalise(value: str) -> str:
    """Return what two writings of the same value have in common."""
    dated = DATE.fullmatch(value.strip())
    if dated:
        parts = dated.groupdict()
        year, month, day = (
            next((parts[f"{name}{n}"] for n in "1234" if parts.get(f"{name}{n}")), "")
            for name in ("year", "month", "day")
        )
        return f"{year} {month.lower()} {day}".strip()
    words = [word.lower().rstrip(".") for word in WORD.findall(value)]
    return " ".join(word.replace(",", "") for word in words if word not in claims.STOPWORDS)


def is_same(one: str, other: str) -> bool:
    """Tell whether two values can both be meant: equal, or one is the other with less detail."""
    first, second = normalise(one).split(), normalise(other).split()
    if not first or not second:
        return False
    same = set(first) <= set(second) or set(second) <= set(first)
    return same or _is_in_decade(one, other) or _is_in_decade(other, one)


def _is_in_decade(date: str, decade: str) -> bool:
    named, year = DECADE.fullmatch(decade.strip()), YEAR.search(date)
    return bool(named and year and year[0][:3] == named["decade"][:3])


def contains_value(text: str, value: str) -> bool:
    """Tell whether a text holds the value, in whatever writing of dates and figures."""
    return _spread(normalise(value)) in _spread(_normal(text)) or (
        bool(DATE.fullmatch(value))
        and any(is_same_date(value, match[0]) for match in DATE.finditer(text))
    )


def is_same_date(one: str, other: str) -> bool:
    """Tell whether `other` is the date `one`, at least as exactly."""
    return set(normalise(one).split()) <= set(normalise(other).split())


@lru_cache(maxsize=4096)
def _normal(text: str) -> str:
    return " ".join(
        word
        for word in (part.lower().rstrip(".,").replace(",", "") for part in WORD.findall(text))
        if word not in claims.STOPWORDS
    )


def _spread(text: str) -> str:
    return f" {text} "


def _candidates(asked: QuestionType, passage: prompt.Passage) -> list[ExtractedAnswer]:
    """Return the values of that kind near the words that are asked with, each value once."""
    if asked.kind == "description":
        return _descriptions(asked, passage)
    text = passage.text
    words = [
        (match.start(), match.end(), claims.stem(match[0].lower())) for match in WORD.finditer(text)
    ]
    near = [place for place, (_, _, word) in enumerate(words) if word in asked.relation]
    about = 0.1 * min(3, len(asked.subject & claims.content_words(text)))
    found: dict[str, ExtractedAnswer] = {}
    values = _values(asked, text)
    counted = _counted_by(near, words, values) if asked.kind == "figure" else {}
    for value, start, end in values:
        if sentences.is_instruction(quote_around(text, start, end)):
            continue
        places = [place for place in near if counted.get(place, start) == start]
        closest = _closest(asked, text, words, places, (value, start, end))
        if closest <= (REACH_OF_NAMES if asked.kind == "name" else REACH):
            quote = quote_around(text, start, end)
            before = text[max(0, start - 80) : start]
            plain = (
                (asked.kind == "date" and _stands_behind_name(asked, before))
                or (asked.person and _is_made_by(asked, before))
                or (asked.place and _is_where(asked, before, quote))
            )
            covered = 1.0 if plain else _covered(asked, quote)
            if _is_of_relative(asked, before) or _has_other_object(asked, quote):
                covered *= 0.4
            closeness = covered / (1 + max(0.25, closest) / 4)
            answer = ExtractedAnswer(
                value,
                quote,
                passage,
                closeness,
                round(closeness + about, 4),
            )
            if normalise(value) not in found or found[normalise(value)].strength < answer.strength:
                found[normalise(value)] = answer
    return list(found.values())


def _is_of_relative(asked: QuestionType, before: str) -> bool:
    """Tell whether what follows is said of a relative who is not asked about. Who succeeds his
    father, or does something upon his death, does it himself.
    """
    found = RELATIVE.search(before)
    if found is None or claims.stem(found["who"].lower()) in asked.relation:
        return False
    verb = (found["verb"] or "").lower()
    return verb not in UPON and claims.stem(verb) not in asked.relation


def _has_other_object(asked: QuestionType, quote: str) -> bool:
    """Tell whether a sentence says of something else than what is asked about that somebody founded
    or built it: `in 1967 they founded the Reliance Party`.
    """
    found = MADE.search(quote)
    if found is None or claims.stem(found["verb"]) not in asked.relation:
        return False
    named = claims.content_words(found["what"])
    return bool(named - asked.subject and asked.subject - named)


def _covered(asked: QuestionType, quote: str) -> float:
    """Return how far a sentence speaks of all that is asked for: 0.2 to 1. Of `the median age`, one
    about the age of 18 speaks of half.
    """
    words = claims.content_words(quote)
    held = sum(bool(part & words) for part in asked.parts)
    return 0.2 + 0.8 * (held / len(asked.parts)) ** 2 if asked.parts else 1.0


def _descriptions(asked: QuestionType, passage: prompt.Passage) -> list[ExtractedAnswer]:
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


def _definition(asked: QuestionType, sentence: str) -> re.Match[str] | None:
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
    asked: QuestionType,
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


def _closest_place(asked: QuestionType, text: str, start: int, end: int, closest: float) -> float:
    """Return how far off a place is: a name that no `in` or `at` leads to is hardly one, and one in
    a sentence that says what the thing is is near.
    """
    before = text[max(0, start - 80) : start]
    if not LEADS_PLACE.search(before):
        return closest + NO_PLACE
    return (
        min(closest, 1.0) if _is_where(asked, before, quote_around(text, start, end)) else closest
    )


def _is_where(asked: QuestionType, before: str, quote: str) -> bool:
    """Tell whether a place stands in a sentence that says where what is asked about is."""
    return (
        bool(asked.relation & LOCATED)
        and LEADS_PLACE.search(before) is not None
        and bool(asked.subject & claims.content_words(quote))
        and DEFINES.search(quote) is not None
    )


def _is_made_by(asked: QuestionType, before: str) -> bool:
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


def _stands_behind_name(asked: QuestionType, before: str) -> bool:
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


def _values(asked: QuestionType, text: str) -> list[tuple[str, int, int]]:
    if asked.kind == "date":
        return [_date_at(asked, text, match) for match in DATE.finditer(text)]
    if asked.kind == "figure":
        dates = [(match.start(), match.end()) for match in DATE.finditer(text)]
        return [
            (match["value"] + _format_scale(match), match.start("value"), match.end("value"))
            for match in claims.NUMBER.finditer(text)
            if not any(start <= match.start("value") < end for start, end in dates)
        ]
    return [piece for match in PROPER.finditer(text) for piece in _names(asked, match)]


def holds_value(asked: QuestionType, sentence: str) -> bool:
    """Tell whether a sentence has a value of the kind that is asked for; of a class, one of its
    words.
    """
    if asked.kind == "description":
        return bool(asked.relation & claims.content_words(sentence))
    return bool(_values(asked, sentence))


def _date_at(asked: QuestionType, text: str, found: re.Match[str]) -> tuple[str, int, int]:
    """Return a date with what belongs to it: `the 1790s`, `1798-1800`. Of a life each end is one
    of its own.
    """
    start, end = found.span()
    decade = DECADE.match(text, start)
    if decade:
        end = decade.end()
    elif found["year4"] and not asked.relation & LIFE and (span := SPAN.match(text, end)):
        end = span.end()
    return text[start:end], start, end


def _names(asked: QuestionType, run: re.Match[str]) -> list[tuple[str, int, int]]:
    """Return the names in a run of capitalised words: what the question itself names ends one and
    is none.
    """
    known = asked.subject | asked.relation | set(claims.MONTHS)
    names: list[tuple[str, int, int]] = []
    begin = end = None
    for word in (*re.finditer(r"\S+", run[0]), None):
        bare = word[0].strip(".,'’").lower() if word else ""
        if (
            word
            and bare
            and claims.stem(bare) not in known
            and (begin is not None or bare not in claims.STOPWORDS or bare == "the")
        ):
            begin = word.start() if begin is None else begin
            end = word.end()
            continue
        if begin is not None and end is not None:
            value = run[0][begin:end].rstrip(" .,-'’")
            if (
                claims.content_words(value)
                and len(value.split()) <= MOST_NAME_WORDS
                and len(value) > 2
            ):
                names.append((value, run.start() + begin, run.start() + begin + len(value)))
        begin = end = None
    return names


def _format_scale(match: re.Match[str]) -> str:
    scale = match["scale"] or ""
    return f" {scale}" if scale else ""


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
