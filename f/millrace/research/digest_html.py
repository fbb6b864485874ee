# requirements:

"""The digest as HTML that Gmail, Outlook and Apple Mail show alike: tables, inline styles, nothing
loaded, no script.
"""

from html import escape
from urllib.parse import urlsplit

from f.millrace.core import money
from f.millrace.research import contents
from f.millrace.trust import deobfuscation, markup

INK, SOFT, FAINT, LINE, ACCENT = "#1c2330", "#4d5868", "#6a7586", "#dfe4ea", "#0a5a78"
SANS = "-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
SERIF = "Georgia,'Times New Roman',serif"
TABLE = '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
SMALL = f"font:13px/1.5 {SANS};color:{SOFT}"
LABEL = f"font:bold 11px/1.4 {SANS};letter-spacing:1px;text-transform:uppercase;color:{FAINT}"


def page(content: contents.Content) -> str:
    """Return the whole document."""
    parts = [
        _top(content),
        _banner(content),
        _overview(content),
        *(_section(number, section) for number, section in enumerate(content.sections, 1)),
        _headlines(content.headlines),
        _readings(content),
        _bottom(content),
    ]
    title = escape(content.subject)
    rows = "\n".join(part for part in parts if part)
    body = markup.sanitise(f'{TABLE} style="max-width:640px;text-align:left">\n{rows}\n</table>')
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light">'
        '<meta name="supported-color-schemes" content="light">'
        f"<title>{title}</title></head>\n"
        f'<body style="margin:0;padding:0;background:#ffffff;color:{INK};'
        '-webkit-text-size-adjust:100%">\n'
        '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">'
        f"{escape(opening_line(content))}</div>\n"
        f'{TABLE} style="background:#ffffff"><tr><td align="center" style="padding:0 12px">\n'
        '<!--[if mso]><table role="presentation" width="640" cellpadding="0" cellspacing="0"'
        f' border="0"><tr><td><![endif]-->\n{body}\n'
        "<!--[if mso]></td></tr></table><![endif]-->\n</td></tr></table>\n</body></html>\n"
    )


def opening_line(content: contents.Content) -> str:
    """Return the first sentence: how much there is, and what went wrong."""
    if content.all_failed:
        return (
            f"None of the {len(content.readings)} sources could be read, so there is no news in"
            " this digest. Below is what each of them answered."
        )
    found = [section for section in content.sections if section.findings]
    read = sum(reading.items for reading in content.readings)
    since = f" since {content.since}" if content.since else ""
    if not content.sections:
        failed = sum(reading.status == "failed" for reading in content.readings)
        missing = (
            f" {failed} of {len(content.readings)} sources could not be read." if failed else ""
        )
        return f"Nothing new{since}. {read} items were read, none of them new to you.{missing}"
    said = f"{_count(len(content.sections), 'topic')} from {_count(read, 'item')}{since}."
    if len(found) < len(content.sections):
        said += f" Nothing was found on {len(content.sections) - len(found)} of them."
    unreviewed = sum(section.unreviewed and bool(section.findings) for section in found)
    if unreviewed:
        said += f" {unreviewed} marked as unreviewed."
    if content.failed:
        said += f" Not read: {', '.join(reading.name for reading in content.failed)}."
    return said


def closing_lines(content: contents.Content) -> list[str]:
    """Return the last lines: what it cost and who wrote it."""
    model = _authors(content)
    sample = ["This is the sample edition."] if content.sample else []
    return [*sample, model, f"It cost {money.dollars(content.cost_usd)}.", f"Run {content.run_id}."]


def _authors(content: contents.Content) -> str:
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


def _top(content: contents.Content) -> str:
    edition = (
        f'<span style="color:{FAINT}">, edition {content.number}</span>'
        if content.number > 1
        else ""
    )
    return _row(
        f'<div style="font:bold 12px/1 {SANS};letter-spacing:3px;color:{ACCENT}">MILLRACE</div><h1'
        ' style="margin:8px 0 0;font:normal 28px/1.2'
        f' {SERIF};color:{INK}">{escape(content.long_day)}{edition}</h1><div'
        ' style="margin-top:8px;font:15px/1.5'
        f' {SANS};color:{SOFT}">{escape(opening_line(content))}</div>',
        f"padding:28px 0 18px;border-bottom:2px solid {ACCENT}",
    )


