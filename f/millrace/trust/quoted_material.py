# requirements:

"""Quoted material: what of a task the user wrote, and what he pasted that others wrote.

A task such as `Summarise this mail: ...` is the user's only up to the colon. What is fenced,
forwarded, quoted at length or set under words that point at it is untrusted text, whoever sent the
message. In doubt a text counts as quoted: then a call asks once more, and nothing is lost.
"""

import re
from typing import NamedTuple

# From so many words beside web addresses on, what an introduction points at is a text; a letter
# that only its salutation shows has more.
LEAST_WORDS = 3
LEAST_LETTER = 8
# A quotation of more words is no title; one with an address in it is none from the fourth word on.
LONGEST_OWN_QUOTE = 12
LONGEST_WITH_ADDRESS = 3
# Where the user's own words have to end: an introduction is no longer than this.
LONGEST_INTRODUCTION = 400

FENCE = re.compile(r"(?m)^[ \t]*(?P<mark>```|~~~|\"\"\"|''')")
QUOTED_LINE = re.compile(r"(?m)^[ \t]*(?:>|\|[ \t])[^\n]*\n?")
FORWARDED = re.compile(
    r"(?im)^[ \t>*_-]{0,20}(?:-{2,20}[ \t]*(?:original|forwarded)\b[^\n]{0,40}"
    r"|begin forwarded message\b[^\n]{0,40}|forwarded (?:message|mail|from)\b[^\n]{0,80}"
    r"|(?:ursprüngliche|weitergeleitete) nachricht\b[^\n]{0,40}"
    r"|(?:from|von|de|sender|subject|betreff|reply-to|received)[ \t]{0,3}:[ \t][^\n]{1,200}"
    r"|(?:on|am|le)\b[^\n]{4,120}\b(?:wrote|schrieb|a écrit)[ \t]{0,3}:)"
)
ELEMENT = re.compile(r"<(?P<name>[A-Za-z][\w-]{1,30})(?:\s[^<>]{0,200})?>")
QUOTES = re.compile(r"[\"“„«](?P<inside>[^\"“”„«»]{20,20000})[\"”“»]")
SALUTATION = re.compile(
    r"(?i)^\W{0,3}(?:dear|hi|hello|hey|good (?:morning|afternoon|evening|day)|to whom"
    r"|sehr geehrte[rs]?|liebe[rs]?|hallo|guten tag|bonjour|cher|chère|madame|monsieur|hola"
    r"|estimad[oa]s?)\b[^\n]{0,60}[,:!]\s*(?:\n|$)"
)
ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://\S+|@[\w-]{1,63}\.\w", re.IGNORECASE)
WEB = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://\S+", re.IGNORECASE)
WORD = re.compile(r"[^\W_]+")
COLON = re.compile(r":(?=\s|$)")
# Words by which a user points at a text that he gives along.
POINTS = re.compile(
    r"(?i)\b(?:this|these|below|above|following|attached|pasted|underneath|here(?:'s| is| are)"
    r"|(?:i|we) (?:just )?(?:got|received|found|copied)|(?:got|received|came in|sent me|wrote me"
    r"|says|said|reads|writes|wrote)|folgende[nrms]?|diese[nrms]?|unten|oben|suivante?s?"
    r"|ci-dessous|siguiente)\b"
)
MATERIAL = re.compile(
    r"(?i)\b(?:e-?mails?|mails?|messages?|letters?|texts?|articles?|posts?|pages?|documents?"
    r"|transcripts?|threads?|tickets?|reviews?|comments?|quotes?|chats?|newsletters?|notes?"
    r"|paragraphs?|passages?|excerpts?|sms|reply|answer|feedback|report|minutes|log|nachricht"
    r"|brief|text|artikel|lettre|mensaje|correo)\b"
)
WORKS_ON = re.compile(
    r"(?i)\b(?:summari[sz]e|summary of|translate|proofread|correct|explain|rewrite|rephrase"
    r"|shorten|simplify|analy[sz]e|classify|review|check|read|extract|tl;?dr|gist of|reply to"
    r"|respond to|answer|what (?:do|does|is|should|would)|is (?:this|it)|fass|übersetze"
    r"|résume|traduis|resume|traduce)\b"
)
# What the user dictates is his: `Send Bob this message: I am late`.
DICTATES = re.compile(
    r"(?i)^\W{0,3}(?:please |then |and |could you |can you |kindly ){0,3}"
    r"(?:send|write|tell|post|mail"
    r"|e-?mail|message|text|add|put|note|save|store|create|schedule|book|remind|set|say|search|find"
    r"|look up|do|follow|reply with|answer with|open a|file a|schreib|sende|sag)\b"
)
# `Check whether this text has mistakes. …`
THIS_TEXT = re.compile(
    r"(?i)[^.!?\n]{0,200}\b(?:this|the following|these)\s(?:[\w-]{1,20}\s){0,2}"
    r"(?:text|sentence|sentences|paragraph|passage|wording|draft|letter|message|mail)\b"
    r"[^.!?\n]{0,100}[.!?](?=\s)"
)
REPORTS = re.compile(
    r"(?i)\b(?:wrote|writes|says|said|posted|asked|answered|replied|states|claims|schrieb|sagt)"
    r"[ \t]{0,3}:\s*$"
)
INCOMING = re.compile(r"(?i)\b(?:got|received|came in|forwarded|wrote me|sent me)\b")


