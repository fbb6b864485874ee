# requirements:

"""What a digest says, put together from the rows of a run for one window; how it looks is
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from f.millrace.core import config, db, redaction
from f.millrace.evidence import confidence_words, nothing_found
from f.millrace.research import findings, run_notices, run_plan
from f.millrace.trust import deobfuscation, spend

if TYPE_CHECKING:
    from f.millrace.core import rows

HEADLINES = 12
MONTHS = (
    "January February March April May June July August September October November December".split()
)
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


@dataclass(frozen=True)
class Reference:
    """A passage that a finding cites."""

    number: int
    title: str
    url: str
    host: str
    date: str
    source: str


@dataclass
class Sides:
    """A conflict: each side with its claim, dates, sources and whether it is the trusted one."""

    question: str
    sides: list[dict[str, Any]]
    why: str


@dataclass
class Section:
    """One topic."""

    title: str
    confidence: int = 0
    unreviewed: bool = False
    update: str = ""
    reasons: list[str] = field(default_factory=list)
    summary: str = ""
    findings: list[tuple[str, list[int]]] = field(default_factory=list)
    conflicts: list[Sides] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    trust: str = ""
    """How far it can be relied on, in words; empty where that means nothing."""
    missing: str = ""
    """Why there are no findings; empty when there are."""


@dataclass
class Reading:
    """How reading one source went."""

    name: str
    status: str
    items: int
    fresh: int
    error: str


@dataclass
class Content:
    """Everything that one digest says.

    Attributes:
        model: Who wrote it; `offline`: sentences were picked; empty: nothing was written.
        writers: How many topics each model wrote.
        notices: What went wrong, for the head of the digest.
    """

    edition: str
    number: int
    day: date
    timezone: str
    model: str
    cost_usd: float
    run_id: str
    since: str
    sections: list[Section]
    headlines: list[Reference]
    readings: list[Reading]
    notes: list[str] = field(default_factory=list)
    writers: dict[str, int] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    @property
    def sample(self) -> bool:
        """Whether this is the sample edition."""
        return self.edition == "sample"

    @property
    def offline(self) -> bool:
        """Whether no language model wrote it."""
        return self.model == "offline"

    @property
    def failed(self) -> list[Reading]:
        """The sources that could not be read."""
        return [reading for reading in self.readings if reading.status == "failed"]

    @property
    def all_failed(self) -> bool:
        """Whether no source could be read."""
        return bool(self.readings) and len(self.failed) == len(self.readings)

    @property
    def long_day(self) -> str:
        """The day in words, without a locale."""
        return (
            f"{WEEKDAYS[self.day.weekday()]}, {self.day.day} {MONTHS[self.day.month - 1]}"
            f" {self.day.year}"
        )

    @property
    def subject(self) -> str:
        """The mail's subject: the day and what comes first."""
        marks = "[Sample] " if self.sample else ""
        edition = f", edition {self.number}" if self.number > 1 else ""
        day = f"{self.day.day} {MONTHS[self.day.month - 1][:3]} {self.day.year}"
        first = next((section.title for section in self.sections if section.findings), "")
        said = first or ("no source could be read" if self.all_failed else "nothing new")
        return f"{marks}Millrace, {day}{edition}: {said[:90]}"


def contents(run_id: str, opened: run_plan.RunPlan, window: run_plan.Window) -> Content:
    """Return what the digest of this window says."""
    found = findings.load(run_id)
    new = _new_topics(run_id, window, opened.edition == "sample")
    topics = [
        topic
        for topic in found.told
        if topic.row["id"] in new and (window.private or not topic.row["private"])
    ]
    failures = run_notices.failures(run_id)
    sections = [_section(topic, found.evidence, opened, failures) for topic in topics]
    writers = run_notices.writers(topics)
    shown = {item for topic in topics for item in topic.row["item_ids"]}
    return Content(
        edition=opened.edition,
        number=opened.number,
        day=opened.day,
        timezone=opened.timezone,
        model=", ".join(writers),
        cost_usd=spend.run_cost_usd(run_id),
        run_id=run_id,
        since=_stamp(window.since, opened.timezone) if window.since else "",
        sections=sections,
        headlines=_headlines(opened, window, shown),
        readings=readings(run_id, opened.sources),
        notes=_notes(run_id),
        writers=writers,
        notices=run_notices.notices(run_id, topics),
    )


def readings(run_id: str, sources: list[str]) -> list[Reading]:
    """Return how each source went; one whose step died without a word counts as failed."""
    found = {
        row["source"]: row
        for row in db.fetch_all("SELECT * FROM source_reading WHERE run_id = %s", [run_id])
    }
    return [
        (
            Reading(
                name,
                found[name]["status"],
                found[name]["items"],
                found[name]["fresh"],
                found[name]["error"],
            )
            if name in found
            else Reading(name, "failed", 0, 0, "its step ended without a result")
        )
        for name in sources
    ]


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


def _numbers(findings: list[dict[str, Any]], evidence: dict[str, rows.Evidence]) -> dict[str, int]:
    """Return the number of each piece of evidence cited; passages of one page share its number."""
    cited = (one for finding in findings for one in finding["citations"] if one in evidence)
    pages = {one: evidence[one]["url"] or one for one in cited}
    order = list(dict.fromkeys(pages.values()))
    return {one: order.index(page) + 1 for one, page in pages.items()}


def _sentence(finding: dict[str, Any]) -> str:
    if not finding.get("about"):
        return finding["text"]
    # Few findings have it, and a step that has none does without pydantic.
    from f.millrace.core import contracts

    return contracts.Finding.model_validate(finding).text_with_subject


