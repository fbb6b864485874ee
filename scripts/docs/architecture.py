"""Blocks of ARCHITECTURE.md that the code knows: layers, rooms and their libraries, decisions."""

from pathlib import Path

from f.millrace.core.errors import NotFound
from scripts.compiler import imports, sources
from scripts.compiler.rooms import ROOMS
from scripts.docs import markdown

FILE = "ARCHITECTURE.md"
DECISIONS = "resources/decisions"


def text(root: Path) -> str:
    """Return the page with its blocks filled in."""
    blocks = {"layers": _layers(), "rooms": _rooms(root), "decisions": _decisions(root)}
    return markdown.fill((root / FILE).read_text(encoding="utf-8"), blocks)


def _layers() -> str:
    """Return the layers as a drawing, the topmost first."""
    chain = " --> ".join(["scripts[scripts, tests]", "pipelines", *reversed(imports.LAYERS)])
    return f"```mermaid\nflowchart LR\n  {chain}\n```\n"


def _rooms(root: Path) -> str:
    modules = sources.bundle(root).modules.values()
    found = {imports.area(module.dotted) for module in modules} - {""}
    if missing := sorted(found - ROOMS.keys()):
        raise NotFound(
            f"scripts/compiler/rooms.py does not say what f/millrace/{missing[0]} is for"
        )
    rows = []
    for area in [area for area in ROOMS if area in found]:
        kind = "layer" if area in imports.LAYERS else "pipeline"
        owned = [
            library
            for library, owners in imports.OWNERS.items()
            if any(owner.split(".")[0] == area for owner in owners)
        ]
        rows.append((f"`{area}`", kind, ROOMS[area], ", ".join(owned)))
    head = ("folder of `f/millrace`", "is a", "what it is for", "libraries that it owns")
    return markdown.table(head, rows)


def _decisions(root: Path) -> str:
    """Return a line for each decision, a link named by its title."""
    lines = []
    for path in sorted((root / DECISIONS).glob("*.md")):
        title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        lines.append(f"- [{path.stem.split('-')[0]}]({DECISIONS}/{path.name}) {title}\n")
    return "".join(lines)
