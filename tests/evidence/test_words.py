"""What a reader is told of how far a result can be relied on, and of where nothing was found."""

import pytest

from f.millrace.evidence import confidence_words, nothing_found

GOOD = {
    "tool_reliability": 100,
    "source_quality": 80,
    "coherence": 90,
    "history": 70,
    "agreeing": 3,
}


def test_nothing_found_has_no_confidence():
    assert confidence_words.describe(0, GOOD, 0) == ""


def test_one_source_is_called_that_whatever_its_score():
    poor = {**GOOD, "tool_reliability": 0}

    assert confidence_words.describe(95, GOOD, 1) == "One source, confirmed by no other"
    assert confidence_words.describe(40, poor, 1) == "One source, confirmed by no other"


@pytest.mark.parametrize(
    ("score", "parts", "disputed", "said"),
    [
        (90, {}, False, "Well supported: 3 sources agree"),
        (90, {"agreeing": 2}, False, "Well supported: 2 of 3 sources agree"),
        (90, {"agreeing": 1}, False, "3 sources, which tell different parts of it"),
        (40, {}, True, "3 sources, which disagree"),
        (
            20,
            {"tool_reliability": 50},
            True,
            "3 sources, which disagree; some searches failed, so more may be known",
        ),
        (80, {"source_quality": 30}, False, "little is known of who says it"),
        (80, {"history": 30}, False, "these sources were wrong before"),
    ],
)
def test_confidence_is_a_word_with_its_reasons(score, parts, disputed, said):
    assert said in confidence_words.describe(score, {**GOOD, **parts}, 3, disputed)


def test_of_news_that_has_its_own_pages_no_search_is_missed():
    parts = {**GOOD, "tool_reliability": 0, "agreeing": 1}

    said = confidence_words.describe_news(40, parts, 2)

    assert said == "2 sources, which tell different parts of it"


def test_what_was_tried_is_told_with_how_to_set_a_web_search(configure):
    reasons = nothing_found.reasons(1, ["notes.search"], 0)

    said = nothing_found.explain("; ".join(["no sources found (stalled)", *reasons]))

    assert said.startswith("Tried 1 search of the notes, found nothing to read. No web search")
    assert "set MILLRACE_SEARCH_URL" in said
    configure(search_url="http://127.0.0.1:1")
    assert len(nothing_found.reasons(2, ["web.search"], 3)) == 1
