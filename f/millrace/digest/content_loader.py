# requirements:

"""Reads what a digest says from the rows of a run, for one window."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

from f.millrace.core import config, db, run_context
from f.millrace.digest import (
    digest_content,
    digest_reader,
    findings,
    headlines,
    run_notices,
    run_plan,
    run_summary,
    shared_items,
    site_names,
)
from f.millrace.evidence import confidence_words
from f.millrace.trust import spend

if TYPE_CHECKING:
    from f.millrace.core import rows

    class TopicItem(headlines.ListedItem):
        """An item of a topic, and when it came."""

        first_seen_at: datetime


class OwnText(NamedTuple):
    """A note, document or memory that speaks of a topic: where from (`notes`, `documents`,
    `memory`), its title, when it was written, and its sentence about it.
    """

    kind: str
    title: str
    at: datetime | None
    line: str


FROM_YOUR = {
    "notes": "From your notes",
    "documents": "From your documents",
    "memory": "From your memory",
}
LINE = 240
ISO_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")


def load(
    run_id: str,
    opened: run_plan.RunPlan,
    window: run_plan.Window,
    operator: bool = False,
    find_related: Callable[[str, str], list[OwnText]] | None = None,
) -> digest_content.Content:
    """Return what the digest of this window says; to owners and the `operator` it gives the reasons
    of faults in the words of the provider.

    `find_related` finds by title and text of a public topic what the owner wrote down about it;
    only an owner's digest shows that.
    """
    found = findings.load(run_id)
    detailed = operator or window.private
    new = _new_topics(run_id, window, opened.edition == "sample")
    # What is private is for its owner: a window of others shows of it what is shared with them.
    allowed = [topic for topic in found.topics if window.shows(topic.row["share_keys"])]
    topics = [topic for topic in allowed if topic.row["id"] in new]
    items = _items([one for topic in topics for one in topic.row["item_ids"]])
    sites = site_names.Sites(
        opened.namespace,
        [*(row["url"] for row in items.values()), *(one["url"] for one in found.evidence.values())],
    )
    failures = run_notices.failures(run_id, detailed)
    reader = digest_reader.Reader(opened, window)
    every = [_section(topic, found.evidence, items, sites, reader, failures) for topic in topics]
    if find_related is not None:
        _add_related(every, reader, find_related)
    writers = run_notices.writers(topics)
    told = [section for section, untold in every if untold is None]
    # What is private is no headline for others either.
    shown = {
        item
        for topic in found.topics
        if topic in topics or topic.row["share_keys"]
        for item in topic.row["item_ids"]
    }
    return digest_content.Content(
        edition=opened.edition,
        number=opened.number,
        day=opened.day,
        timezone=opened.timezone,
        model=", ".join(writers),
        cost_usd=spend.run_cost_usd(run_id),
        run_id=run_id,
        since=reader.stamp(window.since),
        sections=told,
        headlines=[
            *(untold for _, untold in every if untold is not None),
            *headlines.load(reader, shown),
        ],
        readings=_readings(run_id, opened, window),
        notes=run_notices.list_messages(run_id, detailed) + _advice(topics, window.private),
        writers=writers,
        notices=run_notices.notices(run_id, topics, detailed),
        shared=_shared(reader, items),
    )


def _readings(
    run_id: str, opened: run_plan.RunPlan, window: run_plan.Window
) -> list[digest_content.Reading]:
    """Return how the sources went that a reader may know of. Of private feeds only owners may: what
    is said is said of all of them at once.
    """
    found = [digest_content.Reading(**one) for one in run_summary.readings(run_id, opened.sources)]
    if window.private:
        return found
    kept = [
        one
        for one in found
        if one.name not in digest_reader.OWN
        or (one.name in digest_reader.KEYS_OF and window.shows(digest_reader.KEYS_OF[one.name]))
    ]
    return [dataclasses.replace(one, mine=one.name not in digest_reader.OWN) for one in kept]


def _add_related(
    every: list[tuple[digest_content.Section, digest_content.Headline | None]],
    reader: digest_reader.Reader,
    find_related: Callable[[str, str], list[OwnText]],
) -> None:
    """Name beside public topics what the owner wrote down about them; nobody else is shown it."""
    if not reader.window.private:
        return
    for section, untold in every:
        if untold is not None or section.own:
            continue
        text = " ".join(sentence for sentence, _ in section.findings)
        seen = _load_earlier_words(section.earlier, reader)
        section.related = [
            digest_content.OwnText(
                FROM_YOUR[found.kind],
                found.title,
                reader.date(found.at),
                found.line,
            )
            for found in find_related(section.title, f"{section.title}. {text}")
            if not found.line or " ".join(found.line.split()) not in seen
        ]


def _load_earlier_words(
    earlier: digest_content.EarlierDigest | None, reader: digest_reader.Reader
) -> str:
    """Return what the owner's digest said that told of a story last; empty for a new story."""
    if earlier is None:
        return ""
    rows = db.fetch_all(
        "SELECT plain FROM digest WHERE namespace = %s AND flow = %s AND local_day = %s AND number"
        " = %s AND private",
        [reader.opened.namespace, reader.opened.flow, earlier.day, earlier.number],
    )
    return " ".join(" ".join(row["plain"] for row in rows).split())


