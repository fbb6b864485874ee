"""What an edited flow gets before it is read back: words for ids, summaries and descriptions where
the editor left none.
"""

from typing import Any

from scripts.compiler import metadata
from scripts.compiler.sources import HOME, Bundle
from scripts.importer import approvals, canonical

Json = dict[str, Any]


def prepare(flow: Json, bundle: Bundle, before: dict[str, Json]) -> tuple[Json, list[str]]:
    """Return a canonical flow that the language can say,
    and a note for each thing that was filled in.

    `before` has the steps of the spec that the flow was compiled from.
    """
    names = canonical.words(flow)
    flow = canonical.rename(flow, names) if names else flow
    flow = approvals.modernise(flow)
    notes = [
        f"step {was!r} is now {word!r}: an id is a word of small letters, digits and underscores"
        for was, word in names.items()
    ]
    notes += approvals.agree(flow, before)
    for module in reversed(canonical.every(flow["value"]["modules"])):
        if not module["summary"]:
            module["summary"] = summary(module, bundle)
            notes.append(f"step {module['id']!r} had no summary; it got {module['summary']!r}")
        for branch in module["value"].get("branches", []):
            branch["summary"] = branch["summary"] or (
                branch["modules"][0]["summary"] if branch["modules"] else ""
            )
    for name, parts in flow["schema"]["properties"].items():
        if not parts.get("description"):
            parts["description"] = name.replace("_", " ").capitalize() + "."
            notes.append(f"input {name!r} had no description; it got {parts['description']!r}")
    return flow, notes


def summary(module: Json, bundle: Bundle) -> str:
    """Return a summary for a step that has none: its script's first line, or what the step is."""
    value = module["value"]
    if value.get("type") == "script":
        verb = value.get("path", "").removeprefix(HOME + "/")
        script = bundle.step(verb)
        said = metadata.summary(script) if script else ""
        return said or f"Run {verb}"
    if value.get("type") == "forloopflow":
        return f"For each of {value['iterator'].get('expr', 'these')}"
    return {"branchall": "All of these", "branchone": "One of these"}.get(
        value.get("type", ""), "A step of the editor"
    )
