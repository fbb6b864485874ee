# requirements:

"""The research loop, a LangGraph graph inside one step.

It plans, searches, reads, judges and checks claims; then it refines, resolves a conflict, tries
another way, escalates or writes. It needs no checkpointer: evidence is stored before it is used and
each model answer is a row, so a repeated step finds them again. It stops for one of the reasons of
`Stop`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from f.millrace.agents import (
    judge,
    missing_tools,
    planner,
    scope,
    state_graph,
    stop_reasons,
    writer,
)
from f.millrace.core import config, contracts, errors, ids, money, run_context
from f.millrace.evidence import (
    citations,
    claims,
    confidence,
    conflicts,
    nothing_found,
    pool,
    prompt,
    source_quality,
)
from f.millrace.memory import recall
from f.millrace.models import call, offline
from f.millrace.telemetry import events, spans
from f.millrace.tools import toolbox
from f.millrace.trust import spend

QUERIES_A_ROUND = 3
PAGES_A_ROUND = 4
MODEL_FAILURES = 2
MOST_CLAIMS = 6
RECURSION_LIMIT = 80


class State(TypedDict, total=False):
    """What the graph passes on; the rest is in `Research`."""

    queries: list[planner.Query]
    hits: list[toolbox.Hit]
    judgement: judge.Judgement | None


@dataclass
class Research:
    """One topic under research.

    Attributes:
        loop: Off: read and write once, resolve nothing.
        given_only: Nothing is searched for: what is given is judged, conflicts in it are resolved,
            and it is written.
        item_ids: Collected items that tell the story which is the topic: it is news, told from
            them, and nothing but news of the same story is taken up beside them.
        already_told: What the reader was told of it before.
        told_pages: The addresses that it was told from; they are not read again.
        public: Everybody may read what is found, so what a search finds of private things is left.
    """

    run_id: str
    topic_id: str
    question: str
    tools: toolbox.Toolbox
    loop: bool = True
    given_only: bool = False
    item_ids: Sequence[str] = ()
    documents: "Sequence[pool.Document]" = ()
    earlier: Sequence[str] = ()
    already_told: Sequence[str] = ()
    told_pages: Sequence[str] = ()
    trust: contracts.Trust = "untrusted"
    public: bool = False
    on_finding: Callable[[contracts.Finding], None] | None = None
    asked: list[str] = field(default_factory=list)
    claims: list[contracts.Finding] = field(default_factory=list)
    conflicts: list[contracts.Conflict] = field(default_factory=list)
    findings: list[contracts.Finding] = field(default_factory=list)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rounds: int = 0
    known: int = 0
    fresh: int = 0
    served: set[str] = field(default_factory=set)
    stuck: str = ""
    tried_another_way: bool = False
    escalated: bool = False
    dropped: int = 0
    stop: str = ""
    why_it_matters: str = ""
    model_failures: int = 0
    answered_by: dict[str, str] = field(default_factory=dict)
    written_by: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.gathered = pool.EvidencePool(
            self.run_id,
            self.topic_id,
            self.question,
            seen=set(map(ids.canonical_url, self.told_pages)),
            taint_context=self.tools.taint_context,
        )

    @property
    def news(self) -> bool:
        """Whether the topic is a story that collected items tell, and not a question."""
        return bool(self.item_ids)

    @property
    def pieces(self) -> dict[str, contracts.Evidence]:
        """The stored evidence by id."""
        return self.gathered.pieces

    async def run(self) -> contracts.TopicResult:
        """Research the question and return what was found."""
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "researcher",
            "agent.id": "researcher",
            "millrace.topic_id": self.topic_id,
            "millrace.loop": self.loop,
        }
        with spans.span("invoke_agent researcher", attributes, scope="millrace.agents") as handle:
            handle.content({"gen_ai.input.messages": [self.question]})
            await self._graph().ainvoke({}, {"recursion_limit": RECURSION_LIMIT})
            result = self._result()
            handle.set(
                {
                    "agent.confidence_score": result.confidence.score / 100,
                    "agent.tools_used": sorted(self.tools.used),
                    "operation.cost": float(result.cost_usd),
                    "millrace.cost.currency": "USD",
                    "millrace.rounds": self.rounds,
                    "millrace.stopped_because": str(result.stopped_because),
                }
            )
        return result

    def _graph(self) -> Any:
        graph = state_graph.StateGraph(State)
        for node in (
            self.plan,
            self.search,
            self.read,
            self.judge,
            self.check_claims,
            self.refine,
            self.resolve_conflicts,
            self.another_way,
            self.escalate,
            self.write,
        ):
            graph.add_node(node.__name__, node)  # type: ignore[call-overload]
        graph.add_edge(state_graph.START, "plan")
        graph.add_edge("plan", "search")
        graph.add_edge("search", "read")
        graph.add_edge("judge", "check_claims")
        ways = ["refine", "another_way", "escalate", "write"]
        graph.add_conditional_edges("read", self._after_read, ["judge", *ways])
        graph.add_conditional_edges("check_claims", self._after_check, ["resolve_conflicts", *ways])
        graph.add_conditional_edges("resolve_conflicts", self._after_resolve, ["search", *ways])
        graph.add_conditional_edges("refine", self._after_refine, ["search", "another_way"])
        graph.add_conditional_edges("another_way", self._after_another_way, ["search", "escalate"])
        graph.add_edge("escalate", "write")
        graph.add_edge("write", state_graph.END)
        return graph.compile()

    # Nodes ----------------------------------------------------------------------------------------

    async def plan(self, _state: State) -> State:
        """Take what is at hand, then ask what to search for."""
        first = self.gathered.take_items(self.item_ids, self.documents)
        if self.given_only:
            return {"queries": [], "hits": first}
        known = list(self.already_told) if self.news else _recall(self.question)
        tools = [f"{tool.name}: {tool.summary}" for tool in self.tools.searches()]
        events.emit("progress", f"Planning: {self.question}", topic=self.topic_id)
        answer = await self._ask(planner.plan, known=known, tools=tools, earlier=self.earlier)
        queries = self._unasked(answer.output.queries) or [planner.Query(text=self.question)]
        for query in queries:
            # The planner is shown nothing private, so its words can tell nothing of it.
            self.tools.taint_context.allow(query.text)
        return {"queries": queries, "hits": first}

    async def search(self, state: State) -> State:
        """Ask the tools that search, all queries of the round at once."""
        self.rounds += 1
        queries = state.get("queries") or []
        self.asked += [query.text for query in queries]
        found = await asyncio.gather(*(self._search(query) for query in queries))
        hits = list({ids.canonical_url(hit.url): hit for hits in found for hit in hits}.values())
        self.served |= {hit.tool for hit in hits}
        if queries:
            events.emit(
                "progress",
                f"Searching… {len(hits)} results",
                topic=self.topic_id,
                round=self.rounds,
            )
        if self.tools.search_failed:
            self._note(stop_reasons.StopReason.SEARCH_FAILED)
            self._take_memories()
        return {"hits": [*(state.get("hits") or []), *hits], "queries": []}

    async def read(self, state: State) -> State:
        """Read the pages that promise most and store what they say about the question."""
        unread = self.gathered.unseen(state.get("hits") or [])
        in_time = self._seconds_left() > 0
        await asyncio.gather(
            *(self.gathered.read(hit, self.tools, in_time) for hit in unread[:PAGES_A_ROUND])
        )
        self.fresh, self.known = len(self.pieces) - self.known, len(self.pieces)
        return {"hits": unread[PAGES_A_ROUND:]}

    async def judge(self, _state: State) -> State:
        """Have the evidence judged; without evidence there is nothing to judge."""
        if not self.pieces or not self.loop:
            return {"judgement": None}
        events.emit(
            "progress",
            f"Judging {len(self.pieces)} passages",
            topic=self.topic_id,
            round=self.rounds,
        )
        answer = await self._ask(
            judge.judge, self.gathered.select_for_model(), asked=self.asked, own=self._own_ids()
        )
        return {"judgement": answer.output}

    async def check_claims(self, state: State) -> State:
        """Keep the claims and conflicts that stored evidence carries, whatever the model says."""
        judgement = state.get("judgement")
        if judgement is not None:
            checked = citations.keep_supported(judgement.claims, self.pieces)
            self.claims = checked.findings
            self.dropped += len(checked.dropped)
            named = list(judgement.conflicts)
            if self.answered_by.get("judge") != offline.MODEL:
                shown = self.gathered.select_for_model()
                named += conflicts.find_overlooked(named, self.question, shown)
            self.conflicts = conflicts.validate(named, self.pieces)
        return {}

    async def refine(self, state: State) -> State:
        """Choose the next searches from what is missing."""
        judgement = state.get("judgement")
        wanted = [
            planner.Query(text=text[:300]) for text in (judgement.missing if judgement else [])
        ]
        queries = self._unasked(wanted)
        if not queries:
            self.stuck = self.stuck or (
                stop_reasons.StopReason.CONFUSED if wanted else stop_reasons.StopReason.STALLED
            )
        return {"queries": queries}

    async def another_way(self, _state: State) -> State:
        """Go on in other words, from another source and from memory; when that was tried, leave it
        for a person to see.
        """
        query = None
        if not self.tried_another_way:
            self.tried_another_way = True
            self._take_memories()
            order = [tool.name for tool in self.tools.searches()]
            query = stop_reasons.reformulate(self.question, self.asked, order, self.served)
        if query or len(self.pieces) > self.known:
            words = f"{query.tool}: {query.text}" if query else "what memory knows"
            events.emit(
                "decision",
                f"{self.stuck.capitalize()}; trying another way: {words}",
                topic=self.topic_id,
                stuck=self.stuck,
            )
        else:
            self.stop, self.escalated = self.stuck, True
        return {"queries": [query] if query else []}

    async def resolve_conflicts(self, _state: State) -> State:
        """Weigh the sides of each conflict; one that is undecided is searched for once."""
        self.conflicts = [conflicts.resolve(conflict, self.pieces) for conflict in self.conflicts]
        open_questions = [
            planner.Query(text=conflict.question[:300])
            for conflict in self.conflicts
            if conflict.trusted is None
        ]
        queries = self._unasked(open_questions)[:1] if self._may_go_on() else []
        return {"queries": queries}

    async def escalate(self, _state: State) -> State:
        """Say what was missing; nobody is waited for."""
        searches = [tool.name for tool in self.tools.searches()]
        missing = [] if searches else [missing_tools.SEARCH]
        if not self.tools.readers("url"):
            missing.append(missing_tools.READ)
        reported = (
            missing_tools.try_report(self.run_id, missing, list(self.tools.listed.values()))
            if missing
            else None
        )
        if reported:
            self.gaps.append(reported)
        said = f"Not enough evidence on {self.question!r}: {self.stop}"
        events.emit(
            "escalation" if self.escalated else "decision",
            said,
            topic=self.topic_id,
            stop=self.stop,
        )
        return {}

    async def write(self, _state: State) -> State:
        """Write from the evidence; keep only sentences that it carries."""
        if not self.pieces:
            return {}
        events.emit("progress", f"Writing: {self.question}", topic=self.topic_id)
        gate = citations.StreamVerifier(self.pieces, self._show)
        standing = conflicts.keep_standing(self.claims, self.conflicts)
        in_words = [conflicts.summarise(conflict) for conflict in self.conflicts]
        answer = await self._ask(
            writer.report if self.news else writer.write,
            self.gathered.select_for_model(
                without=conflicts.discredited(self.conflicts, self.pieces)
            ),
            claims=[f"{claim.text} [{', '.join(claim.citations)}]" for claim in standing],
            conflicts=in_words,
            **(
                {"own": self._own_ids(), "already_told": self.already_told}
                if self.news
                else {"earlier": self.earlier}
            ),
            on_token=gate.token,
            on_restart=gate.restart,
        )
        gate.close()
        text, self.why_it_matters = writer.split_reason(str(answer.output), self.pieces)
        checked = citations.verify(text, self.pieces)
        self.dropped += len(checked.dropped)
        for sentence, reason in checked.dropped:
            events.emit("decision", f"Dropped: {sentence[:160]} ({reason})", topic=self.topic_id)
        # What lost a conflict is told with the conflict, not as a finding.
        findings = [
            self._placed(finding)
            for finding in checked.findings or self.claims[:MOST_CLAIMS]
            if not self.news or self._is_new(finding)
        ]
        self.findings = [
            finding for finding in findings if conflicts.is_consistent(finding, self.conflicts)
        ] or findings
        author = answer.model if checked.findings else self.answered_by.get("judge", offline.MODEL)
        self.written_by = [author] if self.findings else []
        for finding in self.findings if not gate.shown else []:
            self._show(finding)
        return {}

    # Edges ----------------------------------------------------------------------------------------

    def _after_read(self, state: State) -> str:
        # The same evidence is not judged, and paid for, twice.
        return "judge" if self.fresh or self.rounds == 1 else self._next(state)

    def _after_check(self, state: State) -> str:
        if (
            self.conflicts
            and any(not conflict.why for conflict in self.conflicts)
            and not self.stop
        ):
            return "resolve_conflicts"
        return self._next(state)

    def _after_resolve(self, state: State) -> str:
        return "search" if state.get("queries") else self._next(state)

    def _after_refine(self, state: State) -> str:
        return "search" if state.get("queries") else "another_way"

    def _after_another_way(self, _state: State) -> str:
        return "escalate" if self.stop else "search"

    def _next(self, state: State) -> str:
        judgement = state.get("judgement")
        if not self.stop:
            if judgement is not None and judgement.enough and self.claims:
                self.stop = stop_reasons.StopReason.ENOUGH
            elif not self.loop or self.given_only:
                self.stop = stop_reasons.StopReason.ONE_ROUND
            elif (
                self.rounds > 1 and not self.fresh and (self.tried_another_way or self._may_go_on())
            ):
                self.stuck = self.stuck or stop_reasons.StopReason.STALLED
                return "another_way"
            elif self.rounds >= config.settings().max_rounds:
                self.stop = stop_reasons.StopReason.ROUNDS
            elif self._seconds_left() <= 0:
                self.stop = stop_reasons.StopReason.TIME
            else:
                return "refine"
        return (
            "write"
            if self.stop in (stop_reasons.StopReason.ENOUGH, stop_reasons.StopReason.ONE_ROUND)
            else "escalate"
        )

    def _may_go_on(self) -> bool:
        return (
            not self.stop
            and not self.given_only
            and self.rounds < config.settings().max_rounds
            and self._seconds_left() > 0
        )

    # Helpers --------------------------------------------------------------------------------------

    async def _ask(
        self, agent: Callable[..., Awaitable[call.Answer]], *arguments: Any, **options: Any
    ) -> call.Answer:
        """Ask an agent. When its model fails or the money is spent, the offline model stands in
        where the setting `offline_stands_in` allows it; else the fault goes to the caller.
        """
        name = agent.__name__
        # A headline is untrusted text: it is researched, and nothing that it orders is done.
        question = self.question if self.trust == "own" else prompt.Foreign(self.question)
        role = {"plan": "planner", "judge": "judge"}.get(name, "writer")
        own = config.settings().agents.get(role)
        seconds = max(1.0, self._seconds_left())
        if (
            self.stop != stop_reasons.StopReason.BUDGET
            and self.model_failures < MODEL_FAILURES
            and (own is None or own.enabled)
        ):
            stands_in = config.settings().offline_stands_in
            try:
                answer = await agent(question, *arguments, seconds=seconds, **options)
                self.answered_by[role] = answer.model
                return answer
            except errors.BudgetExceeded as error:
                if stands_in == "never":
                    raise
                self.stop = stop_reasons.StopReason.BUDGET
                self._note(stop_reasons.StopReason.PICKED)
                events.emit("budget", str(error), topic=self.topic_id)
            except (errors.ModelFailed, errors.BadSetting) as error:
                if stands_in != "always":
                    raise
                self.model_failures += 1
                self._note(stop_reasons.StopReason.MODEL_FAILED)
                events.emit("error", str(error), topic=self.topic_id)
        self.answered_by[role] = offline.MODEL
        return await agent(question, *arguments, model=offline.OfflineModel(), **options)

    async def _search(self, query: planner.Query) -> list[toolbox.Hit]:
        allowed = scope.may_search(
            self.question, self.earlier, query.text, self.tools, self.topic_id
        )
        if not allowed or self._seconds_left() <= 0:
            return []
        found = await self.tools.search(query.text, query.tool)
        return [hit for hit in found if not (self.public and hit.private)]

    def _take_memories(self) -> None:
        # News stands on what tells it; what memory has would stand in for a page that was not read.
        if not self.news:
            self.gathered.take_memories()

    def _own_ids(self) -> list[str]:
        return [one for one in self.pieces if one in self.gathered.own]

    def _is_new(self, finding: contracts.Finding) -> bool:
        """Tell whether a reader does not know the sentence: from the headline or an earlier day."""
        return not claims.is_duplicate(
            finding.text, [*self.already_told, self.question]
        ) and not claims.is_repeated(finding.text, self.question)

    def _unasked(self, queries: Sequence[planner.Query]) -> list[planner.Query]:
        return stop_reasons.drop_asked(queries, self.asked)[:QUERIES_A_ROUND]

    def _placed(self, finding: contracts.Finding) -> contracts.Finding:
        """Return the finding with which of several things of one name it is about: the claim that
        says so cites first what the finding cites first, so the label is its own passage's.
        """
        about = {
            claim.about
            for claim in self.claims
            if claim.about and claim.citations[:1] == finding.citations[:1]
        }
        return finding.model_copy(update={"about": about.pop()}) if len(about) == 1 else finding

    def _show(self, finding: contracts.Finding) -> None:
        events.emit("token", finding.text + "\n", topic=self.topic_id)
        if self.on_finding is not None:
            self.on_finding(finding)

    def _tried(self) -> list[str]:
        tools = [tool.name for tool in self.tools.searches()]
        return nothing_found.reasons(len(self.asked), tools, len(self.pieces))

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _seconds_left(self) -> float:
        return config.settings().topic_seconds - (time.monotonic() - self.started)

    def _result(self) -> contracts.TopicResult:
        cited = {
            self.pieces[identity].source
            for finding in self.findings
            for identity in finding.citations
        }
        score = confidence.rate(
            question=self.question,
            calls=self.tools.calls,
            failures=self.tools.failures,
            search_failed=self.tools.search_failed,
            evidence=list(self.pieces.values()),
            findings=self.findings,
            dropped=self.dropped,
            conflicts=self.conflicts,
            history=source_quality.track_record(
                run_context.current().namespace, self.run_id, sorted(cited)
            ),
        )
        reason = self.stop or stop_reasons.StopReason.STALLED
        reasons = [
            reason if self.findings else f"{stop_reasons.StopReason.NOTHING} ({reason})",
            *self.notes,
            *([] if self.findings or self.given_only else self._tried()),
        ]
        return contracts.TopicResult(
            topic_id=self.topic_id,
            title=self.question,
            summary=self.findings[0].text if self.findings else "",
            why_it_matters=self._reason(),
            findings=self.findings,
            conflicts=self.conflicts if self.findings else [],
            confidence=score,
            no_sources=not self.findings,
            stopped_because="; ".join(reasons),
            rounds=self.rounds,
            cost_usd=money.number(spend.cost_of(self.run_id, run_context.current().step)),
            written_by=self.written_by,
            gaps=self.gaps,
            escalated=self.escalated,
        )

    def _reason(self) -> str:
        """Return why it matters; empty where that only says again what was found."""
        found = [finding.text for finding in self.findings]
        said = self.why_it_matters
        return said if found and not claims.is_duplicate(said, found) else ""


def _recall(question: str) -> list[str]:
    """Return what is known from public sources: the searches that are planned with it leave."""
    return [memory.text[:200] for memory in recall.recall(question, limit=5) if memory.is_public]
