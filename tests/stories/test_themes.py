"""The theme of a story, told by its words."""

import pytest

from f.millrace.stories import themes


@pytest.mark.parametrize(
    ("title", "text", "theme"),
    [
        ("Software for the cloud", "", "Technology"),
        ("A telescope in space", "", "Science"),
        ("Kestrel", "The doctors of the hospital gave patients a vaccine.", "Health"),
        ("Kestrel", "A storm, a flood and a drought.", "Environment"),
        ("Museums and theatres", "", "Culture"),
        ("Strikers win league cups", "", "Sport"),
        ("", "", ""),
        ("Kestrel", "It flies over the meadow at dusk.", ""),
    ],
)
def test_a_story_has_the_theme_whose_words_it_uses_most(title, text, theme):
    assert themes.classify(title, text) == theme


@pytest.mark.parametrize(
    ("title", "text", "theme"),
    [
        ("", "hospital and vaccine", ""),
        ("", "hospital, vaccine and surgery", "Health"),
        # A word of the title counts twice.
        ("Hospital", "vaccine", "Health"),
        ("Hospital", "", ""),
    ],
)
def test_a_theme_needs_three_words(title, text, theme):
    assert themes.classify(title, text) == theme


def test_where_two_themes_are_even_there_is_none():
    even = "hospital vaccine surgery and film museum theatre"

    assert themes.classify("", even) == ""
    assert themes.classify("", even + " painting") == "Culture"


def test_the_beginning_of_a_text_tells_its_theme():
    late = "x" * themes.BEGINNING + " hospital vaccine surgery"

    assert themes.classify("", late) == ""
    assert themes.classify("", late[-themes.BEGINNING :]) == "Health"


def test_where_the_words_do_not_tell_the_source_does():
    pools = ("Variable pools for estimation", "A few tests are enough.")

    assert (themes.classify(*pools), themes.classify(*pools, "arxiv")) == ("", "Science")
    assert themes.classify("Software for the cloud", "", "arxiv") == "Technology"


def test_one_word_that_a_text_repeats_is_no_theme():
    assert themes.classify("Weeks in Review", "Our team thanks the team, and each team.") == ""
