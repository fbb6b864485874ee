# no_postinstall
# requirements: millrace_core

"""Remember the findings.

Topics, findings, conflicts and evidence become memories with links, so that tomorrow knows them.

scripts/millrace step research/remember run_id=RUN
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from f.millrace.core import db, ids
from f.millrace.digest import findings, run_plan
from f.millrace.memory import documents, links, store
from f.millrace.telemetry import spans

if TYPE_CHECKING:
    from f.millrace.core import contracts, rows


def main(run_id: str) -> dict:
    """Remember what was found.

    Args:
        run_id: The run whose topics were researched.
    """
    with spans.step("research.remember", run_id) as span:
        opened = run_plan.load(run_id)
        if opened.namespace.startswith("dry-"):
            return {"items": 0, "links": 0, "skipped": "a dry run leaves no memories"}
        found = findings.load(run_id)
        researched = [(one.row, one.result) for one in found.topics if one.result]
        cited = sorted({one for _, result in researched for one in findings.cited_by(result)})
        # What was read and not used is not kept in memory.
        evidence = {one: row for one in cited if (row := found.evidence.get(one)) and row["body"]}
        known, new = _remember_evidence(run_id, evidence)
        topics = [_Topic(row, result, opened, evidence) for row, result in researched]
        made = iter(_remember(run_id, [draft for topic in topics for draft in topic.drafts()]))
        linked = [link for topic in topics for link in topic.links(made, known)]
        answer = {
            "items": new + sum(len(topic.drafts()) for topic in topics),
            "links": links.link_all(linked + _links_to_earlier(topics)),
        }
        span.set(answer)
        return answer


def _remember_evidence(
    run_id: str, evidence: dict[str, rows.Evidence]
) -> tuple[dict[str, list[str]], int]:
    """Return the memories of each piece of evidence, and how many were made for it."""
    # What a document says is in memory already, as its passages.
    known = {one: _passages(row) for one, row in evidence.items()}
    new = [one for one in evidence if not known[one]]
    stored = _remember(run_id, [_evidence_draft(evidence[one]) for one in new])
    return known | {one: [item] for one, item in zip(new, stored, strict=True)}, len(new)


def _remember(run_id: str, drafts: Iterable[store.Draft]) -> list[str]:
    return store.remember_all(list(drafts), run_id=run_id)


class _Topic:
    """A topic with its findings and conflicts on the way into memory.

    A summary stands on what the evidence says, and is as little to be trusted as the least of it.
    """

    def __init__(
        self,
        row: rows.Topic,
        result: rows.ResearchResult,
        opened: run_plan.RunPlan,
        evidence: dict[str, rows.Evidence],
    ) -> None:
        self.row = row
        self.result = result
        self.item_id = ""
        self._day = opened.day.isoformat()
        self._origin = store.Origin(opened.flow)
        cited = findings.cited_by(result)
        self._trust: contracts.Trust = _least(
            {evidence[one]["trust"] for one in cited if one in evidence}
        )
        self._is_public = (
            bool(cited)
            and not row["private"]
            and all(one in evidence and not evidence[one]["private"] for one in cited)
        )

    def drafts(self) -> list[store.Draft]:
        """Return what is remembered: the topic, its findings, its conflicts."""
        known = {
            "topic_id": self.row["id"],
            "confidence": self.result["confidence"],
            "day": self._day,
        }
        title = self.row["title"]
        return [
            self._draft("topic", self.result["summary"] or title, title, known),
            *(
                self._draft("finding", finding["text"], title, known)
                for finding in self.result["findings"]
            ),
            *(self._conflict_draft(conflict) for conflict in self.result["conflicts"]),
        ]

    def links(self, made: Iterator[str], known: dict[str, list[str]]) -> list[links.Link]:
        """Return the links of the topic, given the ids of what `drafts` became, in its order, and
        of evidence.
        """
        self.item_id = next(made)
        found = []
        for finding in self.result["findings"]:
            item = next(made)
            cited = _flat(known[one] for one in finding["citations"] if one in known)
            found.append(links.Link(item, self.item_id, "about"))
            found += [links.Link(item, one, "supported_by") for one in cited]
            # The summary stands on its findings: it falls with them when a source is withdrawn.
            found.append(links.Link(self.item_id, item, "derived_from"))
        for conflict in self.result["conflicts"]:
            item = next(made)
            cited = _flat(known[one] for one in _of_sides(conflict) if one in known)
            found.append(links.Link(item, self.item_id, "about"))
            found += [links.Link(item, one, "derived_from") for one in cited]
        return found

    def _draft(
        self, kind: str, text: str, title: str, metadata: dict[str, Any], **more: Any
    ) -> store.Draft:
        told = metadata | {store.PUBLIC: self._is_public}
        return store.Draft(kind, text, title, self._trust, self._origin, told, more)

    def _conflict_draft(self, conflict: findings.StoredConflict) -> store.Draft:
        return self._draft(
            "conflict",
            conflict["question"],
            conflict["question"],
            {"key": ids.digest_of(conflict)[:16]},
            sides=conflict["sides"],
            trusted=conflict.get("trusted"),
            why=conflict.get("why", ""),
        )


def _passages(one: rows.Evidence) -> list[str]:
    """Return the memories that hold what a document's evidence says; none of other evidence."""
    kind, _, document_id = one["url"].partition(":")
    return documents.find_passages(document_id, one["body"]) if kind == "document" else []


def _flat(items: Iterable[list[str]]) -> list[str]:
    return list(dict.fromkeys(one for part in items for one in part))


def _evidence_draft(one: rows.Evidence) -> store.Draft:
    return store.Draft(
        "evidence",
        one["body"],
        one["title"],
        one["trust"],
        store.Origin(one["url"] or one["source"]),
        {
            "evidence_id": one["id"],
            "tool": one["tool"],
            "published_at": _iso(one["published_at"]),
            store.PUBLIC: not one["private"],
        },
        valid_from=one["published_at"],
    )


def _links_to_earlier(topics: list[_Topic]) -> list[links.Link]:
    """Return the links of topics that go on with one of an earlier day."""
    sought = {topic.row["update_of"] for topic in topics if topic.row["update_of"]}
    if not sought:
        return []
    found = db.fetch_all(
        "SELECT DISTINCT ON (metadata ->> 'topic_id') metadata ->> 'topic_id' AS topic_id, id"
        " FROM memory_item WHERE type = 'topic' AND metadata ->> 'topic_id' = ANY(%s)"
        " ORDER BY metadata ->> 'topic_id', created_at",
        [sorted(sought)],
    )
    first = {row["topic_id"]: row["id"] for row in found}
    return [
        links.Link(topic.item_id, first[topic.row["update_of"]], "update_of")
        for topic in topics
        if first.get(topic.row["update_of"], topic.item_id) != topic.item_id
    ]


def _of_sides(conflict: findings.StoredConflict) -> list[str]:
    return list(dict.fromkeys(one for side in conflict["sides"] for one in side["evidence"]))


def _least(held: set[contracts.Trust]) -> contracts.Trust:
    if "untrusted" in held or not held:
        return "untrusted"
    return "trusted" if "trusted" in held else "own"


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
