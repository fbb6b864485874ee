# requirements:

"""What was said: the messages of conversations, by session and by words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypedDict

from f.millrace.core import config, db, errors, run_context
from f.millrace.memory import bitemporal, store

if TYPE_CHECKING:
    from datetime import datetime

    class SaidMessage(TypedDict):
        """A message, and where and when it was said."""

        session: str
        turn: int
        role: str
        text: str
        said_at: datetime


NAME = re.compile(r"[\w.-]{1,80}")
SAID = """
SELECT regexp_replace(s.id, '^.*[/:]', '') AS session, m.turn, m.role,
       m.content AS text, m.created_at AS said_at
FROM chat_message m JOIN chat_session s ON s.id = m.session_id
WHERE s.namespace = %(namespace)s AND m.content <> '' AND s.user_id IN ('', %(user_id)s)
  AND (%(session)s = '' OR s.id IN (%(session)s, %(key)s))
  AND (%(about)s = '' OR EXISTS (
      SELECT 1 FROM chat_message t WHERE t.session_id = m.session_id AND t.turn = m.turn AND (
          to_tsvector('english', left(t.content, 200000)) @@ plainto_tsquery('english', %(about)s)
          OR strpos(lower(t.content), lower(%(about)s)) > 0)))
  AND m.created_at <= coalesce(%(until)s::timestamptz, statement_timestamp())
  AND (%(since)s::timestamptz IS NULL OR m.created_at >= %(since)s)
ORDER BY m.created_at DESC, m.id DESC LIMIT %(limit)s
"""


def conversation(
    session: str = "",
    about: str = "",
    *,
    since: bitemporal.When = None,
    until: bitemporal.When = None,
    namespace: str | None = None,
    limit: int = 50,
    as_of: bitemporal.When = None,
    known_at: bitemporal.When = None,
) -> list[SaidMessage]:
    """Return what was said in the user's conversations, oldest first: of one session or of all,
    whole turns in which `about` comes up.

    What is said is known at once, so `as_of` and `known_at` both leave out what was said later.
    """
    when = bitemporal.time_point(as_of, known_at)
    ends = [
        end
        for end in (
            bitemporal.parse_time(until, "until"),
            when.as_of,
            when.known_at,
            bitemporal.test_clock(),
        )
        if end is not None
    ]
    resolved = store.resolve_namespace(namespace, known=True)
    values = {
        "namespace": resolved,
        "user_id": run_context.user_id(),
        "session": session,
        "key": session_key(session, resolved),
        "about": " ".join(about.replace("\x00", "").split()),
        "since": bitemporal.parse_time(since, "since"),
        "until": min(ends, default=None),
        "limit": limit,
    }
    found: list[SaidMessage] = db.fetch_all(SAID, values)
    return found[::-1]


def key(session: str) -> str:
    """Return the id that a session's name has for this user in this namespace; BadInput for what is
    no name of one.
    """
    if not NAME.fullmatch(session):
        raise errors.BadInput(
            f"a session's name has letters, digits, '.', '_' and '-', at most 80; {session!r}"
            " has not"
        )
    return session_key(session, run_context.current().namespace)


def session_key(session: str, namespace: str) -> str:
    """Return the id of the user's session of that name: a name is one's own, in each namespace.
    Sessions of the setting's user are those that there were before there were others.
    """
    user = run_context.user_id()
    own = session if user == config.settings().user else f"{user}:{session}"
    return own if namespace == "main" else f"{namespace}/{own}"
