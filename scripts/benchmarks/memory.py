"""Recall: quality on two public collections beside bm25s, and how long the database takes among 50,000 items.

The collections are read from a folder (BENCH_DATA): locomo10.json, cran.all.1400, cran.qry, cranqrel. What is not there
is reported as missing. Peers run in an environment of their own: BENCH_PEERS names its Python; without it they are left out.
"""

import json
import math
import os
import random
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from f.millrace.core import config, db
from f.millrace.memory import hybrid, vectors
from f.millrace.memory.recall import search
from f.millrace.memory.store import Draft, remember, remember_all
from scripts.database.embedded import temporary

ITEMS = int(os.environ.get("BENCH_ITEMS", "50000"))
QUERIES = 60
# Conversations 1 to 3 were used to fit the weights; the others are measured.
HELD_OUT = slice(3, None)
MONTHS: Sequence[str] = "january february march april may june july august september october november december".split()

# What a peer does: texts and questions on standard input, the numbers of the best texts for each question on standard output.
BM25S = """
import json, sys, bm25s, Stemmer
given = json.load(sys.stdin)
stem = Stemmer.Stemmer("english")
index = bm25s.BM25()
index.index(bm25s.tokenize(given["texts"], stopwords="en", stemmer=stem, show_progress=False), show_progress=False)
found, _ = index.retrieve(bm25s.tokenize(given["questions"], stopwords="en", stemmer=stem, show_progress=False), k=min(10, len(given["texts"])), show_progress=False)
print(json.dumps(found.tolist()))
"""


def measure() -> dict[str, Any]:
    """Measure in a database of its own that is thrown away."""
    folder = Path(os.environ.get("BENCH_DATA", "../shared/data"))
    with temporary() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE bench")
        os.environ["MILLRACE_DATABASE_URL"] = url.rsplit("/", 1)[0] + "/bench"
        config.reload()
        db.migrate()
        return {
            "written_to_searchable_ms": _written_to_searchable(),
            "dialogues": _with(folder, ("locomo10.json",), dialogues),
            "abstracts": _with(folder, ("cran.all.1400", "cran.qry", "cranqrel"), abstracts),
            "items": many(),
            "load": os.getloadavg()[0],
        }


def _with(folder: Path, names: Sequence[str], work: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    missing = [name for name in names if not (folder / name).exists()]
    return {"missing": missing} if missing else work(folder)


def _written_to_searchable() -> float:
    spent = []
    for number in range(5):
        started = time.perf_counter()
        item = remember("note", f"The {number}th xylograph of the harbour", namespace="written")
        found = search(f"{number}th xylograph", 1, namespace="written").results
        assert found and found[0].memory.id == item
        spent.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(spent), 1)


def dialogues(folder: Path) -> dict[str, Any]:
    """Turn recall at 10 over the held-out conversations, beside bm25s."""
    ours, peers = [], []
    talks = sorted(json.loads((folder / "locomo10.json").read_text()), key=lambda talk: talk["sample_id"])
    for talk in talks[HELD_OUT]:
        namespace = "talk-" + talk["sample_id"]
        turns = list(_turns(talk["conversation"]))
        remember_all([draft for _, draft in turns], namespace=namespace)
        vectors.embed_missing(namespace)
        names = [name for name, _ in turns]
        asked = [(one["question"], evidence) for one in talk["qa"] if (evidence := _evidence(one, set(names)))]
        for question, evidence in asked:
            found = {
                result.memory.metadata["name"] for result in search(question, 10, namespace=namespace, plan="similar").results
            }
            ours.append(len(found & evidence) / len(evidence))
        for (_, evidence), best in zip(
            asked, _peer([draft.text for _, draft in turns], [question for question, _ in asked]), strict=False
        ):
            peers.append(len({names[number] for number in best} & evidence) / len(evidence))
    return {"questions": len(ours), "recall_at_10": _mean(ours), "bm25s": _mean(peers)}


def _turns(talk: dict[str, Any]) -> Any:
    for number in range(1, 100):
        stamp = re.search(r"(\d+):(\d+) (am|pm) on (\d+) (\w+), (\d+)", talk.get(f"session_{number}_date_time", ""))
        if stamp is None:
            continue
        hour, minute, half, day, month, year = stamp.groups()
        at = datetime(
            int(year), MONTHS.index(month.lower()) + 1, int(day), int(hour) % 12 + 12 * (half == "pm"), int(minute), tzinfo=UTC
        )
        for ordinal, turn in enumerate(talk.get(f"session_{number}", [])):
            text = turn["text"] + (f" [shares {turn['blip_caption']}]" if turn.get("blip_caption") else "")
            metadata = {"session": str(number), "ordinal": ordinal, "name": turn["dia_id"]}
            yield turn["dia_id"], Draft("turn", text or "-", turn["speaker"], metadata=metadata, valid_from=at, near=False)


def _evidence(one: dict[str, Any], names: set[str]) -> set[str]:
    return {name for text in one.get("evidence", []) for name in re.findall(r"D\d+:\d+", text)} & names


