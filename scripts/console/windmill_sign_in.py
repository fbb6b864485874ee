"""Signing in as who one is on a Windmill server: its `whoami` says whose a token is.

The token is one that a person made there, or Windmill's own cookie where both are below one domain.
It is asked about again every five minutes: who was switched off there is out here. While the server
does not answer, a session lasts for an hour after it was confirmed last.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

from f.millrace.core import config, errors
from f.millrace.tools import http
from f.millrace.trust import people
from scripts.console import sign_ins

if TYPE_CHECKING:
    from f.millrace.core import rows

# The cookie of Windmill's own pages.
COOKIE = "token"
SECONDS = 10.0
LONGEST_TOKEN = 4_096
# What the server says of a person beside their groups, as the setting sign_in_roles names it.
FLAGS = {"admin": "is_admin", "operator": "operator"}
MOST_BYTES = 262_144


class WindmillUser(NamedTuple):
    """Who somebody is on the server: their address, their name there, their groups."""

    email: str
    name: str
    groups: list[str]


def is_on() -> bool:
    """Tell whether people may sign in so."""
    return bool(config.settings().sign_in_windmill_url.strip())


def enter(token: str, browser: str) -> str:
    """Sign a browser in by a token of Windmill and return the cookie of its session.

    Raises:
        NotAllowed: The server does not know the token, or its person may not enter here.
        SourceFailed: The server did not answer.
    """
    person = _admit(token)
    return sign_ins.begin(person["id"], browser, "windmill", token)


def _admit(token: str) -> rows.Person:
    if not is_on():
        raise errors.NotAllowed("signing in by Windmill is off (setting sign_in_windmill_url)")
    known = _ask(token)
    return people.admit(known.email, known.name, known.groups, "windmill")


def _ask(token: str) -> WindmillUser:
    """Return whom the server knows by a token; NotAllowed when it is nobody who may enter."""
    clean = token.strip()
    if not clean or len(clean) > LONGEST_TOKEN or not (clean.isascii() and clean.isprintable()):
        raise errors.NotAllowed("that is no token of Windmill; make one in its account settings")
    base = config.settings().sign_in_windmill_url.strip().rstrip("/")
    workspace = config.settings().sign_in_windmill_workspace
    said = _fetch(f"{base}/api/w/{quote(workspace, safe='')}/users/whoami", clean)
    email = said.get("email")
    if not isinstance(email, str) or not email:
        raise errors.NotAllowed("Windmill names no address of this token's user")
    if said.get("disabled") or said.get("non_member"):
        what = "switched off" if said.get("disabled") else "no member of the workspace"
        raise errors.NotAllowed(f"{email[:200]} is {what} {workspace} of Windmill")
    return WindmillUser(
        email, str(said.get("name") or said.get("username") or ""), _groups_of(said)
    )


def _groups_of(said: dict[str, Any]) -> list[str]:
    found = said.get("groups")
    groups = [f"g/{one}" for one in found] if isinstance(found, list) else []
    return groups + [name for name, flag in FLAGS.items() if said.get(flag) is True]


def _fetch(url: str, token: str) -> dict[str, Any]:
    host = urlsplit(url).netloc
    try:
        page = http.fetch(
            url,
            accept="application/json",
            headers={"authorization": f"Bearer {token}"},
            seconds=SECONDS,
            max_bytes=MOST_BYTES,
            # Who runs the console named this server, wherever it stands.
            allow=(host,),
        )
    except errors.PageUnreadable as error:
        # 401, 403, 404 as they come from different versions; 429 asks to wait.
        if error.reason[-3:].startswith("4") and not error.reason.endswith("429"):
            raise errors.NotAllowed(
                "Windmill does not know this token in the workspace"
                f" {config.settings().sign_in_windmill_workspace}; it may be old, or of another"
                " server"
            ) from error
        raise
    said = http.parse_json(page)
    return said if isinstance(said, dict) else {}


def check_again(cookie: str) -> None:
    """Ask the server again about a session that is due, and end it when its person may not enter
    any more. A server that does not answer is asked again in five minutes, and ends the session
    when it has not confirmed it for an hour.
    """
    row = sign_ins.claim_check(cookie)
    if row is None:
        return
    try:
        person = _admit(sign_ins.unseal(row, cookie))
        if person["id"] != row["person_id"]:
            raise errors.NotAllowed(f"the token is of {person['id']} now")
        sign_ins.confirm(row)
    except errors.NotAllowed:
        sign_ins.end(row["id"], "windmill")
    except errors.MillraceError as error:
        logging.getLogger(__name__).warning("Windmill was not asked about a session: %s", error)
        if sign_ins.is_unconfirmed(row):
            sign_ins.end(row["id"], "windmill")
