"""What an agent may be made of: what is taken, and in which words anything else is refused."""

import pytest

from f.millrace.agents import definition
from f.millrace.core.errors import BadInput, NotAllowed
from scripts.compiler import spec
from scripts.paths import ROOT
from tests.tiers import pick

PLAIN = {"name": "tide-reader", "instructions": "Answer from the notes."}
HIDDEN = {
    "turned": "\u202e",
    "zero-width": "\u200b",
    "tag-letter": "\U000e0041",
    "escape": "\x1b",
    "null": "\x00",
    "bell": "\x07",
    "soft-hyphen": "\u00ad",
    "delete": "\x7f",
    "next-line": "\x85",
    "line-separator": "\u2028",
}


def with_part(name, value):
    if "." in name:
        outer, inner = name.split(".")
        return {**PLAIN, outer: {inner: value}}
    return {**PLAIN, name: value}


def test_what_is_left_out_has_a_value_that_works():
    made = definition.parse(PLAIN)

    assert (made.tools, made.model, made.shared) == ([], "", False)
    assert made.limits.model_dump() == {"usd": 0.25, "seconds": 120, "requests": 12}


def test_a_text_keeps_what_a_person_writes():
    made = definition.parse(
        {**PLAIN, "instructions": "  Zeilen:\r\n\t– „eins“ 👩‍🚀 نمی‌خواهم\n<b>bold</b>  "}
    )

    assert made.instructions == "Zeilen:\n\t– „eins“ 👩‍🚀 نمی‌خواهم\n<b>bold</b>"


def test_a_tool_that_is_named_twice_is_one():
    assert definition.parse({**PLAIN, "tools": ["a.b", "a.b"]}).tools == ["a.b"]


FAULTS = {
    "unknown-key": (with_part("nope", 1), "nope is no part of an agent; there are name"),
    "unknown-limit": (with_part("limits.dollars", 1), "limits.dollars is no part"),
    "no-object": (["reader"], "an agent is an object with name"),
    "no-name": ({"instructions": "x"}, "name is missing"),
    "no-instructions": ({"name": "reader"}, "instructions is missing"),
    "empty-instructions": (with_part("instructions", " \n "), "has 0 characters; at least 1"),
    "long-instructions": (
        with_part("instructions", "x" * 20_001),
        "instructions has 20001 characters; at most 20000",
    ),
    "long-description": (with_part("description", "x" * 301), "at most 300"),
    "two-lines": (with_part("description", "one\ntwo"), "description: it is one line"),
    "capital": (with_part("name", "Reader"), "name 'Reader' is none: 2 to 40 of a-z"),
    "one-letter": (with_part("name", "r"), "2 to 40"),
    "path": (with_part("name", "../etc"), "2 to 40"),
    "name-with-break": (with_part("name", "reader\n"), "2 to 40"),
    "html-name": (with_part("name", "<b>reader</b>"), "2 to 40"),
    "number-for-text": (with_part("instructions", 7), "instructions is 7"),
    "text-for-list": (with_part("tools", "web.search"), "tools is web.search"),
    "many-tools": (with_part("tools", [f"a.b{i}" for i in range(51)]), "at most 50 items"),
    "yes-for-true": (with_part("shared", "yes"), "shared is yes"),
    "no-money": (with_part("limits.usd", 0), "limits.usd is 0"),
    "endless-money": (with_part("limits.usd", float("inf")), "limits.usd is inf"),
    "no-number": (with_part("limits.usd", float("nan")), "limits.usd is nan"),
    "short-time": (with_part("limits.seconds", 1), "limits.seconds is 1"),
    "long-time": (with_part("limits.seconds", 601), "limits.seconds is 601"),
    "many-requests": (with_part("limits.requests", 51), "limits.requests is 51"),
    "lone-surrogate": (with_part("instructions", "a\ud800"), "instructions"),
}


