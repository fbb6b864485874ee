"""A settings file that cannot be read is told in words, at once."""

import pytest

from f.millrace.core import config
from f.millrace.core.errors import BadSetting
from scripts.settings.check import check

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "more than 100,000 values"),
        ("interests: " + "[" * 5_000 + "]" * 5_000, "nested deeper than 100"),
        ("interests: " + "{a: " * 5_000 + "}" * 5_000, "nested deeper than 100"),
        ("interests: &a [*a]", "inside of what it repeats"),
        ("now: 2026-13-45", "month must be"),
        ("model: offline\nnow: 2026-02-30", "day is out of range"),
    ],
    ids=["aliases", "lists", "mappings", "itself", "month", "day"],
)
def test_a_file_that_goes_too_far_is_told_in_words(monkeypatch, tmp_path, text, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / config.FILE).write_text(text)
    config.reload()

    (mistake,) = check(tmp_path / config.FILE)
    with pytest.raises(BadSetting, match=words):
        config.settings()

    assert words in str(mistake) and str(mistake).startswith(f"{config.FILE}:")


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "1e999999"])
def test_a_variable_that_is_no_json_is_told_in_words(monkeypatch, text):
    monkeypatch.setenv("MILLRACE_PRICES", text)
    config.reload()

    with pytest.raises(BadSetting, match=r"(?i)prices"):
        config.settings()
