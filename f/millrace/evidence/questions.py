# requirements:

"""What a question asks for: the kind of value, of what, in which relation. No model is asked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from f.millrace.evidence import claims, kinds

Kind = Literal["date", "figure", "name", "description", ""]

WHEN = re.compile(
    r"(?i)^(?:when|since when)\b|\b(?:what|which) (?:year|month|date|day|decade)\b"
    r"|^what (?:is|was) the (?:[\w ]+ )?(?:birth ?date|date|year)\b"
)
FIGURE = re.compile(
    r"(?i)\bhow (?:many|much|long|tall|old|far|large|big|high|fast|deep|heavy|wide)\b"
    r"|\b(?:population|length|height|area|size|number|amount|price|cost|distance|depth|weight|age"
    r"|capacity|elevation|percentage|share|rate|speed|budget|revenue) (?:of|does)\b"
    r"|^what (?:is|was|were) the (?:[\w-]+ ){0,3}(?:population|age|length|height|area|size|number"
    r"|amount|price|cost|distance|depth|weight|capacity|elevation|percentage|rate|speed|budget"
    r"|revenue|total|income|score)\b"
)
NAME = re.compile(
    r"(?i)^(?:who|whom|whose|where)\b|\b(?:what|which)"
    r" (?:city|town|country|state|county|place|person|team|company|band)\b"
    r"|\bwhat is the name\b|^(?:by|from|of|to) (?:whom|which|what)\b"
    r"|\b(?:what|which) (?:is|was) the (?:modern[\w -]{0,60}|current |former |old )?"
    r"(?:name|capital)\b"
)
WHERE = re.compile(
    r"(?i)^where\b|\b(?:what|which) (?:city|town|village|country|state|county|place)\b"
)
# What is asked for when none of these is: what kind of thing it is.
DESCRIPTION = re.compile(r"(?i)\b(?:what|which)\b")
# Words that a question and its answer use for the same relation.
RELATIONS = (
    "born birth birthday birthplace",
    "die died death dead",
    (
        "establish established found founded founding founder create created form formed open"
        " opened start started inaugurated launched activated"
    ),
    (
        "build built construct constructed construction complete completed erect erected dates"
        " dating"
    ),
    "father mother parent parents son daughter child",
    "direct directed director directors",
    "write written wrote author authored writer novel screenwriter screenplay script",
    (
        "artist album band singer musician recorded performed song single duo group trio quartet"
        " rapper songwriter guitarist pianist saxophonist"
    ),
    (
        "sport football footballer basketball baseball hockey cricket cricketer rugby soccer tennis"
        " golf golfer boxing boxer wrestling wrestler athletics gymnastics gymnast swimming swimmer"
        " runner running cyclist cycling racing skier skating rowing rower judo volleyball handball"
        " lacrosse snooker darts bowling"
    ),
    "profession occupation job career",
    "party democrat democratic republican labour labor conservative liberal socialist",
    (
        "genre style documentary comedy drama thriller horror romance romantic western musical"
        " animation animated fantasy science rock pop jazz folk metal punk country blues soul"
        " electronic rap hip reggae gospel opera poetry memoir biography satire crime mystery"
    ),
    (
        "position forward striker winger midfielder defender goalkeeper fullback halfback centre"
        " center guard quarterback linebacker lineman receiver cornerback tackle pitcher catcher"
        " outfielder infielder shortstop hooker prop lock flanker"
    ),
    (
        "instrument guitar piano violin viola cello bass drums drummer trumpet trombone saxophone"
        " flute clarinet oboe harp organ keyboard keyboards vocals accordion banjo mandolin"
    ),
    (
        "religion faith denomination christian christianity catholic catholicism protestant"
        " orthodox anglican lutheran baptist methodist presbyterian calvinist quaker islam islamic"
        " muslim sunni shia hindu hinduism buddhist buddhism jewish judaism sikh jain"
    ),
    "capital seat administrative headquarters",
    "compose composed composer music",
    "rank admiral general captain colonel lieutenant",
    "take took place held happen happened occur occurred fought began",
    "serve served serving office position term appointed elected succeeded",
    "become became succeeded appointed elected inherited",
    "population people inhabitants residents",
    "located location lies situated in",
    "based base headquarters headquartered in",
    "marry married wife husband spouse consort",
    "win won winner champion champions defeated beat",
    "length long flows",
    "cost price costs worth",
    "deliver delivered delivery arrive arrived arrival",
    "minister ministers incumbent",
    "publish published publication publisher",
    "produce produced producer",
    "play played plays player",
)
CLASS = 8
LOCATED = frozenset(claims.stem(word) for word in "located location situated lies".split())
# `In what country is it?` asks where it lies.
PLACES = frozenset(claims.stem(word) for word in "country city town village state county".split())
LIFE = frozenset({"birth", "death"})
OCCUR = frozenset(claims.stem(word) for word in "take took place held happen occur".split())
# Who made something may have written, directed or sung it.
CREATOR = frozenset(
    claims.stem(word) for word in "creator maker write direct artist album compose".split()
)
ASKING = frozenset(
    claims.stem(word)
    for word in "name year date day month many much long current currently estimated number part"
    " total associated involved term following".split()
)
PERSON = re.compile(r"(?i)^(?:who|whom|whose|by (?:whom|which artist))\b")
# What kind of thing a name is, behind the name: `Tern station`.
KIND_OF_NAME = re.compile(
    r"(?:[A-Z][\w'’.-]{0,60}|[”\"])\s(?P<kind>album|song|film|movie|book|novel|series|station|church|house"
    r"|bridge|school|college|university|river|lake|village|town|city|county|district|parish|island"
    r"|division|club|team|band|company|newspaper|magazine|ship|airport|hospital|museum|castle)"
    r"\s++(?=\w)"
)
# The same before a quoted title: `the album "Tides"`.
KIND_OF_TITLE = re.compile(
    r"\b(?P<kind>album|song|film|movie|book|novel|series|single|play|poem|magazine|newspaper|band"
    r"|game|show|episode)\s++(?=[\"“])"
)
# What class of things is asked for: `what sport is`, `what is the genre of`.
HEAD = re.compile(
    r"(?i)\b(?:what|which)\s++(?:(?:is|was|are|were)\s++the\s++)?(?P<head>(?:[a-z-]+\s++){1,2}?)"
    r"(?=(?:did|do|does|is|was|are|were|of|has|had|have|can)\b)"
)
# The same behind what it is asked of (`her job title?`), and in `what kind of animal`.
HEAD_LAST = re.compile(
    r"(?i)(?:\w['’]s?|\bhis|\bher|\bits|\btheir)\s(?P<head>[a-z-]+(?:\s[a-z-]+)?)\?$"
)
HEAD_OF_KIND = re.compile(
    r"(?i)\b(?P<head>(?:kind|type|sort|breed|species)(?:\sof\s[a-z-]+)?"
    r"|(?:word|term|name)(?=\s\S+\s(?:mean|refer|stand))|mean|refers?|stands?(?=\sfor)"
    r"|associated|known|belong|living|(?:play(?:s|ed)?|follow(?:s|ed)?|practi[cs]e[sd]?)(?=\?))\b"
)
# What is asked to be described, where it has no capital: `What kind of animal is a dunlin?`
DESCRIBED = re.compile(
    r"(?i)\b(?:is|are|was|were)\s(?:an?|the)\s(?P<what>[a-z][\w -]{1,60})\?$"
    r"|\bdo(?:es)?\s(?:(?:an?|the)\s)?(?:(?:word|term|name)\s)?(?P<word>[\w-]+)"
    r"\s(?:mean|refer|stand)\b"
)
# What a verb at the end is asked of: `How much do the electric bicycles cost?`
VERB_LAST = re.compile(
    r"(?i)(?:how (?:much|long)|when|where) (?:is|are|was|were|do|does|did|will|would)"
    r" (?P<what>[^?]+)\s[a-z]+\?$"
)
POSSESSIVE = re.compile(r"['’]s?$")


@dataclass(frozen=True)
class Question:
    """What a question asks for: the kind of value, of what, in which relation; all as stems.

    Attributes:
        person: It asks who.
        place: It asks where.
        is_class: The relation holds the names of the class that is asked for: of sports, parties.
        named: The words of the relation that the question itself has.
        parts: Each word of the relation with those that mean the same.
        fills: What kind of thing an answer says that the subject is, where it need not name that.
        capital: The names of its class have a capital: a Liberal, no liberal education.
        head: The class of what is asked for (`what sport`), which an answer need not name.
    """

    kind: Kind
    subject: frozenset[str]
    relation: frozenset[str]
    person: bool = False
    place: bool = False
    is_class: bool = False
    named: frozenset[str] = frozenset()
    parts: tuple[frozenset[str], ...] = ()
    head: frozenset[str] = frozenset()
    capital: bool = False
    fills: kinds.Kind = ""


def parse(question: str) -> Question:
    """Return what a question asks for; the kind is empty for a headline and for what has no typical
    form.
    """
    kind = _kind_of(question)
    subject = _subject_of(question)
    if kind == "description" and not subject:
        subject = _described(question)
    groups = [frozenset(claims.stem(word) for word in group.split()) for group in RELATIONS]
    asked = claims.content_words(question) - subject - ASKING - _kinds_of(question)
    if not asked and kind in ("name", "date"):
        # `the Minister of Trade`: the capital does not make the office a name.
        asked = subject & frozenset().union(*groups)
    if kind == "name" and asked and asked <= PLACES:
        asked |= LOCATED
    if asked & CREATOR:
        asked |= CREATOR
    relation = frozenset(asked).union(*(group for group in groups if group & asked))
    return Question(
        kind,
        subject,
        # What takes place is told in the words of its name.
        relation | subject if asked & OCCUR else relation,
        person=kind == "name" and bool(PERSON.search(question)),
        place=kind == "name" and bool(WHERE.search(question)),
        is_class=kind == "description" and len(relation) >= CLASS,
        named=frozenset(claims.content_words(question)),
        parts=_parts_of(asked, subject, groups),
        head=_head_of(question, kind) - subject,
        capital="party" in asked,
        fills=kinds.find_kind(question) if kind == "description" else "",
    )


def _head_of(question: str, kind: Kind) -> frozenset[str]:
    """Return the stems of the words behind `what` or `which` that name a class."""
    # `What is the salary of the guard's helper?` asks for the salary.
    last = () if HEAD.search(question) else (HEAD_LAST,)
    found = [
        match["head"]
        for pattern in ((HEAD, *last, HEAD_OF_KIND) if kind == "description" else (HEAD,))
        for match in pattern.finditer(question.strip())
    ]
    return claims.content_words(" ".join(found))


def _described(question: str) -> frozenset[str]:
    """Return the stems of what is asked to be described and has no capital."""
    found = DESCRIBED.search(question.strip())
    return claims.content_words(found["what"] or found["word"]) if found else frozenset()


def _kind_of(question: str) -> Kind:
    if WHEN.search(question):
        return "date"
    if FIGURE.search(question):
        return "figure"
    if NAME.search(question):
        return "name"
    asks = DESCRIPTION.search(question) and question.rstrip().endswith("?")
    return "description" if asks else ""


def _subject_of(question: str) -> frozenset[str]:
    """Return the stems of the names and quoted titles in a question."""
    words = [word for word in claims.WORD.findall(question)[1:] if word[0].isupper()]
    for quoted in re.findall(r"[\"“]([^\"“”]+)[\"”]", question):
        words += claims.WORD.findall(quoted)
    if found := VERB_LAST.match(question.strip()):
        words += claims.WORD.findall(found["what"])
    return frozenset(claims.stem(POSSESSIVE.sub("", word.lower())) for word in words) - {
        claims.stem(word) for word in claims.STOPWORDS
    }


def _kinds_of(question: str) -> frozenset[str]:
    """Return the stems of the words beside a name that say what kind of thing it is (`Tern
    station`, `the album "Tides"`): they are not what is asked.
    """
    found = KIND_OF_NAME.findall(question) + KIND_OF_TITLE.findall(question)
    return frozenset(claims.stem(word.lower()) for word in found)


def _parts_of(
    asked: frozenset[str], subject: frozenset[str], groups: Sequence[frozenset[str]]
) -> tuple[frozenset[str], ...]:
    """Return each word that is asked with and those that stand for it."""
    if asked & CREATOR:
        return (CREATOR.union(*(group for group in groups if group & CREATOR)),)
    words = asked - OCCUR | {"occur"} if asked & OCCUR else asked
    return tuple(
        frozenset({word}).union(
            *(group for group in groups if word in group), subject if word == "occur" else ()
        )
        for word in sorted(words)
        if len(word) > 2
    )