def _documents_read(opened: run_plan.RunPlan) -> set[str]:
    found = db.fetch_all(
        "SELECT url FROM source_item WHERE namespace = %s AND source = 'documents'",
        [opened.namespace],
    )
    return {row["url"].removeprefix("document:") for row in found}


def _shared(
    reader: digest_reader.Reader, items: dict[str, TopicItem]
) -> list[digest_content.OwnText]:
    until = reader.window.until or reader.opened.until or run_context.now()
    told = {
        row["url"].removeprefix("document:")
        for row in items.values()
        if row["url"].startswith("document:")
    }
    # As a source, documents of the main namespace are topics and lines already.
    if "documents" in reader.opened.sources:
        told |= _documents_read(reader.opened)
    return [
        digest_content.OwnText(
            f"Shared by {one.shared_by}",
            digest_content.shorten(one.title, 120),
            reader.date(one.at),
            digest_content.shorten(" ".join(one.text.split()), LINE),
        )
        for one in shared_items.load(reader.window, until, told)
    ]


def _advice(topics: list[findings.Topic], is_owner: bool) -> list[str]:
    """Return, once, what was tried for topics without sources and how to get more, which an owner
    can do.
    """
    if not is_owner:
        return []
    bare = [(row["title"], result) for row, result in topics if result and result["no_sources"]]
    if not bare:
        return []
    from f.millrace.evidence import nothing_found

    more = f" and {len(bare) - 1} more" if len(bare) > 1 else ""
    title = digest_content.shorten(bare[0][0], 80)
    said = (nothing_found.explain(result["stopped_because"]) for _, result in bare)
    return [f"Nothing was found about “{title}”{more}. {text}" for text in said if text][:1]


def _new_topics(run_id: str, window: run_plan.Window, everything: bool) -> set[str]:
    """Return the topics of which something is new in the window."""
    return {
        row["id"]
        for row in db.fetch_all(
            "SELECT t.id FROM topic t WHERE t.run_id = %s AND (%s OR EXISTS (SELECT 1 FROM"
            " source_item i WHERE i.id = ANY(t.item_ids) AND (%s::timestamptz IS NULL OR"
            " i.first_seen_at > %s)))",
            [run_id, everything, window.since, window.since],
        )
    }


def _items(ids: list[str]) -> dict[str, TopicItem]:
    found: list[TopicItem] = db.fetch_all(
        "SELECT id, title, url, source, published_at, first_seen_at, score, comments_url, extra,"
        " share_keys FROM source_item WHERE id = ANY(%s)",
        [ids],
    )
    return {row["id"]: row for row in found}


def _numbers(
    stored: list[findings.StoredFinding], evidence: dict[str, rows.Evidence]
) -> dict[str, int]:
    """Return the number of each piece of evidence cited; passages of one page share its number."""
    cited = (one for finding in stored for one in finding["citations"] if one in evidence)
    pages = {one: evidence[one]["url"] or one for one in cited}
    order = list(dict.fromkeys(pages.values()))
    return {one: order.index(page) + 1 for one, page in pages.items()}


def _sentence(finding: findings.StoredFinding) -> str:
    if not finding.get("about"):
        return finding["text"]
    # Few findings have it, and a step that has none does without pydantic.
    from f.millrace.core import contracts

    return contracts.Finding.model_validate(finding).text_with_subject


def _findings(
    stored: list[findings.StoredFinding], numbers: dict[str, int]
) -> list[tuple[str, list[int]]]:
    """Return each sentence with its numbers; one without stored evidence is not published."""
    found = []
    for finding in stored:
        cited = {numbers[one] for one in finding["citations"] if one in numbers}
        if cited:
            found.append((_sentence(finding), sorted(cited)))
    return found


# complexipy: ignore (one field of the section after the other)
def _section(
    topic: findings.Topic,
    evidence: dict[str, rows.Evidence],
    items: dict[str, TopicItem],
    sites: site_names.Sites,
    reader: digest_reader.Reader,
    failures: dict[str, str],
) -> tuple[digest_content.Section, digest_content.Headline | None]:
    """Return a topic, and the headline that stands for it when nothing was found out about it."""
    row, result = topic
    own_items = [items[one] for one in row["item_ids"] if one in items]
    section = _headed(row, own_items, sites, reader)
    if result is not None:
        _add_findings(section, result, evidence, sites, reader)
    if section.own and not reader.window.private:
        section.references = [
            dataclasses.replace(one, site=site_names.of_others(one.site))
            for one in section.references
        ]
    if section.findings:
        return section, None
    unread = sites.unreadable(section.url) if section.url else ""
    said = (
        f"could not be researched: {failures.get(row['id'], 'its step ended without a result')}"
        if result is None
        else "not researched: the budget was spent"
        if result["stopped_because"] == "budget"
        else f"could not be read: {unread}"
        if unread
        else "nothing could be established"
        if not result["no_sources"]
        else "no sources found"
    )
    day = reader.date(own_items[0]["published_at"]) if own_items else ""
    source = own_items[0]["source"] if own_items else ""
    return section, digest_content.Headline(
        section.title, section.url, section.site, day, source, section.talk, said, section.own
    )


def _headed(
    row: rows.Topic,
    items: list[TopicItem],
    sites: site_names.Sites,
    reader: digest_reader.Reader,
) -> digest_content.Section:
    """Return a topic with what stands at its head: title, page, site, age, discussion, update."""
    opened = reader.opened
    main = next((item for item in items if site_names.is_web(item["url"])), None)
    first = main or (items[0] if items else None)
    earlier = _earlier(row, opened)
    talk = headlines.find_discussion(items, main["url"] if main else "", row["title"])
    return digest_content.Section(
        # A title of a discussion is what people call it by there.
        title=row["title"] if talk or not first else sites.drop_from(row["title"], first),
        rank=row["rank"],
        url=main["url"] if main else "",
        site=reader.site(sites.name(first["url"], first["source"]), first["extra"])
        if first
        else "",
        age=reader.age(sites.date(first["url"], first["published_at"])) if first else "",
        talk=talk,
        theme=row["theme"],
        update=_update(row, earlier),
        earlier=earlier,
        own=reader.own(row["share_keys"], first["source"] if first else ""),
    )


def _add_findings(
    section: digest_content.Section,
    result: rows.ResearchResult,
    evidence: dict[str, rows.Evidence],
    sites: site_names.Sites,
    reader: digest_reader.Reader,
) -> None:
    numbers = _numbers(result["findings"], evidence)
    first = {number: one for one, number in reversed(numbers.items())}
    section.findings = _findings(result["findings"], numbers)
    section.references = [
        _reference(number, evidence[first[number]], sites, reader) for number in sorted(first)
    ]
    section.conflicts = [
        _sides(conflict, result["title"], evidence, sites, reader)
        for conflict in result["conflicts"]
    ]
    section.background = result["background"]
    section.why_it_matters = result["why_it_matters"]
    section.confidence = result["confidence"]
    sources = section.publishers
    # A warning at every topic of one source, or of several that tell parts of it, would be none.
    low = result["confidence"] < min(
        confidence_words.SUPPORTED, config.settings().confidence_review
    )
    agree = sources > 1 and int(result["parts"].get("agreeing") or 0) > 1
    section.unreviewed = low and (agree or bool(section.conflicts))
    if section.own:
        return
    section.support = confidence_words.describe_beside(
        result["confidence"],
        result["parts"],
        sources,
        bool(section.conflicts),
        len(section.cited) if sources else 0,
    )
    if section.unreviewed:
        section.support = f"Read with care. {section.support}".strip()