def _findings(
    findings: list[dict[str, Any]], numbers: dict[str, int]
) -> list[tuple[str, list[int]]]:
    """Return each sentence with its numbers; one without stored evidence is not published."""
    found = []
    for finding in findings:
        cited = {numbers[one] for one in finding["citations"] if one in numbers}
        if cited:
            found.append((_sentence(finding), sorted(cited)))
    return found


# complexipy: ignore (one field of the section after the other)
def _section(
    topic: findings.Topic,
    evidence: dict[str, rows.Evidence],
    opened: run_plan.RunPlan,
    failures: dict[str, str],
) -> Section:
    row, result = topic
    update = next((reason for reason in row["reasons"] if reason.startswith("an update to")), "")
    section = Section(
        title=row["title"],
        update=update,
        reasons=[reason for reason in row["reasons"] if reason != update],
    )
    if result is None:
        reason = failures.get(row["id"], "its step ended without a result")
        section.missing = f"This topic could not be researched: {reason}."
        section.references = _items_as_references(row["item_ids"], opened.timezone)
        return section
    numbers = _numbers(result["findings"], evidence)
    section.findings = _findings(result["findings"], numbers)
    first = {number: one for one, number in reversed(numbers.items())}
    section.references = [
        _reference(
            number, one["title"], one["url"], one["source"], one["published_at"], opened.timezone
        )
        for number in sorted(first)
        for one in [evidence[first[number]]]
    ]
    section.conflicts = [_sides(conflict, evidence) for conflict in result["conflicts"]]
    said = {text.strip() for text, _ in section.findings}
    section.summary = (
        result["summary"] if section.findings and result["summary"].strip() not in said else ""
    )
    section.confidence = result["confidence"]
    section.trust = confidence_words.describe(
        result["confidence"],
        result["parts"],
        len({one.host or one.source for one in section.references}) if section.findings else 0,
        bool(section.conflicts),
    )
    section.unreviewed = result["confidence"] < config.settings().confidence_review
    if not section.findings:
        section.missing = (
            f"No sources found. {nothing_found.explain(result['stopped_because'])}".strip()
            if result["no_sources"]
            else f"Nothing could be established ({result['stopped_because'] or 'no findings'})."
        )
        section.references = _items_as_references(row["item_ids"], opened.timezone)
    return section


def _sides(conflict: dict[str, Any], evidence: dict[str, rows.Evidence]) -> Sides:
    sides = [
        {
            "claim": side["claim"],
            "dates": side.get("dates") or [],
            "sources": side.get("sources") or [],
            "trusted": conflict.get("trusted") == number,
            "links": [
                evidence[one]["url"]
                for one in side["evidence"]
                if one in evidence and evidence[one]["url"]
            ],
        }
        for number, side in enumerate(conflict["sides"])
    ]
    return Sides(conflict["question"], sides, conflict.get("why") or "")


def _reference(
    number: int, title: str, url: str, source: str, published_at: datetime | None, timezone: str
) -> Reference:
    url, host = _web(url)
    # The sample's own server, or a local one: its address says less than the source's name.
    host = source if host in ("127.0.0.1", "localhost") else host
    stamp = _date(published_at, timezone)
    return Reference(number, title or host or source, url, host, stamp, source)


def _item(number: int, row: dict[str, Any], timezone: str) -> Reference:
    return _reference(
        number, row["title"], row["url"], row["source"], row["published_at"], timezone
    )


def _web(url: str) -> tuple[str, str]:
    """Return the address and its host when it is http(s), else nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return (
        (url, deobfuscation.wire_host(parts.hostname or "").removeprefix("www."))
        if parts.scheme in ("http", "https")
        else ("", "")
    )


def _items_as_references(item_ids: list[str], timezone: str) -> list[Reference]:
    found = db.fetch_all(
        "SELECT title, url, source, published_at FROM source_item WHERE id = ANY(%s) ORDER BY"
        " array_position(%s, id) LIMIT 3",
        [item_ids, item_ids],
    )
    return [_item(number, row, timezone) for number, row in enumerate(found, 1)]


def _headlines(
    opened: run_plan.RunPlan, window: run_plan.Window, shown: set[str]
) -> list[Reference]:
    """Return further new items, the best of each source first: nothing that was new goes without a
    word.
    """
    found = db.fetch_all(
        "SELECT id, title, url, source, published_at, row_number() OVER (PARTITION BY source ORDER"
        " BY score DESC, first_seen_at DESC, id) AS place FROM source_item WHERE namespace = %s AND"
        " source = ANY(%s) AND first_seen_at <= %s AND (%s::timestamptz IS NULL OR first_seen_at >"
        " %s) AND NOT id = ANY(%s) AND url <> '' AND (%s OR trust <> 'own') ORDER BY place,"
        " source, id LIMIT %s",
        [
            opened.namespace,
            opened.sources,
            opened.until,
            window.since,
            window.since,
            list(shown),
            window.private,
            HEADLINES,
        ],
    )
    return [_item(number, row, opened.timezone) for number, row in enumerate(found, 1)]


def _notes(run_id: str) -> list[str]:
    """Return what the steps want the reader to know, e.g. that web search was down."""
    found = db.fetch_all(
        "SELECT DISTINCT message FROM run_event WHERE run_id = %s AND metadata ->> 'for_digest' ="
        " 'true' ORDER BY message LIMIT 10",
        [run_id],
    )
    return [redaction.redact(row["message"]) for row in found]


def _date(moment: datetime | None, timezone: str) -> str:
    if moment is None:
        return ""
    local = moment.astimezone(ZoneInfo(timezone))
    return f"{local.day} {MONTHS[local.month - 1][:3]} {local.year}"


def _stamp(moment: datetime, timezone: str) -> str:
    local = moment.astimezone(ZoneInfo(timezone))
    return f"{_date(moment, timezone)}, {local:%H:%M}"
