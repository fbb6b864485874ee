# requirements:

"""What an item is compared by: its names, identifiers, figures, words and links, each with its
rarity.

No word list of one language decides. What is a name follows from how the collection writes it, what
is rare from how many items have it; short words count as common beforehand, as they are in every
language that is written with letters. Texts without spaces between words are read as pairs of
characters.
"""

import itertools
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from f.millrace.core import ids
from f.millrace.stories import duplicates, story_words

# Letters of a text that are read; what a report is about stands in its first paragraphs.
LETTERS_AT_MOST = 1500
LEAD_WORDS = 60  # words of the text that count in full; of later ones only names and figures do
LATER = 0.4
IN_TITLE = 2.0
OFTEN = 4
LINKS_AT_MOST = 10  # a text with more is a list of links, and about none of them
# Share of capitals beyond which a capital says nothing: titles In Title Case, languages that
# write nouns with one.
CAPITALS_IN_TITLE, CAPITALS_IN_TEXT, WORDS_TO_JUDGE = 0.6, 0.28, 7
# The collection of a morning is small: as many items of an imagined one are added to it, in which
# a word of three letters is in one of 12 items, and each 1.7 letters more halve that.
IMAGINED = 1000
SHARE_OF_THREE, HALVED_EVERY = 0.08, 1.7
SHARE_OF_NAME, SHARE_OF_SHORT_NAME = 0.001, 0.02
SHARE_OF_WELL_KNOWN, SHARE_OF_PLACE = 0.02, 0.01
SHARE_OF_FIGURE = 0.004
# Items of one day that count in full for rarity, of more only a quarter does: what all write about
# today is not common for that.
OF_ONE_DAY = 12
ALIAS_WITHIN = 30  # words between a flaw's identifier and its name
STEM = 6
WITHOUT_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
)
# Vowel signs of Indic scripts are no letters to Python, but stand inside of words.
LETTER = rf"(?:(?![{WITHOUT_SPACES}])[^\W_]|[\u0900-\u0dff])"
URL = re.compile(r"https?://[^\s<>\"')\]]+")
TOKEN = re.compile(
    rf"{URL.pattern}|(?P<spaceless>[{WITHOUT_SPACES}]+)"
    rf"|{LETTER}(?:[-.,'’&+·]?{LETTER})*"
)
BREAK = re.compile(r"[.!?:;…»“”\"\n。！？؟—–|•(]")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
THOUSANDS = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
POSSESSIVE = re.compile(r"['’]s?$")
DIGIT = re.compile(r"\d")
NUMBERED = re.compile(r"(\D+?)[-. ]?(\d[\w.-]*)")
# CVE-2021-44228, arXiv:2611.01234: enough digits that it names one thing only.
REGISTERED = re.compile(r"(?=(?:.*\d){5})[^\W\d_]{2,}[-:.].*")
# What Hacker News puts before a title says nothing about its subject.
LABEL = re.compile(r"^(?:show|ask|tell|launch) hn\b:?", re.IGNORECASE)
CYRILLIC = re.compile(r"[а-яёіїєґ]")
ARABIC_ARTICLE = re.compile(r"^[وفبك]?ال(?=\w{3})|^لل(?=\w{3})")
CYRILLIC_ENDING = re.compile(r"(?:ами|ями|ого|его|ому|ему|ах|ях|ом|ем|ов|ев|[аеиоуыэюяйь]{1,2})$")


@dataclass(frozen=True)
class Token:
    """A word as it stands: its form for comparing, and what its writing says."""

    form: str
    kind: str
    """`word`, `figure`, `identifier`, `pair` of characters, `caseless` word."""
    capital: bool = False
    opens: bool = False
    """Stands where any word has a capital: at the start of a sentence."""
    apart: bool = False
    """More than a space is before it."""
    raw: str = ""


@dataclass(frozen=True)
class ReadItem:
    """An item's tokens and links, before its collection is known."""

    title: tuple[Token, ...]
    text: tuple[Token, ...]
    links: frozenset[str]
    capitals_tell: tuple[bool, bool]
    """Whether a capital marks a name: in the title, in the text."""
    aliases: frozenset[tuple[str, str]]
    """Names that belong to one event (of a storm, of a registered flaw), each with the identifier
    that it stands for, or else itself.
    """


@dataclass
class Terms:
    """What an item is compared by. The first letter of a term says its kind: name, maybe a name,
    word, figure, identifier, pair of characters, caseless word, event.
    """

    weights: dict[str, float]
    """Term to weight, of length one."""
    title: frozenset[str]
    salience: dict[str, float]
    """Every term of title and text, with how much the item is about it: 1 in the title or the
    lead, or when said often.
    """
    names: list[tuple[str, ...]]
    """Names of several words, and names side by side."""
    neighbours: dict[str, set[str]]
    """Name to the words beside it."""
    versions: dict[str, set[str]] = field(default_factory=dict)
    """Of numbered things in the title the numbers: `zephyr` to `4.0`."""
    links: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    """Kinds of events that title and lead tell of."""


