# requirements:

"""An agent that somebody made, at work: one message in, its tools used, an answer out.

It works as the helper does: its calls go through the toolbox, its requests through models/call.
Whoever wrote its instructions, only the words of who asks are the user's own.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.toolsets import FunctionToolset

from f.millrace.agents import registry, summariser, task_agent
from f.millrace.core import config, contracts, db, errors, ids, run_context
from f.millrace.evidence import prompt, store
from f.millrace.memory import history, messages
from f.millrace.models import call, offline
from f.millrace.telemetry import events
from f.millrace.tools import client, snapshot, toolbox
from f.millrace.trust import authority, fallback, private_reads, taint

RULES = f"""\
You are an agent that a person has set up. What they want of you stands under "Your task"; what is
said here goes before it. Use only the tools that the message needs. A call that is answered "Not
done" is not repeated. When no tool can do what is asked, say what is missing and report it once.
Answer in plain text, without links and images.
{prompt.UNTRUSTED}"""
NOTHING_TO_SEARCH = (
    "The offline model only picks sentences from what an agent's tools find, and this agent has no"
    " tool that searches. Set another model with MILLRACE_MODEL, or give it memory.search."
)
SENTENCES = 5
MEMORY = "memory.search"
MOST_SOURCES = 20
# Earlier answers may hold what was read for them; only an agent's turns say that none was private.
MAY_BE_PRIVATE = """
SELECT 1 FROM chat_message WHERE session_id = %s AND role = 'assistant'
    AND metadata ->> 'private' IS DISTINCT FROM 'false' LIMIT 1
