"""What the research loop is worth: RAMDocs questions (conflicting, noisy and wrong documents), loop on beside loop off.

Offline model; the questions are recorded data beside the checkout (HanNight/RAMDocs, MIT) and are not part of it.
"""

import json
import os
import uuid
from typing import Any

from f.millrace.core import config, db
from scripts.database.embedded import temporary
from scripts.paths import ROOT

QUESTIONS = ROOT.parent / "shared/data/ramdocs/dev_100.jsonl"


def measure() -> dict[str, Any]:
    """Return for each side: share of gold answers found, topics that keep a wrong answer unmarked, topics with conflicts."""
    if not QUESTIONS.exists():
        return {"skipped": "the recorded questions are not beside this checkout"}
    questions = [json.loads(line) for line in QUESTIONS.read_text().splitlines()]
    with temporary() as url:
        os.environ["MILLRACE_DATABASE_URL"] = url
        config.reload()
        db.migrate()
        figures = {"loop_on": _side(questions, loop=True), "loop_off": _side(questions, loop=False)}
        db.close()
    return {**figures, "questions": len(questions), "model": "offline"}


def _side(questions: list[dict[str, Any]], loop: bool) -> dict[str, Any]:
    from f.millrace.agents.researcher import research_topic
    from f.millrace.core.context import current
    from f.millrace.telemetry.spans import step

    gold = found = wrong = conflicts = 0
    with step("bench.research", run_id=str(uuid.uuid4())):
        for number, question in enumerate(questions):
            documents = [
                {"url": f"https://source{place}.example/{number}", "title": "", "text": each["text"], "source": f"source{place}"}
                for place, each in enumerate(question["documents"])
            ]
            topic = {"id": f"ramdocs-{number}", "title": question["question"], "documents": documents, "search": False}
            result = research_topic(current().run_id, topic, loop=loop)
            disputed = " ".join(side.claim for conflict in result.conflicts for side in conflict.sides).lower()
            text = " ".join(finding.text for finding in result.findings).lower()
            gold += len(question["gold_answers"])
            found += sum(answer.lower() in text for answer in question["gold_answers"])
            wrong += any(answer.lower() in text and answer.lower() not in disputed for answer in question["wrong_answers"])
            conflicts += bool(result.conflicts)
    return {"gold_answers_found": round(found / gold, 3), "topics_with_wrong_answer": wrong, "topics_with_conflicts": conflicts}
