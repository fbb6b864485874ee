import json
from email.message import EmailMessage

import pytest
from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart

from f.millrace.core import config, db
from f.millrace.core.errors import BadInput
from f.millrace.memory import erase, history
from f.millrace.memory.forget import forget
from f.millrace.memory.store import Draft, Origin, get, remember, remember_all
from f.millrace.memory.subject_pattern import pattern_of
from f.millrace.telemetry.spans import span, step

pytestmark = pytest.mark.usefixtures("database")
RUN = "22222222-2222-2222-2222-222222222222"


@pytest.fixture
def spread_out(tmp_path, owner):
    """Ada Example in every place that keeps text; Ben Sample beside her."""
    db.execute(
        "INSERT INTO run (id, flow, args, result) VALUES (%s, 'daily_research', %s, %s)",
        [
            RUN,
            db.jsonb({"topic": "Who is Ada Example?"}),
            db.jsonb({"title": "Ben Sample", "of": ["ADA\nEXAMPLE"]}),
        ],
    )
    with step("test.write", RUN), span("call", {"answer": json.dumps({"about": "Ada\nExample"})}):
        pass
    db.execute(
        "INSERT INTO run_event (run_id, event, message) VALUES (%s, 'progress', 'Reading about Ada"
        " Example')",
        [RUN],
    )
    db.execute(
        "INSERT INTO evidence (id, run_id, namespace, body) VALUES ('ev_1', %s, 'main', 'Ada "
        " Example lives here')",
        [RUN],
    )
    db.execute(
        "INSERT INTO research_result (run_id, topic_id, title, findings)"
        " VALUES (%s, 't', 'People', %s)",
        [RUN, db.jsonb([{"text": "Ada Example moved."}, {"text": "Ben Sample stayed."}])],
    )
    db.execute(
        "INSERT INTO usage (run_id, agent, model, state, response)"
        " VALUES (%s, 'writer', 'm', 'settled', %s)",
        [RUN, db.jsonb({"parts": ["Ada Example moved.", "Ben Sample stayed."]})],
    )
    db.execute(
        """INSERT INTO digest (run_id, flow, namespace, edition, local_day, window_until,
               recipients, subject, html, plain)
        VALUES (%s, 'f', 'main', 'daily', now(), now(),
                '{ada.example@mail.example,ben@mail.example}', 'News', 'x', 'x')""",
        [RUN],
    )
    owner.execute("CREATE TABLE checkpoint.writes (thread_id text, blob bytea)")
    db.execute(
        "INSERT INTO checkpoint.writes VALUES ('one', %s), ('one', 'x'), ('two', 'x')",
        [b"Ada Example"],
    )
    history.append(
        "desk",
        [
            ModelRequest(parts=[UserPromptPart("Hello")]),
            ModelResponse(parts=[TextPart("Good day")]),
        ],
    )
    history.append(
        "desk",
        [
            ModelRequest(parts=[UserPromptPart("Phone of Ada Example?")]),
            ModelResponse(parts=[TextPart("12 34")]),
        ],
    )
    history.append(
        "desk",
        [ModelRequest(parts=[UserPromptPart("Thanks")]), ModelResponse(parts=[TextPart("Bye")])],
    )
    fact = remember("fact", "Ada Example lives in Paris", namespace="sample")
    remember("finding", "somebody moved to another town", derived_from=[fact], namespace="sample")
    remember_all(
        [Draft("note", "the list of guests", origin=Origin("https://x.example/ada_example.html"))]
    )
    ben = remember("fact", "Ben Sample lives in Rome")
    (tmp_path / "outbox").mkdir()
    mail = EmailMessage()
    mail["Subject"] = "News"
    mail.set_content("Für Ada Example: etwas Neues.", charset="utf-8", cte="base64")
    (tmp_path / "outbox" / "one.eml").write_bytes(bytes(mail))
    return ben


def test_a_forgotten_subject_is_found_nowhere_and_the_rest_stays(spread_out, tmp_path):
    before = forget("Ada Example", dry_run=True)
    assert len(before.found) >= 10 and db.fetch_one("SELECT count(*) AS n FROM memory_item") == {
        "n": 4
    }

    done = forget("ada example")

    assert (
        done.proved
        and done.found == {}
        and done.files == 1
        and not list((tmp_path / "outbox").glob("*.eml"))
    )
    assert (
        done.deleted["memory_item"] == 3
        and done.deleted["chat_message"] == 2
        and done.deleted["evidence"] == 1
    )
    assert done.blanked["digest"] == 1 and done.blanked["run"] == 2 and done.blanked["span"] == 1
    assert [row["id"] for row in db.fetch_all("SELECT id FROM memory_item")] == [spread_out]
    assert (
        db.fetch_one("SELECT count(*) AS n FROM memory_origin")
        == db.fetch_one("SELECT count(*) AS n FROM memory_belief")
        == {"n": 1}
    )
    assert db.fetch_one("SELECT findings FROM research_result") == {
        "findings": [{"text": "[forgotten]"}, {"text": "Ben Sample stayed."}]
    }
    assert db.fetch_all("SELECT thread_id FROM checkpoint.writes") == [{"thread_id": "two"}]
    assert history.turns("desk") == [("Hello", "Good day"), ("Thanks", "Bye")]
    assert forget("Ada Example").deleted == {}


def test_a_conversation_goes_on_after_its_last_turn_was_forgotten(spread_out):
    history.append("desk", [ModelRequest(parts=[UserPromptPart("Ada Example again")])])

    forget("Ada Example")
    history.remember_turn("desk", "And now?", "On we go")

    assert [question for question, _ in history.turns("desk")] == ["Hello", "Thanks", "And now?"]


