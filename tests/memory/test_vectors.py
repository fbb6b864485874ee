"""Vectors: made for what has none, of the model that the data names."""

import json
import math
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from f.millrace.core import config, db, embedding, prices
from f.millrace.core.errors import BadInput, BadSetting, BudgetExceeded, ModelFailed
from f.millrace.memory import items, vectors
from f.millrace.memory.recall import recall, search
from f.millrace.memory.store import remember
from f.millrace.ops import embed_memory


def test_an_item_has_a_vector_of_the_active_model_after_the_next_embedding(database):
    item = remember("fact", "Sodium cells use hard carbon anodes")

    assert vectors.embed_missing() == 1
    assert vectors.embed_missing() == 0

    row = db.fetch_one(
        "SELECT embedding_model, vector_dims(embedding) AS dimensions FROM memory_item WHERE id"
        " = %s",
        [item],
    )
    assert row == {
        "embedding_model": vectors.active().no,
        "dimensions": vectors.active().dimensions,
    }


def test_case_and_white_space_do_not_change_a_vector():
    first, second = embedding.embed(["Hard  carbon\n anodes", "hard CARBON anodes"])

    assert math.dist(first, second) < 1e-6


@pytest.mark.parametrize("text", ["", "\x00", "x" * 1_000_000, "مرحبا بالعالم", "固态电池", " \n "])
def test_any_text_has_a_vector_of_length_one(text):
    [vector] = embedding.embed([text])

    assert len(vector) == embedding.LOCAL_DIMENSIONS
    assert math.isclose(math.hypot(*vector), 1, rel_tol=1e-6)


@pytest.mark.parametrize(
    ("vector", "said"),
    [
        ([1.0, 0.0], "2 numbers where"),
        ([math.nan] * 3, "not finite"),
        ([0.0] * 3, "only zeros"),
        ([math.inf, 0, 0], "not finite"),
    ],
)
def test_a_vector_that_is_none_is_refused_in_words(vector, said):
    with pytest.raises(BadInput, match=said):
        embedding.normalise(vector, 3, "openai:small")


@pytest.mark.parametrize("name", ["word2vec", "openai:", "local:other", ""])
def test_an_unknown_model_is_refused_with_what_is_allowed(name):
    with pytest.raises(BadSetting, match="is unknown; allowed"):
        embedding.embed(["text"], name)


@pytest.fixture
def server(monkeypatch):
    """An OpenAI-compatible server on loopback; what it answers can be set."""
    answers = {"dimensions": 8, "bad": None, "status": 200, "answer": {}, "requests": []}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answers["asked"], answers["key"] = asked, self.headers["Authorization"]
            answers["requests"].append((self.path, len(asked["input"])))
            rows = [
                {
                    "index": number,
                    "embedding": (
                        answers["bad"]
                        or [1.0 + len(text) % (place + 2) for place in range(answers["dimensions"])]
                    ),
                }
                for number, text in enumerate(asked["input"])
            ]
            answer = {"data": rows[::-1], "usage": {"prompt_tokens": 7 * len(rows)}}
            body = json.dumps(answer | answers["answer"]).encode()
            self.send_response(answers["status"])
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{httpd.server_port}/v1")
    yield answers
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_an_embedding_that_costs_money_is_billed_whoever_asks_for_it(database, server):
    embedding.embed(["Sodium cells"], "openai:small")

    row = db.fetch_one("SELECT agent, model, state, tokens FROM usage")
    assert row == {
        "agent": "embedding",
        "model": "openai:small",
        "state": "settled",
        "tokens": {"input": 7},
    }


def test_a_memory_moves_to_another_model_and_answers_all_the_way(database, server):
    items = [
        remember("fact", text) for text in ("Sodium cells", "Harbour ledgers", "A mirror of Oslo")
    ]
    vectors.embed_missing()
    found: list[list[str]] = []

    model = vectors.reembed(
        "openai:small",
        progress=lambda done: found.append([memory.id for memory in recall("sodium cells", 3)]),
    )

    assert (model.name, model.dimensions) == ("openai:small", 8) and vectors.active() == model
    assert found and all(answer[0] == items[0] and len(answer) == 3 for answer in found)
    assert recall("sodium cells", 1)[0].id == items[0]
    assert db.fetch_one(
        "SELECT count(*) AS n FROM memory_item WHERE embedding_model = %s", [model.no]
    ) == {"n": 3}
    assert db.fetch_one("SELECT count(*) AS n FROM memory_vector") == {"n": 0}
    assert remember("fact", "A later fact") and vectors.embed_missing() == 1

    assert (
        vectors.reembed("local:minilm-l6-int8").dimensions == 384
        and len(recall("sodium cells", 4)) == 4
    )


