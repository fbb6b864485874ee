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


@pytest.mark.usefixtures("database")
def test_a_plain_question_shows_its_details() -> None:
    asked = proposed("person.decide", {"question": "Publish it?", "details": "Two pages.\nDone."})

    assert asked.plain.endswith("About it:\n\n> Two pages.\n> Done.\n")
    assert read(asked.markdown).endswith("About it:\n\nTwo pages.\nDone.\n\n")
    assert "About it:</p>" in asked.html and "Two pages.\nDone." in asked.html


@pytest.mark.usefixtures("database")
def test_a_question_about_nothing_more_ends_with_how_to_answer() -> None:
    asked = proposed("person.decide", {"question": "Publish it?", "details": ""})

    assert "About it" not in asked.plain + asked.markdown + asked.html
    assert asked.plain.rstrip("\n").split("\n")[-1].startswith("  scripts/millrace approvals deny")


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("text", "words", "begins"),
    [
        (
            MAIL["text"],
            "Send this mail to 2 people?",
            "The mails begin:\n\n> High water is at six.",
        ),
        (
            "Low water is at noon.",
            "Send these 2 mails to 2 people?",
            "The mails begin:\n\n> High water is at six.\n>\n> Low water is at noon.",
        ),
    ],
)
def test_mails_are_counted_by_what_they_say(text: str, words: str, begins: str) -> None:
    mails = [MAIL, {**OTHER, "text": text}]

    asked = proposed("mail.send", {"to": [one["to"] for one in mails], "mails": mails})

    assert asked.title == words
    assert asked.plain.endswith(f"{begins}\n")


@pytest.mark.usefixtures("database")
def test_mails_of_two_subjects_show_both_and_each_once() -> None:
    mails = [MAIL, OTHER, {**OTHER, "to": "eva@example.org", "subject": "Ebb"}]

    asked = proposed("mail.send", {"to": [one["to"] for one in mails], "mails": mails})

    assert asked.title == "Send these 2 mails to 3 people?"
    assert "\nSubject: Tides; Ebb\n" in asked.plain
    assert "\nTo: ada@example.org, bob@example.org, eva@example.org\n" in asked.plain


@pytest.mark.usefixtures("database")
def test_a_mail_is_shown_from_its_beginning() -> None:
    assert "The mail begins:\n\n> High water is at six.\n" in proposed("mail.send", MAIL).plain


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("to", "who"), [(["ada@example.org"], "the recipient has"), (None, "the recipients have")]
)
def test_why_mails_to_readers_ask_is_said_of_one_or_of_all(to: Any, who: str) -> None:
    mails = [MAIL] if to else [MAIL, OTHER]

    asked = proposed("mail.send", {"to": [one["to"] for one in mails], "mails": mails})

    assert (
        f"Why it asks: a mail cannot be taken back, and {who} not agreed to get it without a"
        " question each time\n"
    ) in asked.plain


@pytest.mark.usefixtures("database")
def test_what_has_no_reason_cannot_be_taken_back() -> None:
    asked = proposed("tracker.close", {"number": 3}, reason="")

    assert "Why it asks: it cannot be taken back\n" in asked.plain


@pytest.mark.usefixtures("database")
def test_the_setting_that_asks_is_said_in_words() -> None:
    asked = proposed("tracker.close", {"number": 3}, reason="setting risk_policy tracker.*: medium")

    assert "Why it asks: the settings say to ask about it\n" in asked.plain


@pytest.mark.usefixtures("database")
def test_a_call_is_shown_with_its_arguments_and_several_with_their_reasons() -> None:
    one = proposed("tracker.close", {"number": 3}).plain
    several = questions.question(
        actions.propose("agent.calls", {"calls": [ISSUE, {**SEND, "_note": ""}]}, "two")
    ).plain

    assert one.endswith('It would be called once with:\n\n> {\n>   "number": 3\n> }\n')
    _, _, shown = several.partition("Each of these would be called once:\n\n")
    assert shown.startswith(
        "> tracker.create_issue (asked for by an agent; it writes)\n> {\n"
        '>   "title": "Leak"\n> }\n>\n> mail.send\n> {\n'
    )
    assert "To: ada@example.org\n" in several and "Subject: Tides\n" in several


@pytest.mark.usefixtures("database")
def test_the_rest_of_a_budget_among_calls_is_asked_for_in_words() -> None:
    spend = {"tool": limits.TOOL, "arguments": {"scope": "run", "key": RUN, "limit_usd": "5"}}

    asked = proposed("agent.calls", {"calls": [ISSUE, spend]})

    assert asked.title == "Make 2 calls: tracker.create_issue, use the rest of the budget?"


