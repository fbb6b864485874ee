"""What the language has no words for is named, and the rest can be kept, or the flow given up to be written by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from f.millrace.core.errors import BadInput, NotFound
from scripts.compiler import spec, write
from scripts.importer import canonical, flow
from scripts.importer.eject import eject
from tests.importer.conftest import FLOW

Json = dict[str, Any]


@pytest.fixture
def edit(root: Path) -> Callable[..., flow.Imported]:
    """Change the flow as the editor would and read it back."""

    def change(step: str, **settings: Any) -> flow.Imported:
        document = yaml.safe_load((root / FLOW).read_text())
        [module] = [each for each in canonical.every(document["value"]["modules"]) if each["id"] == step]
        for key, setting in settings.items():
            if key == "value":
                module["value"] = setting
            elif key == "transforms":
                module["value"]["input_transforms"] |= setting
            elif key in ("iterator", "hash", "parallelism", "tag_override"):
                module["value"][key] = setting
            else:
                module[key] = setting
        (root / FLOW).write_text(yaml.safe_dump(document))
        return flow.read_flow(root / FLOW, root)

    return change


SAID = [
    ("publish", {"sleep": {"type": "static", "value": 5}}, "waits after the step"),
    ("fetch", {"retry": {"exponential": {"attempts": 3, "multiplier": 2, "seconds": 1}}}, "growing delays"),
    ("fetch", {"retry": {"constant": {"attempts": 1, "seconds": 1}, "retry_if": {"expr": "error"}}}, "only on a condition"),
    ("fetch", {"timeout": {"type": "javascript", "expr": "flow_input.most"}}, "timeout"),
    ("fetch", {"transforms": {"most": {"type": "javascript", "expr": "flow_input.most + 1"}}}, "'flow_input.most + 1', more than a path"),
    ("collect", {"iterator": {"type": "javascript", "expr": "[1, 2, 3]"}}, "a loop over"),
    ("collect", {"parallelism": {"type": "static", "value": 4}}, "how many items run at once"),
    ("collect", {"continue_on_error": True}, "as a whole"),
    ("publish", {"skip_if": {"expr": "results.open.n > 3"}}, "a condition is a path"),
    ("open", {"stop_after_if": {"expr": "result.skip", "skip_if_stopped": True}}, "skip_if_stopped"),
    ("publish", {"mock": {"enabled": True, "return_value": 1}}, "pinned result"),
    ("publish", {"hash": "0123456789abcdef"}, "one version of its script"),
    ("publish", {"tag_override": "gpu"}, "worker tag"),
    ("publish", {"suspend": {"required_events": 1, "timeout": 60}}, "`approval` step"),
    ("publish", {"value": {"type": "rawscript", "language": "python3", "content": "def main(): ...", "input_transforms": {}}}, "inline script"),
    ("publish", {"value": {"type": "flow", "path": "f/millrace/news/other", "input_transforms": {}}}, "call of another flow"),
    ("publish", {"value": {"type": "whileloopflow", "modules": [], "skip_failures": False}}, "while loop"),
    ("publish", {"value": {"type": "script", "path": "u/eve/own", "input_transforms": {}}}, "'u/eve/own'"),
    ("publish", {"value": {"type": "identity"}}, "does nothing"),
    ("route", {"value": {"type": "branchone", "branches": [], "default": []}}, "empty branch"),
    ("look", {"value": {"type": "branchall", "branches": [{"modules": []}], "parallel": True}}, "empty"),
    ("approve_ask", {"summary": "Ask the boss"}, "its summary would be 'Ask a person'"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "settings", "words"), SAID)
def test_what_has_no_words_is_named_with_its_step(edit, step: str, settings: Json, words: str):
    imported = edit(step, **settings)

    assert any(each.step == step and words in each.what for each in imported.unsaid), imported.unsaid
    assert not imported.complete


def test_settings_of_the_flow_are_named(root: Path):
    document = yaml.safe_load((root / FLOW).read_text())
    document["value"] |= {"same_worker": True, "notes": [{"id": "n", "text": "hello"}], "concurrent_limit": 2}
    document["value"]["flow_env"]["mine"] = 1
    (root / FLOW).write_text(yaml.safe_dump(document))

    named = " ".join(str(each) for each in flow.read_flow(root / FLOW, root).unsaid)

    for words in ("one worker", "notes in the editor", "concurrent_limit", "'mine'"):
        assert words in named


def test_the_rest_is_kept_and_what_cannot_be_said_stays_as_the_spec_had_it(edit, root: Path):
    imported = edit(
        "fetch",
        summary="Fetch it well",
        transforms={"most": {"type": "javascript", "expr": "flow_input.most * 2"}, "language": {"type": "static", "value": "fr"}},
    )

    written = flow.write_spec(imported, root)

    fetch = next(step for step in spec.load(root / "flows/base.yaml").every_step() if step.id == "fetch")
    assert fetch.call is not None
    assert (fetch.summary, fetch.call.with_["language"].value) == ("Fetch it well", "fr")
    assert fetch.call.from_["most"].text == "flow_input.most"
    assert written == ["flows/base.yaml", FLOW]


def test_a_reference_that_the_language_forbids_is_told_with_its_line(edit):
    imported = edit("publish", transforms={"approved": {"type": "javascript", "expr": "results.fetch.ok"}})

    [problem] = imported.problems
    assert "it is inside 'collect' and not visible outside" in problem.what
    assert imported.text.splitlines()[problem.line - 1].strip().startswith("from: {action_id")


def test_a_spec_with_mistakes_is_corrected_before_an_import(root: Path):
    file = root / "flows/base.yaml"
    file.write_text(file.read_text().replace("id: open", "id: Open"))

    with pytest.raises(BadInput, match="correct the spec first"):
        flow.read_flow(root / FLOW, root)


def test_an_unknown_flow_is_told_with_those_that_there_are(root: Path):
    with pytest.raises(NotFound, match="one of base"):
        flow.find(root, "bass")


def test_what_is_no_flow_is_refused(root: Path):
    (root / FLOW).write_text("- a list\n")

    with pytest.raises(BadInput, match="is no flow"):
        flow.read_flow(root / FLOW, root)


def test_an_ejected_flow_is_left_alone_by_compiler_and_checks(root: Path):
    write.compile_all(root)
    changed = eject(root, "base")
    document = yaml.safe_load((root / FLOW).read_text())
    document["value"]["modules"][0]["value"] = {"type": "identity"}
    (root / FLOW).write_text(yaml.safe_dump(document))
    text = (root / FLOW).read_text()

    compiled = write.compile_all(root)

    assert changed == ["flows/base.yaml", FLOW]
    assert compiled == [] and write.drift(root) == []
    assert (root / FLOW).read_text() == text
    assert "Compiled from" not in document["description"]
    assert (root / "f/millrace/news/base.schedule.yaml").exists()


def test_a_scheduled_script_cannot_be_ejected(root: Path):
    (root / "flows/tidy.yaml").write_text(
        'summary: Tidy\narea: news\nschedule: {cron: "0 0 3 * * 0", timezone: UTC}\nrun: news/tidy\n'
    )

    with pytest.raises(BadInput, match="makes no flow"):
        eject(root, "tidy")
