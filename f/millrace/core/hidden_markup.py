# requirements:

"""What of a page a reader does not see: text that is hidden by a style, an attribute or its colour.

Whoever reads a page element by element tells which ones open and close; `is_hidden` says whether
text at this place is unseen. What is unsure is seen: text that a reader's click shows, or whose
background nobody can tell.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from f.millrace.core import styles

VOID = frozenset(
    "area base br col embed hr img input link meta param source track wbr frame".split()
)
# An element that ends where the next of its kind begins.
ENDS_BEFORE = {
    "li": frozenset({"li"}),
    "p": frozenset({"p"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
    "tr": frozenset({"tr", "td", "th"}),
    "td": frozenset({"td", "th"}),
    "th": frozenset({"td", "th"}),
    "option": frozenset({"option"}),
}
ENDS_PARAGRAPH = frozenset(
    "address article aside blockquote details div dl fieldset figure footer form h1 h2 h3 h4 h5 h6"
    " header hr main nav ol p pre section table ul".split()
)
OUTSIDE = -480.0  # pixels; further left or up nothing is seen on a screen
SIDES = ("left", "top", "right", "bottom", "margin-left", "margin-top", "text-indent")
TINY, FAINT, ALIKE = 1.5, 0.06, 12.0
TELLING = frozenset("hidden color bgcolor background class id".split())
PAINTING = ("color", "background", "background-color", "background-image", "font-size")
BACKGROUNDS = ("background-color", "background")
WHITE: styles.Colour = (255.0, 255.0, 255.0, 1.0)
KEYWORD_SIZES = frozenset("xx-small x-small small medium large x-large xx-large initial".split())


class _Place(NamedTuple):
    """What holds within an element."""

    tag: str = ""
    gone: bool = False  # nothing inside can be seen
    invisible: bool = False  # until something inside says `visible`
    size: float = 16.0
    colour: styles.Colour | None = None
    behind: styles.Colour | None = WHITE  # None: not known
    cut_to_letters: bool = False  # the background shows through the letters


class Visibility:
    """Follows the elements of a page in their order.

    Args:
        sheet: The rules of the page.
        moved: Whether what fades or slides into view counts as hidden.
        styled: Whether the page has other rules, which may paint what has a class.
        implied: Whether elements end without a word, as in HTML that is not yet a tree.
    """

    def __init__(
        self,
        sheet: styles.StyleSheet | None = None,
        *,
        moved: bool = True,
        styled: bool = False,
        implied: bool = True,
    ) -> None:
        self._sheet = sheet or styles.StyleSheet()
        self._moved, self._styled, self._implied = moved, styled, implied
        self._places = [_Place()]

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be seen at this place, whatever it says itself."""
        return self._places[-1].gone

    @property
    def is_hidden(self) -> bool:
        """Whether text at this place is unseen."""
        place = self._places[-1]
        return (
            place.gone
            or place.invisible
            or place.size <= TINY
            or (not place.cut_to_letters and _is_like(place.colour, place.behind))
        )

    def open(self, tag: str, attributes: Mapping[str, str | None]) -> None:
        """Take note that an element begins."""
        if tag in VOID:
            return
        while self._implied and _ends_before(self._places[-1].tag, tag):
            self._places.pop()
        self._places.append(self._inside(tag, attributes))

    def close(self, tag: str) -> None:
        """Take note that an element ends; what is still open in it ends with it."""
        if tag in VOID:
            return
        for depth in range(len(self._places) - 1, 0, -1):
            if self._places[depth].tag == tag:
                del self._places[depth:]
                return

    def _inside(self, tag: str, attributes: Mapping[str, str | None]) -> _Place:
        around = self._places[-1]
        by_rule = self._sheet.find_declarations(tag, attributes)
        if tag in ("html", "body") or self._sheet.is_toggled(attributes):
            # Whole pages are hidden until their program runs.
            by_rule = {name: by_rule[name] for name in PAINTING if name in by_rule}
        style = attributes.get("style") or ""
        if not (style or by_rule or TELLING.intersection(attributes)):
            return around._replace(tag=tag)
        declared = {**by_rule, **styles.parse_declarations(style)}
        colour = declared.get("-webkit-text-fill-color", declared.get("color")) or (
            (attributes.get("color") or "").lower()
        )
        return _Place(
            tag,
            around.gone or "hidden" in attributes or _is_gone(declared, self._moved),
            _visibility(declared, around.invisible),
            _size(declared, around.size),
            (styles.parse_colour(colour) if colour else around.colour)
            if "text-shadow" not in declared
            else None,
            _behind(declared, attributes, around.behind, self._styled),
            around.cut_to_letters
            or "text" in (declared.get("background-clip"), declared.get("-webkit-background-clip")),
        )


def remove_hidden_text(
    root: Any, sheet: styles.StyleSheet, *, moved: bool = True, styled: bool = False
) -> None:
    """Take the text that a reader does not see out of a tree; what is gone as a whole is marked
    `hidden`.
    """
    visibility = Visibility(sheet, moved=moved, styled=styled, implied=False)
    waiting: list[tuple[Any, bool]] = [(root, False)]
    while waiting:
        element, ends = waiting.pop()
        tag = element.tag if isinstance(element.tag, str) else ""
        if ends or not tag:
            visibility.close(tag)
            if visibility.is_hidden:
                element.tail = None
            continue
        visibility.open(tag, element.attrib)
        if visibility.is_hidden:
            element.text = None
        if visibility.is_gone:
            element.set("hidden", "")
        waiting.append((element, True))
        waiting.extend((child, False) for child in reversed(element))


