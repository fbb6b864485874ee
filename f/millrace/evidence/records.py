# requirements:

"""Records: what tables and lines of the form `label: value` answer, by their labels. No model is
asked.

A sentence says what it is about; a cell does not. What it is about stands in its label, in the
other cells of its row, in the headings above it and in the title of its document: a question is
laid beside all of these. An entry answers when the question asks with its label, its value is of
the kind that is asked for, and whatever else the question names stands around it.
"""

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from f.millrace.core import sentences
from f.millrace.evidence import claims, prompt, questions

# `Label: value`, with the marks that Markdown puts around a label.
ENTRY = re.compile(r"[-*_`\s]*(?P<label>[^\W_][^:|;\n]{0,58}?)[*_`]*:[*_`]*\s+(?P<value>\S.*)")
BETWEEN_CELLS, BETWEEN_BARS = "; ", " | "
MOST_LABEL_WORDS = 7
# So many records are told at most when they answer equally well.
MOST = 3
# What a question names beside the label has to stand around the entry for so large a part.
LEAST_COVERED = 0.6
# A word in the same passage says less than one in the title, the headings or the row.
IN_PASSAGE = 0.6
# What the title says already makes one label as good as another: `Invoice number` on an invoice.
IN_TITLE = 0.4
FIRST = 0.3
# Each word of a label that the question does not ask with makes it another label.
EXTRA = 0.1
# What only goes with the kind of the question says less than a word of the question itself.
IMPLIED = 0.5
LEAST_CELLS = 2
SHORTEST_STEM, LONGEST_ENDING = 4, 4
TOKEN = re.compile(r"[^\W_]*\d(?:[\w.,/-]*\w)?|[^\W\d_]+(?:['’][^\W\d_]+)?")
# A date in figures says the same as one in words.
IN_DIGITS = re.compile(
    r"\b(?P<year1>\d{4})-(?P<month1>\d\d)-(?P<day1>\d\d)\b"
    r"|\b(?P<day2>\d{1,2})\.(?P<month2>\d{1,2})\.(?P<year2>\d{4})\b"
)
WHEN = re.compile(
    r"(?i)^(?:(?:since|until|till|by|from|up to) )?when\b"
    r"|\b(?:at|by|until) (?:what|which) (?:time|date|day)\b|^what time\b|\bdeadline\b"
)
WHERE = re.compile(r"(?i)^where\b|\b(?:what|which) (?:address|place|room|venue)\b")
WHO = re.compile(r"(?i)^(?:who|whom|whose|by whom|with whom)\b")
COUNT = re.compile(r"(?i)\bhow many\b")
AMOUNT = re.compile(r"(?i)\bhow (?:much|high|expensive)\b")
ATTENDS = re.compile(r"(?i)^who (?:all )?(?:was|were|is|are|came|went) (?:at|in|there|to)\b")
# The words that ask for an end or a beginning carry no meaning elsewhere.
BOUND = re.compile(r"(?i)(until|till|up to|since|from) (?:when|what|which)\b")
BOUNDS = {"until": "until", "till": "until", "up to": "until", "since": "from", "from": "from"}
IS_DATE = re.compile(
    rf"(?i)^(?:19|20)\d\d$|\b\d{{4}}-\d\d-\d\d\b|\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}\b"
    rf"|\b\d{{1,2}}:\d\d\b|\b{claims.MONTH}\b"
    rf"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b\d{{1,2}} ?[ap]m\b"
)
# Words that papers use as labels for what people ask with others.
LABELS = tuple(
    frozenset(claims.stem(word) for word in group.split())
    for group in (
        "pay paid payable payment due",
        "present attend attended attendees attendance participants attending",
        "apologies excused absent missing",
        "teach teaches taught teacher instructor lecturer trainer",
        "lead leads led leader head chair",
        "deliver delivered delivery arrive arrival",
        "price cost costs amount charge fee rate",
        "total sum",
        "phone telephone mobile tel",
        "mail email e-mail",
        "place location venue room address held",
        "valid validity expiry expires expire until",
        "end ends until closes close",
        "start starts begin begins from opens since",
        "quantity number count amount pieces",
        "plan planned planning budgeted",
        "spend spent actual actually",
        "employer company firm",
        "buy bought purchase purchased",
        "order ordered",
        "write wrote author",
        "own owner owns holder",
        "live lives address residence",
        "responsible owner assignee",
        "rent rental",
        "use used usage consumption consumed",
        "take takes took taken",
        "give gave given",
        "make made maker",
        "sell sold seller",
        "send sent sender",
        "lend lent loan",
        "keep kept keeper",
        "hold held holder",
        "speak spoke spoken speaker",
        "choose chose chosen choice",
    )
)
IMPLIED_LABELS = {
    "date": "date day time when deadline due until valid end",
    "place": "place location venue room address where",
    "person": "name person who contact",
    "count": "quantity number count pieces units amount",
    "amount": "price cost amount total sum",
}
IMPLIED_STEMS = {
    kind: frozenset(claims.stem(word) for word in words.split())
    for kind, words in IMPLIED_LABELS.items()
}
ASKING = (questions.ASKING - {"number", "total"}) | frozenset(
    claims.stem(word)
    for word in "according take takes place held happen kind tell please give show find exactly"
    " actual document file table sheet list".split()
)


