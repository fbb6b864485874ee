# requirements:

"""Follow-ups: a question that cannot stand alone, completed from the conversation.

`When are they delivered?` behind `How much are the bicycles?` asks for the delivery, of the
bicycles: what is asked is the follow-up's own, and only its subject is kept from before.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from f.millrace.evidence import claims, questions

# A question of few words of its own leans on the one before when it points back: "When will it
# end?", "And in 2025?"
POINTS_BACK = re.compile(
    r"(?i)^\W*(?:and|but|or|so|then|also|what about|how about|what else)\b"
    r"|\b(?:it|its|they|them|their|he|him|his|she|her|this|that|these|those|there|one|ones|same)\b"
)
FEW_WORDS = 4
# A pronoun as what a question is about: `When will they be delivered to Leeds by rail?`
ANAPHOR = re.compile(
    r"(?i)^(?:[\w-]+ ){1,4}?(?:is|are|was|were|do|does|did|has|have|had|will|would|can|could) "
    r"(?:they|he|she|its|their|his|her|it(?! \w+ (?:\w+ )?to\b))\b"
)
LEAD = re.compile(r"(?i)^(?:and|but|or|so|then|also|ok(?:ay)?)\b[\s,]*")
# What asks, with what it asks for: `How many people`, `In which year`, `What time`.
ASKS = re.compile(
    r"(?i)^(?:(?:at|by|for|from|in|on|since|to|until|with) )?(?:how(?: (?:many|much"
    r"|long|old|tall|far|large|big|high|fast|deep|heavy|wide|often|soon|late|early))?"
    r"|what|which|when|where|who|whom|whose|why)\b\s*"
)
AUXILIARY = re.compile(
    r"(?i)\b(?P<aux>is|are|was|were|do|does|did|has|have|had|will|would|can|could|should|may|might"
    r"|must)\b\s*(?:not )?"
)
# Where a name or a thing begins.
DETERMINER = r"(?:the|a|an|my|our|your|this|that|these|those|all)"
THING = re.compile(rf"(?<![\w'’])(?:{DETERMINER} |[\"“](?=\w)|(?-i:[A-ZÀ-ÖØ-Þ\d]))", re.IGNORECASE)
# `the price of the pass`: what is asked of the pass.
ATTRIBUTE = re.compile(rf"(?i)^(?:{DETERMINER} )?(?:[a-z-]+ ){{1,3}}?of (?=\S)")
NAME = re.compile(r"(?:[A-ZÀ-ÖØ-Þ][\w'’.-]*(?: (?:of|the|de|van|von|al|la)(?= [A-ZÀ-ÖØ-Þ]))?\s*)+")
# What stands for the subject; `her` and `his` own something where a word follows them.
OWNS = re.compile(r"(?i)\b(?:its|their|his|her|whose) (?=[a-z])")
POINTS = re.compile(r"(?i)\b(?:they|them|these|those|it|he|him|she|her|this|that|there|ones?)\b")
PERSONAL = re.compile(r"(?i)\b(?:he|him|his|she|her)\b")
# What `there` and `that` are where they point at nothing: `is there a lift`, `the day that`.
POINTS_NOWHERE = re.compile(
    r"(?i)\b(?:is|are|was|were|will) there\b|\bone of\b|\w that \w+s?\b(?= \w)"
)
TELL = re.compile(r"(?i)^(?:please )?(?:tell|show|remind) (?:me|us) (?:more )?(?:about |of )?")
# What is asked of all that was told, with its verb: `Who won the race?`, `and when?`
EVENT = re.compile(r"(?i)(?:when|where|who|why|how|with whom|by whom)")
TRAVELS = re.compile(r"(?i)\b(?:get|go|come|travel|drive|walk) $")
OWNED_LAST = re.compile(r"[a-z-]+(?: [a-z-]+)?$")
# Behind the verb of a question with `do`; `of` and `to` may be of its subject.
ADVERBIAL = re.compile(r"\s(?:on|at|in|for|by|during|with|before|after|until)\s")
END = re.compile(r"(?i)(?: (?:again|then|now|too|instead|please|though|exactly)){0,3} ?[?.!]{0,9}$")
PARTICIPLE = re.compile(r"(?is)\b(?:be|been|being|get|gets)\b.*+\Z|\b[a-z]{2,64}+(?<=ed)\Z")
RELATED = frozenset(word for group in questions.RELATIONS for word in group.split())


class QuestionParts(NamedTuple):
    """A question without what asks (`how much`): its verb in front, and the rest."""

    auxiliary: str
    about: str


def needs_context(question: str) -> bool:
    """Tell whether a question cannot stand alone."""
    own = len(claims.content_words(question))
    return (
        own < 2
        or bool(own < FEW_WORDS and POINTS_BACK.search(question))
        or bool(ANAPHOR.match(question.strip()))
    )


def complete(question: str, earlier: Sequence[str]) -> str:
    """Return a question that can stand alone: a follow-up with the subject of the last question
    that has one.

    A pronoun gives way to the subject; what has none (`and when?`) is asked of it. What asks for
    nothing of its own (`and in 2025?`) goes on with the question before.
    """
    question = " ".join(question.split())
    if not earlier or not needs_context(question):
        return question
    before = next((asked for asked in reversed(earlier) if not needs_context(asked)), earlier[-1])
    bare = LEAD.sub("", question.strip())
    if not ASKS.match(bare) and not AUXILIARY.match(bare):
        return f"{before.rstrip('?')} - {question}"
    own = END.sub("", bare)
    if EVENT.fullmatch(own):
        return f"{own[:1].upper()}{own[1:]} - {_split(before).about}?"
    subject = find_subject(before, bool(PERSONAL.search(own)))
    if not subject:
        return f"{before.rstrip('?')} - {question}"
    return f"{_put_in(own, subject)}?"


def _put_in(own: str, subject: str) -> str:
    """Return a follow-up with its subject: in place of a pronoun, else behind it."""
    shown = own[:1].upper() + own[1:]
    if found := OWNS.search(shown):
        owned = shown[found.end() :]
        if OWNED_LAST.match(owned):
            return f"{shown[: found.start()]}the {owned} of {subject}"
        owner = f"{subject}’" if subject.endswith("s") else f"{subject}’s"
        return f"{shown[: found.start()]}{owner} {owned}"
    nowhere = [found.span() for found in POINTS_NOWHERE.finditer(shown)]
    for found in POINTS.finditer(shown):
        if not any(start <= found.start() < end for start, end in nowhere):
            before, after = shown[: found.start()], shown[found.end() :]
            if found[0].lower() != "there":
                return before + subject + after
            return f"{before}{'to' if TRAVELS.search(before) else 'at'} {subject}{after}"
    return f"{shown} - {subject}"


def find_subject(question: str, person: bool = False) -> str:
    """Return what a question is about, in its own words: `the bicycles` of `How much are the
    bicycles?`; `person` where a person is meant. Empty where it names nothing.
    """
    asked = _split(question)
    about = asked.about
    if person:
        return _person_in(about) or about
    if found := ATTRIBUTE.match(about):
        about = about[found.end() :]
    if asked.auxiliary in ("do", "does", "did"):
        return _thing_of_verb(about)
    if not asked.auxiliary:
        # `Who founded the Reliance Party?`, `Tell me about the mill`: what is behind the verb.
        found = THING.search(about)
        return about[found.start() :] if found else about
    return _drop_verb(about)


def _split(question: str) -> QuestionParts:
    text = END.sub("", TELL.sub("", LEAD.sub("", question.strip())))
    asks = ASKS.match(text)
    rest = text[asks.end() :] if asks else text
    found = AUXILIARY.search(rest)
    # `How many boats does the harbour have?`, but not `Who wrote what is on the wall?`
    between = rest[: found.start()] if found else ""
    if found and (not between or (asks and not THING.search(between))):
        return QuestionParts(found["aux"].lower(), rest[found.end() :])
    return QuestionParts("", rest)


def _thing_of_verb(about: str) -> str:
    """Return the thing that does something: all before its verb; of a name, the name."""
    if (name := NAME.match(about)) and name.end() < len(about):
        return name[0].strip()
    head, _, last = about.rpartition(" ")
    if head and last.islower():
        return head
    found = ADVERBIAL.search(about)
    head = about[: found.start()].rpartition(" ")[0] if found else ""
    return head if " " in head else about


def _drop_verb(about: str) -> str:
    """Return the words without a verb at their end: `the bridge` of `the bridge be finished`."""
    words = PARTICIPLE.sub("", about).strip().split()
    while len(words) > 2 and words[-1].islower() and words[-1] in RELATED:
        words = words[:-1]
    return " ".join(words) or about


def _person_in(about: str) -> str:
    """Return who is meant: the first name, unless it is what somebody is of (`the mayor of
    Tern`).
    """
    if ATTRIBUTE.match(about):
        return _drop_verb(about)
    found = NAME.search(about)
    return found[0].strip() if found else ""
