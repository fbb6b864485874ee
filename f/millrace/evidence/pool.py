# requirements:

"""What one research has gathered: pieces of evidence, each stored before anyone sees it."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from f.millrace.core import contracts, db, errors, ids, sentences
from f.millrace.evidence import claims, layout, relevance, store, timeliness
from f.millrace.memory import documents, recall
from f.millrace.telemetry import events
from f.millrace.tools import toolbox
from f.millrace.trust import note_origin, taint

if TYPE_CHECKING:
    from datetime import datetime

    from f.millrace.core import rows

    class GivenDocument(TypedDict):
        """A text to work from: what a person gave, a page, a passage or a memory."""

        url: str
        title: str
        text: str
        source: str
        published_at: NotRequired[datetime | None]
        trust: NotRequired[contracts.Trust]
        private: NotRequired[bool]

    class MemoryDocument(TypedDict):
        """A memory as a document; its url opens at the place of a passage."""

        url: str
        title: str
        text: str
        source: str
        published_at: datetime | None
        trust: contracts.Trust
        private: bool

    Document = GivenDocument | MemoryDocument

    class CollectedItem(rows.SourceItem):
        """An item of a source with the page behind it, if one was tried."""

        readable: bool | None
        page_url: str | None
        page_body: str | None
        page_published_at: datetime | None


# What a model is shown at most, the most relevant first.
MOST_EVIDENCE = 24
MEMORIES = 5
# Sources whose items are works, each of its own.
ARCHIVES = frozenset({"arxiv"})
# What research wrote down itself: an answer cites the evidence that it stands on instead.
WRITTEN = frozenset({"topic", "finding", "conflict"})


@dataclass
class EvidencePool:
    """The evidence of one topic, by id, and which addresses were read."""

    run_id: str
    topic_id: str
    question: str
    pieces: dict[str, contracts.Evidence] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    taint_context: taint.TaintContext = field(default_factory=taint.TaintContext)
    own: set[str] = field(default_factory=set)
    """The ids of the evidence that the topic's own items give."""
    story: str = ""
    """Title and text of those items: what else is taken up has to be about the same."""

    def unseen(self, hits: Sequence[toolbox.Hit]) -> list[toolbox.Hit]:
        """Return the hits that were not read, the most promising first."""
        found = [hit for hit in hits if ids.canonical_url(hit.url) not in self.seen]
        return sorted(
            found, key=lambda hit: -claims.overlap(self.question, f"{hit.title} {hit.excerpt}")
        )

    async def read(self, hit: toolbox.Hit, tools: toolbox.Toolbox, in_time: bool) -> None:
        """Read a page and store what it says; what the search showed of it serves when it cannot be
        read.
        """
        self.seen.add(ids.canonical_url(hit.url))
        kept: list[contracts.Evidence] = []
        if in_time:
            try:
                page = await tools.read(hit.url)
                kept = self.keep(
                    hit,
                    page.text,
                    title=page.title or hit.title,
                    tool=page.tool,
                    date=page.published_at,
                )
            except (errors.ToolFailed, errors.NeedsApproval):
                pass  # counted and told by the toolbox
        if not kept and len(hit.excerpt) >= sentences.SHORTEST and not self._holds(hit.url):
            kept = self.keep(hit, hit.excerpt)
        if kept:
            events.emit(
                "source",
                kept[0].title or kept[0].url,
                url=kept[0].url,
                source=kept[0].source,
                topic=self.topic_id,
            )

    def _holds(self, url: str) -> bool:
        return any(
            ids.canonical_url(piece.url) == ids.canonical_url(url) for piece in self.pieces.values()
        )

    def keep(
        self,
        hit: toolbox.Hit,
        text: str,
        *,
        title: str = "",
        tool: str = "",
        date: Any = None,
        lead: bool = False,
    ) -> list[contracts.Evidence]:
        """Store the passages of a text that have to do with the question; of news, only a text that
        is about the same story.
        """
        if self.story and not self._tells_story(hit, f"{title or hit.title}\n{text}"):
            return []
        whole = f"{title or hit.title}\n{text}"
        # A note, a document or a memory is the owner's, whoever wrote its words.
        private = hit.private or hit.own or not hit.url.startswith(("http://", "https://"))
        self.taint_context.read(
            whole, _trust_of(hit, text), private, taint.HERE if private else taint.WORLD
        )
        self.taint_context.link(hit.url, origin=taint.HERE if private else taint.WORLD)
        made = store.store(
            self.run_id,
            self.topic_id,
            self.question,
            url=hit.url,
            title=title or hit.title,
            text=text,
            source=hit.source,
            published_at=hit.published_at or date,
            tool=tool or hit.tool,
            trust="own" if hit.own else "untrusted",
            private=private,
            lead=lead,
        )
        self.pieces.update({piece.id: piece for piece in made})
        return made

    def _tells_story(self, hit: toolbox.Hit, told: str) -> bool:
        """Tell whether what was found is about the topic's story, and of its time; another paper on
        the subject of a paper is not.
        """
        own = [self.pieces[one] for one in self.own if one in self.pieces]
        if {piece.source for piece in own} == {hit.source} and hit.source in ARCHIVES:
            return False
        if timeliness.is_stale(hit.published_at, [piece.published_at for piece in own]):
            return False
        return not timeliness.is_roundup(told.partition("\n")[0]) and (
            relevance.is_about(self.story, told)
        )

    def take_items(
        self, item_ids: Sequence[str], documents: Sequence[Document]
    ) -> list[toolbox.Hit]:
        """Store the topic's own items as evidence, with the text of the pages behind them, and
        return those that can be read on.
        """
        found: list[CollectedItem] = db.fetch_all(
            "SELECT i.*, p.readable, p.url AS page_url, p.body AS page_body, p.published_at AS"
            " page_published_at FROM source_item i LEFT JOIN page p ON p.namespace = i.namespace"
            " AND p.canonical_url = coalesce(nullif(i.canonical_url, ''), i.id)"
            " WHERE i.id = ANY(%s) ORDER BY array_position(%s, i.id)",
            [list(item_ids), list(item_ids)],
        )
        for row in found:
            text = row["page_body"] or row["body"]
            self.own |= {piece.id for piece in self.keep(_hit_of_item(row), text, lead=True)}
        for document in documents:
            self.keep(_hit_of(document), document.get("text") or document.get("title") or "")
        unread = [
            *(_hit_of_item(row) for row in found if row["readable"] is None),
            *map(_hit_of, documents),
        ]
        self.seen |= {ids.canonical_url(row["url"]) for row in found if row["readable"] is not None}
        if self.own:
            self.story = "\n".join(
                [self.question, *(self.pieces[one].text for one in self.pieces if one in self.own)]
            )
        return [hit for hit in unread if hit.url.startswith(("http://", "https://"))]

    def take_memories(self) -> None:
        """Store what memory knows about the question as evidence."""
        hits = [
            hit
            for hit in recall.search(self.question, 3 * MEMORIES).results
            if hit.memory.type not in WRITTEN
        ]
        for said in map(memory_as_document, hits[:MEMORIES]):
            if any(
                piece.text in said["text"] or said["text"] in piece.text
                for piece in self.pieces.values()
            ):
                continue  # read in this run, and cited from there
            hit = toolbox.Hit(
                said["url"],
                said["title"],
                "",
                said["source"],
                "memory",
                said["published_at"],
                said["trust"] == "own",
                said["private"],
            )
            self.keep(hit, said["text"])

    def select_for_model(self, without: Collection[str] = ()) -> list[contracts.Evidence]:
        """Return the evidence that a model sees: the most relevant, every source twice before one
        has a third piece.
        """
        pieces = [piece for piece in self.pieces.values() if piece.id not in without] or list(
            self.pieces.values()
        )
        if self.own:  # a story is told from its own pages, in their order
            own = [piece for piece in pieces if piece.id in self.own]
            pieces = [piece for piece in pieces if piece.id not in self.own]
            return [*own, *self._rank(pieces)][:MOST_EVIDENCE]
        return self._rank(pieces)[:MOST_EVIDENCE]

    def _rank(self, pieces: Sequence[contracts.Evidence]) -> list[contracts.Evidence]:
        ranked = sorted(
            pieces,
            # A cell or a label says what it is about in the headings above it.
            key=lambda piece: (
                -claims.overlap(self.question, f"{piece.title}\n{piece.text}"),
                piece.id,
            ),
        )
        count: dict[str, int] = {}
        order = []
        for piece in ranked:
            count[piece.source] = count.get(piece.source, 0) + 1
            order.append((count[piece.source] > 2, piece))
        return [piece for _, piece in sorted(order, key=lambda entry: entry[0])]


