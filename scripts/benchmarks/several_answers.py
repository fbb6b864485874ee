"""Questions with two or three right answers, one for each thing of a name (RAMDocs): are all of
them listed, is no wrong one asserted, and are right ones not set against each other.

Offline model, loop on. The rules were made looking at three of four questions; the fourth ones were
held out. The questions are recorded data beside the checkout (HanNight/RAMDocs, MIT)
and are not part of it.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from f.millrace.core import config, db
from scripts.database.embedded import temporary
from scripts.paths import ROOT

if TYPE_CHECKING:
    from f.millrace.evidence import pool

QUESTIONS = ROOT.parent / "shared/data/ramdocs/dev_several.jsonl"
# One who does it, the doing and the plural are one word in three forms.
ENDINGS = re.compile(r"(?<=\w{3})(?:ing|ers?|s)(?= )")


def measure() -> dict[str, Any]:
    """Return the shares for each half of the questions."""
    if not QUESTIONS.exists():
        return {"skipped": "the recorded questions are not beside this checkout"}
    questions = [json.loads(line) for line in QUESTIONS.read_text().splitlines()]
    made_with = [question for place, question in enumerate(questions) if place % 4 != 3]
    with temporary() as url:
        os.environ["MILLRACE_DATABASE_URL"] = url
        config.reload()
        db.migrate()
        figures = {
            "made_with": shares([grade(q, r) for q, r in answer(made_with)]),
            "held_out": shares([grade(q, r) for q, r in answer(questions[3::4])]),
        }
        db.close()
    return {**figures, "model": "offline"}


def answer(questions: list[dict[str, Any]]) -> list[tuple[dict[str, Any], Any]]:
    """Return each question with what the research made of its documents."""
    from f.millrace.agents import researcher
    from f.millrace.telemetry import spans

    run_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"several {questions[0]['question']}"))
    results = []
    with spans.step("bench.several_answers", run_id=run_id):
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
                "id": f"several-{number}",
                "title": question["question"],
                "documents": documents,
                "search": False,
            }
            results.append((question, researcher.research_topic(run_id, topic)))
    return results


def grade(question: dict[str, Any], result: Any) -> dict[str, bool]:
    """Return what holds of one answer. Values are compared by their words, without marks and
    capitals.

    - listed: each right answer stands in a finding
    - listed_or_told: each stands in a finding or on a side of a conflict that is not distrusted
    - wrong_in_findings, wrong_asserted: a wrong one stands in a finding; in one and in no conflict,
      or on a side that is trusted
    - right_against_right: a conflict sets two right answers against each other
    - first_answers: the first finding holds a right answer
    - first_answers_in_a_form: the same, with each word without an ending of ENDINGS (`boxer` for
      `Boxing`)
    """
    golds = {_words(value) for value in question["gold_answers"]}
    wrongs = {
        wrong for wrong in map(_words, question["wrong_answers"]) if not _is_in(wrong, list(golds))
    }
    found = [_words(finding.text_with_subject) for finding in result.findings]
    told = [_words(side.claim) for side in _sides(result)]
    standing = [*found, *_claims(result, lambda trusted, number: trusted in (None, number))]
    trusted = _claims(result, lambda trusted, number: trusted == number)
    untold = [wrong for wrong in wrongs if not _is_in(wrong, told)]
    return {
        "listed": all(_is_in(gold, found) for gold in golds),
        "listed_or_told": all(_is_in(gold, standing) for gold in golds),
        "wrong_in_findings": _any_in(wrongs, found),
        "wrong_asserted": _any_in(untold, found)
        or any(_any_in(wrongs, [said]) and not _any_in(golds, [said]) for said in trusted),
        "right_against_right": any(_apart(conflict, golds) for conflict in result.conflicts),
        "first_answers": _any_in(golds, found[:1]),
        "first_answers_in_a_form": _any_in(
            map(_drop_endings, golds), [*map(_drop_endings, found[:1])]
        ),
    }


def _claims(result: Any, wanted: Callable[[int | None, int], bool]) -> list[str]:
    """Return what those sides say of whose conflict's trusted side and own number this holds."""
    return [
        _words(side.claim)
        for conflict in result.conflicts
        for number, side in enumerate(conflict.sides)
        if wanted(conflict.trusted, number)
    ]


def _any_in(values: Iterable[str], texts: list[str]) -> bool:
    return any(_is_in(value, texts) for value in values)


def _sides(result: Any) -> list[Any]:
    return [side for conflict in result.conflicts for side in conflict.sides]


def _is_in(value: str, texts: list[str]) -> bool:
    return any(_holds(text, value) for text in texts)


def _apart(conflict: Any, golds: set[str]) -> bool:
    """Tell whether two sides hold different right answers."""
    held = [frozenset(g for g in golds if _holds(_words(s.claim), g)) for s in conflict.sides]
    return len({one for one in held if one}) > 1


def shares(grades: list[dict[str, bool]]) -> dict[str, Any]:
    """Return the share of questions for each fact, and the two that count."""
    count = len(grades)
    made = {name: sum(grade[name] for grade in grades) / count for name in grades[0]}
    made["complete_in_findings"] = (
        sum(grade["listed"] and not grade["wrong_in_findings"] for grade in grades) / count
    )
    made["complete"] = (
        sum(grade["listed_or_told"] and not grade["wrong_asserted"] for grade in grades) / count
    )
    return {name: round(value, 3) for name, value in made.items()} | {"questions": count}


def _words(text: str) -> str:
    return " " + " ".join(re.findall(r"\w+", text.lower().replace(",", ""))) + " "


def _drop_endings(words: str) -> str:
    return ENDINGS.sub("", words)


def _holds(text: str, value: str) -> bool:
    return value.strip() != "" and value in text
