"""A spec's text as entries with their lines and comments, so that what did not change is kept
letter by letter.

A comment belongs to the entry or the step below it. (YAML libraries that keep comments hang them on
what stands above, and lose or move them when steps are removed or change places.)
"""

from dataclasses import dataclass, field
from typing import Any

import yaml

from f.millrace.core.errors import BadInput
from scripts.compiler.yamlread import read


@dataclass
class Entry:
    """One `key: value` of a mapping, or one `- item` of a list."""

    key: str
    lead: list[str]
    lines: list[str]
    value: "Part"
    head: str = ""
    remark: str = ""


@dataclass
class Part:
    """A value of the text: `entries` when it is a mapping or list in block style, otherwise only
    its plain value.
    """

    plain: Any
    kind: str
    entries: list[Entry] = field(default_factory=list)
    offset: int = 0

    def entry(self, key: str) -> Entry | None:
        """Return the entry of a key."""
        return next((each for each in self.entries if each.key == key), None)


@dataclass
class Document:
    """A whole spec, and the comments after its last entry."""

    top: Part
    tail: list[str]


def parse(text: str) -> Document:
    """Return the text as entries; BadInput for YAML that cannot be edited entry by entry."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if any(
        isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)
    ):
        raise BadInput("the spec uses a YAML alias (*name); write the value out, then import again")
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise BadInput("the spec is not a mapping written line by line")
    lines = text.splitlines()
    top = _Text(lines).mapping(root, -1, read(text).plain())
    return Document(top, _stripped(lines[_Text(lines).end(root) + 1 :]))


class _Text:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def end(self, node: yaml.Node) -> int:
        """Return the last line that a value stands in."""
        if isinstance(node, yaml.ScalarNode):
            last = node.end_mark.line - (
                1 if node.style in ("|", ">") and node.end_mark.column == 0 else 0
            )
            while (
                last > node.start_mark.line
                and not self.lines[min(last, len(self.lines) - 1)].strip()
            ):
                last -= 1
            return min(last, len(self.lines) - 1)
        if getattr(node, "flow_style", False):
            return node.end_mark.line
        children = (
            [part for pair in node.value for part in pair]
            if isinstance(node, yaml.MappingNode)
            else node.value
        )
        return max(self.end(child) for child in children)

    def part(self, node: yaml.Node, above: int, plain: Any) -> Part:
        """Return a value; `above` is the last line before its own entries."""
        if isinstance(node, yaml.MappingNode) and not node.flow_style:
            return self.mapping(node, above, plain)
        if isinstance(node, yaml.SequenceNode) and not node.flow_style:
            return self.sequence(node, above, plain)
        return Part(plain, "scalar")

    def mapping(self, node: yaml.MappingNode, above: int, plain: Any) -> Part:
        entries = []
        for key, value in node.value:
            column, start = key.start_mark.column, key.start_mark.line
            last = self.end(value) if self.end(value) >= start else start
            entry = Entry(
                str(key.value),
                _stripped(self.lines[above + 1 : start]),
                self.cut(start, last, column),
                self.part(value, start, plain[str(key.value)]),
            )
            self.finish(entry, value, start, column)
            entries.append(entry)
            above = last
        return Part(plain, "mapping", entries)

    def sequence(self, node: yaml.SequenceNode, above: int, plain: Any) -> Part:
        entries = []
        for item, inner in zip(node.value, plain, strict=True):
            start, last = item.start_mark.line, self.end(item)
            column = node.start_mark.column
            lead = _stripped(self.lines[above + 1 : start]) if start > above else []
            entries.append(
                Entry("", lead, self.cut(start, last, column), self.part(item, start, inner))
            )
            entries[-1].value.offset = item.start_mark.column - column
            above = last
        return Part(plain, "sequence", entries)

    def finish(self, entry: Entry, value: yaml.Node, start: int, column: int) -> None:
        """Keep the text before a block value, and the remark at the end of a line."""
        line = self.lines[start]
        if entry.value.entries:
            entry.value.offset = entry.value.offset or value.start_mark.column - column
            head = (
                line[column : value.start_mark.column]
                if value.start_mark.line == start
                else line[column:]
            )
            bare = head.split(" #")[0].rstrip()
            entry.head, entry.remark = bare, head[len(bare) :].rstrip()
        elif self.end(value) == value.end_mark.line:
            rest = self.lines[value.end_mark.line][value.end_mark.column :].rstrip()
            entry.remark = rest if rest.lstrip().startswith("#") else ""

    def cut(self, start: int, last: int, column: int) -> list[str]:
        """Return whole lines without the indentation of their entry."""
        first = self.lines[start][column:]
        return [
            first,
            *[
                line[column:] if not line[:column].strip() else line.lstrip()
                for line in self.lines[start + 1 : last + 1]
            ],
        ]


def _stripped(lines: list[str]) -> list[str]:
    """Return comment and blank lines without their indentation."""
    return [line.strip() for line in lines]
