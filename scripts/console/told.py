"""What people chose to be told, and agents of others of their tasks: a delivery is tried as soon as
its row is written.
"""

from __future__ import annotations

import asyncio
import logging

from f.millrace.core import db, errors
from f.millrace.ops import notifications
from scripts.console import a2a, a2a_push
from scripts.console.row_changes import RowChanges
from scripts.console.threads import Threads

# What people are told is a row; agents of others are told how a run stands.
NOTIFICATION, RUN = "notification", "run"
# All tables may have changed: the connection that listens was lost meanwhile.
ANY = ""
TURN_SECONDS = 30.0
# However many runs change in a second, what is due is asked for a few times.
MERGE_SECONDS = 0.25


async def deliver(changes: RowChanges, threads: Threads) -> None:
    """Try what is due whenever a row of it is written, until the console ends."""
    with changes.subscribe("") as subscription:
        while not changes.is_closed:
            tables = await subscription.wait(TURN_SECONDS)
            await asyncio.sleep(MERGE_SECONDS)
            tables |= await subscription.wait(0)
            if changes.is_closed:
                return
            try:
                if tables & {NOTIFICATION, ANY}:
                    await threads.run(notifications.deliver_due)
                # A try that failed is due again although no row has changed.
                if not tables or tables & {RUN, ANY}:
                    await threads.run(a2a_push.deliver_due, a2a.describe_change)
            except Exception as error:
                is_away = isinstance(error, errors.DatabaseUnavailable) or db.explain(error)
                if not is_away:
                    logging.getLogger(__name__).exception("telling people broke")
