# requirements:

"""What a digest says, whatever its form; `content_loader` reads it from the rows of a run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import TypedDict

from f.millrace.digest import site_names

SENTENCES = 4
# How core/sentences begins what an author writes; that module is slow to load.
ATTRIBUTED = re.compile(r"The authors? writes?: “")
WORDS_A_MINUTE = 230
LONGEST_SUBJECT = 110
# How it begins why a topic that was chosen is told nowhere.
UNRESEARCHED = ("could not be researched", "not researched")
# Headings of topics that no theme has.
TOP, MORE = "Top story", "More"
MONTHS = (
    "January February March April May June July August September October November December".split()
)
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


@dataclass(frozen=True)
class Reference:
    """A passage that a finding cites; `site` is what its site is called."""

    number: int
    title: str
    url: str
    host: str
    date: str
    source: str
    site: str = ""

    @property
    def where(self) -> str:
        """The site and the day."""
        return ", ".join(part for part in (self.site or self.host, self.date) if part)


@dataclass(frozen=True)
class Discussion:
    """Where an item is discussed, and how much; `title` is what it is called there, where that is
    not the topic's own title.
    """

    site: str
    url: str
    points: int
    comments: int
    title: str = ""

    @property
    def in_words(self) -> str:
        """How much it is discussed: `914 points, 528 comments on Hacker News`."""
        parts = [format_count(self.points, "point")] if self.points else []
        parts += [format_count(self.comments, "comment")] if self.comments else []
        called = f" as “{self.title}”" if self.title else ""
        return f"{', '.join(parts) or 'discussed'} on {self.site}{called}"


def _name_place(title: str, site: str, talk: Discussion | None) -> str:
    """Return the site, unless the title ends with it, as pages write theirs, or it is where the
    item is discussed.
    """
    named = site_names.SEPARATOR.split(title)[1:]
    said = bool(named) and named[-1].strip().casefold() == site.casefold()
    return "" if said or (talk and talk.site == site) else site


@dataclass(frozen=True)
class Headline:
    """A new item that no topic tells; `unread` says why its page could not be read, `own` why not
    everybody is shown it.
    """

    title: str
    url: str
    site: str
    date: str = ""
    source: str = ""
    talk: Discussion | None = None
    unread: str = ""
    own: str = ""

    @property
    def place(self) -> str:
        """Its site, unless the title or the discussion names it already."""
        return _name_place(self.title, self.site, self.talk)


@dataclass(frozen=True)
class OwnText:
    """Something that an owner wrote down: `origin` says where it is from (`From your notes`,
    `Shared by ada@home.example`).
    """

    origin: str
    title: str
    date: str
    line: str


class Side(TypedDict):
    """A side of a conflict: what it claims, the days of its sources, a link for each source (empty:
    none), and whether it is the trusted one.
    """

    claim: str
    dates: list[str]
    sources: list[str]
    links: list[str]
    trusted: bool


@dataclass
class Disagreement:
    """A conflict, with each of its sides."""

    question: str
    sides: list[Side]
    why: str


@dataclass(frozen=True)
class EarlierDigest:
    """The digest that told of a story before."""

    day: date
    number: int
    when: str


@dataclass
class Section:
    """One topic.

    Attributes:
        rank: Its place in the run, by which replies name it.
        update: Empty on a story's first day, else `Update · Day 4 · new since yesterday`.
        support: How well it is supported, in words; empty where that says nothing.
        own: Why not everybody is shown it: `Only in your digest: from your notes`, `Shared by
            ada@home.example: from the notes`; empty when it is public.
        related: What the owner wrote down about it, in the owner's edition only.
    """

    title: str
    rank: int = 0
    url: str = ""
    site: str = ""
    age: str = ""
    talk: Discussion | None = None
    theme: str = ""
    update: str = ""
    background: str = ""
    earlier: EarlierDigest | None = None
    why_it_matters: str = ""
    confidence: int = 0
    support: str = ""
    unreviewed: bool = False
    own: str = ""
    related: list[OwnText] = field(default_factory=list[OwnText])
    findings: list[tuple[str, list[int]]] = field(default_factory=list)
    conflicts: list[Disagreement] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Its site, unless the title or the discussion names it already."""
        return _name_place(self.title, self.site, self.talk)

    @property
    def publishers(self) -> int:
        """How many publishers its sources have."""
        return len({one.host or one.site for one in self.references}) if self.findings else 0

    @property
    def sources_label(self) -> str:
        """What stands above its sources; nothing where one alone needs no word."""
        return self.support or ("Sources" if len(self.cited) > 1 else "")

    @property
    def prose(self) -> list[tuple[str, list[int]]]:
        """The sentences that the mail tells, the first of the findings: of sentences in a row
        with the same sources, the last carries their numbers, and what an author writes in a row
        is one quotation.
        """
        first = self.findings[:SENTENCES]
        following = [numbers for _, numbers in first[1:]]
        told = [
            (text, [] if numbers == after else numbers)
            for (text, numbers), after in zip(first, [*following, None], strict=True)
        ]
        return _join_quotations(told)

    @property
    def cited(self) -> list[Reference]:
        """The sources that those sentences cite. The topic's own page is named by its site, for its
        headline stands above, and so is a message that has no title but its words.
        """
        used = {number for _, numbers in self.prose for number in numbers}
        return [
            replace(one, title=name, site="", host="") if (name := self._name_of(one)) else one
            for one in self.references
            if one.number in used
        ]

    def _name_of(self, one: Reference) -> str:
        """Return the site by which a page is named whose title the reader has read already; else
        empty.
        """
        own = one.url == self.url if self.url else not one.url and one.title == self.title
        if self.site and own:
            return self.site
        said = any(text.rstrip(".") in one.title for text, _ in self.prose)
        return (one.site or one.host) if said else ""


