# requirements:

"""What a person is shown before an action: for the approval page,
the mail that asks and the terminal alike.
"""

import json
import re
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from f.millrace.core import db, money, redaction, run_context, visible_text
from f.millrace.trust import actions, limits, markdown, risk, spend

if TYPE_CHECKING:
    from f.millrace.core import rows


PREVIEW = 1500
TITLE = 200
# The tool of a plain question to a person: nothing is done when the answer is yes, but that the
# flow goes on.
DECIDE = "person.decide"
ENABLE = "tools.enable"
MAILS = frozenset({"mail.send", risk.TO_PERSON, *risk.TO_OPERATOR})
# What a mail has and its question shows in words, or what only says where it is kept.
SHOWN = frozenset(
    {
        "to",
        "subject",
        "text",
        "mails",
        "html_sha256",
        "plain_sha256",
        "message_id",
        *actions.INCIDENTAL,
    }
)
# The rule's own words are enough; where the rule stands is for `scripts/millrace risk`.
RULE = re.compile(r"(?:built-in|house) rule for [^:;]{1,200}: ")
POLICY = re.compile(r"setting risk_policy [^:;]{1,200}: (?:low|medium|high)")


class Question(NamedTuple):
    """One question in the forms in which it is shown."""

    title: str
    plain: str
    markdown: str
    html: str


class Described(NamedTuple):
    """What a question tells, in parts: each value is one line that may be shown, the text has
    several.
    """

    heading: str
    sentence: str
    facts: list[tuple[str, str]]
    begins: str
    text: str


def question(action: "rows.Action", whole: bool = False, page: str = "") -> Question:
    """Return the question about an action: what would be done, to whom, what it cost so far, why it
    asks, how it begins.

    `whole` shows all of the text. `page` is the address where a person can answer (never one that
    answers by itself).
    """
    told = describe(action, whole)
    how = (
        f"{_places(action, page)}:\n\n  scripts/millrace approvals show {action['id']}\n "
        f" scripts/millrace approvals approve {action['id']}\n  scripts/millrace approvals deny"
        f" {action['id']}\n"
    )
    return Question(
        title=told.sentence[:TITLE],
        plain=_format_plain(*told, how),
        markdown=_format_markdown(*told),
        html=_format_html(*told, how),
    )


def describe(action: "rows.Action", whole: bool = False) -> Described:
    """Return what the question about an action tells, in parts."""
    mails: list[Any] = [
        *_mails(action),
        *(each["arguments"] for each in _calls(action) if each["tool"] in MAILS),
    ]
    others = [
        {name: value for name, value in cast("dict[str, Any]", one).items() if name not in SHOWN}
        for one in mails
        if isinstance(one, dict)
    ]
    facts = [
        ("To", ", ".join(addressees(action))),
        (
            "Subject",
            "; ".join(dict.fromkeys(str(one["subject"]) for one in mails if one.get("subject"))),
        ),
        (
            "Also in it",
            "; ".join(
                json.dumps(redaction.redact(one), ensure_ascii=False) for one in others if one
            ),
        ),
        (
            "Tools",
            "; ".join(f"{each['tool']} ({each['risk']} risk)" for each in _offered(action)),
        ),
        ("Its address was", str(action["arguments"].get("was_at") or "")),
        ("Cost so far", money.dollars(spend.cost_of(action["run_id"]))),
        ("Why it asks", reason_sentence(action)),
        ("Answer until", f"{actions.expires_at(action):%Y-%m-%d %H:%M} UTC"),
        ("Run", str(action["run_id"] or "")),
    ]
    begins, text = _preview_arguments(action, None if whole else PREVIEW)
    return Described(
        _heading(action),
        visible_text.line(ask(action).strip()),
        [(name, visible_text.line(value.strip())) for name, value in facts if value],
        begins,
        visible_text.shorten_runs(visible_text.make_visible(text.strip("\n"))),
    )


def _offered(action: "rows.Action") -> list[dict[str, Any]]:
    """Return what a server offered at first contact, if the action would enable that."""
    return action["arguments"].get("tools") or [] if str(action["tool"]) == ENABLE else []


