# requirements:

"""How far a tool covers the words of a request: by its name, its description, and the names,
descriptions and allowed values of its inputs.

A word that few of the listed tools have counts more than one that most of them have.
"""

import functools
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from f.millrace.agents import tool_actions, tool_requests, tool_signatures, tool_words

# The names of what is measured, in order.
OF_COVERAGE = (
    "in_name",
    "in_text",
    "in_all",
    "name_asked",
    "text_asked",
    "choice_named",
    "fields_named",
    "numbers_lacking",
    "values_lacking",
    "required",
    "none_required",
    "any_word",
)
# Words that say nothing of what is asked for.
EMPTY = frozenset(
    "the a an of to in on at by for with from into and or this that these those any all my me you"
    " your we it its is are was were be been do does did has have had will would should can could"
    " may might please want need like know let just now not no if than then so as about there here"
    " what which who whom whose when where why how am us our they them their he she his her get"
    " give tell show find make using use some also hey hi hello help provide".split()
)
ENDINGS = ("ations", "ation", "ings", "ing", "edly", "ed", "es", "s", "ly", "ment", "e")
SHORTEST_STEM = 3
NUMBER = re.compile(r"\d[\d.,]{0,30}")
NAMED = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")
QUOTED = re.compile(r"[\"'“][^\"']{2,60}[\"'”]")
MOST_REQUIRED = 5
NUMBERS = ("number", "integer")
# With fewer tools nothing can be said of how rare a word is.
FEW_TOOLS = 3


@dataclass(frozen=True)
class _Words:
    """The stems of a tool's words, by where they stand."""

    name: frozenset[str]
    text: frozenset[str]
    fields: frozenset[str]

    @property
    def every(self) -> frozenset[str]:
        return self.name | self.text | self.fields


def measure(
    request: str, offers: Sequence[tool_signatures.ToolSignature]
) -> list[tuple[float, ...]]:
    """Return OF_COVERAGE of a request and each offer."""
    asked = _stems(tool_requests.drop_values(request))
    words = [_words_of(offer) for offer in offers]
    seen = Counter(word for each in words for word in each.every)
    weights = {word: _weigh(seen[word], len(offers)) for word in asked}
    return [
        (*_cover(weights, told), *_compare_fields(request, asked, offer))
        for told, offer in zip(words, offers, strict=True)
    ]


def _weigh(seen: int, tools: int) -> float:
    return math.log(1 + (tools + 1) / (seen + 0.5)) if tools >= FEW_TOOLS else 1.0


def _cover(weights: dict[str, float], told: _Words) -> tuple[float, ...]:
    """Return which part of the request the tool covers, and which part of the tool is asked for."""
    asked = frozenset(weights)
    total = sum(weights.values()) or 1.0

    def covered(words: frozenset[str]) -> float:
        return sum(weights[word] for word in words & asked) / total

    return (
        covered(told.name),
        covered(told.name | told.text),
        covered(told.every),
        len(told.name & asked) / max(1, len(told.name)),
        len(told.text & asked) / max(1, len(told.text)),
    )


def _compare_fields(
    request: str, asked: frozenset[str], offer: tool_signatures.ToolSignature
) -> tuple[float, ...]:
    """Return whether the request names inputs and their values, and how many it lacks."""
    required = offer.required
    numbers = sum(kind in NUMBERS for kind in required.values())
    figures = len(NUMBER.findall(request))
    values = len(NAMED.findall(request)) + len(QUOTED.findall(request)) + bool(figures)
    count = max(1, len(required))
    words = _words_of(offer)
    return (
        float(_names_choice(request, offer.choices)),
        sum(bool(_stems(name) & asked) for name in required) / count,
        max(0, numbers - figures) / count,
        max(0, len(required) - numbers - values) / count,
        len(required) / MOST_REQUIRED,
        float(not required),
        float(bool(asked & (words.name | words.text))),
    )


def _names_choice(request: str, choices: Sequence[str]) -> bool:
    """Return whether a request says one of the values that an input may have."""
    said = f" {' '.join(tool_actions.words_of(request))} "
    return any(
        f" {' '.join(tool_actions.words_of(choice))} " in said
        for choice in choices
        if len(choice) >= SHORTEST_STEM
    )


def _words_of(offer: tool_signatures.ToolSignature) -> _Words:
    return _Words(
        _stems(offer.spoken_name),
        _stems(offer.description),
        _stems(" ".join((*offer.inputs, offer.input_notes, *offer.choices))),
    )


@functools.lru_cache(maxsize=4096)
def _stems(text: str) -> frozenset[str]:
    """Return the words of a text without endings, those that mean the same as one."""
    return frozenset(
        _stem(word)
        for word in tool_actions.words_of(text)
        if word not in EMPTY and len(word) > 1 and not word.isdigit()
    )


@functools.lru_cache(maxsize=16_384)
def _stem(word: str) -> str:
    word = tool_words.standard(word)
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            return word[: -len(ending)]
    return word
