"""The pages for readers: what they name exists, what they tell to type can be typed, nothing has
drifted.
"""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from f.millrace.core.errors import NotFound
from scripts.commands import __main__ as command
from scripts.compiler.rooms import ROOMS
from scripts.docs import command_line, console_picture, digest_picture, generated, markdown

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = (
    "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/mcp.md",
    "docs/windmill.md", "u/README.md", "u/python.md",
)  # fmt: skip
PAGES = [*WRITTEN, *(page.FILE for page in generated.PAGES if page.FILE.startswith("docs/"))]
DECISIONS = sorted((ROOT / "resources/decisions").glob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"")
TRACKED = subprocess.run(
    ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.splitlines()
# A path of the repository in backquotes; names with <…> or … in them are patterns.
PATH = re.compile(r"`((?:f|flows|u|scripts|resources|tests|dependencies)/[\w./-]+|\w+\.py)`(?! \[)")
PLACEHOLDERS = {"f/millrace/settings", "f/millrace/deployment"}


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in heads}


def blocks_of(text: str) -> list[str]:
    """Return the lines of a page's blocks of code that call scripts/millrace."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("scripts/millrace ")]


def test_no_page_has_drifted_from_what_it_is_generated_from():
    assert generated.check(ROOT) == []


@pytest.mark.parametrize("page", [*PAGES, *(f"resources/decisions/{p.name}" for p in DECISIONS)])
def test_every_link_of_a_page_leads_somewhere(page: str):
    for pair in LINK.findall((ROOT / page).read_text()):
        target, _, anchor = (pair[0] or pair[1]).partition("#")
        if target.startswith("http"):
            continue
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), f"{page} links {target}"
        if anchor:
            assert anchor in anchors(file.read_text()), f"{page} links {target}#{anchor}"


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "README.md"])
def test_every_path_that_a_page_names_is_in_the_repository(page: str):
    known = {*TRACKED, *(f"{parent}" for path in TRACKED for parent in Path(path).parents)}
    paths = set(PATH.findall((ROOT / page).read_text())) - PLACEHOLDERS
    missing = [
        path
        for path in paths
        if path.strip("/") not in known
        and f"f/millrace/{path}" not in known
        and not any(each.endswith(f"/{path}") for each in known)
        and f"{path}.py" not in known
    ]

    assert missing == []


@pytest.mark.parametrize(
    "asked",
    [
        "a prompt",
        "a source",
        "what a mail says",
        "what an approval asks",
        "how a passage is ranked",
    ],
)
def test_the_table_says_what_to_open_to_change(asked: str):
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith(f"| {asked}")]

    assert len(rows) == 1
    assert PATH.search(rows[0].split("|")[2])


@pytest.mark.parametrize("page", WRITTEN)
def test_every_command_in_a_block_can_be_typed(page: str):
    for line in blocks_of((ROOT / page).read_text()):
        command.parse(shlex.split(line.split(" > ")[0])[1:])


@pytest.mark.parametrize("page", WRITTEN)
def test_every_command_that_a_sentence_names_is_there(page: str):
    known = set(command_line.names())
    for words in re.findall(
        r"`scripts/millrace ([a-z]+)(?: ([a-z]+))?[^`]*`", (ROOT / page).read_text()
    ):
        group = any(name.startswith(f"{words[0]} ") for name in known)
        assert (" ".join(words).strip() if group else words[0]) in known, words


def test_every_folder_has_its_line():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    folders = {path.split("/")[0] for path in TRACKED if "/" in path if path[0] != "."}

    assert [
        each for each in sorted(folders) if not re.search(rf"^{each}/", text, re.MULTILINE)
    ] == []
    assert all(f"| `{room}` |" in text for room in ROOMS)


def test_the_picture_of_the_digest_is_small_and_shown():
    for file in (digest_picture.FILE, console_picture.FILE):
        assert (ROOT / file).stat().st_size < 200_000
        assert file in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_says_what_was_rejected(path: Path):
    text = path.read_text()

    assert re.fullmatch(r"\d{4}(-[a-z0-9]+)+", path.stem)
    assert text.startswith("# ")
    assert text.index("**Decision.**") < text.index("**Rejected.**\n- ")


def test_decisions_are_numbered_without_gaps():
    assert [int(path.stem[:4]) for path in DECISIONS] == [*range(1, len(DECISIONS) + 1)]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_names_a_machine(page: str):
    assert not re.search(r"(?<![\w.])/(?:home|tmp|root|work)/", (ROOT / page).read_text())


def test_a_block_that_a_page_lacks_is_named():
    with pytest.raises(NotFound, match="no block rooms"):
        markdown.fill("# A page\n", {"rooms": "x"})


def test_what_would_end_a_cell_is_escaped():
    assert markdown.table(["a"], [["x | y\nz"]]).splitlines()[2] == r"| x \| y z |"
