"""What people chose to be told: a delivery is tried as soon as its row is written."""

from __future__ import annotations

import logging

from f.millrace.core import db
from f.millrace.ops import notifications
from scripts.console.row_changes import RowChanges
from scripts.console.threads import Threads

TABLE = "notification"
# All tables may have changed: the connection that listens was lost meanwhile.
ANY = ""
TURN_SECONDS = 30.0


async def deliver(changes: RowChanges, threads: Threads) -> None:
    """Try what is due whenever a row of it is written, until the console ends."""
    with changes.subscribe("") as subscription:
        while not changes.is_closed:
            tables = await subscription.wait(TURN_SECONDS)
            if not tables & {TABLE, ANY} or changes.is_closed:
                continue
            try:
                await threads.run(notifications.deliver_due)
            except Exception as error:
                if db.explain(error) is None:
                    logging.getLogger(__name__).exception("telling people broke")
