# requirements:

"""Documents: what was read from files, and their passages as memories of the type `passage`.

A document keeps its id when its file moves. A passage is one memory however often it is read, so
that of a changed document only what is new is embedded; what no document holds any more is
retracted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict
from uuid import uuid4

from f.millrace.core import config, db, errors, run_context
from f.millrace.memory import items, ownership, retract, store

if TYPE_CHECKING:
    from f.millrace.core import contracts, rows

    class ListedDocument(TypedDict):
        """A document as it is compared with its file."""

        id: str
        path: str
        state: str
        problem: str
        sha256: str
        bytes: int
        changed_ns: int
        reader: str
        user_id: str

    class NewDocument(TypedDict):
        """A document that was read, with its text."""

        id: str
        path: str
        title: str
        author: str
        kind: str
        dated_at: datetime | None
        changed_ns: int
        sha256: str
        trust: contracts.Trust
        body: str
        read_at: datetime

    class WaitingDocument(TypedDict):
        """A document that waits to be read."""

        id: str
        path: str

    class ShownDocument(TypedDict):
        """A document as a person wants to see it."""

        id: str
        path: str
        state: str
        problem: str
        notes: list[str]
        kind: str
        title: str
        author: str
        dated_at: datetime | None
        language: str
        pages: int
        unit: str
        bytes: int
        read_at: datetime | None
        passages: int

    class OpenedCitation(TypedDict):
        """What stands behind a citation."""

        id: str
        path: str
        title: str
        author: str
        dated_at: datetime | None
        language: str
        kind: str
        page: int
        place: str
        offset: int
        length: int
        text: str

    class DocumentPlace(TypedDict):
        """Where a document is."""

        namespace: str
        path: str
        user_id: str


PASSAGE = "passage"
# Any fixed number will do: who compares files with rows takes this lock and the namespace's hash.
COMPARE_LOCK = 72_411
CITATION = re.compile(r"(?:document:)?(doc_[0-9a-f]+)(?:#(.*))?")


class Passage(NamedTuple):
    """A piece of a document: `body[start:end]`."""

    start: int
    end: int
    page: int
    heading: str


class Particulars(NamedTuple):
    """What is kept of a document beside its text."""

    kind: str
    title: str
    author: str = ""
    dated_at: datetime | None = None
    language: str = ""
    unit: str = ""
    pages: int = 0
    headings: Sequence[dict[str, Any]] = ()
    notes: Sequence[str] = ()
    details: dict[str, Any] | None = None


def find_passages(document_id: str, text: str) -> list[str]:
    """Return the memories of a document's passages that hold a text, or of which it holds one; all
    of them when none does.
    """
    rows = db.fetch_all(
        "SELECT p.item_id, m.raw_text ->> 'text' AS text FROM document_passage p JOIN memory_item m"
        " ON m.id = p.item_id WHERE p.document_id = %s ORDER BY p.number",
        [document_id],
    )
    wanted = " ".join(text.split())
    said = {row["item_id"]: " ".join(row["text"].split()) for row in rows}
    return [one for one, words in said.items() if words in wanted or wanted in words] or list(said)


class Title(NamedTuple):
    """What a document is called, and its date: its own, or else that of its file."""

    title: str
    at: datetime


def titles_of(document_ids: Sequence[str]) -> dict[str, Title]:
    """Return the titles of some documents by their ids."""
    rows = db.fetch_all(
        "SELECT id, title, coalesce(dated_at, to_timestamp(changed_ns / 1e9)) AS at FROM document"
        " WHERE id = ANY(%s)",
        [list(document_ids)],
    )
    return {row["id"]: Title(row["title"], row["at"]) for row in rows}


def lock(namespace: str) -> None:
    """Keep others from comparing the same namespace with its files until the transaction ends."""
    db.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [COMPARE_LOCK, namespace])


def list_all(namespace: str) -> list[ListedDocument]:
    """Return every document of a namespace without its text, the last withdrawn ones last."""
    return db.fetch_all(
        "SELECT id, path, state, problem, sha256, bytes, changed_ns, reader, user_id FROM document"
        " WHERE namespace = %s ORDER BY (state = 'withdrawn'), withdrawn_at DESC, id",
        [namespace],
    )


def list_newest(
    namespace: str, limit: int, since: datetime | None = None, until: datetime | None = None
) -> list[NewDocument]:
    """Return documents that are everybody's and were read, with their text, the last read first;
    only those read after `since` and not after `until`, where given.
    """
    return db.fetch_all(
        "SELECT id, path, title, author, kind, dated_at, changed_ns, sha256, trust, body, read_at"
        " FROM document WHERE namespace = %s AND user_id = '' AND state = 'read' AND"
        " (%s::timestamptz IS NULL OR"
        " read_at > %s) AND (%s::timestamptz IS NULL OR read_at <= %s) ORDER BY read_at DESC, id"
        " LIMIT %s",
        [namespace, since, since, until, until, limit],
    )


def expect(namespace: str, path: str, document_id: str | None = None) -> str:
    """Note that a file waits to be read and return its document's id; `document_id` is the one that
    it had before. A new one is of whom the code works for.
    """
    if document_id is not None:
        db.execute(
            "UPDATE document SET state = 'waiting', path = %s WHERE id = %s", [path, document_id]
        )
        return document_id
    row = db.fetch_one(
        "INSERT INTO document (id, namespace, path, run_id, user_id) VALUES (%s, %s, %s, %s, %s) ON"
        " CONFLICT (namespace, path) WHERE state <> 'withdrawn' DO UPDATE SET state = 'waiting'"
        " RETURNING id",
        [
            f"doc_{uuid4().hex[:16]}",
            namespace,
            path,
            run_context.current().run_id or None,
            ownership.whose(),
        ],
    )
    assert row is not None
    return row["id"]


def touch(document_id: str, changed_ns: int) -> None:
    """Note that the file's time changed and its content did not."""
    db.execute("UPDATE document SET changed_ns = %s WHERE id = %s", [changed_ns, document_id])


