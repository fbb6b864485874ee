"""What the pages for readers show of the code: pictures of flows and forms, the table of pipelines,
all generated.
"""

import re
from pathlib import Path

from scripts.compiler import draw, draw_flow, spec

PICTURE = "resources/windmill/daily_research.svg"
MAIN = "f/millrace/research/daily_research"
EXAMPLE = "u/example/brief"
EXAMPLE_PICTURE = "resources/windmill/example_brief.svg"
# Forms of the example's steps that u/README.md shows.
FORMS = {step: f"resources/windmill/example_brief_{step}.svg" for step in ("answer", "mail")}
README = "README.md"
BLOCK = re.compile(r"(<!-- generated: pipelines -->\n).*?(<!-- end -->)", re.DOTALL)


def write(root: Path) -> list[str]:
    """Write what changed and return the paths."""
    wanted = _wanted(root)
    changed = [path for path, text in wanted.items() if _read(root / path) != text]
    for path in changed:
        (root / path).write_text(wanted[path], encoding="utf-8")
    return changed


def check(root: Path) -> list[str]:
    """Return a line for each file that has drifted from the specs and flows."""
    return [
        f"{path} has drifted; run scripts/millrace metadata write"
        for path, text in _wanted(root).items()
        if _read(root / path) != text
    ]


def _wanted(root: Path) -> dict[str, str]:
    readme = BLOCK.sub(
        lambda match: match[1] + _table(root) + match[2],
        (root / README).read_text(encoding="utf-8"),
    )
    pictures = {PICTURE: _main(root), EXAMPLE_PICTURE: draw_flow.svg(root, EXAMPLE)}
    pictures |= {path: draw_flow.form(root, EXAMPLE, step) for step, path in FORMS.items()}
    return {**pictures, README: readme}


def _main(root: Path) -> str:
    """Return the picture of the main flow, also when it was ejected and has no spec any more."""
    if (root / spec.FOLDER / f"{MAIN.rsplit('/', 1)[1]}.yaml").is_file():
        return draw.svg(root, MAIN.rsplit("/", 1)[1])
    return draw_flow.svg(root, MAIN)


def _table(root: Path) -> str:
    lines = ["| pipeline | what it does | runs |", "|---|---|---|"]
    for loaded in spec.list_specs(root):
        when = (
            f"`{loaded.schedule.cron}` {loaded.schedule.timezone}" if loaded.schedule else "by hand"
        )
        lines.append(f"| `{loaded.name}` | {loaded.summary} | {when} |")
    return "\n".join(lines) + "\n"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