class SplitTask(NamedTuple):
    """A task in its parts."""

    own: str
    quoted: str


def split(task: str) -> SplitTask:
    """Return what of the task are the user's own words, and what he quotes."""
    kept, taken = _take_marked(task)
    own, rest = _take_introduced(kept)
    return SplitTask(own.strip(), "\n".join(part for part in (*taken, rest) if part.strip()))


def _take_marked(task: str) -> tuple[str, list[str]]:
    """Take out what marks set apart: fences, elements, quoted lines, forwards, long quotes."""
    taken: list[str] = []

    def take(found: re.Match[str]) -> str:
        taken.append(found[0])
        return "\n"

    text, tail = _cut_at(FORWARDED, task)
    taken += [tail] if tail else []
    text = _take_between(text, taken)
    text = _take_elements(text, taken)
    text = QUOTED_LINE.sub(take, text)
    text = QUOTES.sub(lambda found: take(found) if _is_long(found["inside"]) else found[0], text)
    return text, taken


def _is_long(quote: str) -> bool:
    own = LONGEST_WITH_ADDRESS if ADDRESS.search(quote) else LONGEST_OWN_QUOTE
    return _count(quote) > own


def _cut_at(pattern: re.Pattern[str], text: str) -> tuple[str, str]:
    found = pattern.search(text)
    return (text[: found.start()], text[found.start() :]) if found else (text, "")


def _take_between(text: str, taken: list[str]) -> str:
    """Take out what stands between two fences; an open one reaches to the end."""
    while found := FENCE.search(text):
        end = text.find(found["mark"], found.end())
        stop = len(text) if end < 0 else end + len(found["mark"])
        taken.append(text[found.start() : stop])
        text = text[: found.start()] + "\n" + text[stop:]
    return text


def _take_elements(text: str, taken: list[str]) -> str:
    """Take out what an element encloses: `<mail> … </mail>`."""
    start = 0
    while found := ELEMENT.search(text, start):
        closing = f"</{found['name']}>"
        end = text.lower().find(closing.lower(), found.end())
        if end < 0:
            start = found.end()
            continue
        taken.append(text[found.start() : end + len(closing)])
        text = text[: found.start()] + "\n" + text[end + len(closing) :]
        start = found.start()
    return text


def _take_introduced(text: str) -> tuple[str, str]:
    """Return the introduction and the text that it points at, where there is one."""
    for end in _ends_of_introduction(text):
        head, rest = text[:end], text[end:]
        if _count(rest) >= LEAST_WORDS and _points_at(head):
            return head, rest
    return _take_paragraphs(text)


def _ends_of_introduction(text: str) -> list[int]:
    near = text[:LONGEST_INTRODUCTION]
    ends = [found.end() for found in COLON.finditer(near)]
    line = near.find("\n")
    first = THIS_TEXT.match(near)
    spoken = [first.end()] if first and not WEB.search(first[0]) else []
    return sorted({*ends, *spoken, *([line] if line >= 0 else [])})


def _points_at(head: str) -> bool:
    """Tell whether an introduction says that a text of others follows."""
    last = re.split(r"(?<=[.!?])\s+", head.strip())[-1] if ":" in head[-3:] else head
    if REPORTS.search(head):
        return True
    if INCOMING.search(last) and (MATERIAL.search(last) or POINTS.search(last)):
        return True
    if DICTATES.search(last):
        return False
    works, points, names = (bool(pattern.search(last)) for pattern in (WORKS_ON, POINTS, MATERIAL))
    return (works and (points or names)) or (points and names) or (works and _count(last) <= 4)


def _take_paragraphs(text: str) -> tuple[str, str]:
    """Return the text without a letter that stands in it, or what the last paragraph points at."""
    paragraphs = [part for part in re.split(r"\n[ \t]*\n", text) if part.strip()]
    if len(paragraphs) < 2:
        return text, ""
    for number, part in enumerate(paragraphs):
        if number and SALUTATION.match(part):
            return "\n\n".join(paragraphs[:number]), "\n\n".join(paragraphs[number:])
    before = "\n\n".join(paragraphs[:-1])
    is_letter = SALUTATION.match(paragraphs[0]) is not None
    if _count(before) >= LEAST_LETTER and (is_letter or _points_at(paragraphs[-1])):
        return paragraphs[-1], before
    return text, ""


def _count(text: str) -> int:
    """Return how many words a text has beside web addresses."""
    return len(WORD.findall(WEB.sub(" ", text)))
