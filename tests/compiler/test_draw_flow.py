"""Pictures for readers: of flows without a spec and of forms; generated, checked for drift, there also after an eject."""

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from f.millrace.core.errors import NotFound
from scripts import readme
from scripts.compiler import draw_flow
from scripts.compiler.sources import bundle
from scripts.importer.eject import eject
from scripts.paths import ROOT


def texts(svg: str) -> str:
    return "\n".join(element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text"))


def test_a_flow_without_a_spec_is_drawn_step_by_step():
    shown = texts(draw_flow.svg(ROOT, readme.EXAMPLE))

    for word in ("inputs: question, to", "answer", "blocks/research", "Ask a person about the others", "waits up to 24 h"):
        assert word in shown


def test_a_form_shows_help_what_is_plugged_in_and_examples():
    shown = texts(draw_flow.form(ROOT, readme.EXAMPLE, "ask"))

    assert "Ask a person for approval; the flow waits" in shown
    assert "results.mail.action_id" in shown
    assert "Publish this report on the website?" in shown  # the example of a field that was left empty


def test_loops_and_branches_are_drawn_too():
    assert "for each of results.open.sources" in texts(draw_flow.svg(ROOT, readme.MAIN))


def test_a_flow_that_is_not_there_is_named():
    with pytest.raises(NotFound, match="there is no flow 'u/example/nothing'"):
        draw_flow.svg(ROOT, "u/example/nothing")


def test_every_picture_of_the_pages_is_committed_and_current():
    assert readme.check(ROOT) == []
    for page in ("README.md", "u/README.md"):
        text = (ROOT / page).read_text()
        for name in [part.split(")")[0] for part in text.split("](")[1:]]:
            assert name.startswith("http") or (ROOT / page).parent.joinpath(name).exists(), f"{page} names {name}"


def test_the_page_names_every_block_and_what_it_returns():
    text = (ROOT / "u/README.md").read_text()
    steps = {module.verb: module for module in bundle(ROOT).steps() if module.verb.startswith("blocks/")}

    assert len(steps) == 7
    for verb, module in steps.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `f/millrace/{verb}`"))
        named = [part.split("`")[0] for part in row.split("|")[3].split("`")[1::2]]
        assert named and set(named) <= set(module.returned), row


def test_ejecting_the_main_flow_leaves_the_pages_in_order(tmp_path: Path):
    for name in ("f", "u", "flows", "resources/windmill"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "README.md", tmp_path)

    eject(tmp_path, "daily_research")
    changed = readme.write(tmp_path)

    assert set(changed) == {readme.PICTURE, readme.README}
    assert readme.check(tmp_path) == []
    assert "| `daily_research` |" not in (tmp_path / "README.md").read_text()
    assert "for each of results.open.sources" in texts((tmp_path / readme.PICTURE).read_text())
