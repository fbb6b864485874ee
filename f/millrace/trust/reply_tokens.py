# requirements:

"""Reply tokens: what a link or a subject says, for whom and about which mail, signed.

m2.9f8e7d6c5b4a3f2e.1.abcdefghijklmnopqrstuvwxyz
| | |                | 130 bits of HMAC-SHA256 over what stands before, in base32
| | |                key id
| | the first 16 hex digits of the SHA-256 of the mail's Message-ID, which holds the recipient
| the topic's rank in its run; 0 is the whole digest
what is said: m more, l less, n not true, u unsubscribe, s show the digest
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Literal, NamedTuple

from f.millrace.core import db, errors

if TYPE_CHECKING:
    from f.millrace.core import rows

Verb = Literal["more", "less", "untrue", "unsubscribe", "show"]
LETTERS: dict[str, Verb] = {
    "m": "more",
    "l": "less",
    "n": "untrue",
    "u": "unsubscribe",
    "s": "show",
}
TOKEN = re.compile(r"([mlnus])(\d{1,3})\.([0-9a-f]{16})\.(\d{1,6})\.([a-z2-7]{26})")
NEWEST = "SELECT * FROM reply_key WHERE retired_at IS NULL ORDER BY id DESC LIMIT 1"
IN_SUBJECT = re.compile(r"\[millrace:([^\]\s]{1,80})\]")


class Token(NamedTuple):
    """What a token says, once its signature is verified."""

    verb: Verb
    rank: int
    delivery: rows.Delivery


def current_key() -> rows.ReplyKey:
    """Return the key that signs, made when there is none."""
    row: rows.ReplyKey | None = db.fetch_one(NEWEST)
    return row or _make_key()


def renew_key() -> int:
    """Retire all keys and make a new one: tokens of earlier mails are refused; return its id."""
    with db.transaction() as connection:
        connection.execute(
            "UPDATE reply_key SET retired_at = clock_timestamp() WHERE retired_at IS NULL"
        )
        return _make_key()["id"]


def _make_key() -> rows.ReplyKey:
    with db.transaction() as connection:
        # Two steps that find none make one.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('reply_key'))")
        row: rows.ReplyKey | None = db.fetch_one(NEWEST)
        row = row or db.fetch_one(
            "INSERT INTO reply_key (secret) VALUES (%s) RETURNING *", [secrets.token_hex(32)]
        )
    assert row is not None
    return row


def sign(key: rows.ReplyKey, verb: Verb, message_id: str, rank: int = 0) -> str:
    """Return the token with which the recipient of a mail says `verb` of a topic, or of the whole
    digest.
    """
    letter = next(letter for letter, name in LETTERS.items() if name == verb)
    said = f"{letter}{rank}.{_reference(message_id)}.{key['id']}"
    return f"{said}.{_signature(key['secret'], said)}"


def verify(text: str) -> Token:
    """Return what a token says; BadInput says why it counts for nothing."""
    found = TOKEN.fullmatch(text.strip())
    if not found:
        raise errors.BadInput("this is no whole reply token; use the link of the mail as it is")
    letter, rank, reference, key_id, signature = found.groups()
    key = db.fetch_one("SELECT * FROM reply_key WHERE id = %s", [int(key_id)])
    said = text.strip().rpartition(".")[0]
    if key is None or not hmac.compare_digest(_signature(key["secret"], said), signature):
        raise errors.BadInput("the token was not signed here, or was changed: nothing was done")
    if key["retired_at"] is not None:
        raise errors.BadInput(
            f"the token's key was retired on {key['retired_at']:%Y-%m-%d}: nothing was done; use"
            " the links of a newer mail"
        )
    row: rows.Delivery | None = db.fetch_one(
        "SELECT * FROM delivery WHERE left(encode(sha256(convert_to(message_id, 'UTF8')), 'hex'),"
        " 16) = %s",
        [reference],
    )
    if row is None:
        raise errors.NotFound("the mail of this token is not known here any more")
    return Token(LETTERS[letter], int(rank), row)


def find_in_subject(subject: str) -> str:
    """Return the one token that a subject holds; BadInput when there is none, or more."""
    found = IN_SUBJECT.findall(subject)
    if len(set(found)) != 1:
        raise errors.BadInput(
            f"the subject holds {len(set(found)) or 'no'} reply token"
            + ("s" if len(set(found)) > 1 else "")
            + "; send the mail that a link of the digest opens, with its subject as it is"
        )
    return found[0]


def _reference(message_id: str) -> str:
    return hashlib.sha256(message_id.encode()).hexdigest()[:16]


def _signature(secret: str, said: str) -> str:
    mac = hmac.new(bytes.fromhex(secret), f"millrace reply {said}".encode(), hashlib.sha256)
    return base64.b32encode(mac.digest()).decode().lower()[:26]
