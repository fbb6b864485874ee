"""What a source offered, as it is stored."""

import pytest

from f.millrace.core import db
from f.millrace.research import intake
from f.millrace.tools.items import SourceItem
from tests.digest.conftest import OpenRun
from tests.research.conftest import NOW

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def at_eight(clock):
    """The time is eight o'clock."""


def offer(key="a", **changes):
    plain = {
        "source": "feeds",
        "key": key,
        "title": f"Title {key}",
        "url": f"https://x.example/{key}",
    }
    return SourceItem(**{**plain, **changes})


def stored(key="a"):
    row = db.fetch_one("SELECT * FROM source_item WHERE source_key = %s", [key])
    assert row is not None
    return row


def test_what_was_not_there_before_this_run_is_counted():
    first, second = OpenRun(), OpenRun()

    assert intake.store([offer("a"), offer("b")], "main", "main", first.id) == 2
    assert intake.store([offer("a"), offer("c")], "main", "main", second.id) == 1
    # A repeat of the step finds its own.
    assert intake.store([offer("a"), offer("b")], "main", "main", first.id) == 2


def test_of_items_with_one_key_the_first_is_stored():
    intake.store([offer(title="One"), offer(title="Two")], "main", "main", OpenRun().id)

    assert stored()["title"] == "One"


def test_an_item_that_changed_is_stored_as_it_is_now():
    run = OpenRun().id
    intake.store([offer(score=1)], "main", "main", run)
    before = stored()

    intake.store(
        [offer(score=2, title="New", text="More", url="https://y.example/", comments_url="c",
               extra={"n": 1})],
        "main", "main", run,
    )  # fmt: skip

    now = stored()
    assert (now["score"], now["title"], now["body"], now["url"]) == (
        2, "New", "More", "https://y.example/",
    )  # fmt: skip
    assert (now["comments_url"], now["extra"]) == ("c", {"n": 1})
    assert now["content_hash"] != before["content_hash"] and now["first_seen_at"] == NOW
    assert now["canonical_url"] != before["canonical_url"]


def test_capitals_and_spaces_change_no_hash():
    run = OpenRun().id
    intake.store([offer("a", title="One  Two", text="Three\nfour")], "main", "main", run)
    intake.store([offer("b", title="one two", text="three FOUR")], "main", "main", run)
    intake.store([offer("c", title="one two", text="three")], "main", "main", run)

    assert stored("a")["content_hash"] == stored("b")["content_hash"] != stored("c")["content_hash"]


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({}, []),
        ({"trust": "own"}, ["source:feeds"]),
        ({"trust": "own", "share_keys": ("feed:1",)}, ["feed:1"]),
        ({"share_keys": ("feed:1",)}, ["feed:1"]),
    ],
)
def test_what_is_the_owners_can_be_shared_by_its_source(changes, keys):
    intake.store([offer(**changes)], "main", "main", OpenRun().id)

    assert stored()["share_keys"] == keys


@pytest.mark.parametrize(("trust", "masked"), [("own", False), ("untrusted", True)])
def test_a_published_secret_is_masked_and_the_owners_notes_stay(trust, masked):
    secret = "ghp_" + "a1B2" * 9
    intake.store(
        [offer(text=f"The key {secret} leaked", trust=trust)], "main", "main", OpenRun().id
    )

    assert (secret not in stored()["body"]) is masked


def test_an_item_without_an_address_has_none():
    intake.store([offer(url="")], "main", "main", OpenRun().id)

    assert stored()["canonical_url"] == ""


def test_how_reading_went_keeps_the_most_of_a_repeated_step():
    run = OpenRun().id
    intake.note(run, "feeds", "ok", 5, 3, "", 1.0)
    intake.note(run, "feeds", "failed", 2, 1, "503", 2.0)

    assert intake.find_reading(run, "feeds") == {
        "source": "feeds", "status": "failed", "items": 5, "new": 3, "error": "503",
    }  # fmt: skip
    assert intake.find_reading(run, "hackernews") is None
    intake.note(run, "feeds", "ok", 6, 4, "", 1.0)
    found = intake.find_reading(run, "feeds")
    assert found is not None and (found["items"], found["new"], found["error"]) == (6, 4, "")
