"""What a digest names under "also new", and in which order."""

from datetime import timedelta

import pytest

from f.millrace.digest import headlines, run_plan
from f.millrace.digest.digest_content import Discussion
from f.millrace.digest.digest_reader import Reader
from tests.digest.conftest import NOW


@pytest.fixture
def titles(open_run):
    """The headlines of a run for one window."""

    def load(run, shown=(), **window):
        reader = Reader(run.plan, run_plan.Window(recipients=[], **window))
        return [one.title for one in headlines.load(reader, set(shown))]

    return load


def test_those_with_most_points_come_first(open_run, titles):
    run = open_run()
    for name, score in (("a", 1), ("b", 9), ("c", 5)):
        run.item(name, score=score)

    assert titles(run) == ["b", "c", "a"]
    assert titles(run, shown=["b"]) == ["c", "a"]


def test_of_each_source_three_come_first_and_eight_of_those_with_votes(open_run, titles):
    run = open_run()
    for number in range(12):
        run.item(f"voted{number:02}", source="hackernews", score=50)
        run.item(f"feed{number:02}", score=49)

    found = titles(run)

    assert len(found) == 18
    # Eight of the one and three of the other; the room that is left is shared evenly.
    assert sum(one.startswith("voted") for one in found) == 9
    assert sum(one.startswith("feed") for one in found) == 9


def test_the_limits_of_each_source_are_three_and_eight(open_run, titles):
    run = open_run(sources=["hackernews", *(f"s{n}" for n in range(4))])
    for number in range(12):
        run.item(f"voted{number:02}", source="hackernews", score=50)
        for source in range(4):
            run.item(f"s{source}-{number:02}", source=f"s{source}", score=1)

    found = titles(run)

    assert sum(one.startswith("voted") for one in found) == 6
    assert all(sum(one.startswith(f"s{n}-") for one in found) == 3 for n in range(4))


@pytest.mark.parametrize(
    ("seconds", "since", "named"),
    [(0, 1, True), (0, 0, False), (1, 1, False), (-1, 0, False), (0, None, True)],
)
def test_what_came_in_the_window_is_named(open_run, titles, seconds, since, named):
    run = open_run()
    run.item("a", first_seen_at=NOW + timedelta(seconds=seconds))
    begin = None if since is None else NOW - timedelta(seconds=since)

    assert (titles(run, since=begin) == ["a"]) is named


def test_what_is_private_is_named_for_its_owner_and_for_whom_it_is_shared(open_run, titles):
    run = open_run(sources=["feeds", "notes"])
    run.item("a", source="notes", url="note:a.md", share_keys=["source:notes"])
    run.item("b", url="note:b.md")

    assert titles(run) == []
    assert titles(run, private=True) == ["a"]
    assert titles(run, shared={"source:notes": "ada"}) == ["a"]
    assert titles(run, shared={"source:documents": "ada"}) == []


def test_a_message_that_is_no_news_is_left_out_and_an_article_is_not(open_run, titles):
    run = open_run(sources=["mastodon"])
    own = {"url": "https://social.example/1", "comments_url": "https://social.example/1"}
    run.item("a", source="mastodon", title="Good morning all", **own)
    run.item("b", source="mastodon", title="Good morning", comments_url="https://x.example/")

    assert titles(run) == ["Good morning"]


def discussed(**changes):
    plain = {"source": "hackernews", "comments_url": "https://hn.example/7", "score": 9,
             "extra": {"comments": 4}, "title": "Plant"}  # fmt: skip
    return {**plain, **changes}


@pytest.mark.parametrize(
    ("changes", "talk"),
    [
        ({}, Discussion("Hacker News", "https://hn.example/7", 9, 4)),
        ({"title": "PLANT"}, Discussion("Hacker News", "https://hn.example/7", 9, 4)),
        ({"title": "‘Plant’"}, Discussion("Hacker News", "https://hn.example/7", 9, 4)),
        ({"title": "Works"}, Discussion("Hacker News", "https://hn.example/7", 9, 4, "Works")),
        ({"comments_url": ""}, Discussion("Hacker News", "", 9, 4)),
        ({"comments_url": "note:x"}, Discussion("Hacker News", "", 9, 4)),
        ({"score": 0}, Discussion("Hacker News", "https://hn.example/7", 0, 4)),
        ({"extra": None}, Discussion("Hacker News", "https://hn.example/7", 9, 0)),
        # What is liked is not voted for.
        ({"source": "mastodon"}, Discussion("Mastodon", "https://hn.example/7", 0, 4)),
        ({"score": 0, "comments_url": ""}, None),
        ({"comments_url": "https://page.example/1"}, None),
    ],
)
def test_a_discussion_is_where_people_vote_and_comment_and_not_the_page_itself(changes, talk):
    found = headlines.find_discussion([discussed(**changes)], "https://page.example/1", "Plant")

    assert found == talk


def test_the_liveliest_discussion_is_told_by_comments_and_then_by_points():
    few = discussed(comments_url="https://few.example/", score=99, extra={"comments": 3})
    some = discussed(comments_url="https://some.example/", score=5)
    more = discussed(comments_url="https://more.example/", score=6)

    found = headlines.find_discussion([few, more, some], "", "Plant")

    assert found is not None and found.url == "https://more.example/"
    assert headlines.find_discussion([], "", "Plant") is None
