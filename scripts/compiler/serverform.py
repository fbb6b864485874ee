"""YAML as `wmill sync pull` writes it, so that push followed by pull leaves no diff.

The command sorts every mapping by a fixed list of first keys and then by name, prefers plain and
single-quoted scalars, and folds at 80 columns.
"""

import json
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

WIDTH = 80
FIRST = (
    "version",
    "id",
    "type",
    "summary",
    "name",
    "display_name",
    "description",
    "value",
    "content",
    "modules",
    "failure_module",
    "input_transforms",
    "lock",
    "locks",
)
# The command compares these stand-ins instead of the names; other names sort around them.
STAND_INS: dict[str, str] = dict(
    zip(
        FIRST,
        ("aaa", "aa", "ab", "ad", "ae", "af", "ag", "ah", "ai", "aj", "ak", "al", "az", "azz"),
        strict=True,
    )
)
PUNCTUATION = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
NOT_PLAIN_START = re.compile(r"^[\n\t ,\[\]{}#&*!|>'\"%@`]|^[?-]$|^[?-][ \t]")
# Tabs and YAML 1.1 words such as `no` are quoted for PyYAML, which reads these files too; the
# command would not.
NOT_PLAIN = re.compile(r"\t|[\n:][ \t]|[ \t]\n|[\n\t ]#|[\n\t :]$")
OTHER_TYPE = re.compile(
    r"^(?:~|null|Null|NULL|true|True|TRUE|false|False|FALSE|y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF|<<|="
    r"|[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?0x[0-9a-fA-F_]+|[-+]?[0-9][0-9_]*|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[-+]?(?:[0-9][0-9_]*)?\.[0-9_]*|[-+]?(?:[0-9][0-9_]*)(?:\.[0-9_]*)?[eE][-+]?[0-9]+|[-+]?\.[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)$"
)


def dump(value: Any) -> str:
    """Return the YAML text of a mapping in the server's order and style."""
    return "\n".join(_mapping(value, "")) + "\n"


# Flows say the same few words again and again.
@lru_cache(maxsize=10_000)
def sort_key(name: str) -> tuple[list[tuple[int, int]], str]:
    """Return what the command sorts a key by: its stand-in,
    punctuation before digits before letters.
    """
    text = STAND_INS.get(name, name)
    return [_rank(letter) for letter in text], text.swapcase()


def _rank(letter: str) -> tuple[int, int]:
    if letter in PUNCTUATION:
        return 0, PUNCTUATION.index(letter)
    return (1, int(letter)) if letter in "0123456789" else (2, ord(letter.lower()))


def _mapping(value: dict[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for key in sorted(value, key=sort_key):
        lines += _entry(f"{_key(key)}:", value[key], indent)
    return lines


def _entry(key: str, value: Any, indent: str) -> list[str]:
    head, deeper = indent + key, indent + "  "
    if isinstance(value, dict) and value:
        return [head, *_mapping(value, deeper)]
    if isinstance(value, list) and value:
        return [head, *_sequence(value, deeper)]
    # The command counts the first line from the key, not from the margin.
    return [f"{head} {_scalar(value, deeper, len(key) + 1)}"]


def _sequence(values: list[Any], indent: str) -> list[str]:
    lines: list[str] = []
    for value in values:
        deeper = indent + "  "
        if isinstance(value, dict) and value:
            inner = _mapping(value, deeper)
        elif isinstance(value, list) and value:
            inner = _sequence(value, deeper)
        else:
            inner = [deeper + _scalar(value, deeper, len(deeper))]
        lines += [indent + "- " + inner[0][len(deeper) :], *inner[1:]]
    return lines


@lru_cache(maxsize=10_000)
def _key(key: str) -> str:
    unfit = (
        CONTROL.search(key)
        or NOT_PLAIN_START.search(key)
        or NOT_PLAIN.search(key)
        or OTHER_TYPE.match(key)
    )
    return _quoted(key) if unfit or not key else key


def _scalar(value: Any, indent: str, column: int) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    return _text(str(value), indent, column)


def _number(value: float) -> str:
    """Return a number as JavaScript writes it: 0.00001 and 1e-7 for 1e-05 and 1e-07."""
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    digits, _, exponent = repr(value).partition("e")
    return f"{digits}e{int(exponent):+d}"


def _text(text: str, indent: str, column: int) -> str:
    if not text or CONTROL.search(text.replace("\n", "")):
        return _quoted(text)
    if "\n" in text:
        return _quoted(text) if re.search(r"\n[\t ]+$", text) else _block(text, indent)
    if NOT_PLAIN_START.search(text) or NOT_PLAIN.search(text) or OTHER_TYPE.match(text):
        return _fold(_quoted(text), indent, column)
    return _fold(text, indent, column)


def _quoted(text: str) -> str:
    if ("'" in text and '"' not in text) or CONTROL.search(text):
        return re.sub(
            r"[\x7f-\x9f]",
            lambda found: f"\\x{ord(found[0]):02x}",
            json.dumps(text, ensure_ascii=False),
        )
    return "'" + text.replace("'", "''") + "'"


def _block(text: str, indent: str) -> str:
    body = text.rstrip("\n")
    chomp = "-" if body == text else "" if text == body + "\n" else "+"
    lead = "2" if text.startswith(" ") else ""
    lines = body.split("\n") + [""] * (len(text) - len(body) - 1)
    too_long = any(len(line) > WIDTH - len(indent) for line in text.split("\n"))
    foldable = not any(len(word) > WIDTH - len(indent) for word in text.split())
    if not too_long or not foldable:
        return "\n".join([f"|{lead}{chomp}", *(indent + line if line else "" for line in lines)])
    return "\n".join([f">{lead}{chomp}", *_folded_lines(lines, indent)])


def _folded_lines(lines: list[str], indent: str) -> list[str]:
    """Return the lines of a folded block:
    a break between two flush lines needs an empty line to be kept.
    """
    result: list[str] = []
    last_flush = False
    for line in lines:
        flush = bool(line) and not line[0].isspace()
        if flush and last_flush:
            result.append("")
        result += (
            (indent + _fold(line, indent, len(indent), alone=False)).split("\n")
            if flush
            else [indent + line if line else ""]
        )
        last_flush = flush or (last_flush and not line)
    return result


def _fold(text: str, indent: str, column: int, alone: bool = True) -> str:
    """Break at the last single space before column 80, as the command does, never inside a word."""
    step = max(21, 1 + WIDTH - len(indent))
    # A text of its own may be one longer than the line of a block.
    if alone and len(text) <= step:
        return text
    parts, start, split, end = [], 0, 0, WIDTH - column
    for i, letter in enumerate(text):
        if (
            letter == " "
            and i
            and text[i - 1] not in " \t"
            and text[i + 1 : i + 2] not in ("", " ", "\t")
        ):
            split = i
        if i >= end and split:
            parts.append(text[start:split])
            start, end, split = split + 1, split + step, 0
    parts.append(text[start:])
    return ("\n" + indent).join(parts)
