"""Cognitive complexity: how much a reader has to hold in mind at once, as complexipy counts it.

A function may have 15. One that has more says why in a comment of complexipy's form in the lines
above `def`: `# complexipy: ignore (one case for each kind of value)`. What is still to be split
stands in TO_SPLIT: nothing is added there, and what was split is taken out.
"""

import re
import sys
from pathlib import Path

import complexipy

from scripts.paths import ROOT

FOLDERS = ("f", "scripts", "u")
AT_MOST = 15
REASON = re.compile(r"# complexipy: ignore(?: \((?P<reason>.+)\))?$")
# File: functions.
TO_SPLIT = {
    "f/millrace/agents/ask.py": "ask",
    "f/millrace/agents/self_rag.py": "answer",
    "f/millrace/agents/summariser.py": "summarise",
    "f/millrace/evidence/conflicts.py": "discredited",
    "f/millrace/evidence/disputes.py": "_find_by_answers _find_by_copies",
    "f/millrace/ingest/chunking.py": "chunk",
    "f/millrace/ingest/parse_text.py": "parse_json _values",
    "f/millrace/ingest/parse_word.py": "_rows",
    "f/millrace/ingest/readers.py": "read_all",
    "f/millrace/models/offline.py": "summarise",
    "f/millrace/tools/mastodon.py": "read",
    "f/millrace/tools/notes.py": "all_notes",
}


def find(root: Path, to_split: dict[str, str]) -> list[str]:
    """Return a line for each function that has more without a reason, and for each exception that
    is no longer needed.
    """
    found: list[str] = []
    listed = {(path, name) for path, names in to_split.items() for name in names.split()}
    needed: set[tuple[str, str]] = set()
    for file in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py")):
        path = file.relative_to(root).as_posix()
        lines = file.read_text(encoding="utf-8").splitlines()
        measured = complexipy.file_complexity(str(file), no_ignore=True, with_plans=False)
        for function in measured.functions:
            if function.complexity > AT_MOST and (path, function.name) in listed:
                needed.add((path, function.name))
            elif said := _judge(function, lines):
                found.append(f"{path}:{function.line_start}: {function.name}() {said}")
    return found + [
        f"scripts/checking/complexity.py: TO_SPLIT has {name} of {path}, which is simple enough or"
        " gone; delete it there"
        for path, name in sorted(listed - needed)
    ]


def _judge(function: complexipy.FunctionComplexity, lines: list[str]) -> str:
    """Return what is wrong with a function; empty when nothing is."""
    comment = _comment_above(function.line_start, lines)
    if function.complexity <= AT_MOST:
        return "is simple enough without its comment; delete it" if comment else ""
    if comment is None:
        return (
            f"has a cognitive complexity of {function.complexity}; allowed are {AT_MOST}: split it"
            " by subject, or say above it why it stays: # complexipy: ignore (reason)"
        )
    reason = comment["reason"] or ""
    return "" if len(reason.split()) > 2 else "is excused without a reason; write it in brackets"


def _comment_above(start: int, lines: list[str]) -> re.Match[str] | None:
    """Return the comment above a function's first line, which is 1 for the first."""
    place = start - 2
    while place >= 0 and lines[place].lstrip().startswith(("#", "@")):
        if found := REASON.search(lines[place]):
            return found
        place -= 1
    return None


if __name__ == "__main__":
    mistakes = find(ROOT, TO_SPLIT)
    print("\n".join(mistakes))
    sys.exit(1 if mistakes else 0)
