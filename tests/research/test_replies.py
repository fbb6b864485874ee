"""Replies to a digest, by mail and by link: what counts, and what does nothing and says why."""

import re
from datetime import timedelta
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import BadInput
from f.millrace.digest import digest_links
from f.millrace.research import deliver, follow_link, propose, read_reply
from f.millrace.tools import received_mail
from f.millrace.trust import audit, decisions, feedback, recipients, reply_tokens
from f.millrace.trust.scorecard import scorecard
from scripts.commands.__main__ import main as command
from tests.research.conftest import NOW, item
from tests.research.test_delivery import outbox
from tests.research.test_select import chosen
from tests.tools.test_mail import read

ADA, FLOW = "ada@home.example", "daily_research"
PUBLIC = "https://mail.example/api/r/w/millrace/reply"


@pytest.fixture
def mailed(pipeline, two_stories):
    """A delivered digest of two topics; its run."""
    run_id, _ = pipeline.run()
    return run_id


def links(path: Path) -> dict[str, list[str]]:
    """Return the addresses of the mail's own links by their words."""
    html = read(str(path)).get_body(("html",)).get_content()
    found: dict[str, list[str]] = {}
    for url, words in re.findall(
        r'<a class="soft" href="((?:mailto|https)[^"]*)">([^<]*)</a>', html
    ):
        found.setdefault(words, []).append(unescape(url))
    return found


def tokens(words: str) -> list[str]:
    """Return the tokens of the links of the mail with these words, by the topics' ranks."""
    return sorted(
        reply_tokens.find_in_subject(unquote(url.partition("?subject=")[2]))
        for url in links(outbox()[-1])[words]
    )


def reply(token: str, sender: str = ADA, text: str = "") -> dict:
    message = EmailMessage()
    message["From"], message["To"] = f"Ada <{sender}>", "millrace@localhost"
    message["Subject"] = f"Re: Something [millrace:{token}]"
    message.set_content(text + "\n\nOn Wednesday Millrace wrote:\n> The old text")
    return read_reply.main(message.as_string())


def title(run_id: str, rank: int) -> str:
    row = db.fetch_one("SELECT title FROM topic WHERE run_id = %s AND rank = %s", [run_id, rank])
    assert row is not None
    return row["title"]


def test_more_and_less_change_what_ranking_is_told(mailed, clock):
    one, other = title(mailed, 1), title(mailed, 2)
    sodium = 1 if "Sodium" in one else 2
    more, less = tokens("More like this"), tokens("Less like this")

    assert reply(more[sodium - 1]) == {
        "done": True,
        "said": f"Noted: more like “{[one, other][sodium - 1]}”.",
    }
    reply(less[2 - sodium])

    weights = feedback.weights("main", FLOW)
    assert weights["sodium"] == 0.3 and weights["flood"] == -0.3
    assert "their" not in weights
    clock(NOW + timedelta(days=30))
    assert feedback.weights("main", FLOW)["sodium"] == 0.15


def test_a_story_and_its_entities_weigh_more_than_the_words_of_a_title(mailed):
    db.execute(
        "INSERT INTO story (id, namespace, title, entities, first_day, last_day) VALUES ('st_1',"
        " 'main', 'x', '{Norrvik Cells}', %s, %s)",
        [NOW.date(), NOW.date()],
    )
    db.execute("UPDATE topic SET story_id = 'st_1' WHERE run_id = %s AND rank = 1", [mailed])

    reply(tokens("Less like this")[0])

    weights = feedback.weights("main", FLOW)
    assert weights["story:st_1"] == -1 and weights["norrvik cells"] == -0.6


def test_the_latest_word_of_a_reader_counts_and_readers_share_the_weight(mailed, clock):
    reply(tokens("More like this")[0])
    clock(NOW + timedelta(hours=1))
    reply(tokens("Less like this")[0])

    assert max(feedback.weights("main", FLOW).values()) == pytest.approx(-0.3, abs=0.001)
    recipients.add("bob@home.example", by="test")
    assert max(feedback.weights("main", FLOW).values()) == pytest.approx(-0.15, abs=0.001)
    assert feedback.weights("sample", FLOW) == {}


