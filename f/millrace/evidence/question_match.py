# requirements:

"""How much of a question a sentence holds, by its words: rare ones say more. No model is asked."""

import math
from collections.abc import Mapping, Sequence

from f.millrace.core import sentences
from f.millrace.evidence import claims, prompt, questions

# What a name of the question counts that stands elsewhere in the passage, and a word of the same
# meaning; of what is counted or measured such a word says less (300 people are no population).
AROUND, ALIKE, ALIKE_FIGURE = 0.5, 0.8, 0.3
# What the class that is asked for counts beside another word: few answers name it.
OF_HEAD = 0.3
# The same where an answer says what its subject is: `a biologist` and not its occupation.
OF_FILLED = 0.05
# What a word counts that each sentence has.
LEAST = 0.1

Weights = Mapping[str, float]


def weigh_words(asked: questions.Question, passages: Sequence[prompt.Passage]) -> Weights:
    """Return how much each word of a question tells one sentence from others: its inverse document
    frequency over the sentences.
    """
    told = [
        claims.content_words(sentence)
        for passage in passages
        for sentence in sentences.split(passage.text)
    ]
    found: dict[str, float] = {}
    of_head = OF_FILLED if asked.fills or asked.is_class else OF_HEAD
    for word in asked.named:
        uses = sum(word in words for words in told)
        rarity = math.log((1 + len(told)) / (1 + uses)) + LEAST
        is_head = word in asked.head and asked.kind != "figure"
        found[word] = rarity * (of_head if is_head else 1.0)
    return found


def measure(
    asked: questions.Question, sentence: str, passage: prompt.Passage, weights: Weights
) -> float:
    """Return how much of a question a sentence of a passage holds: 0 to 1."""
    words = claims.content_words(sentence)
    around = asked.subject & claims.content_words(f"{passage.title} {passage.text}")
    alike: set[str] = set()
    for part in asked.parts:
        alike |= part if part & words else set()

    def share(word: str) -> float:
        if word in words:
            return 1.0
        if word in alike:
            return ALIKE_FIGURE if asked.kind == "figure" else ALIKE
        return AROUND * (word in around)

    held = sum(weight * share(word) for word, weight in weights.items())
    return held / (sum(weights.values()) or 1.0)