@pytest.mark.parametrize(("given", "words"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_is_told_with_its_limit(given, words):
    with pytest.raises(BadInput) as refused:
        definition.parse(given)

    assert words in str(refused.value)


@pytest.mark.parametrize("name", pick(["turned", "null"], list(HIDDEN)))
@pytest.mark.parametrize("part", ["name", "description", "instructions", "model", "tools"])
def test_what_a_person_would_not_see_is_refused_in_every_part(part, name):
    text = f"rea{HIDDEN[name]}der"

    with pytest.raises(BadInput) as refused:
        definition.parse(with_part(part, [text] if part == "tools" else text))

    told = str(refused.value)
    assert told.isprintable() and part in told
    if part != "name":
        assert f"character 4 is hidden from readers: U+{ord(HIDDEN[name]):04X}" in told


def test_many_mistakes_are_told_at_once_but_not_all():
    with pytest.raises(BadInput) as refused:
        definition.parse({f"key{i}": i for i in range(100)})

    assert "97 more" in str(refused.value) and len(str(refused.value)) < 2_000


def test_names_of_agents_and_pipelines_of_the_bundle_are_taken(database):
    pipelines = {loaded.name.replace("_", "-") for loaded in spec.list_specs(ROOT)}

    assert pipelines <= set(definition.PIPELINES)
    for name in ["helper", "tool-judge", "ask", "new", *pipelines]:
        with pytest.raises(BadInput, match=f"name '{name}' is taken by Millrace itself"):
            definition.check(definition.parse({**PLAIN, "name": name}), "owner")


def test_tools_and_models_are_those_that_are_known_here(database, configure):
    with pytest.raises(BadInput, match=r"tool 'web.hack' is unknown; there are arxiv.read"):
        definition.check(definition.parse({**PLAIN, "tools": ["web.hack"]}), "owner")
    wanted = definition.parse({**PLAIN, "model": "openai:gpt-9"})
    with pytest.raises(BadInput, match=r"none that the settings allow: offline"):
        definition.check(wanted, "owner")

    configure(agent_models="openai:gpt-9")

    definition.check(wanted, "member")


def test_a_member_gives_tools_that_read_and_an_approver_more(database):
    reads = definition.parse({**PLAIN, "tools": ["notes.read", "web.search", "memory.search"]})
    writes = definition.parse({**PLAIN, "tools": ["notes.read", "notes.write"]})
    shared = definition.parse({**PLAIN, "shared": True})

    definition.check(reads, "member")
    definition.check(writes, "approver")
    definition.check(shared, "approver")
    with pytest.raises(NotAllowed, match=r"notes.write: an agent with tools that change something"):
        definition.check(writes, "member")
    with pytest.raises(NotAllowed, match="everybody may use is made by an approver"):
        definition.check(shared, "member")


def test_money_beyond_what_a_run_may_spend_is_refused(database, configure):
    configure(run_usd=1)

    with pytest.raises(BadInput, match=r"limits.usd is 2; a run spends at most 1"):
        definition.check(definition.parse(with_part("limits.usd", 2)), "owner")


def test_a_tool_of_others_is_known_once_a_person_enabled_it(database, configure):
    from f.millrace.tools import tool_pins

    configure(mcp={"tracker": "https://tracker.example/mcp"})
    wanted = definition.parse({**PLAIN, "tools": ["tracker.find"]})
    with pytest.raises(BadInput, match=r"tool 'tracker.find' is unknown"):
        definition.check(wanted, "member")
    for tool, reads in (("find", True), ("close_ticket", False)):
        offered = {
            "tool": tool,
            "hash": "1",
            "description": "Find a ticket." if reads else "Close a ticket.",
            "input_schema": {},
            "output_schema": None,
            "annotations": {"readOnlyHint": reads},
        }
        tool_pins._enable("tracker", "https://tracker.example/mcp", offered, "approval")

    definition.check(wanted, "member")
    with pytest.raises(NotAllowed, match=r"tracker\.close_ticket"):
        definition.check(definition.parse({**PLAIN, "tools": ["tracker.close_ticket"]}), "member")
