from datetime import timedelta

import pytest

from f.millrace.core import db
from f.millrace.core.errors import BadInput, FetchRefused, SourceFailed
from f.millrace.research.read_source import main
from tests.research.conftest import NOW, item


def test_items_are_stored_once_with_the_moment_they_were_first_seen(pipeline, two_stories, clock):
    run_id = pipeline.open()["run_id"]

    first = main(run_id, "hackernews")
    clock(NOW + timedelta(hours=1))
    again = main(run_id, "hackernews")

    assert first == {"source": "hackernews", "status": "ok", "items": 1, "new": 1, "error": ""}
    assert again["items"] == 1
    rows = db.fetch_all("SELECT first_seen_at, last_seen_at FROM source_item")
    assert rows == [{"first_seen_at": NOW, "last_seen_at": NOW + timedelta(hours=1)}]


def test_duplicate_ids_and_a_nul_do_no_harm(pipeline, offered):
    offered["feeds"] = [item("1", "One\x00"), item("1", "Two")]

    assert main(pipeline.open()["run_id"], "feeds")["new"] == 1


def test_a_failure_is_recorded_and_raised_so_that_it_is_tried_again(pipeline, offered):
    offered["feeds"] = SourceFailed("https://feed.example answered 503")
    run_id = pipeline.open()["run_id"]

    with pytest.raises(SourceFailed):
        main(run_id, "feeds")

    assert db.fetch_one("SELECT status, error FROM source_reading") == {
        "status": "failed",
        "error": "https://feed.example answered 503",
    }
    offered["feeds"] = [item("1", "It is back")]
    assert main(run_id, "feeds")["status"] == "ok"
    assert db.fetch_one("SELECT status FROM source_reading") == {"status": "ok"}


def test_what_would_fail_again_is_not_tried_again(pipeline, offered):
    offered["feeds"] = FetchRefused("http://10.0.0.1 is private; see the setting fetch_allow")

    told = main(pipeline.open()["run_id"], "feeds")

    assert (told["status"], told["items"], told["new"]) == ("failed", 0, 0)


def test_the_number_of_items_has_limits(pipeline):
    with pytest.raises(BadInput, match="0"):
        main(pipeline.open()["run_id"], "feeds", max_items=0)


def test_an_item_is_first_seen_after_every_window_that_has_ended(
    pipeline, two_stories, offered, clock
):
    pipeline.run()
    clock(NOW - timedelta(hours=3))
    offered["feeds"] = [item("9", "Seen while the clock was set back")]

    main(pipeline.open(again=True)["run_id"], "feeds")

    row = db.fetch_one(
        "SELECT first_seen_at > (SELECT max(window_until) FROM digest) AS later FROM source_item"
        " WHERE source_key = '9'"
    )
    assert row == {"later": True}


def test_a_dry_run_keeps_to_itself_and_knows_what_was_seen(pipeline, two_stories, clock):
    pipeline.run()
    clock(NOW + timedelta(days=1))

    run_id = pipeline.open(dry_run=True)["run_id"]
    main(run_id, "feeds")

    row = db.fetch_one(
        "SELECT first_seen_at FROM source_item WHERE namespace = %s", [f"dry-{run_id}"]
    )
    assert row == {"first_seen_at": NOW}
