"""The toolbox as functions of a model."""

from f.millrace.agents import toolset
from f.millrace.tools.client import Tool
from f.millrace.tools.toolbox import Toolbox
from f.millrace.trust import taint


def names_of(*tools):
    listed = [Tool(name, "Does something.", {"type": "object"}) for name in tools]
    made = toolset.toolset(Toolbox(None, listed, "medium", taint.TaintContext("", "user")))
    return list(made.tools)


def test_every_tool_is_a_function_with_a_name_of_its_own_that_providers_take():
    long = "a-server-with-a-long-name.a_tool_with_a_name_that_is_even_longer_than_that"

    names = names_of("git.hub_search", "git_hub.search", "notes.read", long)

    assert len(set(names)) == 4 and all(len(name) <= 64 for name in names)
    assert "notes_read" in names