def ask(action: "rows.Action") -> str:
    """Return what a person would ask in one sentence before the action is done."""
    given, tool, calls = action["arguments"], str(action["tool"]), _calls(action)
    if tool == DECIDE:
        return str(given.get("question", ""))
    if len(calls) > 1:
        names = (
            "use the rest of the budget" if call["tool"] == limits.TOOL else str(call["tool"])
            for call in calls
        )
        return f"Make {len(calls)} calls: {', '.join(names)}?"
    if calls:
        return ask(_as_call(action, calls[0]))
    if tool in MAILS:
        return _of_mails(action)
    if tool == limits.TOOL:
        return _budget_sentence(given)
    if tool == ENABLE:
        return _of_tools(given)
    return _of_call(tool, given)


def _of_tools(given: dict[str, Any]) -> str:
    count = len(given.get("tools") or ())
    if count:
        tools = f"{count} tools" if count > 1 else "tool"
        return (
            f"Let agents use the {tools} of the server {given.get('server')} at {given.get('url')}?"
        )
    changed = "changed" if given.get("was") else "new"
    return f"Let agents use the {changed} tool {given.get('server')}.{given.get('name')}?"


def _of_mails(action: "rows.Action") -> str:
    digests, people = _digest_days(action["arguments"]), _people(addressees(action))
    if digests:
        return f"Mail {digests} to {people}?"
    texts = {(mail.get("subject"), mail.get("text")) for mail in _mails(action)}
    return f"Send {'this mail' if len(texts) < 2 else f'these {len(texts)} mails'} to {people}?"


def _of_call(tool: str, given: dict[str, Any]) -> str:
    subject = next(
        (str(given[name]) for name in ("query", "url", "path") if isinstance(given.get(name), str)),
        "",
    )
    wording = {
        "web.search": f"Search the web for “{_shorten(subject)}”?",
        "web.fetch": f"Open the page {_shorten(subject)}?",
        "notes.write": f"Write the note {_shorten(subject)}?",
        "notes.delete": f"Delete the note {_shorten(subject)}?",
    }
    return wording[tool] if tool in wording and subject else f"Call {tool}?"


def reason_sentence(action: "rows.Action") -> str:
    """Return in one sentence why a person is asked."""
    recipients = addressees(action)
    if str(action["tool"]) in MAILS and action["arguments"].get("mails") and recipients:
        who = "the recipient has" if len(recipients) == 1 else "the recipients have"
        return (
            f"a mail cannot be taken back, and {who} not agreed to get it without a question each"
            " time"
        )
    return _describe_reason(str(action["reason"] or "")) or "it cannot be taken back"


def _describe_reason(reason: str) -> str:
    said = POLICY.sub("the settings say to ask about it", RULE.sub("", reason))
    return said


def _heading(action: "rows.Action") -> str:
    given, calls = action["arguments"], _calls(action)
    if len(calls) > 1:
        return "Calls to make"
    tool = str(calls[0]["tool"] if calls else action["tool"])
    if tool in MAILS:
        return "A digest to mail" if _digest_days(given) else "A mail to send"
    return {DECIDE: "A question", limits.TOOL: "Money to spend", ENABLE: "A tool to allow"}.get(
        tool, "A call to make"
    )


def _calls(action: "rows.Action") -> list[dict[str, Any]]:
    return list(action["arguments"].get("calls") or [])


def _as_call(action: "rows.Action", call: dict[str, Any]) -> "rows.Action":
    return {**action, "tool": call["tool"], "arguments": call["arguments"]}


def _digest_days(given: dict[str, Any]) -> str:
    """Return which digests are mailed, in words; empty when it is another mail."""
    ids = _digest_ids(given)
    if not ids:
        return ""
    rows = db.fetch_all(
        "SELECT DISTINCT local_day FROM digest WHERE id::text = ANY(%s) ORDER BY local_day", [ids]
    )
    days = [row["local_day"] for row in rows]
    if not days or days == [run_context.now().date()]:
        return "today's digest"
    return f"the digest of {' and '.join(f'{day:%Y-%m-%d}' for day in days)}"


