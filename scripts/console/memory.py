"""The page Memory: asked as `memory search --explain` asks, items with their history, documents,
and what changes them: correct and forget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from f.millrace.core import db, errors
from f.millrace.memory import (
    bitemporal,
    documents,
    forget,
    ownership,
    recall,
    stats,
    store,
    supersede,
    timeline,
)
from f.millrace.trust import audit

if TYPE_CHECKING:
    from scripts.console.routes import PageRequest

A_PAGE = 50
RESULTS = 20
LONGEST_QUERY = 500
LONGEST_TEXT = 20_000
NEWEST = """
SELECT id, type, title, raw_text ->> 'text' AS text, source, trust, created_at, superseded_by,
    isempty(valid) AS withdrawn
FROM memory_item WHERE namespace = %(namespace)s AND (%(type)s = '' OR type = %(type)s)
    AND (%(readers)s::text[] IS NULL OR user_id = ANY(%(readers)s))
ORDER BY created_at DESC, no DESC LIMIT %(limit)s OFFSET %(offset)s
"""
GROWTH = """
SELECT day, count(m.no) AS n
FROM generate_series(date_trunc('day', now()) - interval '13 days', now(), '1 day') AS day
LEFT JOIN memory_item m ON m.namespace = %(namespace)s AND m.created_at >= day
    AND m.created_at < day + interval '1 day'
    AND (%(readers)s::text[] IS NULL OR m.user_id = ANY(%(readers)s))
GROUP BY 1 ORDER BY 1
"""
USED_BY = """
SELECT DISTINCT r.id, r.flow, r.started_at FROM evidence e JOIN run r ON r.id = e.run_id
WHERE e.namespace = %(namespace)s AND r.user_id = %(user)s
  AND (e.url = %(address)s OR e.url LIKE %(passage)s)
ORDER BY r.started_at DESC LIMIT 10
"""


def show(asked: PageRequest) -> Response:
    """Show what answers a question, with the reasons; without one, what was remembered last."""
    query, kind = asked.given("q").strip()[:LONGEST_QUERY], asked.given("type")[:100]
    page, namespace = asked.page(), asked.console.namespace
    answer = (
        recall.search(
            query, RESULTS, namespace=namespace, known=True, types=[kind] if kind else None
        )
        if query
        else None
    )
    values = {
        "namespace": namespace,
        "type": kind,
        "limit": A_PAGE + 1,
        "offset": (page - 1) * A_PAGE,
        "readers": ownership.readers(),
    }
    newest = [] if answer else db.fetch_all(NEWEST, values)
    types = stats.count_types(namespace, bitemporal.time_point(), values["readers"])
    growth = db.fetch_all(GROWTH, values)
    most = max(row["n"] for row in growth) or 1
    return asked.show(
        "memory.html",
        q=query,
        answer=answer,
        type=kind,
        newest=newest[:A_PAGE],
        page=page,
        has_more=len(newest) > A_PAGE,
        types=types,
        total=sum(row["items"] for row in types),
        growth=[(row["day"], row["n"], round(100 * row["n"] / most)) for row in growth],
    )


def show_item(asked: PageRequest) -> Response:
    """Show one item: all that was ever held of it, who said it, what it took the place of."""
    item = _find(asked)
    return asked.show("item.html", item=item, history=timeline.history(item.id))


def _find(asked: PageRequest) -> store.Memory:
    item = store.get(asked.path("item"))
    if item.namespace != asked.console.namespace:
        raise errors.NotFound("memory has no such item here")
    return item


def _find_changeable(asked: PageRequest) -> store.Memory:
    """Return an item that the person may change: their own, or an owner any."""
    item = _find(asked)
    row = db.fetch_one("SELECT user_id FROM memory_item WHERE id = %s", [item.id])
    is_own = row is not None and row["user_id"] == asked.person.id
    if not (asked.person.has_role("owner") or (is_own and asked.person.has_role("member"))):
        raise errors.NotAllowed(
            "this is everybody's memory, which an owner changes; you may change what your own"
            " conversations and files brought"
        )
    return item


def correct(asked: PageRequest) -> Response:
    """Put what is right in the place of an item, which stays to be seen in its history."""
    item, text = _find_changeable(asked), asked.form.get("text", "").strip()
    if not text or len(text) > LONGEST_TEXT:
        raise errors.BadInput(f"a correction has 1 to {LONGEST_TEXT} characters, this {len(text)}")
    trust = "own" if asked.person.has_role("owner") else "untrusted"
    new = supersede.supersede(item.id, text, source=asked.person.id, trust=trust)
    audit.append(asked.person.id, "memory.corrected", item.id, by_item=new)
    return RedirectResponse(f"/memory/items/{new}", 303)


def forget_item(asked: PageRequest) -> Response:
    """Really delete an item, everywhere; the form has to say so."""
    item = _find_changeable(asked)
    if asked.form.get("sure") != "yes":
        raise errors.BadInput("nothing was deleted: tick that it cannot be taken back")
    done = forget.forget(item.id)
    audit.append(asked.person.id, "memory.forgotten", done.subject_hash, proved=done.proved)
    return RedirectResponse("/memory", 303)


def show_documents(asked: PageRequest) -> Response:
    """List the documents that were read."""
    page, readers = asked.page(), ownership.readers()
    found = db.fetch_all(
        "SELECT d.id, d.path, d.state, d.problem, d.kind, d.title, d.pages, d.unit, d.read_at,"
        " (SELECT count(*) FROM document_passage p WHERE p.document_id = d.id) AS passages FROM"
        " document d WHERE d.namespace = %s AND d.state <> 'withdrawn' AND (%s::text[] IS NULL OR"
        " d.user_id = ANY(%s)) ORDER BY d.read_at DESC NULLS FIRST, d.path LIMIT %s OFFSET %s",
        [asked.console.namespace, readers, readers, A_PAGE + 1, (page - 1) * A_PAGE],
    )
    for row in found:
        row["path"] = documents.shown_path(row["path"])
    return asked.show(
        "documents.html", documents=found[:A_PAGE], page=page, has_more=len(found) > A_PAGE
    )


def show_document(asked: PageRequest) -> Response:
    """Show one document with its passages."""
    row = documents.get(asked.path("document"))
    if row["namespace"] != asked.console.namespace:
        raise errors.NotFound("memory has no such document here")
    row["path"] = documents.shown_path(row["path"])
    page = asked.page()
    passages = db.fetch_all(
        "SELECT p.number, p.page, p.heading, p.item_id, m.raw_text ->> 'text' AS text FROM"
        " document_passage p JOIN memory_item m ON m.id = p.item_id WHERE p.document_id = %s ORDER"
        " BY p.number LIMIT %s OFFSET %s",
        [row["id"], A_PAGE + 1, (page - 1) * A_PAGE],
    )
    used = db.fetch_all(
        USED_BY,
        {
            "namespace": asked.console.namespace,
            "user": asked.person.id,
            "address": f"document:{row['id']}",
            "passage": f"document:{row['id']}#%",
        },
    )
    return asked.show(
        "document.html",
        document=row,
        passages=passages[:A_PAGE],
        page=page,
        has_more=len(passages) > A_PAGE,
        used=used,
    )
