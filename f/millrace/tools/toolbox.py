# requirements:

"""The tools of one research: listed at run time, sorted by what they can do, called and counted.

The rules of trust/taint hold for every call, whoever makes it. What needs a person becomes a
proposed action, and the caller is told so; what would carry private words out, or goes where nobody
sent it, is refused.
"""

import asyncio
import contextlib
import functools
import threading
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

from f.millrace.core import config, contracts, db, errors, prices, run_context
from f.millrace.telemetry import events, spans
from f.millrace.tools import approved_calls, client
from f.millrace.trust import (
    actions,
    budget,
    note_origin,
    private_reads,
    risk,
    taint,
    tool_answers,
)

HITS = 10
CALL_SECONDS = 45.0
RETRY_WAIT_SECONDS = 0.3
# Words of faults that are the same a moment later.
LASTING = (
    "404",
    "403",
    "401",
    "410",
    "not public",
    "not allowed",
    "not known",
    "not a page",
    "no text",
    "too large",
    "no note",
)
TEXTS = ("excerpt", "text", "abstract", "summary", "content", "snippet")
NOTES = "notes."
LEAST_FIRST: tuple[contracts.Trust, ...] = ("untrusted", "trusted", "own")
DATES = ("published_at", "changed_at", "date", "updated_at")
# A write has a connection of its own in its thread; a step has two at most, however many topics it
# researches.
_one_write_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Hit:
    """Something that a search found."""

    url: str
    title: str
    excerpt: str
    source: str
    tool: str
    published_at: datetime | None = None
    own: bool = False
    private: bool = False


@dataclass(frozen=True)
class Page:
    """Something that was read."""

    url: str
    title: str
    text: str
    published_at: datetime | None
    tool: str


