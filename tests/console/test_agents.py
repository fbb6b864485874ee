"""Agents that people make, over HTTP: what an agent may be, who may make it, and how it is used."""

import uuid

import pytest
from starlette.testclient import TestClient

from f.millrace.core import db, run_context
from f.millrace.trust import access_tokens
from scripts.commands.run import load_openflow
from scripts.console.children import Children
from scripts.paths import ROOT
from scripts.runner import run
from scripts.runner.worker import InlineWorker
from tests.console.conftest import HOST, ROLES

READER = {
    "name": "reader",
    "description": "Reads my notes.",
    "instructions": "Answer from the notes, in one sentence.",
    "tools": ["notes.search", "notes.read"],
}


class Program:
    """A program with a token of a person."""

    def __init__(self, app, secret):
        self.client = TestClient(app, base_url=f"http://{HOST}")
        self.client.headers["authorization"] = f"Bearer {secret}"

    def __getattr__(self, name):
        return getattr(self.client, name)


@pytest.fixture
def program(app):
    """Open a program of a person: program("cy")."""
    secrets = {person: access_tokens.create(person, "laptop", by=person)[1] for person in ROLES}
    return lambda person: Program(app, secrets[person])


@pytest.fixture
def inline(monkeypatch):
    """Have runs done at once, by the runner and in this process, in place of a child."""

    def start(self, flow, args, session=""):
        run_id = str(uuid.uuid4())
        with run_context.change(session_id=session):
            run.start(
                load_openflow(flow), flow, args, run_id, isolation=InlineWorker(ROOT), root=ROOT
            )
        return run_id

    monkeypatch.setattr(Children, "start", start)


@pytest.fixture
def note(tmp_path):
    """A note about a quay."""
    (tmp_path / "notes").mkdir(exist_ok=True)
    (tmp_path / "notes" / "quay.md").write_text(
        "The quay of Kelby is repaired from March to June. The repair costs 2.4 million euros.\n"
    )


def test_an_agent_that_is_made_is_a_model_and_answers(program, inline, note):
    cy = program("cy")

    made = cy.post("/api/agents", json=READER)
    models = [one["id"] for one in cy.get("/v1/models").json()["data"]]
    asked = {
        "model": "millrace/reader",
        "messages": [
            {"role": "user", "content": "What does the repair of the quay of Kelby cost?"}
        ],
    }
    answer = cy.post("/v1/chat/completions", json=asked).json()

    assert made.status_code == 201 and made.json()["version"] == 1
    assert models == ["millrace/ask", "millrace/task", "millrace/reader"]
    assert "2.4 million euros" in answer["choices"][0]["message"]["content"]
    row = db.fetch_one("SELECT agent, version, outcome FROM agent_run")
    assert row == {"agent": "reader", "version": 1, "outcome": "done"}
