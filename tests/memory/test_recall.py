"""Recall: k results when k exist, by words, meaning, time, field, link and conversation, whatever
the question holds.
"""

import threading
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from f.millrace.core import db
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.memory import hybrid, vectors
from f.millrace.memory.links import link
from f.millrace.memory.recall import recall, search
from f.millrace.memory.store import Draft, Origin, remember, remember_all
from f.millrace.memory.supersede import supersede

pytestmark = pytest.mark.usefixtures("database")

WORDS = (
    "pump valve anode cathode harbour ledger kestrel sodium grid water winter paper river quota"
    " signal mirror".split()
)


def fill(count: int, **more):
    """Remember `count` notes whose words are drawn by a fixed rule; common words are common."""
    drafts = [
        Draft(
            "note",
            f"note {number}: "
            + " ".join(WORDS[(number * step) % (1 + step % len(WORDS))] for step in range(1, 9)),
            metadata={"group": number % 50},
            near=False,
            **more,
        )
        for number in range(count)
    ]
    return remember_all(drafts)


def counted():
    """The statistics as the triggers keep them, and as counting again would make them."""
    kept = db.fetch_all(
        "SELECT term, sum(items)::bigint AS items FROM memory_frequency GROUP BY 1 HAVING"
        " sum(items) <> 0 ORDER BY 1"
    )
    again = db.fetch_all("SELECT term, count(*) AS items FROM memory_posting GROUP BY 1 ORDER BY 1")
    extent = db.fetch_one(
        "SELECT coalesce(sum(items), 0)::bigint AS items, coalesce(sum(words), 0)::bigint AS words"
        " FROM memory_extent"
    )
    truth = db.fetch_one(
        "SELECT count(*) AS items, coalesce(sum(words), 0)::bigint AS words FROM (SELECT (SELECT"
        " sum(cardinality(w.positions)) FROM unnest(memory_words(m.title || ' ' || (m.raw_text ->>"
        " 'text'))) w) AS words FROM memory_item m) counted"
    )
    return (kept, extent), (again, truth)


