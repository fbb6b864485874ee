# requirements:

"""Researcher: a topic in; cited findings, conflicts and confidence out.

The agents that do the work are planner, judge and writer, in the loop of research_loop; the tools
are found at run time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypedDict

from pydantic import BaseModel, Field

from f.millrace.agents import research_loop, stop_reasons
from f.millrace.core import config, contracts, errors, ids, setting_types
from f.millrace.models import call
from f.millrace.telemetry import events
from f.millrace.tools import client, servers, snapshot, toolbox
from f.millrace.trust import authority, decisions, risk, taint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Required

    from f.millrace.evidence import pool

    class ResearchTopic(TypedDict, total=False):
        """What to research, and what to begin with. Without `search` it works from what is given
        and asks no tool; `public` keeps what is private out; `already_told` are sentences that the
        reader has had, `told_pages` the addresses of the pages that they are from.
        """

        id: Required[str]
        title: Required[str]
        item_ids: list[str]
        documents: Sequence[pool.Document]
        search: bool
        public: bool
        trust: contracts.Trust
        already_told: list[str]
        told_pages: list[str]


class Spec(BaseModel):
    """What the researcher is allowed and expected to do, unless settings say otherwise."""

    role: str = (
        "Finds out what is known about a topic, from several sources, and says how sure it is."
    )
    tools: list[str] = Field(
        ["web.search", "web.fetch", "notes.search", "notes.read", "arxiv.search", "feeds.search"],
        description="Tools it may call: `server.tool`, or `server` for all of its tools.",
    )
    risk_threshold: risk.Risk = Field(
        "medium", description="Tools above this class wait for a person."
    )

    @property
    def hash(self) -> str:
        """The fingerprint of the spec, as recorded with a run."""
        return ids.digest_of(self.model_dump())


spec = Spec()  # type: ignore[call-arg]


def research_topic(
    run_id: str,
    topic: ResearchTopic,
    *,
    loop: bool = True,
    earlier: list[str] | None = None,
    on_finding: Callable[[contracts.Finding], None] | None = None,
) -> contracts.TopicResult:
    """Research one topic, as `research` does, and wait for it."""
    return call.wait(research(run_id, topic, loop=loop, earlier=earlier, on_finding=on_finding))


async def research(
    run_id: str,
    topic: ResearchTopic,
    *,
    loop: bool = True,
    earlier: list[str] | None = None,
    on_finding: Callable[[contracts.Finding], None] | None = None,
) -> contracts.TopicResult:
    """Research one topic: `id` (or `topic_id`) and `title`, with `item_ids` of collected items or
    `documents` to begin with.

    `documents` are given as {url, title, text, source, published_at, trust}. `loop=False` reads and
    writes once, without settling conflicts: what the loop is measured against. With `search: False`
    in the topic it works from what is given and asks no tool. Which tools it may call is in the
    settings of `researcher`. `public` in it keeps what is private out: no such tool is asked and no
    memory read. `already_told` are sentences that the reader has had; the pages of `told_pages` are
    not read again: what is left of them is no news.
    """
    topic_id, question = (
        str(topic.get("topic_id") or topic.get("id") or ""),
        str(topic.get("title") or "").strip(),
    )
    if not topic_id or not question:
        raise errors.BadInput("a topic needs an id and a title")
    own = config.settings().agents.get("researcher") or setting_types.AgentSettings()
    if not own.enabled:
        return contracts.TopicResult(
            topic_id=topic_id,
            title=question,
            no_sources=True,
            stopped_because=stop_reasons.StopReason.OFF,
        )
    allowed = spec.tools if own.tools is None else own.tools
    if topic.get("search") is False:
        allowed = []
    if topic.get("public"):
        allowed = [name for name in allowed if name.partition(".")[0] not in servers.PRIVATE]
    with authority.agent("researcher"):
        result = await _research(
            run_id, topic_id, question, topic, allowed, own, loop, earlier or [], on_finding
        )
    decisions.record_judgement(
        run_id, topic_id, question, result.confidence.score, "researcher", result.escalated
    )
    return result


async def _research(
    run_id: str,
    topic_id: str,
    question: str,
    topic: ResearchTopic,
    allowed: list[str],
    own: setting_types.AgentSettings,
    loop: bool,
    earlier: list[str],
    on_finding: Callable[[contracts.Finding], None] | None,
) -> contracts.TopicResult:
    # Topics come from sources unless a person asked.
    trust: contracts.Trust = topic.get("trust") or "untrusted"
    await snapshot.take(run_id)
    async with client.open_tools(allowed) as tools:
        # A fault that leaves this block would come out wrapped in groups by the task groups of the
        # connections.
        try:
            listed = await tools.list_tools()
            for problem in tools.problems:
                events.emit("error", problem, topic=topic_id)
            research = research_loop.Research(
                run_id,
                topic_id,
                question,
                toolbox.Toolbox(
                    tools,
                    listed,
                    own.risk_threshold or spec.risk_threshold,
                    taint.TaintContext(question, trust),
                ),
                loop=loop,
                given_only=topic.get("search") is False,
                item_ids=list(topic.get("item_ids") or []),
                documents=list(topic.get("documents") or []),
                already_told=list(topic.get("already_told") or []),
                told_pages=list(topic.get("told_pages") or []),
                earlier=earlier,
                trust=trust,
                public=bool(topic.get("public")),
                on_finding=on_finding,
            )
            return await research.run()
        except Exception as error:
            fault = error
    raise fault
