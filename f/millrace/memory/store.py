# requirements:

"""The store of memory: items are remembered once, with where they came from and when they were
true.

An item is its content. `valid` says when it was true as we know now, its beliefs what we held of
that before, its origins who said so. Nothing is overwritten: a change closes one belief and opens
the next.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from f.millrace.core import db, errors, ids, redaction, run_context
from f.millrace.memory import bitemporal, items, links, near_duplicates, ownership, positions
from f.millrace.telemetry import spans

if TYPE_CHECKING:
    from f.millrace.core import contracts, rows

    class StoredItem(TypedDict):
        """The columns of `memory_item` that a Memory is made of."""

        id: str
        namespace: str
        type: str
        title: str
        source: str
        raw_text: rows.Json
        metadata: dict[str, Any]
        trust: contracts.Trust
        created_at: datetime
        valid_from: datetime | None
        valid_to: datetime | None


LONGEST_TEXT = 5_000_000
NAMES = re.compile(r"[\w][\w.-]{0,79}")
# The name in the metadata that says that everybody may read an item; without it, it is the owner's.
PUBLIC = "public"
# What a pipeline makes for itself is there before its first item.
NAMESPACES = ("main", "sample")


class Origin(NamedTuple):
    """Where an item came from: who said it, and the place in a document."""

    source: str = ""
    document: str = ""
    page: int | None = None
    start: int | None = None
    end: int | None = None


NOWHERE = Origin()
NOTHING: Mapping[str, Any] = {}


class Memory(NamedTuple):
    """One remembered item."""

    id: str
    type: str
    title: str
    text: str
    source: str
    trust: contracts.Trust
    recorded_at: datetime
    valid_from: datetime | None
    valid_to: datetime | None
    metadata: dict[str, Any]
    namespace: str
    rank: float = 0

    @property
    def is_public(self) -> bool:
        """Whether it stands on public sources alone, as far as anybody said so."""
        return self.metadata.get(PUBLIC) is True


class Draft(NamedTuple):
    """What is to be remembered. `more` is what the type adds to the text, e.g. the sides of a
    conflict.

    Without `valid_from` it is true from the moment that it is recorded; what is `near` enough is
    the same item.
    """

    type: str
    text: str
    title: str = ""
    trust: contracts.Trust = "untrusted"
    origin: Origin = NOWHERE
    metadata: Mapping[str, Any] = NOTHING
    more: Mapping[str, Any] = NOTHING
    valid_from: bitemporal.When = None
    valid_to: bitemporal.When = None
    derived_from: Sequence[str] = ()
    near: bool = True


def remember(
    type: str,
    text: str,
    *,
    title: str = "",
    source: str = "",
    trust: contracts.Trust = "untrusted",
    namespace: str | None = None,
    metadata: dict[str, Any] | None = None,
    more: dict[str, Any] | None = None,
    run_id: str | None = None,
    valid_from: bitemporal.When = None,
    valid_to: bitemporal.When = None,
    derived_from: Sequence[str] = (),
) -> str:
    """Store one item and return its id; the same content again is the same item, true once more if
    it had ended.
    """
    draft = Draft(
        type,
        text,
        title,
        trust,
        Origin(source),
        metadata or {},
        more or {},
        valid_from,
        valid_to,
        derived_from,
    )
    return remember_all([draft], namespace=namespace, run_id=run_id)[0]


def remember_all(
    drafts: Sequence[Draft],
    *,
    namespace: str | None = None,
    run_id: str | None = None,
    repeat: bool = False,
    whose: str | None = None,
) -> list[str]:
    """Store items in one transaction and return their ids, in order; `repeat`: what was said before
    is said once more; `whose` they are, in place of whom the code works for.
    """
    namespace = resolve_namespace(namespace)
    whose = ownership.whose() if whose is None else whose
    given = [_given_item(draft, namespace, run_id, whose) for draft in drafts]
    told = {
        "gen_ai.operation.name": "create_memory",
        "gen_ai.memory.store.id": namespace,
        "gen_ai.memory.record.count": len(given),
    }
    with spans.span("create_memory", told, scope="millrace.memory"), db.transaction() as connection:
        _mark_retracted_bases(connection, given)
        near_duplicates.merge_into_existing(connection, namespace, given)
        positions.assign(connection, namespace, given)
        for row in given:
            row["origin"] = _origin_id(row)
        # In the order of ids, so that two writers of the same items wait for each other instead of
        # blocking both.
        ordered = sorted(given, key=_id)
        first = {row["id"]: row for row in reversed(ordered) if row["wording"] is None}
        made = items.insert(connection, sorted(first.values(), key=_id))
        again = [row for row in ordered if not (row["id"] in made and first.get(row["id"]) is row)]
        _renew(connection, again, repeat)
        if again:
            items.renew_trust(connection, [row["id"] for row in again])
        links.link_all(
            [
                links.Link(row["id"], base, "derived_from")
                for row in ordered
                for base in row["derived_from"]
            ]
        )
        near_duplicates.link_contradictions(given)
    return [row["id"] for row in given]


def get(item_id: str, as_of: bitemporal.When = None, known_at: bitemporal.When = None) -> Memory:
    """Return one item, withdrawn or not; with a time only if it was held true then. NotFound
    otherwise, and for what is somebody else's.
    """
    when = bitemporal.time_point(as_of, known_at)
    condition, values = bitemporal.valid_at_sql(when)
    if when.as_of is None:
        condition = "true"
    row: rows.MemoryItem | None = db.fetch_one(
        f"SELECT m.* FROM memory_item m WHERE m.id = %(id)s AND {condition}",
        {**values, "id": item_id},
    )
    if row is None or not ownership.may_read(row["user_id"]):
        raise errors.NotFound(
            f"no memory has the id {item_id!r}"
            + (f" at {when.as_of.isoformat()}" if when.as_of else "")
        )
    return memory_of(row)


def resolve_namespace(namespace: str | None, *, known: bool = False) -> str:
    """Return the namespace, or the run's when none is given; `known` refuses one that nothing was
    ever written to.
    """
    if namespace is None:
        return run_context.current().namespace
    if not NAMES.fullmatch(namespace):
        raise errors.BadInput(
            f"a namespace has letters, digits, '.', '_' and '-', at most 80; {namespace!r} is none"
        )
    if known and namespace not in NAMESPACES and namespace not in (there := namespaces()):
        raise errors.NotFound(f"no namespace {namespace!r}; there are {', '.join(there)}")
    return namespace


def namespaces() -> list[str]:
    """Return the namespaces that can be asked."""
    found = db.fetch_all(
        "SELECT namespace FROM memory_item UNION SELECT namespace FROM chat_session"
    )
    return sorted({row["namespace"] for row in found} | set(NAMESPACES))


def memory_of(row: StoredItem, rank: float = 0) -> Memory:
    """Return a row of `memory_item` as a Memory."""
    return Memory(
        id=row["id"],
        type=row["type"],
        title=row["title"],
        text=str(row["raw_text"].get("text", "")),
        source=row["source"],
        trust=row["trust"],
        recorded_at=row["created_at"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        rank=rank,
        metadata={
            **row["metadata"],
            **{key: value for key, value in row["raw_text"].items() if key != "text"},
        },
        namespace=row["namespace"],
    )


def clean(value: Any) -> Any:
    """Return text or JSON as Postgres can hold it: no U+0000, no halves of surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {clean(key): clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [clean(inner) for inner in value]
    return value


def content_hash(title: str, raw: dict[str, Any]) -> str:
    """Return the hash that makes two items one: of the content, whatever its white space and
    Unicode form.
    """
    return ids.digest_of(_to_json([title, raw]))


def _to_json(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(unicodedata.normalize("NFC", value).split())
    if isinstance(value, dict):
        return {key: _to_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_to_json(inner) for inner in value]
    return value


def mask_unless_own(value: Any, trust: str, document: str = "") -> Any:
    """Return what is stored of a text or its metadata: what the user wrote stays as it is, and is
    masked on its way out; of anybody else's, secrets are masked.
    """
    return value if trust == "own" or document else redaction.redact(value)


def _given_item(draft: Draft, namespace: str, run_id: str | None, whose: str) -> items.GivenItem:
    text = clean(draft.text)
    if not text.strip():
        raise errors.BadInput(
            f"nothing to remember: the text of the {draft.type} {draft.title!r} is empty"
        )
    if len(text) > LONGEST_TEXT:
        raise errors.BadInput(
            f"a text has at most {LONGEST_TEXT} characters, this {draft.type} {len(text)}; ingest"
            " it as a document"
        )
    if not draft.type.strip():
        raise errors.BadInput("an item needs a type, such as note, fact or finding")
    start, end = (
        bitemporal.parse_time(draft.valid_from, "valid_from"),
        bitemporal.parse_time(draft.valid_to, "valid_to"),
    )
    if start and end and start >= end:
        raise errors.BadInput(
            f"valid_from {start.isoformat()} must be before valid_to {end.isoformat()}"
        )
    mask = functools.partial(mask_unless_own, trust=draft.trust, document=draft.origin.document)
    raw = clean(mask({"text": text, **draft.more}))
    title = clean(mask(positions.speaker(draft.type, draft.title, text, draft.metadata)))
    hashed = ownership.hash_of(content_hash(title, raw), whose)
    return {
        "id": ids.stable_id("mem", namespace, draft.type, hashed),
        "namespace": namespace,
        "type": clean(draft.type),
        "title": title,
        "raw_text": raw,
        "metadata": clean(mask(draft.metadata)),
        "trust": draft.trust,
        "content_hash": hashed,
        "user_id": whose,
        "run_id": run_id or run_context.current().run_id or None,
        "step": run_context.current().step,
        "valid_from": start,
        "valid_to": end,
        "origin": "",
        "contradicts": [],
        "derived_from": list(draft.derived_from),
        "near": draft.near,
        "marks": near_duplicates.minhash_bands(raw["text"]) if draft.near else [],
        "wording": None,
        "similarity": 1.0,
        "fallen": False,
        "now": bitemporal.test_clock(),
        "source": clean(draft.origin.source),
        "document": clean(draft.origin.document),
        "page": draft.origin.page,
        "start": draft.origin.start,
        "end": draft.origin.end,
    }


def _origin_id(row: items.GivenItem) -> str:
    """Return the id of who says an item: what tells two sayings of one item apart."""
    return ids.stable_id(
        "origin",
        row["id"],
        row["source"],
        row["document"],
        row["page"],
        row["start"],
        row["end"],
        row["wording"],
        row["valid_from"],
        row["valid_to"],
    )


def _id(row: items.GivenItem) -> str:
    return row["id"]


def _renew(connection: db.Connection, given: list[items.GivenItem], repeat: bool) -> None:
    """Renew items that were there: their metadata and trust, one more origin, and when they are
    true.

    What says one item twice takes turns.
    """
    while given:
        turn = {row["id"]: row for row in reversed(given)}
        _renew_each_once(connection, sorted(turn.values(), key=_id), repeat)
        given = [row for row in given if turn[row["id"]] is not row]


def _renew_each_once(connection: db.Connection, given: list[items.GivenItem], repeat: bool) -> None:
    items.lock_all(connection, [row["id"] for row in given])
    before = items.origins(connection, [row["origin"] for row in given])
    standing = items.say_again(connection, given)
    items.extend(
        connection,
        [
            row
            for row in given
            if row["id"] in standing
            and not row["fallen"]
            and (repeat or not _is_repeated(row, before.get(row["origin"])))
        ],
    )


def _is_repeated(row: items.GivenItem, before: items.KnownOrigin | None) -> bool:
    """Tell whether nothing new is said: a step is repeated, or a source names the same time
    again.
    """
    if before is None or before["withdrawn_at"] is not None:
        return False
    return row["valid_from"] is not None or (
        row["run_id"] is not None and str(before["run_id"]) == row["run_id"]
    )


def _mark_retracted_bases(connection: db.Connection, given: list[items.GivenItem]) -> None:
    """Mark what is derived from an item that was withdrawn; NotFound when there is no such item."""
    bases = sorted({base for row in given for base in row["derived_from"]})
    if not bases:
        return
    found = connection.execute(
        "SELECT m.id, EXISTS (SELECT 1 FROM memory_origin o WHERE o.item_id = m.id AND"
        " o.withdrawn_at IS NULL) AS stands FROM memory_item m WHERE m.id = ANY(%s)",
        [bases],
    ).fetchall()
    stands = {row["id"]: row["stands"] for row in found}
    for row in given:
        for base in row["derived_from"]:
            if base not in stands:
                raise errors.NotFound(
                    f"no memory has the id {base!r}, from which the {row['type']} {row['title']!r}"
                    " is derived"
                )
            row["fallen"] = row["fallen"] or not stands[base]
