# no_postinstall
# requirements: millrace_memory

"""Recall from memory.

Finds documents, notes of earlier runs and conversations by meaning and by words, also as of an
earlier day. Nothing is searched outside, and no model writes: what comes back is what was kept,
word for word.

scripts/millrace step blocks/recall question="quay repair"
"""

from f.millrace.core import errors, run_context
from f.millrace.memory import recall
from f.millrace.telemetry import spans
from f.millrace.trust import markdown

MOST = 100


def main(
    question: str,
    limit: int = 5,
    types: list[str] | None = None,
    as_of: str = "",
    namespace: str = "main",
) -> dict:
    """Recall from memory.

    Args:
        question: What to look for, in words or as a question. Example: What did we agree about the
            quay repair?
        limit: At most this many memories, 1 to 100.
        types: Only these types of memories, such as passage (of documents), evidence, finding; none
            means all. Example: passage
        as_of: What was true on this day (ISO date); empty means now. Example: 2026-03-31
        namespace: Where the memories are kept.

    Returns:
        text: The memories, one a paragraph, for the next step.
        memories: Each with id, type, title, text, source, score, valid_from.
        found: How many there are; 0 is false in a branch.
    """
    if not 1 <= limit <= MOST:
        raise errors.BadInput(f"limit is {limit}; allowed is 1 to {MOST}")
    with spans.step("blocks.recall") as span, run_context.change(namespace=namespace):
        results = recall.search(
            question, limit, types=types or None, as_of=as_of.strip() or None
        ).results
        names = ("id", "type", "title", "text", "source", "score", "valid_from")
        memories = [{name: result.as_json()[name] for name in names} for result in results]
        span.set(found=len(memories))
        text = "\n\n".join(
            f"{one['title']}: {one['text']}" if one["title"] else one["text"] for one in memories
        )
        found = {
            "text": text,
            "memories": memories,
            "found": len(memories),
            "wm_labels": [f"found:{len(memories)}"],
        }
        return markdown.as_page(found, _page(memories))


def _page(memories: list[dict]) -> str:
    """Return the memories as a page, each with where it is from."""
    parts = []
    for one in memories:
        source, day = str(one["source"] or ""), str(one["valid_from"] or "")[:10]
        where = markdown.one_line(", ".join(part for part in (one["type"], source, day) if part))
        title = markdown.link(one["title"] or one["type"], source)
        parts.append(f"#### {title}\n\n{markdown.quote(one['text'])}\n\n{where}")
    return "\n\n".join(parts or ["Memory knows nothing about it."]) + "\n"