class Toolbox:
    """Tools by what they can do; counts how many calls answered.

    Attributes:
        taint_context: Whose words the caller has read; what the tools answer is added, other texts
            the caller adds.
        threshold: The most that may be done unasked.
    """

    def __init__(
        self,
        tools: client.Tools,
        listed: list[client.Tool],
        threshold: risk.Risk = "medium",
        taint_context: taint.TaintContext | None = None,
        asker: str = "an agent",
        counts_on: bool = False,
    ) -> None:
        """Offer what is listed; `asker` is who a person is told asks for a call. With `counts_on`,
        what leaves is added to what left in other tasks that read the same private texts.
        """
        self._tools = tools
        self._asker = asker
        self._counts_on = counts_on
        self._counted: set[str] = set()
        self.threshold: risk.Risk = threshold
        self.taint_context = taint_context or taint.TaintContext()
        self.listed = {tool.name: tool for tool in listed}
        self.calls = 0
        self.failures = 0
        self.used: set[str] = set()
        self.search_failed = False
        # What it was shown, by address, with the title.
        self.shown: dict[str, str] = {}
        # The same with the longest text that came with it, of memory as well.
        self.read_hits: dict[str, Hit] = {}
        # How many hits are wanted is said by the code below.
        self.taint_context.allow(str(HITS))
        for tool in listed:
            if not tool.vouched:
                self.taint_context.read(tool.description, "untrusted")

    @staticmethod
    def author(tool: client.Tool) -> contracts.Trust:
        """Return whose words the tool answers: the owner's from their own folder,
        else untrusted text.
        """
        return "own" if tool.ours and not tool.open_world else "untrusted"

    @staticmethod
    def words(tool: client.Tool, answer: dict[str, Any]) -> contracts.Trust:
        """Return whose words an answer is: memory says it of each text that it kept,
        and the least trusted counts.
        """
        author: contracts.Trust = Toolbox.author(tool)
        if author != "own":
            return author
        said = [
            value
            for path, value in tool_answers.list_leaves(answer)
            if path.rpartition(".")[2] == "trust"
        ]
        if tool.name.startswith(NOTES) and not said:
            # A note without an origin is judged by what it says.
            said = [note_origin.trust_of(_origins(answer))]
        for trust in LEAST_FIRST:
            if trust in said:
                return trust
        return author

    @staticmethod
    def place(tool: client.Tool) -> str:
        """Return who receives the arguments of a tool, and whose its answers are."""
        if tool.ours:
            return taint.WORLD if tool.open_world else taint.HERE
        server = tool.name.partition(".")[0]
        # What a server keeps is not told to the world by way of the same server.
        return f"{server} (open)" if tool.is_public or tool.reaches_out else server

    def searches(self) -> list[client.Tool]:
        """Return the tools that search by words, the web first, the person's own notes next."""
        found = [tool for tool in self.listed.values() if tool.read_only and _takes(tool, "query")]
        order = {"web.search": 0, "notes.search": 1}
        return sorted(found, key=lambda tool: (order.get(tool.name, 2), tool.name))

    def readers(self, field: str) -> list[client.Tool]:
        """Return the tools that read what one address or path names, pages before feeds."""
        found = [
            tool
            for tool in self.listed.values()
            if tool.read_only and tool.input_schema.get("required") == [field]
        ]
        return sorted(
            found, key=lambda tool: ("fetch" not in tool.name, "feed" in tool.name, tool.name)
        )

    async def call(
        self, name: str, arguments: dict[str, Any], topic_id: str = "", *, chosen: bool = True
    ) -> dict[str, Any]:
        """Call a tool, once more when the fault may pass; ToolFailed says why not, NeedsApproval
        that a person decides. Not `chosen` is a call that code makes in its order.
        """
        tool = next(
            (tool for tool in self.listed.values() if name in (tool.name, tool.function_name)), None
        )
        if tool is None:
            raise errors.BadInput(
                f"there is no tool {name[:80]!r}; there are {', '.join(self.listed) or 'none'}"
            )
        level = self._permit(tool, arguments, topic_id, chosen)
        self.used.add(tool.name)
        if not tool.read_only and run_context.current().run_id:
            return await self._write(tool, arguments, topic_id)
        with spans.span(
            f"execute_tool {tool.name}", _attributes(tool, level), scope="millrace.tools"
        ) as handle:
            handle.content({"gen_ai.tool.call.arguments": arguments})
            try:
                return await self._try(tool, arguments, handle, tries=1)
            except (errors.MillraceError, TimeoutError) as error:
                self._give_up_unless_passing(tool, error, handle)
            await asyncio.sleep(RETRY_WAIT_SECONDS)
            try:
                return await self._try(tool, arguments, handle, tries=2)
            except (errors.MillraceError, TimeoutError) as error:
                self._give_up_unless_passing(tool, error, handle, last=True)
        raise AssertionError("it returns or raises")

    async def _try(
        self, tool: client.Tool, arguments: dict[str, Any], handle: spans.Span, tries: int
    ) -> dict[str, Any]:
        self.calls += 1
        with bill_tool_call("researcher", tool.name):
            answer = await asyncio.wait_for(self._tools.call(tool.name, arguments), CALL_SECONDS)
        self._hear(tool, answer)
        # A tool that fell back on less answered, but not with what was asked for.
        fault = "SearchFailed" if _search_failed(answer) else None
        handle.set(
            {
                "millrace.tool.tries": tries,
                "tool.success": fault is None,
                "tool.error_type": fault,
            }
        )
        handle.content({"gen_ai.tool.call.result": answer})
        return answer

    def _give_up_unless_passing(
        self, tool: client.Tool, error: Exception, handle: spans.Span, last: bool = False
    ) -> None:
        """Raise ToolFailed for a fault that will not pass; money that does not reach is one."""
        if isinstance(error, errors.BudgetExceeded):
            events.emit("budget", str(error), tool=tool.name)
            raise errors.ToolFailed(str(error)) from error
        self.failures += 1
        words = str(error) or f"{tool.name} gave no answer within {CALL_SECONDS:.0f} seconds"
        if last or any(word in words.lower() for word in LASTING):
            handle.set({"tool.success": False, "tool.error_type": type(error).__name__})
            events.emit("error", words, tool=tool.name)
            raise errors.ToolFailed(words) from error

    async def _write(
        self, tool: client.Tool, arguments: dict[str, Any], topic_id: str
    ) -> dict[str, Any]:
        """Make a call that changes something, once for this run and topic,
        however often its step is repeated.
        """
        self.calls += 1
        work = functools.partial(
            self._perform, tool, arguments, topic_id, asyncio.get_running_loop()
        )
        try:
            with bill_tool_call("researcher", tool.name):
                answer = await asyncio.to_thread(work)
        except errors.BudgetExceeded as error:
            events.emit("budget", str(error), tool=tool.name)
            raise errors.ToolFailed(str(error)) from error
        except errors.ToolFailed as error:
            self.failures += 1
            events.emit("error", str(error), tool=tool.name)
            raise
        self._hear(tool, answer)
        return answer

    def _perform(
        self,
        tool: client.Tool,
        arguments: dict[str, Any],
        topic_id: str,
        loop: asyncio.AbstractEventLoop,
    ) -> dict[str, Any]:
        """Perform the call as an action, from a thread of its own:
        the account waits for the effect.
        """
        with _one_write_at_a_time:
            return self._perform_alone(tool, arguments, topic_id, loop)

    def _perform_alone(
        self,
        tool: client.Tool,
        arguments: dict[str, Any],
        topic_id: str,
        loop: asyncio.AbstractEventLoop,
    ) -> dict[str, Any]:
        def do() -> dict[str, Any]:
            try:
                return asyncio.run_coroutine_threadsafe(
                    self._tools.call(tool.name, arguments), loop
                ).result(CALL_SECONDS)
            except (client.CallOutcomeUnknown, TimeoutError) as error:
                raise actions.OutcomeUnknown(
                    str(error) or f"{tool.name} gave no answer in time"
                ) from error

        try:
            row = actions.propose(
                tool.name,
                arguments,
                approved_calls.key_of(run_context.current().run_id, topic_id, tool.name, arguments),
                reason="asked for by an agent; nobody has to be asked",
                annotations=tool.trusted_annotations,
            )
            repeats = tool.annotations.get("idempotentHint") is True
            done = actions.perform(
                row["key"],
                arguments,
                do,
                (lambda: False) if repeats else None,
                unasked="medium risk runs by policy",
            )
        finally:
            db.close()
        outcome: dict[str, Any] = done["outcome"] or {}
        if done["state"] != "performed":
            raise errors.ToolFailed(str(outcome.get("error") or f"{tool.name} is {done['state']}"))
        return outcome

    def _permit(
        self, tool: client.Tool, arguments: dict[str, Any], topic_id: str, chosen: bool = True
    ) -> risk.Risk:
        """Return the class of a call that may be made;
        ToolRefused and NeedsApproval stop the others.
        """
        with spans.span(
            f"risk_decision {tool.name}", {"tool.name": tool.name}, scope="millrace.trust"
        ) as handle:
            before = self._take_up_count()
            verdict = taint.decide(
                tool.name,
                _with_unknown_names(tool, arguments),
                self.taint_context,
                read_only=tool.read_only,
                is_egress=tool.is_egress,
                place=self.place(tool),
                chosen=chosen,
            )
            if self._counts_on and self.taint_context.count.requests > before:
                private_reads.store_count_of_texts(
                    self.taint_context.private_reads, self.taint_context.count
                )
            return self._judge(tool, arguments, topic_id, verdict, handle)

    def _take_up_count(self) -> int:
        """Begin where tasks stopped that read one of the private texts; return the requests that
        left until now.
        """
        context = self.taint_context
        new = context.private_reads - self._counted
        if self._counts_on and new:
            context.count.raise_to(private_reads.load_count_of_texts(new))
            self._counted |= new
        return context.count.requests

    def _judge(
        self,
        tool: client.Tool,
        arguments: dict[str, Any],
        topic_id: str,
        verdict: taint.Verdict,
        handle: spans.Span,
    ) -> risk.Risk:
        if not tool.read_only and actions.INCIDENTAL.intersection(arguments):
            # Such fields are no part of what a person approves.
            verdict = taint.Verdict(
                "refuse",
                f"{tool.name} was not called: {sorted(actions.INCIDENTAL)} are no fields of a call",
            )
        assessment = risk.assess(tool.name, tool.trusted_annotations, arguments)
        handle.set(
            {"agent.risk_level": assessment.risk, "millrace.rule": verdict.why or assessment.rule}
        )
        if verdict.outcome == "refuse":
            handle.set({"millrace.decision": "refuse"})
            events.emit("decision", verdict.why, tool=tool.name, refused=True)
            raise errors.ToolRefused(verdict.why)
        if verdict.outcome == "free" and not risk.needs_approval(assessment, self.threshold):
            handle.set({"millrace.decision": "run"})
            return assessment.risk
        handle.set({"millrace.decision": "ask"})
        why = verdict.why or assessment.rule
        context = run_context.current()
        key = approved_calls.key_of(context.run_id, topic_id, tool.name, arguments)
        if context.run_id:
            actions.propose(
                tool.name,
                arguments,
                key,
                reason=f"asked for by {self._asker}; {why}",
                at_least=_asking(assessment.risk),
                annotations=tool.trusted_annotations,
            )
        events.emit(
            "decision", f"{tool.name} needs a person: {why}", tool=tool.name, risk=assessment.risk
        )
        raise errors.NeedsApproval(f"{tool.name} was not run, it waits as a proposed action: {why}")

    def _hear(self, tool: client.Tool, answer: dict[str, Any]) -> None:
        """Take note of whose words came back, and from where. What is not plainly the open world's
        may be private to the owner, such as his mail.
        """
        marked = any(
            path.rpartition(".")[2] in ("private", "own") and value is True
            for path, value in tool_answers.list_leaves(answer)
        )
        # A search of the web that fell back on this machine gives what is the owner's.
        place = taint.HERE if tool.ours and marked else self.place(tool)
        private = marked or not tool.is_public
        self.taint_context.read_answer(answer, self.words(tool, answer), private, place)
        for hit in (_hit(answer, tool.name), *_hits(answer, tool.name)):
            if hit is not None:
                self.shown.setdefault(hit.url, hit.title)
                self._keep_read(hit)
        for hit in _remembered(answer, tool):
            self._keep_read(hit)

    def _keep_read(self, hit: Hit) -> None:
        known = self.read_hits.get(hit.url)
        if known is None or len(known.excerpt) < len(hit.excerpt):
            self.read_hits[hit.url] = hit

    async def search(self, query: str, preferred: str = "") -> list[Hit]:
        """Return what the tools find; one that fails or finds nothing gives way to the next."""
        order = sorted(
            self.searches(), key=lambda tool: preferred not in (tool.name, tool.function_name)
        )
        for tool in order:
            words = self._sayable(tool, query)
            if not words:
                continue
            wanted = {"query": words, **({"limit": HITS} if _takes(tool, "limit") else {})}
            try:
                answer = await self.call(tool.name, wanted)
            except (errors.ToolRefused, errors.NeedsApproval):
                continue
            except errors.ToolFailed:
                self.search_failed = self.search_failed or tool.name == "web.search"
                continue
            if _search_failed(answer):
                # The tool fell back on what this machine knows; the search engine itself may answer
                # the second time.
                self.failures += 1
                answer = await self._search_again(tool, wanted, answer)
            hits = _hits(answer, tool.name)
            if hits:
                return hits
        return []

    def _sayable(self, tool: client.Tool, query: str) -> str:
        """Return the query without what may not leave to the tool; nobody is asked about it."""
        words = self.taint_context.reduce(query, self.place(tool)) if tool.is_egress else query
        if words != query:
            events.emit(
                "decision",
                f"{tool.name} searches for less: private words are left out of the query",
                tool=tool.name,
            )
        return words

    async def _search_again(
        self, tool: client.Tool, wanted: dict[str, Any], first: dict[str, Any]
    ) -> dict[str, Any]:
        await asyncio.sleep(RETRY_WAIT_SECONDS)
        try:
            second = await self.call(tool.name, wanted)
        except (errors.ToolFailed, errors.NeedsApproval):
            second = first
        if _search_failed(second):
            self.search_failed = True
        return second

    async def read(self, url: str) -> Page:
        """Return the text behind an address, or a note behind `note:PATH`; ToolFailed when no tool
        can read it.
        """
        note = url.startswith("note:")
        for tool in self.readers("path" if note else "url"):
            answer = await self.call(
                tool.name,
                {"path": url.removeprefix("note:")} if note else {"url": url},
                chosen=False,
            )
            if answer.get("text"):
                date = _date(next((answer[name] for name in DATES if answer.get(name)), None))
                return Page(
                    url, str(answer.get("title") or url), str(answer["text"]), date, tool.name
                )
        raise errors.ToolFailed(f"no tool can read {url[:200]}")


