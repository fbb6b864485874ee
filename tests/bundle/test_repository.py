"""The repository: nothing generated has drifted, steps can be shown, flows can be read."""

import re
from pathlib import Path

import pytest
import yaml

from scripts.compiler import openflow, spec
from scripts.compiler.serverform import sort_key
from scripts.compiler.sources import bundle

ROOT = Path(__file__).resolve().parents[2]
STEPS = [module.path for module in bundle(ROOT).steps()]
SPECS = [path.stem for path in spec.files(ROOT)]


@pytest.mark.parametrize("path", STEPS)
def test_a_step_has_a_summary_and_a_form_in_which_everything_is_described(path):
    metadata = yaml.safe_load((ROOT / path.replace(".py", ".script.yaml")).read_text())
    module = bundle(ROOT).modules[path]

    assert metadata["summary"]
    assert not metadata["summary"].endswith(".")
    assert list(metadata["schema"]["properties"]) == sorted(
        metadata["schema"]["properties"], key=sort_key
    )
    assert metadata["schema"]["order"] == [parameter.name for parameter in module.parameters]
    assert all(parts["description"] for parts in metadata["schema"]["properties"].values())


@pytest.mark.parametrize("name", SPECS)
def test_a_compiled_flow_runs_only_scripts_of_the_bundle(name):
    loaded = spec.load(ROOT / "flows" / f"{name}.yaml")
    if loaded.call:
        pytest.skip("a scheduled script has no flow")
    text = (ROOT / f"{loaded.path}__flow/flow.yaml").read_text()

    assert "rawscript" not in text
    assert "parallelism" not in text
    assert all((ROOT / f"{path}.py").exists() for path in re.findall(r"path: (f/\S+)", text))
    assert yaml.safe_load(text)["description"].endswith(openflow.origin(name, f"flows/{name}.yaml"))


@pytest.mark.parametrize(
    "path", sorted((ROOT / "f").rglob("*__raw_app/backend/*.yaml")), ids=lambda path: path.stem
)
def test_an_app_calls_only_what_the_bundle_has(path: Path):
    call = yaml.safe_load(path.read_text())
    ending = {"script": ".py", "flow": "__flow/flow.yaml"}[call["type"]]

    assert (ROOT / f"{call['path']}{ending}").is_file()


def test_a_trigger_starts_only_what_the_bundle_has():
    for path in (ROOT / "f").rglob("*_trigger.yaml"):
        trigger = yaml.safe_load(path.read_text())
        assert (
            ROOT / f"{trigger['script_path']}{'__flow/flow.yaml' if trigger['is_flow'] else '.py'}"
        ).is_file(), path


def test_no_package_marker_would_become_a_script():
    assert list((ROOT / "f").rglob("__init__.py")) == []
