# requirements:

"""What a person is shown before an action: for the approval page, the mail that asks and the terminal alike."""

import json
from html import escape
from typing import Any, NamedTuple

from f.millrace.core import db, money, redaction
from f.millrace.trust import actions, risk, spend

PREVIEW = 1500
# The tool of a plain question to a person: nothing is done when the answer is yes, but that the flow goes on.
DECIDE = "person.decide"


class Question(NamedTuple):
    """One question in the forms in which it is shown."""

    title: str
    plain: str
    markdown: str
    html: str


def question(action: dict[str, Any], whole: bool = False, page: str = "") -> Question:
    """Return the question about an action: recipients, subject, the body's beginning, cost so far, why it asks.

    `whole` shows all of the body. `page` is the address where a person can answer (never one that answers by itself).
    """
    mails = _mails(action)
    calls = action["arguments"].get("calls") or []
    sent = [call["arguments"] for call in calls]
    asked = str(action["arguments"].get("question", "")) if action["tool"] == DECIDE else ""
    recipients = addressees(action)
    what = tools(action)
    title = f"Approve: {what} to {people(recipients)}" if recipients else f"Approve: {what}"
    title = " ".join(asked.split())[:200] or title
    facts = [
        ("Question", asked),
        ("What", "" if asked else f"{what}, {'each ' if len(calls) > 1 else ''}once"),
        ("To", ", ".join(recipients)),
        ("Subject", "; ".join(dict.fromkeys(str(one["subject"]) for one in [*mails, *sent] if one.get("subject")))),
        ("Cost so far", money.dollars(spend.cost_of(action["run_id"]))),
        ("Why it asks", action["reason"] or "it is a high-risk action"),
        ("Policy", "" if asked else policy(action)),
        ("Answer until", f"{actions.expiry(action):%Y-%m-%d %H:%M} UTC"),
        ("Run", str(action["run_id"] or "")),
    ]
    shown = [(name, value) for name, value in facts if value]
    preview, begins = _shown(action, mails, None if whole else PREVIEW)
    how = (
        f"{_places(action, page)}:\n\n  scripts/millrace approvals show {action['id']}\n"
        f"  scripts/millrace approvals approve {action['id']}\n  scripts/millrace approvals deny {action['id']}\n"
    )
    plain = (
        "\n".join(f"{name}: {value}" for name, value in shown) + f"\n\n{how}" + (f"\n{begins}:\n\n{preview}\n" if preview else "")
    )
    # An indented block: what strangers wrote is shown as it is and never read as Markdown.
    quoted = "\n".join(f"    {line}" for line in preview.splitlines())
    markdown = "\n".join(f"- **{name}:** {_flat(value)}" for name, value in shown)
    markdown += f"\n\n{begins}:\n\n{quoted}\n" if preview else "\n"
    return Question(title, plain, markdown, _html(title, shown, how, f"{begins}:" if preview else "", preview))


def _places(action: dict[str, Any], page: str) -> str:
    run = db.one("SELECT orchestrator FROM run WHERE id = %s", [action["run_id"]])
    if page or (run and run["orchestrator"] == "windmill"):
        return f"Answer on Windmill's approval page{f' ({page})' if page else ''}, or on the command line"
    return "Answer on the command line"


def _shown(action: dict[str, Any], mails: list[dict[str, Any]], length: int | None) -> tuple[str, str]:
    """Return what the question is about, and the words before it."""
    if mails:
        return _preview(mails, length), "The mail begins"
    if action["tool"] == DECIDE:
        return _beginning(str(action["arguments"].get("details", "")), length), "About it"
    begins = "These calls would be made, each once" if "calls" in action["arguments"] else "It would be called with"
    return _arguments(action, length), begins


def tools(action: dict[str, Any]) -> str:
    """Return what would be used, in words: the tool, or those of the calls that one question is about."""
    calls = action["arguments"].get("calls") or [action]
    different = list(dict.fromkeys(str(call["tool"]) for call in calls))
    return " and ".join(part for part in (", ".join(different[:-1]), different[-1]) if part)


