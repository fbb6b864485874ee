# requirements:

"""What fills the kind that a question asks for: the role of a profession, the people of a
nationality, what something is of a kind. No model is asked.

The answer to `What is her occupation?` hardly ever has the word occupation: it says `is a Hungarian
marine biologist`, `worked as a keeper`, or names her with her role behind a comma. By the forms of
English words, and no list of professions.
"""

import re
from typing import Literal

from f.millrace.evidence import claims

Kind = Literal["role", "nationality", "kind", ""]

ROLE = re.compile(
    r"(?i)\b(?:profession|occupation|jobs?|career|vocation|trade|job title)\b"
    r"|\bfor (?:a|his|her|their) living\b|\bwork(?:s|ed)? as\b"
)
NATIONALITY = re.compile(r"(?i)\b(?:nationality|citizenship)\b")
# `What kind of animal is a dunlin?`, `What is Tern Hill?`, `What does tarn mean?`
KIND = re.compile(
    r"(?i)\b(?:kind|type|sort|breed|species)\b|\b(?:mean|means|meant|refers? to|stands? for)\b"
    # No `What is the wage of the guard?`, nor `What is the guard's wage?`
    r"|^what (?:is|are|was|were) (?!the\s(?-i:[a-z][\w-]{0,30}(?:\s[a-z][\w-]{0,30})?)\sof\b)"
    r"(?![^,?]{1,60}\w['’]s?\s)(?:an?\s|the\s)?[^,]{1,60}\?$"
)
# One who does something: painter, sculptor, chemist, musician, engineer, accountant, ferryman.
AGENT = re.compile(
    r"(?i)(?<![\w-])[a-z-]{2,30}?(?:er|or|ist|ian|eer|ant|man|woman|ess|wright|smith|eur|ier|star"
    r"|arch|path)s?\b"
)
# Words of that form that name no role.
NO_AGENT = frozenset(
    "number member former other another order after letter winter summer river water centre center"
    " matter paper power quarter chapter daughter sister brother mother father founder owner"
    " supporter major minor senior junior later ever never under over per her for or nor human"
    " woman man german roman important significant distant elder younger older larger better"
    " winner leader list christian".split()
)
# A people or a place as an adjective.
DEMONYM = re.compile(
    r"\b[A-Z][a-z]{2,}(?:[aeio]?an|ish|ese|ch|i|eek|ss|ic|der|er)(?:-[A-Z][a-z]+)?\b"
)
ARTICLE = r"(?:an?|the|one of the)"
END_OF_PHRASE = (
    r"(?=(?<!\s)\s++(?:who|which|that|in|at|by|on|from|for|with|located|published|released|born"
    r"|based|and (?:is|was))\b|[.,;()]|$)"
)
# What somebody works as, in a sentence about him.
AS = re.compile(
    rf"(?i)\b(?:work(?:s|ed|ing)?|serv(?:es?|ed|ing)|train(?:s|ed)|employed|act(?:s|ed)|known"
    rf"|rais(?:ed)|play(?:s|ed)?|qualified|started|began|retired|remembered)\s(?:[a-z]+\s)?as\s"
    rf"(?:{ARTICLE}\s)?(?P<what>[^.,;()]+?){END_OF_PHRASE}"
)
# A name with what it is behind a comma.
BEHIND_COMMA = re.compile(
    rf"(?<![\w'’.-])(?P<who>[A-Z][\w'’.-]*+(?:\s[A-Z][\w'’.-]*+){{0,4}}),\s{ARTICLE}\s(?P<what>[^.,;()]{{3,80}}?){END_OF_PHRASE}"
)
BECAME = re.compile(rf"(?i)\bbec(?:a|o)me(?:s)?\s{ARTICLE}\s(?P<what>[^.,;()]+?){END_OF_PHRASE}")
SAYS_SO = re.compile(
    r"(?i)\b(?:profession|occupation|job|nationality|citizenship|kind|type|breed|species|religion"
    r"|genre|sport|position|instrument)\s?(?:\bis\b|\bwas\b|:)\s(?P<what>[^.,;()]{3,60})"
)


def find_kind(question: str) -> Kind:
    """Return the kind that a question asks for; empty where it asks for something else."""
    if ROLE.search(question):
        return "role"
    if NATIONALITY.search(question):
        return "nationality"
    return "kind" if KIND.search(question.strip()) else ""


def find_predicates(sentence: str, subject: frozenset[str]) -> list[str]:
    """Return what a sentence says that its subject works as, became, or is behind a comma;
    `subject` are the stems of its name.
    """
    behind = [
        found["what"]
        for found in BEHIND_COMMA.finditer(sentence)
        if claims.content_words(found["who"]) <= subject
    ]
    return behind + [
        found["what"] for pattern in (AS, BECAME, SAYS_SO) for found in pattern.finditer(sentence)
    ]


def is_of_kind(kind: Kind, predicate: str) -> bool:
    """Tell whether what a sentence says of its subject is of the kind that is asked for."""
    if kind == "role":
        return any(
            found[0].lower().removesuffix("s") not in NO_AGENT
            for found in AGENT.finditer(predicate)
        )
    if kind == "nationality":
        return DEMONYM.search(predicate) is not None
    return bool(kind)
