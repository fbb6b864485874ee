"""Pictures for readers: of flows without a spec and of forms; generated, checked for drift, there
also after an eject.
"""

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from f.millrace.core.errors import NotFound
from scripts.compiler import draw_flow, spec
from scripts.compiler.draw import HAND
from scripts.compiler.sources import bundle
from scripts.docs import generated, readme
from scripts.importer.eject import eject
from scripts.paths import ROOT


def texts(svg: str) -> str:
    return "\n".join(
        element.text or ""
        for element in ElementTree.fromstring(svg).iter()
        if element.tag.endswith("text")
    )


def test_a_flow_without_a_spec_is_drawn_step_by_step():
    shown = texts(draw_flow.svg(ROOT, readme.EXAMPLE))

    for word in (
        "Input: question, to",
        "known",
        "Research the question",
        "answer",
        "Mail the answer",
        "Result",
    ):
        assert word in shown


def test_a_box_says_where_its_step_is_from_and_shows_a_hand_when_it_waits():
    picture = draw_flow.svg(ROOT, "f/millrace/blocks/mail_with_approval")

    assert "<title>f/millrace/blocks/send_if_approved</title>" in picture
    assert picture.count(HAND) == 1


@pytest.mark.parametrize(
    ("step", "lines"),
    [
        (
            "answer",
            [
                "f/millrace/blocks/research",
                "Research the question",
                "flow_input.question",
                "What you want to know, in one sentence.",
            ],
        ),
        (
            "mail",
            [
                "f/millrace/blocks/mail_with_approval",
                "Mail the answer",
                "Brief: ${flow_input.question}",
                "flow_input.to",
            ],
        ),
    ],
)
def test_a_form_shows_what_is_called_its_help_and_what_each_field_is_given(step, lines):
    shown = texts(draw_flow.form(ROOT, readme.EXAMPLE, step)).split("\n")

    assert [line for line in lines if line not in shown] == []


def test_an_empty_field_shows_its_example(tmp_path: Path):
    for name in ("f", "u"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / f"{readme.EXAMPLE}__flow/flow.yaml"
    document = yaml.safe_load(file.read_text())
    del document["value"]["modules"][2]["value"]["input_transforms"]["subject"]
    file.write_text(yaml.safe_dump(document))

    assert "The brief you asked for" in texts(draw_flow.form(tmp_path, readme.EXAMPLE, "mail"))


def test_loops_and_branches_are_drawn_too():
    shown = texts(draw_flow.svg(ROOT, readme.MAIN))

    assert (
        "For loop over results.open.sources" in shown
        and "Collect result of each iteration" in shown
    )


def test_a_flow_that_is_not_there_is_named():
    with pytest.raises(NotFound, match="there is no flow 'u/example/nothing'"):
        draw_flow.svg(ROOT, "u/example/nothing")


def test_the_page_names_every_block_and_what_it_returns():
    text = (ROOT / "u/README.md").read_text()
    steps = {
        module.verb: module for module in bundle(ROOT).steps() if module.verb.startswith("blocks/")
    }

    assert len(steps) == 8
    for verb, module in steps.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `f/millrace/{verb}`"))
        named = [part.split("`")[0] for part in row.split("|")[3].split("`")[1::2]]
        assert named and set(named) <= set(module.returned), row
    for flow in [each for each in spec.list_specs(ROOT) if each.area == "blocks"]:
        assert f"| `{flow.path}` |" in text


def test_ejecting_the_main_flow_leaves_the_pages_in_order(tmp_path: Path):
    for name in ("f", "u", "flows", "resources/windmill"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "README.md", tmp_path)

    eject(tmp_path, "daily_research")
    changed = generated.write(tmp_path, readme.expected(tmp_path))

    assert set(changed) == {readme.PICTURE, readme.README}
    assert generated.write(tmp_path, readme.expected(tmp_path)) == []
    assert "| `daily_research` |" not in (tmp_path / "README.md").read_text()
    assert "For loop over results.open.sources" in texts((tmp_path / readme.PICTURE).read_text())
