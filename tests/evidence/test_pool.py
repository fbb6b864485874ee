"""The evidence of one topic: what is taken up."""

from datetime import UTC, datetime, timedelta

import pytest

from f.millrace.core.contracts import Evidence
from f.millrace.evidence import pool, relevance, timeliness
from f.millrace.tools.toolbox import Hit


def test_another_paper_tells_nothing_of_a_paper():
    story = (
        "Mutation testing of Wickerwork on Tallow\nWickerwork runs mutants of Tallow on Brandel."
    )
    paper = Evidence(id="ev_1", text=story, source="arxiv")
    held = pool.EvidencePool("run", "topic", "Wickerwork", {"ev_1": paper}, own={"ev_1"})
    held.story = story
    other = Hit("https://arxiv.example/2", "Mutation testing of Wickerwork", "", "arxiv", "search")

    assert relevance.is_about(story, f"{other.title}\n{story} It was tested before.")
    assert held.keep(other, f"{story} It was tested before.") == []


NOW = datetime(2026, 11, 18, 8, tzinfo=UTC)
QUARREL = "Six cranes: Lindholm and Tarn quarrel\nThe ports of Lindholm and Tarn quarrel again."


@pytest.mark.parametrize(
    ("title", "age", "tells"),
    [
        ("Again Lindholm and Tarn quarrel about six cranes", timedelta(days=7), True),
        ("Again Lindholm and Tarn quarrel about six cranes", timedelta(days=7, seconds=1), False),
        ("10 things to know for Tuesday", timedelta(0), False),
        ("The week in review: Lindholm, Tarn, cranes", timedelta(0), False),
    ],
)
def test_beside_a_story_stands_no_old_page_and_no_roundup(title, age, tells):
    own = Evidence(id="ev_1", text=QUARREL, source="courier", published_at=NOW)
    held = pool.EvidencePool("run", "topic", "Cranes", {"ev_1": own}, own={"ev_1"}, story=QUARREL)
    found = Hit("https://paper.example/2", title, "", "paper", "search", NOW - age)

    assert held._tells_story(found, f"{title}\n{QUARREL}") is tells


@pytest.mark.parametrize(("days", "kept"), [(30, 0), (31, 31)])
def test_an_old_page_that_is_posted_again_has_its_own_day(days, kept):
    page = NOW - timedelta(days=days)

    assert timeliness.date_of(NOW, page) == NOW - timedelta(days=kept)
    assert timeliness.date_of(None, page) == page and timeliness.date_of(NOW, None) == NOW