def _banner(content: contents.Content) -> str:
    boxes = []
    if content.sample:
        boxes.append(
            _box(
                "#fff6dd",
                "#d9a400",
                "<b>Sample edition.</b> Invented news from a sample server, to show how a digest"
                " looks. None of it is of today.",
            )
        )
    if content.all_failed:
        boxes.append(
            _box(
                "#fdecea",
                "#b3261e",
                "<b>No source could be read.</b> Nothing was made up in their place.",
            )
        )
    boxes += [_box("#fdecea", "#b3261e", escape(notice)) for notice in content.notices]
    boxes += [_box("#eef3f7", "#7c93a8", escape(note)) for note in content.notes]
    return "\n".join(_row(box, "padding-top:14px") for box in boxes)


def _overview(content: contents.Content) -> str:
    if len(content.sections) < 2:
        return ""
    lines = "".join(
        '<tr><td width="24" valign="top" style="padding:3px 0;font:15px/1.45'
        f' {SANS};color:{FAINT}">{number}</td><td style="padding:3px 0;font:15px/1.45'
        f' {SANS};color:{INK}">{escape(section.title)}{_overview_mark(section)}</td></tr>'
        for number, section in enumerate(content.sections, 1)
    )
    return _row(
        f'<div style="{LABEL};padding-bottom:6px">In this digest</div>{TABLE}>{lines}</table>',
        "padding:18px 0 4px",
    )


def _overview_mark(section: contents.Section) -> str:
    word = (
        "disputed"
        if section.conflicts
        else "nothing found"
        if not section.findings
        else "unreviewed"
        if section.unreviewed
        else ""
    )
    return f' <span style="color:{FAINT}">&mdash; {word}</span>' if word else ""


def _section(number: int, section: contents.Section) -> str:
    heading = (
        f'<h2 style="margin:0;font:bold 20px/1.3 {SERIF};color:{INK}"><span'
        f' style="color:{ACCENT}">{number}.</span> {escape(section.title)}</h2>{_marks(section)}'
    )
    body = [heading]
    if section.summary:
        body.append(
            '<p style="margin:12px 0 0;font:16px/1.55'
            f' {SANS};color:{INK}">{_lines(section.summary)}</p>'
        )
    if section.findings:
        body.append(_findings(section))
    body += [_conflict(conflict) for conflict in section.conflicts]
    if section.missing:
        body.append(
            '<p style="margin:12px 0 0;font:italic 16px/1.55'
            f' {SANS};color:{SOFT}">{escape(section.missing)}</p>'
        )
    if section.references:
        body.append(_references(section))
    return _row("".join(body), f"padding:26px 0 22px;border-bottom:1px solid {LINE}")


def _marks(section: contents.Section) -> str:
    chips = []
    if section.unreviewed and section.findings:
        chips.append(_chip("Unreviewed", "#8a4b00", "#fff0dc"))
    if section.update:
        chips.append(_chip("Update", "#0a5a78", "#e2f1f7"))
    if section.conflicts:
        chips.append(_chip("Sources disagree", "#8c1d18", "#fdecea"))
    said = [section.trust] if section.trust else []
    said += [part for part in (section.update, *section.reasons) if part]
    line = f'<span style="{SMALL}">{escape(_capitalise("; ".join(said)))}</span>' if said else ""
    return f'<div style="margin-top:8px">{"".join(chips)}{line}</div>' if chips or line else ""


def _findings(section: contents.Section) -> str:
    known = {reference.number: reference for reference in section.references}
    rows = "".join(
        '<tr><td width="18" valign="top" style="padding:5px 0;font:16px/1.5'
        f' {SANS};color:{ACCENT}">&bull;</td>'
        f'<td style="padding:5px 0;font:16px/1.5 {SANS};color:{INK}">{_lines(text)} '
        f"{''.join(_mark(number, known.get(number)) for number in numbers)}</td></tr>"
        for text, numbers in section.findings
    )
    return f'{TABLE} style="margin-top:10px">{rows}</table>'


def _mark(number: int, reference: contents.Reference | None) -> str:
    shown = f"[{number}]"
    if reference is None or not _safe(reference.url):
        return f'<span style="font-size:12px;color:{FAINT}">{shown}</span>'
    where = f'href="{escape(reference.url)}" title="{escape(_host(reference.url))}"'
    return f'<a {where} style="font-size:12px;color:{ACCENT};text-decoration:none">{shown}</a>'