@dataclass(frozen=True)
class Entry:
    """A value with its label; of a row of a table also the other cells, each as (label, value)."""

    label: str
    value: str
    row: tuple[tuple[str, str], ...]
    line: str
    passage: prompt.Passage


@dataclass(frozen=True)
class Record:
    """The entry that answers: its line, shortened to the cells that matter, and how well it fits
    (the higher the better).
    """

    text: str
    value: str
    passage: prompt.Passage
    fit: float


@dataclass(frozen=True)
class ParsedQuestion:
    """A question as records are matched with it.

    Attributes:
        words: Its words and figures, as stems.
        strict: Those of them that have to stand with the entry: names, months, figures.
        first: The first of them, which mostly is the label: `the deposit of the crane`.
        kind: The kind of value.
    """

    words: frozenset[str]
    strict: frozenset[str]
    first: str
    kind: str


def find(question: str, passages: Sequence[prompt.Passage]) -> list[Record]:
    """Return the records that answer a question best, of equal fit at most MOST; none when no label
    is asked for, or nothing says that the entry is of what the question names.
    """
    asked = _read_question(question)
    if not asked.words:
        return []
    found = [
        record
        for passage in passages
        for entry in entries(passage)
        if (record := _match(asked, entry)) is not None
    ]
    best = max((record.fit for record in found), default=0.0)
    kept: dict[str, Record] = {}
    for record in found:
        if record.fit >= best - 0.01:
            kept.setdefault(f"{record.passage.source} {record.text}", record)
    return list(kept.values())[:MOST]


def are_of_others(question: str, passages: Sequence[prompt.Passage]) -> bool:
    """Tell whether the question gives names, and none of them stands in any of the passages."""
    names = {word for word in _read_question(question).strict if word.isalpha()}
    return bool(names) and not any(
        is_held(name, _title_terms(passage) | _terms(passage.text))
        for passage in passages
        for name in names
    )


def is_entry(line: str) -> bool:
    """Tell whether a line is a label with its value, or a row of a table."""
    return ENTRY.match(line) is not None or BETWEEN_BARS in line


def is_of_another(question: str, line: str, passage: prompt.Passage) -> bool:
    """Tell whether a line is a row of a table that cannot answer: it lacks a name, month or figure
    of the question, which its title lacks, too, or none of its cells is of the kind asked for.
    """
    cells = list(_cells(line))
    if len(cells) < LEAST_CELLS:
        return False
    if not any(_is_of_kind(_kind_of(question), value) for _, value in cells):
        return True
    held = _title_terms(passage) | _terms(line)
    return any(not is_held(word, held) for word in _read_question(question).strict)


