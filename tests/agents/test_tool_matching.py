"""Whether a tool meets a need: opposites and siblings do not, other words for the same do."""

import asyncio
import json

import pytest
from pydantic_ai.messages import ModelResponse, ToolCallPart
from pydantic_ai.models.function import FunctionModel

from f.millrace.agents import missing_tools, tool_judge
from f.millrace.agents.tool_actions import compare, kind_of
from f.millrace.agents.tool_matching import MissingTool, Verdict, find_match, judge_need
from f.millrace.core.errors import BadInput
from f.millrace.tools.client import Tool
from scripts.benchmarks import missing_tools as missing_tools_bench
from tests.tiers import pick

CASES = {half: missing_tools_bench.read_own_set(half) for half in ("first", "second")}


def fields(text):
    parts = (word.replace("!", "").partition(":") for word in text.split())
    return {name: kind or "string" for name, _, kind in parts}


def tool(name, row):
    takes, gives = (
        {
            "type": "object",
            "properties": {one: {"type": kind} for one, kind in fields(text).items()},
        }
        for text in row[2:4]
    )
    takes["required"] = [
        word.partition("!")[0].partition(":")[0] for word in row[2].split() if "!" in word
    ]
    return Tool(name, row[1], takes, gives, {"readOnlyHint": row[0] == "r"})


def need(name, description, takes="", gives="", risk="low"):
    return MissingTool(
        name=name,
        description=description,
        inputs=fields(takes),
        outputs=fields(gives),
        estimated_risk=risk,
    )


def listed_with_and_without(half, kind, step):
    """Return the cases of a kind in pairs, each `step`th: its tool listed, then withheld."""
    cases = [case for case in CASES[half] if case.kind == kind]
    return list(zip(cases[::2], cases[1::2], strict=True))[::step]


@pytest.mark.long
@pytest.mark.parametrize(
    ("half", "kind", "least"),
    [
        ("first", "withheld", (0.95, 0.85)),
        ("first", "another author", (0.9, 0.8)),
        ("first", "bare", (0.7, 0.65)),
        ("second", "withheld", (0.95, 0.85)),
        ("second", "another author", (0.7, 0.85)),
        ("second", "bare", (0.6, 0.7)),
    ],
)
def test_what_is_missing_is_told_from_what_is_there(half, kind, least):
    right = wrong = 0
    step = pick(quick=2, full=2, prove=1) if kind == "bare" else pick(quick=5, full=2, prove=1)
    pairs = listed_with_and_without(half, kind, step)

    for met, unmet in pairs:
        right += find_match(unmet.need, unmet.tools) is None
        wrong += find_match(met.need, met.tools) is None

    precision, recall = right / max(1, right + wrong), right / len(pairs)
    assert precision >= least[0] and recall >= least[1], (precision, recall)


@pytest.mark.parametrize(
    ("wish", "other"),
    [
        (
            need(
                "close_valve",
                "Close the valve of a tank.",
                "position:number",
                "valve_status",
                "medium",
            ),
            tool("plant.open_valve", ["w", "Open the valve of a tank.", "", "valve_status"]),
        ),
        (
            need(
                "copy_file",
                "Copy a file to another place.",
                "source destination",
                "result",
                "medium",
            ),
            tool(
                "fs.move_file",
                ["w", "Move a file to another place.", "source! destination!", "result"],
            ),
        ),
        (
            need("follow_author", "Follow an author.", "name", "status:boolean", "medium"),
            tool(
                "x.unfollow_author", ["w", "Stop following an author.", "name!", "status:boolean"]
            ),
        ),
        (
            need("login", "Authenticate a user.", "username password", "success:boolean", "medium"),
            tool("x.login_status", ["r", "Get whether a user is logged in.", "", "status:boolean"]),
        ),
        (
            need("remove_directory", "Remove an empty directory.", "name", "result", "medium"),
            tool("fs.remove_file", ["w", "Remove a file.", "name!", "result"]),
        ),
        (
            need("gallons_to_litres", "Convert gallons to litres.", "value:number", "v:number"),
            tool(
                "x.litres_to_gallons",
                ["r", "Convert litres to gallons.", "value!:number", "v:number"],
            ),
        ),
        (
            need("wifi_status", "Get whether the wifi is on.", "", "on:boolean"),
            tool("x.set_wifi_status", ["w", "Set the wifi status.", "on!:boolean", ""]),
        ),
        (
            need("median", "Calculate the median of numbers.", "numbers:array", "result:number"),
            tool(
                "x.mean", ["r", "Calculate the mean of numbers.", "numbers!:array", "result:number"]
            ),
        ),
    ],
)
def test_an_opposite_or_a_sibling_meets_no_need(wish, other):
    assert find_match(wish, [other]) is None


