"""Have a database: the one that is set, or the embedded one; with its tables."""

import os
import sys

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

        with db.open_connection(db.owner_url()) as owner:
            set_up_checkpoints(owner)
    sweep()
    return db.database_url()


def sweep() -> None:
    """Close what dead runners and silent people left open, and say which runs can be gone on with."""
    from f.millrace.trust import recovery

    dead = recovery.sweep().dead
    if dead:
        names = ", ".join(run_id[:8] for run_id in dead)
        print(f"millrace: lost their runner: {names}; scripts/millrace recover goes on with them", file=sys.stderr)