def abstracts(folder: Path) -> dict[str, Any]:
    """nDCG at 10 over the questions of the abstracts, beside bm25s."""
    parts = re.split(r"^\.I ", (folder / "cran.all.1400").read_text(), flags=re.M)[1:]
    texts = []
    for part in parts:
        title, body = (re.search(pattern, part, re.S | re.M) for pattern in (r"\.T\n(.*?)^\.A", r"^\.W\n(.*)"))
        texts.append((" ".join(title[1].split()) if title else "", " ".join(body[1].split()) if body else ""))
    drafts = [
        Draft("abstract", body or "-", title, metadata={"number": number}, near=False)
        for number, (title, body) in enumerate(texts)
    ]
    remember_all(drafts, namespace="abstracts")
    vectors.embed_missing("abstracts")
    asked = [
        " ".join(part.split(".W\n", 1)[1].split())
        for part in re.split(r"^\.I ", (folder / "cran.qry").read_text(), flags=re.M)[1:]
    ]
    relevant: dict[int, set[int]] = {}
    for line in (folder / "cranqrel").read_text().splitlines():
        fields = line.split()
        if len(fields) > 2 and not fields[2].startswith("5"):
            relevant.setdefault(int(fields[0]) - 1, set()).add(int(fields[1]) - 1)
    ours = [
        _ndcg([result.memory.metadata["number"] for result in search(question, 10, namespace="abstracts", plan="similar").results], relevant[number])
        for number, question in enumerate(asked)
        if number in relevant
    ]  # fmt: skip
    best = _peer([f"{title} {body}" for title, body in texts], asked)
    peers = [_ndcg(found, relevant[number]) for number, found in enumerate(best) if number in relevant]
    return {"questions": len(ours), "ndcg_at_10": _mean(ours), "bm25s": _mean(peers)}


def _ndcg(found: Sequence[int], relevant: set[int]) -> float:
    gained = sum(1 / math.log2(place + 2) for place, number in enumerate(found[:10]) if number in relevant)
    return gained / sum(1 / math.log2(place + 2) for place in range(min(10, len(relevant))))


def many() -> dict[str, Any]:
    """Milliseconds in the database by number of content words, and agreement with scoring every item."""
    draw = random.Random(7)
    words = [f"w{number}" for number in range(30_000)]
    # Zipf's law: the n-th word is n times as rare as the first.
    weights = [1 / (rank + 2.7) for rank in range(len(words))]
    centres = [[draw.gauss(0, 1) for _ in range(384)] for _ in range(200)]
    for start in range(0, ITEMS, 1000):
        rows = []
        for number in range(start, min(start + 1000, ITEMS)):
            text = " ".join(draw.choices(words, weights, k=draw.randint(20, 80)))
            centre = draw.choice(centres)
            rows.append((f"big_{number}", text, number % 50, vectors.literal([value + draw.gauss(0, 0.7) for value in centre])))
        with db.connect() as connection, connection.transaction():
            connection.execute(
                "INSERT INTO memory_item (id, namespace, type, raw_text, metadata, content_hash, valid, embedding, embedding_model) "
                "SELECT id, 'big', 'note', jsonb_build_object('text', text), jsonb_build_object('group', part), id, "
                "tstzmultirange(tstzrange(now(), NULL)), vector::vector, 1 "
                "FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[]) AS t (id, text, part, vector)",
                [list(column) for column in zip(*rows, strict=True)],
            )
    db.execute("VACUUM ANALYZE")
    model, answer = vectors.active(), {}
    for count in (2, 4, 8, 15):
        spent, same = [], []
        for _ in range(QUERIES):
            question = " ".join(draw.choices(words, weights, k=count))
            vector = [value + draw.gauss(0, 0.7) for value in draw.choice(centres)]
            only = hybrid.Filter("m.valid @> statement_timestamp()", {}, narrow=False)
            asked = hybrid.Asked(question, "big", 10, vector, model, only)
            hybrid.search(asked)
            started = time.perf_counter()
            found = hybrid.search(asked)
            spent.append((time.perf_counter() - started) * 1000)
            if len(same) < 15:
                whole = hybrid.search(hybrid.Asked(question, "big", 10, vector, model, only, exhaustive=True))
                same.append(len({row["id"] for row in found} & {row["id"] for row in whole}) / 10)
        spent.sort()
        answer[f"{count}_words"] = {
            "p50_ms": round(spent[len(spent) // 2], 1), "p95_ms": round(spent[int(len(spent) * 0.95)], 1), "same_top_10": _mean(same),
        }  # fmt: skip
    return {"items": ITEMS, **answer, "filter_2_percent": _filtered(model, words, weights, centres, draw)}


def _filtered(
    model: vectors.Model, words: list[str], weights: list[float], centres: list[list[float]], draw: random.Random
) -> dict[str, Any]:
    counts, same, spent = [], [], []
    only = hybrid.Filter(
        "m.valid @> statement_timestamp() AND m.metadata @> %(fields)s", {"fields": db.jsonb({"group": 7})}, narrow=True
    )
    for _ in range(20):
        question = " ".join(draw.choices(words, weights, k=4))
        vector = [value + draw.gauss(0, 0.7) for value in draw.choice(centres)]
        started = time.perf_counter()
        found = hybrid.search(hybrid.Asked(question, "big", 10, vector, model, only))
        spent.append((time.perf_counter() - started) * 1000)
        whole = hybrid.search(hybrid.Asked(question, "big", 10, vector, model, only, exhaustive=True))
        counts.append(len(found))
        same.append(len({row["id"] for row in found} & {row["id"] for row in whole}) / 10)
    return {"least_results": min(counts), "recall": _mean(same), "p95_ms": round(sorted(spent)[-2], 1)}


def _peer(texts: list[str], questions: list[str]) -> list[list[int]]:
    python = os.environ.get("BENCH_PEERS")
    if not python:
        return []
    given = json.dumps({"texts": texts, "questions": questions})
    return json.loads(subprocess.run([python, "-c", BM25S], input=given, capture_output=True, text=True, check=True).stdout)


def _mean(values: Sequence[float]) -> float | None:
    return round(statistics.fmean(values), 4) if values else None
