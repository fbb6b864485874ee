# requirements:

"""The digest as text and as HTML, at most 80 KB each: what is left out to fit is said."""

import re
import textwrap
from copy import deepcopy
from dataclasses import dataclass

from f.millrace.core import redaction
from f.millrace.research import contents, digest_html

MAX_BYTES = 80_000
WIDTH = 76
LONGEST_TEXT = 1200
# What a mail reader cannot show or what would hide words: control marks, direction marks, invisible
# characters.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


@dataclass(frozen=True)
class Digest:
    """A finished mail."""

    subject: str
    html: str
    plain: str


def render(content: contents.Content) -> Digest:
    """Return the mail; parts are left out, least important first, until both forms fit."""
    shown = sanitise_content(content)
    html, plain = digest_html.page(shown), _format_plain(shown)
    for shorten in SHORTER:
        if len(html.encode()) <= MAX_BYTES and len(plain.encode()) <= MAX_BYTES:
            break
        shorten(shown)
        html, plain = digest_html.page(shown), _format_plain(shown)
    # Once more over the whole: a mark in a source's name or date turns the text around it as well.
    return Digest(_one_line(shown.subject), INVISIBLE.sub("", html), INVISIBLE.sub("", plain))


# complexipy: ignore (each field that a reader sees is cleaned, one after the other)
def sanitise_content(content: contents.Content) -> contents.Content:
    """Return a copy without secrets, invisible characters and endless texts."""
    copy = deepcopy(content)
    copy.notes = [_text(note) for note in copy.notes]
    copy.notices = [_text(notice) for notice in copy.notices]
    copy.headlines = [_clean_reference(reference) for reference in copy.headlines]
    for reading in copy.readings:
        reading.error = _text(reading.error)[:300]
    for section in copy.sections:
        section.title = _one_line(section.title)[:200]
        section.summary = _text(section.summary)
        section.reasons = [_text(reason) for reason in section.reasons]
        section.findings = [(_text(text), numbers) for text, numbers in section.findings]
        section.references = [_clean_reference(reference) for reference in section.references]
        section.missing = _text(section.missing)
        for conflict in section.conflicts:
            conflict.question, conflict.why = _text(conflict.question), _text(conflict.why)
            for side in conflict.sides:
                side["claim"] = _text(side["claim"])
    return copy


def _clean_reference(reference: contents.Reference) -> contents.Reference:
    url = (
        ""
        if re.search(r"[\s<>\"\x00-\x1f]", reference.url) or len(reference.url) > 1500
        else reference.url
    )
    return contents.Reference(
        reference.number,
        _one_line(reference.title)[:200],
        url,
        _one_line(reference.host)[:100],
        reference.date,
        reference.source,
    )


def _text(text: str) -> str:
    clean = INVISIBLE.sub("", redaction.redact(text)).strip()
    return (
        clean if len(clean) <= LONGEST_TEXT else clean[: LONGEST_TEXT - 1].rsplit(" ", 1)[0] + "…"
    )


def _one_line(text: str) -> str:
    return " ".join(_text(text).split())


def _drop_headlines(content: contents.Content) -> None:
    content.headlines = []
    content.notes.append("Shortened to fit a mail; scripts/millrace show has all of it.")


def _fewer_references(content: contents.Content) -> None:
    for section in content.sections:
        section.reasons = []
        section.findings = section.findings[:8]
        used = {number for _, numbers in section.findings for number in numbers}
        section.references = [
            reference for reference in section.references if reference.number in used
        ][:10]


def _fewer_findings(content: contents.Content) -> None:
    for section in content.sections:
        section.findings = section.findings[:3]
        section.conflicts = section.conflicts[:2]
        section.summary = section.summary[:400]
        used = {number for _, numbers in section.findings for number in numbers}
        section.references = [
            reference for reference in section.references if reference.number in used
        ][:5]


def _fewer_topics(content: contents.Content) -> None:
    left_out = content.sections[8:]
    content.sections = content.sections[:8]
    if left_out:
        content.notes.append(f"Left out to fit a mail: {len(left_out)} more topics.")


def _titles_only(content: contents.Content) -> None:
    for section in content.sections:
        section.findings = [(text[:300], numbers) for text, numbers in section.findings[:1]]
        section.conflicts, section.summary = [], ""
        section.references = section.references[:1]
    content.notes = content.notes[-5:]


SHORTER = (_drop_headlines, _fewer_references, _fewer_findings, _fewer_topics, _titles_only)


def _format_plain(content: contents.Content) -> str:
    lines = [
        "MILLRACE",
        content.long_day + (f", edition {content.number}" if content.number > 1 else ""),
    ]
    if content.sample:
        lines += [
            "",
            "THIS IS THE SAMPLE EDITION: invented news from a sample server, not of today.",
        ]
    lines += ["", *_wrap(digest_html.opening_line(content))]
    for notice in content.notices:
        lines += ["", *_wrap(f"! {notice}")]
    for number, section in enumerate(content.sections, 1):
        lines += ["", "", *_wrap(f"{number}. {section.title}"), *_format_plain_section(section)]
    if content.headlines:
        lines += ["", "", "ALSO NEW", ""]
        for reference in content.headlines:
            lines += _wrap(f"- {reference.title} ({_where(reference)})") + (
                [f"  {reference.url}"] if reference.url else []
            )
    lines += ["", "", "SOURCES", ""]
    for reading in content.readings:
        told = (
            f"{reading.items} items, {reading.fresh} new"
            if reading.status == "ok"
            else "nothing new"
        )
        lines += _wrap(
            f"- {reading.name}: "
            + (f"FAILED. {reading.error}" if reading.status == "failed" else told)
        )
    for note in content.notes:
        lines += ["", *_wrap(note)]
    lines += ["", "--", *_wrap(" ".join(digest_html.closing_lines(content))), ""]
    return "\n".join(lines)


def _format_plain_section(section: contents.Section) -> list[str]:
    lines = (
        _wrap(", ".join([*([section.update] if section.update else []), *section.reasons]), "   ")
        if section.reasons or section.update
        else []
    )
    if section.findings:
        marks = [
            *([section.trust] if section.trust else []),
            *(["UNREVIEWED"] if section.unreviewed else []),
        ]
        lines += _wrap(" - ".join(marks), "   ") if marks else []
    if section.summary:
        lines += ["", *_wrap(section.summary, "   ")]
    for text, numbers in section.findings:
        lines += ["", *_wrap(f"* {text} " + "".join(f"[{number}]" for number in numbers), "   ")]
    for conflict in section.conflicts:
        lines += ["", *_wrap(f"SOURCES DISAGREE: {conflict.question}", "   ")]
        for side in conflict.sides:
            mark = "trusted here" if side["trusted"] else "other side"
            said = ", ".join([*side["sources"], *side["dates"]])
            lines += _wrap(f"- {side['claim']} ({mark}; {said})", "     ")
        if conflict.why:
            lines += _wrap(f"Why: {conflict.why}", "     ")
    if section.missing:
        lines += ["", *_wrap(section.missing, "   ")]
    if section.references:
        lines += [""]
    for reference in section.references:
        lines += _wrap(f"[{reference.number}] {reference.title} ({_where(reference)})", "   ")
        lines += [f"       {reference.url}"] if reference.url else []
    return lines


def _where(reference: contents.Reference) -> str:
    return ", ".join(part for part in (reference.host or reference.source, reference.date) if part)


def _wrap(text: str, indent: str = "") -> list[str]:
    lines: list[str] = []
    for part in text.splitlines() or [""]:
        lines += textwrap.wrap(
            part,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines
