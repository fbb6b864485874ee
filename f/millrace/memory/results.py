# requirements:

"""Results of research: what a run found out about a topic, and what a person thinks of it."""

from decimal import Decimal
from typing import Any

from f.millrace.core import db


def keep(
    run_id: str,
    topic_id: str,
    *,
    title: str,
    summary: str,
    why_it_matters: str = "",
    background: str = "",
    findings: list[dict[str, Any]],
    conflicts: list[dict[str, Any]],
    confidence: int,
    parts: dict[str, Any],
    no_sources: bool,
    stopped_because: str,
    rounds: int,
    cost_usd: Decimal | float,
    review: str,
    written_by: list[str],
) -> bool:
    """Store a topic's result; False when there was one, which stays."""
    return bool(
        db.execute(
            "INSERT INTO research_result (run_id, topic_id, title, summary, findings, conflicts,"
            " confidence, parts, no_sources, stopped_because, rounds, cost_usd, review,"
            " why_it_matters, background, written_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s,"
            " %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (run_id, topic_id) DO"
            " NOTHING",
            [
                run_id,
                topic_id,
                title,
                summary,
                db.jsonb(findings),
                db.jsonb(conflicts),
                confidence,
                db.jsonb(parts),
                no_sources,
                stopped_because,
                rounds,
                cost_usd,
                review,
                why_it_matters,
                background,
                written_by,
            ],
        )
    )


def review(run_id: str, topic_ids: list[str], review: str) -> None:
    """Record what a person thinks of topics of a run."""
    db.execute(
        "UPDATE research_result SET review = %s WHERE run_id = %s AND topic_id = ANY(%s)",
        [review, run_id, topic_ids],
    )


def insert_copies(copies: list[dict[str, Any]]) -> None:
    """Store results of another run, under ids of this one; this run continues that one."""
    db.execute(
        "INSERT INTO research_result SELECT * FROM"
        " jsonb_populate_recordset(NULL::research_result, %s)",
        [db.jsonb(copies)],
    )