@pytest.mark.usefixtures("database")
def test_money_is_asked_for_under_its_heading_and_never_less_than_none() -> None:
    db.execute(
        "INSERT INTO budget (scope, key, limit_usd, spent_usd) VALUES"
        " ('flow_day', 'daily_research 2026-11-21', 3, 3.5)"
    )
    given = {"scope": "flow_day", "key": "daily_research 2026-11-21", "limit_usd": "3"}

    asked = proposed(limits.TOOL, given)

    assert asked.plain.startswith("Money to spend\n\n")
    assert asked.title == (
        "Spend the last $0.00 of the budget of daily_research of 2026-11-21 of $3.00?"
    )
    assert ":\n\n>" not in asked.plain


@pytest.mark.usefixtures("database")
def test_a_tool_to_allow_is_shown_as_it_describes_itself() -> None:
    asked = proposed(
        "tools.enable", {"server": "tracker", "name": "close", "description": "Close an issue"}
    )

    assert "What the tool says of itself:\n\n> {\n" in asked.plain
    assert '>   "description": "Close an issue"' in asked.plain


@pytest.mark.usefixtures("database")
def test_a_long_text_is_shown_from_its_beginning_and_whole_when_asked() -> None:
    text = "\n".join(f"line {number} of the report" for number in range(200))
    action = actions.propose("mail.send", {**MAIL, "text": text}, "one")

    begins, whole = questions.question(action), questions.question(action, whole=True)

    shown = [line[2:] for line in begins.plain.split("\n") if line.startswith("> ")]
    assert shown == [*text[: questions.PREVIEW].split("\n")[: len(shown) - 1], "…"]
    assert len("\n".join(shown)) > questions.PREVIEW - 30
    assert "line 199 of the report" in whole.plain and "…" not in whole.plain


@pytest.mark.usefixtures("database")
def test_a_text_that_just_fits_is_shown_whole() -> None:
    assert "…" not in proposed("mail.send", {**MAIL, "text": "x" * questions.PREVIEW}).plain


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(("letters", "shown"), [(100, "x" * 100), (101, "x" * 99 + "…")])
def test_a_long_search_is_shortened_in_the_sentence(letters: int, shown: str) -> None:
    asked = proposed("web.search", {"query": "x" * letters})

    assert asked.title == f"Search the web for “{shown}”?"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("orchestrator", "page", "where"),
    [
        ("windmill", "", "Answer on Windmill's approval page, or on the command line:"),
        (
            "windmill",
            "https://w.example/a",
            "Answer on Windmill's approval page (https://w.example/a), or on the command line:",
        ),
        (
            "local",
            "https://w.example/a",
            "Answer on Windmill's approval page (https://w.example/a), or on the command line:",
        ),
        ("local", "", "Answer on the command line:"),
    ],
)
def test_where_to_answer_is_where_the_run_is(orchestrator: str, page: str, where: str) -> None:
    db.execute(
        "INSERT INTO run (id, flow, orchestrator) VALUES (%s, 'daily_research', %s)",
        [RUN, orchestrator],
    )
    action = actions.propose("tracker.close", {"number": 3}, "one", run_id=RUN)

    asked = questions.question(action, page=page)

    assert f"\n{where}\n" in asked.plain
    assert f"Run: {RUN}\n" in asked.plain


@pytest.mark.usefixtures("database")
def test_digests_of_several_readers_are_shown_with_who_gets_which(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'daily_research')", [RUN])
    mails = []
    for day, who in (("2026-11-20", "ada@example.org"), ("2026-11-21", "bob@example.org")):
        row = db.fetch_one(
            "INSERT INTO digest (run_id, flow, namespace, edition, local_day, window_since,"
            " window_until, recipients, subject, html, plain) VALUES (%s, 'daily_research',"
            " 'main', %s, %s, %s, now(), %s, 'S', '', %s) RETURNING id",
            [RUN, who, day, day, [who], f"Topics of {day}."],
        )
        assert row is not None
        mails.append({"to": who, "subject": "S", "_digest_id": str(row["id"])})

    asked = proposed("mail.send", {"to": [one["to"] for one in mails], "mails": mails[::-1]})

    assert asked.title == "Mail the digest of 2026-11-20 and 2026-11-21 to 2 people?"
    assert asked.plain.startswith("A digest to mail\n")
    assert asked.plain.endswith(
        "> To ada@example.org:\n>\n> Topics of 2026-11-20.\n>\n"
        "> To bob@example.org:\n>\n> Topics of 2026-11-21.\n"
    )


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        ([ISSUE], "tracker.create_issue"),
        ([ISSUE, SEND, ISSUE], "tracker.create_issue and mail.send"),
        (
            [ISSUE, SEND, {"tool": "web.fetch", "arguments": {}}],
            "tracker.create_issue, mail.send and web.fetch",
        ),
        ([], "agent.calls"),
    ],
)
def test_the_tools_of_a_question_are_named_once(calls: list[Any], words: str) -> None:
    assert questions.tools({"tool": "agent.calls", "arguments": {"calls": calls}}) == words


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
