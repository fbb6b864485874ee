# requirements:

"""Outflow: what a value that leaves may have been made of, and how much of it is a choice.

After private data and untrusted text were read, a value leaves unasked only when every piece of it
stands in the user's own request, in what its receiver said himself, or in public texts. Which piece
is chosen can still tell something, as a book code does; so a choice has a price in bits, and what
leaves is counted.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from f.millrace.trust import deobfuscation

# More than one phrase of a page or two words that everybody searches by; less than a short code.
MOST_BITS = 12.0
# Who offers links to choose from may well see which of them is opened: one out of a page of hits.
MOST_LINK_BITS = 5.0
# Requests, distinct links and letters that leave after private data was read, before a person is
# asked whatever they carry.
MOST_REQUESTS = 40
MOST_LINKS = 12
MOST_LETTERS = 20_000
LONGEST = 20_000
FORBIDDEN = math.inf
MOST_READ = 200_000
MOST_KEPT = 5_000_000
# So many pieces of the user's words, each from another place of his request, say no more than a
# query does; from then on their order is a choice.
FREE_RUNS = 4
BITS_OF_ORDER = 3.0

# To a server of others even how it is asked is a choice: with which of its tools, with which of
# their arguments, in which of the user's words. The first of each, and whole phrases, say nothing.
BITS_OF_NEW_TOOL = 3.0
BITS_OF_EMPTY = 2.0
BITS_OF_SHAPE = 1.0
FREE_ARGUMENTS = 5
SHARE_OF_OWN = 0.5
LONG_RUN = 3

# A run of a public text is taken in place of the user's words only where it is cheap.
_PHRASE = 4.0

PIECE = re.compile(r"[^\W_]+")
SPACES = re.compile(r"\s+")
# Scripts without spaces between words: there a run of letters may hold several words.
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
PUNCTUATION = frozenset(".,:;?!'\"()-/&%+#’‘“”„@_=[]{}<>*$€£°|")
WEEKDAYS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun".split()
)
MONTHS = frozenset(
    "january february march april may june july august september october november december jan feb"
    " mar apr jun jul aug sep sept oct nov dec".split()
)
# Words that everybody puts into a search; which of them costs BITS_OF_EVERYBODY.
EVERYBODY = frozenset(
    "a an the of in on at for to from by with and or not near about is are was what who where when"
    " how why which news latest new current today tomorrow now week weekend month year time times"
    " price prices cost weather map review reviews overview summary info information details event"
    " events list best top open opening hours near me online english".split()
)
EVERYBODY_ELSEWHERE = frozenset(
    "öffnungszeiten preis preise kosten wetter karte nachrichten neu neue neueste heute jetzt woche"
    " wochenende jahr monat adresse bewertung fahrplan horaires horaire prix tarif tarifs meteo"
    " météo carte actualités actualites aujourd demain semaine année adresse avis site horario"
    " horarios precio precios tiempo clima mapa noticias hoy semana año dirección opiniones orari"
    " orario prezzo prezzi mappa notizie oggi domani settimana indirizzo recensioni preço preços"
    " notícias hoje amanhã openingstijden prijs weer nieuws vandaag".split()
)
BITS_OF_EVERYBODY = 6.0
# A code of a language or a land.
LONGEST_CODE, BITS_OF_LETTER = 2, 4.7
BITS_OF_PHRASE = 6.5
BITS_OF_DIGIT = 3.3
BITS_OF_YEAR = 5.0
# Unicode has some 17 signs that look like a space.
BITS_OF_OTHER_SPACE = 4.0
YEAR = re.compile(r"(?:19|20)\d\d")
ENDINGS = ("'s", "ing", "ies", "es", "ed", "s", "e", "y")


class ReadText(NamedTuple):
    """One text: its pieces in a row, and how many there are."""

    pieces: str
    length: int
    plain: str


@dataclass
class ReadTexts:
    """What was read of one origin."""

    said: list[ReadText] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    spaces: set[str] = field(default_factory=set)
    _letters: int = 0

    def add(self, text: str) -> None:
        """Add a text."""
        text = text[:MOST_READ]
        pieces = split(text)
        if pieces or text.strip():
            plain = " ".join(deobfuscation.skeleton(text).split())
            self.said.append(ReadText(f" {' '.join(pieces)} ", len(pieces), plain))
            self._letters += len(plain)
            while self._letters > MOST_KEPT and len(self.said) > 1:
                self._letters -= len(self.said.pop(0).plain)
            self.words.update(pieces)
            self.written.update(PIECE.findall(text))
            self.spaces.update(SPACES.findall(text))

    def holds(self, pieces: list[str]) -> bool:
        """Return whether the pieces stand in one text side by side."""
        run = f" {' '.join(pieces)} "
        return any(run in text.pieces for text in self.said)

    def price(self, pieces: list[str]) -> float:
        """Return the bits of choosing this run out of the shortest text that has it."""
        run = f" {' '.join(pieces)} "
        counts = [text.length for text in self.said if run in text.pieces]
        if not counts:
            return FORBIDDEN
        # A short text may be a code book of long words.
        return max(BITS_OF_PHRASE, math.log2(max(1, min(counts) - len(pieces) + 1)))

    def holds_literally(self, text: str) -> bool:
        """Return whether a text stands here letter by letter, or a word of a script without
        spaces.
        """
        plain = " ".join(deobfuscation.skeleton(text).split())
        return bool(plain) and any(plain in each.plain for each in self.said)


@dataclass
class Load:
    """What one request carries: letters, the bits of chosen words and of chosen links."""

    letters: int = 0
    bits: float = 0.0
    link_bits: float = 0.0
    links: set[str] = field(default_factory=set)


# Of a request to a server of others: which arguments it gives, and which of them are empty.
Shape = frozenset[tuple[str, bool]]


@dataclass
class Count:
    """What left since private data was read."""

    requests: int = 0
    letters: int = 0
    bits: float = 0.0
    link_bits: float = 0.0
    links: set[str] = field(default_factory=set)
    tools: dict[str, set[str]] = field(default_factory=dict)
    shapes: dict[str, set[Shape]] = field(default_factory=dict)

    def price_of_form(self, place: str, tool: str, shape: Shape) -> float:
        """Return the bits of asking a place with this tool, and with arguments of this shape."""
        tools, shapes = self.tools.get(place, set()), self.shapes.get(tool, set())
        known = len(tools | {tool})
        bits = BITS_OF_NEW_TOOL * (known - 1) if tool not in tools else math.log2(known)
        if shape in shapes:
            return bits + math.log2(len(shapes))
        empty = sum(is_empty for _, is_empty in shape)
        return (
            bits
            + BITS_OF_EMPTY * empty
            + max(0, len(shape) - empty - FREE_ARGUMENTS)
            + (BITS_OF_SHAPE * len(shapes))
        )

    def keep_form(self, place: str, tool: str, shape: Shape) -> None:
        """Take note of how a place was asked."""
        self.tools.setdefault(place, set()).add(tool)
        self.shapes.setdefault(tool, set()).add(shape)

    def reason_against(self, load: Load) -> str:
        """Return which limit a further request would pass; empty when none."""
        distinct = len(self.links | load.links)
        if self.bits + load.bits > MOST_BITS:
            return "with what left before, the choice of its words could spell out private data"
        if self.link_bits + load.link_bits > MOST_LINK_BITS:
            return "with what left before, the choice of its links could spell out private data"
        if self.requests + 1 > MOST_REQUESTS:
            return f"{self.requests} requests left since private data was read"
        if distinct > MOST_LINKS:
            return f"{distinct} different links would be opened since private data was read"
        if self.letters + load.letters > MOST_LETTERS:
            return f"{self.letters:,} letters left since private data was read"
        return ""

    def raise_to(self, other: "Count") -> None:
        """Take what another counted where that is more."""
        self.requests = max(self.requests, other.requests)
        self.letters = max(self.letters, other.letters)
        self.bits = max(self.bits, other.bits)
        self.link_bits = max(self.link_bits, other.link_bits)
        self.links |= other.links

    def add(self, load: Load) -> None:
        """Count a request."""
        self.requests += 1
        self.letters += load.letters
        self.bits += load.bits
        self.link_bits += load.link_bits
        self.links |= load.links


def split(text: str) -> list[str]:
    """Return the pieces of a text, folded: its letters and digits between anything else."""
    return PIECE.findall(deobfuscation.skeleton(text))


def price(text: str, free: Iterable[ReadTexts], public: ReadTexts) -> float:
    """Return the bits that a text may tell; FORBIDDEN when a piece of it stands nowhere in what may
    leave.

    `free` are texts whose pieces cost nothing.
    """
    own = list(free)
    if len(text) > LONGEST:
        return FORBIDDEN
    if _is_disguised(text, [*own, public]):
        return FORBIDDEN
    pieces = split(text)
    bits = _price_of_signs(text, pieces, [*own, public]) + price_of_spaces(text, own)
    for _, cost in _runs(pieces, own, public):
        bits += cost
        if bits == FORBIDDEN:
            break
    return bits


def price_of_choice(text: str, own: ReadTexts) -> float:
    """Return the bits of which of the user's words a text is made of; whole phrases of his, and all
    that he said, are none.
    """
    pieces = split(text)
    said = max((each.length for each in own.said), default=0)
    start, bits = 0, 0.0
    while start < len(pieces):
        length = _longest(pieces, start, own)
        if 0 < length < min(LONG_RUN, said):
            bits += SHARE_OF_OWN * math.log2(said)
        start += max(1, length)
    return bits


def price_of_edges(text: str) -> float:
    """Return the bits of the white space around a text; more than one sign of it nobody needs."""
    around = len(text) - len(text.strip())
    return float(around) if around < 2 else FORBIDDEN


def price_of_spaces(text: str, own: Iterable[ReadTexts] = ()) -> float:
    """Return the bits of white space within a text that is other than usual, and other than in the
    texts that may be told: how many signs there are, and of which kind each is.
    """
    usual = {" ", "\n", "\n\n"}.union(*(texts.spaces for texts in own))
    odd = [run for run in SPACES.findall(text.strip()) if run not in usual]
    return sum(1.0 if sign in " \t\n\r" else BITS_OF_OTHER_SPACE for run in odd for sign in run)


def price_of_order(values: list[str], free: Iterable[ReadTexts]) -> float:
    """Return the bits of which values stand in a list, and in which order; as one text."""
    own = list(free)
    runs = sum(1 for _ in _runs(split(" ".join(values)), own, ReadTexts()))
    empty = sum(1 for value in values if not value.strip())
    return BITS_OF_ORDER * max(0, runs + empty - FREE_RUNS)


def reduce(
    text: str, free: Iterable[ReadTexts], public: ReadTexts, limit: float = MOST_BITS
) -> str:
    """Return the text without the words that may not leave; the rest costs at most `limit`."""
    kept: list[str] = []
    bits = 0.0
    for run, cost in _runs(split(text[:LONGEST]), list(free), public):
        if bits + cost <= limit:
            kept += run
            bits += cost
    return " ".join(kept)


def _runs(
    pieces: list[str], own: list[ReadTexts], public: ReadTexts
) -> Iterator[tuple[list[str], float]]:
    """Yield the text in runs that stand somewhere side by side, each with what it costs."""
    start = runs = 0
    while start < len(pieces):
        length, cost = _cheapest_run(pieces, start, own, public)
        runs += cost == 0.0
        yield pieces[start : start + length], cost or (BITS_OF_ORDER if runs > FREE_RUNS else 0.0)
        start += length


def _cheapest_run(
    pieces: list[str], start: int, own: list[ReadTexts], public: ReadTexts
) -> tuple[int, float]:
    """Return how many pieces from `start` on are taken together, and what they cost."""
    free = max((_longest(pieces, start, texts) for texts in own), default=0)
    known = _longest(pieces, start, public)
    if free and free >= known:
        return free, 0.0
    if known:
        cost = public.price(pieces[start : start + known])
        return (free, 0.0) if free and cost > _PHRASE else (known, cost)
    return 1, _price_of_piece(pieces[start], own, public)


def _longest(pieces: list[str], start: int, texts: ReadTexts) -> int:
    length = 0
    while start + length < len(pieces) and pieces[start + length] in texts.words:
        if not texts.holds(pieces[start : start + length + 1]):
            break
        length += 1
    return length


def _price_of_piece(piece: str, own: list[ReadTexts], public: ReadTexts) -> float:
    if UNSPACED.search(piece):
        return _price_of_unspaced(piece, own, public)
    if piece.isdigit():
        return _price_of_number(piece)
    if piece in WEEKDAYS or piece in MONTHS:
        return 3.0
    if any(stem in texts.words for stem in _stems(piece) for texts in own):
        return 1.0
    if piece in EVERYBODY:
        return BITS_OF_EVERYBODY
    if piece in EVERYBODY_ELSEWHERE:
        return BITS_OF_EVERYBODY + 1.0
    if len(piece) <= LONGEST_CODE and piece.isascii() and piece.isalpha():
        return BITS_OF_LETTER * len(piece)
    return FORBIDDEN


def _price_of_unspaced(piece: str, own: list[ReadTexts], public: ReadTexts) -> float:
    if len(piece) > 1 and any(texts.holds_literally(piece) for texts in own):
        return 0.0
    return 2 * _PHRASE if len(piece) > 1 and public.holds_literally(piece) else FORBIDDEN


def _price_of_number(digits: str) -> float:
    if len(digits) <= 2:
        return BITS_OF_DIGIT * len(digits)
    return BITS_OF_YEAR if YEAR.fullmatch(digits) else FORBIDDEN


def _stems(word: str) -> Iterator[str]:
    """Yield other forms of a word: of `talks` talk, of `talk` talks, talked and so on."""
    if not word.isalpha() or len(word) < 3:
        return
    for ending in ENDINGS:
        yield word + ending
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 3:
            yield from (stem, *(stem + other for other in ENDINGS))


def _is_disguised(text: str, sources: list[ReadTexts]) -> bool:
    """Tell whether letters are unseen, taken from other scripts, or large and small in no usual
    way: how a word is written can carry what the word does not say.
    """
    if deobfuscation.strip_invisible(text) != text:
        return True
    return any(
        not _is_usual(written) and not any(written in texts.written for texts in sources)
        for written in PIECE.findall(text)
    )


def _is_usual(written: str) -> bool:
    if deobfuscation.skeleton(written) != written.casefold():
        return False
    return written in (written.lower(), written.upper(), written[:1].upper() + written[1:].lower())


def _price_of_signs(text: str, pieces: list[str], sources: list[ReadTexts]) -> float:
    """Return the bits of what stands between the words."""
    if pieces and any(texts.holds(pieces) and texts.holds_literally(text) for texts in sources):
        return 0.0
    rest = PIECE.sub("", text)
    signs = [char for char in rest if not char.isspace()]
    strange = sum(1 for char in signs if char not in PUNCTUATION)
    usual = len(pieces) + 1 if pieces else 0
    return 2.0 * max(0, len(signs) - strange - usual) + 6.0 * strange
