# requirements:

"""Values of answers: dates, figures and names as they stand in a text, and when two of them are the
same.
"""

import re
from collections.abc import Set
from functools import lru_cache

from f.millrace.evidence import claims, questions

# A longer run of capitalised words is a list or a headline.
MOST_NAME_WORDS = 5
# Right before a figure: it is a part of a number such as `2026-118`.
IN_NUMBER = re.compile(r"(?<![\d,.])\d{4}[-/]$")
# Space, with a comma before, in or without it.
COMMA = r"(?:\s++(?:,\s++)?|,\s++)"
DATE = re.compile(
    rf"\b(?:(?P<month1>{claims.MONTH})\s+(?P<day1>\d{{1,2}})(?:st|nd|rd|th)?{COMMA}(?P<year1>\d{{4}})"
    rf"|(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month2>{claims.MONTH}){COMMA}(?P<year2>\d{{4}})"
    rf"|(?P<month3>{claims.MONTH})\s+(?P<year3>\d{{4}})|(?P<year4>1[0-9]\d\d|20\d\d)(?!\d|[,.]\d|\s?%|-\d{{3}}(?!\d)))"
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
# What is asked with these may be a percentage; an age or a population is none.
PER_CENT = frozenset(claims.stem(word) for word in "percentage percent share rate part".split())
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d[\d,.]*")


KINDS_OF_PLACE = frozenset("city county town village state island beach township".split())


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


def contains(text: str, value: str) -> bool:
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


def find(asked: questions.Question, text: str) -> list[tuple[str, int, int]]:
    """Return the values of the kind that is asked for, each with where it begins and ends."""
    if asked.kind == "date":
        return [_date_at(asked, text, match) for match in DATE.finditer(text)]
    if asked.kind == "figure":
        dates = [(match.start(), match.end()) for match in DATE.finditer(text)]
        return [
            (match["value"] + _format_scale(match), match.start("value"), match.end("value"))
            for match in claims.NUMBER.finditer(text)
            if not any(start <= match.start("value") < end for start, end in dates)
            and not IN_NUMBER.search(text, max(0, match.start("value") - 6), match.start("value"))
            and (match["unit"] != "%" or asked.named & PER_CENT)
        ]
    return [piece for match in PROPER.finditer(text) for piece in _names(asked, match)]


def is_held(asked: questions.Question, sentence: str) -> bool:
    """Tell whether a sentence has a value of the kind that is asked for; of a class, one of its
    words.
    """
    if asked.kind == "description":
        return bool(asked.relation & claims.content_words(sentence))
    return bool(find(asked, sentence))


def _date_at(asked: questions.Question, text: str, found: re.Match[str]) -> tuple[str, int, int]:
    """Return a date with what belongs to it: `the 1790s`, `1798-1800`. Of a life each end is one
    of its own.
    """
    start, end = found.span()
    decade = DECADE.match(text, start)
    if decade:
        end = decade.end()
    elif found["year4"] and not asked.relation & questions.LIFE and (span := SPAN.match(text, end)):
        end = span.end()
    return text[start:end], start, end


def _names(asked: questions.Question, run: re.Match[str]) -> list[tuple[str, int, int]]:
    """Return the names in a run of capitalised words: what the question itself names ends one and
    is none.
    """
    known = asked.subject | asked.relation | set(claims.MONTHS)
    pieces: list[list[re.Match[str]]] = [[]]
    for word in re.finditer(r"\S+", run[0]):
        bare = word[0].strip(".,'’").lower()
        of_name = _is_of_name(bare, known, first=not pieces[-1])
        # `New York City` is one name, whatever city is asked for.
        if of_name or (pieces[-1] and asked.place and bare in KINDS_OF_PLACE):
            pieces[-1].append(word)
        else:
            pieces.append([])
    found = [
        (
            run[0][words[0].start() : words[-1].end()].rstrip(" .,-'’"),
            run.start() + words[0].start(),
        )
        for words in map(_trim, pieces)
        if words
    ]
    return [(value, start, start + len(value)) for value, start in found if _is_name(value)]


def _trim(words: list[re.Match[str]]) -> list[re.Match[str]]:
    """Return the words of a name without those at its end that begin the next sentence."""
    while words and words[-1][0].lower() in claims.STOPWORDS:
        words = words[:-1]
    return words


def _is_of_name(word: str, known: Set[str], first: bool) -> bool:
    """Tell whether a word, without its marks, can stand in a name; `first` that it would begin
    it.
    """
    if not word or claims.stem(word) in known:
        return False
    return not first or word not in claims.STOPWORDS or word in ("the", "new")


def _is_name(value: str) -> bool:
    return (
        bool(claims.content_words(value))
        and len(value.split()) <= MOST_NAME_WORDS
        and len(value) > 2
    )


def _format_scale(match: re.Match[str]) -> str:
    scale = match["scale"] or ""
    return f" {scale}" if scale else ""
