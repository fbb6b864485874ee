# requirements:

"""Plain text in lines that every mail program shows whole."""

import re
import unicodedata
from collections.abc import Iterator

WIDTH = 74
INDENT = "   "
# No line begins with one of these.
CLOSING = "、。，．！？」』）"


def wrap(words: str, indent: str = "", further: str | None = None) -> list[str]:
    """Return the text in lines of at most 74 columns; scripts without spaces break between letters,
    a longer word, such as an address, stays whole.
    """
    rest = indent if further is None else further
    lines: list[str] = []
    for part in words.splitlines():
        line = rest if lines else indent
        begun = len(line)
        for gap, piece in _pieces(part):
            if len(line) > begun and columns(line) + len(gap) + columns(piece) > WIDTH:
                lines.append(line)
                line, begun = rest, len(rest)
            line += gap + piece if len(line) > begun else piece
        if len(line) > begun:
            lines.append(line)
    return lines


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Yield what a line can end before: words after a space, and wide letters."""
    for word in text.split():
        for number, piece in enumerate(_cut(word)):
            yield ("" if number else " "), piece


def _cut(word: str) -> list[str]:
    """Return a word's parts: each wide letter with the marks that follow it is one."""
    if columns(word) == len(word):
        return [word]
    return re.findall(rf"(?:[\x00-\u2e7f]+|.)[{CLOSING}]*", word)


def columns(words: str) -> int:
    """Return how many columns a text takes: wide letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)