def move(document_id: str, path: str, changed_ns: int) -> None:
    """Note that the file is at another place; its passages stay as they are."""
    db.execute(
        "UPDATE document SET path = %s, changed_ns = %s WHERE id = %s",
        [path, changed_ns, document_id],
    )
    items.move_document(document_id, path)


def list_waiting(namespace: str) -> list[WaitingDocument]:
    """Return the documents that wait to be read, in the order of their paths: all, or in a run of a
    person their own.
    """
    own = ownership.whose()
    return db.fetch_all(
        "SELECT id, path FROM document WHERE namespace = %s AND state = 'waiting' AND (%s = '' OR"
        " user_id = %s) ORDER BY path",
        [namespace, own, own],
    )


READ = """
UPDATE document SET
    state = 'read', problem = '', notes = %(notes)s, sha256 = %(sha256)s, bytes = %(bytes)s,
    changed_ns = %(changed_ns)s, reader = %(reader)s, kind = %(kind)s, title = %(title)s,
    author = %(author)s, dated_at = %(dated_at)s, language = %(language)s, unit = %(unit)s,
    pages = %(pages)s, headings = %(headings)s, details = %(details)s, body = %(body)s,
    trust = %(trust)s, run_id = %(run_id)s, read_at = clock_timestamp(), withdrawn_at = NULL
WHERE id = %(id)s
"""


def keep(
    document_id: str,
    body: str,
    passages: Sequence[Passage],
    about: Particulars,
    *,
    sha256: str,
    size: int,
    changed_ns: int,
    reader: str,
    trust: contracts.Trust,
) -> int | None:
    """Store what was read in one go and return how many passages are new;
    None when another run was faster. What another person than an owner gave is never trusted.
    """
    with db.transaction():
        row: DocumentPlace | None = db.fetch_one(
            "SELECT namespace, path, user_id FROM document WHERE id = %s AND state = 'waiting' FOR"
            " UPDATE",
            [document_id],
        )
        if row is None:
            return None
        trust = "untrusted" if row["user_id"] else trust
        before = _items_of(document_id)
        drafts = [
            _draft(row, document_id, number, body, passage, about, trust)
            for number, passage in enumerate(passages, 1)
        ]
        kept = store.remember_all(drafts, namespace=row["namespace"], whose=row["user_id"])
        db.execute("DELETE FROM document_passage WHERE document_id = %s", [document_id])
        _insert_passages(document_id, kept, passages)
        _update(
            about,
            id=document_id,
            body=body,
            sha256=sha256,
            bytes=size,
            changed_ns=changed_ns,
            reader=reader,
            trust=trust,
        )
        _forsake(
            document_id,
            [item for item in before if item not in kept],
            kept,
            [passage.start for passage in passages],
        )
    return len(set(kept) - before)


def _update(about: Particulars, **values: Any) -> None:
    """Note on a document's row that it was read, and what is known of it now."""
    db.execute(
        READ,
        {
            **values,
            "kind": about.kind,
            "title": about.title,
            "author": about.author,
            "dated_at": about.dated_at,
            "language": about.language,
            "unit": about.unit,
            "pages": about.pages,
            "notes": list(about.notes),
            "headings": db.jsonb(list(about.headings)),
            "details": db.jsonb(about.details or {}),
            "run_id": run_context.current().run_id or None,
        },
    )