def read_sheet(root: Any) -> tuple[styles.StyleSheet, bool]:
    """Return the rules that stand in a page, and whether it has others."""
    sheet = styles.StyleSheet()
    for each in root.iter("style"):
        if (each.get("media") or "all").strip().lower() in ("all", "screen"):
            sheet.add(each.text or "")
    is_linked = any("stylesheet" in (each.get("rel") or "").lower() for each in root.iter("link"))
    return sheet, bool(sheet) or is_linked


def _ends_before(last: str, tag: str) -> bool:
    return last in ENDS_BEFORE.get(tag, ()) or (last == "p" and tag in ENDS_PARAGRAPH)


def _visibility(declared: styles.Declarations, around: bool) -> bool:
    said = declared.get("visibility", "")
    return said in ("hidden", "collapse") or (around and said != "visible")


def _is_gone(declared: styles.Declarations, moved: bool) -> bool:
    if not declared:
        return False
    return (
        declared.get("display") == "none"
        or declared.get("content-visibility") == "hidden"
        or declared.get("mso-hide") == "all"
        or _is_clipped(declared)
        or _is_outside(declared)
        or (moved and _is_faded(declared))
    )


def _is_faded(declared: styles.Declarations) -> bool:
    values = [declared.get("opacity", "")]
    if declared.get("filter", "").startswith("opacity("):
        values.append(declared["filter"])
    for value in values:
        for share in styles.parse_lengths(value)[:1]:
            if share.number / (100 if share.unit == "%" else 1) <= FAINT:
                return True
    moves = declared.get("transform", "")
    return (
        ("scale" in moves and _first(moves.partition("scale")[2]) == 0)
        or _first(declared.get("scale", "")) == 0
        or ("translate" in moves and any(each.pixels <= 10 * OUTSIDE for each in _absolute(moves)))
    )


def _is_clipped(declared: styles.Declarations) -> bool:
    clip = declared.get("clip", "")
    if clip.startswith("rect"):
        edges = [each.pixels for each in styles.parse_lengths(clip)]
        if len(edges) == 4 and (edges[2] - edges[0] <= 1 or edges[1] - edges[3] <= 1):
            return True
    path = declared.get("clip-path", declared.get("-webkit-clip-path", ""))
    first = next(iter(styles.parse_lengths(path)), None)
    if first is not None and (
        (path.startswith("inset") and first.unit == "%" and first.number >= 50)
        or (path.startswith(("circle", "ellipse")) and first.number == 0)
    ):
        return True
    cuts = any(
        declared.get(name, "") in ("hidden", "clip")
        for name in ("overflow", "overflow-x", "overflow-y")
    )
    return cuts and any(
        (size := _first_pixels(declared.get(name, ""))) is not None and size <= 1
        for name in ("width", "height", "max-width", "max-height")
    )


def _is_outside(declared: styles.Declarations) -> bool:
    """Tell whether a box or its text lies where no screen shows it."""
    is_placed = declared.get("position") in ("absolute", "fixed", "relative")
    for name in SIDES:
        if name in ("left", "top", "right", "bottom") and not is_placed:
            continue
        if any(each.pixels <= OUTSIDE for each in _absolute(declared.get(name, ""))[:1]):
            return True
    return False


def _absolute(value: str) -> list[styles.Length]:
    return [each for each in styles.parse_lengths(value) if each.unit != "%"]


def _first(value: str) -> float | None:
    return next((each.number for each in styles.parse_lengths(value)), None)


def _first_pixels(value: str) -> float | None:
    found = styles.parse_lengths(value)
    return found[0].pixels if len(found) == 1 else None


def _size(declared: styles.Declarations, around: float) -> float:
    """Return the size of the letters in pixels."""
    said = declared.get("font-size", "")
    if not said and "font" in declared:
        # The size is the first length of the shorthand; a weight has no unit.
        sizes = [
            each for each in styles.parse_lengths(declared["font"]) if each.unit or not each.number
        ]
        return _in_pixels(sizes[0], around) if sizes else around
    if said in KEYWORD_SIZES:
        return 16.0
    found = styles.parse_lengths(said)
    if "(" in said or not found or (not found[0].unit and found[0].number):
        return around  # computed, or no size
    return _in_pixels(found[0], around)


def _in_pixels(length: styles.Length, around: float) -> float:
    if length.unit in ("em", "%", "ex", "ch"):
        return around * length.number / (100 if length.unit == "%" else 1)
    return length.pixels


def _behind(
    declared: styles.Declarations,
    attributes: Mapping[str, str | None],
    around: styles.Colour | None,
    styled: bool,
) -> styles.Colour | None:
    """Return the colour behind the letters; None when it cannot be told."""
    painted = next((declared[name] for name in BACKGROUNDS if name in declared), None)
    if painted is not None:
        found = _painted(painted)
        if found is not None and found[3] == 0:
            return around
        return found if found is None or found[3] == 1 else None
    if "background-image" in declared or "background" in attributes:
        return None
    if attributes.get("bgcolor"):
        return styles.parse_colour((attributes.get("bgcolor") or "").lower())
    # A rule that is not at hand may paint what has a class.
    return None if styled and ("class" in attributes or "id" in attributes) else around


def _painted(value: str) -> styles.Colour | None:
    """Return the colour in a background's value; None where it is a picture or not known."""
    whole = styles.parse_colour(value)
    if whole is not None or "(" in value:
        return whole
    return next(filter(None, map(styles.parse_colour, value.split())), None)


def _is_like(colour: styles.Colour | None, behind: styles.Colour | None) -> bool:
    if colour is None:
        return False
    if colour[3] <= FAINT:
        return True
    return behind is not None and all(
        abs(one - other) <= ALIKE for one, other in zip(colour[:3], behind[:3], strict=True)
    )
