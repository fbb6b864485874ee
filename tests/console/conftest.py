"""The console as a browser meets it: the ASGI application over a real Postgres."""

import json
import socket
import threading
import time
import uuid

import openai
import pytest
from starlette.testclient import TestClient

from f.millrace.core import db, run_context
from f.millrace.telemetry import events, runs, spans
from f.millrace.trust import access_tokens, actions, people
from scripts.console import sign_ins
from scripts.console.app import make_application
from scripts.console.children import Children
from scripts.console.server import Server
from scripts.paths import ROOT
from scripts.runner import run
from scripts.runner.openflow import load_openflow
from scripts.runner.worker import InlineWorker

HOST = "127.0.0.1:7431"
OWN = {"sec-fetch-site": "same-origin"}
PAGE = {"accept": "text/html"}
ROLES = {"ana": "owner", "bo": "approver", "cy": "member", "di": "reader"}


class Browser:
    """One browser, signed in as a person or not."""

    def __init__(self, app, person=""):
        self.client = TestClient(
            app, base_url=f"http://{HOST}", follow_redirects=False, headers=PAGE
        )
        # All ask the one server, whose loop is told of changes.
        self.client.portal = app.portal
        if person:
            answer = self.client.get(f"/enter?t={sign_ins.make_link(person)}")
            assert answer.status_code == 303

    def get(self, path, **options):
        return self.client.get(path, **options)

    def post(self, path, headers=OWN, **fields):
        return self.client.post(path, data=fields, headers=headers)


@pytest.fixture
def folk(database, configure):
    """Four people, one of each role."""
    configure(user="ana")
    people.establish("test")
    for person, role in ROLES.items():
        if person != "ana":
            people.add(person, role, by="ana")


@pytest.fixture
def app(folk):
    """The application, that follows its rows."""
    made = make_application()
    with TestClient(made, base_url=f"http://{HOST}") as server:
        made.portal = server.portal
        yield made


class Program:
    """A program with a token of a person."""

    def __init__(self, app, secret, **headers):
        self.client = TestClient(
            app,
            base_url=f"http://{HOST}",
            headers={"authorization": f"Bearer {secret}", **headers},
        )

    def __getattr__(self, name):
        return getattr(self.client, name)


@pytest.fixture
def program(app):
    """Open a program of a person: program("cy")."""

    def make(person, **headers):
        secret = access_tokens.create(person, f"laptop{uuid.uuid4().hex[:6]}", by=person)[1]
        return Program(app, secret, **headers)

    return make


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
def browser(app):
    """Open a browser of a person: browser("bo")."""
    return lambda person="": Browser(app, person)


@pytest.fixture
def run_of(folk):
    """Make a run of a person that has done a step and said some things; returns its id."""

    def make(person, *said, flow="chat", session="", status="done", asks="", error=None):
        run_id = str(uuid.uuid4())
        with run_context.change(user_id=person, session_id=session):
            runs.ensure(run_id, flow)
        with spans.step("assist.chat", run_id=run_id):
            for words in said:
                events.emit("progress", words)
        db.execute(
            "UPDATE run SET args = %s, status = %s, error = %s, finished_at = CASE WHEN %s IN"
            " ('running', 'waiting') THEN NULL ELSE clock_timestamp() END WHERE id = %s",
            [db.jsonb({"user_message": asks}), status, error, status, run_id],
        )
        return run_id

    return make


@pytest.fixture
def question(run_of):
    """Propose an action in a run of a person: what waits for somebody; returns its row."""

    def make(person="cy", subject="Lunch", text="At noon?", tool="mail.send"):
        run_id = run_of(person, status="waiting", flow="do_task")
        arguments = {"to": ["eve@out.example"], "subject": subject, "text": text}
        return actions.propose(tool, arguments, f"test:{run_id}", run_id=run_id)

    return make


@pytest.fixture
def server(folk):
    """The console behind a real server, as it runs behind the verb: the server and its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Server(make_application())
        thread = threading.Thread(target=made.run, kwargs={"sockets": [listening]})
        thread.start()
        until = time.monotonic() + 20
        while not made.started and time.monotonic() < until:
            time.sleep(0.02)
        yield made, listening.getsockname()[1]
        made.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def served(server):
    """The port of the console behind a real server."""
    return server[1]


@pytest.fixture
def secret(folk):
    """A token of cy, a member."""
    return access_tokens.create("cy", "laptop", by="cy")[1]


@pytest.fixture
def token_of(folk):
    """Make a token of a person: token_of("bo")."""
    return lambda person: access_tokens.create(person, "laptop", by=person)[1]


@pytest.fixture
def client(served, secret):
    """OpenAI's client, with cy's token."""
    with openai.OpenAI(
        api_key=secret, base_url=f"http://127.0.0.1:{served}/v1", max_retries=0
    ) as made:
        yield made


def begin_run(flow, session, args=None):
    """Write the rows of a run that has begun: its id, what it does."""
    run_id = str(uuid.uuid4())
    with run_context.change(session_id=session):
        runs.ensure(run_id, flow)
    db.execute("UPDATE run SET args = %s WHERE id = %s", [db.jsonb(args or {}), run_id])
    with run_context.change(run_id=run_id):
        events.emit("progress", "Searching… 12 results")
    return run_id


def answer_run(run_id):
    """Write the rows of an answer: a sentence with its source, then that the run is done."""
    db.execute(
        "INSERT INTO evidence (id, run_id, topic_id, namespace, url, title, body) VALUES (%s,"
        " %s, 't', 'main', 'https://cell.example/a', 'Cells', 'It makes 12 GWh.')",
        [f"ev_{run_id}", run_id],
    )
    finding = {"text": "It makes 12 GWh.", "citations": [f"ev_{run_id}"], "about": ""}
    details = {
        "topic_id": "t",
        "title": "How much?",
        "findings": [finding],
        "conflicts": [],
        "confidence": {"score": 70},
        "written_by": ["offline"],
    }
    with run_context.change(run_id=run_id):
        events.emit("sentence", "It makes 12 GWh. [1]")
    runs.keep(run_id, {"answer": {"text": "It makes 12 GWh. [1]", "details": details}})
    runs.close(run_id, "done", {})


@pytest.fixture
def begun(monkeypatch):
    """Have runs begin as rows in place of a child that a model would be asked in: they go on until
    `answer_run`. Returns what was asked.
    """
    asked = []

    def start(self, flow, args, session=""):
        run_id = begin_run(flow, session, args)
        asked.append((flow, args, session, run_context.user_id(), run_id))
        return run_id

    monkeypatch.setattr(Children, "start", start)
    return asked


@pytest.fixture
def answered(begun, monkeypatch):
    """As `begun`, and each run is answered at once."""
    begin = Children.start

    def start(self, flow, args, session=""):
        run_id = begin(self, flow, args, session)
        answer_run(run_id)
        return run_id

    monkeypatch.setattr(Children, "start", start)
    return begun


def frames(text):
    """Return the events of a stream: name, number, data."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found.append((fields["event"], fields.get("id"), json.loads(fields["data"])))
    return found
