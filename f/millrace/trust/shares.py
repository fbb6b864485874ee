# requirements:

"""What is private and shown to a recipient all the same: a source of the owner's, or a namespace of
memory.

A share has a key: `source:notes`, `source:documents`, `source:` with the address of a private feed,
`namespace:` with its name. What is private carries the keys by which it can be shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit, urlunsplit

from f.millrace.core import config, db, errors, ids, run_context
from f.millrace.trust import audit, authority, recipients

if TYPE_CHECKING:
    from f.millrace.core import rows

Kind = Literal["namespace", "source"]
# Sources whose items are the owner's; of feeds those that the setting private_feeds names.
PRIVATE_SOURCES = ("notes", "documents")


def key_of(kind: Kind, name: str) -> str:
    """Return the key of a namespace or a source; a private feed is named by its address, or as its
    key shows it.
    """
    name = name.strip()
    if kind == "source":
        feeds = {_feed_name(url): url for url in config.settings().private_feeds}
        known = [shown for shown, url in feeds.items() if name in (shown, url)]
        name = known[0] if known else name
    return f"{kind}:{name}"


def _feed_name(url: str) -> str:
    """Return a feed's address without user, password and query, where keys may stand; a digest
    tells those apart that differ in these.
    """
    parts = urlsplit(url.strip())
    short = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return short if short == url.strip() else f"{short}#{ids.digest_of(url.strip())[:8]}"


def add(
    address: str,
    kind: Kind,
    name: str,
    flow: str = recipients.FLOW,
    namespace: str = "main",
    by: str = "",
) -> rows.Share:
    """Share a source or a namespace with a recipient and return the row; sharing again changes who
    shared it.

    `by` is what the recipient reads, else the owner's address. BadInput for a source that is not
    private, NotFound for somebody who is no recipient and for a namespace that is not there.
    """
    authority.refuse_agents("share what is private")
    row = recipients.describe(address, flow, namespace)
    if row["owner"]:
        raise errors.BadInput(f"{address} is an owner and sees all that is private already")
    key = key_of(kind, name)
    if kind == "source":
        _require_private(key)
    else:
        _require_namespace(name.strip())
    by = by.strip() or _owner_name(flow, namespace)
    with db.transaction() as connection:
        kept: rows.Share | None = connection.execute(
            "INSERT INTO share (namespace, flow, recipient, key, shared_by, shared_at) VALUES (%s,"
            " %s, %s, %s, %s, %s) ON CONFLICT (namespace, flow, recipient, key) WHERE ended_at IS"
            " NULL DO UPDATE SET shared_by = excluded.shared_by RETURNING *",
            [namespace, flow, address, key, by, run_context.now()],
        ).fetchone()
        assert kept is not None
        audit.append(by, "share.added", address, flow=flow, namespace=namespace, key=key)
    return kept


def end(
    address: str,
    kind: Kind,
    name: str,
    flow: str = recipients.FLOW,
    namespace: str = "main",
    by: str = "operator",
) -> None:
    """End a share; NotFound when there is none."""
    authority.refuse_agents("end a share")
    key = key_of(kind, name)
    with db.transaction() as connection:
        ended = connection.execute(
            "UPDATE share SET ended_at = %s WHERE namespace = %s AND flow = %s AND recipient = %s"
            " AND key = %s AND ended_at IS NULL",
            [run_context.now(), namespace, flow, address, key],
        ).rowcount
        if ended:
            audit.append(by, "share.ended", address, flow=flow, namespace=namespace, key=key)
    if not ended:
        raise errors.NotFound(
            f"{in_words(key)} is not shared with {address}; scripts/millrace recipients show"
            f" {address} says what is"
        )


def of_recipients(
    addresses: Iterable[str], flow: str = recipients.FLOW, namespace: str = "main"
) -> dict[str, dict[str, str]]:
    """Return what is shared with each of them now: address to key to who shared it."""
    found: dict[str, dict[str, str]] = {address: {} for address in addresses}
    for row in db.fetch_all(
        "SELECT recipient, key, shared_by FROM share WHERE namespace = %s AND flow = %s AND"
        " recipient = ANY(%s) AND ended_at IS NULL ORDER BY key",
        [namespace, flow, list(found)],
    ):
        found[row["recipient"]][row["key"]] = row["shared_by"]
    return found


def namespaces_in(keys: Iterable[str]) -> list[str]:
    """Return the namespaces of memory among some keys."""
    return [key.partition(":")[2] for key in keys if key.startswith("namespace:")]


def sharer_of(keys: Iterable[str], shared: Mapping[str, str]) -> str:
    """Return who shared what has these keys; empty when nobody did."""
    return next((shared[key] for key in keys if key in shared), "")


def in_words(key: str) -> str:
    """Return what a key names: `the notes`, `the namespace house`."""
    kind, _, name = key.partition(":")
    if kind == "namespace":
        return f"the namespace {name}"
    return f"the {name}" if name in PRIVATE_SOURCES else f"the feed {name}"


def _require_private(key: str) -> None:
    feeds = [key_of("source", url) for url in config.settings().private_feeds]
    allowed = [key_of("source", name) for name in PRIVATE_SOURCES] + feeds
    if key not in allowed:
        name = key.partition(":")[2]
        raise errors.BadInput(
            f"{name!r} is no private source, so there is nothing to share: what every recipient"
            " gets needs none. Private are"
            f" {', '.join(one.partition(':')[2] for one in allowed)}"
            " (a feed is by the setting private_feeds)"
        )


def _require_namespace(name: str) -> None:
    if db.fetch_one(
        "SELECT 1 FROM memory_item WHERE namespace = %s UNION ALL SELECT 1 FROM document WHERE"
        " namespace = %s LIMIT 1",
        [name, name],
    ):
        return
    known = db.fetch_all("SELECT DISTINCT namespace FROM memory_item ORDER BY namespace LIMIT 10")
    raise errors.NotFound(
        f"there is nothing in the namespace {name!r}; there is"
        f" {', '.join(row['namespace'] for row in known) or 'no namespace yet'}"
    )


def _owner_name(flow: str, namespace: str) -> str:
    owners = [row["address"] for row in recipients.list_recipients(flow, namespace) if row["owner"]]
    return owners[0] if len(owners) == 1 else run_context.user_id()