def _draft(
    row: DocumentPlace,
    document_id: str,
    number: int,
    body: str,
    passage: Passage,
    about: Particulars,
    trust: contracts.Trust,
) -> store.Draft:
    return store.Draft(
        PASSAGE,
        body[passage.start : passage.end],
        title=_heading_trail(about.title, passage.heading),
        trust=trust,
        origin=store.Origin(
            row["path"], document_id, passage.page or None, passage.start, passage.end
        ),
        metadata={
            "document": document_id,
            "ordinal": number,
            "page": passage.page,
            "offset": passage.start,
            "length": passage.end - passage.start,
        },
        # A date in the future is a mistake of the file; held true from then on, it would not be
        # found now.
        valid_from=(
            about.dated_at if about.dated_at and about.dated_at <= run_context.now() else None
        ),
        # Another document's nearly equal passage is not this one: a citation has to open at its own
        # words.
        near=False,
    )


def _heading_trail(title: str, heading: str) -> str:
    """Return the document's title and the headings above a passage;
    one that is the title is not said twice.
    """
    names = [title, *(name for name in heading.split(" › ") if name)]
    return " › ".join(names[1:] if names[1:2] == [title[:80]] else names)


def _insert_passages(
    document_id: str, item_ids: Sequence[str], passages: Sequence[Passage]
) -> None:
    db.execute(
        "INSERT INTO document_passage (document_id, number, item_id, page, start_at, end_at,"
        " heading) SELECT %s, * FROM unnest(%s::int[], %s::text[], %s::int[], %s::int[], %s::int[],"
        " %s::text[])",
        [
            document_id,
            list(range(1, len(item_ids) + 1)),
            list(item_ids),
            [passage.page for passage in passages],
            [passage.start for passage in passages],
            [passage.end for passage in passages],
            [passage.heading for passage in passages],
        ],
    )


def fail(
    document_id: str, problem: str, *, size: int, changed_ns: int, reader: str, sha256: str = ""
) -> None:
    """Note why a file cannot be read; what was known of an earlier content is withdrawn."""
    with db.transaction():
        db.execute(
            "UPDATE document SET state = 'failed', problem = %s, bytes = %s, changed_ns = %s,"
            " reader = %s, sha256 = %s, run_id = %s WHERE id = %s",
            [
                problem,
                size,
                changed_ns,
                reader,
                sha256,
                run_context.current().run_id or None,
                document_id,
            ],
        )
        db.execute("DELETE FROM document_passage WHERE document_id = %s", [document_id])
        _take_back(document_id, "the document can no longer be read")


def withdraw(document_id: str) -> None:
    """Take a document back whose file was deleted: its passages are no longer recalled."""
    with db.transaction():
        db.execute(
            "UPDATE document SET state = 'withdrawn', withdrawn_at = clock_timestamp() WHERE id ="
            " %s AND state <> 'withdrawn'",
            [document_id],
        )
        _take_back(document_id, "its document was deleted")


def _items_of(document_id: str) -> set[str]:
    rows = db.fetch_all(
        "SELECT item_id FROM document_passage WHERE document_id = %s", [document_id]
    )
    return {row["item_id"] for row in rows}


def _take_back(document_id: str, reason: str) -> None:
    row = db.fetch_one("SELECT namespace FROM document WHERE id = %s", [document_id])
    assert row is not None
    if db.fetch_one(
        "SELECT 1 FROM memory_origin WHERE document = %s AND withdrawn_at IS NULL LIMIT 1",
        [document_id],
    ):
        retract.retract(document_id, reason, namespace=row["namespace"], bar=False)


def _forsake(
    document_id: str, gone: Sequence[str], kept: Sequence[str], starts: Sequence[int]
) -> None:
    """Withdraw what a changed document said before and does not say any more;
    what another one says too stays.
    """
    because = "the document no longer holds it"
    items.withdraw_passages(document_id, kept, starts, because)
    held = db.fetch_all(
        "SELECT DISTINCT item_id FROM memory_origin WHERE item_id = ANY(%s) AND withdrawn_at IS"
        " NULL",
        [list(gone)],
    )
    retract.withdraw(sorted(set(gone) - {row["item_id"] for row in held}), because)


def get(document_id: str) -> rows.Document:
    """Return a document with its text; NotFound when there is none, or it is somebody else's."""
    row: rows.Document | None = db.fetch_one("SELECT * FROM document WHERE id = %s", [document_id])
    if row is None or not ownership.may_read(row["user_id"]):
        raise errors.NotFound(
            f"no document has the id {document_id!r}; scripts/millrace documents lists them"
        )
    return row


