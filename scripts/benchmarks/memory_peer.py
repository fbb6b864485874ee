"""The peers' side of `memory`: langchain-postgres, mem0ai or bm25s over the same texts and vectors.
Run by its own Python.

Reads one JSON object and prints one: for each question the ids of the best ten, and the
milliseconds of the call.
"""

import functools
import json
import os
import sys
import time
from typing import Any

K = 10


def langchain(given: dict[str, Any]) -> dict[str, Any]:
    """Hybrid search with both indexes, as its documentation builds them: HNSW and GIN."""
    from langchain_postgres import PGEngine, PGVectorStore  # pyright: ignore[reportMissingImports]
    from langchain_postgres.v2.hybrid_search_config import (  # pyright: ignore[reportMissingImports]
        HybridSearchConfig,
        weighted_sum_ranking,
    )
    from langchain_postgres.v2.indexes import HNSWIndex  # pyright: ignore[reportMissingImports]

    few = given.get("filtered") or {"questions": [], "vectors": [], "part": None}
    vectors = dict(
        zip(given["questions"] + few["questions"], given["vectors"] + few["vectors"], strict=True)
    )
    engine = PGEngine.from_connection_string(
        given["url"].replace("postgresql://", "postgresql+psycopg://")
    )
    table = f"peer_{given['namespace']}_{given['lists']}"
    # Its lists of four are too short for ten results; equal weights are its default.
    config = functools.partial(
        HybridSearchConfig,
        tsv_column="content_tsv",
        fusion_function=weighted_sum_ranking,
        primary_top_k=given["lists"],
        secondary_top_k=given["lists"],
    )
    hybrid = config(index_name=f"{table}_words")
    engine.init_vectorstore_table(
        table,
        len(given["vectors"][0]),
        id_column={"name": "item", "data_type": "TEXT", "nullable": False},
        metadata_columns=[{"name": "part", "data_type": "TEXT", "nullable": True}],
        hybrid_search_config=hybrid,
    )
    store = PGVectorStore.create_sync(
        engine,
        _given(vectors),
        table,
        id_column="item",
        metadata_columns=["part"],
        hybrid_search_config=hybrid,
    )
    _fill(store, given)
    store.apply_vector_index(HNSWIndex(m=16, ef_construction=64))
    store.apply_hybrid_search_index()
    _vacuum(given["url"], table)

    def ask(question: str, part: str | None = None) -> list[str]:
        # It keeps the words of the first question in its configuration, so each search is given its
        # own.
        found = store.similarity_search_with_score_by_vector(
            vectors[question],
            k=K,
            filter={"part": part} if part else None,
            hybrid_search_config=config(fts_query=question),
        )
        return [document.id for document, _ in found]

    repeats = given.get("repeats", 1)
    filtered = _asked(few["questions"], lambda question: ask(question, few["part"]), repeats)
    return {**_asked(given["questions"], ask, repeats), "filtered": filtered}


def _given(vectors: dict[str, list[float]]) -> Any:
    """Return an embedder that has the questions' vectors already."""
    from langchain_core.embeddings import Embeddings  # pyright: ignore[reportMissingImports]

    class Given(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[0.0] * len(next(iter(vectors.values())))] * len(texts)

        def embed_query(self, text: str) -> list[float]:
            return vectors[text]

    return Given()


def _vacuum(url: str, table: str) -> None:
    import psycopg.sql

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            psycopg.sql.SQL("VACUUM ANALYZE {}").format(psycopg.sql.Identifier(table))
        )


def _fill(store: Any, given: dict[str, Any]) -> None:
    import psycopg

    with psycopg.connect(given["url"]) as connection:
        rows = connection.execute(
            "SELECT id, concat_ws(' ', nullif(title, ''), raw_text ->> 'text'), embedding::text,"
            " metadata ->> 'group' FROM memory_item WHERE namespace = %s ORDER BY no",
            [given["namespace"]],
        ).fetchall()
    for start in range(0, len(rows), 500):
        some = rows[start : start + 500]
        store.add_embeddings(
            [row[1] for row in some],
            [json.loads(row[2]) for row in some],
            [{"part": row[3]} for row in some],
            [row[0] for row in some],
        )


def mem0(given: dict[str, Any]) -> dict[str, Any]:
    """Its own pgvector store and hybrid scores; messages are kept as they are, by the same embedder
    over HTTP.
    """
    os.environ |= {"MEM0_TELEMETRY": "False", "OPENAI_API_KEY": "none", "MEM0_DIR": given["folder"]}
    from mem0 import Memory  # pyright: ignore[reportMissingImports]

    store = {
        "connection_string": given["url"],
        "collection_name": "peer_mem0",
        "embedding_model_dims": given["dimensions"],
    }
    memory = Memory.from_config(
        {
            "vector_store": {"provider": "pgvector", "config": store},
            "embedder": {
                "provider": "openai",
                "config": {"model": "same", "openai_base_url": given["embedder"]},
            },
            "llm": {
                "provider": "openai",
                "config": {"model": "none", "openai_base_url": given["embedder"]},
            },
            "history_db_path": os.path.join(given["folder"], "history.db"),
        }
    )
    answers: dict[str, Any] = {"found": [], "ms": []}
    for talk in given["talks"]:
        for name, text in talk["turns"]:
            memory.add(
                [{"role": "user", "content": text}],
                user_id=talk["name"],
                metadata={"name": name},
                infer=False,
            )

        def ask(question: str, talk: str = talk["name"]) -> list[str]:
            found = memory.search(question, top_k=K, threshold=0.0, filters={"user_id": talk})[
                "results"
            ]
            return [one["metadata"]["name"] for one in found]

        asked = _asked(talk["questions"], ask, 1)
        answers["found"].append(asked["found"])
        answers["ms"] += asked["ms"]
    return answers


def bm25s(given: dict[str, Any]) -> dict[str, Any]:
    """Its defaults, stemmed."""
    import bm25s as library  # pyright: ignore[reportMissingImports]
    import Stemmer  # pyright: ignore[reportMissingImports]

    stem, found = Stemmer.Stemmer("english"), []
    for part in given["talks"]:
        index = library.BM25()
        texts = [text for _, text in part["turns"]]
        index.index(
            library.tokenize(texts, stopwords="en", stemmer=stem, show_progress=False),
            show_progress=False,
        )
        tokens = library.tokenize(
            part["questions"], stopwords="en", stemmer=stem, show_progress=False
        )
        best, _ = index.retrieve(tokens, k=min(K, len(texts)), show_progress=False)
        found.append(
            [[part["turns"][number][0] for number in numbers] for numbers in best.tolist()]
        )
    return {"found": found}


def _asked(questions: list[str], ask: Any, repeats: int) -> dict[str, Any]:
    found, spent = [], []
    for question in questions:
        times, answer = [], None
        for _ in range(repeats + 1):
            began = time.perf_counter()
            answer = ask(question)
            times.append((time.perf_counter() - began) * 1000)
        found.append(answer)
        # The first asks for the pages, the others are counted.
        spent.append(sorted(times[1:] or times)[len(times[1:]) // 2])
    return {"found": found, "ms": spent}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(
        "\n"
        + json.dumps({"langchain": langchain, "mem0": mem0, "bm25s": bm25s}[sys.argv[1]](asked))
    )