@pytest.mark.parametrize("bad", [[1.0] * 9, [float("nan")] * 8, [0.0] * 8])
def test_vectors_that_are_none_leave_the_memory_as_it_was(database, server, bad):
    remember("fact", "Sodium cells")
    vectors.embed_missing()
    vectors.reembed("openai:small")
    remember("fact", "Another fact")
    server["bad"] = bad

    with pytest.raises(BadInput):
        vectors.embed_missing()

    assert db.fetch_one("SELECT count(*) AS n FROM memory_item WHERE embedding IS NOT NULL") == {
        "n": 1
    }


def test_the_step_embeds_what_is_missing(database):
    remember("fact", "Sodium cells")

    assert embed_memory.main() == {"embedded": 1, "model": "local:minilm-l6-int8"}
    assert embed_memory.main()["embedded"] == 0


def test_each_request_to_a_server_is_a_row_of_the_account(database, server, monkeypatch):
    monkeypatch.setenv("MILLRACE_PRICES", '{"openai:small": {"input": 2, "output": 0}}')
    config.reload()
    embedding.embed(["Sodium cells", "Harbour ledgers"], "openai:small")
    server["status"] = 400
    with pytest.raises(ModelFailed):
        embedding.embed(["Sodium cells"], "openai:small")
    server["status"] = 500
    with pytest.raises(ModelFailed):
        embedding.embed(["Sodium cells"], "openai:small")

    rows = db.fetch_all(
        "SELECT agent, model, state, price_source, tokens, cost_usd, reserved_usd FROM usage ORDER"
        " BY reserved_at"
    )
    assert [(row["agent"], row["model"]) for row in rows] == [("embedding", "openai:small")] * 3
    assert [row["state"] for row in rows] == ["settled", "released", "settled"]
    assert rows[0]["tokens"] == {"input": 14} and float(rows[0]["cost_usd"]) == 28e-6
    # What broke off may have been billed.
    assert (
        rows[2]["price_source"] == "reserve" and rows[2]["cost_usd"] == rows[2]["reserved_usd"] > 0
    )


def test_no_server_is_asked_without_money(database, server, monkeypatch):
    monkeypatch.setenv("MILLRACE_PRICES", '{"openai:small": {"input": 2, "output": 0}}')
    monkeypatch.setenv("MILLRACE_RUN_USD", "0.00000001")
    config.reload()
    with pytest.raises(BudgetExceeded):
        embedding.embed(["Sodium cells"], "openai:small")


@pytest.mark.parametrize("fault", ["down", "500", "nan", "dimension", "broke", "no model"])
def test_a_question_is_answered_by_its_words_when_it_has_no_vector(
    database, server, monkeypatch, fault
):
    item = remember("fact", "Sodium cells use hard carbon")
    remember("fact", "A harbour ledger of Oslo")
    if fault != "no model":
        vectors.reembed("openai:small")
    else:
        vectors.embed_missing()
        monkeypatch.setattr(embedding, "MODEL_SHA256", "of another file")
        embedding._load_model.cache_clear()
    if fault == "down":
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    elif fault == "broke":
        monkeypatch.setenv("MILLRACE_PRICES", '{"openai:small": {"input": 2, "output": 0}}')
        monkeypatch.setenv("MILLRACE_RUN_USD", "0.00000001")
        config.reload()
    server["status"] = 500 if fault == "500" else 200
    server["bad"] = {"nan": [float("nan")] * 8, "dimension": [1.0] * 9}.get(fault)

    answer = search("sodium cells", 5)

    assert [result.memory.id for result in answer.results] == [item]
    assert answer.plan == "words" and answer.tried[0].startswith("similar by meaning: ")
    assert search("what happened today?", 5).plan == "when"
    assert search("xylograph", 5).results == []
    monkeypatch.undo()
    embedding._load_model.cache_clear()


def test_a_server_is_sent_each_text_folded_and_an_empty_one_as_a_space(database, server):
    found = embedding.embed(["Sodium cells", "", "Harbour"], "openai:small")

    assert server["asked"]["model"] == "small"
    assert server["asked"]["input"] == ["sodium cells", " ", "harbour"]
    assert [round(vector[0] * 1000) for vector in found] == [
        round(embedding.embed([text], "openai:small")[0][0] * 1000)
        for text in ("Sodium cells", " ", "Harbour")
    ]


@pytest.mark.parametrize(("key", "sent"), [("sk-1", "Bearer sk-1"), ("", "Bearer none")])
def test_a_server_is_sent_the_key_or_a_word_that_is_none(database, server, monkeypatch, key, sent):
    monkeypatch.setenv("OPENAI_API_KEY", key)

    embedding.embed(["Sodium cells"], "openai:small")

    assert server["key"] == sent


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}, {"prompt_tokens": 0}])
def test_a_server_that_does_not_count_is_charged_at_the_most_that_it_can_have_read(
    database, server, usage
):
    server["answer"] = {"usage": usage}

    embedding.embed(["Sodium cells"], "openai:small")

    row = db.fetch_one("SELECT state, tokens FROM usage")
    assert row == {"state": "settled", "tokens": {"input": prices.most_tokens("sodium cells")}}


