# requirements:

"""Export and import: a namespace as lines of JSON, with its whole history, so that another store
answers the same.

Vectors are not in it; they are computed again by the model of the store that imports.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from f.millrace.core import db, errors, ids, run_context
from f.millrace.memory import bitemporal, near_duplicates, store

# A line of an export; what its keys are says its kind.
Record = dict[str, Any]
FORMAT, VERSION = "millrace-memory", 1
SPANS = (
    "(SELECT coalesce(jsonb_agg(jsonb_build_array(lower(s), upper(s)) ORDER BY s), '[]') FROM"
    " unnest({}) AS s) AS valid"
)

DOCUMENT = (
    "path state problem notes sha256 bytes changed_ns reader title author dated_at language unit"
    " pages headings details body trust created_at read_at withdrawn_at"
).split()

# What is exported of each kind, in an order in which it can be imported; `mine` are the ids of the
# exported items.
QUERIES = {
    "document": (
        f"SELECT d.id, {', '.join('d.' + name for name in DOCUMENT)}, d.kind AS format FROM"
        " document d WHERE d.namespace = %(namespace)s AND (NOT %(sliced)s OR EXISTS (SELECT 1"
        " FROM document_passage p JOIN mine ON mine.id = p.item_id WHERE p.document_id = d.id))"
        " ORDER BY d.path, d.id"
    ),
    "item": (
        "SELECT m.id, m.type, m.title, m.source, m.raw_text, m.metadata, m.trust, m.run_id,"
        " m.superseded_by, m.created_at, m.updated_at, m.marks <> '{}' AS near,"
        f" {SPANS.format('m.valid')} FROM memory_item m JOIN mine USING (id) ORDER BY m.created_at,"
        " m.id"
    ),
    "belief": (
        f"SELECT b.item_id, {SPANS.format('b.valid')}, b.recorded::text AS recorded, b.because,"
        " b.by_item FROM memory_belief b JOIN mine ON mine.id = b.item_id ORDER BY b.id"
    ),
    "origin": (
        "SELECT o.* FROM memory_origin o JOIN mine ON mine.id = o.item_id ORDER BY o.recorded_at,"
        " o.id"
    ),
    "passage": (
        "SELECT p.document_id, p.number, p.item_id, p.page, p.start_at, p.end_at, p.heading FROM"
        " document_passage p JOIN mine ON mine.id = p.item_id ORDER BY p.document_id, p.number"
    ),
    "link": (
        "SELECT l.from_id, l.to_id, l.relation, l.weight, l.created_at FROM memory_link l JOIN mine"
        " f ON f.id = l.from_id JOIN mine t ON t.id = l.to_id ORDER BY l.id"
    ),
    "retraction": (
        "SELECT source, because, at FROM memory_retraction WHERE namespace = %(namespace)s ORDER BY"
        " source"
    ),
    "session": (
        "SELECT id, user_id, metadata, created_at, updated_at FROM chat_session WHERE namespace ="
        " %(namespace)s ORDER BY id"
    ),
    "message": (
        "SELECT m.session_id, m.entry_id, m.parent_id, m.turn, m.role, m.content, m.metadata,"
        " m.created_at FROM chat_message m JOIN chat_session s ON s.id = m.session_id WHERE"
        " s.namespace = %(namespace)s ORDER BY m.id"
    ),
}
# At a moment: what was held then, without what was held before and after.
AT_A_MOMENT = ("document", "item", "origin", "passage", "link")


def export(
    namespace: str | None = None, as_of: bitemporal.When = None, known_at: bitemporal.When = None
) -> Iterator[Record]:
    """Yield a header and then every record of a namespace; with a time only the items that were
    held true then.
    """
    when, namespace = (
        bitemporal.time_point(as_of, known_at),
        store.resolve_namespace(namespace, known=True),
    )
    condition, values = bitemporal.valid_at_sql(when)
    sliced = when.as_of is not None
    yield {
        "kind": "header",
        "format": FORMAT,
        "version": VERSION,
        "namespace": namespace,
        "exported_at": run_context.now().isoformat(),
        "as_of": as_of and str(as_of),
        "known_at": known_at and str(known_at),
    }
    mine = (
        "WITH mine AS (SELECT m.id FROM memory_item m WHERE m.namespace = %(namespace)s AND"
        f" {condition if sliced else 'true'}) "
    )
    with db.transaction() as connection:
        # One snapshot, so that no record points at one that came later.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for kind, query in QUERIES.items():
            if sliced and kind not in AT_A_MOMENT:
                continue
            with connection.cursor(name="export_" + kind) as cursor:
                cursor.execute(mine + query, {**values, "namespace": namespace, "sliced": sliced})  # type: ignore[arg-type]
                for row in cursor:
                    yield {"kind": kind, **row}


def import_(records: Iterable[Record], namespace: str | None = None) -> dict[str, int]:
    """Store the records of an export, all or nothing, and return how many of each kind were new.

    `namespace` puts them into another one. What is there already stays as it is.
    """
    with db.transaction() as connection:
        return _Import(connection, namespace).run(records)


class _Import:
    """One import: maps the ids of the file to those of the namespace."""

    def __init__(self, connection: db.Connection, namespace: str | None) -> None:
        self.connection = connection
        self.target = store.resolve_namespace(namespace) if namespace else None
        self.moved = False
        self.ids: dict[str, str] = {}
        self.fresh: set[str] = set()
        self.sessions: dict[str, str] = {}
        self.documents: dict[str, str] = {}
        self.whole: set[str] = set()
        self.superseded: list[tuple[str, str]] = []
        self.counts: dict[str, int] = dict.fromkeys(QUERIES, 0)

    def take(self, number: int, kind: Any, record: Record) -> None:
        if kind not in QUERIES:
            raise errors.BadInput(
                f"record {number} is of the kind {kind!r}; known: {', '.join(QUERIES)}"
            )
        try:
            self.counts[kind] += getattr(self, kind)(record)
        except (KeyError, TypeError, ValueError) as error:
            raise errors.BadInput(
                f"record {number} ({kind}) is not as it was exported: {error}; nothing was imported"
            ) from error

    def run(self, records: Iterable[Record]) -> dict[str, int]:
        number = 0
        for number, record in enumerate(records, 1):
            kind = record.get("kind") if isinstance(record, dict) else None
            if number == 1:
                self.header(record if kind == "header" else {})
                continue
            self.take(number, kind, record)
        if number == 0:
            raise errors.BadInput("nothing to import: the file is empty")
        for old, new in self.superseded:
            if new in self.ids:
                self.execute(
                    "UPDATE memory_item SET superseded_by = %s WHERE id = %s", [self.ids[new], old]
                )
        # A slice has no beliefs; what is held of its items begins with when they were recorded.
        self.execute(
            "INSERT INTO memory_belief (item_id, valid, recorded, because) SELECT m.id, m.valid,"
            " tstzrange(m.created_at, NULL), 'remembered' FROM memory_item m WHERE m.id = ANY(%s)"
            " AND NOT EXISTS (SELECT 1 FROM memory_belief b WHERE b.item_id = m.id AND"
            " upper_inf(b.recorded))",
            [sorted(self.fresh)],
        )
        return self.counts

    def header(self, record: Record) -> None:
        if record.get("format") != FORMAT or record.get("version") != VERSION:
            raise errors.BadInput(
                f"the first line must be the header of an export ({FORMAT}, version {VERSION});"
                " this is another file"
            )
        there = store.resolve_namespace(str(record.get("namespace") or "main"))
        self.moved = self.target not in (None, there)
        self.target = self.target or there

    def document(self, record: Record) -> int:
        """Store a document; one that was read here from the same content takes its place, one with
        other content stands beside it.
        """
        there = self.connection.execute(
            "SELECT id, sha256 FROM document WHERE namespace = %s AND path = %s AND state <>"
            " 'withdrawn'",
            [self.target, record["path"]],
        ).fetchone()
        if there is not None and there["sha256"] == record["sha256"]:
            self.documents[record["id"]] = there["id"]
            return 0
        document_id = (
            ids.stable_id("doc", self.target, record["id"]) if self.moved else record["id"]
        )
        values = {**record, "state": "withdrawn" if there else record["state"]}
        added = self.execute(
            f"INSERT INTO document (id, namespace, kind, {', '.join(DOCUMENT)}) VALUES (%s, %s,"
            f" %s{', %s' * len(DOCUMENT)}) ON CONFLICT DO NOTHING",
            [
                document_id,
                self.target,
                record["format"],
                *(_column(name, store.clean(values[name])) for name in DOCUMENT),
            ],
        )
        self.documents[record["id"]] = document_id
        if added:
            self.whole.add(document_id)
        return added

    def passage(self, record: Record) -> int:
        document_id = self.documents[record["document_id"]]
        if document_id not in self.whole:
            return 0
        return self.execute(
            "INSERT INTO document_passage"
            " (document_id, number, item_id, page, start_at, end_at, heading) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                document_id,
                record["number"],
                self.ids[record["item_id"]],
                *(record[name] for name in ("page", "start_at", "end_at")),
                store.clean(record["heading"]),
            ],
        )

    def item(self, record: Record) -> int:
        raw, title = store.clean(record["raw_text"]), store.clean(record["title"])
        kept = [record["trust"], record["metadata"].get("document", "")]
        raw, title = store.mask_unless_own(raw, *kept), store.mask_unless_own(title, *kept)
        if not str(raw.get("text", "")).strip():
            raise ValueError("its text is empty")
        hashed = store.content_hash(title, raw)
        item_id = ids.stable_id("mem", self.target, record["type"], hashed)
        self.ids[record["id"]] = item_id
        metadata = store.clean(record["metadata"])
        if metadata.get("document") in self.documents:
            metadata["document"] = self.documents[metadata["document"]]
        added = self.execute(
            """INSERT INTO memory_item (id, namespace, type, title, source, raw_text, metadata,
                   trust, content_hash, run_id, valid, marks, created_at, updated_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::tstzmultirange, %s, %s, %s)
            ON CONFLICT DO NOTHING""",
            [
                item_id,
                self.target,
                record["type"],
                title,
                store.clean(record["source"]),
                db.jsonb(raw),
                db.jsonb(metadata),
                record["trust"],
                hashed,
                record["run_id"],
                _spans(record["valid"]),
                near_duplicates.minhash_bands(raw["text"]) if record["near"] else [],
                record["created_at"],
                record["updated_at"],
            ],
        )
        if added:
            self.fresh.add(item_id)
            if record["superseded_by"]:
                self.superseded.append((item_id, record["superseded_by"]))
        return added

    def belief(self, record: Record) -> int:
        item_id = self.ids[record["item_id"]]
        if item_id not in self.fresh:
            return 0
        return self.execute(
            "INSERT INTO memory_belief (item_id, valid, recorded, because, by_item) "
            "VALUES (%s, %s::tstzmultirange, %s::tstzrange, %s, %s)",
            [item_id, _spans(record["valid"]), record["recorded"], record["because"],
             self.ids.get(record["by_item"], record["by_item"])],
        )  # fmt: skip

    def origin(self, record: Record) -> int:
        item_id = self.ids[record["item_id"]]
        names = [
            "source",
            "trust",
            "run_id",
            "step",
            "document",
            "page",
            "start_offset",
            "end_offset",
            "wording",
            "similarity",
            "recorded_at",
            "seen_at",
            "withdrawn_at",
            "because",
        ]
        document = self.documents.get(record["document"], record["document"])
        origin = (
            record["id"]
            if item_id == record["item_id"]
            else ids.stable_id("origin", item_id, record["id"])
        )
        return self.execute(
            f"INSERT INTO memory_origin (id, item_id, namespace, {', '.join(names)}) VALUES (%s,"
            f" %s, %s{', %s' * len(names)}) ON CONFLICT DO NOTHING",
            [
                origin,
                item_id,
                self.target,
                *(store.clean({**record, "document": document}[name]) for name in names),
            ],
        )

    def link(self, record: Record) -> int:
        return self.execute(
            "INSERT INTO memory_link (from_id, to_id, relation, weight, created_at) VALUES (%s, %s,"
            " %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                self.ids[record["from_id"]],
                self.ids[record["to_id"]],
                record["relation"],
                record["weight"],
                record["created_at"],
            ],
        )

    def retraction(self, record: Record) -> int:
        return self.execute(
            "INSERT INTO memory_retraction (namespace, source, because, at) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [self.target, record["source"], record["because"], record["at"]],
        )

    def session(self, record: Record) -> int:
        name = record["id"].rsplit("/", 1)[-1]
        session = name if self.target == "main" else f"{self.target}/{name}"
        metadata = store.clean(record["metadata"])
        kept = metadata.get("record", {})
        kept = {**kept, **{name: self.entry(kept.get(name)) for name in ("head_id", "forked_at")},
                "branches": [self.entry(tip) for tip in kept.get("branches", [])]}  # fmt: skip
        added = self.execute(
            "INSERT INTO chat_session (id, user_id, namespace, metadata, created_at, updated_at)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                session,
                record["user_id"],
                self.target,
                db.jsonb({**metadata, "record": kept}),
                record["created_at"],
                record["updated_at"],
            ],
        )
        if added:
            self.sessions[record["id"]] = session
        return added

    def message(self, record: Record) -> int:
        session = self.sessions.get(record["session_id"])
        if session is None:
            return 0
        return self.execute(
            "INSERT INTO chat_message"
            " (session_id, entry_id, parent_id, turn, role, content, metadata, created_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                session,
                self.entry(record["entry_id"]),
                self.entry(record["parent_id"]),
                record["turn"],
                record["role"],
                store.clean(record["content"]),
                db.jsonb(record["metadata"]),
                record["created_at"],
            ],
        )

    def entry(self, entry_id: str | None) -> str | None:
        """Return an entry's id; another one in another namespace, where the first may be too."""
        return (
            ids.stable_id("entry", self.target, entry_id) if entry_id and self.moved else entry_id
        )

    def execute(self, sql: str, values: list[Any]) -> int:
        return self.connection.execute(sql, values).rowcount  # type: ignore[arg-type]


def _column(name: str, value: Any) -> Any:
    return db.jsonb(value) if name in ("headings", "details") else value


def _spans(pairs: list[list[str | None]]) -> str:
    return "{" + ",".join(f"[{low or ''},{high or ''})" for low, high in pairs) + "}"
