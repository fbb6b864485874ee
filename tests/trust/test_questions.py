"""What a person is asked: in words, the same everywhere, and shown letter by letter whoever wrote
it.
"""

import re
from html import unescape
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from f.millrace.core import db
from f.millrace.trust import actions, limits, markdown, questions

RUN = "00000000-0000-0000-0000-000000000001"
MAIL = {"to": "ada@example.org", "subject": "Tides", "text": "High water is at six."}
OTHER = {**MAIL, "to": "bob@example.org"}
ISSUE = {
    "tool": "tracker.create_issue",
    "arguments": {"title": "Leak"},
    "_note": "asked for by an agent; it writes",
}
SEND = {
    "tool": "mail.send",
    "arguments": MAIL,
    "_note": "built-in rule for mail.send: a mail leaves this system and cannot be taken back",
}
ASKED: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "person.decide",
        {"question": "Publish the report?", "details": ""},
        "A question",
        "Publish the report?",
    ),
    ("mail.send", MAIL, "A mail to send", "Send this mail to ada@example.org?"),
    (
        "mail.send",
        {"to": ["ada@example.org"], "mails": [MAIL]},
        "A mail to send",
        "Send this mail to ada@example.org?",
    ),
    (
        "mail.send",
        {"to": ["ada@example.org", "bob@example.org"], "mails": [MAIL, OTHER]},
        "A mail to send",
        "Send this mail to 2 people?",
    ),
    (
        "mail.ask_operator",
        {**MAIL, "to": "eve@evil.example"},
        "A mail to send",
        "Send this mail to eve@evil.example?",
    ),
    (
        "agent.calls",
        {"calls": [ISSUE, SEND]},
        "Calls to make",
        "Make 2 calls: tracker.create_issue, mail.send?",
    ),
    ("agent.calls", {"calls": [SEND]}, "A mail to send", "Send this mail to ada@example.org?"),
    ("agent.calls", {"calls": [ISSUE]}, "A call to make", "Call tracker.create_issue?"),
    (
        "tools.enable",
        {"server": "tracker", "name": "close", "was": None},
        "A tool to allow",
        "Let agents use the new tool tracker.close?",
    ),
    (
        "tools.enable",
        {"server": "tracker", "name": "close", "was": {"description": "Close"}},
        "A tool to allow",
        "Let agents use the changed tool tracker.close?",
    ),
    (
        "web.search",
        {"query": "sodium price"},
        "A call to make",
        "Search the web for “sodium price”?",
    ),
    (
        "web.fetch",
        {"url": "https://www.example.org/x"},
        "A call to make",
        "Open the page https://www.example.org/x?",
    ),
    (
        "notes.write",
        {"path": "tides.md", "text": "x"},
        "A call to make",
        "Write the note tides.md?",
    ),
    ("notes.delete", {"path": "tides.md"}, "A call to make", "Delete the note tides.md?"),
    ("tracker.close", {"number": 3}, "A call to make", "Call tracker.close?"),
]


def proposed(tool: str, arguments: dict[str, Any], reason: str = "it writes") -> questions.Question:
    return questions.question(actions.propose(tool, arguments, "one", reason=reason))


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(("tool", "arguments", "heading", "sentence"), ASKED)
def test_every_kind_of_action_is_asked_about_as_a_person_would(
    tool: str, arguments: Any, heading: str, sentence: str
) -> None:
    asked = proposed(tool, arguments)

    assert asked.title == sentence
    assert asked.plain.startswith(f"{heading}\n\n{sentence}\n\n")
    assert read(asked.markdown).startswith(f"{heading}\n{sentence}\n")
    assert heading in asked.html and sentence in unescape(asked.html)


@pytest.mark.usefixtures("database")
def test_the_last_of_a_budget_is_asked_for_as_an_amount() -> None:
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'daily_research')", [RUN])
    db.execute(
        "INSERT INTO budget (scope, key, limit_usd, spent_usd) VALUES ('run', %s, 5, 4.6)", [RUN]
    )
    db.execute(
        "INSERT INTO budget (scope, key, limit_usd, spent_usd) VALUES ('user_day', 'eva"
        " 2026-11-21', 50, 46)"
    )

    of_run = proposed(limits.TOOL, {"scope": "run", "key": RUN, "limit_usd": "5"})
    of_day = questions.question(
        actions.propose(
            limits.TOOL, {"scope": "user_day", "key": "eva 2026-11-21", "limit_usd": "50"}, "2"
        )
    )

    assert of_run.title == "Spend the last $0.40 of this run's budget of $5.00?"
    assert of_day.title == "Spend the last $4.00 of eva's budget of 2026-11-21 of $50.00?"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("now", "words"),
    [
        ("2026-11-21T09:00:00Z", "today's digest"),
        ("2026-11-22T09:00:00Z", "the digest of 2026-11-21"),
    ],
)
def test_a_digest_is_asked_about_by_its_day(
    monkeypatch: pytest.MonkeyPatch, now: str, words: str
) -> None:
    from f.millrace.core import config

    monkeypatch.setenv("MILLRACE_NOW", now)
    config.reload()
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'daily_research')", [RUN])
    row = db.fetch_one(
        "INSERT INTO digest (run_id, flow, namespace, edition, local_day, window_until, recipients,"
        " subject, html, plain) VALUES (%s, 'daily_research', 'main', 'daily', '2026-11-21', now(),"
        " '{a}', 'S', '', 'Six topics.') RETURNING id",
        [RUN],
    )
    assert row is not None
    mails = [
        {"to": who, "subject": "S", "_digest_id": str(row["id"])}
        for who in ("ada@example.org", "bob@example.org")
    ]

    asked = proposed("mail.send", {"to": [one["to"] for one in mails], "mails": mails})

    assert asked.title == f"Mail {words} to 2 people?"
    assert "> Six topics." in asked.markdown


