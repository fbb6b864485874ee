# requirements:

"""How well the agents do, from rows: each figure with what was counted,
its target, and whether it is met.

A figure of too few cases is no figure: it says so instead of a verdict.
"""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from f.millrace.core import db, run_context

LEAST = 5
LEAST_PAIRS = 10


@dataclass(frozen=True)
class Score:
    """One figure; `value` is None without a single case, `met` is None when the cases are too few
    for a verdict.
    """

    name: str
    meaning: str
    n: int
    value: float | None
    unit: str
    target: float
    met: bool | None
    least_n: int


# Each returns n and value over the runs of a namespace since a moment. Shares are in percent.
RIGHT = """
SELECT count(*) AS n,
       100.0 * count(*) FILTER (WHERE outcome IN ('approved', 'silent_success'))
       / nullif(count(*), 0) AS value
FROM decision WHERE namespace = %(namespace)s AND made_at >= %(since)s AND outcome IS NOT NULL
"""
TOOLS = """
SELECT count(*) AS n,
       100.0 * count(*) FILTER (
           WHERE s.status = 'ok' AND coalesce((s.attributes ->> 'tool.success')::boolean, true)
       ) / nullif(count(*), 0) AS value
FROM span s JOIN run r ON r.id = s.run_id
WHERE r.namespace = %(namespace)s AND s.started_at >= %(since)s AND s.name LIKE 'execute_tool %%'
  AND s.status <> 'pending'
"""
# A person who had to be asked, or a run that did not end well, counts against it; one that a person
# cancelled says nothing.
ALONE = """
SELECT count(*) AS n,
       100.0 * count(*) FILTER (
           WHERE status IN ('done', 'partly_failed') AND NOT EXISTS (
               SELECT FROM action a WHERE a.run_id = r.id AND a.asked_at IS NOT NULL)
       ) / nullif(count(*), 0) AS value
FROM run r WHERE namespace = %(namespace)s AND started_at >= %(since)s
  AND status NOT IN ('running', 'cancelled') AND pipeline #>> '{opened,scheduled}' = 'true'
"""
UNESCALATED = """
SELECT count(*) AS n, 100.0 * count(*) FILTER (WHERE NOT escalated) / nullif(count(*), 0) AS value
FROM decision WHERE namespace = %(namespace)s AND made_at >= %(since)s AND kind = 'judgement'
"""
SIMPLE = """
SELECT count(*) AS n,
       percentile_cont(0.5) WITHIN GROUP (
           ORDER BY extract(epoch FROM finished_at - started_at)) AS value
FROM run WHERE namespace = %(namespace)s AND started_at >= %(since)s
  AND flow = 'ask' AND status = 'done'
"""
RESEARCH = """
SELECT count(*) AS n,
       percentile_cont(0.5) WITHIN GROUP (
           ORDER BY extract(epoch FROM s.finished_at - s.started_at)) AS value
FROM step s JOIN run r ON r.id = s.run_id
WHERE r.namespace = %(namespace)s AND s.started_at >= %(since)s
  AND s.name = 'research.investigate' AND s.status = 'done'
"""
# Only what a person has answered: that nobody objected says little about a score.
CONFIDENCE = """
SELECT count(*) AS n, corr(confidence, (outcome = 'approved')::int) AS value
FROM decision WHERE namespace = %(namespace)s AND made_at >= %(since)s AND kind = 'judgement'
AND outcome IN ('approved', 'corrected', 'refused', 'undone')
"""
# What readers said of topics; who says both of one counts with the last.
WANTED = """
WITH said AS (
    SELECT DISTINCT ON (recipient, topic_id) verb FROM reply
    WHERE namespace = %(namespace)s AND at >= %(since)s AND verb IN ('more', 'less')
    ORDER BY recipient, topic_id, at DESC
)
SELECT count(*) AS n, 100.0 * count(*) FILTER (WHERE verb = 'more') / nullif(count(*), 0) AS value
FROM said
"""
# What failed at least once: a step that was tried again, a request that was sent again, a tool that
# was called again.
RECOVERED = """
WITH failed AS (
    SELECT s.status = 'done' AS recovered FROM step s JOIN run r ON r.id = s.run_id
    WHERE r.namespace = %(namespace)s AND s.started_at >= %(since)s
      AND s.status NOT IN ('running', 'waiting', 'cancelled')
      AND s.name NOT IN ('approvals.ask', 'blocks.ask_approval')
      AND (s.tries > 1 OR s.status <> 'done')
    UNION ALL
    SELECT bool_or(u.state = 'settled' AND u.price_source <> 'reserve') FROM usage u
    JOIN run r ON r.id = u.run_id
    WHERE r.namespace = %(namespace)s AND u.reserved_at >= %(since)s AND u.kind = 'model'
      AND u.state IN ('settled', 'released')
    GROUP BY u.run_id, u.step, u.agent, u.request_hash
    HAVING bool_or(u.state = 'released' OR u.price_source = 'reserve')
    UNION ALL
    SELECT s.status = 'ok' FROM span s JOIN run r ON r.id = s.run_id
    WHERE r.namespace = %(namespace)s AND s.started_at >= %(since)s
      AND s.name LIKE 'execute_tool %%'
      AND (s.status IN ('error', 'killed') OR (s.attributes ->> 'millrace.tool.tries')::int > 1)
)
SELECT count(*) AS n, 100.0 * count(*) FILTER (WHERE recovered) / nullif(count(*), 0) AS value
FROM failed
"""


def scorecard(days: int = 30, namespace: str = "main") -> list[Score]:
    """Return the scores of the last days."""
    over = {"namespace": namespace, "since": run_context.now() - timedelta(days=days)}

    def figure(
        name: str, meaning: str, sql: str, target: float, unit: str = "%", least: int = LEAST
    ) -> Score:
        row = db.fetch_one(sql, over)
        assert row is not None
        value = None if row["value"] is None else round(float(row["value"]), 3)
        enough = value is not None and row["n"] >= least
        good = value is not None and (value <= target if unit == "s" else value >= target)
        return Score(name, meaning, row["n"], value, unit, target, good if enough else None, least)

    return [
        figure("decisions_right", "decisions approved, or right without a word", RIGHT, 80),
        figure("tools_succeed", "calls of tools that gave what was asked for", TOOLS, 90),
        figure("runs_alone", "scheduled runs that ended well without a person", ALONE, 95),
        figure("tasks_unescalated", "topics and questions that needed no review", UNESCALATED, 85),
        figure("latency_simple", "median time of a question", SIMPLE, 30, "s"),
        figure("latency_research", "median time of a topic's research", RESEARCH, 60, "s"),
        figure(
            "confidence_true",
            "correlation of confidence with approval",
            CONFIDENCE,
            0.75,
            "r",
            LEAST_PAIRS,
        ),
        figure("topics_wanted", "topics of which readers want more, not less", WANTED, 50),
        figure("failures_recovered", "failures after which a further try succeeded", RECOVERED, 80),
    ]


def to_dicts(scores: list[Score]) -> list[dict[str, Any]]:
    """Return the scores as JSON has them, each with its verdict in words."""
    words = {True: "met", False: "missed", None: "not enough data"}
    return [{**asdict(score), "verdict": words[score.met]} for score in scores]
