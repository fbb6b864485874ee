"""What the README shows of the code: the picture of the main flow and the table of pipelines, generated."""

import re
from pathlib import Path

from scripts.compiler import draw, spec

PICTURE = "resources/windmill/daily_research.svg"
README = "README.md"
BLOCK = re.compile(r"(<!-- generated: pipelines -->\n).*?(<!-- end -->)", re.DOTALL)


def write(root: Path) -> list[str]:
    """Write what changed and return the paths."""
    changed = [path for path, text in _wanted(root).items() if _read(root / path) != text]
    for path in changed:
        (root / path).write_text(_wanted(root)[path])
    return changed


def check(root: Path) -> list[str]:
    """Return a line for each file that has drifted from the specs."""
    wanted = _wanted(root)
    return [
        f"{path} has drifted; run scripts/millrace metadata write" for path, text in wanted.items() if _read(root / path) != text
    ]


def _wanted(root: Path) -> dict[str, str]:
    readme = BLOCK.sub(lambda match: match[1] + _table(root) + match[2], (root / README).read_text())
    return {PICTURE: draw.svg(root, "daily_research"), README: readme}


def _table(root: Path) -> str:
    lines = ["| pipeline | what it does | runs |", "|---|---|---|"]
    for loaded in spec.list_specs(root):
        when = f"`{loaded.schedule.cron}` {loaded.schedule.timezone}" if loaded.schedule else "by hand"
        lines.append(f"| `{loaded.name}` | {loaded.summary} | {when} |")
    return "\n".join(lines) + "\n"


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
