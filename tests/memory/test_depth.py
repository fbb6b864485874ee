"""What is read of a large scope: what is left out is not among the best, whatever the question's
vector says.
"""

import math
import random
import statistics

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from f.millrace.core import db
from f.millrace.memory import hybrid, vectors
from f.millrace.memory.recall import search
from f.millrace.memory.store import Draft, remember, remember_all

pytestmark = pytest.mark.usefixtures("database")

ITEMS, WORDS, DIMENSIONS = 1_500, 700, 384
ALL = hybrid.Filter("m.valid @> statement_timestamp()", {}, narrow=False)
# Among these about as shallow as the default is among tens of thousands.
LARGE = hybrid.Depth(full=0, weighed=0, nearest=100, postings=200, heaviest=20, further=100)


class Made:
    """Texts whose n-th word is n times as rare as the first, and vectors in clusters."""

    def __init__(self) -> None:
        self.draw = random.Random(3)
        self.centres = [self.anything() for _ in range(10)]

    def text(self, words: int) -> str:
        return " ".join(
            f"w{number}"
            for number in self.draw.choices(
                range(WORDS), [1 / (1 + rank) for rank in range(WORDS)], k=words
            )
        )

    def anything(self) -> list[float]:
        return [self.draw.gauss(0, 1) for _ in range(DIMENSIONS)]

    def near(self) -> list[float]:
        return [value + self.draw.gauss(0, 0.7) for value in self.draw.choice(self.centres)]

    def fill(self) -> None:
        ids = remember_all(
            [Draft("note", self.text(self.draw.randint(8, 30)), near=False) for _ in range(ITEMS)],
            namespace="made",
        )
        db.execute(
            "UPDATE memory_item m SET embedding = made.vector::vector, embedding_model = 1 "
            "FROM unnest(%s::text[], %s::text[]) AS made (id, vector) WHERE m.id = made.id",
            [ids, [vectors.to_sql(self.near()) for _ in ids]],
        )
        db.execute("ANALYZE memory_item")


@pytest.mark.long
def test_what_is_not_read_is_not_among_the_best():
    made = Made()
    made.fill()
    model, kinds = (
        vectors.active(),
        {
            "near": made.near,
            "unrelated": made.anything,
            "none": lambda: None,
        },
    )

    for kind, vector in kinds.items():
        shares = []
        for words in (1, 2, 4, 8, 15):
            for _ in range(5):
                asked = hybrid.SearchRequest(made.text(words), "made", 10, vector(), model, ALL)
                best = {row["id"] for row in hybrid.search(asked._replace(depth=hybrid.EVERYTHING))}
                found = hybrid.search(asked._replace(depth=LARGE))
                assert len(best) == 10 and not found[0]["small"]
                shares.append(len(best & {row["id"] for row in found}) / 10)
        assert statistics.fmean(shares) >= 0.95, kind


@pytest.mark.long
def test_in_a_scope_of_some_thousands_every_item_is_weighed():
    made = Made()
    made.fill()

    for words in (1, 4, 15):
        asked = hybrid.SearchRequest(
            made.text(words), "made", 10, made.anything(), vectors.active(), ALL
        )
        found, best = hybrid.search(asked), hybrid.search(asked._replace(depth=hybrid.EVERYTHING))
        assert found[0]["small"] and [row["id"] for row in found] == [row["id"] for row in best]


@pytest.mark.long
def test_a_small_namespace_beside_a_large_one_is_read_by_its_index():
    Made().fill()
    remember_all(
        [Draft("note", f"harbour note {number}", near=False) for number in range(20)],
        namespace="small",
    )
    db.execute("ANALYZE memory_item")
    scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'memory_item'"

    with db.connect() as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        before = db.fetch_one(scans)
        assert len(search("harbour note", 10, namespace="small").results) == 10
        connection.execute("SELECT pg_stat_force_next_flush()")
        assert db.fetch_one(scans) == before


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(title=st.text(max_size=40), text=st.text(min_size=1, max_size=300))
def test_an_items_sparse_vector_weighs_its_words_as_its_postings_do(title, text):
    kept = db.fetch_one(
        "INSERT INTO memory_item (id, namespace, type, title, raw_text, content_hash, valid) VALUES"
        " (gen_random_uuid()::text, 'made', 'note', %s, jsonb_build_object('text', %s::text),"
        " md5(random()::text), '{(,)}') RETURNING no",
        [title.replace("\0", ""), text.replace("\0", "")],
    )
    weighed = db.fetch_one(
        "SELECT m.words, -(m.impacts <#> p.ones) AS impact, p.impact AS posted, p.length FROM"
        " memory_item m, LATERAL (SELECT memory_weights(array_agg(term), array_agg(1::float8)) AS"
        " ones, coalesce(sum(impact), 0) AS impact, coalesce(max(length), 0) AS length FROM"
        " memory_posting WHERE item = m.no) p WHERE m.no = %s",
        [kept["no"]],
    )

    assert weighed["words"] == weighed["length"]
    assert math.isclose(weighed["impact"], weighed["posted"], rel_tol=1e-4)


def test_more_words_than_a_sparse_vector_holds_are_found_too():
    remember("note", " ".join(f"word{number}" for number in range(20_000)) + " last")

    assert [result.memory.type for result in search("word19999 last", 1).results] == ["note"]


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Daten\u00adschutz", "Datenschutz"),
        ("Daten\u200bschutz", "Datenschutz"),
        ("harbour\u2060master", "harbourmaster"),
        ("می\u200cروم", "میروم"),
    ],
)
def test_marks_that_nobody_sees_do_not_cut_a_word(database, written, asked):
    row = db.fetch_one(
        "SELECT memory_words(%s)::text AS one, memory_words(%s)::text AS other", [written, asked]
    )

    assert row["one"] == row["other"] != ""