def _trust_of(hit: toolbox.Hit, text: str) -> contracts.Trust:
    if hit.url.startswith("note:") and hit.own:
        return note_origin.trust_of([note_origin.origin_of(hit.url.removeprefix("note:"), text)])
    return "own" if hit.own else "untrusted"


def memory_as_document(hit: recall.Result) -> MemoryDocument:
    """Return a memory as a document."""
    memory, place = hit.memory, hit.citation
    if memory.type == documents.PASSAGE and place.get("document"):
        url = documents.citation(
            place["document"], place.get("page") or 0, place["start"], place["end"] - place["start"]
        )
        source = os.path.basename(memory.source)
    else:
        page = memory.source if memory.source.startswith(("http://", "https://")) else ""
        url = str(memory.metadata.get("url") or page or f"memory:{memory.id}")
        source = store.publisher(url) or memory.source or "memory"
    return {
        "url": url,
        "title": memory.title,
        "text": layout.as_lines(memory.text),
        "source": source,
        "published_at": memory.valid_from,
        "trust": memory.trust,
        "private": not memory.is_public,
    }


def _hit_of_item(row: CollectedItem) -> toolbox.Hit:
    return toolbox.Hit(
        row["page_url"] or row["url"],
        row["title"],
        row["body"][:500],
        row["source"],
        "collected",
        timeliness.date_of(row["published_at"], row["page_published_at"]),
        row["trust"] == "own",
        bool(row["share_keys"]),
    )


def _hit_of(document: Document) -> toolbox.Hit:
    return toolbox.Hit(
        document.get("url") or "",
        document.get("title") or "",
        (document.get("text") or "")[:500],
        document.get("source") or "",
        "collected",
        document.get("published_at"),
        document.get("trust") == "own",
        document.get("private") or False,
    )
