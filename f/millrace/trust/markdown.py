# requirements:

"""Markdown that shows others' words letter by letter, and results that Windmill shows as a page."""

import re
from typing import Any
from urllib.parse import urlsplit

from f.millrace.core import visible_text

SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&])")
LINE_START = re.compile(r"^([-+=]|\d{1,9}(?=[.)]))")
# Windmill counts two bytes a character and shows what has 100 kB and more as raw text.
MOST = 30_000
LONGEST_URL = 1500


def as_page(result: dict[str, Any], markdown: str) -> dict[str, Any]:
    """Return a step's result that Windmill shows as this page: the same, with the two keys that its
    viewer looks for.
    """
    if len(markdown) > MOST:
        markdown = (
            markdown[:MOST].rpartition("\n")[0]
            + "\n\nShortened: the run's own record has all of it.\n"
        )
    return {**result, "markdown": markdown, "wm_renderer": "markdown"}


def escape_line(line: str) -> str:
    """Return one line as Markdown that shows it letter by letter."""
    escaped = SPECIAL.sub(r"\\\1", line)
    return LINE_START.sub(
        lambda found: f"{found[1]}\\" if found[1].isdigit() else f"\\{found[1]}", escaped
    )


def one_line(text: str) -> str:
    """Return text as one line of Markdown that shows its words."""
    return escape_line(" ".join(visible_text.make_visible(text).split()))


def quote(text: str) -> str:
    """Return text as a Markdown quotation that wraps, keeps its lines, and is only text."""
    return "\n>\n".join("\\\n".join(f"> {line}" for line in lines) for lines in _paragraphs(text))


def paragraphs(text: str) -> str:
    """Return text as paragraphs in Markdown that keep their lines and are read as text only."""
    return "\n\n".join("\\\n".join(lines) for lines in _paragraphs(text))


def _paragraphs(text: str) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in visible_text.shorten_runs(visible_text.make_visible(text)).split("\n"):
        bare = line.lstrip(" ")
        if not bare:
            found.append([])
        else:
            # Spaces that do not break keep the line where it begins, and make no block of it.
            found[-1].append("\u00a0" * (len(line) - len(bare)) + escape_line(bare.rstrip()))
    return [lines for lines in found if lines]


def link(words: str, url: str) -> str:
    """Return a link to a web page, or only its words when the address is none of http and https."""
    label = one_line(words) or "link"
    if not is_web(url):
        return label
    target = re.sub(r"[\s<>\\]", lambda found: f"%{ord(found[0]):02X}", url).replace("&", "&amp;")
    return f"[{label}](<{target}>)"


def is_web(url: str) -> bool:
    """Tell whether an address leads to a web page, and to the one that it shows."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = len(url) <= LONGEST_URL and url == visible_text.make_visible(url) and url.isprintable()
    return (
        plain and parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    )


def with_sources(text: str, sources: list[dict[str, Any]]) -> str:
    """Return an answer whose `[1]` lead to its sources,
    with the sources below: number, title, url, source.
    """
    known = {one["number"]: one for one in sources}

    def mark(found: re.Match[str]) -> str:
        one = known.get(int(found[1]))
        return found[0] if one is None else citation_link(int(found[1]), str(one.get("url") or ""))

    said = re.sub(r"\\\[(\d{1,4})\\\]", mark, paragraphs(text))
    lines = [
        # Windmill shows no numbers before the entries of a list.
        f"- \\[{one['number']}\\]"
        f" {link(str(one.get('title') or one.get('url') or ''), str(one.get('url') or ''))}"
        + (f", {one_line(str(one['source']))}" if one.get("source") else "")
        for one in sources
    ]
    return said + ("\n\n#### Sources\n\n" + "\n".join(lines) if lines else "") + "\n"


def citation_link(number: int, url: str) -> str:
    """Return the number of a source in brackets, as a link to it where it has one."""
    return f"\\[{link(str(number), url)}\\]"
