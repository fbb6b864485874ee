"""Who is signed in to the console with a browser: links that work once, sessions that end, and the
ways of a team (`windmill_sign_in`, `oidc_sign_in`) that begin sessions, too.

Cookie and link hold 256 random bits each; only their SHA-256 is kept. A session ends by itself when
it was not used for a while, and a while after it began in any case.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from f.millrace.core import db, errors, run_context
from f.millrace.trust import access_tokens, audit, people

if TYPE_CHECKING:
    from uuid import UUID

    from cryptography.fernet import Fernet

    from f.millrace.core import rows

LINK_SECONDS = 60
IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
# How often whom a person signed in by is asked again whether they still may.
CHECK = timedelta(minutes=5)
# How long a session lasts while whom its person signed in by does not answer: longer than a restart
# or an upgrade takes, and no more than who was let go there may stay on here.
UNCONFIRMED = timedelta(hours=1)
# Of a session in use the time is kept this exactly, so that each request does not write a row.
SEEN = timedelta(seconds=60)
LONGEST_BROWSER = 200
SHOWN = 200
# How long it is still seen who was signed in.
KEPT = timedelta(days=90)


class Person(NamedTuple):
    """Who asks, and what they may do.

    Attributes:
        sign_in: The id of the browser's session; empty for a program.
        gateway: A program asks that speaks for others: whose words it brings, nobody here knows.
        token: The id of a program's token.
        is_due: Whom they signed in by is to be asked again whether they still may.
    """

    id: str
    role: people.Role
    sign_in: str = ""
    gateway: bool = False
    is_due: bool = False
    token: str = ""

    def has_role(self, needed: people.Role) -> bool:
        """Tell whether the person may do what needs a role."""
        return people.has_role(self.role, needed)


def make_link(person_id: str) -> str:
    """Return what a link holds that signs a browser in as this person, once and for a minute."""
    person = people.get(person_id)
    secret, now = secrets.token_urlsafe(32), run_context.now()
    db.execute("DELETE FROM sign_in_link WHERE expires_at < %s", [now - timedelta(days=1)])
    db.execute(
        "INSERT INTO sign_in_link (hash, person_id, created_at, expires_at) VALUES (%s, %s, %s,"
        " %s)",
        [_hash(secret), person["id"], now, now + timedelta(seconds=LINK_SECONDS)],
    )
    return secret


def enter(secret: str, browser: str) -> str:
    """Sign a browser in by a link and return the cookie of its session.

    Raises:
        NotAllowed: The link is unknown, used or too old, or its person was removed.
    """
    now = run_context.now()
    with db.transaction():
        row = db.fetch_one(
            "UPDATE sign_in_link l SET used_at = %s FROM person p WHERE l.hash = %s AND p.id ="
            " l.person_id AND p.removed_at IS NULL AND l.used_at IS NULL AND l.expires_at > %s AND"
            " l.created_at BETWEEN p.created_at AND %s RETURNING l.person_id",
            # One of the future was made before the clock was set back.
            [now, _hash(secret), now, now + timedelta(seconds=LINK_SECONDS)],
        )
        if row is None:
            raise errors.NotAllowed(
                "this link was used already, is older than a minute, or is none;"
                " scripts/millrace ui prints a new one"
            )
        cookie = _begin(row["person_id"], browser, "link")
    return cookie


def begin(person_id: str, browser: str, way: people.Provider, token: str = "") -> str:
    """Sign a browser in as somebody who is known by another way, and return its cookie.

    `token` is asked about again while the session lasts; it is kept encrypted with the cookie, so
    that the database alone cannot tell it.
    """
    with db.transaction():
        return _begin(person_id, browser, way, token)


def _begin(person_id: str, browser: str, way: str, token: str = "") -> str:
    now, cookie = run_context.now(), secrets.token_urlsafe(32)
    sealed = _seal(cookie).encrypt(token.encode()) if token else None
    made = db.fetch_one(
        "INSERT INTO sign_in (hash, person_id, browser, created_at, seen_at, expires_at, way,"
        " checked_at, confirmed_at, sealed) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " RETURNING id",
        [
            _hash(cookie),
            person_id,
            browser[:LONGEST_BROWSER].replace("\0", ""),
            now,
            now,
            now + LONGEST,
            way,
            now if token else None,
            now if token else None,
            sealed,
        ],
    )
    assert made is not None
    db.execute("DELETE FROM sign_in WHERE expires_at < %s", [now - KEPT])
    audit.append(person_id, "sign_in.began", str(made["id"]), way=way)
    return cookie


def claim_check(cookie: str) -> rows.SignIn | None:
    """Return a session whose token is due to be asked about again, which then nobody else does;
    None when it is not.
    """
    now = run_context.now()
    row: rows.SignIn | None = db.fetch_one(
        "UPDATE sign_in SET checked_at = %s WHERE hash = %s AND ended_at IS NULL AND sealed IS NOT"
        " NULL AND checked_at <= %s RETURNING *",
        [now, _hash(cookie), now - CHECK],
    )
    return row


def confirm(row: rows.SignIn) -> None:
    """Note that whom a session's person signed in by says that they still may."""
    db.execute("UPDATE sign_in SET confirmed_at = %s WHERE id = %s", [run_context.now(), row["id"]])


