# no_postinstall
# requirements: millrace_core

"""Migrate the database.

Brings its tables up to this code.

scripts/millrace step ops/migrate
"""

from f.millrace.core import db


def main() -> dict:
    """Apply the migrations that are missing."""
    applied = db.migrate()
    return {"applied": applied, "count": len(applied)}
