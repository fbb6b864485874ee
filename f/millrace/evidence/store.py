# requirements:

"""Evidence: stored before it is used, cited by id; links, titles and dates come from here and from
nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from f.millrace.core import db, ids, redaction, run_context

if TYPE_CHECKING:
    from f.millrace.core import contracts, rows

PASSAGE = 900
MOST_PASSAGES = 4
MOST_TEXT = 60_000
# What of a row an agent is given, beside the text.
READ = ("id", "topic_id", "url", "title", "source", "tool", "published_at", "trust")
# The user's own documents and notes keep what stands in them.
OWN_ADDRESSES = ("document:", "note:")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def passages(text: str, size: int = PASSAGE) -> list[str]:
    """Return the text in pieces of whole sentences, each about `size` characters at most; headings
    keep a line of their own.
    """
    # a step that shows evidence takes no texts apart, and does without pydantic
    from f.millrace.core import sentences

    pieces: list[str] = []
    for sentence in sentences.split(text[:MOST_TEXT]):
        sentence = sentence[:size]
        if pieces and len(pieces[-1]) + len(sentence) < size:
            pieces[-1] += (" " if sentences.is_whole(pieces[-1]) else "\n") + sentence
        else:
            pieces.append(sentence)
    return pieces


def store(
    run_id: str,
    topic_id: str,
    question: str,
    *,
    url: str,
    title: str,
    text: str,
    source: str = "",
    published_at: datetime | None = None,
    tool: str = "",
    trust: contracts.Trust = "untrusted",
    private: bool = True,
    most: int = MOST_PASSAGES,
    lead: bool = False,
) -> list[contracts.Evidence]:
    """Store the passages of a text that have most to do with the question, and return them in the
    text's order. With `lead`, the first ones that say something: an article begins with its news.
    `private` says whether it is the owner's and not everybody's.
    """
    from f.millrace.core import contracts, sentences
    from f.millrace.evidence import claims

    text = text[:MOST_TEXT]
    if trust != "own" and not url.startswith(OWN_ADDRESSES):
        # The text as a whole: a secret of several lines is none in pieces.
        url, title, text = map(redaction.redact, (url, title, text))
    pieces = passages(text)
    ranked = sorted(
        range(len(pieces)),
        key=lambda place: (
            0 if lead else -claims.overlap(question, pieces[place]),
            lead and not any(map(sentences.is_clean, sentences.split(pieces[place]))),
            place,
        ),
    )
    made = [
        contracts.Evidence(
            id=ids.stable_id("ev", run_id, topic_id, ids.canonical_url(url), pieces[place]),
            topic_id=topic_id,
            url=url,
            title=title,
            text=pieces[place],
            source=publisher(url) or source,
            published_at=published_at,
            tool=tool,
            trust=trust,
        )
        for place in sorted(ranked[:most])
    ]
    _insert(run_id, made, private)
    return made


def _insert(run_id: str, pieces: Sequence[contracts.Evidence], private: bool) -> None:
    for piece in pieces:
        db.execute(
            "INSERT INTO evidence (id, run_id, topic_id, namespace, url, title, body, source, tool,"
            " published_at, trust, content_hash, private) VALUES (%s, %s, %s, %s, %s, %s, %s, %s,"
            " %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING",
            [
                piece.id,
                run_id,
                piece.topic_id,
                run_context.current().namespace,
                piece.url,
                _clean(piece.title),
                _clean(piece.text),
                piece.source,
                piece.tool,
                piece.published_at,
                piece.trust,
                ids.digest_of(piece.text),
                private,
            ],
        )


def rows_of(run_id: str, topic_id: str | None = None) -> list[rows.Evidence]:
    """Return what is stored for a run, or a topic of it, in the order in which it came."""
    return db.fetch_all(
        "SELECT * FROM evidence WHERE run_id = %(run)s AND (%(topic)s::text IS NULL OR topic_id ="
        " %(topic)s) ORDER BY created_at, id",
        {"run": run_id, "topic": topic_id},
    )


def load(run_id: str, topic_id: str) -> list[contracts.Evidence]:
    """Return what is stored for a topic of a run as an agent reads it."""
    from f.millrace.core import contracts

    return [
        contracts.Evidence.model_validate(
            {**{name: row[name] for name in READ}, "text": row["body"]}
        )
        for row in rows_of(run_id, topic_id)
    ]


def publisher(url: str) -> str:
    """Return who publishes a page: its host without `www.`; empty for what is not on the web.

    A server on this machine may carry several publishers (the sample edition does): there the
    page's folder is the name.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    if parts.hostname in LOOPBACK:
        folder = parts.path.rpartition("/")[0].rpartition("/")[2]
        # arXiv's pages are in `abs`, wherever it is
        return "arxiv" if folder == "abs" else folder or parts.hostname
    return parts.hostname.removeprefix("www.")


def _clean(text: str) -> str:
    return text.replace("\x00", "")


def insert_copies(copies: list[dict[str, Any]]) -> None:
    """Store passages of another run, under ids of this one; this run continues that one."""
    db.execute(
        "INSERT INTO evidence SELECT * FROM jsonb_populate_recordset(NULL::evidence, %s)",
        [db.jsonb(copies)],
    )