def _conflict(conflict: contents.Sides) -> str:
    rows = "".join(
        '<tr><td style="padding:8px 12px;border-left:4px solid'
        f" {ACCENT if side['trusted'] else '#c2cad3'};"
        f'font:15px/1.5 {SANS};color:{INK}">{_lines(side["claim"])}<br><span style="{SMALL}">'
        f"{'<b>Trusted here.</b> ' if side['trusted'] else ''}{_side_from(side)}</span></td></tr>"
        '<tr><td style="font-size:6px;line-height:6px">&nbsp;</td></tr>'
        for side in conflict.sides
    )
    why = conflict.why or "Neither side is trusted more than the other."
    return (
        f'{TABLE} style="margin-top:14px;background:#f7f8fa"><tr><td style="padding:14px"><div'
        f' style="{LABEL}">Sources disagree</div><div style="padding:4px 0 10px;font:bold 15px/1.45'
        f' {SANS};color:{INK}">{escape(conflict.question)}</div>{TABLE}>{rows}</table><div'
        f' style="{SMALL}">{escape(why)}</div></td></tr></table>'
    )


def _side_from(side: dict) -> str:
    said = escape(", ".join([*side["sources"], *side["dates"]]))
    links = [
        f'<a href="{escape(url)}" style="color:{ACCENT}">{escape(_host(url))}</a>'
        for url in dict.fromkeys(side["links"])
        if _safe(url)
    ]
    return " &middot; ".join(part for part in [said, ", ".join(links[:3])] if part)


def _references(section: contents.Section) -> str:
    label = "Sources" if section.findings else "Where it was seen"
    rows = "".join(
        _reference(reference, f"[{reference.number}]") for reference in section.references
    )
    return f'<div style="{LABEL};padding:14px 0 4px">{label}</div>{TABLE}>{rows}</table>'


def _reference(reference: contents.Reference, mark: str) -> str:
    title = escape(reference.title)
    if _safe(reference.url):
        title = (
            f'<a href="{escape(reference.url)}"'
            f' style="color:{ACCENT};text-decoration:underline">{title}</a>'
        )
    where = escape(
        ", ".join(part for part in (reference.host or reference.source, reference.date) if part)
    )
    return (
        f'<tr><td width="30" valign="top" style="padding:3px 0;{SMALL}">{mark}</td><td'
        f' style="padding:3px 0;{SMALL};word-break:break-word">{title} <span'
        f' style="color:{FAINT}">{where}</span></td></tr>'
    )


def _headlines(headlines: list[contents.Reference]) -> str:
    if not headlines:
        return ""
    rows = "".join(_reference(reference, "&ndash;") for reference in headlines)
    return _row(
        f'<div style="{LABEL};padding-bottom:6px">Also new, not'
        f" researched</div>{TABLE}>{rows}</table>",
        f"padding:22px 0;border-bottom:1px solid {LINE}",
    )


def _readings(content: contents.Content) -> str:
    rows = "".join(_reading(reading) for reading in content.readings)
    return _row(
        f'<div style="{LABEL};padding-bottom:6px">What was read</div>{TABLE}>{rows}</table>',
        "padding:22px 0 8px",
    )


def _reading(reading: contents.Reading) -> str:
    if reading.status == "failed":
        told = f'<b style="color:#8c1d18">Failed.</b> {escape(reading.error)}'
    else:
        told = (
            f"{_count(reading.items, 'item')}, {reading.fresh} new"
            if reading.status == "ok"
            else "Nothing new"
        )
        told += f". {escape(reading.error)}" if reading.error else ""
    return (
        '<tr><td width="110" valign="top" style="padding:3px'
        f' 0;{SMALL};color:{INK}">{escape(reading.name)}</td><td style="padding:3px'
        f' 0;{SMALL};word-break:break-word">{told}</td></tr>'
    )


def _bottom(content: contents.Content) -> str:
    return _row(
        "<div"
        f' style="{SMALL}">{"<br>".join(escape(line) for line in closing_lines(content))}</div>',
        "padding:14px 0 36px",
    )


def _row(inner: str, style: str) -> str:
    return f'<tr><td style="{style}">{inner}</td></tr>'


def _box(background: str, edge: str, inner: str) -> str:
    return (
        f'{TABLE} style="background:{background}"><tr><td style="padding:12px 14px;border-left:4px'
        f' solid {edge};font:15px/1.5 {SANS};color:{INK}">{inner}</td></tr></table>'
    )


def _chip(word: str, ink: str, background: str) -> str:
    style = f"font:bold 11px/1.4 {SANS};color:{ink};background:{background}"
    return f'<span style="{style}">&nbsp;{word}&nbsp;</span>&ensp;'


def _lines(text: str) -> str:
    return "<br>".join(escape(line) for line in text.splitlines() if line.strip())


def _safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username


def _host(url: str) -> str:
    """Return the host of an address that is safe."""
    return (deobfuscation.urlsplit_host(url) or url).removeprefix("www.")


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
