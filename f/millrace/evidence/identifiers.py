# requirements:

"""Identifiers: what tells documents of one form apart (release 2.5.0, invoice 2026-118, the minutes
of March).

An identifier has a form (a version, a code, the word before a number, a month) and a value. Texts
that have identifiers of one form and share none of them speak of different things; a question that
gives one is answered by what carries it.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from f.millrace.core import sentences
from f.millrace.evidence import claims, prompt

VERSION = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+){1,3}(?:-?(?:rc|beta|alpha)\.?\d*)?)(?![\w%]|\.\d)")
CODE = re.compile(
    r"(?<![\w-])(?:([A-Z]{2,8})[-_ #]?(\d[\d-]*\d|\d{3,})|([A-Z]{1,8})-(\d[\d-]*\d|\d))(?![\w]|-\d)"
)
COUNTED = re.compile(
    r"(?i)\b(release|version|invoice|order|ticket|issue|bill|receipt|contract|case|chapter|part"
    r"|section|appendix|volume|episode|season|round|quarter|sprint|edition|build|room|unit|lot"
    r"|flight|route|week|phase|policy|batch|report)\s++(?:(?:no\.?|number|nr\.?|#)\s*+(?::\s*+)?)?"
    r"#?((?:[A-Z]{1,4}-?)?\d[\w.-]*\w|\d)(?!\s?%)"
)
MONTH_YEAR = re.compile(rf"\b({claims.MONTH})(?:\s+\d{{1,2}},?)?\s+(\d{{4}})\b")
DOCUMENT = (
    r"(?i:minutes|reports?|invoices?|statements?|newsletters?|bulletins?|summary|accounts?|notes|log"
    r"|payslips?|timesheets?|agenda|protocol|reviews?|issues?|budget|forecast)"
)
# A month without a capital is a verb: `the report may be late`.
DOCUMENT_OF = re.compile(
    rf"\b{DOCUMENT}\b[^.\n]{{0,40}}?"
    rf"\b({claims.MONTH}|Q[1-4])\b(?:\s+\d{{1,2}}(?!\d),?)?(?:\s+(\d{{4}}))?"
)
# In a question or title the month of a document or meeting: `the June minutes`, `the board meeting
# in September`. What is due or planned in a month is none of that month.
MEETING = rf"(?:{DOCUMENT}|(?i:meetings?|bills?|payroll|session|assembly))"
OF_MONTH = re.compile(
    rf"\b(?P<before>{claims.MONTH})(?:\s+(?P<year1>\d{{4}}))?(?:\s+[a-z]+){{0,2}}?\s+{MEETING}\b"
    rf"|\b{MEETING}(?:\s+(?:of|for|from|in|on|dated|the|\d{{1,2}}(?:st|nd|rd|th)?)){{0,4}}[\s,]+"
    rf"(?P<behind>{claims.MONTH})\b(?:\s+\d{{1,2}}(?!\d),?)?(?:\s+(?P<year2>\d{{4}}))?"
)
# What a document says of its own date: `Date: 20 April 2026`, `Invoice date: 2026-04-20`.
DATED = re.compile(
    r"(?:^|\n|[.;]\s)[^\w\n]{0,8}"
    rf"(?i:(?:{DOCUMENT} )?date(?: of (?:issue|{DOCUMENT}))?|issued(?: on)?)"
    r"\W{0,8}:\W{0,8}(?<=\s)(?:\w{1,30},? )?(?:\d{1,2}\.? )?"
    rf"(?:(?P<month>{claims.MONTH})(?: \d{{1,2}},)? (?P<year>\d{{4}})"
    r"|(?P<year1>\d{4})-(?P<month1>\d\d)-\d\d|\d{1,2}[./](?P<month2>\d\d)[./](?P<year2>\d{4}))"
)
IN_NAME = re.compile(
    rf"(?i)(?<![a-z])(?P<month>{claims.MONTH})(?![a-z])|(?<!\d)(?P<year>20\d\d)-(?P<number>[01]\d)(?!\d)"
)
ISO_MONTH = re.compile(r"\b(?:\d{4}-(\d\d)-\d\d|\d{1,2}\.(\d\d)\.\d{4})\b")
# A shorter value may be written otherwise: `part 2` as `the second part`.
LONG_VALUE = 3
# Of a version, more than its number is written with these.
UNITS = re.compile(
    r"(?i)^\s*(?:%|percent|million|billion|thousand|[kmg]?b\b|mb|gb|ms|kg|km|cm|mm|m\b|ft|hours?"
    r"|minutes?|seconds?|days?|years?|usd|eur|euros?|dollars?|points?|times)"
)
PRICE = re.compile(r"[$€£]\s?$")


@lru_cache(maxsize=4096)
def find(text: str) -> frozenset[tuple[str, str]]:
    """Return the identifiers of a text as (form, value)."""
    found: set[tuple[str, str]] = set()
    for match in COUNTED.finditer(text):
        value = match[2].lower().rstrip(".")
        found.add((match[1].lower(), value))
        if VERSION.fullmatch(value):
            found.add((f"version {value.count('.')}", value))
    for match in VERSION.finditer(text):
        if UNITS.match(text[match.end() :]) or PRICE.search(text[: match.start()]):
            continue
        if match[1].count(".") > 1:
            found.add((f"version {match[1].count('.')}", match[1]))
    found |= {
        (f"code {match[1] or match[3]}", match[2] or match[4]) for match in CODE.finditer(text)
    }
    for match in DOCUMENT_OF.finditer(text):
        found.add(("month", match[1].lower()))
        if match[2]:
            found.add(("year of the document", match[2]))
    return frozenset(found)


def are_different(one: frozenset[tuple[str, str]], other: frozenset[tuple[str, str]]) -> bool:
    """Tell whether two sets of identifiers belong to different things: of one form, none in
    common.
    """
    for form in {form for form, _ in one} & {form for form, _ in other}:
        mine, theirs = _values(one, form), _values(other, form)
        if not mine & theirs:
            return True
    return False


def heading(passage: prompt.Passage) -> str:
    """Return what says which document a passage is of: its title and its first sentence."""
    first = sentences.split(passage.text)[:1]
    return f"{passage.title}. {' '.join(first)[: sentences.LONGEST]}"


def select(
    question: str, passages: Sequence[prompt.Passage], strict: bool = False
) -> list[prompt.Passage]:
    """Return the passages, or the sentences of them, that carry the identifiers of the question;
    all of them when the question gives none or nothing carries it. With `strict` what does not
    hold the identifier in any form is left out then, too.
    """
    asked = find(question) | _months(question)
    if not asked:
        return list(passages)
    kept = [own for passage in passages if (own := _cut(passage, asked)) is not None]
    return kept or [one for one in passages if not strict or _holds(one, asked)]


def _holds(passage: prompt.Passage, asked: frozenset[tuple[str, str]]) -> bool:
    """Tell whether each number and month that is asked for stands in a passage, its title or the
    name of its file, in whatever form. A short number may be written otherwise.
    """
    text = f"{passage.title}\n{passage.source}\n{passage.text}"
    named = {_month_name(first or second) for first, second in ISO_MONTH.findall(text)}
    held = " ".join([text.lower(), *sorted(named)])
    return all(
        (form != "month" and len(value) < LONG_VALUE)
        or re.search(rf"(?<!\w){re.escape(value)}(?!\w|-\w)", held)
        for form, value in asked
    )


def _cut(passage: prompt.Passage, asked: frozenset[tuple[str, str]]) -> prompt.Passage | None:
    """Return the passage with those sentences only that speak of what is asked for; None when it
    never does. A sentence without an identifier speaks of that of the one before.
    """
    forms = {form for form, _ in asked}
    about = find(passage.title) | _months(passage.title)
    if "month" not in {form for form, _ in about}:
        about |= _dated(passage)
    carries = _carries(about, asked)
    said: list[str] = []
    parts = sentences.split(passage.text)
    for sentence in parts:
        own = find(sentence) | (frozenset() if said or about else _months(sentence))
        if forms & {form for form, _ in own}:
            about = own
            carries = carries or _carries(own, asked)
        if not are_different(about, asked):
            said.append(sentence)
    if not carries or not said:
        return None
    return passage if len(said) == len(parts) else replace(passage, text="\n".join(said))


def _dated(passage: prompt.Passage) -> frozenset[tuple[str, str]]:
    """Return the month and year that a document says it is of, else those in its file's name."""
    if said := DATED.search(passage.text):
        month = said["month"] or _month_name(said["month1"] or said["month2"])
        return _month_of(month, said["year"] or said["year1"] or said["year2"])
    named = IN_NAME.search(passage.source)
    if named is None:
        return frozenset()
    return _month_of(named["month"] or _month_name(named["number"]), named["year"] or "")