def _digest_ids(given: dict[str, Any]) -> list[str]:
    mails = given.get("mails") or [given]
    return list(dict.fromkeys(str(mail["_digest_id"]) for mail in mails if mail.get("_digest_id")))


def _budget_sentence(given: dict[str, Any]) -> str:
    scope, key, limit = (
        str(given.get("scope")),
        str(given.get("key")),
        money.usd(given.get("limit_usd") or 0),
    )
    row = db.fetch_one("SELECT spent_usd FROM budget WHERE scope = %s AND key = %s", [scope, key])
    rest = max(money.usd(0), limit - money.usd(row["spent_usd"] if row else 0))
    # The day is the end of the key; whose it is stands before it.
    who, _, day = key.rpartition(" ")
    of = {
        "run": "this run's budget",
        "user_day": f"{who}'s budget of {day}",
        "flow_day": f"the budget of {who} of {day}",
    }
    return (
        f"Spend the last {money.dollars(rest)} of {of.get(scope, 'the budget')} of"
        f" {money.dollars(limit)}?"
    )


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 100 else text[:99].rstrip() + "…"


def _places(action: "rows.Action", page: str) -> str:
    run = db.fetch_one("SELECT orchestrator FROM run WHERE id = %s", [action["run_id"]])
    if page or (run and run["orchestrator"] == "windmill"):
        return (
            f"Answer on Windmill's approval page{f' ({page})' if page else ''}, or on the command"
            " line"
        )
    return "Answer on the command line"


def _preview_arguments(action: "rows.Action", length: int | None) -> tuple[str, str]:
    """Return what the question is about, after the words before it."""
    calls = _calls(action)
    only = _as_call(action, calls[0]) if len(calls) == 1 else action
    given, tool = only["arguments"], str(only["tool"])
    if tool == DECIDE:
        return "About it", _beginning(str(given.get("details", "")), length)
    if tool in MAILS:
        return "The mail begins" if len(_mails(only)) < 2 else "The mails begin", _preview(
            _mails(only), length
        )
    if tool == limits.TOOL:
        return "", ""
    if len(calls) > 1:
        return "Each of these would be called once", _beginning(
            "\n\n".join(_call(each) for each in calls), length
        )
    begins = "What the tool says of itself" if tool == ENABLE else "It would be called once with"
    return begins, _beginning(_json(given), length)


def _call(call: dict[str, Any]) -> str:
    note = _describe_reason(str(call.get("_note") or ""))
    return f"{call['tool']}{f' ({note})' if note else ''}\n{_json(call['arguments'])}"


def _json(value: Any) -> str:
    return json.dumps(redaction.redact(value), indent=2, ensure_ascii=False)


def tools(action: "rows.Action") -> str:
    """Return what would be used, in words: the tool,
    or those of the calls that one question is about.
    """
    different = list(dict.fromkeys(str(call["tool"]) for call in _calls(action) or [action]))
    return " and ".join(part for part in (", ".join(different[:-1]), different[-1]) if part)


def addressees(action: "rows.Action") -> list[str]:
    """Return who would get what the action, or one of its calls, sends;
    of an action that sends nothing, nobody.
    """
    sent = [action["arguments"], *(call["arguments"] for call in _calls(action))]
    to: list[Any] = [one.get("to") or [] for one in sent]
    return list(
        dict.fromkeys(
            str(name) for names in to for name in ([names] if isinstance(names, str) else names)
        )
    )


def _mails(action: "rows.Action") -> list[dict[str, Any]]:
    arguments = action["arguments"]
    return list(arguments.get("mails") or ([arguments] if "subject" in arguments else []))


def policy(action: "rows.Action") -> str:
    """Return what the policy says of what would be done; of several calls, of each tool."""
    calls = _calls(action) or [action]
    said = [
        risk.explain(call["tool"], annotations(action["run_id"], call["tool"]), call["arguments"])
        for call in calls
    ]
    return "; ".join(dict.fromkeys(said))


