"""What README.md and u/README.md show of the code: pictures of flows and forms, the table of
pipelines.
"""

from pathlib import Path

from scripts.compiler import draw, draw_flow, spec
from scripts.docs import markdown

PICTURE = "resources/windmill/daily_research.svg"
MAIN = "f/millrace/research/daily_research"
EXAMPLE = "u/example/brief"
EXAMPLE_PICTURE = "resources/windmill/example_brief.svg"
# Forms of the example's steps that u/README.md shows.
FORMS = {step: f"resources/windmill/example_brief_{step}.svg" for step in ("answer", "mail")}
README = "README.md"


def expected(root: Path) -> dict[str, str]:
    """Return the README and the pictures that pages show, by path."""
    page = (root / README).read_text(encoding="utf-8")
    pictures = {PICTURE: _main(root), EXAMPLE_PICTURE: draw_flow.svg(root, EXAMPLE)}
    pictures |= {path: draw_flow.form(root, EXAMPLE, step) for step, path in FORMS.items()}
    return {**pictures, README: markdown.fill(page, {"pipelines": _table(root)})}


def _main(root: Path) -> str:
    """Return the picture of the main flow, also when it was ejected and has no spec any more."""
    if (root / spec.FOLDER / f"{MAIN.rsplit('/', 1)[1]}.yaml").is_file():
        return draw.svg(root, MAIN.rsplit("/", 1)[1])
    return draw_flow.svg(root, MAIN)


def _table(root: Path) -> str:
    rows = [
        (
            f"`{loaded.name}`",
            loaded.summary,
            f"`{loaded.schedule.cron}` {loaded.schedule.timezone}"
            if loaded.schedule
            else "by hand",
        )
        for loaded in spec.list_specs(root)
    ]
    return markdown.table(("pipeline", "what it does", "runs"), rows)
