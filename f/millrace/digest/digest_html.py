# requirements:

"""The digest as HTML that Gmail, Outlook and Apple Mail show alike: tables, one style sheet,
nothing loaded, no script.

`<p class="reply">3</p>` stands where a mail gets its reader's links about topic 3 (0: the digest as
a whole), and links to `digest.invalid` where it leads to an earlier digest; digest/digest_links
fills or takes them out.
"""

from html import escape
from urllib.parse import urlsplit

from f.millrace.core import money
from f.millrace.digest import digest_content, digest_style
from f.millrace.trust import deobfuscation, markup

TABLE = '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
# For programs that drop the style sheet.
DOT = " &middot; "


def page(content: digest_content.Content) -> str:
    """Return the whole document."""
    parts = [
        _top(content),
        _banner(content),
        *_topics(content),
        _shared(content.shared),
        _headlines(content.headlines),
        _readings(content),
        _bottom(content),
    ]
    rows = "\n".join(part for part in parts if part)
    body = markup.sanitise(f'{TABLE} style="max-width:640px;margin:0 auto">\n{rows}\n</table>')
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="supported-color-schemes" content="light dark">'
        f"<title>{escape(content.subject)}</title>\n"
        f"{digest_style.sheets()}{digest_style.MSO}</head>\n"
        '<body class="body paper" style="margin:0;padding:0">\n'
        '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">'
        f"{escape(preheader(content))}{'&nbsp;&zwnj;' * 60}</div>\n"
        f'{TABLE} class="paper"><tr><td align="center" class="wide" style="padding:0 24px">\n'
        '<!--[if mso]><table role="presentation" width="640" cellpadding="0" cellspacing="0"'
        f' border="0"><tr><td><![endif]-->\n{body}\n'
        "<!--[if mso]></td></tr></table><![endif]-->\n</td></tr></table>\n</body></html>\n"
    )


def preheader(content: digest_content.Content) -> str:
    """Return what a list of mails shows beside the subject: the further topics."""
    further = [digest_content.shorten(section.title, 60) for section in content.sections[1:4]]
    said = f"Also: {'; '.join(further)}." if further else ""
    return f"{said} {opening_line(content)}".strip()


def opening_line(content: digest_content.Content) -> str:
    """Return the first sentence: how much there is, how long it takes, and what went wrong."""
    if content.all_failed and len(content.readings) == 1:
        return (
            f"{content.readings[0].site} could not be read, so there is no news in this digest."
            " Below is what it answered."
        )
    if content.all_failed:
        return (
            f"None of the {len(content.readings)} sources could be read, so there is no news in"
            " this digest. Below is what each of them answered."
        )
    items = sum(reading.items for reading in content.readings)
    read = _count(items, "item")
    since = f" since {content.since}" if content.since else ""
    missing = (
        f" Not read: {', '.join(reading.site for reading in content.failed)}."
        if content.failed
        else ""
    )
    if not content.sections and content.shared:
        return f"{_count(len(content.shared), 'item')} shared with you{since}.{missing}"
    if not content.sections:
        return f"{_nothing_told(content, since, read)}{missing}"
    # A source that has not changed since it was last read gives no items.
    out_of = f", out of {read}" if items else ""
    return (
        f"{_count(len(content.sections), 'topic')}, {content.minutes}-minute read{out_of}{since}."
        f"{missing}"
    )


def _nothing_told(content: digest_content.Content, since: str, read: str) -> str:
    """Return why there is no topic: none could be researched, or nothing is new."""
    if content.unresearched:
        none = f"None of {content.unresearched} topics" if content.unresearched > 1 else "No topic"
        return f"{none} could be researched{since}."
    if content.headlines:
        also = f"Of {read} none could be told as a topic; the new ones are listed."
    else:
        also = f"{read} were read, none of them new to you."
    return f"Nothing new to tell{since}. {also}"


def closing_lines(content: digest_content.Content) -> list[str]:
    """Return the last lines: what it cost and who wrote it."""
    model = _authors(content)
    sample = ["This is the sample edition."] if content.sample else []
    alone = [told] if (told := _told_by_one(content)) else []
    return [
        *sample,
        model,
        *alone,
        f"It cost {money.dollars(content.cost_usd)}.",
        f"Run {content.run_id}.",
    ]


