"""The page of a run: its digest or why there is none, topics, deliveries, problems, labels."""

import pytest

from f.millrace.digest import run_page
from tests.digest.conftest import DAY, NOW, put


def test_a_run_without_a_digest_says_why():
    none = {"decision": "nothing", "reason": "Nobody gets *it*."}

    assert run_page.page_of_run("x", none) == "Nobody gets \\*it\\*.\n"
    assert run_page.page_of_run("x", {"decision": "nothing"}) == "There was nothing to do.\n"
    assert run_page.page_of_run("x", {"decision": "run", "reason": "It is time."}) == "\n"
    assert run_page.page_of_run("x", {"decision": "catch_up", "reason": "x"}) == "\n"


def test_a_run_shows_the_digest_of_its_first_window(open_run):
    run = open_run()
    for number, private in ((1, True), (2, False)):
        put("digest", id=f"00000000-0000-0000-0000-00000000000{number}", run_id=run.id,
            flow="daily_research", namespace="main", edition="daily", local_day=DAY, number=1,
            window_until=NOW, recipients=[], subject="", html="", plain="", shared={},
            private=private, markdown=f"Digest {number}")  # fmt: skip
    small = {
        "decision": "run",
        "digests": [1],
        "topics": [{"title": "One", "findings": 1}, {"title": "Two", "findings": 2}],
        "deliveries": [{"recipient": "ada@home.example", "status": "sent"}],
        "problems": ["It failed at evil.example"],
    }

    assert run_page.page_of_run(run.id, small) == (
        "Digest 2\n\n#### Topics\n\n- One: 1 finding\n- Two: 2 findings\n\n#### Deliveries\n\n"
        "- ada@home.example: sent\n\n#### Problems\n\n- It failed at evil\\[.\\]example\n"
    )
    again = {"decision": "already_done", "reason": "It is made.", "same_as": run.id, "topics": [],
             "digests": [1]}  # fmt: skip
    assert run_page.page_of_run("x", again) == "It is made.\n\nDigest 2\n"


def test_a_run_whose_digest_was_not_kept_is_shown_its_topics(open_run):
    run = open_run(edition="sample")
    run.topic("a", {"findings": [], "stopped_because": "no sources"})

    page = run_page.page_of_run(run.id, {"decision": "run", "topics": [], "digests": [1]})

    assert "**Sample edition:**" in page and "- Topic a" in page


@pytest.mark.parametrize(
    ("small", "status", "labels"),
    [
        ({}, "done", ["cost:$0.12", "topics:0"]),
        ({"topics": [1, 2], "edition": "daily"}, "failed", ["cost:$0.12", "topics:2", "failed"]),
        (
            {"sources": [{"status": "failed"}, {"status": "ok"}], "edition": "sample"},
            "done",
            ["cost:$0.12", "topics:0", "1 source down", "sample"],
        ),
        (
            {"sources": [{"status": "failed"}] * 2},
            "done",
            ["cost:$0.12", "topics:0", "2 sources down"],
        ),
    ],
)
def test_the_labels_of_a_run_say_what_it_cost_and_what_is_wrong(small, status, labels):
    assert run_page.labels(small, status, 0.12) == labels
