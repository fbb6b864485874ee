# requirements:

"""The digest as text and as HTML, at most 80 KB each: what is left out to fit is said."""

import re
from copy import deepcopy
from dataclasses import dataclass, replace

from f.millrace.core import invisible, providers, redaction
from f.millrace.digest import digest_content, digest_html, digest_text
from f.millrace.trust import defang

MAX_BYTES = 80_000
# What the reader's own links take once a mail is sent (digest/digest_links), for each topic.
LINKS_BYTES = 900
LONGEST_TEXT = 1200
UNTITLED = "(a title without words)"
ADDRESS = re.compile(r"(https?://[^\s<>()\[\]'\";,]{1,300})")
# What no mail reader can show.
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Digest:
    """A finished mail."""

    subject: str
    html: str
    plain: str


def render(content: digest_content.Content) -> Digest:
    """Return the mail; parts are left out, least important first, until both forms fit."""
    shown = sanitise_content(content)
    html, plain = digest_html.page(shown), digest_text.text(shown)
    for shorten in SHORTER:
        most = MAX_BYTES - LINKS_BYTES * (1 + len(shown.sections))
        if len(html.encode()) <= most and len(plain.encode()) <= most:
            break
        shorten(shown)
        html, plain = digest_html.page(shown), digest_text.text(shown)
    # Once more over the whole: a mark in a source's name or date turns the text around it as well.
    return Digest(_one_line(shown.subject), _shown(html), _shown(plain))


# complexipy: ignore (each field that a reader sees is cleaned, one after the other)
def sanitise_content(content: digest_content.Content) -> digest_content.Content:
    """Return a copy without secrets, invisible characters, endless texts, and addresses that a mail
    program would make links of: what others wrote is shown and leads nowhere.
    """
    copy = deepcopy(content)
    copy.notes = [_text(defang.defang(note)) for note in copy.notes]
    copy.notices = [_notice(notice) for notice in copy.notices]
    copy.headlines = [_clean_headline(headline) for headline in copy.headlines]
    copy.shared = [_clean_own(one) for one in copy.shared]
    for reading in copy.readings:
        reading.error = _line_of_others(reading.error)[:300]
    for section in copy.sections:
        section.title = _title_of_others(section.title)[:200] or UNTITLED
        section.theme = _line_of_others(section.theme)[:60]
        section.url, section.site = _clean_url(section.url), _site(section.site, section.url)
        section.talk = _clean_talk(section.talk)
        section.own = _one_line(section.own)[:200]
        section.related = [_clean_own(one) for one in section.related]
        section.background = _line_of_others(section.background)
        section.why_it_matters = _line_of_others(section.why_it_matters)
        section.findings = [(_line_of_others(text), numbers) for text, numbers in section.findings]
        section.references = [_clean_reference(reference) for reference in section.references]
        for conflict in section.conflicts:
            conflict.question = _line_of_others(conflict.question)
            conflict.why = _line_of_others(conflict.why)
            for side in conflict.sides:
                side["claim"] = _line_of_others(side["claim"])
                side["sources"] = [
                    _site(name, url)
                    for name, url in zip(side["sources"], side["links"], strict=True)
                ]
                side["links"] = [_clean_url(url) for url in side["links"]]
                side["dates"] = [_line_of_others(day)[:40] for day in side["dates"]]
    return copy


def _notice(notice: str) -> str:
    """Return a notice, with addresses of the models' servers as they are set: what is wrong with
    one is seen in it.
    """
    own = {address.split("/")[2] for address in map(providers.address, providers.PROVIDERS)
           if "://" in address}  # fmt: skip
    parts = ADDRESS.split(notice)
    return _text(
        "".join(
            part if place % 2 and part.split("/")[2] in own else defang.defang(part)
            for place, part in enumerate(parts)
        )
    )


def _clean_reference(reference: digest_content.Reference) -> digest_content.Reference:
    return replace(
        reference,
        title=_title_of_others(reference.title)[:200] or UNTITLED,
        url=_clean_url(reference.url),
        host=_one_line(reference.host)[:100],
        date=_one_line(reference.date)[:40],
        site=_site(reference.site, reference.url),
    )


def _clean_headline(headline: digest_content.Headline) -> digest_content.Headline:
    return replace(
        headline,
        title=digest_content.shorten(_title_of_others(headline.title), 140) or UNTITLED,
        url=_clean_url(headline.url),
        site=_site(headline.site, headline.url),
        talk=_clean_talk(headline.talk),
        unread=_line_of_others(headline.unread)[:160],
        own=_one_line(headline.own)[:200],
    )


def _clean_own(one: digest_content.OwnText) -> digest_content.OwnText:
    return replace(
        one,
        origin=_one_line(one.origin)[:200],
        title=_title_of_others(one.title)[:200],
        line=_line_of_others(one.line),
    )


def _clean_talk(talk: digest_content.Discussion | None) -> digest_content.Discussion | None:
    if talk is None:
        return None
    return replace(
        talk,
        url=_clean_url(talk.url),
        site=_site(talk.site, ""),
        title=_title_of_others(talk.title)[:200],
    )


def _clean_url(url: str) -> str:
    """Return an address that may be a link; the host of links to digests is ours alone."""
    bad = re.search(r"[\s<>\"\x00-\x1f]|//digest\.invalid", url, re.IGNORECASE)
    return "" if bad or len(url) > 1500 else url


def _site(name: str, url: str) -> str:
    """Return a site's name; a host stays as it is where it is the one that the link leads to."""
    clean = _one_line(name)[:100]
    return clean if clean in url else _line_of_others(clean)


def _line_of_others(text: str) -> str:
    """Return others' words in one line, with addresses that lead nowhere."""
    # Marks of digest/digest_text are ours alone.
    return " ".join(_text(defang.defang(text)).split()).replace("{{", "{ {")


def _title_of_others(title: str) -> str:
    """Return a title in one line. It is text, not markup: `<dialog>` in it is what it is about."""
    shown = _text(defang.defang(title, markup=False))
    return " ".join(shown.split()).replace("{{", "{ {")


def _shown(text: str) -> str:
    """Return the text without what a mail reader cannot show or what would hide words."""
    return invisible.strip(CONTROLS.sub("", text))


def _text(text: str) -> str:
    clean = _shown(redaction.redact(text)).strip()
    return (
        clean if len(clean) <= LONGEST_TEXT else clean[: LONGEST_TEXT - 1].rsplit(" ", 1)[0] + "…"
    )


def _one_line(text: str) -> str:
    return " ".join(_text(text).split())


def _drop_headlines(content: digest_content.Content) -> None:
    content.headlines, content.shared = [], content.shared[:3]
    content.notes.append("Shortened to fit a mail; scripts/millrace show has all of it.")


def _fewer_sentences(content: digest_content.Content) -> None:
    for section in content.sections:
        section.findings = section.findings[:2]
        section.conflicts = section.conflicts[:2]
        section.background, section.related = "", []


def _fewer_topics(content: digest_content.Content) -> None:
    left_out = content.sections[8:]
    content.sections = content.sections[:8]
    if left_out:
        content.notes.append(f"Left out to fit a mail: {len(left_out)} more topics.")


def _titles_only(content: digest_content.Content) -> None:
    for section in content.sections:
        section.findings = [
            (digest_content.shorten(text, 300), numbers) for text, numbers in section.findings[:1]
        ]
        section.conflicts, section.why_it_matters = [], ""
        section.references = section.references[:1]
    content.notes = content.notes[-5:]


SHORTER = (_drop_headlines, _fewer_sentences, _fewer_topics, _titles_only)
