"""Which stories come first, and the reasons that are given for it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from f.millrace.digest.run_plan import RunPlan
from f.millrace.research import ranking
from f.millrace.research.candidates import Candidate
from f.millrace.stories.duplicates import Item
from f.millrace.stories.stories import KnownStory, Story

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)


def told(*items: Item, **more) -> Candidate:
    return Candidate(Story(list(items)), **more)


def item(key="a", source="feeds", hours=0.0, score=0.0, url="https://a.example/x", title="x"):
    return Item(
        key, source, title, canonical_url=url, url=url, score=score,
        published_at=NOW - timedelta(hours=hours),
    )  # fmt: skip


def rank(*candidates, limit=10, interests=()):
    plan = RunPlan(day=NOW.date(), scheduled_for=NOW, interests=list(interests))
    return ranking.rank(list(candidates), plan, NOW, limit)


def score(*candidates, **more):
    return rank(*candidates, **more)[0].score


@pytest.mark.parametrize(
    ("hours", "share", "said"),
    [
        (-3, 1.0, "less than an hour old"),
        (0.9, 0.5 ** (0.9 / 36), "less than an hour old"),
        (1, 0.5 ** (1 / 36), "1 hour old"),
        (36, 0.5, "36 hours old"),
        (47, 0.5 ** (47 / 36), "47 hours old"),
        (48, 0.5 ** (48 / 36), "2 days old"),
    ],
)
def test_a_story_counts_half_after_a_day_and_a_half(hours, share, said):
    (only,) = rank(told(item(hours=hours)))

    assert only.score == pytest.approx(0.3 * 0.35 + 0.25 * share, abs=1e-4)
    assert only.reasons == [said]


def test_the_newest_item_of_a_story_says_how_old_it_is_and_none_is_middling():
    (only,) = rank(told(item("a", hours=36), item("b", hours=2)))
    (undated,) = rank(told(Item("a", "feeds", "x", url="https://a.example")))

    assert "2 hours old" in only.reasons
    assert undated.reasons == [] and undated.score == pytest.approx(0.3 * 0.35 + 0.25 * 0.5)


@pytest.mark.parametrize(
    ("items", "worth", "said"),
    [
        ([item("a")], 0.0, None),
        ([item("a"), item("b")], 0.1, "2 items tell it"),
        ([item(key) for key in "abcde"], 0.4, "5 items tell it"),
        ([item(key) for key in "abcdef"], 0.4, "6 items tell it"),
        ([item("a"), item("b", "web")], 0.5, "2 sources tell it: feeds, web"),
        ([item("a"), item("b", "web"), item("c", "x")], 0.75, "3 sources tell it: feeds, web, x"),
        ([item(key, key) for key in "abcde"], 1.0, "5 sources tell it: a, b, c, d, e"),
    ],
)
def test_sources_that_agree_count_more_than_items_of_one(items, worth, said):
    (only,) = rank(told(*items))

    assert only.score == pytest.approx(0.3 * 0.35 + 0.25 + 0.25 * worth, abs=1e-4)
    assert [reason for reason in only.reasons if "tell it" in reason] == ([said] if said else [])


def test_points_are_measured_by_what_is_notable_in_their_source_or_by_its_best():
    hacker, other = item("a", "hackernews", score=100), item("b", "web", score=8)

    first, second = rank(told(hacker)), rank(told(other), told(item("c", "web", score=4)))

    assert first[0].score == pytest.approx(0.3 * 0.5 + 0.25)
    assert "100 points on hackernews" in first[0].reasons
    assert [one.story.lead.id for one in second] == ["b", "c"]
    assert second[0].score == pytest.approx(0.3 * 8 / 12 + 0.25, abs=1e-4)
    assert "8 points on web" in second[0].reasons


def test_a_note_of_ones_own_is_no_popular_news_and_no_points_are_middling():
    note, feed = item("a", "notes", url="note:tug.md"), item("b", "feeds")

    assert score(told(note)) == pytest.approx(0.25)
    assert score(told(feed)) == pytest.approx(0.25 + 0.3 * 0.35)
    assert score(told(item("c", "hackernews", score=1))) == pytest.approx(
        0.25 + 0.3 / 101, abs=1e-4
    )


@pytest.mark.parametrize(
    ("interests", "worth", "said"),
    [
        ([], 0, []),
        (["tides"], 0, []),
        (["new cranes"], 0.7, ["you follow new cranes"]),
        (["crane", "PORTS"], 0.85, ["you follow crane, PORTS"]),
        (
            ["crane", "port", "Lindholm", "driver"],
            1.0,
            ["you follow crane, port, Lindholm, driver"],
        ),
        (["the"], 0, []),
        (["crane tides"], 0, []),
    ],
)
def test_what_a_reader_follows_counts_when_all_of_its_words_are_there(interests, worth, said):
    story = told(item(title="Port of Lindholm has cranes without a driver"))

    (only,) = rank(story, interests=interests)

    assert only.score == pytest.approx(0.3 * 0.35 + 0.25 + 0.2 * worth, abs=1e-4)
    assert [reason for reason in only.reasons if "follow" in reason] == said


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (0.2, ["readers asked for more of it"]),
        (0.19, []),
        (-0.19, []),
        (-0.2, ["readers asked for less of it"]),
        (0, []),
    ],
)
def test_what_readers_replied_lifts_and_lowers(wanted, said):
    (only,) = rank(told(item(), wanted=wanted))

    assert only.score == pytest.approx(0.3 * 0.35 + 0.25 + 0.3 * wanted, abs=1e-4)
    assert [reason for reason in only.reasons if "readers" in reason] == said


@pytest.mark.parametrize(
    ("days", "said"),
    [(1, "yesterday"), (2, "on Monday"), (6, "on Thursday"), (7, "on 2026-11-11")],
)
def test_an_update_is_lifted_and_says_when_the_story_was_seen(days, said):
    last = NOW.date() - timedelta(days=days)
    known = KnownStory("st", "x", [], date(2026, 11, 1), last, [], "topic")

    new, update = rank(told(item("a"))), rank(told(item("b"), continues=known))

    assert update[0].score - new[0].score == pytest.approx(0.2)
    assert update[0].reasons[0] == f"an update to a story you saw {said}"
    assert (new[0].update_of, update[0].update_of) == (None, "topic")


def test_one_site_does_not_fill_the_digest():
    loud = [told(item(str(n), "feeds", n / 10, url=f"https://loud.example/{n}")) for n in range(3)]
    quiet = told(item("quiet", "feeds", 10, url="https://quiet.example/x"))

    order = [one.story.lead.id for one in rank(*loud, quiet)]

    assert order == ["0", "quiet", "1", "2"]
    assert len(rank(*loud, quiet, limit=2)) == 2 and rank(*loud, limit=0) == []


def test_of_equals_the_order_is_always_the_same():
    stories = [told(item(key, key, url=f"https://{key}.example/x")) for key in "bca"]

    assert [one.story.lead.id for one in rank(*stories)] == ["c", "b", "a"]
    assert [one.story.lead.id for one in rank(*stories[::-1])] == ["c", "b", "a"]
