"""What recipients said of digests: how much of it counts, and for how long."""

from datetime import timedelta

import pytest

from f.millrace.core import db
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.trust import feedback, recipients, reply_tokens
from tests.digest.conftest import DAY, NOW, OpenRun, put

FLOW = "daily_research"


@pytest.fixture
def run(database, configure):
    """A digest of two topics that Ada got."""
    configure(now=NOW.isoformat())
    made = OpenRun()
    made.topic("t1", title="Cranes of Lindholm about their tides")
    made.topic("t2", title="Osmo")
    own = {"run_id": made.id, "flow": FLOW, "namespace": "main", "edition": "daily", "number": 1,
           "local_day": DAY, "window_until": NOW}  # fmt: skip
    put("digest", id=made.id, recipients=["ada@home.example"], subject="", html="", plain="", **own)
    put("delivery", digest_id=made.id, recipient="ada@home.example", status="sent",
        message_id="m1", **own)  # fmt: skip
    return made


def token(verb, rank=1):
    return reply_tokens.sign(reply_tokens.current_key(), verb, "m1", rank)


def weights():
    return feedback.weights("main", FLOW)


@pytest.mark.parametrize(
    ("days", "share"), [(0, 1.0), (30, 0.5), (60, 0.25), (179, 0.5 ** (179 / 30)), (180, 0)]
)
def test_what_was_said_counts_half_after_a_month_and_not_after_half_a_year(
    run, configure, days, share
):
    feedback.apply(token("more"), "link")
    configure(now=(NOW + timedelta(days=days)).isoformat())

    assert weights() == (
        pytest.approx(dict.fromkeys(("cranes", "lindholm", "tides"), 0.3 * share), abs=1e-4)
        if share
        else {}
    )


def test_a_story_its_entities_and_its_words_count_in_this_order(run):
    put("story", id="st", namespace="main", title="x", entities=["Lindholm", "Port Kiel"],
        first_day=DAY, last_day=DAY)  # fmt: skip
    db.execute("UPDATE topic SET story_id = 'st' WHERE id = 't1'")

    feedback.apply(token("less"), "link")

    assert weights() == {
        "story:st": -1,
        "lindholm": -0.6,
        "port kiel": -0.6,
        "cranes": -0.3,
        "tides": -0.3,
    }
    assert feedback.of_recipient("ada@home.example", FLOW, "main") == weights()
    assert feedback.of_recipient("bob@home.example", FLOW, "main") == {}


def test_words_of_four_letters_count_unless_they_are_common(run):
    db.execute("UPDATE topic SET title = 'Osmo map 1234 about ﬁsh-and-chips' WHERE id = 't2'")

    feedback.apply(token("more", 2), "link")

    assert weights().keys() == {"osmo", "fish-and-chips"}


def test_all_that_is_said_of_a_word_stays_between_one_more_and_one_less(run):
    for number in range(3, 8):
        run.topic(f"t{number}", title="Osmo")
    for rank in range(2, 8):
        feedback.apply(token("less", rank), "link")

    assert weights()["osmo"] == -1


def test_a_token_counts_once_and_says_when_it_did(run, configure):
    assert feedback.apply(token("more"), "link") == (
        "Noted: more like “Cranes of Lindholm about their tides”."
    )
    configure(now=(NOW + timedelta(days=1)).isoformat())

    with pytest.raises(BadInput, match=r"^this was said on 2026-11-18 already, and a token counts"
                       r" once: nothing was done$"):  # fmt: skip
        feedback.apply(token("more"), "link")


def test_who_unsubscribed_before_is_told_how_it_is_done_again(run):
    recipients.add("ada@home.example", by="test")
    feedback.apply(token("unsubscribe", 0), "link")

    with pytest.raises(BadInput, match="by a newer mail"):
        feedback.apply(token("unsubscribe", 0), "link")


@pytest.mark.parametrize(
    ("verb", "rank", "fault", "said"),
    [
        ("more", 0, BadInput, "the token names no topic"),
        ("more", 9, NotFound, "the topic of this token is not known"),
        ("show", 0, BadInput, "this token only shows a digest"),
    ],
)
def test_a_token_that_says_nothing_does_nothing(run, verb, rank, fault, said):
    with pytest.raises(fault, match=said):
        feedback.apply(token(verb, rank), "link")
    assert feedback.list_replies() == []


@pytest.mark.parametrize(
    ("sender", "counts"),
    [(" ADA@home.example ", True), (None, True), ("bob@home.example", False)],
)
def test_by_mail_the_sender_is_whom_the_token_was_given_to(run, sender, counts):
    if counts:
        feedback.apply(token("more"), "mail", sender)
    else:
        with pytest.raises(BadInput, match=r"given to another address than 'bob@home\.example'"):
            feedback.apply(token("more"), "mail", sender)

    assert len(feedback.list_replies()) == counts


def test_replies_are_listed_newest_first_with_their_comment(run, configure):
    feedback.apply(token("more"), "link")
    configure(now=(NOW + timedelta(hours=1)).isoformat())
    feedback.apply(token("untrue", 2), "mail", comment="  " + "x" * 600)

    newest, oldest = feedback.list_replies()

    assert (newest["verb"], newest["title"], newest["way"]) == ("untrue", "Osmo", "mail")
    assert newest["comment"] == "x" * 500 and oldest["verb"] == "more"
    assert len(feedback.list_replies(address="ada@home.example")) == 2
    assert feedback.list_replies(address="bob@home.example") == []
    assert feedback.list_replies("other") == []