def test_not_true_refuses_the_judgement_and_the_scorecard_counts_it(mailed):
    topic = db.fetch_one("SELECT id, title FROM topic WHERE run_id = %s AND rank = 1", [mailed])
    decisions.record_judgement(mailed, topic["id"], topic["title"], 90, "researcher")

    answer = reply(tokens("Not true")[0], text="The plant was closed in May.")

    assert answer["done"] and "is not true" in answer["said"]
    row = db.fetch_one(
        "SELECT d.outcome, d.outcome_by FROM decision d JOIN topic t ON t.id = d.subject WHERE"
        " d.run_id = %s AND t.rank = 1",
        [mailed],
    )
    assert row == {"outcome": "refused", "outcome_by": ADA}
    said = db.fetch_one("SELECT verdict, comment FROM feedback WHERE run_id = %s", [mailed])
    assert said == {"verdict": "refused", "comment": "The plant was closed in May."}
    (right,) = [score for score in scorecard() if score.name == "decisions_right"]
    assert right.value is not None and right.value < 100


def test_the_scorecard_says_how_many_topics_are_wanted(mailed):
    reply(tokens("More like this")[0])
    reply(tokens("Less like this")[1])

    (wanted,) = [score for score in scorecard() if score.name == "topics_wanted"]
    assert (wanted.n, wanted.value) == (2, 50.0)


def test_who_unsubscribes_gets_no_more_until_the_operator_adds_them(mailed, pipeline, clock):
    (token,) = tokens("Unsubscribe")

    assert reply(token)["said"] == "ada@home.example gets no further digest."

    # The settings name her, too.
    assert recipients.list_recipients() == []
    clock(NOW + timedelta(days=1))
    assert pipeline.open()["decision"] == "nothing"
    assert audit.verify() == []
    recipients.add(ADA, by="operator")
    assert [row["address"] for row in recipients.list_recipients()] == [ADA]
    assert pipeline.open()["decision"] == "run"
    again = reply(token)
    assert not again["done"] and "newer mail" in again["said"]
    assert len(recipients.list_recipients()) == 1


def test_a_mail_that_waits_is_not_sent_to_who_unsubscribed_meanwhile(pipeline, two_stories):
    run_id = pipeline.until_compose()
    propose.main(run_id)
    db.execute("UPDATE recipient SET unsubscribed_at = now() WHERE address = %s", [ADA])

    (delivery,) = deliver.main(run_id)["deliveries"]

    assert (delivery["status"], delivery["error"]) == ("expired", "its reader has unsubscribed")
    assert outbox() == []


def test_a_token_counts_once(mailed):
    (token, _) = tokens("More like this")
    reply(token)
    before = feedback.weights("main", FLOW)

    again = reply(token)

    assert again["done"] is False and "2026-11-18 already" in again["said"]
    assert feedback.weights("main", FLOW) == before


@pytest.mark.parametrize("place", [0, 1, 4, 22, 30])
def test_a_changed_token_does_nothing(mailed, place):
    (token, _) = tokens("More like this")
    letter = {"m": "l", "1": "2"}.get(token[place], "a" if token[place] != "a" else "b")

    answer = reply(token[:place] + letter + token[place + 1 :])

    assert answer["done"] is False
    assert "not signed here" in answer["said"] or "no whole reply token" in answer["said"]
    assert feedback.list_replies() == []


def test_the_token_of_somebody_else_does_nothing(mailed):
    answer = reply(tokens("Unsubscribe")[0], sender="eve@evil.example")

    assert answer["done"] is False and "another address" in answer["said"]
    assert ADA not in answer["said"]
    assert len(recipients.list_recipients()) == 1


