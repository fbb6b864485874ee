# requirements:

"""Who gets this run's digest, and as which number of the day."""

from f.millrace.core import config, db
from f.millrace.digest import run_plan
from f.millrace.trust import recipients, shares

# A digest in one of these states is there for its day; another run of the day does not make it
# again.
THERE = ("sent", "outbox", "unknown", "denied")


def resolve(opened: run_plan.RunPlan, again: bool) -> run_plan.RunPlan:
    """Fill in who gets this run's digest, as which number of the day; `already_done` when everybody
    has it.
    """
    rows = recipients.list_of_run(opened.flow, opened.lasting)
    everybody = [row["address"] for row in rows]
    opened.owners = [row["address"] for row in rows if row["owner"]]
    others = [address for address in everybody if address not in opened.owners]
    # A dry run shows what the real one would.
    opened.shared = shares.of_recipients(others, opened.flow, opened.lasting)
    opened.interests = sorted(
        {word for row in rows for word in row["interests"]} | set(config.settings().interests)
    )
    there = _there(opened, everybody)
    if again:
        opened.number = 1 + _last_number(opened)
        opened.recipients = everybody
    else:
        opened.recipients = [one for one in everybody if one not in there]
    if not everybody:
        opened.decision, opened.reason = (
            "nothing",
            "nobody gets it; add one with scripts/millrace recipients add",
        )
    elif not opened.recipients:
        opened.decision, opened.same_as = "already_done", there[everybody[0]]
        opened.reason = (
            f"the digest of {opened.day} is there; the input again (--again) makes a further"
            " edition"
        )
    return opened


def _there(opened: run_plan.RunPlan, addresses: list[str]) -> dict[str, str]:
    rows = db.fetch_all(
        "SELECT d.recipient, d.run_id FROM delivery d JOIN run r ON r.id = d.run_id WHERE d.flow ="
        " %s AND d.namespace = %s AND d.edition = %s AND d.local_day = %s AND d.recipient = ANY(%s)"
        " AND (d.status = ANY(%s) OR (d.status IN ('waiting', 'sending') AND r.status IN"
        " ('waiting', 'running'))) ORDER BY d.number",
        [opened.flow, opened.lasting, opened.edition, opened.day, addresses, list(THERE)],
    )
    return {row["recipient"]: str(row["run_id"]) for row in rows}


def _last_number(opened: run_plan.RunPlan) -> int:
    row = db.fetch_one(
        "SELECT coalesce(max(number), 0) AS number FROM delivery WHERE flow = %s AND namespace = %s"
        " AND edition = %s AND local_day = %s",
        [opened.flow, opened.lasting, opened.edition, opened.day],
    )
    return row["number"] if row else 0
