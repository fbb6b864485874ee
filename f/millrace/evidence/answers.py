# requirements:

"""What each passage answers to a question that asks for a date, a figure or a name. No model is
asked.

An answer is a value as it stands in the passage, near the words that the question asks with.
Passages that give the same value agree; how many publishers do is what a value is worth.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from f.millrace.core import sentences
from f.millrace.evidence import claims, prompt

Kind = Literal["date", "figure", "name", ""]

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
    r"(?i)^(?:when|since when|(?:in |on )?(?:what|which) (?:year|month|date|day|decade)|what is the"
    r" (?:birth ?date|date)\b)"
)
FIGURE = re.compile(
    r"(?i)\bhow (?:many|much|long|tall|old|far|large|big|high|fast|deep|heavy|wide)\b"
    r"|\b(?:population|length|height|area|size|number|amount|price|cost|distance|depth|weight|age"
    r"|capacity|elevation|percentage|share|rate|speed|budget|revenue) (?:of|does)\b"
)
NAME = re.compile(
    r"(?i)^(?:who|whom|whose|where)\b|\b(?:what|which)"
    r" (?:city|town|country|state|county|place|person|team|company|band)\b"
    r"|\bwhat is the name\b|^(?:in|at|on|by|from|of|to) (?:whom|which|what)\b"
)
# Words that a question and its answer use for the same relation.
RELATIONS = (
    "born birth birthday birthplace",
    "die died death dead",
    (
        "establish established found founded founding founder create created form formed open"
        " opened start started inaugurated"
    ),
    "build built construct constructed construction complete completed erect erected",
    "direct directed director directors",
    "write written wrote author authored writer novel by",
    "artist album band singer released recorded performed song by",
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
ASKING = frozenset(
    claims.stem(word)
    for word in "name year date day month many much long current currently estimated number".split()
)
MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
DATE = re.compile(
    rf"\b(?:(?P<month1>{MONTH})\s+(?P<day1>\d{{1,2}})(?:st|nd|rd|th)?\s*,?\s+(?P<year1>\d{{4}})"
    rf"|(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month2>{MONTH})\s*,?\s+(?P<year2>\d{{4}})"
    rf"|(?P<month3>{MONTH})\s+(?P<year3>\d{{4}})|(?P<year4>1[0-9]\d\d|20\d\d)(?!\d|[,.]\d|\s?%))"
)
# A capitalised word, or an initial with its full stop.
CAPITAL = r"(?:[A-ZÀ-ÖØ-Þ]\.(?=\s)|[A-ZÀ-ÖØ-Þ](?:[\w'’-]|\.(?=\w))*)"
PROPER = re.compile(
    rf"{CAPITAL}(?:(?:,?\s+|\s+(?:of|of the|de|da|di|van|von|la|le|al|&)\s+){CAPITAL})*"
)
# A lower-case word right behind a name: the name is used like an adjective (an American band).
MODIFIES = re.compile(
    r"(?:\s+|-)(?!and\b|or\b|is\b|was\b|in\b|at\b|on\b|who\b|by\b|with\b|as\b|for\b|from\b|to\b|of\b|featuring\b)[a-z]{3,}"
)
# What stands right before the name that is asked for: by whom, where.
LEADS = re.compile(r"\b(?:by|in|at|near)\s+(?:the\s+)?$")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d[\d,.]*")


@dataclass(frozen=True)
class QuestionType:
    """What a question asks for: the kind of value, of what, in which relation; all as stems."""

    kind: Kind
    subject: frozenset[str]
    relation: frozenset[str]


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
    kind: Kind = ""
    if WHEN.search(question):
        kind = "date"
    elif FIGURE.search(question):
        kind = "figure"
    elif NAME.search(question):
        kind = "name"
    words = claims.WORD.findall(question)
    subject = {claims.stem(word.lower()) for word in words[1:] if word[0].isupper()}
    for quoted in re.findall(r"[\"“]([^\"”]+)[\"”]", question):
        subject |= {claims.stem(word.lower()) for word in claims.WORD.findall(quoted)}
    subject -= {claims.stem(word) for word in claims.STOPWORDS}
    asked = claims.content_words(question) - subject - ASKING
    groups = [frozenset(claims.stem(word) for word in group.split()) for group in RELATIONS]
    relation = frozenset(asked).union(*(group for group in groups if group & asked))
    return QuestionType(kind, frozenset(subject), relation)


def extract(question: str, passages: Sequence[prompt.Passage]) -> list[ExtractedAnswer]:
    """Return the answer that each passage gives, if any; of several in a passage, the one that
    others give too.
    """
    asked = question_type(question)
    if not asked.kind or not asked.relation:
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
            key=lambda a: (-a.strength - 0.15 * len(publishers[normalise(a.value)]), a.value),
        )
        best += ranked[:1]
    return best


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
    return bool(first and second) and (set(first) <= set(second) or set(second) <= set(first))


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
            closeness = 1 / (1 + max(0.25, closest) / 4)
            answer = ExtractedAnswer(
                value,
                quote_around(text, start, end),
                passage,
                closeness,
                round(closeness + about, 4),
            )
            if normalise(value) not in found or found[normalise(value)].strength < answer.strength:
                found[normalise(value)] = answer
    return list(found.values())


def _closest(
    asked: QuestionType,
    text: str,
    words: list[tuple[int, int, str]],
    places: list[int],
    found: tuple[str, int, int],
) -> float:
    """Return how far a value is from the closest of the words that are asked with."""
    value, start, end = found
    if asked.kind == "date" and _is_life_date(asked, text[:start]):
        return 1.0
    first = sum(begin < start for begin, _, _ in words)
    last = sum(begin < end for begin, _, _ in words)
    distances = [_distance(place, first, last, words, text) for place in places]
    closest = min(distances, default=99.0)
    if asked.kind == "name":
        modifies = bool(MODIFIES.match(text[end:]) and " " not in value)
        closest += MODIFIER * modifies - bool(LEADS.search(text[:start]))
    return closest


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


def _is_life_date(asked: QuestionType, before: str) -> bool:
    """Tell whether a date stands where dates of a life do: `Ada Lovelace (10 December 1815 - 27
    November 1852)`.
    """
    if "birth" in asked.relation:
        return bool(re.search(r"[\w,.]\s*\(\s*(?:born\s+)?$", before))
    return "death" in asked.relation and bool(re.search(r"\(\s*[^()]*\d{4}\s*[–—-]\s*$", before))


def _values(asked: QuestionType, text: str) -> list[tuple[str, int, int]]:
    if asked.kind == "date":
        return [(match[0], match.start(), match.end()) for match in DATE.finditer(text)]
    if asked.kind == "figure":
        dates = [(match.start(), match.end()) for match in DATE.finditer(text)]
        return [
            (match["value"] + _format_scale(match), match.start("value"), match.end("value"))
            for match in claims.NUMBER.finditer(text)
            if not any(start <= match.start("value") < end for start, end in dates)
        ]
    return [piece for match in PROPER.finditer(text) for piece in _names(asked, match)]


def _names(asked: QuestionType, run: re.Match[str]) -> list[tuple[str, int, int]]:
    """Return the names in a run of capitalised words: what the question itself names ends one and
    is none.
    """
    known = asked.subject | asked.relation | claims.MONTHS
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
