"""Time of recall among many items with natural word frequencies, agreement with scoring every item,
and narrow filters.

Items stand alone; passages of documents are measured in a namespace of their own, where neighbours
count too.
"""

import contextlib
import math
import os
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from f.millrace.core import db
from f.millrace.memory import hybrid, vectors
from scripts.benchmarks.memory_peers import Peers

ITEMS = int(os.environ.get("BENCH_ITEMS", "50000"))
NAMESPACE, DOCUMENTS = "big", "documents"
# A fifth as many passages, of documents of so many.
PASSAGES, PASSAGES_EACH = ITEMS // 5, 25
QUERIES, REPEATS = 60, 3
# Scoring every item takes a second or two each.
CHECKED = 15
WORDS, CENTRES, DIMENSIONS, SPREAD = 30_000, 200, 384, 0.7
PARTS = 50
# How deep the peer reads: 40 neighbours by vector are what its index gives.
SHALLOW = hybrid.Depth(
    full=0, weighed=0, nearest=40, postings=50, heaviest=20, further=0, finalists=20, compared=10
)
# The peer's lists of vectors and of words; its own four are too short for ten results.
LISTS = 100
COUNTS = (2, 4, 8, 15)
ALL = hybrid.Filter("m.valid @> statement_timestamp()", {}, narrow=False)


class Made:
    """Texts of words that follow Zipf's law (the n-th is n times as rare as the first), vectors in
    clusters.
    """

    def __init__(self) -> None:
        self.draw = random.Random(7)
        self.weights = [1 / (rank + 2.7) for rank in range(WORDS)]
        self.words = [f"w{number}" for number in range(WORDS)]
        self.centres = [self.anything() for _ in range(CENTRES)]

    def text(self, words: int) -> str:
        """Return so many words."""
        return " ".join(self.draw.choices(self.words, self.weights, k=words))

    def vector(self) -> list[float]:
        """Return a vector near the middle of a cluster."""
        return [value + self.draw.gauss(0, SPREAD) for value in self.draw.choice(self.centres)]

    def anything(self) -> list[float]:
        """Return a vector that is near to no item."""
        return [self.draw.gauss(0, 1) for _ in range(DIMENSIONS)]


@dataclass(frozen=True)
class Timed:
    """What one search took: as the caller waits for it, and of the server's processor."""

    ids: list[str]
    wall_ms: float
    cpu_ms: float | None


# complexipy: ignore (sizes, kinds of question and systems: one table of measurements)
def many(peers: Peers) -> dict[str, Any]:
    """Return milliseconds by number of content words, agreement, work done, and the peer's time for
    the same questions.
    """
    made = Made()
    _fill(made)
    model, answer = vectors.active(), {}
    questions = {
        count: [(made.text(count), made.vector()) for _ in range(QUERIES)] for count in COUNTS
    }
    best: dict[int, list[set[str]]] = {}
    for count, texts in questions.items():
        asked = [
            hybrid.SearchRequest(text, NAMESPACE, 10, vector, model, ALL) for text, vector in texts
        ]
        best[count] = [_best(one) for one in asked[:CHECKED]]
        took = [timed(one) for one in asked]
        quick = [timed(one._replace(depth=SHALLOW)) for one in asked]
        cpu = [one.cpu_ms for one in took if one.cpu_ms is not None]
        answer[f"{count}_words"] = {
            **times("", [one.wall_ms for one in took]),
            **(times("cpu_", cpu) if cpu else {}),
            "same_top_10": _same([one.ids for one in took], best[count]),
            **_work(asked[:CHECKED]),
            "as_deep_as_the_peer": {
                **times("", [one.wall_ms for one in quick]),
                "same_top_10": _same([one.ids for one in quick], best[count]),
            },
        }
    answer["unrelated_vectors"] = _agreement(
        {
            count: [
                hybrid.SearchRequest(made.text(count), NAMESPACE, 10, made.anything(), model, ALL)
                for _ in range(CHECKED)
            ]
            for count in COUNTS
        }
    )
    filtered = [(made.text(4), made.vector()) for _ in range(20)]
    answer["filter_2_percent"] = _filtered(model, filtered)
    _beside(peers, answer, questions, best, filtered)
    answer["passages_of_documents"] = _documents(made, model)
    return {"items": ITEMS, "queries_of_each_length": QUERIES, "repeats": REPEATS, **answer}


