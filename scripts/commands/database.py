"""`db`: the embedded Postgres and the tables."""

import argparse
import sys
from typing import Any

from f.millrace.core import config, db
from scripts.database import embedded
from scripts.database.ready import migrate, ready


def add(commands: Any) -> None:
    """Declare `db start|stop|migrate|url`."""
    parser = commands.add_parser("db", help="start, stop or migrate the database")
    parser.add_argument("action", choices=["start", "stop", "migrate", "url"])
    parser.set_defaults(function=act)


# complexipy: ignore (each action says what it did, with two kinds of database)
def act(options: argparse.Namespace) -> int:
    """Do what was asked and say what happened."""
    set_elsewhere = bool(config.settings().database_url.get_secret_value())
    if options.action == "start":
        print(
            "MILLRACE_DATABASE_URL names another database; nothing to start"
            if set_elsewhere
            else _start()
        )
    elif options.action == "stop":
        print("stopped" if embedded.default().stop() else "the embedded Postgres did not run")
    elif options.action == "url":
        print(db.database_url() if set_elsewhere else embedded.default().start())
    else:
        if not set_elsewhere:
            ready()
        applied = migrate() if set_elsewhere else []
        print("applied " + ", ".join(applied) if applied else "up to date")
    return 0


def _start() -> str:
    server = embedded.default()
    url = server.start()
    if server.has_started:
        print("it keeps running until scripts/millrace db stop", file=sys.stderr)
    return url