def test_the_counts_are_right_after_concurrent_writes_updates_and_deletes():
    def write(start: int) -> None:
        for number in range(start, start + 6):
            with db.transaction():
                remember_all(
                    [
                        Draft("note", f"shared words of {name} number {number}", near=False)
                        for name in ("one", f"writer {start}")
                    ]
                )
                db.execute(
                    "DELETE FROM memory_item WHERE raw_text ->> 'text' = %s",
                    [f"shared words of writer {start} number {number - 1}"],
                )
        db.close()

    threads = [threading.Thread(target=write, args=[start]) for start in (0, 100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.execute("UPDATE memory_item SET title = 'Harbour ledger' WHERE no % 3 = 0")

    kept, truth = counted()
    assert kept == truth and kept[1]["items"] == 28

    db.execute("SELECT memory_tidy_statistics()")
    assert counted() == (truth, truth)


def test_nothing_of_a_deleted_text_is_left_in_the_statistics():
    item = remember("note", "an unrepeatable xylographer")

    db.execute("DELETE FROM memory_item WHERE id = %s", [item])
    db.execute("SELECT memory_tidy_statistics()")

    assert (
        db.fetch_all("SELECT term FROM memory_posting UNION SELECT term FROM memory_frequency")
        == []
    )


@pytest.mark.long
def test_as_many_results_as_asked_however_selective_the_filter():
    fill(1000)
    vectors.embed_missing(most=200)

    answer = search("harbour pump in winter", 10, fields={"group": 7})

    assert len(answer.results) == 10
    assert {result.memory.metadata["group"] for result in answer.results} == {7}


def test_scores_lie_between_0_and_1_and_fall():
    fill(60)
    vectors.embed_missing()

    scores = [result.score for result in search("sodium anode of the harbour pump", 40).results]

    assert len(scores) == 40 and scores == sorted(scores, reverse=True)
    assert 1 >= scores[0] > scores[-1] >= 0


def test_case_and_white_space_change_nothing():
    fill(40)
    vectors.embed_missing()

    plain = search("sodium anode harbour", 10)
    shouted = search("  SODIUM\n anode\tHarbour ", 10)

    assert [(one.memory.id, one.score) for one in plain.results] == [
        (one.memory.id, one.score) for one in shouted.results
    ]


def test_a_passage_is_found_through_its_neighbours():
    texts = [
        "The kestrel mission was planned in Oslo.",
        "It carried a new camera.",
        "The camera failed in winter.",
        "Ana repaired the mirror.",
    ]
    ids = remember_all(
        [
            Draft("passage", text, metadata={"document": "report", "ordinal": number}, near=False)
            for number, text in enumerate(texts)
        ]
        + [
            Draft("passage", f"A camera catalogue, page {number}.", near=False)
            for number in range(5)
        ]
    )

    found = [memory.id for memory in recall("which camera did the kestrel mission carry", 3)]

    assert found[0] in ids[:2] and ids[1] in found[:2]


def test_the_future_and_the_past_are_answered_as_asked(clock):
    clock("2026-01-10T00:00:00+00:00")
    old = remember("fact", "The pump of the harbour is red", valid_from="2026-01-01")
    clock("2026-02-10T00:00:00+00:00")
    new = supersede(old, "The pump of the harbour is green", since="2026-02-01")

    def ids(**when):
        return [memory.id for memory in recall("harbour pump", **when)]

    assert ids() == [new] and ids(as_of="2026-01-15") == [old]
    assert ids(as_of="2090-01-01") == [new]
    assert ids(known_at="2026-01-15") == [old] and ids(
        as_of="2026-03-01", known_at="2026-01-15"
    ) == [old]
    with pytest.raises(BadInput, match="yet to come"):
        ids(known_at="2090-01-01")


def test_what_happened_then_is_answered_by_time(clock):
    clock("2026-05-20T00:00:00+00:00")
    third = remember("event", "The pump was repaired", valid_from="2026-05-03T10:00+00:00")
    remember("event", "The pump broke", valid_from="2026-05-02T10:00+00:00")

    answer = search("What happened on 3 May?")

    assert answer.plan == "when" and [result.memory.id for result in answer.results] == [third]
    # 23:00 in UTC is the next day in Tokyo.
    assert search("What happened on 2 May?", zone="Asia/Tokyo").results != []


def test_what_is_nearest_to_the_time_asked_for_goes_first(clock):
    clock("2026-05-20T00:00:00+00:00")
    days = ("2026-05-03", "2026-05-05", "2026-04-01", "0001-01-01")
    ids = [
        remember("event", f"The pump of the {place} was repaired", valid_from=day)
        for place, day in zip(("harbour", "tunnel", "library", "meadow"), days, strict=True)
    ]

    answer = search("When was the pump repaired about May 3, 2026?")

    assert [result.memory.id for result in answer.results] == ids
    assert (
        "of the time asked for" in answer.results[0].why
        and "near the time asked for" in answer.results[1].why
    )


def test_a_plan_that_finds_nothing_is_followed_by_the_next(clock):
    clock("2026-05-20T00:00:00+00:00")
    item = remember("event", "Nothing much happened at the harbour", valid_from="2026-01-01")

    answer = search("how is the harbour related to the moon?")

    assert answer.tried == ["relation: nothing found"] and answer.plan == "similar"
    assert [result.memory.id for result in answer.results] == [item]


def test_a_relation_is_answered_by_the_path_between():
    kestrel, camera, ana = (
        remember("thing", text)
        for text in ("Kestrel, a mission", "A camera made in Oslo", "Ana, a mirror maker")
    )
    link(kestrel, camera, "carries")
    link(ana, camera, "built")

    answer = search("How is Kestrel related to Ana?")

    assert answer.plan == "relation"
    assert [result.memory.id for result in answer.results] == [kestrel, camera, ana]
    assert "-> carries, <- built" in answer.results[0].why


def test_an_item_is_no_path_to_itself():
    kestrel = remember("thing", "Kestrel, a mission with a camera")

    answer = search("How is Kestrel related to the camera?")

    assert answer.tried == ["relation: nothing found"]
    assert [result.memory.id for result in answer.results] == [kestrel]


def test_a_link_that_was_not_known_then_is_no_path(clock):
    clock("2026-01-01")
    kestrel, camera = (
        remember("thing", "Kestrel, a mission"),
        remember("thing", "A camera made in Oslo"),
    )
    clock("2026-02-01")
    link(kestrel, camera, "carries")
    clock("2026-03-01")

    assert search("How is Kestrel related to the camera?").plan == "relation"
    assert search("How is Kestrel related to the camera?", known_at="2026-01-15").tried == [
        "relation: nothing found"
    ]


def test_a_field_and_its_value_are_asked_for():
    open_one = remember("project", "Kestrel", metadata={"status": "Open"})
    remember("project", "Heron", metadata={"status": "closed"})

    answer = search("projects with status open")

    assert answer.plan == "structured" and [result.memory.id for result in answer.results] == [
        open_one
    ]


def test_amounts_words_and_dates_of_fields_are_compared_as_what_they_are():
    dear = remember(
        "invoice", "For oysters", metadata={"amount": 88000, "paid": "no", "due": "2026-05-01"}
    )
    cheap = remember(
        "invoice", "For wool", metadata={"amount": "17.50", "paid": "yes", "due": "2026-07-01"}
    )
    remember("invoice", "For nothing", metadata={"amount": "unknown"})

    def found(question):
        answer = search(question)
        return answer.plan == "structured" and [result.memory.id for result in answer.results]

    assert (
        found("all invoices over 1,000 pounds")
        == found("invoices with amount at least 88000")
        == [dear]
    )
    assert found("invoices with amount under 100 and paid yes") == [cheap]
    refund = remember("invoice", "For a refund", metadata={"amount": -40, "paid": "yes"})
    assert found("invoices under -30") == [refund] and found("invoices under -50") is False
    assert set(found("invoices with amount over -£50 and paid yes")) == {cheap, refund}
    assert found("invoices where due after 2026-06-01") == [cheap]
    assert found("invoices with amount unknown and paid yes") is False


def test_an_evening_is_asked_for_before_its_day(clock):
    clock("2026-11-18T12:00:00")
    day_only = remember("event", "The crane was painted", valid_from="2026-11-16")
    evening = remember("event", "The ferry came", valid_from="2026-11-17T19:30:00")
    remember("event", "The quay was cleaned", valid_from="2026-11-17T08:00:00")

    assert [result.memory.id for result in search("what happened yesterday evening?").results] == [
        evening
    ]
    whole_day = search("what happened on 16 November in the evening?")
    assert [result.memory.id for result in whole_day.results] == [day_only] and whole_day.tried == [
        "when: nothing found"
    ]


def test_what_was_said_is_found_among_turns_and_messages():
    turn = remember(
        "turn",
        "My dog Rex hates the harbour",
        title="Ana",
        metadata={"session": "s1", "ordinal": 0},
    )
    remember("note", "A dog is an animal")

    answer = search("what did I tell you about my dog?")

    assert answer.plan == "conversation" and [result.memory.id for result in answer.results] == [
        turn
    ]


@pytest.mark.parametrize(
    "question",
    [
        "'; DROP TABLE memory_item; --",
        "a & b | !c <-> d:*",
        "%s %(x)s {0} {condition}",
        "\x00harbour\x00",
        "harbour " * 130_000,
        "\ud800 harbour",
        "קרא לי ספינה",
        "مرحبا بالعالم",
        "固态电池 港口",
        "🦆" * 100,
        "\\ \" ' ` $1",
        "or and not near(x)",
    ],
)
def test_no_question_does_harm(question):
    remember("note", "The harbour ledger")

    for memory in recall(question):
        assert memory.text == "The harbour ledger"
    assert db.fetch_one("SELECT count(*) AS n FROM memory_item") == {"n": 1}


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("固态电池的能量密度很高", "电池"),
        ("السفينة في الميناء", "الميناء"),
        ("הספר על השולחן", "השולחן"),
        ("Ｓｏｄｉｕｍ ｃｅｌｌ", "sodium"),
    ],
)
def test_words_of_every_script_are_found(text, question):
    item = remember("note", text)
    remember("note", "Something else")

    assert [memory.id for memory in recall(question)] == [item]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=200))
