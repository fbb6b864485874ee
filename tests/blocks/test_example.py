"""The worked example in u/ runs as it is: a flow as the editor makes it, of blocks only."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from f.millrace.core import config
from f.millrace.trust import standing_approvals
from scripts.paths import ROOT
from scripts.runner.run import resume, start

FLOW = "u/example/brief"
QUESTION = "How much will the battery plant in Norrvik make?"


@pytest.fixture
def brief() -> dict[str, Any]:
    return yaml.safe_load((ROOT / f"{FLOW}__flow/flow.yaml").read_text())


def mails() -> list[str]:
    folder = Path(config.settings().outbox_dir)
    return [
        path.read_text().replace("=\n", "").replace("=3D", "=")
        for path in sorted(folder.glob("*.eml"))
    ]


def test_the_example_waits_for_a_person_and_sends_what_was_approved(
    world: str, brief: dict[str, Any]
) -> None:
    waits = start(
        brief, FLOW, {"question": QUESTION, "to": ["ada@home.example"]}, isolation="inline"
    )
    assert (waits.status, mails()) == ("waiting", [])
    [asked] = waits.waiting
    assert (
        QUESTION in asked["description"]["markdown"]
        and "gigawatt-hours" in asked["description"]["markdown"]
    )

    done = resume(
        waits.run_id,
        {"approved": True, "body": asked["default_args"], "by": "eva"},
        isolation="inline",
    )

    assert done.status == "done", done.error
    assert (done.result["approved"], done.result["by"]) == (True, "eva")
    [mail] = mails()
    assert f"Subject: Brief: {QUESTION}" in mail and "gigawatt-hours" in mail


def test_the_example_asks_nobody_about_those_who_agreed(world: str, brief: dict[str, Any]) -> None:
    standing_approvals.grant("ada@home.example", FLOW)

    done = start(
        brief, FLOW, {"question": QUESTION, "to": ["ada@home.example"]}, isolation="inline"
    )

    assert (done.status, done.result["decision"]) == ("done", "nothing_to_approve"), done
    assert len(mails()) == 1


def test_a_refusal_sends_nothing(world: str, brief: dict[str, Any]) -> None:
    waits = start(
        brief, FLOW, {"question": QUESTION, "to": ["ada@home.example"]}, isolation="inline"
    )

    done = resume(waits.run_id, {"approved": False, "by": "eva"}, isolation="inline")

    assert (done.status, done.result["approved"], mails()) == ("done", False, [])