def entries(passage: prompt.Passage) -> Iterator[Entry]:
    """Return the entries of a passage in its order."""
    for line in sentences.split(passage.text):
        if len(line) > 2 * sentences.LONGEST or sentences.is_instruction(line):
            continue
        cells = tuple(_cells(line))
        for place, (label, value) in enumerate(cells):
            rest = (*cells[:place], *cells[place + 1 :])
            yield Entry(label, value, rest, line, passage)


def _cells(line: str) -> Iterator[tuple[str, str]]:
    """Return the cells of a line with their labels; of one without labels the first cell names the
    others.
    """
    if BETWEEN_BARS in line and not ENTRY.match(line):
        first, *others = (cell.strip() for cell in line.strip("| ").split(BETWEEN_BARS.strip()))
        yield from ((first, other) for other in others if first and other)
        return
    parts = line.split(BETWEEN_CELLS)
    matches = [ENTRY.fullmatch(part) for part in parts]
    if matches[0] is None and len(parts) == 1:
        return
    if len(parts) > 1 and sum(match is not None for match in matches) * 2 < len(parts):
        return
    for part, match in zip(parts, matches, strict=True):
        if match is None:
            yield "", part.strip()
        elif len(match["label"].split()) <= MOST_LABEL_WORDS:
            yield match["label"].strip(), match["value"].strip()


def _read_question(question: str) -> ParsedQuestion:
    words = _terms(question) - ASKING
    strict = {word for word in words if word[0].isdigit() or any(map(str.isdigit, word))}
    strict |= words & frozenset(claims.MONTHS)
    named = [match[0] for match in TOKEN.finditer(question)][1:]
    strict |= {
        claims.stem(word.lower().removesuffix("'s").removesuffix("’s"))
        for word in named
        if word[0].isupper() and word.lower() not in claims.STOPWORDS
    } & words
    if ATTENDS.search(question):
        words |= {"attend"}
    if bound := BOUND.match(question):
        words |= {BOUNDS[bound[1].lower()]}
    ordered = [word for match in TOKEN.finditer(question) for word in _terms(match[0]) & words]
    first = ordered[0] if ordered else ""
    return ParsedQuestion(frozenset(words), frozenset(strict), first, _kind_of(question))


def _kind_of(question: str) -> str:
    for kind, pattern in (
        ("date", WHEN),
        ("place", WHERE),
        ("person", WHO),
        ("count", COUNT),
        ("amount", AMOUNT),
    ):
        if pattern.search(question):
            return kind
    general = questions.parse(question).kind
    return {"date": "date", "figure": "figure", "name": ""}.get(general, "")


@lru_cache(maxsize=20_000)
def _terms(text: str) -> frozenset[str]:
    """Return the stems of the words of a text that carry meaning, its months, and its figures and
    identifiers as they are written.
    """
    found = set(claims.content_words(text))
    for match in TOKEN.finditer(text):
        word = match[0].lower()
        if any(map(str.isdigit, word)):
            found.add(word.strip(".,/-"))
        elif word in claims.MONTHS and match[0][0].isupper():
            found.add(word)
    for match in IN_DIGITS.finditer(text):
        year, month, day = match["year1"] or match["year2"], match["month1"], match["day1"]
        month, day = int(month or match["month2"]), int(day or match["day2"])
        if 0 < month <= len(claims.MONTHS):
            found |= {year, claims.MONTHS[month - 1], str(day)}
    return frozenset(found)


@lru_cache(maxsize=20_000)
def _label_terms(label: str) -> frozenset[str]:
    """Return the terms of a label, of which small words (`until`, `from`) say something, too."""
    words = (word.lower() for word in claims.WORD.findall(label))
    return _terms(label) | {claims.stem(word) for word in words}