def _told_by_one(content: digest_content.Content) -> str:
    """Return, once for all topics, how many of them nobody confirms; empty when there is none."""
    told = [section for section in content.sections if section.findings and not section.own]
    alone = sum(section.publishers == 1 for section in told)
    if not alone:
        return ""
    if alone == len(told):
        said = "Each topic has" if alone > 1 else "The topic has"
    else:
        said = f"{alone} of {len(told)} topics {'have' if alone > 1 else 'has'}"
    return f"{said} one source, which no other confirms."


def _authors(content: digest_content.Content) -> str:
    """Return who wrote the digest: the models that did, not the one that should have."""
    if content.offline:
        return (
            "Written by the offline extractive model: sentences picked from the sources, none"
            " composed by a language model."
        )
    if not content.writers:
        return "No model wrote anything in it."
    told = [
        f"{_count(topics, 'topic')} picked from the sources by the offline model"
        if name == "offline"
        else f"{_count(topics, 'topic')} by {name}"
        for name, topics in content.writers.items()
    ]
    said = told[0].partition(" by ")[2] if len(told) == 1 else ", ".join(told)
    return f"Written by {said}; each sentence cites what it was taken from."


def _top(content: digest_content.Content) -> str:
    edition = f'<span class="soft">, edition {content.number}</span>' if content.number > 1 else ""
    return _row(
        f'<p class="brand accent">MILLRACE</p><h1 class="ink">{escape(content.long_day)}'
        f'{edition}</h1><p class="lead soft">{escape(opening_line(content))}</p>',
        "padding:36px 0 0",
    )


def _banner(content: digest_content.Content) -> str:
    boxes = []
    if content.sample:
        boxes.append(
            "<b>Sample edition.</b> Invented news from a sample server, to show how a digest"
            " looks. None of it is of today."
        )
    if content.all_failed:
        boxes.append("<b>No source could be read.</b> Nothing was made up in their place.")
    boxes += [f'<span class="warn">{escape(notice)}</span>' for notice in content.notices]
    boxes += [escape(note) for note in content.notes]
    return "\n".join(_row(_box(box), "padding-top:18px") for box in boxes)


def _topics(content: digest_content.Content) -> list[str]:
    themes = content.themes
    parts = []
    for name, sections in themes:
        if len(themes) > 1:
            parts.append(_row(f'<h3 class="accent" dir="auto">{escape(name)}</h3>', ""))
        parts += [_section(section, place == 0) for place, section in enumerate(sections)]
    return parts


def _section(section: digest_content.Section, first: bool) -> str:
    body = [_heading(section), _meta(section)]
    if section.own:
        body.append(f'<p class="own accent" dir="auto">{escape(section.own)}</p>')
    body.append(_prose(section))
    if section.why_it_matters:
        body.append(
            f'<p class="why ink" dir="auto"><i>Why it matters.</i>'
            f" {escape(section.why_it_matters)}</p>"
        )
    body.append(_background(section))
    body += [_conflict(conflict) for conflict in section.conflicts]
    body.append(_references(section))
    body.append(_related(section.related))
    body.append(f'<p class="reply">{section.rank}</p>' if section.rank else "")
    edge = "" if first else ' class="rule"'
    style = "padding:24px 0 30px" if first else "padding:30px 0;border-top:1px solid #dfe3e7"
    return f'<tr><td{edge} style="{style}">{"".join(body)}</td></tr>'


def _heading(section: digest_content.Section) -> str:
    # Its direction is its own, so that the title alone decides that of the heading.
    eye = f'<span class="eye accent" dir="ltr">{escape(section.update)}</span>'
    title = escape(section.title)
    if is_safe(section.url):
        title = f'<a class="ink" href="{escape(section.url)}">{title}</a>'
    return f'<h2 class="ink" dir="auto">{eye if section.update else ""}{title}</h2>'


def _meta(section: digest_content.Section) -> str:
    parts = [_isolate(part) for part in (section.place, section.age) if part]
    if section.talk:
        parts.append(_talk(section.talk))
    return f'<p class="meta soft">{DOT.join(parts)}</p>' if parts else ""


def _talk(talk: digest_content.Discussion) -> str:
    said = escape(talk.in_words)
    return f'<a class="soft" href="{escape(talk.url)}">{said}</a>' if is_safe(talk.url) else said