def _sides(
    conflict: findings.StoredConflict,
    title: str,
    evidence: dict[str, rows.Evidence],
    sites: site_names.Sites,
    reader: digest_reader.Reader,
) -> digest_content.Disagreement:
    sides: list[digest_content.Side] = []
    days = _name_days(conflict, evidence, reader)
    for number, side in enumerate(conflict["sides"]):
        pieces = [evidence[one] for one in side["evidence"] if one in evidence]
        named = {sites.name(one["url"], one["source"]): one["url"] for one in reversed(pieces)}
        given = {site_names.tidy(source): "" for source in side.get("sources") or []}
        sides.append(
            {
                "claim": side["claim"],
                "dates": [days.get(day, day) for day in side.get("dates") or []],
                "sources": list(named or given),
                "links": list((named or given).values()),
                "trusted": conflict.get("trusted") == number,
            }
        )
    sides.sort(key=lambda side: not side["trusted"])
    why = ISO_DAY.sub(lambda match: days.get(match[0], match[0]), conflict.get("why") or "")
    return digest_content.Disagreement(_ask(conflict["question"], title), sides, why)


def _name_days(
    conflict: findings.StoredConflict,
    evidence: dict[str, rows.Evidence],
    reader: digest_reader.Reader,
) -> dict[str, str]:
    """Return the days of a conflict's evidence, ISO, as the reader is told them."""
    cited = [one for side in conflict["sides"] for one in side["evidence"] if one in evidence]
    dated = [at for one in cited if (at := evidence[one]["published_at"])]
    return {at.date().isoformat(): reader.date(at) for at in sorted(dated)}


def _ask(question: str, title: str) -> str:
    """Return the question of a conflict as it is asked below its topic's title: `Title: how many
    boxes` asks `How many boxes?`.
    """
    asked = question.removeprefix(f"{title}:").strip()
    if asked == question or not asked:
        return question
    return asked[:1].upper() + asked[1:].rstrip("?") + "?"


def _reference(
    number: int, row: rows.Evidence, sites: site_names.Sites, reader: digest_reader.Reader
) -> digest_content.Reference:
    url = row["url"] if site_names.is_web(row["url"]) else ""
    host = site_names.host_of(url)
    # The sample's own server, or a local one: its address says less than the source's name.
    host = row["source"] if host in site_names.LOCAL else host
    site = sites.name(row["url"], row["source"])
    day = reader.date(row["published_at"])
    return digest_content.Reference(
        number, row["title"] or site, url, host, day, row["source"], site
    )


def _earlier(row: rows.Topic, opened: run_plan.RunPlan) -> digest_content.EarlierDigest | None:
    """Return the last digest before this day that told of the topic's story."""
    if not row["update_of"] and not row["story_id"]:
        return None
    found = db.fetch_one(
        "SELECT d.local_day, d.number FROM topic t JOIN digest d ON d.run_id = t.run_id WHERE"
        " (t.id = %s OR t.story_id = %s) AND d.namespace = %s AND d.flow = %s AND d.local_day < %s"
        " AND EXISTS (SELECT 1 FROM delivery v WHERE v.digest_id = d.id AND v.status IN ('sent',"
        " 'outbox')) ORDER BY d.local_day DESC, d.number DESC LIMIT 1",
        [row["update_of"], row["story_id"], opened.namespace, opened.flow, opened.day],
    )
    if found is None:
        return None
    return digest_content.EarlierDigest(
        found["local_day"], found["number"], _day_in_words(found["local_day"], opened.day)
    )


def _day_in_words(day: date, today: date) -> str:
    ago = (today - day).days
    if ago == 1:
        return "yesterday"
    return (
        digest_content.WEEKDAYS[day.weekday()]
        if ago < 7
        else f"{day.day} {digest_content.MONTHS[day.month - 1]}"
    )


def _update(row: rows.Topic, earlier: digest_content.EarlierDigest | None) -> str:
    seen = next(
        (
            reason.removeprefix("an update to a story you saw ").removeprefix("on ")
            for reason in row["reasons"]
            if reason.startswith("an update to a story you saw ")
        ),
        "",
    )
    if row["story_day"] < 2 and not seen and earlier is None:
        return ""
    since = earlier.when if earlier else seen
    day = [f"Day {row['story_day']}"] if row["story_day"] > 1 else []
    return " · ".join(["Update", *day, *([f"new since {since}"] if since else [])])
