"""Plain text in lines of at most 74 columns."""

import pytest

from f.millrace.digest import wrapping


@pytest.mark.parametrize(("second", "lines"), [(4, 1), (5, 2)])
def test_a_line_is_at_most_74_columns_wide(second, lines):
    first = "x" * 69

    assert len(wrapping.wrap(f"{first} {'y' * second}")) == lines


def test_the_indent_counts_and_further_lines_have_their_own():
    words = f"{'x' * 69} {'y' * 4}"

    assert wrapping.wrap(words, "1. ", "   ") == [f"1. {'x' * 69}", "   yyyy"]
    assert wrapping.wrap(words, "  ") == [f"  {'x' * 69}", "  yyyy"]
    assert wrapping.wrap(words, "  ", "") == [f"  {'x' * 69}", "yyyy"]


def test_a_longer_word_stays_whole_on_a_line_of_its_own():
    address = "https://a.example/" + "x" * 80

    assert wrapping.wrap(f"See {address} now") == ["See", address, "now"]
    assert wrapping.wrap(address, "   ") == [f"   {address}"]


def test_each_line_of_a_text_begins_one_and_empty_ones_are_left_out():
    assert wrapping.wrap("one\n\n  \ntwo  three", "* ", "  ") == ["* one", "  two three"]
    assert wrapping.wrap("", "* ") == []


def test_wide_letters_take_two_columns_and_break_between_each_other():
    lines = wrapping.wrap("洪" * 40)

    assert [wrapping.columns(line) for line in lines] == [74, 6]
    assert wrapping.columns("Ｗ洪w") == 5


def test_no_line_begins_with_a_closing_mark():
    lines = wrapping.wrap("洪" * 36 + "水。青")

    assert lines == ["洪" * 36, "水。青"]


def test_words_of_narrow_letters_among_wide_ones_stay_whole():
    assert wrapping.wrap("洪" * 36 + "Tallow") == ["洪" * 36, "Tallow"]
