"""Who may ask a server on loopback: one check for every server of ours.

A browser that was sent here by a foreign page names a foreign host or origin and is refused;
without the token nobody is answered. Only the standard library is used: the exporter's container
has no more.
"""

import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from f.millrace.core.errors import BadInput

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHORTEST_TOKEN = 16


class Refusal(NamedTuple):
    """The status of HTTP and the reason in words."""

    status: int
    words: str


def refuse(
    headers: Mapping[str, str],
    token: str,
    hosts: Sequence[str] = (),
    has_body: bool = False,
    shown_by: str = "",
) -> Refusal | None:
    """Return why a request is refused; None when it may pass.

    Args:
        headers: Its headers, names in lower case.
        token: What it has to give as a bearer token; empty asks for none.
        hosts: Names under which the server may be called, besides those of loopback.
        has_body: Whether it sends JSON.
        shown_by: The command that shows the token.
    """
    given = headers.get("authorization", "").encode("utf-8", "surrogateescape")
    if token and not hmac.compare_digest(given, f"Bearer {token}".encode()):
        return Refusal(401, f"give the token that {shown_by} shows: Authorization: Bearer TOKEN")
    allowed = {name.lower().strip("[]") for name in (*LOOPBACK, *hosts)}
    host = headers.get("host", "")
    if _name(f"//{host}") not in allowed:
        return Refusal(421, f"the host {host[:80]!r} is none of this server's; see --allow-host")
    origin = headers.get("origin")
    if origin and (
        _name(origin) not in allowed or urlsplit(origin).scheme not in ("http", "https")
    ):
        return Refusal(403, f"pages of {origin[:80]!r} may not ask this server")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and kind != "application/json":
        return Refusal(415, f"the body is {kind[:80]!r}; send application/json")
    return None


def read_token(file: Path, mode: int = 0o600) -> str:
    """Return the token that the file holds; makes one when there is no file, which only this user
    can read unless `mode` says else.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        held = file.read_text().strip()
        if len(held) < SHORTEST_TOKEN:
            raise BadInput(
                f"the token in {file} has {len(held)} characters, at least {SHORTEST_TOKEN} are"
                " needed; remove it to get a new one"
            ) from None
        return held
    made = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w") as new:
        new.write(made + "\n")
    return made


def _name(address: str) -> str:
    """Return the name in an address, in small letters; empty when there is none or more than it."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return ""
    bare = not (parts.path or parts.query or parts.fragment or parts.username is not None)
    return (parts.hostname or "") if bare else ""
