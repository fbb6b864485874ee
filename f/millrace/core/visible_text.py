# requirements:

"""Text of others as a person may read it: in a terminal, on an approval page, in a mail that asks.

Nothing in it acts unseen: controls, escapes, turned and hidden letters are shown as what they are,
and a run that would push the rest out of sight is counted instead.
"""

import re
import unicodedata

from f.millrace.core import invisible

# A sign by its class, blank to the eye.
BRAILLE_BLANK = "\u2800"
LONGEST_LINE = 1000
LONGEST_RUN, LONGEST_SPACE = 200, 40
EMPTY_LINES = 3
MARKS = 4
RUN = re.compile(rf"([ \u00a0])\1{{{LONGEST_SPACE}}}\1*+|(.)\2{{{LONGEST_RUN}}}\2*+", re.DOTALL)
EMPTY_RUN = re.compile(rf"\n(?:[ \t]*+\n){{{EMPTY_LINES + 1},}}")
FRAME = "│ "


def make_visible(text: str) -> str:
    """Return the text with lines and words as they are, and each hidden character shown: `␛` for an
    escape, `‹U+202E›` for a turned direction.
    """
    return make_characters_visible(text.replace("\r\n", "\n").replace("\t", "    "))


def make_characters_visible(text: str, kept: str = "") -> str:
    """Return the text with each hidden character shown, but line breaks and those `kept`."""
    if text.isprintable() and text.isascii():
        return text
    spelling = invisible.find_spelling(text)
    shown: list[str] = []
    marks = 0
    for place, char in enumerate(text):
        marks = marks + 1 if unicodedata.combining(char) else 0
        if char in kept or place in spelling:
            shown.append(char)
        else:
            shown.append(_sign(char) if marks <= MARKS else f"‹U+{ord(char):04X}›")
    return "".join(shown)


def line(value: object, most: int = LONGEST_LINE) -> str:
    """Return a value as one line: its breaks are shown, long runs are counted, and of more than
    `most` characters the number that is left out.
    """
    text = str(value).replace("\t", " ")
    shown = shorten_runs(make_characters_visible(text)).replace("\n", "␊")
    return shown if len(shown) <= most else f"{shown[:most]}… ‹{len(shown) - most} more›"


def block(value: object, frame: str = FRAME) -> str:
    """Return a text of several lines with the frame before each, so that none looks like a line of
    ours.
    """
    text = shorten_runs(make_visible(str(value)).strip("\n"))
    return "\n".join(f"{frame}{part}".rstrip() for part in text.split("\n"))


def shorten_runs(text: str) -> str:
    """Return the text with long runs of one character, and of empty lines, counted."""
    text = EMPTY_RUN.sub(lambda found: f"\n‹{found[0].count(chr(10)) - 1} empty lines›\n", text)
    return RUN.sub(lambda found: f"{found[0][:3]}‹{len(found[0])} times›", text)


def _sign(char: str) -> str:
    hidden = char == BRAILLE_BLANK or invisible.UNSEEN.match(char) is not None
    if char == "\n" or (char.isprintable() and not hidden):
        return char
    if ord(char) < 32 or ord(char) == 127:
        return "␡" if ord(char) == 127 else chr(0x2400 + ord(char))
    return char if unicodedata.category(char) == "Zs" else f"‹U+{ord(char):04X}›"
