"""The one way to a person's terminal: what was stored by others is shown there and does not act.

`Terminal` and `Table` are rich's, `shown` and `framed` put a value into marked-up words, and
`guarded` covers what is printed without them.
"""

import contextlib
import os
import sys
from collections.abc import Collection, Iterable, Iterator
from typing import IO, Any, TextIO

import rich.console
import rich.table
from rich.markup import escape as escape_markup
from rich.segment import Segment
from rich.text import Text

from f.millrace.core import visible_text

KEPT = "\t"
# Where nothing is cut: in a file, a pipe, or with `--wide`.
UNCUT = 100_000
WIDE = "do not cut rows at the width of the terminal"


class Terminal(rich.console.Console):
    """rich's console; hidden characters are shown in whatever is printed."""

    def __init__(self, wide: bool = False, **options: Any) -> None:
        """Take rich's options; numbers, words and `:names:` get no look of their own. Rows are cut
        at the width of a terminal unless it is `wide`.
        """
        super().__init__(highlight=False, emoji=False, **options)
        self.cuts = self.is_terminal and not wide
        if not self.cuts:
            self.width = UNCUT

    @property
    def file(self) -> IO[str]:
        """The stream that is written to: behind the guard, also where a line that changes has put a
        stream of its own before it.
        """
        stream = super().file
        while (behind := getattr(stream, "rich_proxied_file", None)) is not None:
            stream = behind
        return stream

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file

    def print_row(self, markup: str) -> None:
        """Print marked-up words as one row."""
        self.print(
            markup,
            no_wrap=self.cuts,
            overflow="ellipsis" if self.cuts else "ignore",
            soft_wrap=not self.cuts,
        )

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """Yield the segments, visible."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(_visible(text), style)


class Table(rich.table.Table):
    """rich's table without lines; a text in a cell is one line, and no markup.

    Where it is wider than the terminal, the widest column is cut first, and those to `keep` (what
    is typed in the next command) last of all; with `wraps` a cell goes on below.
    """

    def __init__(
        self, *headers: str, keep: Collection[str] = (), wraps: bool = False, **options: Any
    ) -> None:
        """Name the columns."""
        super().__init__(*headers, box=None, **options)
        self.wraps = wraps
        for column in self.columns:
            column.no_wrap = column.header in keep

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row; a cell with a look is a `Text`, made by `styled`."""
        made = [Text(visible_text.line(cell)) if isinstance(cell, str) else cell for cell in cells]
        for cell in made:
            if isinstance(cell, Text) and not self.wraps:
                cell.no_wrap, cell.overflow = True, "ellipsis"
        super().add_row(*made, **options)


def styled(markup: str) -> Text:
    """Return marked-up words for a cell; the values in them are `shown`."""
    return Text.from_markup(markup, emoji=False)


def shown(value: object) -> str:
    """Return a value as one line within marked-up words."""
    return escape_markup(visible_text.line(value))


def framed(value: object) -> str:
    """Return a text with its lines, each behind a frame, within marked-up words."""
    return escape_markup(visible_text.block(value))


def line(value: object) -> str:
    """Return a value as one line for `print`."""
    return visible_text.line(value)


def say_progress(words: str) -> None:
    """Write over the line that stands, which `print` cannot."""
    stream = getattr(sys.stdout, "rich_proxied_file", sys.stdout)
    stream.write(f"\r{words}")
    stream.flush()


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Show hidden characters in all that is printed meanwhile; a `Terminal` writes its own
    colours.
    """
    with (
        contextlib.redirect_stdout(_Visible(sys.stdout)),  # pyright: ignore[reportArgumentType]
        contextlib.redirect_stderr(_Visible(sys.stderr)),  # pyright: ignore[reportArgumentType]
    ):
        yield


class _Visible:
    """A stream in front of another one. It is no `io` class: those close what they hold."""

    def __init__(self, stream: TextIO) -> None:
        # rich looks for this name: a console writes its colours behind the guard.
        self.rich_proxied_file: TextIO = getattr(stream, "rich_proxied_file", stream)

    def write(self, text: str) -> int:
        self.rich_proxied_file.write(_visible(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for text in lines:
            self.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


def _visible(text: str) -> str:
    return visible_text.make_characters_visible(text, KEPT)


def has_screen() -> bool:
    """Tell whether a browser can be opened on this machine."""
    on_screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(on_screen) or sys.platform in ("darwin", "win32")