@pytest.mark.parametrize(
    ("wish", "verdict"),
    [
        (need("count_words", "Says how many words a text has.", "text", "n:integer"), "met"),
        (need("tool_for_this", "How far is it from York to Leeds?"), "missing"),
        (need("tool_for_this", "How many letters does this text have?"), "unsure"),
        (need("x.word_count", "Water the plants."), "met"),
    ],
    ids=["other words", "another thing", "nearly the same", "the same name"],
)
def test_what_nobody_can_know_is_said_to_be_unsure(wish, verdict):
    listed = [
        tool("x.word_count", ["r", "Count the words of a text.", "text!", "count:integer"]),
        tool("x.mute", ["w", "Mute a user.", "user!", ""]),
    ]

    assert judge_need(wish, listed).verdict == Verdict(verdict)


def test_a_request_that_is_only_a_greeting_is_met_by_no_tool():
    assert (
        find_match(
            need("tool_for_this", "Hello, hello!"),
            [tool("x.mute", ["w", "Mute a user.", "user!", ""])],
        )
        is None
    )


def test_what_is_said_of_an_input_counts():
    plain = tool("x.start", ["w", "Start a programme.", "programme!", ""])
    told = {
        "type": "object",
        "properties": {
            "programme": {
                "type": "string",
                "description": "What the washing machine does with the laundry.",
                "enum": ["wool", "cotton"],
            }
        },
        "required": ["programme"],
    }
    wish = need("tool_for_this", "Start the washing machine with wool for the laundry.")

    known = judge_need(wish, [Tool("x.start", "Start a programme.", told, None, {})])

    assert known.sure > judge_need(wish, [plain]).sure + 0.1


def test_what_stands_late_in_a_description_counts():
    told, untold = (
        tool("x.box", ["r", said, "amount!:number source! target!", "converted:number"])
        for said in (
            "A box of tools. It converts an amount of money between two currencies.",
            "A box of tools. It is kept up by two people.",
        )
    )
    wish = need(
        "convert_currency",
        "Convert an amount of money into another currency.",
        "sum:number from_currency to_currency",
        "result:number",
    )

    assert judge_need(wish, [told]).sure > 0.5 > judge_need(wish, [untold]).sure


@pytest.mark.parametrize(
    ("name", "description", "kind"),
    [
        ("login_status", "Get the login status.", "read"),
        ("x", "Switch the lamp in the hall off.", "off"),
        ("x", "Log me out.", "logout"),
        ("x", "Is the door locked?", "read"),
        ("x", "Mark a case as closed.", "close"),
        ("unmute_user", "Show the posts of a user again.", "unmute"),
        ("x", "Stop following a person.", "unfollow"),
    ],
)
def test_what_is_done_is_read_from_name_and_words(name, description, kind):
    assert kind_of(name, description) == kind


def test_opposites_exclude_each_other_both_ways():
    assert compare("lock", "unlock") == compare("unlock", "lock") == -1
    assert compare("search", "read") == 0.5 and compare("", "read") == 0.0


def judging(wanted):
    """Return what a provider of a model that knows better answers: the tool that is wanted where it
    is listed in the request, else none.
    """

    def answer(handler, body):
        text = str(next(m["content"] for m in reversed(body["messages"]) if m["role"] == "user"))
        asked = json.loads(text.split("## Needed\n<foreign>\n")[1].split("\n</foreign>")[0])
        listed = text.split("## Tools\n<foreign>\n")[1].split("\n</foreign>")[0].splitlines()
        own = wanted[asked["description"]]
        is_listed = any(line.startswith(f"{own}: ") for line in listed)
        handler.tool_call("choose", {"tool": own if is_listed else "", "reason": "It says so."})
        return True

    return answer


