"""What arguments and answers of tools consist of: values, addresses, links and records."""

import pytest

from f.millrace.trust import tool_answers
from f.millrace.trust.own_words import OwnWords


@pytest.fixture(autouse=True)
def at_eight(configure):
    configure(now="2026-11-18T08:00:00+00:00")


def test_each_value_is_told_with_its_place_and_names_inside_too():
    value = {"a": 1, "b": {"c": "x", "d": [True, {"e": None}]}}

    assert list(tool_answers.list_leaves(value)) == [
        ("a", 1),
        ("a name in b", "c"),
        ("b.c", "x"),
        ("a name in b", "d"),
        ("b.d", True),
        ("a name in b.d", "e"),
        ("b.d.e", None),
    ]
    assert list(tool_answers.list_leaves(["x"])) == [("the arguments", "x")]


def test_an_answer_is_its_texts_its_links_and_its_records():
    answer = [{"id": 7, "Url": "https://a.example/", "ok": True, "none": None,
               "from": {"name": "Ada"}}]  # fmt: skip

    parts = tool_answers.split(answer)

    assert parts.links == ["https://a.example/"]
    assert "7" in parts.texts and "Ada" in parts.texts
    assert "True" not in parts.texts and "None" not in parts.texts
    assert parts.records == [
        {"id": 7, "Url": "https://a.example/", "ok": True},
        {"name": "Ada"},
    ]
    assert tool_answers.split([[], {}]).records == []


@pytest.mark.parametrize(
    ("text", "path", "found"),
    [
        ("https://a.example/x", "url", ["https://a.example/x"]),
        ("see https://a.example/x now", "text", ["https://a.example/x"]),
        ("a.example", "host", ["a.example"]),
        ("a.example", "query", []),
        ("a.example/x", "query", ["a.example/x"]),
        ("10.0.0.1:80", "host", ["10.0.0.1:80"]),
        ("[::1]:80", "host", ["[::1]:80"]),
        ("mailto:ada@a.example", "to", ["mailto:ada@a.example"]),
        ("notes.md", "path", []),
        ("a report.pdf", "path", []),
        ("plain words", "text", []),
        ("a.example and more", "text", []),
    ],
)
def test_an_address_is_told_by_its_shape(text, path, found):
    assert tool_answers.addresses_in(text, path) == found


def records(*rows, place="mail"):
    made = tool_answers.Records()
    made.add(place, rows)
    return made


def test_a_value_is_the_whole_of_a_field_of_its_place():
    made = records({"id": "7", "title": "Cranes of Kiel"})

    assert made.has_value("7", "mail") and not made.has_value("Cranes", "mail")
    assert not made.has_value("7", "notes")


def test_the_identifier_of_the_one_record_that_was_named_is_meant():
    own = OwnWords("Open the mail about cranes of Kiel")
    one, other = {"id": 7, "title": "Cranes of Kiel"}, {"id": 8, "title": "Tides"}
    made = records(one, other)

    assert made.is_named(7, "mail", own) and made.is_named("7", "mail", own)
    assert not made.is_named(8, "mail", own)
    assert not made.is_named(7, "notes", own)
    assert not made.is_named(True, "mail", own) and not made.is_named(7.0, "mail", own)
    # Two that the words fit are no longer the one that was meant; the same one twice is.
    assert not records(one, {**one, "id": 9}).is_named(7, "mail", own)
    assert records(one, dict(one)).is_named(7, "mail", own)


def test_an_address_is_no_identifier_and_a_long_text_no_name():
    own = OwnWords("Open the mail of one two three four five six seven")
    link = {"id": "https://evil.example/", "title": "one two three"}

    assert not records(link).is_named("https://evil.example/", "mail", own)
    six, seven = ("one two three four five six", "one two three four five six seven")
    assert records({"id": 7, "title": six}).is_named(7, "mail", own)
    assert not records({"id": 7, "title": seven}).is_named(7, "mail", own)


def test_two_thousand_records_of_a_place_are_kept():
    made = records(*({"id": str(number)} for number in range(2001)))

    assert made.has_value("1999", "mail") and not made.has_value("2000", "mail")
    made.add("mail", [{"id": "2001"}])
    assert not made.has_value("2001", "mail")


@pytest.mark.parametrize(
    ("request_", "record", "found"),
    [
        ("Read the article that Ada Brandel posted", {"from": "Ada Brandel"}, True),
        ("Read the article that Ada Brandel posted", {"title": "Ada Brandel"}, False),
        ("Answer Ada Brandel", {"from": "Ada Brandel"}, False),
        ("Read the article of Bob", {"from": "Ada Brandel"}, False),
    ],
)
def test_a_link_is_meant_when_its_sender_was_named_and_a_page_asked_for(request_, record, found):
    rows = [{**record, "body": "See https://a.example/x there"}]

    links = list(tool_answers.links_meant(rows, OwnWords(request_)))

    assert links == (["https://a.example/x"] if found else [])
