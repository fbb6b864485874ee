"""Text of others as a person may read it: what is hidden is shown, what is long is counted."""

import pytest

from f.millrace.core import invisible, visible_text

FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\tb", "a    b"),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a␍b"),
        ("a\x1b[0m", "a␛[0m"),
        ("a\x00b\x7f", "a␀b␡"),
        ("a\u202eb", "a‹U+202E›b"),
        ("a\u200bb", "a‹U+200B›b"),
        ("a\u2800b", "a‹U+2800›b"),
        ("a\u00a0b", "a\u00a0b"),
        ("a\u2028b", "a‹U+2028›b"),
        ("é", "é"),
        ("a" + "\u0301" * 4, "a" + "\u0301" * 4),
        ("a" + "\u0301" * 5, "a" + "\u0301" * 4 + "‹U+0301›"),
    ],
)
def test_what_is_hidden_is_shown_as_what_it_is(text, shown):
    assert visible_text.make_visible(text) == shown


def test_characters_that_are_kept_stay():
    assert visible_text.make_characters_visible("a\tb\u202e", kept="\t") == "a\tb‹U+202E›"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" " * 40, " " * 40),
        ("a" + " " * 41 + "b", "a   ‹41 times›b"),
        ("\u00a0" * 41, "\u00a0" * 3 + "‹41 times›"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "xxx‹201 times›"),
        ("a\n\n\n\nb", "a\n\n\n\nb"),
        ("a\n\n\n\n\nb", "a\n‹4 empty lines›\nb"),
        ("a\n \n\t\n\n \nb", "a\n‹4 empty lines›\nb"),
    ],
)
def test_long_runs_are_counted(text, shown):
    assert visible_text.shorten_runs(text) == shown


def test_a_value_is_one_line_of_at_most_so_many_characters():
    assert visible_text.line("a\nb\tc") == "a␊b c"
    assert visible_text.line(12) == "12"
    assert visible_text.line("ab" * 500) == "ab" * 500
    assert visible_text.line("ab" * 500 + "c") == "ab" * 500 + "… ‹1 more›"
    assert visible_text.line("abcdef", 4) == "abcd… ‹2 more›"


def test_a_block_has_the_frame_before_each_line():
    assert visible_text.block("\none\n\n two\n") == "│ one\n│\n│  two"
    assert visible_text.block("one", "> ") == "> one"


# Characters that no reader sees


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\u200bb", "ab"),
        ("soft\u00adhyphen", "softhyphen"),
        ("a\U000e0041b", "ab"),
        ("\u202eabc\u202c", "abc"),
        (FLAG, FLAG),
        # A joiner between Persian letters, behind a joining sign, before a space after an Arabic
        # letter; between letters that do not join it hides.
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u200cb", "ab"),
        ("a\u200db", "ab"),
        ("क्\u200d", "क्\u200d"),
        ("क्\u200c", "क्\u200c"),
        ("क\u200d", "क"),
        ("ه\u200d", "ه\u200d"),
        ("ه\u200c", "ه"),
        ("،\u200cب", "،ب"),
        ("٣\u200dب", "٣ب"),
        ("ه\u200d\u200b", "ه"),
        ("1\u200dم", "1م"),
        # Signs and pictures.
        ("❤\ufe0f", "❤\ufe0f"),
        ("‼\ufe0f", "‼\ufe0f"),
        ("1\ufe0f\u20e3", "1\ufe0f\u20e3"),
        ("1\ufe0f", "1"),
        ("a\ufe0f", "a"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("👩🏽\u200d💻", "👩🏽\u200d💻"),
        ("❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"),
        ("👩\u200d", "👩"),
        ("a\u200d💻", "a💻"),
        ("+\ufe0f", "+"),
        # What chooses the form of a Mongolian letter.
        ("ᠠ\u180b", "ᠠ\u180b"),
        ("a\u180b", "a"),
        ("\u200babc", "abc"),
        # What Unicode keeps free, and what only those know who agreed on it.
        ("a\ufdd0b\ufffec\U0001ffffd\U0010fffee", "abcde"),
        ("a\ue000b\uf8ffc\U000f0000d\U0010fffde", "abcde"),
        ("日本ﷺ豈\ufb01", "日本ﷺ豈\ufb01"),
    ],
)
def test_only_what_is_part_of_the_spelling_stays(text, kept):
    assert invisible.strip(text) == kept


def test_for_comparing_none_of_them_stays():
    assert invisible.strip_all("می\u200cخواهم❤\ufe0f") == "میخواهم❤"
    assert invisible.strip_all("plain") == "plain"


def test_what_is_spelling_is_told_by_its_place():
    assert invisible.find_spelling("❤\ufe0f") == {1} and invisible.find_spelling("a\ufe0f") == set()
    assert invisible.find_spelling("abc") == set()


def test_a_flag_of_tag_letters_is_read_as_it_is_and_other_tag_letters_are_shown():
    england = "🏴" + "".join(chr(0xE0000 + ord(letter)) for letter in "gbeng") + "\U000e007f"
    assert invisible.find_spelling(f"to {england}") == set(range(3, 10))
    assert visible_text.make_visible(f"to {england}!") == f"to {england}!"
    hidden = england.replace(chr(0xE0000 + ord("b")), chr(0xE0000 + ord("x")))
    assert "‹U+E0078›" in visible_text.make_visible(hidden)
