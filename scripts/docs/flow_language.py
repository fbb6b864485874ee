"""docs/flow-language.md: each word of the specs with its meaning and an example, from
scripts/compiler/words.
"""

from collections.abc import Mapping
from pathlib import Path

from scripts.compiler import spec, words
from scripts.docs import markdown

FILE = "docs/flow-language.md"
# Of which words the inner ones are told, by the word whose example shows them.
INNER = {"schedule": words.SCHEDULE, "budget": words.BUDGET, "inputs": words.INPUT}


def text(root: Path) -> str:  # noqa: ARG001
    """Return the page."""
    kinds = (
        (f"`{kind}`", ", ".join(f"`{key}`" for key in keys if key != kind))
        for kind, keys in spec.KEYS.items()
    )
    return markdown.page(
        "The flow language",
        "[scripts/compiler/words.py](../scripts/compiler/words.py)",
        (words.__doc__ or "").split("\n\n", 1)[1],
        "## At the top of a spec\n",
        *_sections(words.TOP),
        "## In a step\n\nA step does exactly one of these things; beside that word it may have:\n",
        markdown.table(("a step that has", "may also have"), kinds),
        *_sections(words.STEP),
    )


def _sections(found: Mapping[str, words.Word]) -> list[str]:
    parts = []
    for name, word in found.items():
        parts.append(f"### `{name}`\n\n{word.means}\n\n```yaml\n{word.example}\n```\n")
        if name in INNER and found is words.TOP:
            rows = ((f"`{key}`", means) for key, means in INNER[name].items())
            parts.append(markdown.table(("word", "meaning"), rows))
    return parts