def _isolate(words: str) -> str:
    """Return words that keep their direction among others of another one."""
    return escape(words) if words.isascii() else f'<span dir="auto">{escape(words)}</span>'


def _prose(section: digest_content.Section) -> str:
    known = {reference.number: reference for reference in section.references}
    said = " ".join(
        "&nbsp;".join([_lines(text), *marks])
        for text, numbers in section.prose
        for marks in [["".join(_mark(one, known.get(one)) for one in numbers)] if numbers else []]
    )
    return f'<p class="prose ink" dir="auto">{said}</p>' if said else ""


def _mark(number: int, reference: digest_content.Reference | None) -> str:
    shown = f"[{number}]"
    if reference is None or not is_safe(reference.url):
        return f'<span class="num soft">{shown}</span>'
    where = f'href="{escape(reference.url)}" title="{escape(_host(reference.url))}"'
    return f'<a class="num accent" {where}>{shown}</a>'


def _background(section: digest_content.Section) -> str:
    earlier = section.earlier
    day = (
        f'<a class="earlier soft" href="https://digest.invalid/{earlier.day}/{earlier.number}">'
        f"{_earlier_words(earlier)}</a>"
        if earlier
        else ""
    )
    said = escape(section.background)
    if not said and not day:
        return ""
    words = " ".join(part for part in (said, f"See {day}." if day else "") if part)
    return f'<p class="back soft" dir="auto"><b>Before.</b> {words}</p>'


def _earlier_words(earlier: digest_content.EarlierDigest) -> str:
    named = earlier.when == "yesterday" or earlier.when in digest_content.WEEKDAYS
    return f"{earlier.when}’s digest" if named else f"the digest of {earlier.when}"


def _conflict(conflict: digest_content.Disagreement) -> str:
    rows = "".join(
        f'<tr><td class="{"strong" if side["trusted"] else "edge"}" style="padding:2px 0 2px'
        f' 12px;border-left:3px solid #c3cad1"><p class="claim ink" dir="auto">'
        f"{_lines(side['claim'])}</p>"
        f'<p class="from soft">{"<b>Trusted here.</b> " if side["trusted"] else ""}'
        f"{_side_from(side)}</p></td></tr>"
        '<tr><td style="font-size:10px;line-height:10px">&nbsp;</td></tr>'
        for side in conflict.sides
    )
    why = conflict.why or "Neither side is trusted more than the other."
    return (
        f'{TABLE} class="box" style="margin-top:18px"><tr><td style="padding:16px 18px"><p'
        f' class="from warn"><b>Sources disagree</b></p><p class="claim ink" dir="auto"'
        f' style="padding-bottom:12px"><b>{escape(conflict.question)}</b></p>{TABLE}>{rows}</table>'
        f'<p class="from soft" dir="auto">{escape(why)}</p></td></tr></table>'
    )


def _side_from(side: digest_content.Side) -> str:
    names = [
        f'<a class="soft" href="{escape(url)}">{_isolate(name)}</a>'
        if is_safe(url)
        else _isolate(name)
        for name, url in zip(side["sources"], side["links"], strict=True)
    ]
    return ", ".join([*names, *(escape(day) for day in side["dates"])])


def _references(section: digest_content.Section) -> str:
    if not section.cited:
        return ""
    kind = "warn" if section.unreviewed else "soft"
    said = section.sources_label
    label = f'<p class="label {kind}">{escape(said)}</p>' if said else ""
    rows = "".join(_reference(reference) for reference in section.cited)
    space = "" if said else ' style="margin-top:12px"'
    return f'{label}{TABLE} class="ref"{space}>{rows}</table>'


def _reference(reference: digest_content.Reference) -> str:
    title = _isolate(reference.title)
    place = (reference.site or reference.host, reference.date)
    where = ", ".join(_isolate(part) for part in place if part)
    if is_safe(reference.url):
        title = f'<a class="accent" href="{escape(reference.url)}">{title}</a>'
    # A site has its day beside it; a title is longer, and its site and day stand below.
    below = "<br>" if reference.site or reference.host else ", "
    return (
        f'<tr><td width="26" valign="top" class="soft">{reference.number}</td><td class="soft">'
        f"{below.join(part for part in (title, where) if part)}</td></tr>"
    )


