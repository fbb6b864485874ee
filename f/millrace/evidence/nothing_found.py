# requirements:

"""What to say where nothing was found: what was tried, and how to get more."""

from collections.abc import Collection

from f.millrace.core import config

TRIED, NO_SEARCH = "tried ", "no web search is set"
# What tools are called where a reader is told which were asked: a name with a dot reads as a host.
WHERE = {
    "web.search": "of the web",
    "web.news": "of the web",
    "arxiv.search": "of arXiv",
    "feeds.search": "of the feeds",
    "hackernews.search": "of Hacker News",
    "notes.search": "of the notes",
    "documents.search": "of the documents",
    "memory.search": "of the memory",
}
HOW = (
    f"{NO_SEARCH}: set MILLRACE_SEARCH_URL to a SearXNG server, or MILLRACE_BRAVE_API_KEY or"
    " MILLRACE_TAVILY_API_KEY"
)


def reasons(searches: int, tools: Collection[str], passages: int) -> list[str]:
    """Return what was tried and how to get more, as parts of why a research ended."""
    # Without an engine a search of the web looks through what was collected.
    known = WHERE if has_web_search() else {**WHERE, "web.search": "of what was read"}
    places = (known.get(tool) or f"with {tool.replace('.', ' ')}" for tool in tools)
    names = ", ".join(dict.fromkeys(places))
    asked = f"{_count(searches, 'search')} {names}" if tools else "no search at all"
    read = f"read {_count(passages, 'passage')}" if passages else "found nothing to read"
    said = [f"{TRIED}{asked}, {read}"]
    return said if has_web_search() else [*said, HOW]


def has_web_search() -> bool:
    """Tell whether the settings name a web search."""
    found = config.settings()
    return bool(
        found.search_url
        or found.brave_api_key.get_secret_value()
        or found.tavily_api_key.get_secret_value()
    )


def explain(stopped_because: str) -> str:
    """Return these parts of why a research ended as sentences; empty when there are none."""
    parts = [part for part in stopped_because.split("; ") if part.startswith((TRIED, NO_SEARCH))]
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts)


def _count(number: int, noun: str) -> str:
    plural = "es" if noun.endswith("ch") else "s"
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{plural}"
