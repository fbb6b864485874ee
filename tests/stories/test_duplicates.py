import pytest

from f.millrace.stories.duplicates import Item, find_copies, repeats

TEXT = (
    "Sodium cells keep ninety one percent of their charge at minus twenty five degrees, a field"
    " study over ninety days found. Twelve cabinets in the north of Sweden were measured every"
    " hour, and two of them failed for reasons of their own."
)


def test_a_copy_that_was_cut_is_a_copy():
    whole = Item("a", "feeds", "Sodium cells in winter", TEXT)
    cut = Item("b", "feeds", "Cold comfort for batteries", TEXT[:170])

    assert find_copies([cut, whole]) == {"b": "a"}


def test_a_title_told_again_is_a_copy():
    left = Item("a", "hackernews", "How I cut our cloud bill in half")
    right = Item("b", "mastodon", "How I cut our cloud bill in half!")

    assert len(find_copies([left, right])) == 1


def test_the_same_address_with_new_text_repeats_nothing():
    old = Item("a", "feeds", "Live: the vote in Ferrow", TEXT, "https://x.example/live")
    new = Item("b", "feeds", "Live: the vote in Ferrow", TEXT[::-1], "https://x.example/live")

    assert not repeats(new, [old]) and repeats(old, [old])


@pytest.mark.parametrize(("shared", "is_copy"), [(36, True), (28, False)])
def test_a_short_piece_is_a_copy_when_four_fifths_of_it_stand_in_the_longer_one(shared, is_copy):
    whole = [f"word{number}" for number in range(150)]
    short = [*whole[:shared], *(f"own{number}" for number in range(42 - shared))]
    longer = Item("a", "feeds", "Sodium cells in winter", " ".join(whole))
    shorter = Item("b", "feeds", "Cold comfort for batteries", " ".join(short))

    assert find_copies([shorter, longer]) == ({"b": "a"} if is_copy else {})