@contextlib.contextmanager
def bill_tool_call(agent: str, tool: str) -> Generator[None, None, None]:
    """Account for a call by the tool's price in the settings, as for a request to a model.

    BudgetExceeded when the money does not reach.
    A call that fails is charged too: its server may bill it.
    """
    rate = config.settings().tool_usd.get(tool)
    if not rate:
        yield
        return
    context = run_context.current()
    run_id = context.run_id or str(uuid4())
    usage_id = budget.reserve(
        run_id, run_context.user_id(), agent, tool, rate, context.step, kind="tool"
    )
    budget.mark_sent(usage_id)
    try:
        yield
    except BaseException:
        budget.charge_reserve(usage_id)
        raise
    budget.settle(usage_id, prices.Price(rate, "settings", run_context.now().date().isoformat()))


def _attributes(tool: client.Tool, level: risk.Risk) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": tool.name,
        "gen_ai.tool.type": "function" if tool.ours else "extension",
        "tool.name": tool.name,
        "tool.server": tool.name.partition(".")[0],
        "agent.id": "researcher",
        "agent.risk_level": level,
    }


def _with_unknown_names(tool: client.Tool, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with the names that are none of the tool's as values: a name can carry
    words, too.
    """
    unknown = [name for name in arguments if not _takes(tool, name)]
    return {**arguments, "names of arguments": unknown} if unknown else arguments


def _origins(answer: dict[str, Any]) -> list[note_origin.Origin]:
    """Return who wrote each note of an answer that does not say it itself."""
    return [
        note_origin.origin_of(
            str(record.get("path") or ""),
            "\n".join(str(record[name]) for name in TEXTS if name in record),
        )
        for record in tool_answers.split(answer).records
    ]


def _search_failed(answer: dict[str, Any]) -> bool:
    problems: list[Any] = answer.get("problems") or []
    return any("search failed" in str(problem) for problem in problems)


def _takes(tool: client.Tool, name: str) -> bool:
    return name in (tool.input_schema.get("properties") or {})


def _hits(answer: dict[str, Any], tool: str) -> list[Hit]:
    lists = [cast("list[Any]", value) for value in answer.values() if isinstance(value, list)]
    none: list[Any] = []
    rows = next((value for value in lists if value and isinstance(value[0], dict)), none)
    objects = [cast("dict[str, Any]", row) for row in rows if isinstance(row, dict)]
    return [hit for row in objects if (hit := _hit(row, tool))]


def _hit(row: dict[str, Any], tool: str) -> Hit | None:
    url = str(row.get("url") or (f"note:{row['path']}" if row.get("path") else ""))
    if not url.startswith(("http://", "https://", "note:")):
        return None
    text = next((str(row[name]) for name in TEXTS if row.get(name)), "")
    date = _date(next((row[name] for name in DATES if row.get(name)), None))
    source = str(row.get("source") or tool.partition(".")[0])
    own = bool(row.get("own")) or url.startswith("note:")
    private = own or bool(row.get("private"))
    return Hit(url, str(row.get("title") or url), text, source, tool, date, own, private)


def _remembered(answer: dict[str, Any], tool: client.Tool) -> list[Hit]:
    """Return what our own memory answered with, each with where it is from."""
    rows: list[Any] = answer.get("memories") or [] if tool.ours else []
    return [
        Hit(
            source if ":" in (source := str(row.get("source") or "")) else f"memory:{row['id']}",
            str(row.get("title") or row.get("type") or "memory"),
            str(row.get("text") or ""),
            "memory",
            tool.name,
            own=row.get("trust") == "own",
            private=True,
        )
        for row in rows
    ]


def _date(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _asking(risk_class: risk.Risk) -> risk.Risk:
    # What is low by its class asks here because of where its arguments come from; low ones would be
    # performed unasked.
    return "medium" if risk_class == "low" else risk_class
