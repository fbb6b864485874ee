"""The public collections that recall is measured on, and what is counted."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Conversations 1 to 3 were used to fit the weights; the others are measured.
HELD_OUT = slice(3, None)
MONTHS: Sequence[str] = (
    "january february march april may june july august september october november december".split()
)


@dataclass(frozen=True)
class Turn:
    """Something said."""

    name: str
    speaker: str
    text: str
    at: datetime
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Question:
    """A question and the turns that answer it."""

    text: str
    evidence: frozenset[str]

    def recall(self, found: Sequence[str]) -> float:
        """Return the share of the evidence that was found."""
        return len(self.evidence & set(found)) / len(self.evidence)


@dataclass(frozen=True)
class Talk:
    """A conversation of many sessions, with its questions."""

    name: str
    turns: list[Turn]
    questions: list[Question]

    def as_json(self) -> dict[str, Any]:
        """Return what a peer is given: who spoke and when is part of the text, as it is all that a
        peer reads.
        """
        return {
            "name": self.name,
            "turns": [
                [turn.name, f"{turn.at:%d %B %Y} {turn.speaker}: {turn.text}"]
                for turn in self.turns
            ],
            "questions": [question.text for question in self.questions],
        }


def talks(folder: Path, part: slice = HELD_OUT) -> list[Talk]:
    """Return the conversations of LoCoMo, the held-out ones by default."""
    read = sorted(
        json.loads((folder / "locomo10.json").read_text()), key=lambda talk: talk["sample_id"]
    )
    return [_talk(talk) for talk in read[part]]


def _talk(talk: dict[str, Any]) -> Talk:
    turns = list(_turns(talk["conversation"]))
    names = {turn.name for turn in turns}
    found = ((one["question"], frozenset(_named(one)) & names) for one in talk["qa"])
    return Talk(
        "talk-" + talk["sample_id"],
        turns,
        [Question(text, evidence) for text, evidence in found if evidence],
    )


def _named(one: dict[str, Any]) -> list[str]:
    return [name for text in one.get("evidence", []) for name in re.findall(r"D\d+:\d+", text)]


def _turns(talk: dict[str, Any]) -> Any:
    for number in range(1, 100):
        stamp = re.search(
            r"(\d+):(\d+) (am|pm) on (\d+) (\w+), (\d+)",
            talk.get(f"session_{number}_date_time", ""),
        )
        if stamp is None:
            continue
        hour, minute, half, day, month, year = stamp.groups()
        hours = int(hour) % 12 + 12 * (half == "pm")
        at = datetime(
            int(year), MONTHS.index(month.lower()) + 1, int(day), hours, int(minute), tzinfo=UTC
        )
        for ordinal, turn in enumerate(talk.get(f"session_{number}", [])):
            text = turn["text"] + (
                f" [shares {turn['blip_caption']}]" if turn.get("blip_caption") else ""
            )
            metadata = {"session": str(number), "ordinal": ordinal, "name": turn["dia_id"]}
            yield Turn(turn["dia_id"], turn["speaker"], text or "-", at, metadata)


@dataclass(frozen=True)
class Cranfield:
    """Abstracts (title, body), questions, and for each question that has any the relevant
    abstracts.
    """

    texts: list[tuple[str, str]]
    questions: list[str]
    relevant: dict[int, set[int]]

    def ndcg(self, found: Sequence[Sequence[int]]) -> list[float]:
        """Return nDCG at 10 of each question that has relevant abstracts."""
        return [
            _ndcg(best, self.relevant[number])
            for number, best in enumerate(found)
            if number in self.relevant
        ]


def cranfield(folder: Path) -> Cranfield:
    """Return the collection."""
    texts = []
    for part in re.split(r"^\.I ", (folder / "cran.all.1400").read_text(), flags=re.M)[1:]:
        title, body = (
            re.search(pattern, part, re.S | re.M) for pattern in (r"\.T\n(.*?)^\.A", r"^\.W\n(.*)")
        )
        texts.append(
            (" ".join(title[1].split()) if title else "", " ".join(body[1].split()) if body else "")
        )
    parts = re.split(r"^\.I ", (folder / "cran.qry").read_text(), flags=re.M)[1:]
    relevant: dict[int, set[int]] = {}
    for line in (folder / "cranqrel").read_text().splitlines():
        fields = line.split()
        if len(fields) > 2 and not fields[2].startswith("5"):
            relevant.setdefault(int(fields[0]) - 1, set()).add(int(fields[1]) - 1)
    return Cranfield(
        texts, [" ".join(part.split(".W\n", 1)[1].split()) for part in parts], relevant
    )


def _ndcg(found: Sequence[int], relevant: set[int]) -> float:
    gained = sum(
        1 / math.log2(place + 2) for place, number in enumerate(found[:10]) if number in relevant
    )
    return gained / sum(1 / math.log2(place + 2) for place in range(min(10, len(relevant))))
