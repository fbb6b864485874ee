# requirements:

"""The numbers of a Word document's lists, which Word counts and the text does not hold."""

from typing import Any

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
LEVELS = 9
ROMAN = tuple(
    zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        "m cm d cd c xc l xl x ix v iv i".split(),
        strict=True,
    )
)


class Numbering:
    """Counts the entries of each list, in the order in which they stand."""

    def __init__(self, root: Any) -> None:
        """Read the document's definitions of lists; None: it has none."""
        self._levels: dict[str, dict[int, tuple[str, str, int]]] = {}
        self._abstract: dict[str, str] = {}
        self._counts: dict[str, list[int]] = {}
        if root is None:
            return
        of_abstract = {
            str(one.get(f"{WORD}abstractNumId")): _read_levels(one)
            for one in root.iter(f"{WORD}abstractNum")
        }
        for number in root.iter(f"{WORD}num"):
            name = str(number.get(f"{WORD}numId"))
            abstract = _value(number, "abstractNumId")
            self._abstract[name] = f"{abstract}"
            levels = dict(of_abstract.get(abstract, {}))
            for override in number.iter(f"{WORD}lvlOverride"):
                start, place = _value(override, "startOverride"), override.get(f"{WORD}ilvl") or "0"
                if start.isdigit() and int(place) in levels:
                    kind, text, _ = levels[int(place)]
                    levels[int(place)] = (kind, text, int(start))
                    self._abstract[name] = f"{abstract} {name}"  # counted by itself
            self._levels[name] = levels

    def label(self, list_id: str, level: int) -> str:
        """Return what stands before a list's next entry: `2.`, `b)`, `1.3`; `-` for a bullet."""
        levels = self._levels.get(list_id) or {}
        level = max(0, min(level, LEVELS - 1))
        kind, text, _ = levels.get(level, ("bullet", "", 1))
        counts = self._counts.setdefault(self._abstract.get(list_id, list_id), [-1] * LEVELS)
        for place in range(level + 1):
            first = levels.get(place, ("", "", 1))[2]
            if counts[place] < 0:
                counts[place] = first - (place == level)
        counts[level] += 1
        counts[level + 1 :] = [-1] * (LEVELS - level - 1)
        if kind in ("bullet", "none", ""):
            return "-"
        for place in range(level + 1):
            text = text.replace(
                f"%{place + 1}",
                write_number(counts[place], levels.get(place, ("decimal", "", 1))[0]),
            )
        return text.strip() or "-"


def list_of(elements: list[Any]) -> tuple[str, int] | None:
    """Return the list and the level of a paragraph, by the first of its own properties and those of
    its styles that say so; None when it is no entry.
    """
    for element in elements:
        found = element.find(f"./{WORD}pPr/{WORD}numPr") if element is not None else None
        if found is not None:
            name, level = _value(found, "numId"), _value(found, "ilvl")
            return None if name == "0" else (name, int(level) if level.isdigit() else 0)
    return None


def _read_levels(abstract: Any) -> dict[int, tuple[str, str, int]]:
    found: dict[int, tuple[str, str, int]] = {}
    for level in abstract.iter(f"{WORD}lvl"):
        place, start = level.get(f"{WORD}ilvl") or "", _value(level, "start")
        if place.isdigit():
            first = int(start) if start.isdigit() else 1
            found[int(place)] = (_value(level, "numFmt"), _value(level, "lvlText"), first)
    return found


def _value(element: Any, name: str) -> str:
    found = element.find(f"./{WORD}{name}")
    return str(found.get(f"{WORD}val") or "") if found is not None else ""


def write_number(number: int, kind: str) -> str:
    """Return a number of a list in letters or Roman figures, as its kind says."""
    if kind in ("lowerLetter", "upperLetter") and number > 0:
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter if kind == "lowerLetter" else letter.upper()
    if kind in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        text = ""
        for value, sign in ROMAN:
            text += sign * (number // value)
            number %= value
        return text if kind == "lowerRoman" else text.upper()
    return f"0{number}" if kind == "decimalZero" and number < 10 else str(number)
