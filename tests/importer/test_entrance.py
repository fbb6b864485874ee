"""How a flow is started from outside and where it answers comes back from an edit, too."""

from pathlib import Path

import yaml

from scripts.compiler import write
from scripts.importer import flow
from tests.importer.conftest import FLOW

EVENT = (
    "def preprocessor(event: dict) -> dict:\n    return {}\n\n\ndef main(event: dict) -> dict:\n   "
    " return {}\n"
)
SPEC = "flows/base.yaml"


def edited(root: Path, **settings: object) -> flow.Imported:
    document = yaml.safe_load((root / FLOW).read_text())
    document["value"] |= settings
    (root / FLOW).write_text(yaml.safe_dump(document))
    return flow.read_flow(root / FLOW, root)


def test_what_the_editor_added_becomes_words_of_the_spec(root: Path):
    (root / "f/millrace/news/event.py").write_text(EVENT)
    # A scheduled start has no message to give.
    lines = [
        line
        for line in (root / SPEC).read_text().splitlines(True)
        if not line.startswith("schedule:")
    ]
    message = "inputs:\n  user_message: {type: string, description: The message.}\n"
    (root / SPEC).write_text("".join(lines).replace("inputs:\n", message, 1))
    (root / "f/millrace/news/base.schedule.yaml").unlink()
    write.compile_all(root, ["base"])
    module = {
        "id": "preprocessor",
        "value": {"type": "script", "path": "f/millrace/news/event", "input_transforms": {}},
    }

    imported = edited(
        root, preprocessor_module=module, early_return="open", chat_input_enabled=True
    )

    assert imported.complete, (imported.not_expressible, imported.problems)
    said = yaml.safe_load(imported.text)
    assert (said["preprocessor"], said["early_return"], said["chat"]) == (
        {"run": "news/event"},
        "open",
        True,
    )


def test_what_the_editor_took_away_is_gone_from_the_spec(root: Path):
    (root / SPEC).write_text((root / SPEC).read_text() + "early_return: open\n")
    write.compile_all(root, ["base"])
    document = yaml.safe_load((root / FLOW).read_text())
    del document["value"]["early_return"]
    (root / FLOW).write_text(yaml.safe_dump(document))

    assert "early_return" not in flow.read_flow(root / FLOW, root).text


def test_a_preprocessor_written_in_the_editor_is_named(root: Path):
    module = {
        "id": "preprocessor",
        "value": {
            "type": "rawscript",
            "language": "python3",
            "content": EVENT,
            "input_transforms": {},
        },
    }

    imported = edited(root, preprocessor_module=module)

    assert any(
        "preprocessor that is no script of the bundle" in each.what
        for each in imported.not_expressible
    )
