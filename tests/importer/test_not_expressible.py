"""What the language has no words for is named, and the rest can be kept, or the flow given up to be
written by hand.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from f.millrace.core.errors import BadInput, MillraceError, NotFound
from scripts.compiler import spec, write
from scripts.compiler.sources import bundle
from scripts.importer import canonical, flow
from scripts.importer.eject import eject
from tests.importer.conftest import FLOW, HERE

Json = dict[str, Any]


@pytest.fixture
def edit(root: Path) -> Callable[..., flow.Imported]:
    """Change the flow as the editor would and read it back."""

    def change(step: str, **settings: Any) -> flow.Imported:
        document = yaml.safe_load((root / FLOW).read_text())
        [module] = [
            each for each in canonical.every(document["value"]["modules"]) if each["id"] == step
        ]
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
    (
        "fetch",
        {"retry": {"exponential": {"attempts": 3, "multiplier": 2, "seconds": 1}}},
        "growing delays",
    ),
    (
        "fetch",
        {"retry": {"constant": {"attempts": 1, "seconds": 1}, "retry_if": {"expr": "error"}}},
        "only on a condition",
    ),
    ("fetch", {"timeout": {"type": "javascript", "expr": "flow_input.most"}}, "timeout"),
    (
        "fetch",
        {"transforms": {"most": {"type": "javascript", "expr": "flow_input.most + 1"}}},
        "'flow_input.most + 1', more than a path",
    ),
    ("collect", {"iterator": {"type": "javascript", "expr": "[1, 2, 3]"}}, "a loop over"),
    ("collect", {"parallelism": {"type": "static", "value": 4}}, "how many items run at once"),
    ("collect", {"continue_on_error": True}, "as a whole"),
    ("publish", {"skip_if": {"expr": "results.open.n > 3"}}, "a condition is a path"),
    (
        "open",
        {"stop_after_if": {"expr": "result.skip", "skip_if_stopped": True}},
        "skip_if_stopped",
    ),
    ("publish", {"mock": {"enabled": True, "return_value": 1}}, "pinned result"),
    ("publish", {"hash": "0123456789abcdef"}, "one version of its script"),
    ("publish", {"tag_override": "gpu"}, "worker tag"),
    ("publish", {"suspend": {"required_events": 1, "timeout": 60}}, "`approval` step"),
    (
        "publish",
        {
            "value": {
                "type": "rawscript",
                "language": "python3",
                "content": "def work(): ...",
                "input_transforms": {},
            }
        },
        "inline script",
    ),
    (
        "publish",
        {"value": {"type": "flow", "path": "f/millrace/news/other", "input_transforms": {}}},
        "call of another flow",
    ),
    (
        "publish",
        {"value": {"type": "whileloopflow", "modules": [], "skip_failures": False}},
        "while loop",
    ),
    (
        "publish",
        {"value": {"type": "script", "path": "u/eve/own", "input_transforms": {}}},
        "'u/eve/own'",
    ),
    ("publish", {"value": {"type": "identity"}}, "does nothing"),
    ("route", {"value": {"type": "branchone", "branches": [], "default": []}}, "empty branch"),
    (
        "look",
        {"value": {"type": "branchall", "branches": [{"modules": []}], "parallel": True}},
        "empty",
    ),
    (
        "fetch",
        {
            "transforms": {
                "language": {
                    "type": "javascript",
                    "expr": "`${flow_input.topic} of ${results.open.n}`",
                }
            }
        },
        "`${flow_input.topic} of",
    ),
    (
        "publish",
        {
            "value": {
                "type": "rawscript",
                "language": "bun",
                "content": "export async function main() {}",
                "input_transforms": {},
            }
        },
        "this one is in bun",
    ),
    (
        "publish",
        {
            "value": {
                "type": "rawscript",
                "language": "postgresql",
                "content": "SELECT 1",
                "input_transforms": {},
            }
        },
        "this one is in postgresql",
    ),
    (
        "publish",
        {"value": {"type": "aiagent", "input_transforms": {}, "tools": []}},
        "AI agent step",
    ),
    (
        "open",
        {"stop_after_if": {"expr": "result.skip", "error_message": "nothing to do"}},
        "error_message",
    ),
    (
        "open",
        {"stop_after_if": {"expr": "result.n === 0", "skip_if_stopped": False}},
        "a condition is a path",
    ),
    (
        "collect",
        {"stop_after_if": {"expr": "result.done", "skip_if_stopped": False}},
        "stop_after_if",
    ),
    ("collect", {"stop_after_all_iters_if": {"expr": "result.length > 3"}}, "after all items"),
    ("fetch", {"cache_ttl": 600}, "keeps its result"),
    ("fetch", {"priority": 10}, "priority"),
    ("fetch", {"delete_after_secs": 60}, "deletes its data"),
    ("fetch", {"debouncing": {"debounce_delay_s": 5}}, "debounced"),
    (
        "publish",
        {"suspend": {"required_events": 2, "timeout": 60, "resume_form": {"schema": {}}}},
        "waits for a person",
    ),
    ("approve", {"summary": "Note it"}, "its summary would be 'Record the decision'"),
    ("approve_ask", {"retry": {"constant": {"attempts": 2, "seconds": 1}}}, "waits for a person"),
]


@pytest.mark.parametrize(("step", "settings", "words"), SAID)
def test_what_has_no_words_is_named_with_its_step(edit, step: str, settings: Json, words: str):
    imported = edit(step, **settings)

    assert any(each.step == step and words in each.what for each in imported.not_expressible), (
        imported.not_expressible
    )
    assert not imported.complete


DAMAGED = [
    ({"value": {"modules": {"a": 1}}}, "value.modules is a mapping where a list belongs"),
    ({"value": {"modules": ["open"]}}, "value.modules[0] is text, not a step"),
    ({"value": {"modules": [{"id": "a", "value": None}]}}, "step 'a' has no value with a type"),
    (
        {"value": {"modules": [{"id": "a", "value": {"type": "branchall"}}]}},
        "step 'a' has no list of branches",
    ),
    (
        {"value": {"modules": [{"id": "a", "value": {"type": "script", "path": 3}}]}},
        "step 'a': path is 3 where text belongs",
    ),
    (
        {
            "value": {
                "modules": [
                    {
                        "id": "a",
                        "value": {"type": "script", "path": "f/x", "input_transforms": {"b": "c"}},
                    }
                ]
            }
        },
        "step 'a': input_transforms.b is text where a mapping belongs",
    ),
    (
        {"value": {"modules": []}, "schema": {"properties": {"a": []}}},
        "schema.properties.a is a list where a mapping belongs",
    ),
]


@pytest.mark.parametrize(("document", "words"), DAMAGED)
def test_a_damaged_flow_is_told_with_what_is_damaged(root: Path, document: Json, words: str):
    (root / FLOW).write_text(yaml.safe_dump(document))

    with pytest.raises(BadInput) as caught:
        flow.read_flow(root / FLOW, root)
    assert words in str(caught.value)


JUNK = [
    None,
    "",
    [],
    {},
    0,
    True,
    "x",
    ["a"],
    {"expr": "a"},
    {"type": "javascript"},
    {"type": "javascript", "expr": "`${a}`"},
]


def places(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = (
        part.items()
        if isinstance(part, dict)
        else enumerate(part)
        if isinstance(part, list)
        else ()
    )
    return [found for key, each in pairs for found in [(*path, key), *places(each, (*path, key))]]


@pytest.mark.long
@settings(
    max_examples=400 if os.environ.get("PROVE") else 25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_whatever_is_damaged_the_import_ends_in_a_spec_or_in_words(root: Path, data: st.DataObject):
    write.compile_all(root, ["base"], overwrite=True)
    document = yaml.safe_load((root / FLOW).read_text())
    *outer, last = data.draw(st.sampled_from(places(document["value"])))
    inner = document["value"]
    for key in outer:
        inner = inner[key]
    if data.draw(st.booleans()):
        del inner[last]
    else:
        inner[last] = data.draw(st.sampled_from(JUNK))
    (root / FLOW).write_text(yaml.safe_dump(document))

    try:
        told = str(flow.read_flow(root / FLOW, root).text)
    except MillraceError as error:
        told = str(error)
    assert told


def lone_question(root: Path, suspend: Json | None = None, **more: Any) -> flow.Imported:
    """Put a question between two steps of the flow, as a person would, and read the flow back."""
    document = yaml.safe_load((root / FLOW).read_text())
    ask = {
        "id": "question",
        "summary": "Ask the editor",
        "value": {
            "type": "script",
            "path": "f/millrace/approvals/ask",
            "input_transforms": {
                "action_id": {"type": "javascript", "expr": "results.propose.action_id"}
            },
        },
        "suspend": (
            suspend
            or {"required_events": 1, "timeout": 600, "continue_on_disapprove_timeout": True}
        ),
        **more,
    }
    modules = document["value"]["modules"]
    place = next(number for number, each in enumerate(modules) if each["id"] == "approve_ask")
    modules.insert(place, ask)
    (root / FLOW).write_text(yaml.safe_dump(document))
    return flow.read_flow(root / FLOW, root)


@pytest.mark.parametrize(
    ("skip_if", "when"),
    [
        (None, None),
        ("!results.propose.needs", "results.propose.needs"),
        ("results.propose.agreed", "not results.propose.agreed"),
    ],
)
def test_a_lone_question_becomes_an_approval_and_that_is_said(
    root: Path, skip_if: str | None, when: str | None
):
    imported = lone_question(root, **({"skip_if": {"expr": skip_if}} if skip_if else {}))

    assert imported.complete, imported
    assert any("'question' became an approval" in note for note in imported.notes)
    flow.write_spec(imported, root)
    step = next(
        step for step in spec.load(root / "flows/base.yaml").every_step() if step.id == "question"
    )
    assert step.approval is not None and (step.approval.action.text, step.approval.timeout) == (
        "results.propose.action_id",
        600,
    )
    found = step.approval.when
    assert (f"{'not ' if found.negated else ''}{found.text}" if found else None) == when
    assert write.drift(root) == [] or all(
        problem.file.startswith("resources/") for problem in write.drift(root)
    )


def test_the_words_of_a_question_in_an_approval_of_the_earlier_form_become_its_summary(root: Path):
    text = (HERE / "edited/approval_always/flow.yaml").read_text()
    document = yaml.safe_load(text)
    [ask] = [
        each
        for each in canonical.every(document["value"]["modules"])
        if each["id"] == "approve_ask"
    ]
    ask["summary"] = "Ask the editor"
    (root / FLOW).write_text(yaml.safe_dump(document))

    imported = flow.read_flow(root / FLOW, root)

    assert imported.complete, imported
    assert (
        "    summary: Ask the editor\n    approval: {action: results.propose.action_id, timeout:"
        " 22h}" in imported.text
    )


def test_a_record_that_is_told_otherwise_than_the_question_is_skipped_is_named(edit):
    imported = edit("approve", transforms={"asked": {"type": "static", "value": True}})

    assert any(
        each.step == "approve_ask" and "waits for a person" in each.what
        for each in imported.not_expressible
    ), imported.not_expressible


def test_a_lone_question_whose_answer_the_next_step_reads_itself_is_named(root: Path):
    lone_question(root)
    document = yaml.safe_load((root / FLOW).read_text())
    modules = document["value"]["modules"]
    place = next(number for number, each in enumerate(modules) if each["id"] == "question")
    reads = {"tone": {"type": "javascript", "expr": "resume"}}
    script = {"type": "script", "path": "f/millrace/news/write", "input_transforms": reads}
    modules.insert(place + 1, {"id": "mine", "summary": "Read the answer", "value": script})
    (root / FLOW).write_text(yaml.safe_dump(document))

    imported = flow.read_flow(root / FLOW, root)

    assert any(
        each.step == "question" and "waits for a person" in each.what
        for each in imported.not_expressible
    ), imported.not_expressible


def test_a_lone_question_that_ends_the_flow_on_a_no_is_named(root: Path):
    imported = lone_question(root, {"required_events": 1, "timeout": 600})

    assert any(
        each.step == "question" and "waits for a person" in each.what
        for each in imported.not_expressible
    )


def test_settings_of_the_flow_are_named(root: Path):
    document = yaml.safe_load((root / FLOW).read_text())
    document["value"] |= {
        "same_worker": True,
        "notes": [{"id": "n", "text": "hello"}],
        "groups": [{"id": "g", "summary": "x"}],
    }
    document["value"] |= {
        "concurrent_limit": 2,
        "cache_ttl": 60,
        "priority": 5,
    }
    document["value"]["flow_env"]["mine"] = 1
    (root / FLOW).write_text(yaml.safe_dump(document))

    named = " ".join(str(each) for each in flow.read_flow(root / FLOW, root).not_expressible)

    for words in (
        "one worker",
        "notes in the editor",
        "groups in the editor",
        "how many runs",
        "'mine'",
    ):
        assert words in named
    for words in ("keeps its result", "has a priority"):
        assert words in named


def test_the_rest_is_kept_and_what_cannot_be_said_stays_as_the_spec_had_it(edit, root: Path):
    imported = edit(
        "fetch",
        summary="Fetch it well",
        transforms={
            "most": {"type": "javascript", "expr": "flow_input.most * 2"},
            "language": {"type": "static", "value": "fr"},
        },
    )

    written = flow.write_spec(imported, root)

    fetch = next(
        step for step in spec.load(root / "flows/base.yaml").every_step() if step.id == "fetch"
    )
    assert fetch.call is not None
    assert (fetch.summary, fetch.call.with_["language"].value) == ("Fetch it well", "fr")
    assert fetch.call.from_["most"].text == "flow_input.most"
    assert written == ["flows/base.yaml", FLOW]


def test_a_reference_that_the_language_forbids_is_told_with_its_line(edit):
    imported = edit(
        "publish", transforms={"approved": {"type": "javascript", "expr": "results.fetch.ok"}}
    )

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
    assert "flows/base.yaml" not in document["description"]
    assert (root / "f/millrace/news/base.schedule.yaml").exists()


def test_a_scheduled_script_cannot_be_ejected(root: Path):
    (root / "flows/tidy.yaml").write_text(
        'summary: Tidy\narea: news\nschedule: {cron: "0 0 3 * * 0", timezone: UTC}\nrun:'
        " news/tidy\n"
    )

    with pytest.raises(BadInput, match="makes no flow"):
        eject(root, "tidy")


def test_a_schedule_that_is_none_is_told(root: Path):
    (root / FLOW).parent.parent.joinpath("base.schedule.yaml").write_text("- a list\n")

    with pytest.raises(BadInput, match=r"base\.schedule\.yaml is no schedule"):
        flow.read_flow(root / FLOW, root)


def test_parts_all_of_whose_steps_have_no_words_are_named_and_the_rest_is_kept(edit, root: Path):
    idle = {"id": "idle", "value": {"type": "identity"}}
    branches = [
        {"modules": [idle]},
        {
            "modules": [
                {**idle, "id": "rest", "value": {"type": "script", "path": "f/millrace/news/tidy"}}
            ]
        },
    ]

    imported = edit("publish", value={"type": "branchall", "parallel": True, "branches": branches})

    assert {each.step for each in imported.not_expressible} >= {"idle", "publish"}
    assert any(
        "all the steps of one of its parts" in each.what for each in imported.not_expressible
    )
    flow.write_spec(imported, root)
    assert spec.load(root / "flows/base.yaml").steps


def test_what_an_input_has_beyond_the_language_is_one_line(root: Path):
    document = yaml.safe_load((root / FLOW).read_text())
    name = next(iter(document["schema"]["properties"]))
    document["schema"]["properties"][name] |= {"title": "A name", "nullable": True, "order": ["a"]}
    (root / FLOW).write_text(yaml.safe_dump(document))

    imported = flow.read_flow(root / FLOW, root)

    [line] = [str(each) for each in imported.not_expressible]
    assert f"input {name!r} has 'nullable', 'order'; an input has type, title" in line
    assert "title: A name" in imported.text


def test_what_a_person_set_on_the_schedule_beyond_the_language_is_named(root: Path):
    file = root / "f/millrace/news/base.schedule.yaml"
    theirs = yaml.safe_load(file.read_text()) | {
        "on_failure": "script/f/eve/tell",
        "retry": {"constant": {"attempts": 2}},
        "tag": "",
    }
    file.write_text(yaml.safe_dump(theirs | {"schedule": "0 0 7 * * *", "edited_by": "eve"}))

    imported = flow.read_flow(root / FLOW, root)

    assert [str(each) for each in imported.not_expressible] == [
        "the flow: its schedule sets on_failure, retry; "
        "a spec's schedule has cron, timezone, enabled, misfire_grace, catch_up, args"
    ]
    assert "0 0 7 * * *" in imported.text


def test_inline_scripts_of_an_ejected_flow_are_no_scripts_of_the_bundle(root: Path):
    (root / FLOW).with_name("tell.inline_script.py").write_text("import requests\n")

    assert [path for path in bundle(root).modules if "__flow" in path] == []


def test_an_edit_that_was_not_imported_is_not_lost_by_compiling(edit, root: Path):
    edit("fetch", summary="Fetched by hand")
    edited = (root / FLOW).read_text()

    with pytest.raises(
        BadInput, match=r"flow\.yaml; an edit on Windmill is brought into its spec by"
    ):
        write.compile_all(root)

    assert "Fetched by hand" in edited and (root / FLOW).read_text() == edited
    flow.write_spec(flow.read_flow(root / FLOW, root), root)
    assert write.compile_all(root, ["base"]) == []
