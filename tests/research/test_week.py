"""Seven mornings of recorded news, graded: the long tier lives through them."""

from pathlib import Path

import pytest

from scripts.benchmarks import week
from scripts.database.embedded import temporary
from tests import tiers

needs_data = pytest.mark.skipif(
    not week.DATA.exists(), reason="the recorded week is not beside this checkout"
)


@pytest.mark.skipif(not tiers.PROVE, reason="takes minutes: scripts/prove runs it")
@needs_data
def test_a_week_of_digests_is_worth_reading(tmp_path: Path):
    with temporary() as url:
        figures = week.run(url, tmp_path, week.DATA)

    assert figures["days"] == 7
    assert week.list_missed(figures) == []


def test_a_figure_that_misses_its_target_is_named():
    reached = dict(week.TARGETS)

    assert week.list_missed(reached) == []
    assert week.list_missed({**reached, "fresh": 0.9, "private": 1}) == ["fresh", "private"]
