# requirements:

"""Notes to the operator: one for each occasion, however often the step runs."""

from f.millrace.core import config, ids, run_context

HOST = "millrace.local"


def tell_operator(occasion: str, run_id: str, subject: str, text: str, reason: str) -> bool:
    """Mail the operator once for this occasion of the run;
    False when nobody is set or it was told before.
    """
    operator = config.settings().operator
    if not operator or run_context.current().dry_run:
        return False
    # Most runs of the steps that may write one have nothing to tell.
    from f.millrace.tools import mail
    from f.millrace.trust import actions

    name = f"{occasion.split(':')[0]}-{ids.digest_of([run_id, occasion])[:24]}@{HOST}"
    arguments = {"to": operator, "subject": subject, "text": text, "message_id": name}
    key = f"{occasion}:{run_id}"
    row = actions.propose("mail.tell_operator", arguments, key, reason=reason, run_id=run_id)
    if row["state"] == "performed":
        return False
    sent = actions.perform(
        key, row["arguments"], lambda: mail.send(operator, subject, text, "", name).to_json()
    )
    return sent["state"] == "performed"
