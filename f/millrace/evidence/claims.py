# requirements:

"""What sentences say, by their words and numbers: overlap, support, contradiction. No model is
asked.

This is the check that no model can talk its way around: every sentence of a result goes through
`supported`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from f.millrace.core import sentences

# A sentence has to share this part of its content words with the passages that it cites.
LEAST_COVERAGE = 0.5
LEAST_SHARED = 3
# The unit of a year of the calendar; an age of 37 years has another.
CALENDAR = "calendar year"
# Two sentences are about the same thing when they share this part of the shorter one's words.
SAME_SUBJECT = 0.6
NEAR_DUPLICATE = 0.8

STOPWORDS = frozenset(
    """a about above after again all also although am among an and any are as at be because been
    before being below between both but by can could did do does doing down during each either else
    ever every few for from further get got had has have having he her here hers him his how however
    i if in into is it its itself just like made make many may me might more most much must my near
    new no nor not now of off often on once one only or other our out over own per rather said same
    say says she should since so some still such than that the their them then there these they this
    those through thus to too under until up upon us use used using very via was we well were what
    when where which while who whom whose why will with within without would yet you your according
    today yesterday tomorrow""".split()
)
NEGATIONS = frozenset(
    "no not never none neither nor without cannot cant wont isnt arent wasnt werent dont doesnt"
    " didnt".split()
)
DENIALS = frozenset(
    "deny denied denies denying refute refuted refutes dispute disputed disputes false untrue"
    " cancel cancelled canceled reject rejected rejects fail failed fails halted retracted".split()
)
SCALES = {
    "thousand": 1e3,
    "k": 1e3,
    "million": 1e6,
    "m": 1e6,
    "billion": 1e9,
    "bn": 1e9,
    "trillion": 1e12,
}
MONTHS = (
    "january february march april may june july august september october november december".split()
)
MONTH = rf"(?:{'|'.join(month.capitalize() for month in MONTHS)})"
SMALL = {
    word: str(index)
    for index, word in enumerate("zero one two three four five six seven eight nine ten".split())
}

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
# Japanese, Chinese and Thai are written without spaces.
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f]")
NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>[-−]?)(?P<currency>[$€£]?)(?P<value>\d{1,3}(?:[,\u202f\u00a0]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"\s?(?P<scale>thousand|million|billion|trillion|bn|[kKmM](?![\w]))?\s?(?P<unit>%|[^\W\d_]+)?",
)
COUNTED = re.compile(rf"{WORD.pattern}(?:-{WORD.pattern})*")  # gigawatt-hours
# What no page says that is meant for people.
INJECTION = re.compile(
    r"(?i)\b(?:ignore|disregard|forget|override)\b.{0,20}\b(?:previous|prior|above|earlier|your)\b.{0,20}\b(?:instructions?|prompts?|rules)\b"
)
LINK = re.compile(
    r"\[([^\[\]]*+)\]\((?:[^()]++|\([^()]*+\))*+\)"
    r"|(?:https?://|www\.)(?:\S*[^\s.,;:!?)\]]|\S)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Quantity:
    """A number with what it counts."""

    value: float
    unit: str


def is_quotable(sentence: str, own: bool = False) -> bool:
    """Tell whether a sentence can stand in a result: a clean statement that stands alone and says
    something. Of the reader's own texts, which are notes and tables too, a line is enough.
    """
    fits = sentences.is_note(sentence) if own else sentences.stands_alone(sentence)
    return fits and len(content_words(sentence)) >= 4


def strip_links(text: str) -> str:
    """Return the text without addresses; links come from the store only."""
    return " ".join(LINK.sub(lambda match: match[1] or "", text).split())


@lru_cache(maxsize=20_000)
def content_words(text: str) -> frozenset[str]:
    """Return the stems of the words that carry meaning."""
    found = WORD.findall(text)
    if not text.isascii():
        found = [part for word in found for part in _part_unspaced(word)]
    words = (word.lower().replace("’", "'").removesuffix("'s") for word in found)
    return frozenset(stem(word) for word in words if word not in STOPWORDS and len(word) > 1)


def _part_unspaced(word: str) -> list[str]:
    """Return a word, or of a row of words in a script without spaces each two letters in a row."""
    if UNSPACED.search(word) is None or len(word) < 3:
        return [word]
    return [one + other for one, other in pairwise(word)]


def stem(word: str) -> str:
    """Return the word without its commonest English endings: enough to match, not to read."""
    for ending, shortest in (
        ("ations", 5),
        ("ation", 5),
        ("ingly", 4),
        ("edly", 4),
        ("ies", 3),
        ("ing", 4),
        ("ed", 4),
        ("es", 4),
        ("s", 3),
    ):
        if (
            word.endswith(ending)
            and len(word) - len(ending) >= shortest
            and not (ending == "s" and word.endswith("ss"))
        ):
            return word[: -len(ending)].rstrip("e") + ("y" if ending == "ies" else "")
    return word.rstrip("e") if len(word) > 4 else word


@lru_cache(maxsize=20_000)
def quantities(text: str) -> frozenset[Quantity]:
    """Return a text's numbers, scaled (`1.5 million` is 1500000), each with its unit's stem."""
    found = set()
    for match in NUMBER.finditer(text):
        value = float(re.sub(r"[,\u202f\u00a0]", "", match["value"])) * SCALES.get(
            (match["scale"] or "").lower(), 1
        )
        unit = match["currency"] or _unit(match["unit"] or "")
        if (
            value == int(value)
            and 1500 <= value <= 2100
            and not match["scale"]
            and "," not in match["value"]
        ):
            unit = unit if unit in ("%", "$", "€", "£") else CALENDAR
        found.add(Quantity(-value if match["sign"] and match.start() else value, unit))
    return frozenset(found)


def _unit(word: str) -> str:
    word = word.lower()
    if word in ("percent", "per"):
        return "%"
    return "" if word in STOPWORDS else stem(word)


def overlap(wanted: str, text: str) -> float:
    """Return which part of the content words of `wanted` is in `text`: 0 to 1."""
    words = content_words(wanted)
    return len(words & content_words(text)) / len(words) if words else 0.0


def similarity(one: str, other: str) -> float:
    """Return the part of the shorter text's content words that both share: 0 to 1."""
    first, second = content_words(one), content_words(other)
    return len(first & second) / min(len(first), len(second)) if first and second else 0.0