def addressees(action: dict[str, Any]) -> list[str]:
    """Return who would get what the action, or one of its calls, sends; of an action that sends nothing, nobody."""
    sent = [action["arguments"], *(call["arguments"] for call in action["arguments"].get("calls") or [])]
    to = [one.get("to") or [] for one in sent]
    return list(dict.fromkeys(str(name) for names in to for name in ([names] if isinstance(names, str) else names)))


def _mails(action: dict[str, Any]) -> list[dict[str, Any]]:
    arguments = action["arguments"]
    return list(arguments.get("mails") or ([arguments] if "subject" in arguments else []))


def policy(action: dict[str, Any]) -> str:
    """Return what the policy says of what would be done; of several calls, of each tool."""
    calls = action["arguments"].get("calls") or [action]
    said = [risk.explain(call["tool"], annotations(action["run_id"], call["tool"]), call["arguments"]) for call in calls]
    return "; ".join(dict.fromkeys(said))


def annotations(run_id: Any, tool: str) -> dict[str, Any] | None:
    """Return what the tool said of itself when the run began; None when it was not listed."""
    server, _, name = tool.partition(".")
    row = db.one(
        "SELECT detail -> 'annotations' AS said FROM tool_snapshot WHERE run_id = %s AND server = %s AND tool = %s",
        [run_id, server, name],
    )
    return row["said"] if row else None


def _preview(mails: list[dict[str, Any]], length: int | None) -> str:
    """Return the beginning of each different text that would be sent."""
    ids = list(dict.fromkeys(mail["_digest_id"] for mail in mails if mail.get("_digest_id")))
    rows = db.all("SELECT plain, recipients FROM digest WHERE id::text = ANY(%s) ORDER BY window_since NULLS FIRST", [ids])
    texts = [row["plain"] for row in rows] or [str(mail["text"]) for mail in mails if mail.get("text")]
    if len(rows) > 1:
        texts = [f"To {', '.join(row['recipients'])}:\n\n{row['plain']}" for row in rows]
    return "\n\n".join(_beginning(text, length) for text in dict.fromkeys(texts))


def _arguments(action: dict[str, Any], length: int | None) -> str:
    calls = action["arguments"].get("calls")
    if not calls:
        return _beginning(json.dumps(redaction.redact(action["arguments"]), indent=2, ensure_ascii=False), length)
    texts = [
        f"{call['tool']}, {call['_note']}\n{json.dumps(redaction.redact(call['arguments']), indent=2, ensure_ascii=False)}"
        for call in calls
    ]
    return _beginning("\n\n".join(texts), length)


def _beginning(text: str, length: int | None) -> str:
    return text if length is None or len(text) <= length else text[:length].rsplit("\n", 1)[0] + "\n…"


def people(recipients: list[str]) -> str:
    """Return the first two of them and how many more there are."""
    return ", ".join(recipients[:2]) + (f" and {len(recipients) - 2} more" if len(recipients) > 2 else "")


def _flat(value: str) -> str:
    return "".join(f"\\{char}" if char in "\\`*_[]<>#|" else char for char in " ".join(value.split()))


def _html(title: str, facts: list[tuple[str, str]], how: str, begins: str, preview: str) -> str:
    cell = "padding:4px 12px 4px 0;vertical-align:top;font:14px/1.5 Helvetica,Arial,sans-serif;color:#1c2330"
    rows = "".join(
        f'<tr><td style="{cell}"><b>{escape(name)}</b></td><td style="{cell}">{escape(value)}</td></tr>' for name, value in facts
    )
    block = "white-space:pre-wrap;font:13px/1.5 Menlo,Consolas,monospace;background:#f4f6f8;color:#1c2330;padding:12px"
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body style="margin:0;padding:16px;background:#ffffff">'
        f'<h1 style="font:20px/1.3 Georgia,serif;color:#1c2330">{escape(title)}</h1><table role="presentation">{rows}</table>'
        f'<div style="{block}">{escape(how)}</div><p style="{cell}">{begins}</p><div style="{block}">{escape(preview)}</div>'
        "</body></html>"
    )
