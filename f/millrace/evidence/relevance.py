# requirements:

"""Whether a text is about a story: the same names and figures, not the same common words."""

import re
from functools import lru_cache

from f.millrace.evidence import claims

# What identifies: numbers of weaknesses, products and papers, versions. One of the first kind is
# enough to be about the same.
UNIQUE = re.compile(r"(?i)CVE-\d{4}-\d{3,}|\d{4}\.\d{4,5}")
IDENTIFIER = re.compile(
    r"\b(?:CVE-\d{4}-\d{3,}|[A-Z]{2,6}-?\d{2,}[\w.-]*|[vV]?\d+\.\d+(?:\.\d+)+|\d{4}\.\d{4,5})\b"
)
NAME = re.compile(r"[^\W\d_][\w’'&-]*(?:\.[\w]+)*")
SENTENCE_START = re.compile(
    r"(?:^|[.!?:…]['\"”’)\]]{0,9}\s{1,9}|\n\s{0,9}|[-–—|•]\s{1,9})['\"“‘(\[]{0,9}$"
)
# So many characters are a text's beginning: what it is about stands there.
BEGINNING = 1200
# A text is about the story when it shares this many of its names, one of which its headline has,
# and this part of the headline's words.
LEAST_NAMES, LEAST_WORDS = 2, 0.5
# Without a name in the headline nearly all of its words have to be there.
NAMELESS_WORDS, LEAST_NAMELESS = 0.85, 4


def is_about(story: str, text: str) -> bool:
    """Tell whether a text is about a story; of both, the first line is the headline."""
    headline = story.partition("\n")[0]
    beginning = text[:BEGINNING]
    named = names(headline)
    if _is_title_case(headline):
        # There a capital says nothing: a name is what the text itself writes so.
        named &= names(story.partition("\n")[2]) | {one for one in named if not one.isalpha()}
    words = claims.content_words(headline)
    shared_words = len(words & claims.content_words(beginning)) / len(words) if words else 0.0
    if any(UNIQUE.fullmatch(one) for one in names(story) & names(beginning)):
        return True
    if not named:
        return len(words) >= LEAST_NAMELESS and shared_words >= NAMELESS_WORDS
    shared = _shared_names(story, beginning)
    return bool(shared & named) and len(shared) >= LEAST_NAMES and shared_words >= LEAST_WORDS


def _shared_names(one: str, other: str) -> frozenset[str]:
    """Return what both write with a capital, of which at least one does so within a sentence."""
    first, second = names(one), names(other)
    return (first & (second | _starts(other))) | (second & (first | _starts(one)))


@lru_cache(maxsize=2000)
def _starts(text: str) -> frozenset[str]:
    return frozenset(
        match[0].removesuffix("'s").removesuffix("’s").lower()
        for match in NAME.finditer(text)
        if match[0][0].isupper()
    )


def _is_title_case(headline: str) -> bool:
    words = [word for word in NAME.findall(headline) if word.lower() not in claims.STOPWORDS]
    return len(words) > 2 and sum(word[0].isupper() for word in words) >= 0.7 * len(words)


@lru_cache(maxsize=2000)
def names(text: str) -> frozenset[str]:
    """Return the names and identifiers in a text, lower case.

    A capital at the start of a sentence makes no name, unless the word is written so elsewhere,
    too, or has another capital or a digit in it.
    """
    found = {match[0].lower() for match in IDENTIFIER.finditer(text)}
    inside: set[str] = set()
    for match in NAME.finditer(text):
        word = match[0].removesuffix("'s").removesuffix("’s")
        if not word[0].isupper() and not any(letter.isupper() for letter in word[1:]):
            continue
        if word.lower() in claims.STOPWORDS or len(word) < 2 or word.lower() in claims.MONTHS:
            continue
        at_start = SENTENCE_START.search(text[max(0, match.start() - 6) : match.start()])
        if not (at_start and word[1:].islower()):
            inside.add(word.lower())
    return frozenset(found | inside)
