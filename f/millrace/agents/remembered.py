# requirements:

"""What memory holds on a question, in the form in which research takes documents."""

import os
import re
from typing import Any

from f.millrace.agents import evidence
from f.millrace.memory import documents, recall

# What research wrote down itself: an answer cites the evidence that it stands on instead.
WRITTEN = frozenset({"topic", "finding", "conflict"})
# A heading inside a passage; with a full stop it does not run into the sentence below it.
HEADING_LINE = re.compile(r"(?m)^#*[ \t]*([^\n]{1,80}[^\n.!?:;,])\n\n")


def document(hit: recall.Result) -> dict[str, Any]:
    """Return a memory as {url, title, text, source, published_at, trust}; the url of a passage opens at its place."""
    memory, place = hit.memory, hit.citation
    if memory.type == documents.PASSAGE and place.get("document"):
        url = documents.citation(place["document"], place.get("page") or 0, place["start"], place["end"] - place["start"])
        source = os.path.basename(memory.source)
    else:
        page = memory.source if memory.source.startswith(("http://", "https://")) else ""
        url = str(memory.metadata.get("url") or page or f"memory:{memory.id}")
        source = evidence.publisher(url) or memory.source or "memory"
    return {
        "url": url,
        "title": memory.title,
        "text": HEADING_LINE.sub(r"\1.\n\n", memory.text),
        "source": source,
        "published_at": memory.valid_from,
        "trust": memory.trust,
    }
