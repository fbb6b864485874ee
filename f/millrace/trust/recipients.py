# requirements:

"""Who gets a flow's digest, and which of them without asking each time."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, TypedDict

from f.millrace.core import config, db, errors, invisible, run_context
from f.millrace.trust import audit, authority, standing_approvals

if TYPE_CHECKING:
    from f.millrace.core import rows

    class Unsubscribed(TypedDict):
        """Who wants no digest any more."""

        address: str
        flow: str
        unsubscribed_at: datetime

    class ApprovedRecipient(TypedDict):
        """A recipient, and until when mail goes out to them without a question."""

        address: str
        flow: str
        interests: list[str]
        created_at: datetime | None
        standing: datetime | None
        until: datetime | None
        configured: bool
        owner: bool

    class StoredRecipient(TypedDict):
        """What a recipient's own row says."""

        flow: str
        interests: list[str]
        owner: bool
        unsubscribed_at: datetime | None

    class SentDigest(TypedDict):
        """A digest that a recipient got, or was to get."""

        local_day: date
        number: int
        status: str
        subject: str

    class Description(StoredRecipient):
        """A recipient, and the newest digests."""

        address: str
        created_at: datetime | None
        configured: bool
        standing: datetime | None
        until: datetime | None
        digests: list[SentDigest]


FLOW = "daily_research"
ADDRESS = re.compile(r"[^\s@<>,;\"\x00-\x1f\x7f]+@[^\s@<>,;\"\x00-\x1f\x7f]+")
# The reader of an installation that nobody has set up (the default of the setting recipients).
OWN = "me@localhost"
SAMPLE_READER = "reader@sample.example"


def add(
    address: str,
    flow: str = FLOW,
    interests: list[str] | None = None,
    namespace: str = "main",
    by: str = "operator",
    until: datetime | None = None,
    owner: bool = False,
) -> rows.Recipient:
    """Add a recipient with a standing approval, or bring a revoked one back, and return the row.

    An `owner` may see what is private: notes, documents, memories. After `until` the recipient
    stays, and a person is asked each time.
    """
    authority.refuse_agents("add a recipient")
    address = check_address(address)
    with db.transaction() as connection:
        row: rows.Recipient | None = connection.execute(
            "INSERT INTO recipient (namespace, flow, address, interests, added_by, owner) VALUES"
            " (%s, %s, %s, %s, %s, %s) ON CONFLICT (namespace, flow, address) DO UPDATE SET"
            " revoked_at = NULL, unsubscribed_at = NULL, owner = excluded.owner, interests = CASE"
            " WHEN cardinality(excluded.interests) > 0 THEN excluded.interests"
            " ELSE recipient.interests END RETURNING *",
            [namespace, flow, address, list(interests or []), by, owner],
        ).fetchone()
        assert row is not None
        standing_approvals.grant(address, flow, namespace, by, expires_at=until)
        audit.append(by, "recipient.added", address, flow=flow, namespace=namespace, owner=owner)
    return row


def revoke(address: str, flow: str = FLOW, namespace: str = "main", by: str = "operator") -> None:
    """Take a recipient and the standing approval away; NotFound when there is neither."""
    authority.refuse_agents("take a recipient away")
    with db.transaction() as connection:
        gone = connection.execute(
            "UPDATE recipient SET revoked_at = clock_timestamp() "
            "WHERE namespace = %s AND flow = %s AND address = %s AND revoked_at IS NULL",
            [namespace, flow, address],
        ).rowcount
        had = standing_approvals.revoke(address, flow, namespace, by)
        if gone:
            audit.append(by, "recipient.revoked", address, flow=flow, namespace=namespace)
    if not gone and not had:
        raise errors.NotFound(
            f"{address!r} is no recipient of {flow}; scripts/millrace recipients list shows them"
        )


def unsubscribe(address: str, flow: str = FLOW, namespace: str = "main") -> None:
    """Send a recipient no further digest, also one whom a setting names, until `add` brings them
    back.
    """
    authority.refuse_agents("unsubscribe a recipient")
    with db.transaction() as connection:
        connection.execute(
            "INSERT INTO recipient (namespace, flow, address, added_by, revoked_at,"
            " unsubscribed_at) VALUES (%(namespace)s, %(flow)s, %(address)s, 'settings', %(now)s,"
            " %(now)s) ON CONFLICT (namespace, flow, address) DO UPDATE SET revoked_at = %(now)s,"
            " unsubscribed_at = %(now)s",
            {
                "namespace": namespace,
                "flow": flow,
                "address": address,
                "now": run_context.now(),
            },
        )
        standing_approvals.revoke(address, flow, namespace, by=address)
        audit.append(address, "recipient.unsubscribed", address, flow=flow, namespace=namespace)


def list_unsubscribed(flow: str | None = None, namespace: str = "main") -> list[Unsubscribed]:
    """Return who wants no digest any more: address, flow and unsubscribed_at."""
    return db.fetch_all(
        "SELECT address, flow, unsubscribed_at FROM recipient WHERE namespace = %s AND"
        " unsubscribed_at IS NOT NULL AND (%s::text IS NULL OR flow = %s) ORDER BY unsubscribed_at",
        [namespace, flow, flow],
    )