def _match(asked: ParsedQuestion, entry: Entry) -> Record | None:
    """Return the record of an entry that answers; None when it does not."""
    if not _is_of_kind(asked.kind, entry.value):
        return None
    label = _label_terms(entry.label)
    by_label = _held_by(asked, label)
    implied = bool(IMPLIED_STEMS.get(asked.kind, frozenset()) & label)
    by_value = _held_by(asked, _terms(" ".join(value for _, value in entry.row)))
    # A row is told from the others by a cell that the question names.
    if (entry.row and not by_value) or not (by_label or implied):
        return None
    covered = _cover(asked, entry, by_label)
    if covered < LEAST_COVERED - 0.1 * bool(by_label and by_value):
        return None
    title = _title_terms(entry.passage)
    fit = (
        sum(IN_TITLE if is_held(word, title) else 1.0 for word in by_label)
        + FIRST * (asked.first in by_label)
        + IMPLIED * implied
        + 0.5 * len(by_value)
        + covered
        - EXTRA * sum(not any(is_held(word, {term}) for word in asked.words) for term in label)
    )
    return Record(_told(entry, by_value), entry.value, entry.passage, round(fit, 3))


def _held_by(asked: ParsedQuestion, terms: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in asked.words if is_held(word, terms))


def _title_terms(passage: prompt.Passage) -> frozenset[str]:
    return _terms(f"{passage.title} {_spaced(passage.source)}")


def _cover(asked: ParsedQuestion, entry: Entry, by_label: frozenset[str]) -> float:
    """Return how much of what the question names beside the label stands around an entry: 0 to 1; 0
    when a name, month or figure does not.
    """
    rest = asked.words - by_label
    row = _terms(" ".join(f"{name} {value}" for name, value in entry.row))
    near = row | _title_terms(entry.passage)
    around = _terms(entry.passage.text)
    # Of a single line whose label the question does not say, only a title tells what it is of.
    in_passage = IN_PASSAGE if by_label or entry.row else 0.0
    weights = {
        word: 1.0 if is_held(word, near) else in_passage * is_held(word, around) for word in rest
    }
    if any(not weights[word] for word in rest & asked.strict):
        return 0.0
    return sum(weights.values()) / len(weights) if weights else 1.0


def _told(entry: Entry, by_value: Set[str]) -> str:
    """Return the line of an entry; of a row with labels the cells that the question names and the
    one that answers.
    """
    if not entry.row or not entry.label or entry.line.startswith(entry.label + BETWEEN_BARS):
        return entry.line
    named = [
        (name, value)
        for name, value in entry.row
        if any(is_held(word, _terms(value)) for word in by_value)
    ]
    cells = [*named, (entry.label, entry.value)]
    return BETWEEN_CELLS.join(f"{name}: {value}" if name else value for name, value in cells)


def _is_of_kind(kind: str, value: str) -> bool:
    if kind == "date":
        return IS_DATE.search(value) is not None
    if kind in ("figure", "count", "amount"):
        return any(map(str.isdigit, value))
    if kind == "person":
        return any(
            word[0].isupper() and word.lower() not in claims.MONTHS
            for word in claims.WORD.findall(value)
        )
    return True


def is_held(word: str, terms: Set[str]) -> bool:
    """Tell whether one of the stems is the word's, of a form of it, or of a usual label for it."""
    if word in terms:
        return True
    if not word.isalpha():
        return False
    if any(word in group and group & terms for group in LABELS):
        return True
    return any(_is_form(word, term) for term in terms)


def _is_form(one: str, other: str) -> bool:
    """Tell whether two stems are of one word: `teach` and `teacher`."""
    short, long = sorted((one, other), key=len)
    return (
        len(short) >= SHORTEST_STEM
        and len(long) - len(short) <= LONGEST_ENDING
        and long.startswith(short)
        and long.isalpha()
    )


def _spaced(name: str) -> str:
    """Return the name of a file as words; what belongs to an identifier stays together."""
    return re.sub(r"[_./]|(?<![\d])-(?!\d)|(?<=[a-z])-(?=\d)|(?<=\d)-(?=[A-Za-z]{2})", " ", name)