def _month_of(month: str, year: str) -> frozenset[tuple[str, str]]:
    pairs = (("month", month.lower()), ("year of the document", year))
    return frozenset(pair for pair in pairs if pair[1])


def _month_name(number: str) -> str:
    return claims.MONTHS[int(number) - 1] if 0 < int(number) <= len(claims.MONTHS) else ""


def _carries(own: frozenset[tuple[str, str]], asked: frozenset[tuple[str, str]]) -> bool:
    """Tell whether a text has each identifier that is asked for, of the forms that it has."""
    return bool(own & asked) and not are_different(own, asked)


def _months(text: str) -> frozenset[tuple[str, str]]:
    """Return the month of a text that is a title or a question, with its year."""
    found = {
        pair
        for match in MONTH_YEAR.finditer(text)
        for pair in (("month", match[1].lower()), ("year of the document", match[2]))
        if claims.content_words(text) & DOCUMENTS
    }
    for match in OF_MONTH.finditer(text):
        found.add(("month", (match["before"] or match["behind"]).lower()))
        if year := match["year1"] or match["year2"]:
            found.add(("year of the document", year))
    return frozenset(found)


DOCUMENTS = frozenset(
    claims.stem(word)
    for word in "minutes report invoice statement newsletter bulletin summary account notes log"
    " payslip timesheet agenda protocol review meeting budget forecast bill".split()
)


def _values(found: frozenset[tuple[str, str]], form: str) -> set[str]:
    return {value for own, value in found if own == form}
