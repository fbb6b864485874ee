"""Whether a passage that somebody wrote for himself speaks of what a story is about."""

import pytest

from f.millrace.stories import related
from f.millrace.stories.related import Passage

TITLE = "Tarnvik ferries stay in port while Norrvik Cells opens a plant"
TEXT = (
    "The maker of sodium batteries Norrvik Cells has opened a plant in Tarnvik this week. It will"
    " build forty cabinets a month, said the harbour, and wants to sell them to ferries."
)


def found(*passages: Passage, background: tuple[str, ...] = ()) -> list[int]:
    return [match.place for match in related.find(TITLE, TEXT, passages, background)]


@pytest.mark.parametrize(
    ("text", "is_related"),
    [
        ("We could ask Norrvik Cells whether their cabinets suit ferries of our harbour.", True),
        ("We could ask a maker whether it sells what we need by next year.", False),
        ("Norrvik is a place.", False),
        ("", False),
    ],
)
def test_a_passage_names_something_rare_and_says_more_of_the_story(text, is_related):
    assert found(Passage("A note", text)) == [0] * is_related


def test_a_name_in_its_own_title_says_what_a_passage_is_about():
    text = "Their cabinets are good."

    assert found(Passage("Norrvik Cells", text)) == [0]
    assert found(Passage("Some maker", text)) == []


def test_a_name_that_the_headline_leaves_out_counts_in_a_title_of_ones_own():
    said = "On its way to the south the Brandel Star lost about 180 boxes in high waves last night."
    story = ("A ship loses boxes in a storm", said)
    text = "Our crate of looms was on the Brandel Star."
    passages = [Passage("Brandel Star claim", text), Passage("Looms", text)]

    assert [match.place for match in related.find(*story, passages, [])] == [0]


def test_those_that_share_most_come_first_and_equals_in_their_order():
    much = Passage("Norrvik Cells", "They build sodium batteries and cabinets in Tarnvik.")
    less = Passage("Norrvik Cells", "Their cabinets are good.")

    assert found(less, much, less) == [1, 0, 2]


def test_what_news_are_full_of_says_nothing():
    passage = Passage("Norrvik Cells", "Their cabinets are good.")
    background = tuple(
        f"So Norrvik Cells opened plant {number} with cabinets" for number in range(400)
    )

    assert found(passage) == [0] and found(passage, background=background) == []


def test_the_sentence_that_shares_most_is_told():
    passage = Passage(
        "Norrvik Cells", "We were there. They build cabinets in Tarnvik. It rained all day."
    )

    (match,) = related.find(TITLE, TEXT, [passage], [])

    assert match.sentence == "They build cabinets in Tarnvik." and match.shared > 9.5


def test_words_that_many_news_have_count_for_nothing():
    (plain,) = related.find(TITLE, TEXT, [Passage("Norrvik Cells", "They are good.")], [])
    common = Passage("Norrvik Cells", "They stay open in the port each month.")

    (match,) = related.find(TITLE, TEXT, [common], [])

    assert match.shared == plain.shared
    words = "In Tarnvik we stay in port; they open each month and sell what we want."
    assert found(Passage("A trip", words)) == []