"""


@dataclass(frozen=True)
class Message:
    """What an agent is asked.

    Attributes:
        trust: `own` when the user wrote it, `untrusted` when it is somebody else's text.
        session: The conversation that it is part of; empty: none.
        caller: The digest of the token of the program that asks: what it was shown of the owner's
            its message may hold, and what this agent reads it is shown.
    """

    text: str
    trust: contracts.Trust = "own"
    session: str = ""
    caller: str = ""


def answer(run_id: str, found: registry.Agent, message: Message) -> task_agent.TaskResult:
    """Have an agent answer a message, and record which version did; call it inside a step.

    What the money or the time does not reach for is told in the result; a model that fails raises.
    """
    step = run_context.current().step
    registry.begin_use(run_id, step, found)
    outcome: registry.Outcome = "failed"
    try:
        with authority.agent(found.name):
            result = call.wait(_work(run_id, found, message))
        outcome = "stopped" if result.stopped_because else "done"
        return result
    finally:
        registry.end_use(run_id, step, found.name, outcome)


async def _work(run_id: str, found: registry.Agent, message: Message) -> task_agent.TaskResult:
    await snapshot.take(run_id)
    context = _make_context(message)
    earlier = _read_conversation(message, context)
    async with client.open_tools(found.definition.tools) as connected:
        # A fault that leaves this block would come out wrapped in groups by the connections.
        try:
            listed = await connected.list_tools()
            _tell_missing(found, connected, listed)
            tools = toolbox.Toolbox(
                connected,
                listed,
                "medium",
                context,
                asker=f"the agent {found.name}",
                counts_on=True,
            )
            result = await _ask_in_time(found, message, tools, earlier)
        except Exception as error:
            fault = error
        else:
            _remember(message, result, context)
            return result
        finally:
            _keep_reading(message, context)
    raise fault


async def _ask_in_time(
    found: registry.Agent, message: Message, tools: toolbox.Toolbox, earlier: list[Any]
) -> task_agent.TaskResult:
    """Return what the agent answers, or when its time is over what it was shown until then."""
    seconds = found.definition.limits.seconds
    timer = asyncio.timeout(seconds)
    try:
        async with timer:
            return await _ask(found, message, tools, earlier)
    except TimeoutError:
        if not timer.expired():
            raise
        over = f"the {seconds} seconds that {found.name} has for an answer are over: limits.seconds"
        events.emit("budget", over)
        return _unfinished(over, tools)
    except errors.BudgetExceeded as error:
        events.emit("budget", str(error), for_digest=True)
        return _unfinished(str(error), tools)


def _unfinished(why: str, tools: toolbox.Toolbox) -> task_agent.TaskResult:
    """Return why there is no answer, with what the agent was shown until then."""
    sources = _sources_of("", tools)
    found = ["Found until then:", *_list(sources)] if sources else []
    text = "\n".join([f"Not finished: {why}", *found])
    return task_agent.TaskResult(text, None, stopped_because=why, sources=sources)


def _list(sources: list[dict[str, Any]]) -> list[str]:
    return [f"{one['number']}. {one['title']}: {one['url']}" for one in sources]


def _sources_of(text: str, tools: toolbox.Toolbox) -> list[dict[str, Any]]:
    """Return what the agent was shown, what its answer names first."""
    shown = sorted(tools.shown.items(), key=lambda one: one[0] not in text)[:MOST_SOURCES]
    return [
        {"number": number, "title": prompt.one_line(title), "url": url}
        for number, (url, title) in enumerate(shown, 1)
    ]


async def _ask(
    found: registry.Agent, message: Message, tools: toolbox.Toolbox, earlier: list[Any]
) -> task_agent.TaskResult:
    if model_of(found) == offline.MODEL:
        return await _pick_sentences(message.text, tools)
    limits, told = found.definition.limits, prompt.safe(found.definition.instructions)
    agent = Agent(output_type=str, instructions=f"{RULES}\n\nYour task:\n{told}")

    async def ask(text: str, functions: FunctionToolset[Any]) -> call.Answer:
        return await call.call(
            found.name,
            agent,
            text,
            toolsets=[functions],
            model=_own_model(found),
            history=earlier,
            most_requests=limits.requests,
            most_usd=Decimal(str(limits.usd)),
        )

    result = await task_agent.work_with(ask, message.text, tools, message.trust)
    if result.stopped_because:
        stopped = _unfinished(result.stopped_because, tools)
        return replace(result, text=stopped.text, sources=stopped.sources)
    # What is shown has its addresses made inert.
    said = str(result.answer.output) if result.answer else result.text
    return replace(result, sources=_sources_of(said, tools))


def model_of(found: registry.Agent) -> str:
    """Return the model that answers for an agent in this run."""
    return _own_model(found) or config.settings().model


def _own_model(found: registry.Agent) -> str | None:
    other = fallback.options_of(run_context.current().run_id).get("model")
    return other or found.definition.model or None


def _make_context(message: Message) -> taint.TaintContext:
    context = taint.TaintContext(message.text if message.trust == "own" else "", message.trust)
    shown = (
        private_reads.list_places(message.caller, private_reads.BOUND_SECONDS)
        if message.caller
        else []
    )
    for place in shown:
        context.read_private(place)
    if shown:
        context.count.raise_to(private_reads.load_count(message.caller))
    if message.trust != "own":
        context.read(message.text, "untrusted", private=bool(shown))
    return context


def _keep_reading(message: Message, context: taint.TaintContext) -> None:
    """Keep that the program which asked is shown what the agent has read, and what left."""
    if not (message.caller and context.has_private):
        return
    for place in context.private_places:
        private_reads.record(message.caller, place, private_reads.BOUND_SECONDS)
    private_reads.store_count(message.caller, context.count)


def _read_conversation(message: Message, context: taint.TaintContext) -> list[Any]:
    """Return the turns before, and take note of what they bring along: their questions are trusted
    and their answers are not; private unless none of their runs read what is.
    """
    if not message.session:
        return []
    key = messages.key(message.session)
    private = db.fetch_one(MAY_BE_PRIVATE, [key]) is not None
    # A conversation carries what its turns read, and so what left after it.
    context.private_reads.add(f"conversation {key}")
    for question, said in history.turns(message.session):
        context.read(question, "trusted")
        context.read(said, "untrusted", private, taint.HERE)
    return history.load(message.session)


def _remember(message: Message, result: task_agent.TaskResult, context: taint.TaintContext) -> None:
    if message.session:
        run_id = run_context.current().run_id
        kept = {"run_id": run_id, "private": context.has_private}
        history.remember_turn(message.session, message.text, result.text, kept)


def _tell_missing(
    found: registry.Agent, connected: client.Tools, listed: list[client.Tool]
) -> None:
    """Tell which servers and tools of the agent are not there today."""
    for problem in connected.problems:
        events.emit("error", problem)
    there = {tool.name for tool in listed}
    missing = [name for name in found.definition.tools if name not in there]
    if missing:
        events.emit("error", f"{found.name} works without {', '.join(missing)}: not there today")


async def _pick_sentences(text: str, tools: toolbox.Toolbox) -> task_agent.TaskResult:
    """Return sentences of what the agent's tools find, as the offline model picks them."""
    documents = [*await _ask_memory(text, tools), *await _search(text, tools)]
    if not documents and not (tools.searches() or MEMORY in tools.listed):
        return task_agent.TaskResult(
            NOTHING_TO_SEARCH, None, stopped_because="the offline model calls no tools"
        )
    context = run_context.current()
    topic = ids.stable_id("agent", context.run_id, context.step, text)
    summary = await summariser.summarise(topic, documents, text, SENTENCES)
    numbers: dict[str, int] = {}
    sources: list[dict[str, Any]] = []
    lines: list[str] = []
    for finding in summary.findings:
        marks = ""
        for piece in (summary.cited[one] for one in finding.citations if one in summary.cited):
            address = piece.url or piece.title
            if address not in numbers:
                numbers[address] = len(numbers) + 1
                title = prompt.one_line(piece.title)
                sources.append({"number": numbers[address], "title": title, "url": piece.url})
            marks += f"[{numbers[address]}]"
        lines.append(f"{finding.text_with_subject} {marks}")
    if not lines:
        return task_agent.TaskResult("Nothing was found.", None)
    text = "\n".join([*lines, "", *_list(sources)])
    findings = [finding.model_dump(mode="json") for finding in summary.findings]
    return task_agent.TaskResult(text, None, sources=sources, findings=findings)


async def _search(text: str, tools: toolbox.Toolbox) -> list[Any]:
    return [
        {
            "url": hit.url,
            "title": hit.title,
            "text": hit.excerpt,
            "source": hit.source,
            "published_at": hit.published_at,
        }
        for hit in await tools.search(text)
        if hit.excerpt
    ]


async def _ask_memory(text: str, tools: toolbox.Toolbox) -> list[Any]:
    if MEMORY not in tools.listed:
        return []
    found = await tools.call(MEMORY, {"question": text[: contracts.LONGEST_QUESTION]})
    return [
        {
            "url": one["source"] or "",
            "title": one["title"] or one["type"],
            "text": one["text"][: store.MOST_TEXT],
            "source": one["source"] or "memory",
            "trust": one["trust"],
        }
        for one in found["memories"]
    ]