def annotations(run_id: Any, tool: str) -> dict[str, Any] | None:
    """Return what the tool said of itself when the run began; None when it was not listed."""
    server, _, name = tool.partition(".")
    row = db.fetch_one(
        "SELECT detail -> 'annotations' AS said FROM tool_snapshot WHERE run_id = %s AND server ="
        " %s AND tool = %s",
        [run_id, server, name],
    )
    return row["said"] if row else None


def _preview(mails: list[dict[str, Any]], length: int | None) -> str:
    """Return the beginning of each different text that would be sent."""
    ids = _digest_ids({"mails": mails})
    rows = db.fetch_all(
        "SELECT plain, recipients FROM digest WHERE id::text = ANY(%s) ORDER BY window_since NULLS"
        " FIRST",
        [ids],
    )
    texts = [row["plain"] for row in rows] or [
        str(mail["text"]) for mail in mails if mail.get("text")
    ]
    if len(rows) > 1:
        texts = [f"To {', '.join(row['recipients'])}:\n\n{row['plain']}" for row in rows]
    return "\n\n".join(_beginning(text, length) for text in dict.fromkeys(texts))


def _beginning(text: str, length: int | None) -> str:
    return (
        text if length is None or len(text) <= length else text[:length].rsplit("\n", 1)[0] + "\n…"
    )


def people(recipients: list[str]) -> str:
    """Return the first two of them and how many more there are."""
    return ", ".join(recipients[:2]) + (
        f" and {len(recipients) - 2} more" if len(recipients) > 2 else ""
    )


def _people(recipients: list[str]) -> str:
    return recipients[0] if len(recipients) == 1 else f"{len(recipients)} people"


def _format_plain(
    heading: str, sentence: str, facts: list[tuple[str, str]], begins: str, text: str, how: str
) -> str:
    # Marked line by line, so that no text looks like a part of the question.
    quoted = "\n".join(f"> {line}".rstrip() for line in text.split("\n"))
    told = "\n".join(f"{name}: {value}" for name, value in facts)
    return (
        "\n\n".join(
            [heading, sentence, told, how.rstrip("\n"), *([f"{begins}:", quoted] if text else [])]
        )
        + "\n"
    )


def _format_markdown(
    heading: str, sentence: str, facts: list[tuple[str, str]], begins: str, text: str
) -> str:
    told = "\n".join(f"- **{name}:** {markdown.escape_line(value)}" for name, value in facts)
    return (
        "\n\n".join(
            [
                f"### {heading}",
                f"**{markdown.escape_line(sentence)}**",
                told,
                *([f"{begins}:", markdown.quote(text)] if text else []),
            ]
        )
        + "\n"
    )


def _format_html(
    heading: str, sentence: str, facts: list[tuple[str, str]], begins: str, text: str, how: str
) -> str:
    font = "14px/1.5 Helvetica,Arial,sans-serif"
    cell = f"padding:4px 12px 4px 0;vertical-align:top;font:{font};color:#1c2330"
    rows = "".join(
        f'<tr><td style="{cell};white-space:nowrap"><b>{escape(name)}</b></td><td'
        f' style="{cell}">{escape(value)}</td></tr>'
        for name, value in facts
    )
    block = (
        "white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f6f8;color:#1c2330;padding:12px"
    )
    about = (
        f'<p style="{cell}">{escape(begins)}:</p><div style="{block};font:{font};border-left:4px'
        f' solid #c2cad3">{escape(text)}</div>'
    )
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body'
        ' style="margin:0;padding:16px;background:#ffffff"><p style="font:bold 12px/1.4'
        f' Helvetica,Arial,sans-serif;color:#6a7586;margin:0">{escape(heading)}</p><h1'
        ' style="font:20px/1.3 Georgia,serif;color:#1c2330;margin:4px 0'
        f' 12px">{escape(sentence)}</h1><table role="presentation">{rows}</table><div'
        f' style="{block};font:13px/1.5'
        f' Menlo,Consolas,monospace">{escape(how)}</div>{about if text else ""}</body></html>'
    )
