# requirements:

"""Access tokens: with what a program signs in as a person.

The secret is 256 random bits, shown once; its SHA-256 is kept. A token has a name, an end, and a
role of at most its person's, also when that one's role falls later.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from f.millrace.core import db, errors, run_context
from f.millrace.trust import audit, authority, people

if TYPE_CHECKING:
    from f.millrace.core import rows

PREFIX = "mlr_"
SECRET = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")
NAME = re.compile(r"[\w.-]{1,60}")
DAYS, MOST_DAYS = 90, 366
# Of a token in use the time is kept this exactly, so that each request does not write a row.
USED_SECONDS = 60


class Caller(NamedTuple):
    """Who signed in with a token, and what they may do by it."""

    person_id: str
    role: people.Role
    gateway: bool = False
    token_id: str = ""


def create(
    person_id: str,
    name: str,
    role: str = "",
    days: int = DAYS,
    *,
    gateway: bool = False,
    by: str,
) -> tuple[rows.AccessToken, str]:
    """Make a token of a person and return its row and its secret.

    Args:
        person_id: Whose it is.
        name: What it is for; one of each name a person.
        role: What it allows; empty: all that the person may.
        days: After how many days it ends, 1 to 366.
        gateway: Its program speaks for the users whom it names in its requests.
        by: Who makes it.

    Raises:
        BadInput: A value is none, or the person has a token of this name.
        NotAllowed: The role is more than the person's.
    """
    authority.refuse_agents("make access tokens")
    person = people.get(person_id)
    allowed = people.parse_role(role) if role else person["role"]
    if not people.has_role(person["role"], allowed):
        raise errors.NotAllowed(
            f"{person['id']} is {person['role']}; a token of theirs cannot have the role {allowed}"
        )
    if not NAME.fullmatch(name):
        raise errors.BadInput(f"{name!r} is no name of a token: 1 to 60 letters, digits, . _ -")
    if not 1 <= days <= MOST_DAYS:
        raise errors.BadInput(f"a token of {days} days: it lasts 1 to {MOST_DAYS} days")
    secret = PREFIX + secrets.token_urlsafe(32)
    now = run_context.now()
    row: rows.AccessToken | None = db.fetch_one(
        "INSERT INTO access_token (person_id, name, hash, role, gateway, created_at, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (person_id, name) WHERE revoked_at IS"
        " NULL DO NOTHING RETURNING *",
        [person["id"], name, _hash(secret), allowed, gateway, now, now + timedelta(days=days)],
    )
    if row is None:
        raise errors.BadInput(
            f"{person['id']} has a token {name!r} already; take another name, or revoke it:"
            f" scripts/millrace tokens revoke {person['id']} {name}"
        )
    audit.append(by, "token.created", str(row["id"]), person=person["id"], role=allowed, days=days)
    return row, secret


def find_caller(secret: str) -> Caller | None:
    """Return who signs in with this secret; None when it is unknown, over or revoked, or its person
    was removed.
    """
    if not SECRET.fullmatch(secret):
        return None
    now = run_context.now()
    row = db.fetch_one(
        "SELECT t.id, t.person_id, t.role, t.gateway, p.role AS most, t.used_at FROM access_token t"
        " JOIN person p ON p.id = t.person_id WHERE t.hash = %s AND t.revoked_at IS NULL AND"
        " t.expires_at > %s AND p.removed_at IS NULL AND t.created_at >= p.created_at",
        [_hash(secret), now],
    )
    if row is None:
        return None
    if row["used_at"] is None or now - row["used_at"] >= timedelta(seconds=USED_SECONDS):
        db.execute("UPDATE access_token SET used_at = %s WHERE id = %s", [now, row["id"]])
    role = min(row["role"], row["most"], key=people.ROLES.index)
    return Caller(row["person_id"], role, row["gateway"], str(row["id"]))


def is_over(token_id: str) -> bool:
    """Tell whether a token has ended: what is streamed to its program ends with it."""
    return (
        db.fetch_one(
            "SELECT 1 FROM access_token t JOIN person p ON p.id = t.person_id WHERE t.id::text = %s"
            " AND t.revoked_at IS NULL AND t.expires_at > %s AND p.removed_at IS NULL AND"
            " t.created_at >= p.created_at",
            [token_id, run_context.now()],
        )
        is None
    )


def list_tokens(person_id: str = "") -> list[rows.AccessToken]:
    """Return the tokens that are not revoked, of one person or of all, the newest first."""
    found: list[rows.AccessToken] = db.fetch_all(
        "SELECT * FROM access_token WHERE revoked_at IS NULL AND (%s = '' OR person_id = %s) ORDER"
        " BY created_at DESC, person_id, name",
        [person_id, person_id],
    )
    return found


def revoke(person_id: str, name: str, *, by: str) -> None:
    """End a token at once; BadInput when the person has none of this name."""
    authority.refuse_agents("revoke access tokens")
    row = db.fetch_one(
        "UPDATE access_token SET revoked_at = %s WHERE person_id = %s AND name = %s AND revoked_at"
        " IS NULL RETURNING id",
        [run_context.now(), person_id, name],
    )
    if row is None:
        raise errors.BadInput(
            f"{person_id} has no token {name!r}; scripts/millrace tokens list shows those there are"
        )
    audit.append(by, "token.revoked", str(row["id"]), person=person_id)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