def _join_quotations(told: list[tuple[str, list[int]]]) -> list[tuple[str, list[int]]]:
    """Return the sentences, those of an author in a row as one quotation: `The author writes: “It
    is late. It rains.”`
    """
    said = list(told)
    quoting = False
    for place, ((text, numbers), (after, marks)) in enumerate(pairwise(told)):
        quoting = quoting or ATTRIBUTED.match(text) is not None
        quoting = quoting and not numbers and _is_quoted_whole(after)
        if quoting:
            said[place] = (said[place][0].removesuffix("”"), numbers)
            said[place + 1] = (after.removeprefix("“"), marks)
    return said


def _is_quoted_whole(text: str) -> bool:
    return text[:1] == "“" and text[-1:] == "”" and not set(text[1:-1]) & {"“", "”"}


@dataclass
class Reading:
    """How reading one source went."""

    name: str
    status: str
    items: int
    fresh: int
    error: str
    mine: bool = True

    @property
    def site(self) -> str:
        """What people call the source; of the owner's, what others call it."""
        if not self.mine:
            return site_names.of_others(site_names.tidy(self.name))
        return "Feeds" if self.name == "feeds" else site_names.tidy(self.name)


@dataclass
class Content:
    """Everything that one digest says.

    Attributes:
        model: Who wrote it; `offline`: sentences were picked; empty: nothing was written.
        writers: How many topics each model wrote.
        notices: What went wrong, for the head of the digest.
        shared: What is new in the namespaces that are shared with its readers.
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
    headlines: list[Headline]
    readings: list[Reading]
    notes: list[str] = field(default_factory=list)
    writers: dict[str, int] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    shared: list[OwnText] = field(default_factory=list[OwnText])

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
    def unresearched(self) -> int:
        """How many topics were chosen and not researched, for a fault or for want of money."""
        return sum(one.unread.startswith(UNRESEARCHED) for one in self.headlines)

    @property
    def long_day(self) -> str:
        """The day in words, without a locale."""
        return f"{WEEKDAYS[self.day.weekday()]}, {format_day(self.day)}"

    @property
    def themes(self) -> list[tuple[str, list[Section]]]:
        """The topics by theme, in the order of the first of each. What has none comes last, but for
        the first topic of all: that is the top story. Where none has one, there is one group.
        """
        if not any(section.theme for section in self.sections):
            return [(MORE, self.sections)] if self.sections else []
        top = [one for one in self.sections[:1] if not one.theme and not one.own]
        rest = self.sections[len(top) :]
        names = dict.fromkeys(section.theme for section in rest)
        ordered = [name for name in names if name] + [name for name in names if not name]
        grouped = [(name or MORE, [one for one in rest if one.theme == name]) for name in ordered]
        return [*([(TOP, top)] if top else []), *grouped]

    @property
    def minutes(self) -> int:
        """How long reading the topics takes."""
        told = [
            *(text for section in self.sections for text, _ in section.prose),
            *(section.title for section in self.sections),
            *(f"{section.background} {section.why_it_matters}" for section in self.sections),
            *(side["claim"] for one in self.sections for c in one.conflicts for side in c.sides),
            *(headline.title for headline in self.headlines),
            *(f"{one.title} {one.line}" for one in self.shared),
        ]
        return max(1, round(sum(len(text.split()) for text in told) / WORDS_A_MINUTE))

    @property
    def subject(self) -> str:
        """The mail's subject: what is in it, and the day."""
        edition = f", edition {self.number}" if self.number > 1 else ""
        day = f"{self.day.day} {MONTHS[self.day.month - 1][:3]}{edition}"
        return f"{'[Sample] ' if self.sample else ''}{self._said()} ({day})"

    def _said(self) -> str:
        # What is the reader's own stays off a locked screen while there is something else.
        titles = [section.title for section in sorted(self.sections, key=lambda one: bool(one.own))]
        if not titles and self.shared:
            return f"{format_count(len(self.shared), 'item')} shared with you"
        if not titles and not self.all_failed:
            return "No topic could be researched" if self.unresearched else "Nothing new"
        if not titles:
            return "No source could be read"
        said = shorten(titles[0], 80)
        if len(titles) > 1 and len(said) + len(titles[1]) < LONGEST_SUBJECT - 12:
            said = f"{said}; {titles.pop(1)}"
        more = len(titles) - 1
        return f"{said}; {more} more" if more else said


def shorten(text: str, longest: int) -> str:
    """Return the text, cut after a whole word when it is longer."""
    return (
        text if len(text) <= longest else text[: longest - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"
    )


def format_day(day: date) -> str:
    """Return the day in words, without a locale: `3 May 2026`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def format_count(number: int, noun: str) -> str:
    """Return the number with its noun: `1 point`, `1,204 points`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
