"""Generated files, and no other, are marked for review tools and nested in editors."""

import json
import subprocess

from scripts.compiler import loading, locks, sources, specs_schema, write
from scripts.database import schema
from scripts.docs import generated as docs
from scripts.observability import generated
from scripts.paths import ROOT
from scripts.settings import schema as settings

# Pages that are written by hand around a generated table.
PARTLY = {"README.md", "ARCHITECTURE.md"}


def written() -> set[str]:
    """The paths that commands write whole: flows compile, locks upgrade; metadata, imports, metrics
    and docs write.
    """
    files = sources.bundle(ROOT)
    modules = [path.removesuffix(".py") for path in files.modules]
    return {
        *(f"{module}.script.{kind}" for module in modules for kind in ("yaml", "lock")),
        *(path for spec in write.check(ROOT, files)[0] for path in write.expected(spec, files)),
        *(locks.file_of(name) for name in locks.groups(ROOT)),
        *(f"{generated.FOLDER.as_posix()}/{name}" for name in generated.expected()),
        *(docs.expected(ROOT).keys() - PARTLY),
        *(schema.TARGET, loading.FILE, settings.FILE, specs_schema.FILE),
    }


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file()]


def marked() -> set[str]:
    """The files that .gitattributes marks as generated."""
    said = subprocess.run(
        ["git", "check-attr", "-z", "--stdin", "linguist-generated"],
        cwd=ROOT, input="\0".join(tracked()), capture_output=True, text=True, check=True,
    )  # fmt: skip
    parts = said.stdout.split("\0")
    return {path for path, value in zip(parts[0::3], parts[2::3], strict=False) if value == "set"}


def test_the_files_that_commands_write_are_marked_and_no_other_is():
    assert marked() == written()


def test_in_editors_what_is_generated_from_a_module_lies_under_it():
    patterns = json.loads((ROOT / ".vscode/settings.json").read_text())[
        "explorer.fileNesting.patterns"
    ]
    nested = patterns["*.py"].split(", ")

    beside = {path.rsplit("/", 1)[1].split(".", 1)[1] for path in written() if ".script." in path}

    assert {pattern.removeprefix("${capture}.") for pattern in nested} == beside
