# requirements:

"""The digest as plain text: wrapped, indented, with numbered sources.

A line `{{reply}}` stands where a mail gets its reader's tokens, a line `{{earlier DAY NUMBER}}`
where it leads to an earlier digest; digest/digest_links fills or takes them out.
"""

from f.millrace.digest import digest_content, digest_html, wrapping

INDENT = wrapping.INDENT
wrap = wrapping.wrap


def text(content: digest_content.Content) -> str:
    """Return the whole text."""
    edition = f", edition {content.number}" if content.number > 1 else ""
    lines = ["MILLRACE", content.long_day + edition, ""]
    if content.sample:
        lines += ["THIS IS THE SAMPLE EDITION: invented news, none of it of today.", ""]
    lines += wrap(digest_html.opening_line(content))
    for notice in content.notices:
        lines += ["", *wrap(f"! {notice}")]
    for note in content.notes:
        lines += ["", *wrap(note)]
    lines += _topics(content)
    if content.shared:
        lines += ["", "", *_heading("Shared with you")]
        for one in content.shared:
            lines += ["", *wrap(_own_title(one), "*  ", INDENT), *_own_line(one)]
            lines += wrap(one.origin, INDENT)
    if content.headlines:
        lines += ["", "", *_heading("Also new")]
        for headline in content.headlines:
            lines += ["", *_headline(headline)]
    lines += ["", "", *_heading("What was read"), ""]
    for reading in content.readings:
        told = (
            f"FAILED. {reading.error}"
            if reading.status == "failed"
            else digest_html.reading_in_words(reading)
        )
        lines += wrap(f"{reading.site}: {told}", INDENT, INDENT * 2)
    lines += ["", "", "{{reply}}", "-- "]
    for line in digest_html.closing_lines(content):
        lines += wrap(line)
    return "\n".join([*lines, ""])


def _topics(content: digest_content.Content) -> list[str]:
    lines: list[str] = []
    themes, number = content.themes, 0
    for name, sections in themes:
        lines += ["", "", *_heading(name)] if len(themes) > 1 else [""]
        for section in sections:
            number += 1
            lines += ["", *_section(number, section)]
    return lines


def _heading(words: str) -> list[str]:
    return [words.upper(), "-" * min(wrapping.WIDTH, max(12, wrapping.columns(words)))]


def _section(number: int, section: digest_content.Section) -> list[str]:
    lead = f"{number}. " if number > 9 else f"{number}.".ljust(3)
    first = wrap(section.update.upper(), lead, INDENT) if section.update else []
    lines = first + wrap(section.title, INDENT if first else lead, INDENT)
    talk = section.talk.in_words if section.talk else ""
    lines += wrap(", ".join(part for part in (section.place, section.age, talk) if part), INDENT)
    lines += _address(section.url, INDENT)
    if section.talk and section.talk.url:
        lines += _address(section.talk.url, INDENT)
    if section.own:
        lines += wrap(section.own, INDENT)
    said = " ".join(
        f"{sentence} {''.join(f'[{number}]' for number in numbers)}".rstrip()
        for sentence, numbers in section.prose
    )
    lines += ["", *wrap(said, INDENT)] if said else []
    if section.why_it_matters:
        lines += ["", *wrap(f"Why it matters: {section.why_it_matters}", INDENT)]
    lines += _background(section)
    for conflict in section.conflicts:
        lines += ["", *_conflict(conflict)]
    lines += _sources(section)
    for one in section.related:
        lines += ["", *wrap(f"{one.origin}: {_own_title(one)}", INDENT)]
        lines += _own_line(one)
    return lines


def _sources(section: digest_content.Section) -> list[str]:
    lines = [""] if section.cited else []
    lines += wrap(section.sources_label, INDENT) if section.sources_label else []
    for reference in section.cited:
        lead = f"{INDENT}[{reference.number}] "
        lines += wrap(f"{reference.title} ({reference.where})", lead, " " * len(lead))
        # The topic's own page has its address below the headline.
        if reference.url != section.url:
            lines += _address(reference.url, " " * len(lead))
    return lines


def _own_title(one: digest_content.OwnText) -> str:
    return f"{one.title} ({one.date})" if one.date else one.title


def _own_line(one: digest_content.OwnText) -> list[str]:
    return wrap(one.line, INDENT) if one.line and one.line != one.title else []


def _background(section: digest_content.Section) -> list[str]:
    lines = ["", *wrap(f"Before: {section.background}", INDENT)] if section.background else []
    if section.earlier:
        lines += [] if lines else [""]
        lines.append(f"{{{{earlier {section.earlier.day} {section.earlier.number}}}}}")
    return lines


def _conflict(conflict: digest_content.Disagreement) -> list[str]:
    lines = wrap(f"SOURCES DISAGREE: {conflict.question}", INDENT)
    for side in conflict.sides:
        who = ", ".join([*side["sources"], *side["dates"]])
        mark = "trusted here: " if side["trusted"] else ""
        lines += wrap(f"{side['claim']} ({mark}{who})", f"{INDENT}* ", f"{INDENT}  ")
    return lines + wrap(conflict.why or "Neither side is trusted more than the other.", INDENT)


def _headline(headline: digest_content.Headline) -> list[str]:
    talk = headline.talk.in_words if headline.talk else ""
    about = ", ".join(
        part for part in (headline.place, talk, headline.unread, headline.own) if part
    )
    lines = wrap(headline.title, "*  ", INDENT)
    return lines + wrap(about, INDENT) + _address(headline.url, INDENT)


def _address(url: str, indent: str) -> list[str]:
    """Return an address on a line of its own, which is never broken."""
    return [indent + url] if digest_html.is_safe(url) else []