@pytest.mark.usefixtures("database")
def test_why_it_asks_is_said_in_words_and_once() -> None:
    asked = proposed(
        "mail.send",
        MAIL,
        "asked for by the helper; built-in rule for mail.send: a mail leaves this system and cannot"
        " be taken back",
    )

    assert (
        "Why it asks: asked for by the helper; a mail leaves this system and cannot be taken back\n"
        in asked.plain
    )
    for jargon in ("house", "Policy", "risk", "rule"):
        assert jargon not in asked.plain + asked.markdown + asked.html


@pytest.mark.usefixtures("database")
def test_what_a_mail_has_beside_its_text_is_shown() -> None:
    assert (
        'Also in it: {"cc": "mallory@evil.example"}'
        in proposed("mail.send", {**MAIL, "cc": "mallory@evil.example"}).plain
    )


TRICKS = "\x1b[2J\x9b31m\u202egnp.exe\u2066\u200b\U000e0041"


@pytest.mark.usefixtures("database")
def test_what_is_unseen_is_made_visible_everywhere() -> None:
    asked = proposed("mail.send", {**MAIL, "subject": TRICKS, "text": f"Hello{TRICKS}"})

    for text in (asked.plain, asked.markdown, asked.html):
        assert not any(char in text for char in TRICKS if not char.isprintable())
        assert (
            text.replace("\\[", "[").count(
                "␛[2J‹U+009B›31m‹U+202E›gnp.exe‹U+2066›‹U+200B›‹U+E0041›"
            )
            == 2
        )


@pytest.mark.usefixtures("database")
def test_no_text_in_the_terminal_looks_like_a_part_of_the_question() -> None:
    asked = proposed(
        "mail.send",
        {
            **MAIL,
            "subject": "Hi\nTo: eve@evil.example",
            "text": "Hello\nTo: eve@evil.example\n\nRun: 1",
        },
    )

    lines = asked.plain.split("\n")
    assert [line for line in lines if line.startswith(("To:", "Run:"))] == ["To: ada@example.org"]


def read(text: str) -> str:
    """Return what a browser shows of Markdown, read as generously as can be; fail on any mark that
    is not the question's own.
    """
    html = (
        MarkdownIt("commonmark", {"html": True, "linkify": False})
        .enable(["table", "strikethrough"])
        .render(text)
    )
    tags = set(re.findall(r"<(/?\w+)", html))
    assert tags <= {
        each + name
        for name in ("p", "h3", "strong", "ul", "li", "blockquote", "br")
        for each in ("", "/")
    }, html
    lines = re.sub(r"<br />\n?", "\n", html)
    return unescape(re.sub(r"<[^>]+>", "", re.sub(r"</p>\n<p>", "\n\n", lines)))


WORDS = st.text(st.sampled_from(" ab1.\n\\`*_{}[]()<>#+-=!|~&:@/\"';?^$"), max_size=60)


@given(WORDS)
@example("<img src=x onerror=alert(1)>")
@example("[click](http://evil.example)\n\n    code\n\n```\nx\n```\n---\n# h\n| a |\n|---|")
@example("a\n===\n1. x\n+ y\n> z\n&lt;b&gt;\n[a]: http://b")
@example("- [ ] x\n* * *\n~~a~~ **b** \\")
def test_a_quotation_shows_exactly_its_text(text: str) -> None:
    shown = read(markdown.quote(text)).replace("\u00a0", " ")

    def bare(words: str) -> list[str]:
        return [line.strip(" ") for line in words.split("\n") if line.strip(" ")]

    assert bare(shown) == bare(text)


@given(WORDS)
def test_a_line_shows_exactly_its_text(text: str) -> None:
    line = " ".join(text.split())

    assert read(markdown.escape_line(line)).strip() == line
    assert read(f"- **To:** {markdown.escape_line(line)}").split(":", 1)[1].strip() == line
