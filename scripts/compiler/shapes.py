"""The few shapes that a picture of a flow is made of: cards, frames, arrows, text, all as SVG."""

from dataclasses import dataclass, field
from html import escape

CARD_WIDTH = 430
CARD_HEIGHT = 54
GAP = 24
PAD = 16
HEAD = 30
STYLE = """\
text { font-size: 12.5px; fill: #57606a;
  font-family: system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }
.name { font-weight: 600; font-size: 13.5px; fill: #1f2328; }
.note { font-size: 11px; fill: #6e7781; }
.label { font-weight: 600; font-size: 12px; }
.paper { fill: #ffffff; stroke: #d8dee4; }
.card { fill: #ffffff; stroke: #d0d7de; }
.line { fill: none; stroke: #8c959f; stroke-width: 1.5; }
.frame { stroke-width: 1.2; stroke-dasharray: 5 4; }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1; } .name { fill: #f0f6fc; } .note { fill: #9198a1; }
  .paper { fill: #0d1117; stroke: #3d444d; } .card { fill: #151b23; stroke: #3d444d; }
  .line { stroke: #656c76; }
}
"""
COLOURS = {
    "run": "#2f6feb",
    "loop": "#8250df",
    "branch": "#1a7f37",
    "approval": "#bf8700",
    "failure": "#cf222e",
    "time": "#57606a",
}


@dataclass
class Shape:
    """A drawn part of known size; `marks` are SVG elements relative to its upper left corner."""

    width: float
    height: float
    marks: list[str] = field(default_factory=list)

    def place(self, shape: "Shape", x: float, y: float) -> None:
        """Put another shape on this one."""
        self.marks.append(f'<g transform="translate({x:g} {y:g})">{"".join(shape.marks)}</g>')


def text_line(
    x: float, y: float, text: str, style: str = "", colour: str = "", anchor: str = ""
) -> str:
    """Return one line of text."""
    style = f' class="{style}"' if style else ""
    colour = f' style="fill:{colour}"' if colour else ""
    anchor = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:g}" y="{y:g}"{style}{colour}{anchor}>{escape(text)}</text>'


def shorten(text: str, width: float, size: float = 6.4) -> str:
    """Return text that fits a width; letters are about `size` wide."""
    most = int(width / size)
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def card(name: str, summary: str, notes: list[str], kind: str, icon: str = "") -> Shape:
    """Return a step: its id, what it does, and small notes at the right."""
    colour, shape = COLOURS[kind], Shape(CARD_WIDTH, CARD_HEIGHT)
    note = " · ".join(notes)
    shape.marks = [
        f'<rect class="card" width="{CARD_WIDTH}" height="{CARD_HEIGHT}" rx="8"/>',
        (
            f'<path d="M8 0 H5 A5 5 0 0 0 0 5 V{CARD_HEIGHT - 5} A5 5 0 0 0 5 {CARD_HEIGHT} H8 Z"'
            f' fill="{colour}" stroke="none"/>'
        ),
        text_line(20, 22, name, "name"),
        text_line(CARD_WIDTH - 12, 22, note, "note", anchor="end"),
        text_line(20, 41, shorten(summary, CARD_WIDTH - 32 - (36 if icon else 0))),
    ]
    if icon:
        shape.marks.append(
            f'<g transform="translate({CARD_WIDTH - 32} 27) scale(0.85)" fill="{colour}"'
            f' stroke="none">{icon}</g>'
        )
    return shape


def stack(shapes: list[Shape]) -> Shape:
    """Return shapes under each other, joined by arrows."""
    whole = Shape(max((shape.width for shape in shapes), default=0), 0)
    for number, shape in enumerate(shapes):
        if number:
            whole.marks.append(arrow(whole.width / 2, whole.height, whole.height + GAP))
            whole.height += GAP
        whole.place(shape, (whole.width - shape.width) / 2, whole.height)
        whole.height += shape.height
    return whole


def place_beside(shapes: list[Shape], labels: list[str], colour: str) -> Shape:
    """Return shapes next to each other, each under its label."""
    top = 22 if any(labels) else 0
    whole = Shape(sum(shape.width for shape in shapes) + PAD * (len(shapes) - 1), 0)
    x = 0.0
    for shape, label in zip(shapes, labels, strict=True):
        if label:
            whole.marks.append(
                text_line(
                    x + shape.width / 2, 12, shorten(label, shape.width), "label", colour, "middle"
                )
            )
        whole.place(shape, x, top)
        x += shape.width + PAD
        whole.height = max(whole.height, shape.height + top)
    return whole


def frame(inner: Shape, title: str, summary: str, kind: str, note: str = "") -> Shape:
    """Return a dashed frame around the steps of a loop or of branches."""
    colour = COLOURS[kind]
    shape = Shape(inner.width + 2 * PAD, inner.height + HEAD + 20 + PAD)
    shape.marks = [
        (
            f'<rect class="frame" width="{shape.width:g}" height="{shape.height:g}" rx="10"'
            f' fill="{colour}" fill-opacity="0.05" stroke="{colour}"/>'
        ),
        text_line(PAD, 21, shorten(title, inner.width, 7), "label", colour),
        text_line(PAD, 38, shorten(summary, inner.width - 6 * len(note))),
        text_line(shape.width - PAD, 38, note, "note", anchor="end"),
    ]
    shape.place(inner, PAD, HEAD + 20)
    return shape


def pill(text: str, kind: str) -> Shape:
    """Return a rounded label: where a flow starts and ends."""
    width = 7 * len(text) + 32
    shape = Shape(width, 28)
    shape.marks = [
        f'<rect class="card" width="{width}" height="28" rx="14"/>',
        text_line(width / 2, 18.5, text, "label", COLOURS[kind], "middle"),
    ]
    return shape


def arrow(x: float, top: float, bottom: float) -> str:
    """Return an arrow that points down."""
    return f'<path class="line" d="M{x:g} {top + 2:g} V{bottom - 3:g} m-4 -5 l4 5 l4 -5"/>'


def page(inner: Shape, title: str) -> str:
    """Return a whole picture that needs no other file."""
    margin = 24
    width, height = inner.width + 2 * margin, inner.height + 2 * margin
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"'
        f' width="{width:g}" height="{height:g}"'
        f' role="img">\n<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n<rect'
        f' class="paper" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}"'
        f' rx="12"/>\n<g transform="translate({margin} {margin})">\n'
        + "\n".join(inner.marks)
        + "\n</g>\n</svg>\n"
    )
