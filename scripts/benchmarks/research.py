"""What the research loop is worth: RAMDocs questions (conflicting, noisy and wrong documents), loop
on beside loop off.

Offline model; the questions are recorded data beside the checkout (HanNight/RAMDocs, MIT) and are
not part of it. The rules of the loop were made looking at the first half of the questions; the
second half was held out.
"""

from __future__ import annotations

import json
import os
import uuid
from typing import TYPE_CHECKING, Any

from f.millrace.core import config, db
from scripts.database.embedded import temporary
from scripts.paths import ROOT

if TYPE_CHECKING:
    from f.millrace.agents import researcher
    from f.millrace.evidence import pool

QUESTIONS = ROOT.parent / "shared/data/ramdocs/dev_100.jsonl"


def measure() -> dict[str, Any]:
    """Return for each half and each side of the ablation what was found, what wrong was kept, and
    how conflicts ended.
    """
    if not QUESTIONS.exists():
        return {"skipped": "the recorded questions are not beside this checkout"}
    questions = [json.loads(line) for line in QUESTIONS.read_text().splitlines()]
    middle = len(questions) // 2
    halves = {"made_with": questions[:middle], "held_out": questions[middle:]}
    with temporary() as url:
        os.environ["MILLRACE_DATABASE_URL"] = url
        config.reload()
        db.migrate()
        figures = {
            half: {"loop_on": _side(asked, loop=True), "loop_off": _side(asked, loop=False)}
            for half, asked in halves.items()
        }
        db.close()
    return {**figures, "questions": len(questions), "model": "offline"}


def _side(questions: list[dict[str, Any]], loop: bool) -> dict[str, Any]:
    from f.millrace.agents.researcher import research_topic
    from f.millrace.core.run_context import current
    from f.millrace.telemetry.spans import step

    counts: dict[str, int] = dict.fromkeys(
        (
            "gold",
            "gold_found",
            "wrong_kept",
            "conflicts",
            "true_conflicts",
            "trusted_right",
            "trusted_wrong",
            "undecided",
        ),
        0,
    )
    with step(
        "bench.research",
        run_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"research {loop} {questions[0]['question']}")),
    ):
        for number, question in enumerate(questions):
            documents: list[pool.GivenDocument] = [
                {
                    "url": f"https://source{place}.example/{number}",
                    "title": "",
                    "text": each["text"],
                    "source": f"source{place}",
                }
                for place, each in enumerate(question["documents"])
            ]
            topic: researcher.ResearchTopic = {
                "id": f"ramdocs-{number}",
                "title": question["question"],
                "documents": documents,
                "search": False,
            }
            _count(counts, question, research_topic(current().run_id, topic, loop=loop))
    gold = counts.pop("gold")
    return {
        "gold_answers_found": round(counts.pop("gold_found") / gold, 3),
        "topics": len(questions),
        **counts,
    }


# complexipy: ignore (a paragraph for each count of the report)
def _count(counts: dict[str, int], question: dict[str, Any], result: Any) -> None:
    """Add a topic. A gold answer is found when it stands in a finding or on a side of an undecided
    conflict; a wrong one is kept when it stands in a finding and no conflict shows it as disputed.
    """
    golds, wrongs = (
        [answer.lower() for answer in question[name]] for name in ("gold_answers", "wrong_answers")
    )
    text = " ".join(finding.text for finding in result.findings).lower()
    sides = [[side.claim.lower() for side in conflict.sides] for conflict in result.conflicts]
    disputed = " ".join(claim for claims in sides for claim in claims)
    open_sides = " ".join(
        c
        for claims, conflict in zip(sides, result.conflicts, strict=True)
        if conflict.trusted is None
        for c in claims
    )
    counts["gold"] += len(golds)
    counts["gold_found"] += sum(answer in text or answer in open_sides for answer in golds)
    counts["wrong_kept"] += any(answer in text and answer not in disputed for answer in wrongs)
    counts["conflicts"] += bool(sides)
    for claims, conflict in zip(sides, result.conflicts, strict=True):
        right = [_holds(claim, golds) and not _holds(claim, wrongs) for claim in claims]
        wrong = [_holds(claim, wrongs) and not _holds(claim, golds) for claim in claims]
        if any(right) and any(wrong):
            counts["true_conflicts"] += 1
            counts["undecided"] += conflict.trusted is None
            counts["trusted_right"] += conflict.trusted is not None and right[conflict.trusted]
            counts["trusted_wrong"] += conflict.trusted is not None and wrong[conflict.trusted]
            return


def _holds(text: str, answers: list[str]) -> bool:
    return any(answer in text for answer in answers)
