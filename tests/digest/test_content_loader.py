"""What a digest reads from the rows of a run, for one window."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from f.millrace.digest import content_loader, run_plan
from f.millrace.digest.digest_content import Content, Discussion, EarlierDigest, OwnText
from tests.digest.conftest import NOW, put

FOUND = {
    "findings": [{"text": "It opened.", "citations": ["e1"]}],
    "confidence": 80,
    "stopped_because": "enough evidence",
    "written_by": ["a:b"],
}
NOTHING = {**FOUND, "findings": []}


def load(run: Any, find_related: Any = None, operator: bool = False, **window: Any) -> Content:
    seen = run_plan.Window(recipients=[], **window)
    return content_loader.load(run.id, run.plan, seen, operator, find_related)


def told(run: Any, **window: Any) -> list[str]:
    shown = load(run, **window)
    return [one.title for one in (*shown.sections, *shown.headlines)]


@pytest.fixture
def run(open_run):
    """A run whose one topic was found out about."""
    one = open_run()
    one.topic("a", FOUND, item_ids=[one.item("a")], title="Plant")
    one.evidence("e1", "a", published_at=NOW)
    return one


def section(run: Any, **window: Any) -> Any:
    (one,) = load(run, **window).sections
    return one


def test_a_topic_is_told_with_its_page_its_age_and_its_discussion(run, open_run):
    shown = load(run)
    (one,) = shown.sections

    assert (one.title, one.rank, one.url) == ("Plant", 1, "https://a.example/1")
    assert (one.site, one.talk, one.update, one.own) == ("a.example", None, "", "")
    assert one.findings == [("It opened.", [1])]
    (reference,) = one.references
    assert (reference.title, reference.url, reference.host, reference.date, reference.site) == (
        "e1", "https://news.example/e1", "news.example", "18 Nov 2026", "news.example",
    )  # fmt: skip
    assert (shown.model, shown.writers, shown.cost_usd, shown.since) == ("a:b", {"a:b": 1}, 0, "")


def test_the_page_of_a_topic_is_its_first_item_on_the_web(open_run):
    run = open_run()
    items = [
        run.item("a", url="note:a.md", source="notes", published_at=NOW - timedelta(hours=3)),
        run.item("b", published_at=NOW - timedelta(hours=5), score=7, source="hackernews",
                 comments_url="https://hn.example/7"),
    ]  # fmt: skip
    run.topic("a", FOUND, item_ids=items, title="Plant")
    run.topic("b", FOUND, item_ids=items[:1])
    run.evidence("e1", "a")

    first, second = load(run).sections

    assert (first.url, first.age) == ("https://b.example/1", "5 hours ago")
    assert first.talk == Discussion("Hacker News", "https://hn.example/7", 7, 0, "b")
    assert (second.url, second.site, second.age) == ("", "Notes", "3 hours ago")


def test_what_came_in_the_window_is_told(run):
    assert told(run, since=NOW - timedelta(seconds=1)) == ["Plant"]
    assert told(run, since=NOW) == []
    sample = replace(run.plan, edition="sample")
    seen = run_plan.Window(recipients=[], since=NOW)
    assert len(content_loader.load(run.id, sample, seen).sections) == 1


def test_what_is_private_is_told_to_its_owner_and_to_whom_it_is_shared(open_run):
    run = open_run()
    run.topic("a", FOUND, item_ids=[run.item("a")], share_keys=["source:notes"])
    run.evidence("e1", "a", url="https://a.example/1")

    assert told(run) == [] == told(run, shared={"source:documents": "ada"})
    assert section(run, private=True).own == "Only in your digest: from what is yours"
    shared = section(run, shared={"source:notes": "ada"})
    assert shared.own == "Shared by ada: from what is private"
    # How well others support it says nothing about a note of one's own.
    assert shared.support == "" != section(run, private=True).title


def test_a_topic_of_which_nothing_was_found_is_a_line_with_its_reason(open_run):
    run = open_run()
    results = {
        "failed": None,
        "spent": {**NOTHING, "stopped_because": "budget"},
        "unread": NOTHING,
        "empty": NOTHING,
        "none": {**NOTHING, "no_sources": True},
    }
    for name, result in results.items():
        run.topic(name, result, item_ids=[run.item(name, published_at=NOW)])
    put("page", id="p", namespace="main", canonical_url="https://unread.example/1",
        url="https://unread.example/1", readable=False, reason="gone", read_at=NOW)  # fmt: skip

    lines = load(run).headlines

    assert {one.title.removeprefix("Topic "): one.unread for one in lines} == {
        "failed": "could not be researched: its step ended without a result",
        "spent": "not researched: the budget was spent",
        "unread": "could not be read: gone",
        "empty": "nothing could be established",
        "none": "no sources found",
    }
    assert (lines[0].date, lines[0].source, lines[0].url) == (
        "18 Nov 2026", "feeds", "https://failed.example/1",
    )  # fmt: skip


def test_the_reason_of_a_fault_is_for_owners_and_the_operator(open_run):
    run = open_run()
    run.topic("a", item_ids=[run.item("a")])
    put("run_event", run_id=run.id, step="s", event="topic", message="x",
        metadata={"topic_id": "a", "status": "failed", "error": "X: at api.example"})  # fmt: skip

    def reason(**more: Any) -> str:
        return load(run, **more).headlines[0].unread

    assert reason() == "could not be researched: its research failed"
    assert (
        reason(private=True) == "could not be researched: at api.example" == reason(operator=True)
    )


def test_passages_of_one_page_have_one_number_and_unstored_evidence_none(open_run):
    run = open_run()
    cites = [["e3"], ["e1", "gone"], ["gone"], ["e2", "e3"]]
    found = [{"text": f"{n}.", "citations": names} for n, names in enumerate(cites)]
    run.topic("a", {**FOUND, "findings": found}, item_ids=[run.item("a")])
    run.evidence("e1", "a", url="https://one.example/")
    run.evidence("e2", "a", url="https://one.example/", title="later")
    run.evidence("e3", "a", url="", source="notes", title="")

    one = section(run)

    assert one.findings == [("0.", [1]), ("1.", [2]), ("3.", [1, 2])]
    assert [(each.number, each.title, each.url) for each in one.references] == [
        (1, "Your notes", ""),
        (2, "e1", "https://one.example/"),
    ]


def test_the_address_of_a_local_server_says_less_than_its_source(open_run):
    run = open_run()
    run.topic("a", FOUND, item_ids=[run.item("a")])
    run.evidence("e1", "a", url="http://127.0.0.1:8000/1", source="hackernews")

    (reference,) = section(run).references

    assert (reference.host, reference.site) == ("hackernews", "Hacker News")


@pytest.mark.parametrize(
    ("confidence", "sources", "agreeing", "conflicts", "unreviewed"),
    [
        (54, 2, 2, [], True),
        # `Read with care. Supported: 2 sources agree` would say two things.
        (55, 2, 2, [], False),
        (54, 2, 1, [], False),
        (54, 1, 1, [], False),
        (54, 1, 1, [{"question": "x", "sides": []}], True),
    ],
)
def test_a_warning_stands_above_low_confidence_but_not_where_none_confirms_another(
    open_run, configure, confidence, sources, agreeing, conflicts, unreviewed
):
    configure(confidence_review=70)
    run = open_run()
    found = [{"text": "It opened.", "citations": ["e1", "e2"][:sources]}]
    result = {**FOUND, "findings": found, "confidence": confidence, "conflicts": conflicts}
    run.topic("a", {**result, "parts": {"agreeing": agreeing}}, item_ids=[run.item("a")])
    run.evidence("e1", "a", url="https://one.example/")
    run.evidence("e2", "a", url="https://two.example/")

    one = section(run)

    assert (one.unreviewed, one.support.startswith("Read with care.")) == (unreviewed, unreviewed)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        pytest.param("https://one.example/2", "2 pages of one source", id="two pages of one site"),
        pytest.param("https://one.example/1", "", id="one page"),
        pytest.param("https://two.example/1", "2 sources, which tell different parts of it",
                     id="two sites"),
    ],
)  # fmt: skip
def test_the_line_above_the_sources_counts_those_that_stand_below_it(
    open_run, configure, second, said
):
    configure(confidence_review=0)
    run = open_run()
    told = [
        {"text": "It opened.", "citations": ["e1"]},
        {"text": "It is big.", "citations": ["e2"]},
    ]
    run.topic("a", {**FOUND, "findings": told}, item_ids=[run.item("a")])
    run.evidence("e1", "a", url="https://one.example/1")
    run.evidence("e2", "a", url=second)

    assert section(run).support == said


def test_the_sides_of_a_conflict_name_their_sources(open_run):
    run = open_run()
    sides = [
        {"claim": "12.", "evidence": ["e1", "e2", "gone"], "dates": ["18"], "sources": ["x"]},
        {"claim": "8.", "evidence": ["gone"], "sources": ["the-courier"]},
    ]
    conflicts = [{"question": "How much?", "sides": sides, "trusted": 1, "why": "It is later."},
                 {"question": "So?", "sides": []}]  # fmt: skip
    run.topic("a", {**FOUND, "conflicts": conflicts}, item_ids=[run.item("a")])
    run.evidence("e1", "a", url="https://one.example/1")
    run.evidence("e2", "a", url="https://one.example/2")

    first, second = section(run).conflicts

    assert first.sides == [
        {"claim": "8.", "dates": [], "sources": ["The Courier"], "links": [""], "trusted": True},
        {"claim": "12.", "dates": ["18"], "sources": ["one.example"],
         "links": ["https://one.example/1"], "trusted": False},
    ]  # fmt: skip
    assert (first.why, second.why, second.sides) == ("It is later.", "", [])


@pytest.mark.parametrize(
    ("question", "shown"),
    [
        ("Topic a: how many boxes", "How many boxes?"),
        ("Topic a: 12 or 8", "12 or 8?"),
        ("Topic a", "Topic a"),
        ("How much?", "How much?"),
    ],
)
def test_a_conflict_asks_below_its_headline_and_says_days_as_the_digest_does(
    open_run, question, shown
):
    run = open_run()
    why = "Trusted for the newer report (2026-11-17)."
    sides = [{"claim": f"{n}.", "evidence": [f"e{n}"], "dates": [f"2026-11-1{n}"]} for n in (7, 8)]
    conflicts = [{"question": question, "sides": sides, "trusted": 0, "why": why}]
    run.topic("a", {**FOUND, "conflicts": conflicts}, item_ids=[run.item("a")])
    for name, days in (("e1", 2), ("e7", 1), ("e8", 0)):
        run.evidence(name, "a", published_at=NOW - timedelta(days=days))

    (found,) = section(run).conflicts

    assert (found.question, found.why) == (shown, "Trusted for the newer report (17 Nov 2026).")
    assert [side["dates"] for side in found.sides] == [["17 Nov 2026"], ["18 Nov 2026"]]


def tell_earlier(
    run: Any, day: date, status: str = "sent", number: int = 1, **columns: Any
) -> None:
    """Let a digest of this run be told on an earlier day."""
    own = {"flow": "daily_research", "namespace": "main", "edition": "daily", "local_day": day,
           "number": number, **columns}  # fmt: skip
    digest = f"00000000-0000-0000-0000-0000000{day.month:02}{day.day:02}{number}"
    put("digest", id=digest, run_id=run.id, **own, window_since=day, window_until=NOW,
        recipients=[], subject="", html="", plain="")  # fmt: skip
    put("delivery", run_id=run.id, digest_id=digest, recipient="ada", window_until=NOW,
        status=status, message_id=digest, **own)  # fmt: skip


@pytest.mark.parametrize(
    ("day", "when"),
    [
        (date(2026, 11, 17), "yesterday"),
        (date(2026, 11, 16), "Monday"),
        (date(2026, 11, 12), "Thursday"),
        (date(2026, 11, 11), "11 November"),
        (date(2026, 9, 30), "30 September"),
    ],
)
def test_a_story_leads_to_the_digest_that_told_of_it_last(open_run, day, when):
    before, run = open_run(), open_run()
    put("story", id="st", namespace="main", title="x", first_day=day, last_day=day)
    before.topic("a", FOUND, story_id="st")
    tell_earlier(before, day)
    tell_earlier(before, day - timedelta(days=1), number=2)
    run.topic("b", FOUND, item_ids=[run.item("b")], story_id="st", story_day=3)
    run.topic("c", FOUND, item_ids=["b"], update_of="a")
    run.topic("d", FOUND, item_ids=["b"])
    run.evidence("e1", "b")

    by_story, by_topic, new = load(run).sections

    assert by_story.earlier == by_topic.earlier == EarlierDigest(day, 1, when)
    assert by_story.update == f"Update · Day 3 · new since {when}"
    assert by_topic.update == f"Update · new since {when}"
    assert (new.earlier, new.update) == (None, "")


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "failed"},
        {"namespace": "other"},
        {"flow": "other"},
        {"day": date(2026, 11, 18)},
    ],
)
def test_a_digest_that_nobody_got_before_this_day_told_nothing(open_run, changes):
    before, run = open_run(), open_run()
    before.topic("a", FOUND)
    tell_earlier(before, **{"day": date(2026, 11, 17), **changes})
    run.topic("b", FOUND, item_ids=[run.item("b")], update_of="a")
    run.evidence("e1", "b")

    assert section(run).earlier is None


@pytest.mark.parametrize(
    ("reasons", "story_day", "update"),
    [
        ([], 1, ""),
        ([], 2, "Update · Day 2"),
        (["an update to a story you saw on Monday"], 1, "Update · new since Monday"),
        (["new", "an update to a story you saw yesterday"], 2, "Update · Day 2 · new since"
         " yesterday"),
    ],
)  # fmt: skip
def test_an_update_says_since_when(open_run, reasons, story_day, update):
    run = open_run()
    run.topic("a", FOUND, item_ids=[run.item("a")], reasons=reasons, story_day=story_day)
    run.evidence("e1", "a")

    assert section(run).update == update


def test_readings_of_private_sources_are_for_owners(open_run):
    run = open_run(sources=["feeds", "notes", "documents", "private_feeds"])

    def names(**window: Any) -> list[tuple[str, bool]]:
        return [(one.name, one.mine) for one in load(run, **window).readings]

    assert [name for name, _ in names(private=True)] == run.plan.sources
    assert all(mine for _, mine in names(private=True))
    assert names() == [("feeds", True)]
    assert names(shared={"source:notes": "ada"}) == [("feeds", True), ("notes", False)]
    assert names(shared={"namespace:main": "ada"}) == [("feeds", True), ("documents", False)]


def test_ten_notes_of_the_steps_are_told_without_secrets(open_run):
    run = open_run()
    for number in range(12):
        put("run_event", run_id=run.id, step="s", event="x", message=f"Note {number:02}",
            metadata={"for_digest": True})  # fmt: skip
    put("run_event", run_id=run.id, step="s", event="x", message="Note 00",
        metadata={"for_digest": True})  # fmt: skip
    put("run_event", run_id=run.id, step="s", event="x", message="A step", metadata={})
    put("run_event", run_id=run.id, step="s", event="error", message="An answer was cut",
        metadata={"for_digest": True})  # fmt: skip

    assert load(run).notes == [f"Note {number:02}" for number in range(10)]
    assert load(run, private=True).notes[0] == "An answer was cut"


def test_what_the_owner_wrote_is_found_for_public_topics_of_the_owner(run):
    asked: list[tuple[str, str]] = []
    moment = datetime.fromisoformat("2026-05-03T08:00:00+00:00")

    def find(title: str, text: str) -> list[content_loader.OwnText]:
        asked.append((title, text))
        kinds = ("notes", "documents", "memory")
        return [content_loader.OwnText(kind, "Batteries", moment, "So.") for kind in kinds]

    owned = load(run, find, private=True).sections[0].related

    assert owned == [
        OwnText(f"From your {kind}", "Batteries", "3 May 2026", "So.")
        for kind in ("notes", "documents", "memory")
    ]
    assert asked == [("Plant", "Plant. It opened.")]
    assert load(run, find).sections[0].related == [] and len(asked) == 1
    run.topic("b", FOUND, item_ids=["a"], share_keys=["source:notes"], title="Own")
    run.topic("c", NOTHING, item_ids=["a"], title="Nothing")
    load(run, find, private=True)
    assert [title for title, _ in asked] == ["Plant", "Plant"]


def test_what_is_told_as_a_private_topic_is_no_headline_for_others(open_run):
    run = open_run()
    run.topic("a", FOUND, item_ids=[run.item("a")], share_keys=["source:notes"])
    run.topic("b", FOUND, item_ids=[run.item("b", first_seen_at=NOW - timedelta(days=2))])
    run.item("c")
    run.evidence("e1", "b")

    assert told(run) == ["Topic b", "c"]
    # A topic of which nothing is new to them is a line no more than what nobody told.
    assert told(run, since=NOW - timedelta(days=1)) == ["c"]


def test_what_is_shared_of_a_memory_has_a_short_title_and_a_line(open_run):
    run = open_run()
    for name, title in (("long", "t" * 60 + " " + "u" * 60), ("short", "Batteries")):
        put("document", id=name, namespace="home", path=name, title=title, state="read",
            read_at=NOW, body="word  " * 60)  # fmt: skip

    shown = load(run, shared={"namespace:home": "ada"}).shared

    assert {one.title for one in shown} == {"t" * 60 + "…", "Batteries"}
    assert {one.origin for one in shown} == {"Shared by ada"}
    assert shown[0].line == "word " * 46 + "word…"


@pytest.mark.parametrize("sources", [["feeds"], ["feeds", "documents"]])
def test_a_shared_document_that_is_told_as_a_topic_is_not_told_again(open_run, sources):
    run = open_run(sources=sources)
    for name in ("told", "read", "new"):
        put("document", id=name, namespace="home", path=name, title=name, state="read",
            read_at=NOW, body=name)  # fmt: skip
    told = run.item("a", source="documents", url="document:told")
    run.item("b", source="documents", url="document:read")
    run.topic("a", FOUND, item_ids=[told], share_keys=["source:documents"])
    run.evidence("e1", "a", published_at=NOW)
    shared = {"namespace:home": "ada", "source:documents": "ada"}

    shown = {one.title for one in load(run, shared=shared).shared}

    # Where documents are a source, each is a topic or a line of its own.
    assert shown == ({"new"} if "documents" in sources else {"read", "new"})
