# requirements:

"""The links of one reader in a digest: what they say of a topic, how they leave, where the earlier
digests are; in a copy that anybody may open, none of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from f.millrace.core import config, db
from f.millrace.digest import digest_content, wrapping
from f.millrace.trust import reply_tokens

if TYPE_CHECKING:
    from f.millrace.digest import delivery

REPLY = re.compile(r'<p class="reply">(\d+)</p>')
EARLIER = re.compile(
    r'<a class="earlier soft" href="https://digest\.invalid/(\d{4}-\d\d-\d\d)/(\d+)"[^>]*>'
    r"(.*?)</a>"
)
PLAIN_REPLY = re.compile(r"(?m)^\{\{reply\}\}\n")
PLAIN_EARLIER = re.compile(r"(?m)^\{\{earlier (\d{4}-\d\d-\d\d) (\d+)\}\}\n?")
WORDS: dict[reply_tokens.Verb, str] = {
    "more": "More like this",
    "less": "Less like this",
    "untrue": "Not true",
    "unsubscribe": "Unsubscribe",
    "show": "Read in the browser",
}
OF_TOPIC: tuple[reply_tokens.Verb, ...] = ("more", "less", "untrue")


@dataclass(frozen=True)
class Mail:
    """A digest as one reader gets it."""

    html: str
    plain: str
    unsubscribe: list[str]


# complexipy: ignore (one replacement for each kind of link)
def personalise(row: delivery.DigestDelivery) -> Mail:
    """Return the mail of a delivery: a row with its digest's `html`, `plain`, `private` and
    `shared`.
    """
    key = reply_tokens.current_key()
    base = config.settings().public_url.strip().rstrip("/")

    def token(verb: reply_tokens.Verb, rank: int = 0) -> str:
        return reply_tokens.sign(key, verb, row["message_id"], rank)

    def link(verb: reply_tokens.Verb, rank: int = 0) -> str:
        return f"{base}/{token(verb, rank)}" if base else _mailto(verb, token(verb, rank))

    def earlier(day: date, number: int) -> str:
        known = _message_id_of(row, day, number) if base else ""
        return f"{base}/{reply_tokens.sign(key, 'show', known)}" if known else ""

    def links_of(found: re.Match[str]) -> str:
        rank = int(found[1])
        ends: tuple[reply_tokens.Verb, ...] = (
            ("show", "unsubscribe")
            if base and not (row["private"] or row["shared"])
            else ("unsubscribe",)
        )
        verbs = OF_TOPIC if rank else ends
        shown = " &middot; ".join(
            f'<a class="soft" href="{escape(link(verb, rank))}">{WORDS[verb]}</a>' for verb in verbs
        )
        return f'<p class="reply soft">{shown}</p>'

    ranks = [int(found) for found in REPLY.findall(row["html"]) if found != "0"]
    html = _fill_earlier(REPLY.sub(links_of, row["html"]), row["plain"], earlier)
    told = _tokens_in_plain(ranks, token, link if base else None)
    unsubscribe = [_mailto("unsubscribe", token("unsubscribe"))]
    return Mail(
        html[0],
        PLAIN_REPLY.sub(lambda _: told, html[1]),
        [link("unsubscribe"), *unsubscribe] if base else unsubscribe,
    )


def depersonalise(html: str, plain: str, earlier: Callable[[date, int], str]) -> tuple[str, str]:
    """Return a copy that anybody may open; `earlier` says where an earlier digest is, if it is."""
    html, plain = _fill_earlier(REPLY.sub("", html), plain, earlier)
    return html, PLAIN_REPLY.sub("", plain)


def _fill_earlier(html: str, plain: str, address: Callable[[date, int], str]) -> tuple[str, str]:
    """Return both with links to earlier digests where there are addresses, else with the words."""

    def in_html(found: re.Match[str]) -> str:
        url = address(date.fromisoformat(found[1]), int(found[2]))
        return f'<a class="soft" href="{escape(url)}">{found[3]}</a>' if url else found[3]

    def in_plain(found: re.Match[str]) -> str:
        url = address(date.fromisoformat(found[1]), int(found[2]))
        day = digest_content.format_day(date.fromisoformat(found[1]))
        words = f"The digest of {day}: {url}" if url else f"See the digest of {day}."
        return f"{wrapping.INDENT}{words}\n"

    return EARLIER.sub(in_html, html), PLAIN_EARLIER.sub(in_plain, plain)


def _reply_address() -> str:
    return config.settings().reply_to.strip() or config.settings().mail_from.strip()


def _mailto(verb: reply_tokens.Verb, token: str) -> str:
    subject = quote(f"{WORDS[verb]} [millrace:{token}]", safe="")
    return f"mailto:{quote(_reply_address(), safe='@+.-_')}?subject={subject}"


def _tokens_in_plain(
    ranks: list[int],
    token: Callable[..., str],
    link: Callable[..., str] | None,
) -> str:
    """Return what a reader of the text says, and how: by links, or by subjects of a mail."""
    how = (
        "Open a line's address:"
        if link
        else f"Write to {_reply_address()}, with one of these as the subject:"
    )
    lines = ["What do you think?".upper(), "------------------", "", *wrapping.wrap(how)]
    for number, rank in enumerate(ranks, 1):
        lines.append("")
        for verb in OF_TOPIC:
            said = link(verb, rank) if link else f"[millrace:{token(verb, rank)}]"
            lead = f"{number}." if verb == OF_TOPIC[0] else ""
            lines.append(f"{lead:<3}{WORDS[verb]:<15} {said}")
    end = link("unsubscribe") if link else f"[millrace:{token('unsubscribe')}]"
    return "\n".join([*lines, "", f"{WORDS['unsubscribe']:<18} {end}", "", "", ""])


def _message_id_of(row: delivery.DigestDelivery, day: date, number: int) -> str:
    """Return the Message-ID of an earlier digest that this reader got, unless it is private."""
    found = db.fetch_one(
        "SELECT d.message_id FROM delivery d JOIN digest g ON g.id = d.digest_id WHERE d.flow = %s"
        " AND d.namespace = %s AND d.edition = %s AND d.recipient = %s AND d.local_day = %s AND"
        " d.number = %s AND NOT g.private AND g.shared = '{}'",
        [row["flow"], row["namespace"], row["edition"], row["recipient"], day, number],
    )
    return found["message_id"] if found else ""