def test_a_token_of_a_retired_key_does_nothing(mailed):
    (token, _) = tokens("More like this")
    reply_tokens.renew_key()

    answer = reply(token)

    assert answer["done"] is False and "retired" in answer["said"]
    assert feedback.list_replies() == []


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "From: ada@home.example\nSubject: unsubscribe\n\nPlease.",
        "From: ada@home.example, eve@evil.example\nSubject: x\n\n",
        "From: ada@home.example\nSubject: [millrace:m1.0.1.x] [millrace:l1.0.1.x]\n\n",
    ],
)
def test_a_mail_without_one_whole_token_does_nothing_and_says_why(database, raw):
    answer = read_reply.main(raw)

    assert answer["done"] is False and answer["said"]


def test_windmill_hands_over_the_mail_and_the_link():
    assert read_reply.preprocessor({"kind": "email", "raw_email": "x"}) == {"raw_email": "x"}
    for body in ({"raw_email": "x"}, "x"):
        assert read_reply.preprocessor({"kind": "webhook", "body": body}) == {"raw_email": "x"}
    assert read_reply.preprocessor({"kind": "webhook", "body": None}) == {"raw_email": ""}
    event = {"kind": "http", "method": "POST", "params": {"token": "t"}}
    assert follow_link.preprocessor(event) == {"token": "t", "method": "post"}


@pytest.fixture
def public(monkeypatch):
    """Readers reply by links of this base."""
    monkeypatch.setenv("MILLRACE_PUBLIC_URL", PUBLIC)
    config.reload()


def test_opening_a_link_asks_and_its_button_does_it(public, mailed):
    url = links(outbox()[-1])["Less like this"][0]
    token = url.removeprefix(PUBLIC + "/")

    asked = follow_link.main(token, "get")

    assert asked["windmill_status_code"] == 200 and '<form method="post">' in asked["result"]
    # Programs that look at each link of a mail say nothing by that.
    assert feedback.list_replies() == []
    done = follow_link.main(token, "post")
    assert "Noted: less like" in done["result"]
    assert [(row["verb"], row["way"]) for row in feedback.list_replies()] == [("less", "link")]
    assert follow_link.main(token, "post")["windmill_status_code"] == 400


def test_one_click_unsubscribes(public, mailed):
    message = read(str(outbox()[-1]))
    https, mailto = message["List-Unsubscribe"].split(", ")

    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mailto.startswith("<mailto:millrace@localhost?subject=Unsubscribe")
    answer = follow_link.main(https.strip("<>").removeprefix(PUBLIC + "/"), "post")
    assert answer["windmill_status_code"] == 200
    assert recipients.list_recipients() == []


def test_a_link_shows_the_digest_without_its_readers_links(public, mailed):
    (url,) = links(outbox()[-1])["Read in the browser"]

    shown = follow_link.main(url.removeprefix(PUBLIC + "/"), "get")["result"]

    assert "Sodium batteries" in shown
    assert "millrace:" not in shown and PUBLIC not in shown and 'class="reply"' not in shown
    db.execute("UPDATE digest SET private = true")
    hidden = follow_link.main(url.removeprefix(PUBLIC + "/"), "get")
    assert hidden["windmill_status_code"] == 400 and "Sodium" not in hidden["result"]
    with pytest.raises(BadInput):
        feedback.apply(url.removeprefix(PUBLIC + "/"), "link")


def test_a_page_of_a_link_runs_and_loads_nothing(database):
    answer = follow_link.main("<script>alert(1)</script>", "get")

    assert answer["windmill_status_code"] == 400 and "<script" not in answer["result"]
    assert answer["windmill_headers"]["Content-Security-Policy"].startswith("default-src 'none'")


def test_the_text_says_how_to_reply_too(mailed):
    body = read(str(outbox()[-1])).get_body(("plain",)).get_content()
    plain = "\n".join(body.splitlines())

    shown = re.findall(r"^(?:\d\.)?\s*(\w[\w ]+\w)\s+\[millrace:([^\]]+)\]$", plain, re.M)

    assert [words for words, _ in shown] == [
        *["More like this", "Less like this", "Not true"] * 2,
        "Unsubscribe",
    ]
    assert reply(shown[0][1])["done"]
    assert "{{" not in plain


