# no_postinstall
# requirements: millrace_core

"""Read a reply to a digest.

A mail whose subject holds a reply token: more like this, less like this, not true, unsubscribe.
A mail trigger of Windmill can start it. What counts is the token; the text is kept as a comment.

scripts/millrace step research/read_reply raw_email="$(cat reply.eml)"
"""

from f.millrace.core import errors
from f.millrace.telemetry import spans
from f.millrace.tools import received_mail
from f.millrace.trust import feedback, reply_tokens


def preprocessor(event: dict) -> dict:
    """Return the step's input; Windmill calls this before the step."""
    # A mail server that posts to the script's webhook sends it as the body.
    body = event.get("body")
    sent = event.get("raw_email") or (body.get("raw_email") if isinstance(body, dict) else body)
    return {"raw_email": str(sent or "")}


def main(raw_email: str) -> dict:
    """Read the reply.

    Args:
        raw_email: The mail as it came, with its headers.

    Returns:
        done: Whether something was done.
        said: What was done, or why nothing was.
    """
    with spans.step("research.read_reply") as span:
        done, said = _apply(raw_email)
        span.set(done=done)
        return {"done": done, "said": said}


def _apply(raw_email: str) -> tuple[bool, str]:
    mail = received_mail.parse(raw_email)
    try:
        if len(mail.senders) != 1:
            raise errors.BadInput(f"the mail has {len(mail.senders)} senders: nothing was done")
        token = reply_tokens.find_in_subject(mail.subject)
        return True, feedback.apply(token, "mail", mail.senders[0], mail.text)
    except errors.BadInput as error:
        # Anybody can send anything here: that is no failure of the step.
        return False, str(error)
