# requirements:

"""Whether a page can be read: what of its text is prose, and why a page without any has none."""

import json
import re
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import urljoin

from f.millrace.core import sentences

# Fewer clean sentences than that are no article; one long one is a short notice.
LEAST_SENTENCES, LEAST_LETTERS = 2, 140
# A page that holds this much says something, whatever its margins say.
LONG = 2500

BOT_CHECK = re.compile(
    r"(?i)just a moment|checking (?:if the site connection|your browser)"
    r"|verify(?:ing)? (?:that )?you"
    r" are (?:a )?human|attention required|are you a (?:robot|human)|unusual traffic|captcha"
    r"|pardon our interruption|access (?:to this page has been )?denied|request (?:was )?blocked"
    r"|security check|ddos protection"
)
SOFT_404 = re.compile(
    r"(?i)\b404\b|(?:page|site|seite|página|pagina) (?:not found|nicht gefunden|introuvable"
    r"|no encontrada|não encontrada|non trovata|niet gevonden)|^not found\b|(?:page|article"
    r"|content)"
    r" (?:doesn.t|does not|no longer) exists?|no longer available|can.t (?:find"
    r"|seem to find) (?:the|that)"
    r" page|nothing (?:was )?found here"
)
WALL = re.compile(
    r"(?i)subscribe (?:now )?to (?:continue|read|unlock|get access)|to (?:continue|keep) reading"
    r"|already (?:a subscriber|subscribed|a member)|subscriber.only|for subscribers|members.only"
    r"|(?:create|register for) a free account|register to (?:read|continue)|free articles? (?:left"
    r"|remaining|this month)|abonnieren sie|réservé aux abonnés|solo para suscriptores"
)
CONSENT = re.compile(
    r"(?i)we (?:value|respect|care about) your privacy|manage (?:your )?(?:consent|cookies)"
    r"|accept all"
    r" cookies|consent to (?:the use of )?cookies"
)
SCRIPT = re.compile(
    r"(?i)(?:enable|requires?|turn on|need|without|activate) (?:to (?:enable|run) )?javascript"
    r"|javascript (?:is )?(?:required|disabled|to run)|you need to enable"
)


def keep_prose(text: str) -> str:
    """Return the text without the lines that surround an article; empty when no prose is left."""
    lines = [
        line
        for line in text.split("\n")
        if not line.strip() or len(line) > sentences.LONGEST or not sentences.is_furniture(line)
    ]
    kept = "\n".join(lines).strip()
    return kept if has_prose(kept) else ""


def has_prose(text: str) -> bool:
    """Tell whether a text says something in sentences: two clean ones, or one that is long."""
    clean = [one for one in sentences.split(text) if _is_statement(one)]
    return len(clean) >= LEAST_SENTENCES or sum(map(len, clean)) >= LEAST_LETTERS


def states_something(text: str) -> bool:
    """Tell whether a text has at least one clean sentence."""
    return any(map(_is_statement, sentences.split(text)))


def _is_statement(sentence: str) -> bool:
    return sentences.is_clean(sentence) or (
        # Japanese and Chinese say in twenty characters what takes sixty letters elsewhere.
        len(sentence) >= 12 and sentence[-1:] in "。！？" and not sentences.is_furniture(sentence)
    )


def find_reason(tree: Any, text: str) -> str:
    """Return why a page cannot be read, in two or three words; empty when nothing says so.

    `tree` is the page as lxml has it, `text` what was extracted of it, furniture and all.
    """
    if len(text) >= LONG:
        return ""
    headings = " ".join(node.text_content() for node in tree.xpath("//title | //h1"))
    scripts = " ".join(node.text_content() for node in tree.xpath("//noscript"))
    seen = f"{headings}\n{text}\n{scripts}"
    found = {
        "bot check": BOT_CHECK.search(seen),
        "not found": SOFT_404.search(headings),
        "paywall": WALL.search(seen) or _is_paid(tree),
        "needs a login": tree.xpath("//input[@type='password']"),
        "cookie wall": CONSENT.search(seen),
        "needs JavaScript": SCRIPT.search(seen) or len(tree.xpath("//script")) > 3,
    }
    return next((reason for reason, sign in found.items() if sign), "no text")


def find_article(tree: Any) -> str:
    """Return the text that a page gives of itself as JSON-LD; empty without one."""
    return next((body for one in _json_ld(tree) if (body := str(one.get("articleBody") or ""))), "")


def find_other_version(tree: Any, url: str) -> str:
    """Return the address of the AMP or print version that a page links; empty without one."""
    links = tree.xpath(
        "//link[@rel='amphtml']/@href | //link[@media='print' and @rel='alternate']/@href"
    )
    return urljoin(url, links[0]) if links else ""


def _is_paid(tree: Any) -> bool:
    return any(str(one.get("isAccessibleForFree")).lower() == "false" for one in _json_ld(tree))


def _json_ld(tree: Any) -> Iterator[dict[str, Any]]:
    for text in tree.xpath("//script[@type='application/ld+json']/text()"):
        try:
            found: Any = json.loads(text)
        except (ValueError, RecursionError):
            continue
        for entry in _objects(found):
            yield entry
            yield from _objects(entry.get("@graph"))


def _objects(found: Any) -> list[dict[str, Any]]:
    """Return the JSON objects of a value that is one or a list of them."""
    listed = cast("list[Any]", found) if isinstance(found, list) else [found]
    return [cast("dict[str, Any]", one) for one in listed if isinstance(one, dict)]
