"""`feedback`: what a person thought of a run."""

import argparse
import getpass
from typing import Any

from f.millrace.core import db
from f.millrace.core.redaction import redact
from scripts.database.ready import ready
from scripts.verbs.run import find


def add(verbs: Any) -> None:
    """Declare `feedback`."""
    parser = verbs.add_parser("feedback", help="say what you thought of a run: good, bad, or a sentence")
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("words", nargs="+", metavar="good|bad|TEXT")
    parser.set_defaults(function=give)


def give(options: argparse.Namespace) -> int:
    """Store the verdict and the words."""
    ready()
    row = find(options.run)
    first, rest = options.words[0], options.words[1:]
    verdict, words = (first, rest) if first in ("good", "bad") else ("comment", options.words)
    db.execute(
        "INSERT INTO feedback (run_id, verdict, comment, given_by) VALUES (%s, %s, %s, %s)",
        [row["id"], verdict, redact(" ".join(words)), getpass.getuser()],
    )
    print(f"noted for run {str(row['id'])[:8]}: {verdict}")
    return 0
