# no_postinstall
# requirements: millrace_core

"""Check a worker.

What a job finds on it: Python, settings, database and its roles,
mail server, and the other components.

scripts/millrace step ops/check_worker
"""

import platform

from f.millrace.core import config, db, errors, redaction, windmill
from f.millrace.ops import health


def main() -> dict:
    """Look at each part from here, changing and sending nothing."""
    python = health.Component("python", "healthy", platform.python_version())
    try:
        settings = _settings()
    except errors.BadSetting as error:
        way = f"correct the resource {config.RESOURCE} in the UI under Resources"
        return _to_dict(
            [python, health.Component("settings", "critical", redaction.redact(str(error)), way)]
        )
    looked = {part.name: part for part in health.check_components()}
    return _to_dict([python, settings, *looked.values(), _roles(looked["database"])])


def _to_dict(parts: list[health.Component]) -> dict:
    return {"state": health.worst(parts), "parts": [part._asdict() for part in parts]}


def _settings() -> health.Component:
    config.settings()
    places = config.sources()
    named = sorted({place for _, place in places.values() if place != "default"})
    if windmill.on_worker() and not windmill.resource(config.RESOURCE):
        return health.Component(
            "settings",
            "critical",
            f"there is no resource {config.RESOURCE}",
            "scripts/deploy --bootstrap makes it",
        )
    return health.Component(
        "settings", "healthy", f"valid; from {', '.join(named) or 'their defaults'}"
    )


def _roles(database: health.Component) -> health.Component:
    if database.state in ("critical", "unknown"):
        return health.Component(
            "roles", "unknown", "the database cannot be asked", "see what is said of the database"
        )
    row = db.fetch_one(
        "SELECT current_user AS role, rolsuper OR EXISTS (SELECT FROM pg_tables WHERE schemaname ="
        " 'public' AND tableowner = current_user) AS alters FROM pg_roles WHERE rolname ="
        " current_user"
    )
    assert row is not None
    try:
        owner = db.owner_url()
        if owner == db.database_url():
            return health.Component(
                "roles",
                "degraded",
                f"steps use the owner's role {row['role']}, so they could change the audit log",
                "set MILLRACE_OWNER_URL and a role of its own in MILLRACE_DATABASE_URL, then"
                " scripts/deploy --bootstrap",
            )
        db.open_connection(owner).close()
    except errors.MillraceError as error:
        way = f"correct the variable {db.OWNER_VARIABLE}"
        return health.Component(
            "roles", "critical", f"the owner's address: {redaction.redact(str(error))}", way
        )
    if row["alters"]:
        way = (
            "name another role in database_url; the next deployment makes it and gives it its"
            " rights"
        )
        return health.Component(
            "roles", "critical", f"the role {row['role']} of steps can alter tables", way
        )
    return health.Component(
        "roles",
        "healthy",
        f"steps are {row['role']}, who may not alter tables; the owner can be reached",
    )