def test_any_question_has_results_or_none_or_an_error_in_words(question):
    remember("note", "The harbour ledger")

    try:
        found = recall(question, 3)
    except BadInput as error:
        found = []
        assert "there is no" in str(error) or "ends before" in str(error)  # noqa: PT017
    assert len(found) <= 1


def test_bad_arguments_are_refused_in_words():
    with pytest.raises(BadInput, match="limit is -1"):
        recall("harbour", -1)
    with pytest.raises(BadInput, match="zone"):
        search("what happened today", zone="Nowhere/City")
    with pytest.raises(BadInput, match="no date"):
        recall("harbour", as_of="2026-02-31")
    with pytest.raises(BadInput, match="plan is 'guess'"):
        search("harbour", plan="guess")
    with pytest.raises(NotFound, match="no namespace 'nowhere'"):
        search("harbour", namespace="nowhere", known=True)
    assert recall("", 5) == [] and recall("harbour", 0) == []


def test_a_result_says_why_it_is_there_and_where_it_stands():
    remember_all(
        [Draft("passage", "Hard carbon anodes", origin=Origin("paper.pdf", "doc1", 3, 10, 28))]
    )

    [result] = search("hard carbon").results

    assert "shares carbon, hard" in result.why or "shares hard, carbon" in result.why
    assert result.citation == {
        "source": "paper.pdf",
        "document": "doc1",
        "page": 3,
        "start": 10,
        "end": 28,
    }
    assert datetime.fromisoformat(result.as_json()["recorded_at"]).tzinfo == UTC


