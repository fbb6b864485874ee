# requirements:

"""Styles of web pages: declarations and plain rules, lengths and colours, as far as they decide
what a reader sees.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

Declarations = dict[str, str]
# Red, green, blue, and how much covers what is behind, 0 to 1.
Colour = tuple[float, float, float, float]

ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?+|\\(.)", re.DOTALL)
NUMBER = re.compile(r"(?<![\w.#])([+-]?(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}))([a-z%]{0,5})")
# A selector of one element by its tag, id or classes.
PLAIN = re.compile(r"([a-z][\w-]*+)?((?:[.#][\w-]++)*+)", re.IGNORECASE)
NAME = re.compile(r"[.#][\w-]++")
MOST_SHEET, MOST_RULES = 500_000, 20_000
PIXELS = {
    "": 1.0,
    "px": 1.0,
    "pt": 4 / 3,
    "pc": 16.0,
    "em": 16.0,
    "rem": 16.0,
    "ex": 8.0,
    "ch": 8.0,
    "cm": 37.8,
    "mm": 3.78,
    "in": 96.0,
    "vw": 12.0,
    "vh": 8.0,
}
NAMED = {
    "black": "#000000",
    "white": "#ffffff",
    "red": "#ff0000",
    "green": "#008000",
    "blue": "#0000ff",
    "lime": "#00ff00",
    "yellow": "#ffff00",
    "cyan": "#00ffff",
    "aqua": "#00ffff",
    "magenta": "#ff00ff",
    "fuchsia": "#ff00ff",
    "gray": "#808080",
    "grey": "#808080",
    "silver": "#c0c0c0",
    "maroon": "#800000",
    "navy": "#000080",
    "olive": "#808000",
    "purple": "#800080",
    "teal": "#008080",
    "orange": "#ffa500",
    "snow": "#fffafa",
    "ivory": "#fffff0",
    "ghostwhite": "#f8f8ff",
    "whitesmoke": "#f5f5f5",
    "floralwhite": "#fffaf0",
    "mintcream": "#f5fffa",
    "azure": "#f0ffff",
}


class Length(NamedTuple):
    """A length as it is written."""

    number: float
    unit: str

    @property
    def pixels(self) -> float:
        """The length in pixels, roughly; a percentage counts as it is."""
        return self.number * PIXELS.get(self.unit, 1.0)


def parse_declarations(style: str) -> Declarations:
    """Return what a style declares, names and values in small letters, the last of a name, one
    that is important before others.
    """
    found: Declarations = {}
    important: set[str] = set()
    for declaration in _without_remarks(style).split(";"):
        name, colon, value = _unescape(declaration).lower().partition(":")
        name = name.strip()
        plain, mark, _ = value.partition("!")
        if not colon or (name in important and not mark):
            continue
        found[name] = " ".join(plain.split())
        if mark:
            important.add(name)
    return found


def _without_remarks(css: str) -> str:
    kept: list[str] = []
    place = 0
    while (start := css.find("/*", place)) >= 0:
        kept.append(css[place:start])
        end = css.find("*/", start + 2)
        if end < 0:
            return " ".join(kept)  # what is not closed goes on to the end
        place = end + 2
    return " ".join([*kept, css[place:]])


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text

    def character(found: re.Match[str]) -> str:
        code = int(found[1], 16) if found[1] else 0
        return (chr(code) if 0 < code < 0x110000 else "") if found[1] else found[2]

    return ESCAPE.sub(character, text)


def parse_lengths(value: str) -> list[Length]:
    """Return the lengths and numbers of a value in their order."""
    return [Length(float(found[1]), found[2]) for found in NUMBER.finditer(value)]


def parse_colour(value: str) -> Colour | None:
    """Return a colour; None for one that is not known here."""
    value = NAMED.get(value, value)
    if value == "transparent":
        return (0.0, 0.0, 0.0, 0.0)
    if value.startswith("#") and re.fullmatch(r"#[0-9a-f]{3,8}", value):
        return _of_digits(value[1:])
    name, _, rest = value.partition("(")
    if name in ("rgb", "rgba"):
        parts = [each.number * (2.55 if each.unit == "%" else 1) for each in parse_lengths(rest)]
        return _with_cover(parts[:3], rest)
    return _of_hue(rest) if name in ("hsl", "hsla") else None


def _of_hue(written: str) -> Colour | None:
    """Return a colour by hue, saturation and lightness: black, white and grey, or one that covers
    nothing; the others are not told.
    """
    parts = [each.number for each in parse_lengths(written)]
    if len(parts) < 3:
        return None
    found = _with_cover([parts[2] * 2.55] * 3, written)
    is_grey = parts[1] == 0 or parts[2] in (0, 100)
    return found if is_grey or (found and found[3] == 0) else None


def _of_digits(digits: str) -> Colour | None:
    if len(digits) in (3, 4):
        digits = "".join(2 * digit for digit in digits)
    if len(digits) not in (6, 8):
        return None
    red, green, blue, *cover = (int(digits[at : at + 2], 16) for at in range(0, len(digits), 2))
    return (red, green, blue, cover[0] / 255 if cover else 1.0)


def _with_cover(parts: list[float], written: str) -> Colour | None:
    """Return a colour of red, green and blue with the cover that is written behind them."""
    if len(parts) < 3:
        return None
    red, green, blue = parts
    cover = next(iter(parse_lengths(written)[3:]), Length(1, ""))
    return (red, green, blue, cover.number / (100 if cover.unit == "%" else 1))


class StyleSheet:
    """The rules of a page whose selectors name one element by its tag, id or classes."""

    def __init__(self) -> None:
        self._rules: list[tuple[str, frozenset[str], Declarations]] = []
        self._by_name: dict[str, list[int]] = {}
        self.shown: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._rules)

    def add(self, css: str) -> None:
        """Add the rules of a style sheet; those within `@media` and the like are left out."""
        for selectors, body in _rules(_without_remarks(css[:MOST_SHEET])):
            declared = parse_declarations(body)
            for selector in map(str.strip, selectors.split(",")):
                if len(self._rules) >= MOST_RULES:
                    return
                self._add_rule(selector, declared)

    def _add_rule(self, selector: str, declared: Declarations) -> None:
        plain = PLAIN.fullmatch(selector)
        names: frozenset[str] = frozenset(NAME.findall(plain[2]) if plain else ())
        if plain is None or len(names) > 1:
            # Something a reader does shows what has these names.
            if _shows(declared):
                self.shown.update(NAME.findall(selector))
            return
        tag = str(plain[1] or "").lower()
        if tag or names:
            self._rules.append((tag, names, declared))
            self._by_name.setdefault(next(iter(names), tag), []).append(len(self._rules) - 1)

    def find_declarations(self, tag: str, attributes: Mapping[str, str | None]) -> Declarations:
        """Return what the rules say of an element."""
        if not self._rules:
            return {}
        names = {f".{name}" for name in (attributes.get("class") or "").split()}
        if attributes.get("id"):
            names.add(f"#{(attributes.get('id') or '').strip()}")
        numbers = sorted(
            {number for key in (tag, *names) for number in self._by_name.get(key, ())},
            key=lambda number: (bool(self._rules[number][1]), number),
        )
        found: Declarations = {}
        for number in numbers:
            of_tag, of_names, declared = self._rules[number]
            if of_tag in ("", tag) and of_names <= names:
                found.update(declared)
        return found

    def is_toggled(self, attributes: Mapping[str, str | None]) -> bool:
        """Tell whether another rule shows what has one of the element's names."""
        names = {f".{name}" for name in (attributes.get("class") or "").split()}
        names.add(f"#{(attributes.get('id') or '').strip()}")
        return not self.shown.isdisjoint(names)


def _shows(declared: Declarations) -> bool:
    return (
        declared.get("display", "none") != "none"
        or declared.get("visibility") == "visible"
        or declared.get("opacity", "0") not in ("0", "0.0", "0%")
        or declared.get("max-height", "0").strip("px") not in ("0", "")
    )


def _rules(css: str) -> Iterator[tuple[str, str]]:
    """Yield selectors and body of each rule that stands in no block of another."""
    place, depth, selectors, start = 0, 0, "", 0
    for found in re.finditer(r"[{}]", css):
        if found[0] == "{":
            if depth == 0:
                selectors = css[place : found.start()].rpartition(";")[2].strip()
                start = found.end()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                if not selectors.startswith("@"):
                    yield selectors, css[start : found.start()]
                place = found.end()