def _documents(made: Made, model: vectors.Model) -> dict[str, Any]:
    """Return time and agreement among passages, by number of content words."""
    _fill_documents(made)
    asked = {
        count: [
            hybrid.SearchRequest(made.text(count), DOCUMENTS, 10, made.vector(), model, ALL)
            for _ in range(CHECKED)
        ]
        for count in COUNTS
    }
    return {"passages": PASSAGES, **_agreement(asked)}


def _agreement(questions: dict[int, list[hybrid.SearchRequest]]) -> dict[str, Any]:
    """Return time and agreement by number of content words."""
    found: dict[str, Any] = {}
    for count, asked in questions.items():
        took = [timed(one) for one in asked]
        same = _same([one.ids for one in took], [_best(one) for one in asked])
        found[f"{count}_words"] = {**times("", [one.wall_ms for one in took]), "same_top_10": same}
    return found


def _fill(made: Made) -> None:
    for start in range(0, ITEMS, 1000):
        numbers = range(start, min(start + 1000, ITEMS))
        texts = [made.text(made.draw.randint(20, 80)) for _ in numbers]
        _store(
            NAMESPACE,
            start,
            texts,
            [{"group": number % PARTS} for number in numbers],
            [made.vector() for _ in numbers],
        )
    db.execute("VACUUM ANALYZE")


def _fill_documents(made: Made) -> None:
    """Store documents: a third of the words and most of the meaning of each are its own."""
    for start in range(0, PASSAGES, PASSAGES_EACH):
        own, middle = made.text(60).split(), made.vector()
        places = [{"document": str(start), "ordinal": ordinal} for ordinal in range(PASSAGES_EACH)]
        texts = [f"{made.text(70)} {' '.join(made.draw.choices(own, k=30))}" for _ in places]
        near = [[value + made.draw.gauss(0, SPREAD) for value in middle] for _ in places]
        _store(DOCUMENTS, start, texts, places, near)
    db.execute("VACUUM ANALYZE")


def _store(
    namespace: str,
    start: int,
    texts: list[str],
    metadata: list[dict[str, Any]],
    near: list[list[float]],
) -> None:
    with db.transaction() as connection:
        connection.execute(
            """INSERT INTO memory_item (id, namespace, type, raw_text, metadata, content_hash,
                   valid, embedding, embedding_model)
            SELECT %(namespace)s || '_' || n, %(namespace)s, 'note',
                   jsonb_build_object('text', text), metadata, n,
                   tstzmultirange(tstzrange(now(), NULL)), vector::vector, 1
            FROM unnest(%(texts)s::text[], %(metadata)s::jsonb[], %(vectors)s::text[])
                WITH ORDINALITY AS t (text, metadata, vector, place)
            CROSS JOIN LATERAL (SELECT (%(start)s + place)::text AS n) named""",
            {
                "namespace": namespace,
                "start": start,
                "texts": texts,
                "metadata": [db.jsonb(one) for one in metadata],
                "vectors": [vectors.to_sql(one) for one in near],
            },
        )


def timed(asked: hybrid.SearchRequest) -> Timed:
    """Ask once for the pages and then as often as is counted; the median of each time."""
    rows = hybrid.search(asked)
    wall, cpu = [], []
    for _ in range(REPEATS):
        before, began = _server_cpu(), time.perf_counter()
        rows = hybrid.search(asked)
        wall.append((time.perf_counter() - began) * 1000)
        after = _server_cpu()
        if before is not None and after is not None:
            cpu.append(after - before)
    return Timed(
        [row["id"] for row in rows],
        statistics.median(wall),
        statistics.median(cpu) if cpu else None,
    )


def _server_cpu() -> float | None:
    """Return the milliseconds of processor time that the server's process of this connection has
    used, on Linux.
    """
    with db.connect() as connection, contextlib.suppress(OSError):
        return (
            int(Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0]) / 1e6
        )
    return None