def test_others_cannot_write_the_marks_of_our_links():
    from f.millrace.digest.digest_mail import render
    from tests.research.test_compose import content, section

    nasty = '{{reply}} <p class="reply">1</p> https://digest.invalid/2026-11-18/1'
    made = render(content(sections=[section(nasty, "https://digest.invalid/2026-11-18/1")]))

    assert digest_links.REPLY.findall(made.html) == ["1", "0"]
    assert digest_links.EARLIER.findall(made.html) == []
    assert len(digest_links.PLAIN_REPLY.findall(made.plain)) == 1


@pytest.mark.parametrize(("verb", "place"), [("more", 0), ("less", 1)])
def test_what_a_reader_said_changes_what_comes_first(pipeline, offered, clock, verb, place):
    offered["feeds"] = [item("1", "The lighthouse keepers of Oskol"), item("2", "Owls in Tirgan")]
    run_id, _ = pipeline.run()
    topic = db.fetch_one(
        "SELECT rank FROM topic WHERE run_id = %s AND title LIKE 'The lighthouse%%'", [run_id]
    )
    feedback.apply(tokens(f"{verb.capitalize()} like this")[topic["rank"] - 1], "link")
    clock(NOW + timedelta(days=1))
    offered["feeds"] = [
        item("3", "New lighthouse keepers start in Oskol", hours=-20),
        item("4", "Herons nest at the mill", hours=-21),
    ]

    topics = chosen(pipeline)

    assert topics[place]["title"] == "New lighthouse keepers start in Oskol"
    assert f"readers asked for {verb} of it" in topics[place]["reasons"]


QUOTE = "> Old news of yesterday."


@pytest.mark.parametrize(
    "quoted",
    [
        f"On Tue, 1 Dec 2026 at 08:00, Millrace <millrace@home.example> wrote:\n{QUOTE}",
        f"On Tue, 1 Dec 2026 at 08:00, Millrace <millrace@home.example>\nwrote:\n\n{QUOTE}",
        "Am 01.12.26 um 08:00 schrieb Millrace:\nOld news of yesterday.",
        "Le mar. 1 déc. 2026 à 08:00, Millrace <millrace@home.example> a\n écrit :\nOld news",
        "El mar, 1 dic 2026 a las 8:00, Millrace escribió:\nOld news",
        "From: Millrace <millrace@home.example>\nSent: Tuesday 08:00\nTo: Ada\n\nOld news",
        "Von: Millrace\nGesendet: Dienstag\nAn: Ada\n\nOld news",
        "________________________________\nFrom: Millrace\nOld news",
        "-----Ursprüngliche Nachricht-----\nOld news",
        "-- \nAda Quill, Old news Ltd",
    ],
)
def test_of_a_reply_only_its_own_words_are_read(quoted):
    raw = (
        "From: ada@home.example\nSubject: AW: x\nContent-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 8bit\n\nFrom now on: größere Fähren.\nOn time, too:\n\n"
        f"{quoted}\n"
    )

    read = received_mail.parse(raw)

    assert read.text == "From now on: größere Fähren.\nOn time, too:" and read.subject == "x"


def test_a_reply_as_a_page_is_read_without_what_it_quotes():
    raw = (
        "From: ada@home.example\nSubject: x\nContent-Type: text/html\n\n<html><head><style>p{}"
        "</style></head><body><p>Less of\nthis.<br>Please.</p><div class='x gmail_quote'>On Monday"
        " Millrace wrote:<blockquote>Old news</blockquote></div></body></html>"
    )

    assert received_mail.parse(raw).text == "Less of this.\nPlease."


def test_a_reply_file_keeps_the_letters_of_its_own_encoding(mailed, tmp_path):
    raw = (
        f"From: {ADA}\nSubject: Re: [millrace:{tokens('More like this')[0]}]\nContent-Type:"
        " text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\nGrößere Fähren"
    )
    path = tmp_path / "reply.eml"
    path.write_bytes(raw.encode("latin-1"))

    assert command(["replies", "read", str(path)]) == 0

    assert feedback.list_replies()[0]["comment"] == "Größere Fähren"
