"""Have a database: the one that is set, or the embedded one; with its tables."""

import os

from f.millrace.core import config, db
from scripts.database import embedded


def ready() -> str:
    """Return the address of a migrated database; starts the embedded one when no other is set."""
    if not config.settings().database_url.get_secret_value():
        os.environ["MILLRACE_DATABASE_URL"] = embedded.default().start()
        config.reload()
    if db.migrate():
        # Here, so that the first run needs no right to make tables.
        from scripts.runner.store import set_up_checkpoints

        set_up_checkpoints()
    return db.database_url()