def is_unconfirmed(row: rows.SignIn) -> bool:
    """Tell whether it is too long ago that somebody said of a session's person that they may."""
    confirmed = row["confirmed_at"]
    return confirmed is not None and confirmed <= run_context.now() - UNCONFIRMED


def unseal(row: rows.SignIn, cookie: str) -> str:
    """Return the token of a session, which only who has its cookie can read."""
    return _seal(cookie).decrypt(bytes(row["sealed"] or b"")).decode()


def _seal(cookie: str) -> Fernet:
    from cryptography.fernet import Fernet

    key = hashlib.sha256(b"millrace sign-in token\0" + cookie.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def find_person(cookie: str) -> Person | None:
    """Return whose session a cookie is of; None when it is unknown, over or ended, or its person
    was removed.
    """
    now = run_context.now()
    row = db.fetch_one(
        "SELECT s.id, s.person_id, s.seen_at, s.checked_at, p.role FROM sign_in s JOIN person p ON"
        " p.id = s.person_id WHERE s.hash = %s AND s.ended_at IS NULL AND s.expires_at > %s AND"
        " s.seen_at > %s AND p.removed_at IS NULL AND s.created_at >= p.created_at",
        [_hash(cookie), now, now - IDLE],
    )
    if row is None:
        return None
    if now - row["seen_at"] >= SEEN:
        db.execute("UPDATE sign_in SET seen_at = %s WHERE id = %s", [now, row["id"]])
    is_due = row["checked_at"] is not None and row["checked_at"] <= now - CHECK
    return Person(row["person_id"], row["role"], str(row["id"]), is_due=is_due)


def is_signed_out(person: Person) -> bool:
    """Tell whether the session or the token with which somebody came in has ended: what is streamed
    to them ends with it.
    """
    if person.token:
        return access_tokens.is_over(person.token)
    return bool(person.sign_in) and _is_over(person.sign_in)


def has_less(person: Person) -> bool:
    """Tell whether somebody may do less by now than when they came in."""
    known = people.find(person.id)
    return known is None or not people.has_role(known["role"], person.role)


def _is_over(sign_in: str) -> bool:
    now = run_context.now()
    return (
        db.fetch_one(
            "SELECT 1 FROM sign_in s JOIN person p ON p.id = s.person_id WHERE s.id::text = %s AND"
            " s.ended_at IS NULL AND s.expires_at > %s AND p.removed_at IS NULL AND s.created_at >="
            " p.created_at",
            [sign_in, now],
        )
        is None
    )


def list_open(person_id: str = "", limit: int = SHOWN) -> list[rows.SignIn]:
    """Return the sessions that have not ended, the latest used first: of one person, or of all."""
    now = run_context.now()
    found: list[rows.SignIn] = db.fetch_all(
        "SELECT * FROM sign_in WHERE ended_at IS NULL AND expires_at > %s AND seen_at > %s AND (%s"
        " = '' OR person_id = %s) ORDER BY seen_at DESC LIMIT %s",
        [now, now - IDLE, person_id, person_id, limit],
    )
    return found


def end(sign_in: str | UUID, by: str, whose: str = "") -> None:
    """End a session at once; NotFound when there is none of this id, or it is not `whose`."""
    ended = db.execute(
        "UPDATE sign_in SET ended_at = %s WHERE id::text = %s AND ended_at IS NULL AND (%s = '' OR"
        " person_id = %s)",
        [run_context.now(), str(sign_in), whose, whose],
    )
    if not ended:
        raise errors.NotFound("there is no such session, or it has ended")
    audit.append(by, "sign_in.ended", str(sign_in))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
