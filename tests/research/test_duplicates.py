import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.research.duplicates import Item, find_copies, shown_before, stories

TEXT = (
    "Sodium cells keep ninety one percent of their charge at minus twenty five degrees, a field"
    " study over ninety days found. Twelve cabinets in the north of Sweden were measured every"
    " hour, and two of them failed for reasons of their own."
)


def test_a_copy_that_was_cut_is_a_copy():
    whole = Item("a", "feeds", "Sodium cells in winter", TEXT)
    cut = Item("b", "feeds", "Cold comfort for batteries", TEXT[:170])

    assert find_copies([cut, whole]) == {"b": "a"}


def test_two_pieces_on_one_subject_are_one_story_and_no_copies():
    left = Item(
        "a",
        "feeds",
        "Norrvik battery plant to make 12 gigawatt-hours",
        "The Norrvik battery plant in Halmvik makes 12.",
    )
    right = Item(
        "b",
        "arxiv",
        "Norrvik battery plant will make 8 gigawatt-hours, filing says",
        "A filing for Halmvik says 8.",
    )

    found = stories([left, right])

    assert [len(story.items) for story in found] == [2] and not found[0].copies
    assert found[0].sources == ["feeds", "arxiv"] or found[0].sources == ["arxiv", "feeds"]


def test_unrelated_items_stay_apart():
    left = Item("a", "feeds", "A library opens its flood records", "")
    right = Item("b", "feeds", "A new compiler for small robots", "")

    assert len(stories([left, right])) == 2


def test_the_same_address_with_new_text_is_an_update():
    old = Item("a", "feeds", "Live: the vote in Ferrow", TEXT, "https://x.example/live")
    new = Item(
        "b",
        "feeds",
        "Live: the vote in Ferrow",
        TEXT.replace("Sodium", "Now other").upper()[::-1],
        "https://x.example/live",
    )

    told = shown_before(stories([new])[0], [old])

    assert told is not None and told[0] == "update"


@given(
    st.lists(
        st.builds(
            Item,
            st.uuids().map(str),
            st.sampled_from(["feeds", "hackernews"]),
            st.text(max_size=60),
            st.text(max_size=300),
        ),
        max_size=12,
        unique_by=lambda item: item.id,
    )
)
def test_every_item_is_in_exactly_one_story(items):
    found = [item.id for story in stories(items) for item in story.items]

    assert sorted(found) == sorted(item.id for item in items)


@pytest.mark.parametrize(("shared", "is_copy"), [(36, True), (28, False)])
def test_a_short_piece_is_a_copy_when_four_fifths_of_it_stand_in_the_longer_one(shared, is_copy):
    whole = [f"word{number}" for number in range(150)]
    short = [*whole[:shared], *(f"own{number}" for number in range(42 - shared))]
    longer = Item("a", "feeds", "Sodium cells in winter", " ".join(whole))
    shorter = Item("b", "feeds", "Cold comfort for batteries", " ".join(short))

    assert find_copies([shorter, longer]) == ({"b": "a"} if is_copy else {})
