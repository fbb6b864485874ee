# requirements:

"""A bare request, as a person says it: what is asked for in it, beside greetings, reasons and
values.

`I fly on Monday, could you book a seat for me?` asks for `book a seat for me`.
"""

import functools
import re

from f.millrace.agents import tool_actions, tool_words

# What comes before that which is asked for.
ASKING = re.compile(
    r"\b(?:(?:can|could|would|will|may|might) (?:you|we|i)"
    r"(?: please| kindly| also| help me)?(?: to)?"
    r"|(?:i|we)(?:'d|'ll| would| will| really| also| just| am| was|'m){0,3} (?:want|need|like|love"
    r"|wish|have|wanted|hope|trying|going|planning|looking|wondering)(?: you)?(?: to| for| if)?"
    r"|help me(?: out)?(?: to| with)?|please|kindly|let's|let us|let me|also|and|then|so that you)"
    r"\b[ ,]{0,3}",
    re.IGNORECASE,
)
GREETING = re.compile(
    r"^(?:hey|hi|hello|ok|okay|yes|no|well|thanks|thank you)\b[ ,.!]{0,5}", re.IGNORECASE
)
QUESTION = re.compile(
    r"^(?:what|which|who|whom|whose|when|where|why|how|is|are|am|was|were|does|do|did|has|have|had)"
    r"\b",
    re.IGNORECASE,
)
SENTENCE = re.compile(r"(?<=[.!?;])\s")
# What stands for one thing of its kind: something quoted, an address, a figure.
VALUE = re.compile(
    r"\"[^\"]{0,200}\"|(?<!\w)'[^']{3,80}'(?!\w)|\b[^\s@]{1,80}@[^\s@]{1,80}|https?://\S{1,300}"
    r"|\b[\w.-]{0,40}?\d[\w.:/-]{0,40}"
)
NAME = re.compile(r"(?<=[\w,] )[A-Z][a-z]+")
# What stands before the thing that a clause is about, and where its phrase ends.
LEAD_IN = re.compile(
    r"^(?:(?:what(?:'s)?|which|who(?:'s)?|where|when|why|how(?: many| much| long| far| often| old)?"
    r"|is|are|was|were|does|do|did|has|have|had|the|an?|some|any|all|my|me|us|there)\b\s*)+",
    re.IGNORECASE,
)
PHRASE_END = re.compile(
    r"[,;:.!?()]|\b(?:with|given|for|in|at|from|using|on|by|to|into|if|that|which|when|where|based"
    r"|than|between|under|over|during|after|before|as|about|and|or|is|are|was|were|has|have|had|do"
    r"|does|did|can|could|would|will|should|who|whose|because|so|but|until|since|within|without|per"
    r"|via|through|i|we|you|he|she|they|it|my|your|me|us)\b",
    re.IGNORECASE,
)
MOST_THINGS = 3
MOST_OBJECTS = 6
SHORTEST = 7
MOST_CLAUSES = 8


@functools.lru_cache(maxsize=256)
def list_clauses(text: str) -> tuple[str, ...]:
    """Return the sentences of a request and what is asked for in each, without values."""
    found = []
    for sentence in _sentences(text):
        asked = [sentence[match.end() :] for match in ASKING.finditer(sentence)]
        found += [sentence, *(part for part in asked if len(part) >= SHORTEST)]
    return tuple(drop_values(part) for part in found[:MOST_CLAUSES]) or (drop_values(text),)


@functools.lru_cache(maxsize=256)
def list_objects(text: str) -> tuple[str, ...]:
    """Return the things that are asked for in each clause: `Calculate the volume of a cone with
    radius 4` asks for a volume, of a cone.
    """
    found: list[str] = []
    for clause in reversed(list_clauses(text)):
        words = LEAD_IN.sub("", clause)
        first, _, rest = words.partition(" ")
        words = rest if tool_actions.is_verb(first.lower()) else words
        for part in PHRASE_END.split(words):
            things = tool_words.things(part) if part else []
            if things:
                found += [thing.lower() for thing in things[:MOST_THINGS]]
                break
    return tuple(dict.fromkeys(found))[:MOST_OBJECTS]


def drop_values(text: str) -> str:
    """Return the text without what stands for one thing of its kind; all of it if that is all."""
    return " ".join(VALUE.sub(" ", tool_words.FILE.sub("a file", text)).split()) or text


def count_values(text: str) -> int:
    """Return how many values a request gives at most."""
    return len(VALUE.findall(text)) + len(NAME.findall(text))


@functools.lru_cache(maxsize=256)
def list_kinds(text: str) -> tuple[str, ...]:
    """Return the kinds of doing that are asked for (tool_actions); what changes something before
    what reads: `delete it and tell me whether that worked` asks to delete.
    """
    kinds = [
        kind
        for sentence in _sentences(text)
        for start in (0, *(match.end() for match in ASKING.finditer(sentence)))
        if (kind := _kind_at(sentence[start:].strip()))
    ]
    changing = [kind for kind in kinds if not tool_actions.only_reads(kind)]
    return tuple(dict.fromkeys(changing or kinds))


def _kind_at(words: str) -> str:
    """Return the kind of doing that a clause begins with."""
    return "read" if QUESTION.match(words) else tool_actions.kind_of_clause(words)


def _sentences(text: str) -> list[str]:
    found = (GREETING.sub("", part.strip()) for part in SENTENCE.split(text))
    return [part for part in found if part]
