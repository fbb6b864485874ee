"""Have a database: the one that is set, or the embedded one; with its tables."""

import atexit
import contextlib
import os
import sys
from collections.abc import Iterator

from f.millrace.core import config, db
from scripts.database import embedded


def ready() -> str:
    """Return the address of a migrated database; starts the embedded one when no other is set."""
    if config.settings().database_url.get_secret_value():
        migrate()
    else:
        server = embedded.default()
        # Where `health` looks for room.
        os.environ[config.DATABASE_FOLDER] = str(server.data)
        owner, steps = server.start(), server.steps_url()
        assert steps is not None
        with _environment(MILLRACE_OWNER_URL=owner, MILLRACE_DATABASE_URL=steps):
            migrate()
        # Steps are given the address that cannot touch what was logged.
        os.environ["MILLRACE_DATABASE_URL"] = steps
        config.reload()
        if server.has_started:
            _tell_end(server)
    sweep()
    return db.database_url()


def _tell_end(server: embedded.Embedded) -> None:
    """Say at the end of this process that the database stays, which it has started."""
    told = (
        f"millrace: the database keeps running (Postgres in {server.home});"
        " scripts/millrace db stop ends it"
    )
    atexit.register(lambda: print(told, file=sys.stderr) if server.running() else None)


def migrate() -> list[str]:
    """Make the tables that are missing, those of the runner, too, and return the names of the
    migrations that were applied.
    """
    applied = db.migrate()
    if applied or _lacks_checkpoints():
        # Here, so that the first run needs no right to make tables.
        from scripts.runner.store import set_up_checkpoints

        with db.open_connection(db.owner_url()) as owner:
            set_up_checkpoints(owner)
    return applied


def _lacks_checkpoints() -> bool:
    """Tell whether an owner is named who has to make the tables that Windmill does not need: a step
    there has made all others.
    """
    if db.owner_url() == db.database_url():
        return False
    with db.open_connection(db.owner_url()) as owner:
        row = owner.execute("SELECT to_regclass('checkpoint.checkpoint_writes') AS there")
        found = row.fetchone()
    return found is None or found["there"] is None


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    config.reload()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        config.reload()


def sweep() -> None:
    """Close what dead runners and silent people left open; say which runs can continue."""
    from f.millrace.trust import recovery

    dead = recovery.sweep().dead
    if dead:
        names = ", ".join(run_id[:8] for run_id in dead)
        print(
            f"millrace: lost their runner: {names}; scripts/millrace recover goes on with them",
            file=sys.stderr,
        )
