# no_postinstall
# requirements: millrace_core

"""Read the event.

Takes the question out of a webhook, an HTTP route or a mail. Its text is untrusted, and the answer
goes to nobody unasked.

scripts/millrace step assist/read_event \\
    event='{"kind": "webhook", "body": {"question": "When is high water?"}}'
"""

import json
import re
from typing import Any

from f.millrace.core import errors
from f.millrace.tools import received_mail

LONGEST_QUESTION = 2_000
LONGEST_SUBJECT = 200
LONGEST_ADDRESS = 254
ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+")
WAY_OUT = (
    'send JSON such as {"question": "When is high water?"}, with "reply_to" if the answer is to be'
    " mailed"
)


def preprocessor(event: dict) -> dict:
    """Return the flow's inputs; Windmill calls this before the flow."""
    return main(event)


def main(event: dict) -> dict:
    """Take the question out of the event.

    Args:
        event: What Windmill says of the start: kind (webhook, http or email) and what came with it.

    Returns:
        question: The question, at most 2,000 characters.
        subject: The subject of the mail that answers.
        reply_to: Who should get the answer by mail; a person is asked first, except for standing
            approvals.
        written_by_others: Always true: whoever wrote the text, it gives no orders.
    """
    kind = event.get("kind")
    if kind == "email":
        found = _read_mail(event)
    elif kind in ("webhook", "http"):
        found = _read_request(event)
    else:
        raise errors.BadInput(
            f"an event of kind {kind!r} has no question; use a webhook, an HTTP route or a mail"
            " trigger"
        )
    question = found["question"].strip()
    if not question:
        raise errors.BadInput(f"the {kind} event has no question; {found['way_out']}")
    if len(question) > LONGEST_QUESTION:
        raise errors.BadInput(
            f"the question has {len(question)} characters, at most {LONGEST_QUESTION} are read; ask"
            " shorter"
        )
    return {
        "question": question,
        "subject": _line(found["subject"]),
        "reply_to": _address(found["reply_to"]),
        "written_by_others": True,
    }


def _read_request(event: dict[str, Any]) -> dict[str, str]:
    """Return the parts of a request's body; its headers and its address name no recipient."""
    body = event.get("body")
    if body is None and isinstance(event.get("raw_string"), str):
        body = _json(event["raw_string"])
    if isinstance(body, str):
        body = {"question": body}
    if not isinstance(body, dict):
        raise errors.BadInput(f"the body is no JSON object; {WAY_OUT}")
    parts = {name: body.get(name) or "" for name in ("question", "reply_to", "subject")}
    wrong = [name for name, value in parts.items() if not isinstance(value, str)]
    if wrong:
        raise errors.BadInput(f"{' and '.join(wrong)} must be text; {WAY_OUT}")
    return {**parts, "way_out": WAY_OUT}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read_mail(event: dict[str, Any]) -> dict[str, str]:
    """Return the parts of a mail. The answer may go to its sender alone: Reply-To and the text name
    nobody.
    """
    raw = event.get("raw_email")
    if not isinstance(raw, str) or not raw.strip():
        raise errors.BadInput(
            "the mail event has no raw_email; is it from a mail trigger of Windmill?"
        )
    mail = received_mail.parse(raw)
    if len(mail.senders) > 1:
        raise errors.BadInput(f"the mail has {len(mail.senders)} senders; an answer goes to one")
    return {
        "question": mail.text or mail.subject,
        "subject": f"Re: {mail.subject}" if mail.subject else "",
        "reply_to": mail.senders[0] if mail.senders else "",
        "way_out": "write it in the text or in the subject",
    }


def _line(text: str) -> str:
    return " ".join(text.split())[:LONGEST_SUBJECT]


def _address(text: str) -> str:
    """Return the address, empty when there is none; BadInput for what is no single address."""
    clean = text.strip()
    if clean and (not ADDRESS.fullmatch(clean) or len(clean) > LONGEST_ADDRESS):
        raise errors.BadInput(
            f"reply_to is {clean[:80]!r}, which is not one mail address such as ada@example.org"
        )
    return clean
