# requirements:

"""What a tool, or a need for one, does: in words and by its fields."""

import dataclasses
import functools
import re
from typing import Any

from f.millrace.agents import tool_actions
from f.millrace.tools import client

KINDS = {
    **dict.fromkeys(("string", "str", "text", "date", "datetime", "path", "email", "id"), "text"),
    **dict.fromkeys(("url", "uri", "link", "href"), "url"),
    **dict.fromkeys(("number", "integer", "int", "float", "decimal", "currency"), "number"),
    **dict.fromkeys(("boolean", "bool"), "yes or no"),
    **dict.fromkeys(("array", "list", "strings", "set"), "list"),
    **dict.fromkeys(("object", "dict", "json", "map"), "object"),
}
SENTENCE = re.compile(r"(?<=[.!?;])\s")
LONGEST_DESCRIPTION = 600
LONGEST_NOTES = 2_000
MOST_CHOICES = 100
MOST_SENTENCES = 4


@dataclasses.dataclass(frozen=True)
class ToolSignature:
    """What a tool, or another need, does: in words and by its fields."""

    name: str
    description: str
    required: dict[str, str]
    inputs: dict[str, str]
    outputs: dict[str, str]
    read_only: bool
    input_notes: str = ""
    choices: tuple[str, ...] = ()

    @functools.cached_property
    def spoken_name(self) -> str:
        """The words of the name, without the server's name before it."""
        return split_name(self.name.rpartition(".")[2])

    @functools.cached_property
    def sentences(self) -> list[str]:
        """The first sentences of the description that say something; all of it if none does."""
        told = [each for each in SENTENCE.split(self.description) if len(each.split()) > 2]
        return told[:MOST_SENTENCES] or [self.description]

    @functools.cached_property
    def titled_sentences(self) -> list[str]:
        """Each of these sentences behind the name."""
        return [f"{self.spoken_name}: {sentence}" for sentence in self.sentences]

    @functools.cached_property
    def full_text(self) -> str:
        """Name, description and fields in one text."""
        return (
            f"{self.spoken_name}: {self.description} takes {self.input_names}; returns"
            f" {', '.join(map(split_name, self.outputs))}"
        )

    @functools.cached_property
    def input_names(self) -> str:
        """The names of the inputs in words."""
        return ", ".join(map(split_name, self.inputs))

    @functools.cached_property
    def kind(self) -> str:
        """Which kind of doing name and first sentence say (tool_actions)."""
        return self.kind_of_sentence(self.sentences[0])

    def kind_of_sentence(self, sentence: str) -> str:
        """Return which kind of doing the name and a sentence say."""
        return tool_actions.kind_of(self.name.rpartition(".")[2], sentence)


def describe_tool(tool: client.Tool) -> ToolSignature:
    """Return what a listed tool does."""
    inputs = _list_fields(tool.input_schema)
    required = {
        name: inputs.get(name, "string") for name in tool.input_schema.get("required") or []
    }
    description = " ".join(tool.description.split("Args:")[0].split())
    return ToolSignature(
        tool.name,
        description[:LONGEST_DESCRIPTION],
        required,
        inputs,
        _list_fields(tool.output_schema or {}),
        tool.read_only,
        " ".join(_list_notes(tool.input_schema))[:LONGEST_NOTES],
        tuple(_list_choices(tool.input_schema))[:MOST_CHOICES],
    )


def split_name(name: str) -> str:
    """Return the words of a name, in small letters."""
    return " ".join(tool_actions.words_of(name))


def field_kind(name: str, word: str) -> str:
    """Return the kind of a field; a text that is an address by its name is a `url`."""
    first = re.split(r"[^a-z]", word.strip().lower())[0]
    kind = KINDS.get(first, first or "text")
    named = any(KINDS.get(part) == "url" for part in tool_actions.words_of(name))
    return "url" if kind == "text" and named else kind


def loose_kind(name: str, word: str) -> str:
    """Return the kind of a field; a number that may be an identifier is a text to other authors."""
    found = field_kind(name, word)
    return "text" if found == "url" or word in ("integer", "string") else found


def _list_fields(schema: dict[str, object]) -> dict[str, str]:
    properties = schema.get("properties")
    found = properties if isinstance(properties, dict) else {}
    return {str(name): _type(field) for name, field in found.items()}


def _list_notes(schema: dict[str, object]) -> list[str]:
    """Return what is said of each input."""
    return [str(field.get("description") or "") for field in _properties(schema)]


def _list_choices(schema: dict[str, object]) -> list[str]:
    """Return the values that inputs may have, of all inputs that may have but some."""
    found: list[str] = []
    for field in _properties(schema):
        items = field.get("items")
        of_items = items.get("enum") if isinstance(items, dict) else None
        found += [str(value) for value in field.get("enum") or of_items or []]
    return found


def _properties(schema: dict[str, object]) -> list[dict[str, Any]]:
    properties = schema.get("properties")
    fields = properties.values() if isinstance(properties, dict) else ()
    return [field for field in fields if isinstance(field, dict)]


def _type(field: object) -> str:
    """Return the type of a field; of several, the first that says something."""
    if not isinstance(field, dict):
        return "string"
    given = field.get("type") or [
        each.get("type") for each in field.get("anyOf") or [] if isinstance(each, dict)
    ]
    types = (
        [given]
        if isinstance(given, str)
        else [str(each) for each in given if each and each != "null"]
    )
    return types[0] if types else "string"
