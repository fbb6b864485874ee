# requirements:

"""People and their roles: who uses Millrace, and what each may do.

A role holds all that those before it may: a reader sees, a member also asks and starts runs, an
approver also decides about actions, an owner also changes people, roles and settings.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from f.millrace.core import config, db, errors, run_context
from f.millrace.trust import audit, authority

if TYPE_CHECKING:
    from f.millrace.core import rows

Role = Literal["reader", "member", "approver", "owner"]
# By what somebody signs in who is known elsewhere.
Provider = Literal["windmill", "oidc"]
ROLES: tuple[Role, ...] = ("reader", "member", "approver", "owner")
ID = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")
LONGEST_NAME = 100


def add(person_id: str, role: str = "member", name: str = "", *, by: str) -> rows.Person:
    """Add a person, or one who was removed again, and return their row. Tokens, links and sessions
    of before count no more: they are older than the row.

    Raises:
        BadInput: The id or the role is none, or the person is there already.
    """
    authority.refuse_agents("add people")
    known = parse_role(role)
    person_id = parse_id(person_id)
    if find(person_id) is not None:
        raise errors.BadInput(
            f"{person_id} is there already; scripts/millrace people role {person_id} ROLE changes"
            " what they may do"
        )
    with db.transaction():
        _lock()
        row: rows.Person | None = db.fetch_one(
            "INSERT INTO person (id, name, role, added_by, created_at) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (id) DO UPDATE SET name = excluded.name, role = excluded.role, added_by ="
            " excluded.added_by, removed_at = NULL, role_by = 'people', created_at ="
            " excluded.created_at RETURNING *",
            [person_id, " ".join(name.split())[:LONGEST_NAME], known, by, run_context.now()],
        )
        audit.append(by, "person.added", person_id, role=known)
    assert row is not None
    return row


def change_role(person_id: str, role: str, *, by: str) -> rows.Person:
    """Give a person another role; NotAllowed when it would leave no owner."""
    authority.refuse_agents("change roles")
    known = parse_role(role)
    with db.transaction():
        _lock()
        before = get(person_id)
        if known != "owner":
            _keep_an_owner(before)
        row: rows.Person | None = db.fetch_one(
            "UPDATE person SET role = %s, role_by = 'people' WHERE id = %s RETURNING *",
            [known, before["id"]],
        )
        audit.append(by, "person.role", before["id"], role=known, before=before["role"])
    assert row is not None
    return row


def admit(person_id: str, name: str, groups: Collection[str], by: Provider) -> rows.Person:
    """Return the person who was found to be this one elsewhere, and may enter here.

    Who is listed has the role that is listed; of anybody else the setting sign_in_roles tells it by
    their groups, each time anew.

    Raises:
        NotAllowed: They are not listed and no group of theirs has a role, or they were removed.
    """
    person_id, role = parse_id(person_id), _role_of(groups)
    with db.transaction():
        _lock()
        row: rows.Person | None = db.fetch_one("SELECT * FROM person WHERE id = %s", [person_id])
        if row is not None and row["removed_at"] is not None:
            raise errors.NotAllowed(
                f"{person_id} was removed here; an owner adds you again: scripts/millrace people"
                f" add {person_id}"
            )
        if row is not None and row["role_by"] != by:
            return row
        if role is None:
            raise errors.NotAllowed(
                f"{person_id} is known there but not here, and none of their groups has a role"
                f" here; an owner adds you: scripts/millrace people add {person_id}"
            )
        if row is not None and (row["role"] == role or _is_last_owner(row)):
            return row
        made: rows.Person | None = db.fetch_one(
            "INSERT INTO person (id, name, role, added_by, created_at, role_by) VALUES (%s, %s, %s,"
            " %s, %s, %s) ON CONFLICT (id) DO UPDATE SET role = excluded.role RETURNING *",
            [person_id, " ".join(name.split())[:LONGEST_NAME], role, by, run_context.now(), by],
        )
        kind = "person.added" if row is None else "person.role"
        audit.append(by, kind, person_id, role=role, before=row["role"] if row else "")
    assert made is not None
    return made


def _role_of(groups: Collection[str]) -> Role | None:
    """Return the highest role that the setting gives to one of these groups, or to everybody."""
    given = config.settings().sign_in_roles
    found: list[Role] = [given[group] for group in {*groups, "*"} if group in given]
    return max(found, key=ROLES.index) if found else None


def remove(person_id: str, *, by: str) -> None:
    """Remove a person: they and their tokens may do nothing from now on; what they did stays.

    Raises:
        NotAllowed: They are the last owner.
    """
    authority.refuse_agents("remove people")
    with db.transaction():
        _lock()
        row = get(person_id)
        _keep_an_owner(row)
        db.execute(
            "UPDATE person SET removed_at = %s WHERE id = %s", [run_context.now(), row["id"]]
        )
        audit.append(by, "person.removed", row["id"])


def establish(by: str) -> rows.Person:
    """Return an owner; where there is none yet, the user of the settings becomes it."""
    row: rows.Person | None = db.fetch_one(
        "SELECT * FROM person WHERE role = 'owner' AND removed_at IS NULL ORDER BY created_at, id"
        " LIMIT 1"
    )
    if row is not None:
        return row
    first = parse_id(config.settings().user)
    known = find(first)
    return add(first, "owner", by=by) if known is None else change_role(first, "owner", by=by)


def find(person_id: str) -> rows.Person | None:
    """Return a person who is there; None for one who was removed or never added."""
    row: rows.Person | None = db.fetch_one(
        "SELECT * FROM person WHERE id = %s AND removed_at IS NULL", [person_id.strip().lower()]
    )
    return row


def get(person_id: str) -> rows.Person:
    """Return a person who is there; BadInput when there is none of this id."""
    row = find(person_id)
    if row is None:
        raise errors.BadInput(
            f"nobody is called {person_id!r}; scripts/millrace people list shows who is there"
        )
    return row


def list_people() -> list[rows.Person]:
    """Return the people who are there, owners first."""
    found: list[rows.Person] = db.fetch_all(
        "SELECT * FROM person WHERE removed_at IS NULL ORDER BY array_position(%s::text[], role)"
        " DESC, id",
        [list(ROLES)],
    )
    return found


def has_role(role: Role, needed: Role) -> bool:
    """Tell whether somebody of a role may do what needs another."""
    return ROLES.index(role) >= ROLES.index(needed)


def parse_role(role: str) -> Role:
    """Return the role of that name; BadInput when there is none."""
    for known in ROLES:
        if role.strip().lower() == known:
            return known
    raise errors.BadInput(f"{role!r} is no role; one of {', '.join(ROLES)}")


def parse_id(person_id: str) -> str:
    """Return an id as it is kept, in small letters; BadInput when it is none."""
    clean = person_id.strip().lower()
    if not ID.fullmatch(clean):
        raise errors.BadInput(
            f"{person_id!r} is no id of a person: up to 100 of a-z, 0-9 and . _ @ + -, and a letter"
            " or digit first"
        )
    return clean


def _lock() -> None:
    """Let one change of people follow another: two that each take away an owner would take both."""
    db.execute("SELECT pg_advisory_xact_lock(hashtext('person'))")


def _is_last_owner(row: rows.Person) -> bool:
    others = db.fetch_one(
        "SELECT 1 FROM person WHERE role = 'owner' AND removed_at IS NULL AND id <> %s", [row["id"]]
    )
    return row["role"] == "owner" and others is None


def _keep_an_owner(row: rows.Person) -> None:
    if _is_last_owner(row):
        raise errors.NotAllowed(
            f"{row['id']} is the last owner; make somebody else owner first:"
            " scripts/millrace people role NAME owner"
        )
