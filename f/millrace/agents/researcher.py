"""Researcher: a topic in; cited findings, conflicts and confidence out.

The agents that do the work are planner, judge and writer, in the loop of research_loop; the tools are found at run time.
"""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Field

from f.millrace.agents.call import wait
from f.millrace.agents.research_loop import Research, Stop
from f.millrace.agents.toolbox import Toolbox
from f.millrace.core.config import settings
from f.millrace.core.contracts import Finding, TopicResult, Trust
from f.millrace.core.errors import BadInput
from f.millrace.core.ids import digest_of
from f.millrace.core.setting_types import AgentSettings
from f.millrace.telemetry.events import emit
from f.millrace.tools import snapshot
from f.millrace.tools.client import open_tools
from f.millrace.trust import authority, decisions, taint
from f.millrace.trust.risk import Risk


class Spec(BaseModel):
    """What the researcher is allowed and expected to do, unless settings say otherwise."""

    role: str = "Finds out what is known about a topic, from several sources, and says how sure it is."
    tools: list[str] = Field(
        ["web.search", "web.fetch", "notes.search", "notes.read", "arxiv.search", "feeds.search"],
        description="Tools it may call: `server.tool`, or `server` for all of its tools.",
    )
    risk_threshold: Risk = Field("medium", description="Tools above this class wait for a person.")

    @property
    def hash(self) -> str:
        """The fingerprint of the spec, as recorded with a run."""
        return digest_of(self.model_dump())


spec = Spec()  # type: ignore[call-arg]


def research_topic(
    run_id: str,
    topic: dict[str, Any],
    *,
    loop: bool = True,
    earlier: list[str] | None = None,
    on_finding: Callable[[Finding], None] | None = None,
) -> TopicResult:
    """Research one topic: `id` (or `topic_id`) and `title`, with `item_ids` of collected items or `documents` to begin with.

    `documents` are given as {url, title, text, source, published_at, trust}. `loop=False` reads and writes once, without
    settling conflicts: what the loop is measured against. With `search: False` in the topic it works from what is given and
    asks no tool. Which tools it may call is in the settings of `researcher`.
    """
    topic_id, question = str(topic.get("topic_id") or topic.get("id") or ""), str(topic.get("title") or "").strip()
    if not topic_id or not question:
        raise BadInput("a topic needs an id and a title")
    own = settings().agents.get("researcher") or AgentSettings()
    if not own.enabled:
        return TopicResult(topic_id=topic_id, title=question, no_sources=True, stopped_because=Stop.OFF)
    allowed = spec.tools if own.tools is None else own.tools
    if topic.get("search") is False:
        allowed = []
    with authority.agent("researcher"):
        result = wait(_research(run_id, topic_id, question, topic, allowed, own, loop, earlier or [], on_finding))
    decisions.judged(run_id, topic_id, question, result.confidence.score, "researcher", result.escalated)
    return result


async def _research(
    run_id: str,
    topic_id: str,
    question: str,
    topic: dict[str, Any],
    allowed: list[str],
    own: AgentSettings,
    loop: bool,
    earlier: list[str],
    on_finding: Callable[[Finding], None] | None,
) -> TopicResult:
    # Topics come from sources unless a person asked.
    trust: Trust = topic.get("trust") or "untrusted"
    await snapshot.take(run_id)
    async with open_tools(allowed) as tools:
        # A fault that leaves this block would come out wrapped in groups by the task groups of the connections.
        try:
            listed = await tools.list_tools()
            for problem in tools.problems:
                emit("error", problem, topic=topic_id)
            research = Research(
                run_id,
                topic_id,
                question,
                Toolbox(tools, listed, own.risk_threshold or spec.risk_threshold, taint.Heard(question, trust)),
                loop=loop,
                given_only=topic.get("search") is False,
                item_ids=list(topic.get("item_ids") or []),
                documents=list(topic.get("documents") or []),
                earlier=earlier,
                trust=trust,
                on_finding=on_finding,
            )
            return await research.run()
        except Exception as error:
            fault = error
    raise fault
