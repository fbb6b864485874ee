# requirements:

"""The origin of a note: the user wrote it, he clipped it from somewhere, or an agent wrote it.

Only what the user wrote is his own words. A note is his unless something says else: an agent's
write is in the list of actions, and a clip gives itself away by where it lies, by what its front
matter or its first lines say, by an address that it came from, or by markup.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Literal

from f.millrace.core import contracts, db, invisible

Origin = Literal["written", "clipped", "agent"]
# Folders into which programs put what they save for a reader.
FOLDERS = frozenset(
    "clip clips clipping clippings clipped webclips webclipper readwise reader pocket instapaper"
    " omnivore raindrop matter wallabag saved imported imports import downloads download web pages"
    " articles feeds rss newsletters bookmarks highlights inbox mail mails quotes scraped".split()
)
# Words that say it in the name of the file, too.
NAMES = frozenset(
    "clip clips clipping clippings clipped webclip readwise newsletter scraped".split()
)
PART = re.compile(r"[^\W_]+")
FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?P<fields>(?:[^\n]{0,500}\n){0,60}?)---[ \t]*(?:\n|\Z)")
# Fields of a front matter that say where a text is from.
FOREIGN_FIELD = re.compile(
    r"(?im)^[ \t]*(?:source|sources|url|link|origin|original|author|authors|site|website|publisher"
    r"|published|clipped|saved|via|from|domain|canonical|byline)(?:[_-]?\w{0,20})?[ \t]{0,3}:"
)
FOREIGN_TAG = re.compile(r"(?im)^[ \t]*(?:tags?|type|category)[ \t]{0,3}:[^\n]{0,200}\bclip")
ORIGIN_LINE = re.compile(
    r"(?im)^[ \t>*_#-]{0,8}(?:source|url|link|original(?: article)?|clipped|saved|copied|pasted"
    r"|forwarded|from|via|by|author|retrieved|quelle|posted|published|subject|sender)\b[ \t*_]{0,4}"
    r"(?::|from\b|by\b|on\b|at\b)"
)
ADDRESS = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,20}://\S|\bwww\.[\w-]{2,60}\.")
MARKUP = re.compile(r"<!--|</?[A-Za-z][\w-]{0,30}(?:\s[^<>]{0,300})?/?>|!\[[^\]\n]{0,200}\]\(")
# A note to oneself speaks neither to a program nor of its reader.
SPEAKS_TO_AGENT = re.compile(
    r"(?i)\b(?:assistants?|chatbots?|ai agents?|ai models?|language models?|llms?|copilot"
    r"|system prompt|(?:previous|prior|above) instructions|instructions? (?:for|to) (?:the )?ai"
    r"|(?:the|its|your) (?:reader|user|owner)(?:'s|s)?|tool calls?"
    r"|(?:web|notes|mail|memory|feeds)[._](?:search|fetch|read|write|send))\b"
)
# Nor does it give orders of a kind that only a program takes.
ORDERS = re.compile(
    r"(?im)(?:^|[.!?:;]\s)\s{0,3}(?:please )?(?:search the (?:web|internet)|fetch|forward|upload"
    r"|post|send (?:the|all|your|it|them|a copy)|open the (?:link|page|address)"
    r"|ignore (?:all|any|the))\b"
)
# What stands around a text on a page and never in a note to oneself.
FURNITURE = re.compile(
    r"(?im)^[ \t>*_#-]{0,8}(?:\d{1,2} min(?:utes?)? read"
    r"|read (?:more|next|the full (?:story|article))"
    r"|(?:share|save|print|listen to) this(?: (?:article|story|post|page))?"
    r"|advertisement|sponsored|subscribe(?: (?:now|today|to our newsletter))?"
    r"|sign (?:in|up)(?: to (?:read|continue)\b.{0,40})?|skip to (?:main )?content"
    r"|related (?:articles?|stories)|most (?:read|popular)|leave a comment"
    r"|(?:view|show) (?:all )?\d{0,4} ?comments?|\d{1,5} comments?|all rights reserved\b.{0,60}"
    r"|accept (?:all )?cookies|back to top|weiterlesen|anzeige|lesezeit\b.{0,20}"
    r"|lire la suite|publicité|seguir leyendo|publicidad|leggi anche)[ \t.…>»*_]{0,6}$"
    r"|(?:©|\(c\)|copyright)[ \t]{0,3}(?:19|20)\d\d\b"
)
# `By Jane Doe`, `LEEDS, May 3 (Reuters) - `
BYLINE = re.compile(
    r"(?m)^[ \t>*_#-]{0,8}(?:(?:By|Von|Par|Por|Di) [A-Z][\w.'’-]{1,30}"
    r"(?: [A-Z][\w.'’-]{0,30}){1,3}[ \t*_]{0,4}$"
    r"|[A-Z][A-Z .'-]{2,40}(?:, [A-Z][\w. ]{2,20})? \((?:Reuters|AP|AFP|dpa|EFE|ANSA|BBC)\))"
)
QUOTED = re.compile(r"(?m)^[ \t]*>")
FIRST_LINES = 12
WRITE = "notes.write"


def origin_of(path: str, text: str) -> Origin:
    """Return who wrote a note, from where it lies and what it says; the database is not asked."""
    parts = [set(PART.findall(name)) for name in path.lower().split("/")]
    folders = {word for part in parts[:-1] for word in part} | (parts[-1] & NAMES)
    lines = text.splitlines()
    quoted = len(QUOTED.findall(text))
    front = FRONT_MATTER.match(text)
    foreign = (
        bool(folders & FOLDERS)
        or bool(front and (FOREIGN_FIELD.search(front[0]) or FOREIGN_TAG.search(front[0])))
        or bool(ORIGIN_LINE.search("\n".join([*lines[:FIRST_LINES], *lines[-FIRST_LINES:]])))
        or bool(BYLINE.search("\n".join(lines[:FIRST_LINES])) or FURNITURE.search(text))
        or bool(ADDRESS.search(text))
        or bool(MARKUP.search(text) or SPEAKS_TO_AGENT.search(text))
        or bool(ORDERS.search(text))
        or 2 * quoted > len(lines) > 0
        or invisible.strip_all(text) != text
    )
    return "clipped" if foreign else "written"


def trust_of(origins: Iterable[Origin]) -> contracts.Trust:
    """Return whose words notes of these origins are: the user's only when all of them are."""
    return "own" if all(origin == "written" for origin in origins) else "untrusted"


def list_agent_paths() -> set[str]:
    """Return the notes that agents wrote or may have written, also where a person edited them
    later.
    """
    rows = db.fetch_all(
        "SELECT DISTINCT arguments ->> 'path' AS path FROM action WHERE tool = %s AND state IN"
        " ('performing', 'performed', 'unknown') AND arguments ->> 'path' IS NOT NULL",
        [WRITE],
    )
    return {str(PurePosixPath(row["path"])) for row in rows}
