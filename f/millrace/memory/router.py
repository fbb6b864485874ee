# requirements:

"""Router: which plans answer a question, first choice first.

Similar asks by words and meaning, when by time, conversation among what was said, structured by
type and field, relation by links; a question of several parts gets a plan for each. What nothing is
found for is asked by the next plan.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from f.millrace.memory import time_range

Kind = Literal["similar", "when", "conversation", "structured", "relation", "several"]
PARTS_AT_MOST = 4

_THING = r"[^?.;]{1,200}?"
_RELATION = (
    (
        rf"\bhow (?:is|are|was|were) (?P<one>{_THING}) (?:related|connected|linked|tied)"
        rf" (?:to|with) (?P<other>{_THING})(?=[?.;]|$)"
    ),
    (
        rf"\bhow (?:is|are|was|were) (?P<one>{_THING}) and (?P<other>{_THING})"
        r" (?:related|connected|linked|tied)(?: to each other)?(?=[?.;]|$)"
    ),
    (
        rf"\bwhat (?:connects|links|relates|ties) (?P<one>{_THING}) (?:to|with|and)"
        rf" (?P<other>{_THING})(?=[?.;]|$)"
    ),
    (
        rf"\b(?:relation|relationship|connection|link|path)s? (?:between|from) (?P<one>{_THING})"
        rf" (?:and|to) (?P<other>{_THING})(?=[?.;]|$)"
    ),
)
_CONVERSATION = (
    r"\b(?:what|when|where|why|how|which|who)?\s*(?:did|have|had|do)\s+(?:we|i|you)\s+(?:ever\s+|already\s+|just\s+|last\s+)?"
    r"(?:say|said|talk(?:ed)?|discuss(?:ed)?|mention(?:ed)?|tell|told|chat(?:ted)?|speak|spoken|agree(?:d)?|ask(?:ed)?)\b"
    r"(?:\s+(?:you|me|us))?(?:\s+(?:about|on|of|regarding|that|to))?"
    r"|\b(?:in|from) (?:our|my|the|this) (?:last |previous |earlier"
    r" )?(?:conversation|chat|discussion|session)s?\b(?:\s+about)?"
    r"|\bremind me what (?:i|we|you) said\b(?:\s+about)?"
)
_LEAD = r"^\W*(?:(?:which|what|list|show|find|give me|are there|all|any|the|of|me)\s+)*"
_TYPE = r"(?P<type>[a-z][\w-]{1,40}?)s?"
_SIGNS = {
    ">": r"(?:over|above|after|more than|greater than|larger than|higher than|>)",
    "<": r"(?:under|below|before|less than|lower than|smaller than|<)",
    ">=": r"(?:at least|>=)",
    "<=": r"(?:at most|up to|<=)",
    "=": r"(?:=|:|\bis\b|\bof\b|\bequals\b|\s)",
}
_MONEY = r"(?:\s?(?:%|k|pounds?|euros?|dollars?|gbp|eur|usd))?"
_AMOUNT = r"(?P<value>\W{0,3}\d[\d.,:T-]*)(?P<unit>\s?[\w%]{1,10})?"
# Commas set thousands off; a minus stands before or behind the sign of a currency.
_NUMBER = r"(?P<before>\W*)(?P<digits>\d[\d,]*+(?:\.\d+)?)[.,]*"
_MINUS = r"[-\u2212]"
_STRUCTURED = (
    # projects with status open and owner Bo; tasks whose owner is Ana; invoices where amount > 1000
    (
        rf"{_LEAD}{_TYPE}\s+(?:with|whose|where|having|that"
        r" have)\s+(?P<conditions>[^?;]{3,400}?)\s*[?.!]*$"
    ),
    # "type: project status:open", quoted: checkers take "type:" for a hint
    r"^\s*type\s*[:=]\s*(?P<type>[\w-]+)\s+(?P<conditions>[\w-]+\s*[:=]\s*[^?;]{1,120}?)\s*$",
    # list all projects
    rf"^\W*(?:list|show|all)\s+(?:me\s+)?(?:all\s+)?(?:the\s+)?{_TYPE}\s*[?.!]*$",
    # invoices over 1000
    (
        rf"{_LEAD}{_TYPE}\s+(?P<conditions>"
        rf"(?:{'|'.join(_SIGNS[sign] for sign in ('>', '<', '>=', '<='))})"
        rf"\W{{0,4}}\d[\d.,]*{_MONEY})\s*[?.!]*$"
    ),
    # open projects; which projects are open; projects that are open
    rf"{_LEAD}(?P<value>[\w-]{{2,40}})\s+{_TYPE}\s*[?.!]*$",
    rf"{_LEAD}{_TYPE}\s+(?:that |which )?(?:is|are)\s+(?P<value>[\w-]{{2,40}})\s*[?.!]*$",
)
# Words that ask for whatever there was, so that the time alone is the question.
_ANYTHING = (
    r"\b(?:what|which|things?|did|was|were|is|are|has|have|had|do|does|we|i|you|happen(?:ed|s|ing)?|new|news|going|on|there|any|anything|everything|all|"
    r"learn(?:ed|t)?|know|knew|note(?:d|s)?|chang(?:ed|es)|occurred|events?|items?|remember(?:ed)?|memor(?:y|ies)|show|list|tell|me|us|about|the|timeline|record(?:ed|s)?|took|take|place|up|came|in)\b"
)


class Condition(NamedTuple):
    """What a field has to be; without a name, any field."""

    field: str
    sign: str
    value: str

    def __str__(self) -> str:
        return f"{self.field or 'something'} {self.sign} {self.value!r}"


class Plan(NamedTuple):
    """One way to answer: what it asks, and why it was chosen."""

    kind: Kind
    question: str
    reason: str
    since: datetime | None = None
    until: datetime | None = None
    ends: tuple[str, str] | None = None
    type: str = ""
    conditions: Sequence[Condition] = ()
    parts: Sequence["Plan"] = ()


def route(question: str, now: datetime, zone: str = "UTC", types: Sequence[str] = ()) -> list[Plan]:
    """Return the plans for a question, best first; `types` are those of the memory, so that
    "projects" can be told from any word.
    """
    pieces = _pieces(question)
    if len(pieces) > 1:
        first = [_single(piece, now, zone, types)[0] for piece in pieces]
        if any(plan.kind != "similar" for plan in first):
            whole = Plan("several", question, f"{len(first)} questions in one", parts=tuple(first))
            return [whole, *_single(question, now, zone, types)]
    return _single(question, now, zone, types)


def _relation(question: str) -> Plan | None:
    found = next(filter(None, (re.search(each, question, re.I) for each in _RELATION)), None)
    if found is None:
        return None
    ends = (_thing(found["one"]), _thing(found["other"]))
    return Plan("relation", question, f"asks what links {ends[0]!r} and {ends[1]!r}", ends=ends)


def _single(question: str, now: datetime, zone: str, types: Sequence[str]) -> list[Plan]:
    named = time_range.parse_time_range(question, now, zone)
    # With a subject of its own, a question is not held to an hour that only the day may be known
    # of.
    since, until = (named.around or (named.since, named.until)) if named else (None, None)
    similar = Plan("similar", question, "by words and meaning", since, until)
    plans: list[Plan] = []
    plans += [plan for plan in (_relation(question), _structured(question, types)) if plan]
    said = named.rest if named else question
    if spoken := re.search(_CONVERSATION, said, re.I):
        topic = " ".join(f"{said[: spoken.start()]} {said[spoken.end() :]}".split()).strip(" ?.!,")
        why = f"asks what was said ({spoken[0].strip()!r})"
        plans.append(Plan("conversation", topic or question, why, since, until))
    if named:
        left = " ".join(re.sub(_ANYTHING, " ", named.rest, flags=re.I).split()).strip(" ?.!,")
        topic = left if re.search(r"\w{2}", left) else ""
        timed = Plan("when", topic, f"asks about {named.named!r}", since, until)
        # With a subject of its own, a date is one more mark of what is sought, not a wall around
        # it.
        plans += [similar, timed] if topic else [*_parts_first(timed, named), similar]
    else:
        plans.append(similar)
    return plans


def _parts_first(timed: Plan, named: time_range.TimeRange) -> list[Plan]:
    """Return the plan for a part of a day before the one for the whole day."""
    return (
        [timed._replace(since=named.since, until=named.until), timed] if named.around else [timed]
    )


def _structured(question: str, types: Sequence[str]) -> Plan | None:
    for pattern in _STRUCTURED:
        found = re.match(pattern, question, re.I)
        if found is None:
            continue
        wanted = found["type"].lower()
        known = next(
            (
                name
                for name in types
                if name.lower() in (wanted, wanted + "s", wanted.removesuffix("ie") + "y")
            ),
            None,
        )
        if known is None:
            continue
        groups = found.groupdict()
        conditions = _conditions(groups.get("conditions") or "")
        if groups.get("value"):
            conditions = [Condition("", "=", groups["value"])]
        if conditions or not groups.get("conditions"):
            because = f"asks for each {known}" + (
                f" with {' and '.join(map(str, conditions))}" if conditions else ""
            )
            return Plan("structured", question, because, type=known, conditions=conditions)
    return None


def _conditions(text: str) -> list[Condition]:
    """Return what fields have to be; nothing when a part of the text does not say that."""
    parts = [_condition(part) for part in re.split(r"(?<!\s)\s++and\s++|,\s++", text, flags=re.I)]
    found = [part for part in parts if part is not None]
    if len(found) < len(parts):
        whole = _condition(text)  # a value may hold "and"
        return [whole] if whole else []
    return found


def _condition(text: str) -> Condition | None:
    for sign, words in _SIGNS.items():
        value = r"(?P<value>[\w@:/.+'\"-].{0,120})" if sign == "=" else _AMOUNT
        found = re.match(
            rf"(?:an?\s|the\s)?\s*(?P<field>[a-z][\w-]{{0,40}}?)?\s*(?:\bis\s+)?{words}\s*{value}$",
            text.strip(),
            re.I,
        )
        # "at least 3 partners" says nothing of a field; "over 1000 pounds" may be any.
        if found and (
            found["field"] or (sign != "=" and re.fullmatch(_MONEY, found["unit"] or "", re.I))
        ):
            value = _value(found["value"], sign)
            return Condition(found["field"] or "", sign, value) if value else None
        if found:
            return None
    return None


def _value(text: str, sign: str) -> str:
    """Return what is compared: of an amount the number, of a date the day; nothing where it is
    neither, such as a version or a time of day.
    """
    if sign == "=" or re.search(r"\d{4}-\d\d", text):
        return text.strip(" \"'")
    amount = re.fullmatch(_NUMBER, text)
    if amount is None:
        return ""
    minus = "-" if re.search(_MINUS, amount["before"]) else ""
    return minus + amount["digits"].replace(",", "")


def _pieces(question: str) -> list[str]:
    """Return the questions that one text asks, at most a few."""
    cut = re.split(
        r"\?\s++|;\s++|(?:,\s++|(?<![\s,])\s++)and\s++(?=(?:what|how|who|when|which|where|why|did|list|show)\b)",
        question,
        flags=re.I,
    )
    pieces = [piece.strip() for piece in cut if re.search(r"\w", piece)]
    return pieces if len(pieces) <= PARTS_AT_MOST else [question]


def _thing(text: str) -> str:
    return re.sub(r"^(?:the|a|an)\s+", "", text.strip(" \"'?.,"), flags=re.I)
