"""Vectors: made for what has none, of the model that the data names."""

import math

import pytest

from f.millrace.core import db, embedding
from f.millrace.core.errors import BadInput, BadSetting
from f.millrace.memory import vectors
from f.millrace.memory.store import remember


def test_an_item_has_a_vector_of_the_active_model_after_the_next_embedding(database):
    item = remember("fact", "Sodium cells use hard carbon anodes")

    assert vectors.embed_missing() == 1
    assert vectors.embed_missing() == 0

    row = db.one("SELECT embedding_model, vector_dims(embedding) AS dimensions FROM memory_item WHERE id = %s", [item])
    assert row == {"embedding_model": vectors.active().no, "dimensions": vectors.active().dimensions}


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
        embedding.checked(vector, 3, "openai:small")


def test_an_unknown_model_is_refused_with_what_is_allowed():
    with pytest.raises(BadSetting, match="allowed"):
        embedding.embed(["text"], "word2vec")