def test_what_the_best_speak_of_brings_the_same_in_other_words():
    first = remember("note", "The kestrel hunts voles over the meadow at dusk")
    other = remember("note", "Voles hide from hunters in the meadow grass at dusk")
    remember("note", "The ledger of the harbour lists quay fees at dusk")

    found = search("kestrel at dusk", 3).results

    assert [result.memory.id for result in found[:2]] == [first, other]
    assert found[1].parts["feedback"] > found[2].parts["feedback"]


def scored(question, **more):
    asked = hybrid.SearchRequest(
        question, "main", 10, None, vectors.active(),
        hybrid.Filter("m.valid @> statement_timestamp()", {}, narrow=False), **more,
    )  # fmt: skip
    return hybrid.search(asked)


def test_how_recent_and_of_whose_authority_takes_at_most_some_of_the_relevance():
    remember_all(
        [
            Draft(
                "note", f"hard carbon anodes {word}", trust=trust, near=False, valid_from=since
            )
            for trust, word, old in (
                ("untrusted", "one", "two"),
                ("own", "six", "ten"),
                ("trusted", "red", "tin"),
            )
            for word, since in ((word, None), (old, "2010-01-01"))
        ]
    )  # fmt: skip

    rows = scored("hard carbon")

    assert len(rows) == 6
    for row in rows:
        assert 0.9 * row["relevance"] <= row["rank"] <= row["relevance"]
        assert (row["recency"] > 0.99) == (row["valid_from"].year > 2010)
    by_trust = {row["trust"]: row["authority"] for row in rows}
    assert by_trust["own"] == 1 and by_trust["own"] > by_trust["trusted"] > by_trust["untrusted"]
    alike = [row["trust"] for row in rows if row["recency"] > 0.99]
    assert alike == ["own", "trusted", "untrusted"]


def test_what_is_alike_in_all_else_goes_by_the_time_it_became_true():
    items = remember_all(
        [
            Draft("note", f"hard carbon anodes {word}", near=False, valid_from=day)
            for word, day in (("one", "2020-01-01"), ("two", "2024-01-01"), ("six", "2026-01-01"))
        ]
    )

    assert [row["id"] for row in scored("hard carbon anodes")] == items[::-1]


def test_a_question_answers_less_than_a_statement():
    remember_all(
        [
            Draft("note", text, near=False)
            for text in ("Are hard carbon anodes used?", "Hard carbon anodes are used.")
        ]
    )

    first, second = scored("hard carbon anodes used")

    assert (first["question_penalty"], second["question_penalty"]) == (0, 1)
    assert first["relevance"] - second["relevance"] == pytest.approx(
        hybrid.WEIGHTS.question_penalty, abs=0.01
    )


def test_an_item_whose_title_stands_in_the_question_is_named():
    for title in ("Kestrel", "Heron", ""):
        remember_all([Draft("note", f"It flies over the harbour {title}", title, near=False)])

    rows = {row["title"]: row["named"] for row in scored("does kestrel, the bird, fly?")}

    assert rows["Kestrel"] == 1 and {rows.get("Heron", 0), rows.get("", 0)} == {0}
    assert {row["named"] for row in scored("do kestrels fly over the harbour?")} == {0}


def test_the_rarer_of_two_words_counts_more():
    common = [Draft("note", f"harbour number {n} of the north", near=False) for n in range(8)]
    *_, rare = remember_all([*common, Draft("note", "kestrel number 9 of the north", near=False)])

    rows = scored("kestrel harbour")

    assert rows[0]["id"] == rare and rows[0]["matched"] == ["kestrel"]
    assert rows[0]["words"] > 2 * rows[1]["words"]


def test_a_longer_text_says_more_up_to_some_sentences():
    for length in (60, 300, 900):
        text = ("anode " + f"w{length} x " * length)[:length]
        remember_all([Draft("note", text, near=False)])

    found = sorted((row["length"], len(row["raw_text"]["text"])) for row in scored("anode"))

    assert [letters for _, letters in found[:1]] == [60]
    assert found[0][0] < found[1][0] == found[2][0] == pytest.approx(1)


