# no_postinstall
# requirements: millrace_memory

"""Recall what memory knows about a question.

Finds documents, notes of earlier runs and conversations by meaning and by words, also as of an earlier day. Nothing is
searched outside, and no model writes: what comes back is what was kept, word for word.

scripts/millrace step blocks/recall question="quay repair"
"""

from f.millrace.core import errors, run_context
from f.millrace.memory import recall
from f.millrace.telemetry import spans
from f.millrace.trust import embeddings

MOST = 100


def main(question: str, limit: int = 5, types: list[str] | None = None, as_of: str = "", namespace: str = "main") -> dict:
    """Recall from memory.

    Args:
        question: What to look for, in words or as a question. Example: What did we agree about the quay repair?
        limit: At most this many memories, 1 to 100.
        types: Only these types of memories, such as passage (of documents), evidence, finding; none means all. Example: passage
        as_of: What was true on this day (ISO date); empty means now. Example: 2026-03-31
        namespace: Where the memories are kept.

    Returns:
        text: The memories, one a paragraph, for the next step.
        memories: Each with id, type, title, text, source, score, valid_from.
        found: How many there are; 0 is false in a branch.
    """
    if not 1 <= limit <= MOST:
        raise errors.BadInput(f"limit is {limit}; allowed is 1 to {MOST}")
    with spans.step("blocks.recall") as span, run_context.within(namespace=namespace):
        embeddings.keep_account()
        results = recall.search(question, limit, types=types or None, as_of=as_of.strip() or None).results
        names = ("id", "type", "title", "text", "source", "score", "valid_from")
        memories = [{name: result.as_json()[name] for name in names} for result in results]
        span.set(found=len(memories))
        text = "\n\n".join(f"{one['title']}: {one['text']}" if one["title"] else one["text"] for one in memories)
        return {"text": text, "memories": memories, "found": len(memories)}
