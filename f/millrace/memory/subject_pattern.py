# requirements:

"""Mention: what a subject looks like in stored text, however it was written down.

Words in a row with anything but letters between them, in any case, as whole words; composed or
decomposed, escaped for HTML, JSON or an address.
"""

import html
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

from f.millrace.core import errors

SHORTEST = 3
# Scripts from here on are written without spaces, so that a name has no edges.
UNSPACED = 0x2E80
# Between two words: no letter, or a line break as JSON writes it. Tags and long gaps are not
# bridged.
GAP = r"(?:{other}|\\+[nrt]){{1,10}}"


@dataclass(frozen=True)
class SubjectPattern:
    """One subject as expressions of Postgres and of Python, and as bytes."""

    subject: str
    postgres: str
    python: re.Pattern[str]
    raw: list[bytes]

    def is_in(self, text: str) -> bool:
        """Tell whether a text mentions the subject, also when it is JSON in which a line break ends
        in a letter.
        """
        return bool(
            self.python.search(text) or self.python.search(re.sub(r"(?<!\\)\\++[nrtbf]", " ", text))
        )


def pattern_of(subject: str) -> SubjectPattern:
    """Return how to find a subject; BadInput when it is so short that it would hit everything."""
    words = re.findall(r"[^\W_]+(?:['’&][^\W_]+)*", unicodedata.normalize("NFC", subject))
    letters = sum(len(word) for word in words)
    unspaced = bool(words) and all(ord(word[0]) >= UNSPACED for word in words)
    if letters < (2 if unspaced else SHORTEST):
        raise errors.BadInput(
            f"{subject!r} is too short to be told from other words; name a subject of at least"
            f" {SHORTEST} letters"
        )
    lines = {subject, unicodedata.normalize("NFC", subject), unicodedata.normalize("NFD", subject)}
    forms = {
        form
        for line in lines
        for form in (line, line.lower(), line.upper(), line.title(), quote(line))
    }
    return SubjectPattern(
        subject,
        _expression(words, "[[:alnum:]]", "[^[:alnum:]]"),
        re.compile(_expression(words, r"[^\W_]", r"[\W_]"), re.IGNORECASE),
        sorted(form.encode() for form in forms),
    )


def _expression(words: list[str], letter: str, other: str) -> str:
    """Return the expression of the words in a row, given what a letter is and what is none."""
    middle = GAP.format(other=other).join("".join(_letter(one) for one in word) for word in words)
    before = f"(?<!{letter})" if ord(words[0][0]) < UNSPACED else ""
    return before + middle + (f"(?!{letter})" if ord(words[-1][-1]) < UNSPACED else "")


def _letter(letter: str) -> str:
    """Return the ways in which a letter may be written."""
    ways = {letter, letter.lower(), letter.upper()}
    if letter in "'’":
        ways |= {"'", "’"}
    ways |= {unicodedata.normalize("NFD", way) for way in ways}
    ways |= {html.escape(way) for way in ways}
    plain = sorted(re.escape(way) for way in ways)
    if ord(letter) > 127:
        plain += sorted(
            rf"\\+u{ord(way):04x}"
            for way in {letter.lower(), letter.upper()}
            if len(way) == 1 and ord(way) < 0x10000
        )
        base, *combining = unicodedata.normalize("NFD", letter)
        if combining:
            plain.append(base + "".join(rf"\\+u{ord(mark):04x}" for mark in combining))
        plain += sorted(quote(way) for way in {letter.lower(), letter.upper()})
    return plain[0] if len(plain) == 1 else f"(?:{'|'.join(plain)})"