def list_shown(namespace: str, limit: int = 1000) -> list[ShownDocument]:
    """Return the documents of a namespace that are not withdrawn, as a person wants to see them."""
    return db.fetch_all(
        "SELECT d.id, d.path, d.state, d.problem, d.notes, d.kind, d.title, d.author, d.dated_at,"
        " d.language, d.pages, d.unit, d.bytes, d.read_at, (SELECT count(*) FROM document_passage p"
        " WHERE p.document_id = d.id) AS passages FROM document d WHERE d.namespace = %s AND"
        " d.state <> 'withdrawn' ORDER BY d.path LIMIT %s",
        [namespace, limit],
    )


def find(name: str, namespace: str) -> list[rows.Document]:
    """Return the documents that a person means, with their texts: by id, path, the end of a path,
    title, or a folder's name.

    NotFound when there is none that was read.
    """
    wanted = {
        "name": name.strip(),
        "end": "%/" + escape_like(name),
        "folder": escape_like(name) + "/%",
        "within": "%/" + escape_like(name) + "/%",
    }
    found: list[rows.Document] = db.fetch_all(
        "SELECT * FROM document WHERE namespace = %(namespace)s AND state = 'read' AND"
        " (%(readers)s::text[] IS NULL OR user_id = ANY(%(readers)s)) AND (id ="
        " %(name)s OR path = %(name)s OR path LIKE %(end)s OR lower(title) = lower(%(name)s) OR"
        " path LIKE %(folder)s OR path LIKE %(within)s) ORDER BY path",
        {**wanted, "namespace": namespace, "readers": ownership.readers()},
    )
    if not found:
        raise errors.NotFound(
            f"memory has no document {name!r}; scripts/millrace documents list shows them"
        )
    return found


def shown_path(path: str) -> str:
    """Return how people know a file: by its path, or the name of one that they dropped."""
    return Path(path).name if is_dropped(path) else path


def is_dropped(path: str) -> bool:
    """Tell whether a file was dropped in the console and is kept by us."""
    return Path(path).is_relative_to(Path(config.settings().dropped_dir).absolute())


def escape_like(text: str) -> str:
    """Return text such that LIKE takes each character for itself."""
    return re.sub(r"([\\%_])", r"\\\1", text.strip().strip("/"))


def citation(document_id: str, page: int, start: int, length: int) -> str:
    """Return the address of a passage: what an answer cites, and what opens it again."""
    return f"document:{document_id}#page={page}&offset={start}&length={length}"


def parse_citation(address: str) -> tuple[str, int, int, int]:
    """Return id, page, offset and length of a citation,
    or of an id alone; BadInput when it is neither.
    """
    found = CITATION.fullmatch(address.strip())
    if found is None:
        raise errors.BadInput(
            f"{address[:200]!r} names no document; scripts/millrace documents list shows their ids"
        )
    numbers = {
        name: int(value)
        for name, value in re.findall(r"\b(page|offset|length)=(\d{1,9})", found[2] or "")
    }
    return found[1], numbers.get("page", 0), numbers.get("offset", 0), numbers.get("length", 0)


def open_citation(address: str) -> OpenedCitation:
    """Return what stands behind a citation: the document's path and title, the place in words,
    page, offset and text.
    """
    identity, page, start, length = parse_citation(address)
    row = get(identity)
    page = page or page_at(identity, start)
    text = row["body"][start : start + length] if length else row["body"][start:]
    return {
        "id": row["id"],
        "path": row["path"],
        "title": row["title"],
        "author": row["author"],
        "dated_at": row["dated_at"],
        "language": row["language"],
        "kind": row["kind"],
        "page": page,
        "place": place(row, page, start),
        "offset": start,
        "length": len(text),
        "text": text,
    }


def place(row: rows.Document, page: int, offset: int) -> str:
    """Return where in a document something stands, in words: `page 3`, `slide 2`, `line 14`."""
    if row["unit"] and page:
        return f"{row['unit']} {page}"
    lines = str(row["body"]).count("\n", 0, offset) + 1
    return f"line {lines}"


def page_at(document_id: str, offset: int) -> int:
    """Return the page of the passage that holds the offset; 0 when the document has no pages."""
    row = db.fetch_one(
        "SELECT page FROM document_passage WHERE document_id = %s AND start_at <= %s ORDER BY"
        " start_at DESC LIMIT 1",
        [document_id, offset],
    )
    return row["page"] if row else 0