def times(name: str, spent: Sequence[float]) -> dict[str, float]:
    ordered = sorted(spent)
    at = {"p50": len(ordered) // 2, "p95": math.ceil(len(ordered) * 0.95) - 1}
    return {f"{name}{rank}_ms": round(ordered[place], 1) for rank, place in at.items()}


def _best(asked: hybrid.SearchRequest) -> set[str]:
    """Return the ids of the ten that are best when every item is scored."""
    return {row["id"] for row in hybrid.search(asked._replace(depth=hybrid.EVERYTHING))}


def _same(found: Sequence[Sequence[str]], best: Sequence[set[str]]) -> float:
    """Return the share of the best that was found, over the questions with a known best."""
    shares = [len(set(ids) & whole) / len(whole) for ids, whole in zip(found, best, strict=False)]
    return round(statistics.fmean(shares), 4)


def _work(questions: list[hybrid.SearchRequest]) -> dict[str, float]:
    """Return the server's count of pages touched, milliseconds of planning and execution."""
    pages, planning, execution = [], [], []
    for asked in questions:
        text, values = hybrid.statement(asked)
        with db.connect() as connection:
            told = connection.execute(
                "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) " + text,  # type: ignore[arg-type]
                values,
                prepare=False,
            )
            found = next(iter((told.fetchone() or {}).values()))[0]
        pages.append(found["Plan"]["Shared Hit Blocks"] + found["Plan"]["Shared Read Blocks"])
        planning.append(found["Planning Time"])
        execution.append(found["Execution Time"])
    return {
        "pages_p50": statistics.median(pages),
        "planning_ms_p50": round(statistics.median(planning), 1),
        "execution_ms_p50": round(statistics.median(execution), 1),
    }


def _filtered(model: vectors.Model, questions: list[tuple[str, list[float]]]) -> dict[str, Any]:
    only = hybrid.Filter(
        "m.valid @> statement_timestamp() AND m.metadata @> %(fields)s",
        {"fields": db.jsonb({"group": 7})},
        narrow=True,
    )
    asked = [
        hybrid.SearchRequest(text, NAMESPACE, 10, vector, model, only) for text, vector in questions
    ]
    took = [timed(one) for one in asked]
    same = _same([one.ids for one in took], [_best(one) for one in asked])
    least = min(len(one.ids) for one in took)
    return {"least_results": least, "recall": same, **times("", [one.wall_ms for one in took])}


def _beside(
    peers: Peers,
    answer: dict[str, Any],
    questions: dict[int, list[tuple[str, list[float]]]],
    best: dict[int, list[set[str]]],
    filtered: list[tuple[str, list[float]]],
) -> None:
    everything = [one for asked in questions.values() for one in asked]
    given = {
        "namespace": NAMESPACE,
        "questions": [text for text, _ in everything],
        "vectors": [vector for _, vector in everything],
        "lists": LISTS,
        "repeats": REPEATS,
        "filtered": {
            "part": "7",
            "questions": [text for text, _ in filtered],
            "vectors": [vector for _, vector in filtered],
        },
    }
    theirs = peers.run("langchain", given)
    if theirs is None:
        return
    for number, count in enumerate(COUNTS):
        mine = slice(number * QUERIES, (number + 1) * QUERIES)
        ours, spent = answer[f"{count}_words"], times("", theirs["ms"][mine])
        ours["langchain"] = {
            **spent,
            "same_top_10": _same(theirs["found"][mine], best[count]),
            "found_by_words_p50": statistics.median(
                _found_by_words(text) for text, _ in questions[count]
            ),
            "ours_to_theirs_p95": round(ours["p95_ms"] / spent["p95_ms"], 3),
            "as_deep_as_the_peer_to_theirs_p95": round(
                ours["as_deep_as_the_peer"]["p95_ms"] / spent["p95_ms"], 3
            ),
        }
    few = theirs["filtered"]
    answer["filter_2_percent"]["langchain"] = {
        "least_results": min(len(best) for best in few["found"]), **times("", few["ms"]),
    }  # fmt: skip


def _found_by_words(question: str) -> int:
    """Return in how many items the peer's words search finds the question: those that have all of
    its words.
    """
    words = "SELECT count(*) AS n FROM {} WHERE content_tsv @@ plainto_tsquery('english', %s)"
    statement = sql.SQL(words).format(sql.Identifier(f"peer_{NAMESPACE}_{LISTS}"))
    with db.connect() as connection:
        return (connection.execute(statement, [question]).fetchone() or {})["n"]