@pytest.mark.parametrize(
    ("subject", "written", "other"),
    [
        ("Ann", "ann said so", "the annual report"),
        ("José Núñez", "JOSÉ NÚÑEZ", "Jose N"),
        ("José Núñez", "Jose\u0301 Nu\u0301n\u0303ez", "Josef"),
        ("Flat 47", "in FLAT 47", "flat 4"),
        ("O'Brien", "Mr. O&#x27;Brien", "Brienne"),
        ("ada@mail.example", "<ada@mail.example>", "canada@mail.example"),
        ("田中花子", "昨日田中花子さんと", "田中太郎"),
        ("دانا مثال", "قالت دانا مثال ذلك", "دانا"),
    ],
)  # fmt: skip
def test_a_subject_is_found_however_it_is_written_and_nothing_like_it(subject, written, other):
    kept = remember("note", f"about {other}")
    remember("note", f"about {written}")
    db.execute(
        "INSERT INTO usage (run_id, agent, model, state, response)"
        " VALUES (%s, 'w', 'm', 'settled', %s)",
        [RUN, db.jsonb({"tool": json.dumps({"said": f"\n{written}"})})],
    )

    done = forget(subject)

    assert done.proved and [row["id"] for row in db.fetch_all("SELECT id FROM memory_item")] == [
        kept
    ]
    assert db.fetch_one("SELECT response FROM usage") == {"response": {"tool": "[forgotten]"}}


@pytest.mark.parametrize("subject", ["", "  ", "a", "of", "%", "'; DROP TABLE run; --x"])
def test_a_subject_that_would_hit_everything_is_refused_and_none_is_code(subject):
    item = remember("note", "a text of its own")

    if "DROP" in subject:
        assert forget(subject).proved
    else:
        with pytest.raises(BadInput, match="too short"):
            forget(subject)

    assert db.fetch_one("SELECT id FROM memory_item") == {"id": item}


def test_every_column_that_can_hold_text_is_scanned(owner):
    owner.execute("CREATE TABLE later (id integer, words text[], raw bytea, more jsonb)")
    db.execute(
        "INSERT INTO later VALUES"
        " (1, '{Ada Example}', NULL, NULL), (2, NULL, %s, NULL), (3, NULL, NULL, %s)",
        [b"x Ada Example x", db.jsonb({"Ada Example": 1})],
    )

    assert erase.scan(pattern_of("Ada Example")) == {
        "later.words": 1,
        "later.raw": 1,
        "later.more": 1,
    }
    assert (
        forget("Ada Example").blanked == {"later": 3}
        and erase.scan(pattern_of("Ada Example")) == {}
    )


def test_the_file_of_events_loses_only_the_lines_about_the_subject(monkeypatch, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"message": "Ada Example"}\n{"message": "Ben"}\n')
    monkeypatch.setenv("MILLRACE_EVENTS_FILE", str(path))
    config.reload()

    assert forget("Ada Example").files == 1 and path.read_text() == '{"message": "Ben"}\n'


def test_a_file_of_events_that_does_not_mention_the_subject_stays_as_it_is(monkeypatch, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"message": "Ben"}')
    monkeypatch.setenv("MILLRACE_EVENTS_FILE", str(path))
    config.reload()

    done = forget("Ada Example")

    assert done.files == 0 and done.proved and path.read_text() == '{"message": "Ben"}'


def test_a_file_of_events_that_is_not_there_is_no_fault(monkeypatch, tmp_path):
    monkeypatch.setenv("MILLRACE_EVENTS_FILE", str(tmp_path / "none.jsonl"))
    config.reload()

    assert forget("Ada Example").files == 0


def test_looking_what_would_be_forgotten_deletes_nothing(monkeypatch, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"message": "Ada Example"}\n')
    monkeypatch.setenv("MILLRACE_EVENTS_FILE", str(path))
    config.reload()
    item = remember("note", "Ada Example was here")

    done = forget("Ada Example", dry_run=True)

    assert not done.proved and done.deleted == {} and done.blanked == {} and done.files == 0
    assert done.found["files"] == 1 and done.found["memory_item.raw_text"] == 1
    assert path.exists() and get(item).text == "Ada Example was here"


def test_only_the_mails_that_mention_the_subject_are_deleted(configure, tmp_path):
    outbox = tmp_path / "mails"
    (outbox / "archive").mkdir(parents=True)
    configure(outbox_dir=outbox)
    written = {
        "ada.txt": "To Ada Example",
        "ben.txt": "To Ben",
        "ada example.html": "",
        "archive/feed.xml": "<p>Ada Example</p>",
        "archive/ben.xml": "<p>Ben</p>",
        "notes.md": "Ada Example",
        "coded.eml": "Subject: =?utf-8?b?QWRhIEV4YW1wbGU=?=\n\nHello",
        "body.eml": "Subject: x\nContent-Transfer-Encoding: base64\n\nQWRhIEV4YW1wbGU=\n",
        "ben.eml": "Subject: x\n\nHello Ben",
    }
    for name, text in written.items():
        (outbox / name).write_text(text)

    done = forget("Ada Example")

    left = {str(path.relative_to(outbox)) for path in outbox.rglob("*") if path.is_file()}
    assert left == {"ben.txt", "archive/ben.xml", "notes.md", "ben.eml"}
    assert done.files == 5 and done.proved


def test_what_the_subject_alone_said_goes_and_what_another_said_too_stays():
    only, both = remember("note", "the well is deep", source="Ada Example"), ""
    for source in ("Ben", "Ada Example"):
        both = remember("note", "a bridge leads over the river", source=source)
    derived = remember("finding", "so water is there", derived_from=[only])

    forget("Ada Example")

    left = {row["id"] for row in db.fetch_all("SELECT id FROM memory_item")}
    assert both in left and only not in left and derived not in left