def is_unsubscribed(address: str, flow: str = FLOW, namespace: str = "main") -> bool:
    """Tell whether somebody wants no digest any more."""
    return any(row["address"] == address for row in list_unsubscribed(flow, namespace))


def list_recipients(flow: str | None = None, namespace: str = "main") -> list[ApprovedRecipient]:
    """Return the recipients: address, flow, interests, standing and until (dates or None),
    configured (from the settings), owner (may see what is private).
    """
    found: list[ApprovedRecipient] = db.fetch_all(
        "SELECT r.address, r.flow, r.interests, r.created_at, s.granted_at AS standing,"
        " s.expires_at AS until, false AS configured, r.owner FROM recipient r LEFT JOIN"
        " standing_approval s"
        " ON s.namespace = r.namespace AND s.flow = r.flow AND s.recipient = r.address AND s.tool ="
        " 'mail.send' AND s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > %s)"
        " WHERE r.namespace = %s AND r.revoked_at IS NULL AND (%s::text IS NULL OR r.flow = %s)"
        " ORDER BY r.created_at, r.address",
        [run_context.now(), namespace, flow, flow],
    )
    known = {row["address"] for row in [*found, *list_unsubscribed(flow or FLOW, namespace)]}
    configured = (
        []
        if namespace != "main"
        else [address for address in config.settings().recipients if address not in known]
    )
    for address in dict.fromkeys(configured):
        held = standing_approvals.list_standing(flow or FLOW, namespace).get(address)
        found.append(
            {
                "address": check_address(address),
                "flow": flow or FLOW,
                "interests": [],
                "created_at": None,
                "standing": held["granted_at"] if held else None,
                "until": held["expires_at"] if held else None,
                "configured": True,
                "owner": False,
            }
        )
    for row in found:
        row["owner"] = row["owner"] or is_owner(row["address"])
    return found


def is_owner(address: str) -> bool:
    """Tell whether the settings let an address see what is private."""
    return address in config.settings().owners or address.endswith("@localhost")


def describe(address: str, flow: str = FLOW, namespace: str = "main") -> Description:
    """Return one recipient: flow, interests, standing, until, owner, unsubscribed_at, and digests
    (local_day, number, status, subject), the newest first; NotFound when nobody is known by it.
    """
    known = {row["address"]: row for row in list_recipients(flow, namespace)}
    stored: StoredRecipient | None = db.fetch_one(
        "SELECT flow, interests, owner, unsubscribed_at FROM recipient WHERE namespace = %s AND"
        " flow = %s AND address = %s",
        [namespace, flow, address],
    )
    if address not in known and stored is None:
        raise errors.NotFound(
            f"{address!r} is no recipient of {flow}; scripts/millrace recipients list shows them"
        )
    digests: list[SentDigest] = db.fetch_all(
        "SELECT d.local_day, d.number, d.status, g.subject FROM delivery d JOIN digest g ON g.id ="
        " d.digest_id WHERE d.namespace = %s AND d.flow = %s AND d.recipient = %s ORDER BY"
        " d.local_day DESC, d.number DESC LIMIT 7",
        [namespace, flow, address],
    )
    here = known.get(address)
    owner = stored["owner"] if stored else bool(here and here["owner"])
    return {
        "address": address,
        "created_at": here["created_at"] if here else None,
        "configured": bool(here and here["configured"]),
        "flow": flow,
        "interests": stored["interests"] if stored else here["interests"] if here else [],
        "standing": here["standing"] if here else None,
        "until": here["until"] if here else None,
        "owner": owner or is_owner(address),
        "unsubscribed_at": stored["unsubscribed_at"] if stored else None,
        "digests": digests,
    }


def list_of_run(flow: str, namespace: str) -> list[ApprovedRecipient]:
    """Return who gets this run's digest;
    the sample's one reader is seeded with a standing approval.
    """
    if namespace == "sample" and not db.fetch_one(
        "SELECT 1 FROM recipient WHERE namespace = 'sample' AND flow = %s AND address = %s",
        [flow, SAMPLE_READER],
    ):
        add(SAMPLE_READER, flow, [], "sample", "sample edition", owner=True)
    return list_recipients(flow, "main" if namespace.startswith("dry-") else namespace)


def check_address(address: str) -> str:
    """Return the address, or raise BadInput when it is not one."""
    clean = address.strip()
    local, _, domain = clean.rpartition("@")
    if not ADDRESS.fullmatch(clean) or len(clean) > 254 or not _is_sound(local, domain):
        raise errors.BadInput(f"{address!r} is not a mail address like name@host")
    return clean


def _is_sound(local: str, domain: str) -> bool:
    """Tell whether a mail server can know the address: no empty part between dots, no label that is
    too long or holds what no domain may.
    """
    labels = domain.removesuffix(".").split(".")
    return (
        len(local.encode()) <= 64
        and all(local.split("."))
        and all(0 < len(label) < 64 and label.strip("-") == label for label in labels)
        and not invisible.UNSEEN.search(domain)
        and re.fullmatch(r"\[[\w:.]+\]|[\w.\u3002-]+", domain) is not None
    )
