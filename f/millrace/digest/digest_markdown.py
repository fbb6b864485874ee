# requirements:

"""The digest as Markdown, for the page of its run (digest/run_page): the words of the mail, its
links, nothing that acts.

No tables: the viewer of results reads plain CommonMark.
"""

from f.millrace.digest import digest_content, digest_html, digest_mail
from f.millrace.trust import defang, markdown


def page(content: digest_content.Content) -> str:
    """Return the digest; parts are left out as in the mail, least important first, until the viewer
    can show it.
    """
    shown = digest_mail.sanitise_content(content)
    text = _page(shown)
    for shorten in digest_mail.SHORTER:
        if len(text) <= markdown.MOST * 2 // 3:
            break
        shorten(shown)
        text = _page(shown)
    return text


def _page(content: digest_content.Content) -> str:
    edition = f", edition {content.number}" if content.number > 1 else ""
    parts = [f"## {content.long_day}{edition}"]
    if content.sample:
        parts.append("**Sample edition:** invented news from a sample server, none of it of today.")
    parts.append(_one_safe_line(digest_html.opening_line(content)))
    parts += [f"**{_one_safe_line(notice)}**" for notice in content.notices]
    themes, number = content.themes, 0
    for name, sections in themes:
        parts += [f"## {markdown.one_line(name)}"] if len(themes) > 1 else []
        for section in sections:
            number += 1
            parts.append(_section(number, section))
    if content.headlines:
        parts.append("#### Also new\n\n" + "\n".join(_headline(one) for one in content.headlines))
    parts += [_one_safe_line(note) for note in content.notes]
    down = [
        f"- {markdown.one_line(one.site)}: {_one_safe_line(one.error)}" for one in content.failed
    ]
    parts.append("#### Sources down\n\n" + "\n".join(down) if down else "")
    parts.append(" ".join(_one_safe_line(line) for line in digest_html.closing_lines(content)))
    return "\n\n".join(part for part in parts if part)


def _section(number: int, section: digest_content.Section) -> str:
    known = {reference.number: reference for reference in section.references}
    parts = [f"### {number}. {markdown.link(section.title, section.url)}"]
    parts.append(f"**{section.update}**" if section.update else "")
    talk = [markdown.link(section.talk.in_words, section.talk.url)] if section.talk else []
    about = [markdown.one_line(part) for part in (section.place, section.age) if part]
    parts.append(", ".join([*about, *talk]))
    parts.append(f"**{_one_safe_line(section.own)}**" if section.own else "")
    parts.append(
        " ".join(
            f"{_one_safe_line(text)} {_format_citations(numbers, known)}".rstrip()
            for text, numbers in section.prose
        )
    )
    if section.why_it_matters:
        parts.append(f"*Why it matters:* {_one_safe_line(section.why_it_matters)}")
    parts.append(f"*Before:* {_one_safe_line(section.background)}" if section.background else "")
    parts += [_conflict(conflict) for conflict in section.conflicts]
    parts.append(f"*{markdown.one_line(section.support)}*" if section.support else "")
    parts.append(
        "\n".join(
            f"- \\[{reference.number}\\] {_reference(reference)}" for reference in section.cited
        )
    )
    return "\n\n".join(part for part in parts if part)


def _format_citations(numbers: list[int], known: dict[int, digest_content.Reference]) -> str:
    return "".join(
        markdown.citation_link(number, known[number].url if number in known else "")
        for number in numbers
    )


def _conflict(conflict: digest_content.Disagreement) -> str:
    sides = [
        f"- {_one_safe_line(side['claim'])}"
        + (" **Trusted here.**" if side["trusted"] else "")
        + f" {_one_safe_line(', '.join(side['sources']))}"
        for side in conflict.sides
    ]
    return "\n".join(
        [
            f"**Sources disagree:** {_one_safe_line(conflict.question)}"
            f" {_one_safe_line(conflict.why)}".rstrip(),
            "",
            *sides,
        ]
    )


def _reference(reference: digest_content.Reference) -> str:
    where = markdown.one_line(reference.where)
    return f"{markdown.link(reference.title, reference.url)} {where}".rstrip()


def _headline(headline: digest_content.Headline) -> str:
    talk = headline.talk.in_words if headline.talk else ""
    about = ", ".join(
        part for part in (headline.place, talk, headline.unread, headline.own) if part
    )
    return f"- {markdown.link(headline.title, headline.url)} {markdown.one_line(about)}".rstrip()


def _one_safe_line(text: str) -> str:
    """Return others' words in one line, without links that nobody checked."""
    return markdown.one_line(defang.defang(text))
