"""The evidence of one topic: what is taken up."""

from f.millrace.core.contracts import Evidence
from f.millrace.evidence import pool, relevance
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
