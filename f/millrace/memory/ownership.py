# requirements:

"""Whose memories are, and who finds them: what owners, schedules and folders bring is everybody's;
what another person brings is found by them and by owners.
"""

from __future__ import annotations

from f.millrace.core import config, db, ids, run_context


def is_owner(user_id: str) -> bool:
    """Tell whether somebody is an owner: by their role, or of nobody who is listed the user of the
    settings.
    """
    row = db.fetch_one("SELECT role FROM person WHERE id = %s AND removed_at IS NULL", [user_id])
    return row["role"] == "owner" if row else user_id in ("", config.settings().user)


def whose() -> str:
    """Return whose is what the running code remembers: a person's own, or empty, everybody's."""
    user = run_context.user_id()
    return "" if is_owner(user) else user


def readers() -> list[str] | None:
    """Return whose memories the running code may find, with those of everybody; None: all."""
    own = whose()
    return ["", own] if own else None


def may_read(user_id: str) -> bool:
    """Tell whether the running code may find what is somebody's."""
    found = readers()
    return found is None or user_id in found


def hash_of(content_hash: str, user_id: str) -> str:
    """Return the hash that makes two items one: the same words of two people are two items."""
    return ids.digest_of([content_hash, user_id]) if user_id else content_hash
