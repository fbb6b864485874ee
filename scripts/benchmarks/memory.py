"""Recall: quality on two public collections and time among many items, beside bm25s,
langchain-postgres and mem0ai in the same run.

The collections are read from a folder (BENCH_DATA): locomo10.json, cran.all.1400, cran.qry,
cranqrel. What is not there is reported as missing. Weights were fitted on conversations 1 to 3;
conversations 4 to 10 are measured. Cranfield's judgements were never used to fit, but its figure
was seen while the weights of items without neighbours were chosen.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from f.millrace.core import config, db
from f.millrace.memory import hybrid, vectors
from f.millrace.memory.recall import search
from f.millrace.memory.store import Draft, remember, remember_all
from scripts.benchmarks import memory_collections, memory_many
from scripts.benchmarks.memory_peers import Peers
from scripts.database.embedded import temporary

# Of the seven held-out conversations; mem0ai takes minutes for each.
TALKS = int(os.environ.get("BENCH_TALKS", "7"))


def measure() -> dict[str, Any]:
    """Measure in a database of its own that is thrown away."""
    folder = Path(os.environ.get("BENCH_DATA", "../shared/data"))
    with temporary() as url, tempfile.TemporaryDirectory() as scratch:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE bench")
        url = url.rsplit("/", 1)[0] + "/bench"
        os.environ["MILLRACE_DATABASE_URL"] = url
        config.reload()
        db.migrate()
        peers = Peers(url, Path(scratch))
        return {
            "written_to_searchable_ms": _written_to_searchable(),
            "dialogues": _with(folder, ("locomo10.json",), peers, dialogues),
            "abstracts": _with(folder, ("cran.all.1400", "cran.qry", "cranqrel"), peers, abstracts),
            "items": memory_many.many(peers),
            "load": os.getloadavg()[0],
        }


def _with(folder: Path, names: Sequence[str], peers: Peers, work: Any) -> dict[str, Any]:
    missing = [name for name in names if not (folder / name).exists()]
    return {"missing": missing} if missing else work(folder, peers)


def _written_to_searchable() -> float:
    spent = []
    for number in range(5):
        started = time.perf_counter()
        item = remember("note", f"The {number}th xylograph of the harbour", namespace="written")
        found = search(f"{number}th xylograph", 1, namespace="written").results
        assert found and found[0].memory.id == item
        spent.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(spent), 1)


# complexipy: ignore (it reads another project's data set in its own nesting)
def dialogues(folder: Path, peers: Peers) -> dict[str, Any]:
    """Turn recall at 10 over the held-out conversations: the share of a question's evidence among
    the ten.
    """
    talks = memory_collections.talks(folder)[:TALKS]
    ours: list[float] = []
    spent: list[float] = []
    for talk in talks:
        drafts = [
            Draft(
                "turn",
                turn.text,
                turn.speaker,
                metadata=turn.metadata,
                valid_from=turn.at,
                near=False,
            )
            for turn in talk.turns
        ]
        remember_all(drafts, namespace=talk.name)
        vectors.embed_missing(talk.name)
        for question in talk.questions:
            started = time.perf_counter()
            results = search(question.text, 10, namespace=talk.name).results
            spent.append((time.perf_counter() - started) * 1000)
            ours.append(question.recall([result.memory.metadata["name"] for result in results]))
    answer: dict[str, Any] = {
        "conversations": len(talks),
        "questions": len(ours),
        "recall_at_10": mean(ours),
        "p50_ms_with_embedding": round(statistics.median(spent), 1),
    }
    given = {"talks": [talk.as_json() for talk in talks]}
    for name in ("bm25s", "mem0"):
        found = peers.run(name, given)
        if found is None:
            answer[name] = None
            continue
        pairs = zip(talks, found["found"], strict=True)
        theirs = [
            question.recall(best)
            for talk, lists in pairs
            for question, best in zip(talk.questions, lists, strict=True)
        ]
        answer[name] = {
            "recall_at_10": mean(theirs),
            "ours_to_theirs": ratio(mean(ours), mean(theirs)),
        }
        if found.get("ms"):
            answer[name]["p50_ms_with_embedding"] = round(statistics.median(found["ms"]), 1)
    return answer


# complexipy: ignore (it reads another project's data set in its own nesting)
def abstracts(folder: Path, peers: Peers) -> dict[str, Any]:
    """nDCG at 10 over the questions of the abstracts."""
    cranfield = memory_collections.cranfield(folder)
    drafts = [
        Draft("abstract", body or "-", title, metadata={"number": number}, near=False)
        for number, (title, body) in enumerate(cranfield.texts)
    ]
    ids = dict(zip(remember_all(drafts, namespace="abstracts"), range(len(drafts)), strict=True))
    vectors.embed_missing("abstracts")
    db.execute("VACUUM ANALYZE")
    ours, spent = [], []
    model = vectors.active()
    for question in cranfield.questions:
        started = time.perf_counter()
        results = search(question, 10, namespace="abstracts", plan="similar").results
        spent.append((time.perf_counter() - started) * 1000)
        ours.append([result.memory.metadata["number"] for result in results])
    answer: dict[str, Any] = {
        "questions": len(cranfield.relevant),
        "ndcg_at_10": mean(cranfield.ndcg(ours)),
        "p50_ms_with_embedding": round(statistics.median(spent), 1),
    }
    texts = [[number, f"{title} {body}"] for number, (title, body) in enumerate(cranfield.texts)]
    theirs = peers.run("bm25s", {"talks": [{"turns": texts, "questions": cranfield.questions}]})
    if theirs:
        answer["bm25s"] = _beside(answer, mean(cranfield.ndcg(theirs["found"][0])))
    asked = [vectors.embed_question(question, model) for question in cranfield.questions]
    answer["in_database"] = _in_database(cranfield, asked, model, hybrid.DEPTH)
    answer["as_deep_as_the_peer"] = _in_database(cranfield, asked, model, memory_many.SHALLOW)
    for lists in (4, 100):
        given = {
            "namespace": "abstracts",
            "questions": cranfield.questions,
            "vectors": asked,
            "lists": lists,
        }
        theirs = peers.run("langchain", given)
        if theirs:
            found = [[ids[item] for item in best] for best in theirs["found"]]
            spent_there = memory_many.times("", theirs["ms"])
            answer[f"langchain_lists_of_{lists}"] = {
                **_beside(answer, mean(cranfield.ndcg(found))),
                **spent_there,
                "ours_to_theirs_p95": ratio(answer["in_database"]["p95_ms"], spent_there["p95_ms"]),
            }
    return answer


def _in_database(
    cranfield: memory_collections.Cranfield,
    vectors_asked: list[list[float]],
    model: vectors.Model,
    depth: hybrid.Depth,
) -> dict[str, Any]:
    """Return nDCG and times of the questions whose vectors are given, read so deep."""
    found = [
        memory_many.timed(
            hybrid.SearchRequest(
                question.lower(), "abstracts", 10, vector, model, memory_many.ALL, depth=depth
            )
        )
        for question, vector in zip(cranfield.questions, vectors_asked, strict=True)
    ]
    numbers = {
        row["id"]: row["number"]
        for row in db.fetch_all(
            "SELECT id, (metadata ->> 'number')::integer AS number FROM memory_item"
            " WHERE namespace = 'abstracts'"
        )
    }
    ndcg = mean(cranfield.ndcg([[numbers[item] for item in one.ids] for one in found]))
    return {"ndcg_at_10": ndcg, **memory_many.times("", [one.wall_ms for one in found])}


def _beside(ours: dict[str, Any], theirs: float | None) -> dict[str, Any]:
    return {"ndcg_at_10": theirs, "ours_to_theirs": ratio(ours["ndcg_at_10"], theirs)}


def mean(values: Sequence[float]) -> float | None:
    """Return the mean to four digits; None of nothing."""
    return round(statistics.fmean(values), 4) if values else None


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """Return how many times theirs ours is."""
    return round(ours / theirs, 3) if ours is not None and theirs else None
