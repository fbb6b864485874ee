"""Flows as Windmill's editor and a pull left them, each beside the spec that it has to become,
letter by letter.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.compiler import write
from scripts.compiler.sources import bundle
from scripts.importer import canonical, flow
from scripts.importer.prepare import prepare
from tests.importer.conftest import FLOW, HERE

EDITED = sorted(path.name for path in (HERE / "edited").iterdir())
SCHEDULE = "f/millrace/news/base.schedule.yaml"


def pull(root: Path, name: str) -> None:
    """Put an edited flow, and its schedule, where a pull does."""
    folder = HERE / "edited" / name
    shutil.copy(folder / "flow.yaml", root / FLOW)
    if (folder / "schedule.yaml").exists():
        shutil.copy(folder / "schedule.yaml", root / SCHEDULE)
    if name == "schedule_removed":
        (root / SCHEDULE).unlink()


def runs(document: dict[str, Any]) -> list[Any]:
    """Return what each script of a flow is given and how it is run, in their order; approvals have
    a form of their own.
    """
    return [
        {key: part for key, part in each.items() if key != "summary"}
        for each in canonical.every(document["value"]["modules"])
        if each["value"]["type"] == "script" and "approvals/" not in each["value"]["path"]
    ]


@pytest.mark.parametrize("name", EDITED)
def test_an_edited_flow_becomes_its_spec_and_comments_stay_with_their_steps(root: Path, name: str):
    pull(root, name)
    pulled, _ = prepare(canonical.flow(yaml.safe_load((root / FLOW).read_text())), bundle(root), {})

    imported = flow.read_flow(root / FLOW, root)
    flow.write_spec(imported, root)

    assert imported.text == (HERE / "edited" / name / "spec.yaml").read_text()
    assert (imported.not_expressible, imported.problems) == ([], [])
    assert [
        problem for problem in write.drift(root) if problem.file.startswith(("f/", "flows/"))
    ] == []
    compiled = canonical.flow(yaml.safe_load((root / FLOW).read_text()))
    assert runs(compiled) == runs(pulled)


def test_a_flow_that_was_not_edited_is_not_imported(root: Path):
    assert flow.edited(root) == []
    assert flow.read_flow(root / FLOW, root).text == (root / "flows/base.yaml").read_text()


def test_edited_flows_are_found(root: Path):
    pull(root, "retry")

    assert flow.edited(root) == [root / FLOW]


def test_a_new_flow_of_the_editor_becomes_a_new_spec(root: Path):
    folder = root / "f/millrace/news/fresh__flow"
    folder.mkdir()
    document = yaml.safe_load((root / FLOW).read_text())
    del document["value"]["flow_env"]
    document["description"] = ""
    (folder / "flow.yaml").write_text(yaml.safe_dump(document))

    imported = flow.read_flow(flow.find(root, "fresh"), root)
    written = flow.write_spec(imported, root)

    assert imported.complete
    assert written == ["flows/fresh.yaml", "f/millrace/news/fresh__flow/flow.yaml"]
    made = yaml.safe_load((folder / "flow.yaml").read_text())
    assert made["value"]["modules"] == document["value"]["modules"]
    assert made["value"]["flow_env"]["pipeline"]["name"] == "fresh"


def test_a_flow_from_elsewhere_keeps_the_schedule_of_the_spec(root: Path, tmp_path: Path):
    folder = tmp_path / "elsewhere" / "base__flow"
    folder.mkdir(parents=True)
    shutil.copy(HERE / "edited/constant/flow.yaml", folder)

    imported = flow.read_flow(folder / "flow.yaml", root)

    assert imported.text == (HERE / "edited/constant/spec.yaml").read_text()