@lru_cache(maxsize=8192)
def read(item: duplicates.Item) -> ReadItem:
    """Return the item's tokens and links."""
    title = tuple(_tokens(LABEL.sub("", item.title)))
    text = tuple(_tokens(item.text[:LETTERS_AT_MOST]))
    linked = {ids.canonical_url(found.rstrip(".,;:!?")) for found in URL.findall(item.text)}
    links = linked if len(linked) <= LINKS_AT_MOST else set[str]()
    if item.canonical_url or item.url:
        links.add(item.canonical_url or ids.canonical_url(item.url))
    in_text = len(text) < WORDS_TO_JUDGE or _capital_share(text) <= CAPITALS_IN_TEXT
    in_title = in_text and _capital_share(title) <= CAPITALS_IN_TITLE
    return ReadItem(
        title,
        text,
        frozenset(filter(_is_page, links)),
        (in_title, in_text),
        frozenset(_aliases(title) | _aliases(text)),
    )


class Collection:
    """The terms of items, with rarity counted over all of them."""

    # complexipy: ignore (builds the tables that all lookups share, in one pass over the items)
    def __init__(
        self,
        items: Iterable[duplicates.Item],
        earlier: Iterable[Sequence[duplicates.Item]] = (),
        background: Iterable[str] = (),
    ) -> None:
        """Count terms over the `items` of a day, `earlier` stories and titles of past weeks.

        Titles of the items themselves do not count a second time: a loud story would be common.
        """
        listed = list({item.id: item for item in items}.values())
        today = [read(item) for item in listed]
        stories = [list(story) for story in earlier]
        counted = {item.title for group in (listed, *stories) for item in group}
        past = [
            read(duplicates.Item("", "", title)) for title in background if title not in counted
        ]
        everything = [*today, *past, *(read(item) for story in stories for item in story)]
        self._sort_names(everything)
        self._key_of: dict[str, str] = {}
        self._aliases = _agree(alias for each in everything for alias in each.aliases)
        self.linked = Counter(link for each in today for link in each.links)
        self.count = IMAGINED + len(today) + len(stories) + len(past)
        in_a_day = Counter(key for each in today for key in self._all_keys(each))
        self._spread: Counter[str] = Counter()
        for key, times in in_a_day.items():
            self._spread[key] = min(times, OF_ONE_DAY + (times - OF_ONE_DAY) // 4)
        for story in stories:
            self._spread.update({key for item in story for key in self._all_keys(read(item))})
        for each in past:
            self._spread.update(self._all_keys(each))
        self._terms: dict[str, Terms] = {}

    def of(self, item: duplicates.Item) -> Terms:
        """Return the terms of an item."""
        if item.id not in self._terms:
            self._terms[item.id] = self._weigh(read(item))
        return self._terms[item.id]

    # complexipy: ignore (one filter of names, in the order in which they are written)
    def entities(self, item: duplicates.Item) -> list[str]:
        """Return an item's names, identifiers and telling figures as it writes them, each once."""
        each = read(item)
        found: list[str] = []
        for tokens in (each.title, each.text):
            run: list[str] = []
            for token in (*tokens, Token("", "")):
                kind = self.key(token)[0] if token.form else ""
                if run and (kind not in ("n", "i", "e") or token.apart):
                    found.append(" ".join(run))
                    run = []
                if kind in ("n", "i", "e"):
                    run.append(token.raw)
                elif kind == "f" and is_telling(token.form):
                    found.append(token.raw)
        return list(dict.fromkeys(found))

    def rarity(self, term: str) -> float:
        """Return the logarithm of items to items that have the term."""
        return math.log(self.count / (self._spread[term] + IMAGINED * _share(term)))

    def keys_of(self, text: str) -> set[str]:
        """Return the terms of a few words, such as a part of a title."""
        return {self.key(token) for token in read(duplicates.Item("", "", text)).title}

    def key(self, token: Token) -> str:
        """Return the term that a token stands for."""
        if token.form not in self._key_of:
            self._key_of[token.form] = self._make_key(token)
        return self._key_of[token.form]

    def _make_key(self, token: Token) -> str:
        if token.form in self._aliases:
            return f"e:{self._aliases[token.form]}"
        if token.kind == "identifier" and REGISTERED.fullmatch(token.form):
            return f"e:{token.form}"
        if token.kind != "word" or token.form in story_words.CALENDAR:
            return f"{token.kind[0]}:{token.form}"
        if token.form in story_words.OFFICES or token.form in story_words.BESIDE_NAMES:
            return f"w:{_stem(token.form)}"
        if token.form in self._names:
            return f"n:{token.form}"
        return f"m:{token.form}" if token.form in self._maybe_names else f"w:{_stem(token.form)}"

    # complexipy: ignore (one decision table: what a capital means where)
    def _sort_names(self, everything: list[ReadItem]) -> None:
        capital, small, maybe = Counter[str](), Counter[str](), Counter[str]()
        for each in everything:
            for tokens, tells in zip((each.title, each.text), each.capitals_tell, strict=True):
                for token in tokens:
                    if token.kind == "word":
                        sure = tells and not token.opens
                        kind = (capital if sure else maybe) if token.capital else small
                        kind[token.form] += 1
        self._names = {form for form, times in capital.items() if times > 2 * small[form]}
        self._maybe_names = {form for form in maybe if not small[form]}

    def _all_keys(self, each: ReadItem) -> set[str]:
        return {self.key(token) for token in (*each.title, *each.text)}

    # complexipy: ignore (one decision table: what a term counts where it stands)
    def _weigh(self, each: ReadItem) -> Terms:
        title = [(self.key(token), token) for token in each.title]
        text = [(self.key(token), token) for token in each.text]
        amount: dict[str, float] = defaultdict(float)
        for key, token in title:
            amount[key] += 0 if token.form in duplicates.STOP else IN_TITLE
        for place, (key, token) in enumerate(text):
            if token.form not in duplicates.STOP and (place < LEAD_WORDS or key[0] in "nief"):
                amount[key] += 1.0 if place < LEAD_WORDS else LATER
        raw = {
            key: (1 + math.log1p(times)) * self.rarity(key)
            for key, times in amount.items()
            if times
        }
        length = math.sqrt(sum(weight * weight for weight in raw.values())) or 1.0
        return Terms(
            {key: weight / length for key, weight in raw.items()},
            frozenset(key for key, _ in title),
            _salience(title, text),
            [*_names(title), *_names(text)],
            _neighbours([*title, ("", Token("", "")), *text]),
            _versions(title),
            each.links,
            frozenset(
                kind
                for _, token in (*title, *text[:LEAD_WORDS])
                if (kind := story_words.kind_of(token.form))
            ),
        )


def cosine(left: dict[str, float], right: dict[str, float], without: Iterable[str] = ()) -> float:
    """Return the cosine of two vectors of length one that lack the terms `without`."""
    if len(left) > len(right):
        left, right = right, left
    product = sum(weight * right.get(term, 0.0) for term, weight in left.items())
    rest_left = rest_right = 1.0
    for term in without:
        mine, theirs = left.get(term, 0.0), right.get(term, 0.0)
        product -= mine * theirs
        rest_left -= mine * mine
        rest_right -= theirs * theirs
    rest = rest_left * rest_right
    return product / math.sqrt(rest) if rest > 1e-6 else 0.0


def _salience(title: list[tuple[str, Token]], text: list[tuple[str, Token]]) -> dict[str, float]:
    times = Counter(key for key, _ in text)
    found = {key: 1.0 if times[key] >= OFTEN else LATER for key in times}
    found.update((key, 1.0) for key, _ in (*title, *text[:LEAD_WORDS]))
    return found


def _share(term: str) -> float:
    kind, _, form = term.partition(":")
    if form in story_words.WELL_KNOWN:
        return SHARE_OF_WELL_KNOWN
    if form in story_words.PLACES:
        return SHARE_OF_PLACE
    if kind in "nie":
        return SHARE_OF_NAME if len(form) > 3 else SHARE_OF_SHORT_NAME
    if kind == "f":
        return SHARE_OF_FIGURE * (1 if is_telling(form) else 10)
    if kind == "p":
        return 2 * SHARE_OF_FIGURE
    # Scripts without capitals leave out vowels, too; their words are shorter.
    letters = len(form) + (kind == "c")
    share = SHARE_OF_THREE * 0.5 ** ((letters - 3) / HALVED_EVERY)
    return max(SHARE_OF_NAME, min(0.3, share / (2 if kind == "m" else 1)))


def is_telling(number: str) -> bool:
    """Tell whether a number is seldom shared by chance: with a decimal, or of three digits and
    more, and no year.
    """
    year = len(number) == 4 and number[:2] in ("19", "20")
    return not year and (len(number) > 2 or "." in number)


# complexipy: ignore (a scanner: one branch for each kind of token)
def _tokens(text: str) -> list[Token]:
    text = unicodedata.normalize("NFKC", text)
    found: list[Token] = []
    end = 0
    for match in TOKEN.finditer(text):
        raw = match[0]
        # Behind # and @ a small letter says as little as a capital does where a sentence begins.
        tagged = text[match.start() - 1 : match.start()] in ("#", "@")
        between = text[end : match.start()]
        opens = tagged or not found or (between != " " and bool(BREAK.search(between)))
        end = match.end()
        if raw.startswith(("http://", "https://")):
            continue
        if match["spaceless"]:
            pairs = [raw[at : at + 2] for at in range(max(1, len(raw) - 1))]
            found.extend(Token(pair, "pair") for pair in pairs)
            continue
        if "," not in raw or NUMBER.fullmatch(raw):
            found.append(_token(raw, opens, tagged, between != " "))
            continue
        # A comma joins digits only.
        parts = raw.split(",")
        found.extend(_token(part, opens and not at, tagged, True) for at, part in enumerate(parts))
    return found


@lru_cache(maxsize=65_536)
def _token(raw: str, opens: bool, tagged: bool, apart: bool) -> Token:
    # 64GB and 10-year are figures, too.
    number = NUMBER.match(raw)
    if number and len(raw) - number.end() < 6:
        return Token(_number(number[0]), "figure", False, opens, apart, raw)
    form = raw.casefold().replace("’", "'").removesuffix("'s").removesuffix("'")
    capital = tagged or raw != raw.lower()
    if DIGIT.search(form):
        return Token(form, "identifier", capital, opens, apart, raw)
    if form == form.upper():
        return Token(ARABIC_ARTICLE.sub("", form), "caseless")
    if CYRILLIC.search(form) and len(form) > 4:
        form = CYRILLIC_ENDING.sub("", form)
    elif len(form) > 3 and form.endswith("s") and not form.endswith("ss"):
        form = form[:-1]
    # A capital inside of a word marks a name also where a sentence begins: GitHub, iPhone.
    inside = raw[1:] != raw[1:].lower() and not raw.isupper()
    return Token(form, "word", capital, opens and not inside, apart, POSSESSIVE.sub("", raw))


def _number(raw: str) -> str:
    # Without separators of thousands, with a point before decimals.
    return re.sub(r"\D", "", raw) if THOUSANDS.fullmatch(raw) else raw.replace(",", ".")


def _stem(word: str) -> str:
    # Inflected forms share their first letters. A compound with hyphens stays whole.
    return word if "-" in word else word[:STEM]


# complexipy: ignore (a scanner: one branch for each form of an alias)
def _aliases(tokens: tuple[Token, ...]) -> set[tuple[str, str]]:
    registered = {at: token.form for at, token in enumerate(tokens) if REGISTERED.match(token.form)}
    found: set[tuple[str, str]] = set()
    for place, token in enumerate(tokens):
        if token.kind not in ("word", "identifier") or not token.capital or len(token.form) < 3:
            continue
        if token.opens or not place:
            continue
        before = tokens[place - 1]
        named = before.form in story_words.NAMING or (
            not before.capital and place > 1 and tokens[place - 2].form in story_words.NAMING
        )
        if before.form in story_words.NAMED_STORMS:
            found.add((token.form, token.form))
        near = [at for at in registered if abs(place - at) < ALIAS_WITHIN]
        if named and near:
            found.add((token.form, registered[min(near, key=lambda at: abs(place - at))]))
    return found


def _agree(aliases: Iterable[tuple[str, str]]) -> dict[str, str]:
    # A name that stands for two identifiers stands for itself.
    meant: dict[str, set[str]] = defaultdict(set)
    for name, identifier in aliases:
        meant[name].add(identifier)
    return {name: next(iter(of)) if len(of) == 1 else name for name, of in meant.items()}


def _names(keyed: list[tuple[str, Token]]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    run: list[str] = []
    for key, token in [*keyed, ("", Token("", ""))]:
        if key[:1] not in ("n", "m", "i") or token.apart:
            if len(run) > 1:
                found.append(tuple(run))
            run = []
        if key[:1] in ("n", "m", "i"):
            run.append(key)
    return found


def _neighbours(keyed: list[tuple[str, Token]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for (left, _), (right, _) in itertools.pairwise(keyed):
        for name, other in ((left, right), (right, left)):
            if name[:1] in ("n", "m", "i", "e") and other[:1] == "w":
                found[name].add(other)
    return dict(found)


def _versions(keyed: list[tuple[str, Token]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for place, (key, token) in enumerate(keyed):
        if key[0] in "ie" and (match := NUMBERED.fullmatch(token.form)):
            found[match[1].rstrip("-.")].add(match[2])
        if key[0] == "f" and place and keyed[place - 1][0][0] in "nm" and not token.opens:
            found[keyed[place - 1][1].form].add(token.form)
    return dict(found)


def _capital_share(tokens: tuple[Token, ...]) -> float:
    inside = [token for token in tokens if token.kind == "word" and not token.opens]
    return sum(token.capital for token in inside) / len(inside) if inside else 0.0


def _is_page(url: str) -> bool:
    # The front page of a site is linked from many texts and is about none of them.
    return bool(url.partition("://")[2].partition("/")[2].strip("/"))