def test_neighbours_lend_their_words_over_two_places_and_no_more():
    texts = ["Kestrel was planned.", "One.", "Two.", "Three.", "Four."]
    ids = remember_all(
        [
            Draft("turn", text, "Ana", metadata={"session": "s", "ordinal": place}, near=False)
            for place, text in enumerate(texts)
        ]
    )

    nearby = {row["id"]: round(row["nearby"], 6) for row in scored("kestrel")}

    assert nearby[ids[0]] == nearby[ids[1]] > nearby[ids[2]] > 0
    assert nearby[ids[2]] == pytest.approx(0.7 * nearby[ids[0]], abs=1e-5)
    assert ids[3] not in nearby and ids[4] not in nearby


def test_what_gave_most_of_the_score_is_named_first():
    remember_all([Draft("note", "Hard carbon anodes of sodium cells", near=False)])
    vectors.embed_missing()

    (result,) = search("hard carbon anodes").results

    *_, last = result.why.split("; ")
    named = last.removeprefix("most of the score by ").split(", ")
    worth = {name: value * getattr(hybrid.WEIGHTS, name) for name, value in result.parts.items()}
    assert named == sorted(worth, key=lambda name: -worth[name])[:3] and named[0] == "nearby"


def test_a_score_that_is_asked_for_leaves_out_what_is_below():
    remember_all([Draft("note", text, near=False) for text in ("Hard carbon", "Hard times ahead")])
    best, other = search("hard carbon").results

    assert [one.memory.id for one in search("hard carbon", least=best.score).results] == [
        best.memory.id
    ]
    assert len(search("hard carbon", least=other.score).results) == 2
    assert search("hard carbon", least=1.0).results == []


def test_only_what_fits_the_filters_is_found():
    drafts = {
        "type": Draft("fact", "Hard carbon one", near=False),
        "source": Draft("note", "Hard carbon two", origin=Origin("paper"), near=False),
        "document": Draft(
            "passage", "Hard carbon three", near=False, metadata={"document": "d1", "ordinal": 1}
        ),
        "trust": Draft("note", "Hard carbon four", trust="own", near=False),
        "fields": Draft("note", "Hard carbon five", metadata={"a": 1, "b": 2}, near=False),
    }
    ids = dict(zip(drafts, remember_all(list(drafts.values())), strict=True))

    def found(**asked):
        return [result.memory.id for result in search("hard carbon", **asked).results]

    assert len(found()) == 5
    assert found(types=["fact"]) == [ids["type"]] and len(found(types=["fact", "note"])) == 4
    assert found(source="paper") == [ids["source"]]
    assert found(document="d1") == [ids["document"]]
    assert found(trust=["own"]) == [ids["trust"]] and len(found(trust=["own", "untrusted"])) == 5
    assert found(fields={"a": 1}) == [ids["fields"]] and found(fields={"a": 2}) == []
    assert found(types=["note"], trust=["own"], fields={"a": 1}) == []


@pytest.mark.parametrize("limit", [0, 1000])
def test_a_limit_is_taken_up_to_its_bounds(limit):
    remember("note", "Hard carbon")

    assert len(search("hard carbon", limit).results) == min(limit, 1)
    for beyond in (-1, 1001):
        with pytest.raises(BadInput, match=f"limit is {beyond}; allowed is 0 to 1000"):
            search("hard carbon", beyond)


def test_several_questions_take_turns_and_each_has_its_best_among_the_first(clock):
    clock("2026-05-20T00:00:00+00:00")
    remember_all([Draft("note", f"Kestrel number {n} flies", near=False) for n in range(5)])
    remember("event", "The pump was repaired", valid_from="2026-05-03")

    answer = search("what about kestrel; what happened on 3 May?", 2)

    assert answer.plan == "several"
    assert sorted(result.memory.type for result in answer.results) == ["event", "note"]
    scores = [result.score for result in answer.results]
    assert scores == sorted(scores, reverse=True)


def test_the_words_that_are_shared_are_named_rarest_first():
    common = [Draft("note", f"harbour number {n}", near=False) for n in range(6)]
    remember_all([*common, Draft("note", "kestrel of the harbour", near=False)])

    assert scored("harbour kestrel")[0]["matched"] == ["kestrel", "harbour"]


def test_what_happened_in_a_time_is_told_from_its_beginning_to_before_its_end(clock):
    clock("2026-06-20T00:00:00+00:00")
    days = ("2026-05-20", "2026-05-01", "2026-06-01", "2026-05-31T23:59:59", "2026-04-30T23:59:59")
    for day in days:
        remember("event", f"It was {day}, and something happened that day", valid_from=day)

    answer = search("what happened in May?")

    assert [result.memory.text[7:17] for result in answer.results] == [
        "2026-05-01",
        "2026-05-20",
        "2026-05-31",
    ]
    assert {result.why for result in answer.results} == {"true in the time asked for"}
    assert len(search("what happened in May?", 2).results) == 2
