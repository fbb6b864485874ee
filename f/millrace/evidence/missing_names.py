# requirements:

"""Whether a sentence names people, places or organisations that its evidence does not. No model is
asked.
"""

import re
import unicodedata
from collections.abc import Iterable

from f.millrace.evidence import claims

# Words with a capital that are no names of their own: times, offices, directions.
COMMON = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday president vice prime minister
    chancellor senator governor mayor professor doctor director chief executive officer chairman
    chairwoman king queen prince princess pope general secretary judge justice sir lady lord company
    university institute ministry department government parliament congress senate court council
    north south east west northern southern eastern western internet web earth christmas easter
    english ceo cto cfo""".split()
).union(claims.MONTHS)
# A people and its country that share no beginning.
PEOPLES = (
    "french france",
    "dutch netherlands holland",
    "british britain uk england english",
    "american america us usa states united",
    "swiss switzerland",
    "spanish spain",
    "danish denmark",
    "welsh wales",
    "irish ireland",
    "polish poland",
    "european europe eu union",
    "chinese china",
    "soviet ussr union",
)
# Two forms of a name begin with the same letters: `German`, `Germany`.
SAME_BEGINNING = 4
NAME = re.compile(r"[^\W\d_a-z][^\W\d_]{2,}")
ABBREVIATION = re.compile(r"[A-Z]{3,6}")
RUN = re.compile(
    r"(?<![\w'’-])[A-Z][\w'’-]*+"
    r"(?:\s+(?:(?:of|for|the|and|on|in|to)\s+){0,2}[A-Z][\w'’-]*+)+"
)
# A sentence or a quotation begins: the capital says nothing.
BEGINS = re.compile(r"(?:^|[.!?:…–—-]\s+)[\"'“‘«(\[]*$|[\"“‘«(\[]$")
# A headline has capitals throughout.
TITLE_CASE = 0.7


def find(sentence: str, texts: Iterable[str]) -> str:
    """Return the first name in a sentence that none of the texts has; empty when there is none.

    A capital at the start of a sentence makes no name, unless another one follows.
    """
    held = _fold(" ".join(texts))
    words = list(claims.WORD.finditer(_fold(sentence)))
    if sum(match[0][0].isupper() for match in words) >= TITLE_CASE * len(words):
        return ""
    known = _known(held)
    for place, match in enumerate(words):
        word = match[0].removesuffix("'s").removesuffix("’s")
        follows = place + 1 < len(words) and NAME.match(words[place + 1][0]) is not None
        starts = BEGINS.search(_fold(sentence)[: match.start()]) is not None
        if NAME.fullmatch(word) and (follows or not starts) and not _is_known(word, known, held):
            return word
    return ""


def _is_known(word: str, known: frozenset[str], held: str) -> bool:
    name = word.lower()
    if name in COMMON or name in claims.STOPWORDS or name in known:
        return True
    if ABBREVIATION.fullmatch(word):
        return any(_initials(run[0]).find(word) >= 0 for run in RUN.finditer(held))
    return len(name) > SAME_BEGINNING and name[:SAME_BEGINNING] in known


def _known(held: str) -> frozenset[str]:
    """Return the words of a text, their beginnings, what stands for the same people, and the words
    of an abbreviation that it writes with full stops.
    """
    dotted = re.sub(r"\b(?:[A-Z]\.){2,}", lambda match: match[0].replace(".", ""), held)
    words = {word.lower() for word in claims.WORD.findall(f"{held} {dotted}")}
    for people in PEOPLES:
        names = people.split()
        if words & set(names[:3]):
            words.update(names)
    return frozenset(words | {word[:SAME_BEGINNING] for word in words})


def _initials(run: str) -> str:
    return "".join(word[0] for word in run.split() if word[0].isupper())


def _fold(text: str) -> str:
    """Return a text without accents: `Müller` and `Muller` are one name."""
    split = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in split if not unicodedata.combining(letter))
