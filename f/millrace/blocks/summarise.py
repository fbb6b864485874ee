# no_postinstall
# requirements: millrace_agents

"""Summarise documents.

Give documents that Millrace has read (by name, title or folder), addresses of web pages, or a text;
or all of them. Every sentence of the summary names the document that it stands on. What cannot be
read is reported and stops nothing, as long as something can.

scripts/millrace step blocks/summarise text="..." sentences=3
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from f.millrace.agents import summariser
from f.millrace.core import errors, ids, money, run_context
from f.millrace.evidence import store
from f.millrace.memory import documents as stored
from f.millrace.models import call
from f.millrace.telemetry import events, spans
from f.millrace.tools import web
from f.millrace.trust import markdown

if TYPE_CHECKING:
    from f.millrace.core import rows
    from f.millrace.evidence import pool

MOST_SENTENCES = 20


def main(
    documents: list[str] | None = None,
    urls: list[str] | None = None,
    text: str = "",
    about: str = "",
    sentences: int = 5,
    namespace: str = "main",
) -> dict:
    """Summarise documents.

    Args:
        documents: Names of documents that were read into memory: the file's name, its title, or a
            folder. Example: harbour-report.pdf
        urls: Addresses of web pages. Example: https://www.example.org/report
        text: A text to summarise, for example the result of the step before.
        about: Only what has to do with this; empty means all. Example: costs and delays
        sentences: At most this many sentences, 1 to 20.
        namespace: Where the documents are kept in memory.

    Returns:
        summary: The sentences, one a line, each with numbers in brackets.
        sources: What the numbers stand for: number, title, url, source.
        found: Whether there is a summary; false when nothing is about what was asked.
        read: How many documents were read.
        problems: What could not be read, and why; what was too long.
        cost_usd: What the models cost.
    """
    if not 1 <= sentences <= MOST_SENTENCES:
        raise errors.BadInput(f"sentences is {sentences}; allowed is 1 to {MOST_SENTENCES}")
    given = [*(documents or []), *(urls or []), text.strip()]
    if not any(part.strip() for part in given):
        raise errors.BadInput("there is nothing to summarise: give documents, urls or a text")
    with spans.step("blocks.summarise") as span:
        problems: list[str] = []
        found: list[pool.GivenDocument] = [
            *_from_memory(documents or [], namespace, problems),
            *_from_web(urls or [], problems),
        ]
        if text.strip():
            found.append({"url": "", "title": "The given text", "text": text, "source": "text"})
        if not found:
            raise errors.BadInput("nothing could be read: " + "; ".join(problems))
        topic = ids.stable_id(
            "summary",
            run_context.current().run_id,
            run_context.current().step,
            ids.digest_of([given, about]),
        )
        summary = call.wait(summariser.summarise(topic, found, about.strip(), sentences))
        problems += [
            f"{title}: too long, only its beginning was read" for title in summary.shortened
        ]
        for problem in problems:
            events.emit("error", problem)
        span.set(documents=len(found), sentences=len(summary.findings))
        return _result(summary, len(found), problems)


def _result(summary: summariser.Summary, read: int, problems: list[str]) -> dict[str, Any]:
    """Return the step's result with the page that shows it."""
    cost = money.dollars(summary.cost_usd)
    shown = {
        **_format_summary(summary),
        "read": read,
        "problems": problems,
        "cost_usd": summary.cost_usd,
        "wm_labels": [f"cost:{cost}"],
    }
    lines = [f"- {markdown.one_line(problem)}" for problem in problems]
    unread = "\n#### Not read\n\n" + "\n".join(lines) + "\n" if lines else ""
    page = markdown.with_sources(shown["summary"], shown["sources"])
    return markdown.as_page(shown, f"{page}{unread}\nIt cost {cost}.\n")


def _from_memory(names: list[str], namespace: str, problems: list[str]) -> list[pool.GivenDocument]:
    found: dict[str, rows.Document] = {}
    for name in names:
        try:
            found |= {row["id"]: row for row in stored.find(name, namespace)}
        except errors.MillraceError as error:
            problems.append(str(error))
    return [
        {
            "url": stored.citation(row["id"], 0, 0, 0),
            "title": row["title"],
            "text": row["body"],
            "source": row["path"].rpartition("/")[2],
            "published_at": row["dated_at"],
            "trust": row["trust"],
        }
        for row in found.values()
    ]


def _from_web(urls: list[str], problems: list[str]) -> list[pool.GivenDocument]:
    found: list[pool.GivenDocument] = []
    for url in dict.fromkeys(url.strip() for url in urls if url.strip()):
        try:
            page = web.read(url)
        except errors.MillraceError as error:
            problems.append(f"{url}: {error}")
            continue
        found.append(
            {
                "url": page.url,
                "title": page.title,
                "text": page.text,
                "source": page.site or store.publisher(page.url),
                "published_at": page.published_at,
            }
        )
    return found


def _format_summary(summary: summariser.Summary) -> dict[str, Any]:
    """Return the sentences with a number for each document, and what the numbers stand for."""
    numbers: dict[str, int] = {}
    sources, lines = [], []
    for finding in summary.findings:
        marks = []
        for piece in (summary.cited[one] for one in finding.citations if one in summary.cited):
            address = piece.url or piece.title
            if address not in numbers:
                numbers[address] = len(numbers) + 1
                sources.append(
                    {
                        "number": numbers[address],
                        "title": piece.title,
                        "url": piece.url,
                        "source": piece.source,
                    }
                )
            marks.append(f"[{numbers[address]}]")
        lines.append(f"{finding.text_with_subject} {''.join(dict.fromkeys(marks))}")
    return {
        "summary": "\n".join(lines) or "Nothing found.",
        "sources": sources,
        "found": bool(lines),
    }
