# requirements:

"""Webhooks: addresses of programs that a person has told what happens.

Each has a secret with which what is sent is signed, as Standard Webhooks says
(https://www.standardwebhooks.com): shown when it is made, kept because it signs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from f.millrace.core import db, errors, run_context
from f.millrace.trust import audit, authority, people, subscriptions

if TYPE_CHECKING:
    from f.millrace.core import rows

PREFIX = "whsec_"
NAME = re.compile(r"[\w.-]{1,60}")
LONGEST_URL = 2000
MOST = 20


def add(person_id: str, name: str, url: str, *, by: str) -> rows.Webhook:
    """Add a webhook of a person and return its row, with its secret.

    Raises:
        BadInput: The name or the address is none, or the person has one of this name, or twenty.
    """
    authority.refuse_agents("add webhooks")
    person = people.get(person_id)
    if not NAME.fullmatch(name):
        raise errors.BadInput(
            f"{name[:80]!r} is no name of a webhook: 1 to 60 letters, digits, . _ -"
        )
    url = parse_url(url)
    if len(list_webhooks(person["id"])) >= MOST:
        raise errors.BadInput(f"{person['id']} has {MOST} webhooks, which is the most; remove one")
    row: rows.Webhook | None = db.fetch_one(
        "INSERT INTO webhook (person_id, name, url, secret, created_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (person_id, name) WHERE removed_at IS NULL DO NOTHING RETURNING *",
        [person["id"], name, url, _make_secret(), run_context.now()],
    )
    if row is None:
        raise errors.BadInput(f"{person['id']} has a webhook {name!r} already; take another name")
    audit.append(by, "webhook.added", str(row["id"]), person=person["id"], host=host_of(url))
    return row


def parse_url(url: str) -> str:
    """Return an address that can be told; BadInput when it is none."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise errors.BadInput(f"{url[:200]!r} is no web address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise errors.BadInput(f"{url[:200]!r} is no web address: https://HOST/PATH is one")
    if len(url) > LONGEST_URL or not url.isprintable():
        raise errors.BadInput(
            f"a web address has at most {LONGEST_URL} characters that can be seen"
        )
    return url


def host_of(url: str) -> str:
    """Return the host of an address, for the log: what stands behind it may be a secret."""
    return urlsplit(url).hostname or ""


def list_webhooks(person_id: str = "") -> list[rows.Webhook]:
    """Return the webhooks that are there, of one person or of all."""
    found: list[rows.Webhook] = db.fetch_all(
        "SELECT * FROM webhook WHERE removed_at IS NULL AND (%s = '' OR person_id = %s) ORDER BY"
        " person_id, name",
        [person_id, person_id],
    )
    return found


def get(person_id: str, name: str) -> rows.Webhook:
    """Return a webhook of a person; NotFound when they have none of this name."""
    row: rows.Webhook | None = db.fetch_one(
        "SELECT * FROM webhook WHERE person_id = %s AND name = %s AND removed_at IS NULL",
        [person_id, name],
    )
    if row is None:
        raise errors.NotFound(
            f"{person_id} has no webhook {name[:80]!r}; scripts/millrace webhooks list shows them"
        )
    return row


def renew_secret(person_id: str, name: str, *, by: str) -> rows.Webhook:
    """Give a webhook another secret and return its row: the one before signs nothing any more."""
    authority.refuse_agents("change webhooks")
    row = get(person_id, name)
    changed: rows.Webhook | None = db.fetch_one(
        "UPDATE webhook SET secret = %s WHERE id = %s RETURNING *", [_make_secret(), row["id"]]
    )
    assert changed is not None
    audit.append(by, "webhook.secret_renewed", str(row["id"]), person=person_id)
    return changed


def switch(person_id: str, name: str, on: bool, *, by: str) -> None:
    """Switch a webhook off, or on again: what happens meanwhile it is not told."""
    authority.refuse_agents("change webhooks")
    row = get(person_id, name)
    if on:
        db.execute(
            "UPDATE webhook SET switched_off_at = NULL, switched_off_why = '' WHERE id = %s",
            [row["id"]],
        )
    else:
        switch_off(row, f"by {by}")
    audit.append(by, f"webhook.switched_{'on' if on else 'off'}", str(row["id"]), person=person_id)


def switch_off(row: rows.Webhook, why: str) -> None:
    """Have a webhook told nothing any more, and drop what it was to be told."""
    with db.transaction():
        db.execute(
            "UPDATE webhook SET switched_off_at = %s, switched_off_why = %s WHERE id = %s AND"
            " switched_off_at IS NULL",
            [run_context.now(), why, row["id"]],
        )
        subscriptions.drop_messages(row, "the webhook was switched off")


def remove(person_id: str, name: str, *, by: str) -> None:
    """Remove a webhook; NotFound when the person has none of this name."""
    authority.refuse_agents("remove webhooks")
    row = get(person_id, name)
    with db.transaction():
        db.execute(
            "UPDATE webhook SET removed_at = %s, secret = '' WHERE id = %s",
            [run_context.now(), row["id"]],
        )
        subscriptions.drop_messages(row, "the webhook was removed")
    audit.append(by, "webhook.removed", str(row["id"]), person=person_id)


def sign(secret: str, message_id: str, seconds: int, body: bytes) -> str:
    """Return the signature of a message: of its id, the time in seconds and the body, with dots
    between, HMAC-SHA256 in base64.
    """
    key = base64.b64decode(secret.removeprefix(PREFIX))
    mac = hmac.new(key, f"{message_id}.{seconds}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(mac.digest()).decode()}"


def _make_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