@pytest.mark.parametrize("kind", ["withheld", "another author", "bare"])
def test_a_model_that_knows_better_is_shown_the_tool_that_is_needed(edge, in_step, configure, kind):
    configure(model="openai:gpt-4o", daily_budget_usd=50, run_usd=50)
    pairs = listed_with_and_without("second", kind, pick(quick=9, full=4, prove=2))
    own = [next(iter({*names(met)} - {*names(unmet)})) for met, unmet in pairs]
    wanted = {met.need.description: name for (met, _), name in zip(pairs, own, strict=True)}
    edge.faults = [judging(wanted)] * 2 * len(pairs)
    right = wrong = unlisted = 0

    for (with_it, without), name in zip(pairs, own, strict=True):
        missing = asyncio.run(tool_judge.judge([without.need], without.tools))
        met = asyncio.run(tool_judge.judge([with_it.need], with_it.tools))
        right += missing == {without.need.name: None}
        found = met[with_it.need.name]
        wrong += found is None or found.tool != name
        unlisted += found is None

    # Without its tool in the list the second request is the first one again, and is not paid twice.
    assert len(edge.requests) == 2 * len(pairs) - unlisted, "each was asked of the provider"
    precision, recall = right / max(1, right + wrong), right / len(pairs)
    assert precision >= 0.9 and recall >= 0.9, (precision, recall)


def names(case):
    return [one.name for one in case.tools]


@pytest.mark.parametrize("named", ["market.sell_everything", "place_order; also send the notes"])
def test_a_tool_that_a_model_makes_up_meets_no_need(edge, in_step, configure, named):
    configure(model="openai:gpt-4o")
    said = {"tool": named, "reason": "It says so."}
    edge.faults = [lambda handler, _body: handler.tool_call("choose", said) is None]
    listed = [one for one in CASES["second"][0].tools if one.name.startswith("market.")]
    wish = need("tool_for_this", "Sell everything that I have.", risk="high")

    assert asyncio.run(tool_judge.judge([wish], listed)) == {"tool_for_this": None}


def test_where_the_provider_fails_the_rules_decide(edge, in_step, configure):
    configure(model="openai:gpt-4o")
    edge.faults = [lambda handler, _body: handler.answer(400, "{}", "application/json") is None]
    wish = need("tool_for_this", "Water the plants.", risk="high")

    assert (
        asyncio.run(tool_judge.judge([wish], [tool("x.mute", ["w", "Mute a user.", "", ""])])) == {}
    )


def choosing(name):
    """Return a model that chooses this tool whatever it is asked."""

    def answer(messages, info):
        said = {"tool": name, "reason": "It says so."}
        return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, json.dumps(said))])

    return FunctionModel(answer)


def test_a_model_judges_where_there_is_one(in_step):
    listed = [one for one in CASES["second"][0].tools if one.name.startswith("market.")]
    wish = need("tool_for_this", "Buy 100 shares of ORBT at 12.", risk="high")
    other = need("tool_for_that", "Water the plants.", risk="high")

    found = asyncio.run(tool_judge.judge([wish], listed, model=choosing("market.place_order")))
    none = asyncio.run(tool_judge.judge([other], listed, model=choosing("")))

    assert found["tool_for_this"].tool == "market.place_order" and none == {"tool_for_that": None}
    assert asyncio.run(tool_judge.judge([wish], listed)) == {}, "offline the rules decide"
    report = {
        "missing_tools": [wish.model_dump()],
        "existing_tools_checked": ["Evidence: none of them was tried"],
        "proposed_mcp_server": "a broker",
    }
    from f.millrace.core.run_context import current

    with pytest.raises(BadInput, match=r"the tool market\.place_order does that \(It says so\.\)"):
        missing_tools.report(current().run_id, report, listed, found)
    report["missing_tools"] = [other.model_dump()]
    assert missing_tools.report(current().run_id, report, listed, none)
