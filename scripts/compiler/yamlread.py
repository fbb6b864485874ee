"""YAML with the line of every value, so that a mistake can be shown where it stands."""

from dataclasses import dataclass
from typing import Any

import yaml

from f.millrace.core import yaml_text

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Node:
    """A value and its line. `value` is a dict or list of nodes, or a plain scalar."""

    value: Any
    line: int
    key_line: int = 0

    def plain(self) -> Any:
        """Return the value without lines."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def kind(self) -> str:
        """Return the name that a person would give to the value's type."""
        names = {
            dict: "a mapping",
            list: "a list",
            str: "text",
            bool: "true or false",
            int: "a whole number",
        }
        if self.value is None:
            return "nothing"
        return names.get(
            type(self.value), "a number" if isinstance(self.value, float) else "a date"
        )


class YamlMistake(Exception):
    """Text that is not YAML, or YAML that says one thing twice."""

    def __init__(self, line: int, what: str) -> None:
        self.line, self.what = line, what
        super().__init__(what)


def read(text: str) -> Node:
    """Return the document as nodes; raise `YamlMistake` with the line of what cannot be read."""
    loader = Loader(text)
    try:
        yaml_text.check(text)
        root = loader.get_single_node()
        if root is None:
            raise YamlMistake(1, "the file is empty")
        return _node(loader, root)
    except yaml_text.TooLarge as error:
        raise YamlMistake(error.line, str(error)) from None
    except RecursionError:
        raise YamlMistake(1, "an alias contains itself, or the nesting is too deep") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlMistake(mark.line + 1 if mark else 1, f"not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise YamlMistake(1, f"not YAML: {error}") from None
    finally:
        loader.dispose()


def _node(loader: Any, source: yaml.Node) -> Node:
    line = source.start_mark.line + 1
    if isinstance(source, yaml.MappingNode):
        return Node(_mapping(loader, source), line)
    if isinstance(source, yaml.SequenceNode):
        return Node([_node(loader, item) for item in source.value], line)
    try:
        return Node(loader.construct_object(source), line)
    except ValueError as error:
        raise YamlMistake(line, f"{source.value!r} cannot be read: {error}") from None


def _mapping(loader: Any, source: yaml.MappingNode) -> dict[str, Node]:
    result: dict[str, Node] = {}
    for key_node, value_node in source.value:
        key = str(key_node.value)
        line = key_node.start_mark.line + 1
        if key in result:
            raise YamlMistake(
                line, f"{key!r} stands twice; the first is in line {result[key].key_line}"
            )
        child = _node(loader, value_node)
        child.key_line = line
        result[key] = child
    return result
