# requirements:

"""YAML of a bounded size: aliases can make a few lines into millions of values, and nesting can end
a parser.
"""

from typing import Any, cast

MOST_VALUES = 100_000
DEEPEST = 100


class TooLarge(ValueError):
    """Text that is refused before it is read; `line` is where it goes too far."""

    def __init__(self, line: int, what: str) -> None:
        self.line = line
        super().__init__(what)


# complexipy: ignore (a case for each kind of event, in one pass)
def check(text: str) -> None:
    """Raise TooLarge when the document is nested too deep, holds itself, or would have too many
    values with each alias written out; yaml's own errors as its parser raises them.
    """
    import yaml  # only where there is a file

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parse: Any = cast("Any", yaml).parse
    whole: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = [(None, 0)]
    for event in parse(text, Loader=loader):
        line = event.start_mark.line + 1
        size, anchor = 0, getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent):
            if anchor not in whole and any(anchor == name for name, _ in open_):
                raise TooLarge(line, f"the alias {anchor!r} stands inside of what it repeats")
            size, anchor = whole.get(str(anchor), 1), None
        elif isinstance(event, yaml.ScalarEvent):
            size = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_.append((anchor, 1))
            if len(open_) > DEEPEST:
                raise TooLarge(line, f"it is nested deeper than {DEEPEST} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_.pop()
        if anchor and size:
            whole[anchor] = size
        outer, before = open_[-1]
        open_[-1] = (outer, before + size)
        if before + size > MOST_VALUES:
            raise TooLarge(line, f"it holds more than {MOST_VALUES:,} values, aliases written out")