@pytest.mark.parametrize(
    "answer",
    [
        {"data": None},
        {"data": [{"index": 0}]},
        {"data": [{"embedding": [1.0, 2.0]}]},
        {"data": [{"index": 0, "embedding": ["much"]}]},
        {"data": [7]},
        {"usage": [1]},
    ],
)
def test_an_answer_that_holds_no_vectors_is_a_failure_in_words(database, server, answer):
    server["answer"] = answer

    with pytest.raises(ModelFailed, match=r"embeddings of small from .* failed"):
        embedding.embed(["Sodium cells"], "openai:small")


def test_a_server_that_answers_too_few_texts_is_refused(database, server):
    server["answer"] = {"data": [{"index": 0, "embedding": [1.0, 2.0]}]}

    with pytest.raises(ModelFailed, match="1 vectors for 2 texts"):
        embedding.embed(["Sodium cells", "Harbour"], "openai:small")


def test_many_texts_are_asked_in_batches_and_come_back_in_order(database, server):
    texts = [f"text {'x' * number}" for number in range(embedding.REMOTE_BATCH + 1)]

    found = embedding.embed(texts, "openai:small")

    assert server["requests"] == [("/v1/embeddings", embedding.REMOTE_BATCH), ("/v1/embeddings", 1)]
    assert len(found) == len(texts)
    assert found[3] == embedding.embed([texts[3]], "openai:small")[0]
    assert found[-1] == embedding.embed([texts[-1]], "openai:small")[0]
    assert found[3] != found[-1]


def test_no_text_asks_nobody(database, server):
    assert embedding.embed([], "openai:small") == [] and server["requests"] == []


def test_a_server_is_sent_no_more_of_a_text_than_a_model_reads(database, server):
    embedding.embed(["x" * 100_000, "a " * 100_000], "openai:small")

    assert [len(text) for text in server["asked"]["input"]] == [embedding.LETTERS_AT_MOST] * 2


def test_an_address_may_end_with_a_slash(database, server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", os.environ["OPENAI_BASE_URL"] + "/")

    embedding.embed(["Sodium cells"], "openai:small")

    assert server["requests"] == [("/v1/embeddings", 1)]


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_and_an_address_of_ones_own_nobody_is_asked(database, monkeypatch, key):
    if key is not None:
        monkeypatch.setenv("OPENAI_API_KEY", key)

    with pytest.raises(BadSetting, match="openai:small needs OPENAI_API_KEY"):
        embedding.embed(["Sodium cells"], "openai:small")

    assert db.fetch_one("SELECT count(*) AS n FROM usage") == {"n": 0}


def test_many_texts_of_all_lengths_have_each_its_own_vector():
    texts = [
        "Harbour " * number + subject
        for number, subject in zip(
            (9, 1, 0, 7, 3, 0, 40, 2, 5, 0, 1),
            "cells ledgers mirror anodes quota kestrel grid winter river pump valve".split(),
            strict=True,
        )
    ]

    together = embedding.embed(texts)

    for text, vector in zip(texts, together, strict=True):
        [alone] = embedding.embed([text])
        nearest = min(together, key=lambda other: math.dist(alone, other))
        assert nearest == vector
        assert math.dist(alone, vector) < 0.2


def test_a_vector_of_any_dimension_is_taken_where_none_is_asked_for():
    assert embedding.normalise([3.0, 4.0], None, "openai:small") == [0.6, 0.8]
    assert embedding.normalise([3.0, 4.0], 2, "openai:small") == [0.6, 0.8]


def test_a_vector_of_a_model_that_is_no_longer_the_active_one_is_not_kept(database, server):
    item = remember("fact", "Sodium cells")
    old = vectors.active()
    vectors.reembed("openai:small")
    db.execute("UPDATE memory_item SET embedding = NULL, embedding_model = NULL")
    row = db.fetch_one("SELECT no FROM memory_item WHERE id = %s", [item])
    vector = vectors.to_sql([1.0] * old.dimensions)

    with db.transaction() as connection:
        items.set_vector(connection, row["no"], old.no, vector)

    assert db.fetch_one("SELECT embedding_model FROM memory_item") == {"embedding_model": None}
    assert vectors.embed_missing() == 1


def test_a_vector_that_is_there_stays(database):
    remember("fact", "Sodium cells")
    vectors.embed_missing()
    before = db.fetch_one("SELECT no, embedding::text AS vector FROM memory_item")

    with db.transaction() as connection:
        zeros = vectors.to_sql([1.0] * vectors.active().dimensions)
        items.set_vector(connection, before["no"], vectors.active().no, zeros)

    assert db.fetch_one("SELECT no, embedding::text AS vector FROM memory_item") == before
