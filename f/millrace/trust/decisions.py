# requirements:

"""Decisions and how they came out: approved, corrected, refused, undone, or a silent success.

A decision is a judgement of an agent (one topic, question or task) or an action that was proposed.
Its row holds the outcome that stands; each word that a person gives is a row of `feedback` as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

from f.millrace.core import config, db, redaction
from f.millrace.trust import audit

if TYPE_CHECKING:
    from f.millrace.core import rows

    class ReportedDecision(TypedDict):
        """A decision as a run's report shows it."""

        kind: Kind
        subject: str
        title: str
        confidence: int | None
        escalated: bool
        outcome: Outcome | None


Kind = Literal["judgement", "action"]
Outcome = Literal["approved", "corrected", "refused", "undone", "silent_success"]
# What the answer to a question means for the one who asked; nobody's answer means nothing.
ANSWERS: dict[str, Outcome] = {"approved": "approved", "denied": "refused"}
REVIEWS = {
    "approved": "approved",
    "corrected": "corrected",
    "refused": "refused",
    "undone": "refused",
}
NAMESPACE = "coalesce((SELECT namespace FROM run WHERE id = %s), 'main')"


def is_escalation(confidence: int | None, stuck: bool) -> bool:
    """Tell whether a judgement is listed for a person: an unsure one, and one that got stuck unless
    it is sure all the same.

    A task has no score: it is listed when it got stuck.
    """
    if confidence is None:
        return stuck
    return confidence < config.settings().confidence_review or (
        stuck and confidence < config.settings().confidence_silent
    )


def record_judgement(
    run_id: str, subject: str, title: str, confidence: int | None, agent: str, stuck: bool = False
) -> None:
    """Record an agent's judgement; a repeat of its step replaces it until somebody has answered."""
    db.execute(
        "INSERT INTO decision (run_id, namespace, kind, subject, title, agent, confidence,"
        f" escalated) VALUES (%s, {NAMESPACE}, 'judgement', %s, %s, %s, %s, %s) ON CONFLICT"
        " (run_id, kind, subject) DO UPDATE SET confidence = excluded.confidence, escalated ="
        " excluded.escalated, title = excluded.title WHERE decision.outcome IS NULL",
        [
            run_id,
            run_id,
            subject,
            redaction.redact(title),
            agent,
            confidence,
            is_escalation(confidence, stuck),
        ],
    )


def record_answer(action: rows.Action, answer: str, by: str) -> None:
    """Record how a proposed action came out: a person's answer,
    or nobody asked because a policy said yes.
    """
    run_id = str(action["run_id"]) if action["run_id"] else None
    outcome = (
        "silent_success" if by == audit.POLICY and answer == "approved" else ANSWERS.get(answer)
    )
    db.execute(
        "INSERT INTO decision (run_id, namespace, kind, subject, title, agent, escalated, outcome,"
        " outcome_by, outcome_at) VALUES (%s, %s, 'action', %s, %s, 'millrace', %s, %s, %s,"
        " clock_timestamp()) ON CONFLICT (run_id, kind, subject) DO UPDATE SET outcome ="
        " excluded.outcome, outcome_by = excluded.outcome_by, outcome_at = excluded.outcome_at",
        [
            run_id,
            action["namespace"],
            action["key"],
            action["tool"],
            by != audit.POLICY,
            outcome,
            by,
        ],
    )
    if outcome in ("approved", "refused"):
        _note(run_id, action["key"], outcome, "", by)


def close(run_id: str) -> int:
    """Count what needed nobody as a silent success, now that its run has ended well; how many."""
    return db.execute(
        "UPDATE decision SET outcome = 'silent_success', outcome_by = 'millrace', outcome_at ="
        " clock_timestamp() WHERE run_id = %s AND kind = 'judgement' AND NOT escalated AND outcome"
        " IS NULL",
        [run_id],
    )


def comment(run_id: str, words: str, by: str) -> None:
    """Keep a sentence about a run that decides nothing."""
    _note(run_id, "", "comment", words, by)


def give(
    run_id: str, outcome: Outcome, by: str, words: str = "", subjects: list[str] | None = None
) -> int:
    """Record what a person says about decisions of a run: all its judgements, or the named ones;
    how many there were.
    """
    # of the steps none takes in what a person says
    from f.millrace.memory import results

    with db.transaction() as connection:
        rows = connection.execute(
            "UPDATE decision SET outcome = %s, outcome_by = %s, outcome_at = clock_timestamp()"
            " WHERE run_id = %s AND ((%s::text[] IS NULL AND kind = 'judgement') OR subject ="
            " ANY(%s::text[])) RETURNING kind, subject, confidence",
            [outcome, by, run_id, subjects, subjects],
        ).fetchall()
        for row in rows:
            _note(run_id, row["subject"], outcome, words, by)
            audit.append(
                by, f"{row['kind']}.{outcome}", row["subject"], run_id, confidence=row["confidence"]
            )
        if not rows:
            _note(run_id, "", outcome, words, by)
        results.review(run_id, [row["subject"] for row in rows], REVIEWS[outcome])
    return len(rows)


def list_of_run(run_id: str) -> list[ReportedDecision]:
    """Return the decisions of a run, in the order in which they were made."""
    return db.fetch_all(
        "SELECT kind, subject, title, confidence, escalated, outcome FROM decision WHERE run_id ="
        " %s ORDER BY id",
        [run_id],
    )


def _note(run_id: str | None, subject: str, verdict: str, words: str, by: str) -> None:
    if run_id:
        db.execute(
            "INSERT INTO feedback (run_id, subject, verdict, comment, given_by) VALUES (%s, %s, %s,"
            " %s, %s)",
            [run_id, subject, verdict, redaction.redact(words), by],
        )