def _related(texts: list[digest_content.OwnText]) -> str:
    if not texts:
        return ""
    rows = "".join(
        f'<tr><td class="soft"><b>{escape(one.origin)}:</b> {_own_text(one)}</td></tr>'
        for one in texts
    )
    return f'{TABLE} class="ref" style="margin-top:12px">{rows}</table>'


def _own_text(one: digest_content.OwnText) -> str:
    date = f", {escape(one.date)}" if one.date else ""
    line = f"<br>{_isolate(one.line)}" if one.line and one.line != one.title else ""
    return f'<span class="ink">{_isolate(one.title)}</span>{date}{line}'


def _shared(texts: list[digest_content.OwnText]) -> str:
    if not texts:
        return ""
    rows = "".join(
        f'<tr><td class="soft">{_own_text(one)}<br>{_isolate(one.origin)}</td></tr>'
        for one in texts
    )
    return (
        '<tr><td class="rule" style="padding:30px 0 24px;border-top:1px solid #dfe3e7"><h3'
        ' class="accent" style="padding:0 0 8px">Shared with you</h3>'
        f'{TABLE} class="also">{rows}</table></td></tr>'
    )


def _headlines(headlines: list[digest_content.Headline]) -> str:
    if not headlines:
        return ""
    rows = "".join(_headline(headline) for headline in headlines)
    return (
        '<tr><td class="rule" style="padding:30px 0 24px;border-top:1px solid #dfe3e7"><h3'
        ' class="accent" style="padding:0 0 8px">Also new</h3>'
        f'{TABLE} class="also">{rows}</table></td></tr>'
    )


def _headline(headline: digest_content.Headline) -> str:
    title = _isolate(headline.title)
    if is_safe(headline.url):
        title = f'<a class="head ink" href="{escape(headline.url)}">{title}</a>'
    else:
        title = f'<span class="head ink">{title}</span>'
    parts = [_isolate(headline.place)] if headline.place else []
    parts += [_talk(headline.talk)] if headline.talk else []
    parts += [escape(part) for part in (headline.unread, headline.own) if part]
    return f'<tr><td class="soft">{title}<br>{DOT.join(parts)}</td></tr>'


def _readings(content: digest_content.Content) -> str:
    rows = "".join(_reading(reading) for reading in content.readings)
    return (
        '<tr><td class="rule" style="padding:24px 0 8px;border-top:1px solid #dfe3e7"><h3'
        ' class="accent" style="padding:0 0 8px">What was read</h3>'
        f'{TABLE} class="read">{rows}</table></td></tr>'
    )


def _reading(reading: digest_content.Reading) -> str:
    if reading.status == "failed":
        told = f'<span class="warn"><b>Failed.</b></span> {escape(reading.error)}'
    else:
        told = escape(reading_in_words(reading))
    return (
        f'<tr><td width="120" valign="top" class="ink">{escape(reading.site)}</td>'
        f'<td class="soft">{told}</td></tr>'
    )


def reading_in_words(reading: digest_content.Reading) -> str:
    """Return how reading a source went."""
    told = (
        f"{_count(reading.items, 'item')}, {reading.fresh} new"
        if reading.status == "ok"
        else "nothing new"
    )
    return f"{told}. {reading.error}" if reading.error else told


def _bottom(content: digest_content.Content) -> str:
    lines = "<br>".join(escape(line) for line in closing_lines(content))
    return _row(f'<p class="reply">0</p><p class="foot soft">{lines}</p>', "padding:16px 0 48px")


def _row(inner: str, style: str) -> str:
    return f'<tr><td style="{style}">{inner}</td></tr>' if style else f"<tr><td>{inner}</td></tr>"


def _box(inner: str) -> str:
    return (
        f'{TABLE} class="box"><tr><td class="edge ink" style="padding:12px 16px;border-left:3px'
        f' solid #c3cad1">{inner}</td></tr></table>'
    )


def _lines(text: str) -> str:
    return "<br>".join(escape(line) for line in text.splitlines() if line.strip())


def is_safe(url: str) -> bool:
    """Tell whether a mail may link to an address: a web page, without a name and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username


def _host(url: str) -> str:
    """Return the host of an address that is safe."""
    return (deobfuscation.urlsplit_host(url) or url).removeprefix("www.")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
