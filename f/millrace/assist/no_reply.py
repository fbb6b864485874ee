# no_postinstall
# requirements: millrace_core

"""Mail nobody.

Stands in for the mail in the form in which `blocks/send_mail` says whom it asks about.

scripts/millrace step assist/no_reply
"""


def main() -> dict:
    """Return that there is no mail and nothing to approve."""
    return {"needs_approval": False, "action_id": None, "waiting": [], "mails": []}