def is_duplicate(sentence: str, others: Iterable[str]) -> bool:
    """Tell whether one of `others` holds the sentence, or says the same with the same numbers and
    of the same names.
    """
    return any(
        sentence in other
        or (
            (
                _jaccard(sentence, other) >= NEAR_DUPLICATE
                and quantities(sentence) == quantities(other)
            )
            and not _named_apart(sentence, other)
        )
        for other in others
    )


def is_repeated(sentence: str, title: str) -> bool:
    """Tell whether a sentence says no more than a headline does."""
    return content_words(sentence) <= content_words(title) and quantities(sentence) <= quantities(
        title
    )


def _named_apart(one: str, other: str) -> bool:
    """Tell whether each of two texts names what the other does not."""
    first, second = content_words(one), content_words(other)
    return bool(names(one) - second) and bool(names(other) - first)


@lru_cache(maxsize=20_000)
def names(text: str) -> frozenset[str]:
    """Return the stems of the capitalised words of a text."""
    return frozenset(
        stem(word.lower())
        for word in WORD.findall(text)
        if word[0].isupper() and word.lower() not in STOPWORDS
    )


def _jaccard(one: str, other: str) -> float:
    first, second = content_words(one), content_words(other)
    return len(first & second) / len(first | second) if first | second else 0.0


def find_unsupported(sentence: str, passages: list[str]) -> str:
    """Return why the passages do not carry the sentence, in words; empty when they do.

    Its words have to be theirs for the most part, each of its numbers has to stand there, and what
    it denies they have to deny too.
    """
    together = "\n".join(passages)
    if not together.strip():
        return "it cites nothing that is stored"
    words = content_words(sentence)
    if overlap(sentence, together) < LEAST_COVERAGE or len(words & content_words(together)) < min(
        LEAST_SHARED, len(words)
    ):
        return "its words are not those of the evidence that it cites"
    held = {quantity.value for quantity in quantities(together)} | {
        float(number) for number in _spelled(together)
    }
    strange = sorted(
        quantity.value for quantity in quantities(sentence) if quantity.value not in held
    )
    if strange:
        return f"the number {strange[0]:g} is not in the evidence that it cites"
    closest = max(
        (part for passage in passages for part in sentences.split(passage)),
        key=lambda part: overlap(sentence, part),
        default="",
    )
    if overlap(sentence, closest) >= 0.75 and is_negated(sentence) != is_negated(closest):
        return "the evidence that it cites says the opposite"
    return ""


def _spelled(text: str) -> set[str]:
    return {SMALL[word] for word in re.findall(r"[a-z]+", text.lower()) if word in SMALL}


def is_negated(sentence: str) -> bool:
    """Tell whether a sentence says that something is not so."""
    words = [word.lower().replace("'", "").replace("’", "") for word in WORD.findall(sentence)]
    return sum(
        word in NEGATIONS or (word.endswith("nt") and word[:-1] + "'t" in sentence)
        for word in words
    ) % 2 == 1 or any(word in DENIALS for word in words)


def find_contradiction(one: str, other: str) -> str:
    """Return what two sentences disagree about, in words; empty when they can both be true.

    They must be about the same thing, and then differ in a number of the same unit, or one denies
    the other.
    """
    if similarity(one, other) < SAME_SUBJECT or len(content_words(one) & content_words(other)) < 3:
        return ""
    if is_negated(one) != is_negated(other) and _jaccard(one, other) >= NEAR_DUPLICATE:
        return "whether it is so"
    return _numbers_differ(one, other)


def _values(found: Iterable[Quantity], unit: str) -> set[float]:
    return {quantity.value for quantity in found if quantity.unit == unit}


def _numbers_differ(one: str, other: str) -> str:
    first, second = quantities(one), quantities(other)
    units = {quantity.unit for quantity in first} & {quantity.unit for quantity in second}
    mine, theirs = _values(first, CALENDAR), _values(second, CALENDAR)
    if mine and theirs and not mine & theirs and units != {CALENDAR}:
        return ""  # figures of different years do not contradict each other
    for unit in sorted(units, key=lambda unit: unit == CALENDAR):
        mine, theirs = _values(first, unit), _values(second, unit)
        dated = unit in MONTHS
        if dated and content_words(one) != content_words(other):
            # two days of a month: of two events, unless the sentences say the same otherwise
            continue
        if not mine & theirs and len(mine) == 1 and len(theirs) == 1:
            return "the date" if dated else _disputed(unit, one)
    return ""


def _disputed(unit: str, sentence: str) -> str:
    if unit == CALENDAR:
        return "the year"
    if unit in ("", "%", "$", "€", "£"):
        return f"the figure {f'in {unit}' if unit else ''}".strip()
    counted = (
        word for word in COUNTED.findall(sentence) if stem(word.partition("-")[0].lower()) == unit
    )
    return f"how many {next(counted, unit)}"
