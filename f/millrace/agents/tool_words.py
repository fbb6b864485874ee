# requirements:

"""The things that tools are about: words that mean the same, and words that exclude each other.

`ticket` and `case` are one thing to two authors; a `median` is no `mean`, though both are figures
of a list.
"""

import functools
import re

from f.millrace.agents import tool_actions

# Words of one thing, the first stands for all of them.
SAME = (
    "ticket case issue complaint|song track tune|directory folder|post status tweet|lamp light|"
    "booking reservation|invoice bill|flight plane|stock share ticker|user person member|file d"
    "ocument|mean average|price cost fare|message sms|picture image photo photograph|mail email"
    "|city town place|id identifier|car vehicle automobile|fuel petrol gasoline gas|tyre tire|d"
    "istance far kilometres miles|engine motor|brake handbrake|film movie|doctor physician|shop"
    " store|product article good item|customer client|employee staff worker|weather forecast co"
    "nditions|temperature warm degrees climate|volume loudness loud|playlist setlist|lyrics wor"
    "ds|blinds shutters|hotel lodging accommodation|restaurant eatery|currency money|tax vat|sa"
    "lary wage|meeting appointment event|calendar agenda diary|phone telephone|address location"
    "|route directions|area surface|length long|weight mass heavy|speed velocity fast|height ta"
    "ll high|duration time|language tongue|dictionary lexicon|definition meaning|book title|aut"
    "hor writer|recipe dish|ingredient component|workout exercise|student pupil|grade mark|scho"
    "ol university college|law statute|crime offence|player athlete|team club|match game fixtur"
    "e|concert gig|painting artwork|species animal|substance compound chemical|reaction equatio"
    "n|gcd divisor|lcm multiple|root sqrt|prime primes|probability chance odds|budget limit|par"
    "cel package|password secret|repository repo|commit revision|server host|database db|query "
    "statement|timeline feed|follower subscriber|hashtag tag"
)
# Kinds of one thing, of which one is none of the others.
RIVALS = (
    "mean average/median/mode/deviation/variance|minimum min lowest smallest shortest/maximum m"
    "ax highest largest longest|file document/directory folder|sine sin/cosine cos/tangent tan|"
    "sunrise/sunset|sent outgoing/received incoming|triangle/circle/rectangle/square/sphere/cyl"
    "inder|perimeter circumference/area surface/volume|latitude/longitude|north/south/east/west"
    "|front/rear|hotel/flight/train/restaurant/car|followers/following|gcd divisor/lcm multiple"
    "|permutation/combination|velocity/acceleration|income/expense|daily/weekly/monthly/yearly|"
    "weather/news|email/sms|temperature/humidity/pressure|lyrics/artist"
)
# One thing that becomes another: `gallons to litres`.
WAY = re.compile(r"\b([a-z]{2,30}) (?:in)?to (?:an? |the )?([a-z]{2,30})\b")
LETTERS = re.compile(r"[A-Za-z]+")
WORD = re.compile(r"[A-Za-z]{2,}")
FILE = re.compile(r"\b[\w-]{1,60}\.(?:txt|md|csv|log|pdf|docx?|json|py|xlsx?|ya?ml)\b")
EMPTY = frozenset(
    "the to of in on at by for with from into onto and or this that these those any all my me"
    " you your one ones so far now right please could will would shall should not no than as"
    " about there here then them their his her its it own given named current person already"
    " ever each every let want like just at moment such other another some more most".split()
)


def _same() -> dict[str, str]:
    made: dict[str, str] = {}
    for group in SAME.split("|"):
        first, *others = group.split()
        for word in others:
            made.setdefault(word, first)
    return made


_FIRST = _same()
_RIVALS = tuple(
    tuple(frozenset(kind.split()) for kind in group.split("/")) for group in RIVALS.split("|")
)


@functools.lru_cache(maxsize=16_384)
def standard(word: str) -> str:
    """Return the word that stands for all that mean the same, without the ending of a plural."""
    word = word.lower()
    for form in (word, word[:-3] + "y" if word.endswith("ies") else word, word.removesuffix("s")):
        if form in _FIRST:
            return _FIRST[form]
    return word.removesuffix("s") if len(word) > 3 and not word.endswith("ss") else word


@functools.lru_cache(maxsize=16_384)
def standardise(text: str) -> str:
    """Return the text in words that all authors use."""
    return LETTERS.sub(lambda found: standard(found[0]), FILE.sub("a file", text).lower())


def things(text: str, values: bool = False) -> list[str]:
    """Return what a text is about, without its verbs; `values` says that names in it are values and
    no things: `Blue Harbour`, `ORBT`.
    """
    found: list[str] = []
    text = FILE.sub("a file", text)
    for match in WORD.finditer(text):
        if values and match.start() > 0 and match[0][:1].isupper():
            continue
        found += [
            word
            for word in tool_actions.words_of(match[0])
            if len(word) > 2 and word not in EMPTY and not tool_actions.is_verb(word)
        ]
    return list(dict.fromkeys(found))


def are_rivals(one: str, other: str) -> bool:
    """Return whether two texts are about different kinds of one thing."""
    ours, theirs = _all_forms(one), _all_forms(other)
    for kinds in _RIVALS:
        here = {number for number, kind in enumerate(kinds) if kind & ours}
        there = {number for number, kind in enumerate(kinds) if kind & theirs}
        if here and there and not here & there:
            return True
    return False


def are_reversed(one: str, other: str) -> bool:
    """Return whether one text goes the way of the other backwards: `gallon to liter`."""
    ours, theirs = _list_ways(one), _list_ways(other)
    return any((end, start) in theirs and (start, end) not in theirs for start, end in ours)


def _list_ways(text: str) -> set[tuple[str, str]]:
    plain = " ".join(tool_actions.words_of(text))
    return {(standard(start), standard(end)) for start, end in WAY.findall(plain)}


def _all_forms(text: str) -> set[str]:
    words = tool_actions.words_of(text)
    return {*words, *map(standard, words)}
