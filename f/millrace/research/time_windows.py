# requirements:

"""What is new to whom: an item is when it was first seen after the recipient's last delivered
digest.

Not when it was published: late and backdated items are not lost.
"""

from datetime import date, datetime, timedelta
from typing import Any

from f.millrace.core import db, run_context
from f.millrace.digest import run_plan

# A new recipient gets the news of this long, not all that was ever seen.
FIRST_WINDOW = timedelta(days=7)
# Any fixed number will do; see `next_moment`.
LOCK = 7_241_180_035
ENDED = """
SELECT greatest(
    (SELECT max(window_until) FROM digest WHERE namespace = %s),
    (
        SELECT max((pipeline #>> '{opened,until}')::timestamptz) FROM run
        WHERE namespace = %s AND local_day IS NOT NULL
    )
) AS ended
"""


def windows(
    addresses: list[str],
    last: dict[str, datetime],
    owners: list[str],
    shared: dict[str, dict[str, str]] | None = None,
) -> list[run_plan.Window]:
    """Return one window for each distinct end of a last digest, the longest first; owners have
    theirs to themselves, and so have those with whom the same is `shared`.
    """
    groups: dict[tuple[datetime | None, bool, tuple[tuple[str, str], ...]], list[str]] = {}
    for address in addresses:
        held = tuple(sorted((shared or {}).get(address, {}).items()))
        groups.setdefault((last.get(address), address in owners, held), []).append(address)
    order = sorted(
        groups,
        key=lambda group: (
            group[0] is not None,
            group[0] or datetime.min,
            not group[1],
            not group[2],
            group[2],
        ),
    )
    return [
        run_plan.Window(
            since=group[0], recipients=groups[group], private=group[1], shared=dict(group[2])
        )
        for group in order
    ]


def last_delivered(
    flow: str, namespace: str, edition: str, before: date | None = None
) -> dict[str, datetime]:
    """Return where each recipient's last delivered digest ended; of an earlier day only when
    `before` is given.
    """
    rows = db.fetch_all(
        "SELECT recipient, max(window_until) AS until FROM delivery WHERE flow = %s AND namespace ="
        " %s AND edition = %s AND status IN ('sent', 'outbox') AND (%s::date IS NULL OR local_day <"
        " %s) GROUP BY recipient",
        [flow, namespace, edition, before, before],
    )
    return {row["recipient"]: row["until"] for row in rows}


def next_moment(connection: Any, namespace: str) -> datetime:
    """Return the moment at which items that are stored in this transaction are first seen.

    Storing takes turns with deciding where a window ends, and the moment is after each window that
    has ended, also those of digests that are still to be made: so no item falls between two windows
    when runs overlap or the clock is set back.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK % 2**31, namespace])
    row = connection.execute(ENDED, [namespace, namespace]).fetchone()
    ended, clock = row["ended"], run_context.now()
    return clock if ended is None or clock > ended else ended + timedelta(microseconds=1)


def end_of_window(connection: Any, namespace: str) -> datetime:
    """Return the moment up to which everything that was first seen is stored."""
    connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK % 2**31, namespace])
    row = connection.execute(
        "SELECT max(first_seen_at) AS seen FROM source_item WHERE namespace = %s", [namespace]
    ).fetchone()
    seen, clock = row["seen"], run_context.now()
    return clock if seen is None or clock > seen else seen


def earliest(among: list[run_plan.Window], until: datetime, edition: str) -> datetime | None:
    """Return where the union of the windows begins; None: at the first item (the sample is always
    new).
    """
    if edition == "sample":
        return None
    return min(
        (window.since or until - FIRST_WINDOW for window in among), default=until - FIRST_WINDOW
    )
