# requirements:

"""Several things of one name: which of them a passage is about, by what stands with the name (a
place, a year, a rank).
"""

import re
from collections.abc import Sequence

from f.millrace.evidence import claims, prompt

QUOTED = re.compile(r"[\"“]([^\"”]{2,80})[\"”]")
# Names of the question: capitalised words in a row, also with small words between them.
NAME = re.compile(
    r"[A-Z0-9][\w'’.-]*(?:\s+(?:(?:of|the|de|da|van|von|for|a|an|and|in)\s+){0,2}[A-Z0-9][\w'’.-]*)*"
)
# In brackets behind a name stand also dates of a life and other names; those do not tell two things
# apart.
NOT_A_KIND = re.compile(
    r"(?i)^(?:born|died|formerly|also|pronounced|edit|and|or|c\.|est)\b|^\W*\d{1,2}\s+\w+\s+\d{4}|\d{4}\s*[–—-]|^\W*[A-Z]\w+"
    r" \d{1,2}, \d{4}"
)
RANK = r"\d+(?:st|nd|rd|th)\s+\w+(?:\s+(?:of\s+)?[A-Z]\w+)?"
PLACE = r"[A-Z][\w'’-]+(?:\s+[A-Z][\w'’-]+){0,2}"


def proper_names(question: str) -> list[str]:
    """Return the names that a question is about, quoted ones first, the longest first."""
    found = QUOTED.findall(question)
    rest = QUOTED.sub(" ", question)
    first = rest.split(" ", 1)[0]
    for match in NAME.finditer(rest):
        name = match[0].rstrip("?.,'’")
        if name != first and name.lower() not in claims.STOPWORDS and claims.content_words(name):
            found.append(name.removesuffix("'s").removesuffix("’s"))
    return sorted(dict.fromkeys(found), key=lambda name: -len(name))


def sense_of(question_names: Sequence[str], passage: prompt.Passage) -> str:
    """Return what tells the passage's thing apart from others of its name: `Iowa` of `Dallas
    Courthouse (Iowa)`; else empty.
    """
    for text in (passage.title, passage.text):
        for name in question_names:
            pattern = (
                rf"(?i:\b{re.escape(name)})\s*(?:"
                rf"\(\s*(?P<kind>[^()]{{2,40}}?)\s*\)|,\s+(?P<rank>{RANK})|,\s+(?P<place>{PLACE}))"
            )
            for match in re.finditer(pattern, text):
                found = match["kind"] or match["rank"] or match["place"]
                if not NOT_A_KIND.search(found):
                    return found
    return ""


def are_distinct(one: str, other: str) -> bool:
    """Tell whether two such additions belong to different things; when one is empty nobody can
    tell.
    """
    first, second = _content_words(one), _content_words(other)
    if not first or not second or first <= second or second <= first:
        return False
    numbers = ({word for word in words if word[0].isdigit()} for words in (first, second))
    mine, theirs = numbers
    if first == mine or second == theirs:  # a bare year says nothing beside a place
        return bool(mine and theirs and not mine & theirs)
    return bool(mine and theirs and mine != theirs) or not first & second


def _content_words(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"\w+", text)} - claims.STOPWORDS
