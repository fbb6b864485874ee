# no_postinstall
# requirements: millrace_core

"""Send a mail safely.

At once to those who agreed, after a person's word to others.

Nothing goes out twice, also when the step runs again. To an address with a standing approval for
this flow the mail goes at once (`scripts/millrace recipients add ADDRESS --flow u/you/your_flow`).
For the others it is only proposed: put `blocks/ask_approval` (with `action_id`, suspended, "Skip
step if" `!results.<this step>.needs_approval`) and then `blocks/send_if_approved` behind it. The
flow `blocks/mail_with_approval` is all that in one step. Without a mail server (setting `smtp_url`)
mails are files in the outbox.

scripts/millrace step blocks/send_mail 'to=["me@localhost"]' subject=Hello text="How are you?"
"""

from __future__ import annotations

from typing import Any

from f.millrace.blocks import mails
from f.millrace.core import errors
from f.millrace.telemetry import spans
from f.millrace.trust import actions, recipients, standing_approvals

MOST_RECIPIENTS = 100


def main(to: list[str], subject: str, text: str) -> dict:
    """Send a mail safely.

    Args:
        to: Who gets it; each recipient gets a mail of their own. Example: ada@example.org
        subject: The mail's subject, one line. Example: The brief you asked for
        text: The mail as plain text, for example the answer of an earlier step.

    Returns:
        needs_approval: Whether somebody has to be asked; use it in "skip if" and in branches.
        action_id: What to ask about, for ask_approval and send_if_approved; null when nobody has to
            be asked.
        waiting: The addresses that wait for a person's word.
        mails: What became of the others: recipient, status (sent, or outbox for a file), path.
    """
    addresses = _check_addresses(to)
    if not subject.strip() or not text.strip():
        raise errors.BadInput("a mail needs a subject and a text")
    with spans.step("blocks.send_mail", recipients=len(addresses)) as span:
        held = standing_approvals.list_standing(mails.flow(), "main", mails.TOOL)
        wanted = [mails.compose(address, " ".join(subject.split()), text) for address in addresses]
        sent = mails.send([one for one in wanted if one["to"] in held], mails.approve_by_standing)
        waiting = {one["recipient"] for one in sent if one["status"] == "waiting"}
        others = [one for one in wanted if one["to"] not in held]
        others += [one for one in wanted if one["to"] in waiting]
        span.set(waiting=len(others))
        return {**_ask(others), "mails": [one for one in sent if one["status"] != "waiting"]}


def _check_addresses(to: list[str]) -> list[str]:
    """Return each address once; BadInput when one is none, or there are none or too many."""
    addresses = list(
        dict.fromkeys(recipients.check_address(address) for address in to if address.strip())
    )
    if not addresses or len(addresses) > MOST_RECIPIENTS:
        raise errors.BadInput(
            f"to names {len(addresses)} addresses; allowed is 1 to {MOST_RECIPIENTS}"
        )
    return addresses


def _ask(others: list[mails.ComposedMail]) -> dict[str, Any]:
    """Propose the mails that wait for a person's word; return what a flow has to know of it."""
    waiting = [one["to"] for one in others]
    if not others:
        return {"needs_approval": False, "action_id": None, "waiting": waiting}
    key, arguments = mails.batch(others)
    reason = f"mail always asks; without a standing approval: {', '.join(waiting)}"
    action = actions.propose(mails.TOOL, arguments, key, reason=reason)
    return {
        "needs_approval": action["state"] == "proposed",
        "action_id": str(action["id"]),
        "waiting": waiting,
    }
