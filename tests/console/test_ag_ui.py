"""AG-UI's events out of the rows of a run; tests/live asks with its official client."""

import http.client
import json
import uuid

import pytest

from f.millrace.core import db, run_context
from f.millrace.telemetry import events, runs, spans
from f.millrace.trust import access_tokens, approvals
from scripts.console.children import Children
from tests.console.conftest import answer_run, begin_run

QUESTION = "How much will it make?"


def body(text=QUESTION, thread="t1", **more):
    message = {"id": "m1", "role": "user", "content": text}
    return {"threadId": thread, "runId": "r1", "messages": [message], **more}


@pytest.fixture
def ask(app, browser, secret):
    """Ask as cy's program; returns the events, or the answer when it is none."""

    def post(given, agent="ask", token=secret):
        content = given if isinstance(given, bytes) else json.dumps(given).encode()
        answer = browser().client.post(
            f"/ag-ui/{agent}", content=content, headers={"authorization": f"Bearer {token}"}
        )
        if answer.status_code != 200:
            return answer
        lines = [line for line in answer.text.splitlines() if line.startswith("data: ")]
        return [json.loads(line.removeprefix("data: ")) for line in lines]

    return post


def kinds(found):
    return [event["type"] for event in found]


def test_a_run_is_told_from_its_start_to_its_sources(ask, answered):
    found = ask(body())

    assert kinds(found) == [
        "RUN_STARTED",
        "STATE_SNAPSHOT",
        "ACTIVITY_SNAPSHOT",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
        "CUSTOM",
        "RUN_FINISHED",
    ]
    assert found[0]["threadId"] == "t1" and found[0]["runId"] == "r1"
    assert found[2]["content"] == {"lines": ["Searching… 12 results"]}
    assert found[4]["delta"] == "It makes 12 GWh. [1]\n\n"
    assert found[6]["value"] == [{"number": 1, "title": "Cells", "url": "https://cell.example/a"}]
    assert found[-1]["outcome"] == {"type": "success"}
    assert answered[0][:2] == ("chat", {"user_message": QUESTION}) and answered[0][3] == "cy"


def test_a_thread_is_a_conversation_of_its_own(ask, answered, token_of):
    ask(body())
    ask(body("And when?"))
    ask(body(thread="t2"))
    ask(body(), token=token_of("bo"))
    ask(body(), agent="task")

    sessions = [one[2] for one in answered]
    assert sessions[0] == sessions[1] == sessions[4] and len(set(sessions)) == 3
    assert answered[4][0] == "do_task"


def test_steps_and_their_states_are_patches(ask, begun, monkeypatch):
    begin = Children.start

    def start(self, flow, args, session=""):
        run_id = begin(self, flow, args, session)
        with spans.step("assist.chat", run_id=run_id):
            events.emit("progress", "Reading")
        answer_run(run_id)
        return run_id

    monkeypatch.setattr(Children, "start", start)

    found = ask(body())

    (delta,) = [event for event in found if event["type"] == "STATE_DELTA"]
    (patch,) = delta["delta"]
    assert patch["op"] == "add" and patch["value"] == "done"
    names = kinds(found)
    assert names.index("STEP_STARTED") < names.index("STEP_FINISHED") < names.index("RUN_FINISHED")
    assert {"op": "add", "path": "/lines/-", "value": "Reading"} in [
        one for event in found if event["type"] == "ACTIVITY_DELTA" for one in event["patch"]
    ]


def test_a_run_that_fails_is_an_error(ask, monkeypatch, folk):
    def start(self, flow, args, session=""):
        run_id = begin_run(flow, session, args)
        runs.fail(run_id, "the model refused")
        return run_id

    monkeypatch.setattr(Children, "start", start)

    last = ask(body())[-1]

    assert (last["type"], last["message"]) == ("RUN_ERROR", "the model refused")


@pytest.fixture
def interrupted(ask, question, monkeypatch):
    """A run of cy's thread that waits for an approval: its action, and the interrupt."""
    row = question("cy")

    def start(self, flow, args, session=""):
        db.execute("UPDATE run SET session = %s WHERE id = %s", [session, row["run_id"]])
        return str(row["run_id"])

    monkeypatch.setattr(Children, "start", start)
    last = ask(body(), agent="task")[-1]
    return row, last["outcome"]["interrupts"][0]


def resume(interrupt, approved=True):
    entry = {
        "interruptId": interrupt["id"],
        "status": "resolved",
        "payload": {"approved": approved, "digest": interrupt["metadata"]["digest"]},
    }
    return {"threadId": "t1", "runId": "r2", "messages": [], "resume": [entry]}


def test_what_waits_is_an_interrupt_that_a_program_cannot_answer(ask, interrupted, token_of):
    row, interrupt = interrupted
    assert interrupt["id"] == str(row["id"]) and interrupt["reason"] == "approval"
    assert f"/waiting/{row['id']}" in interrupt["message"]

    refused = ask(resume(interrupt))
    strange = ask(resume(interrupt), token=token_of("bo"))
    other = ask({**resume(interrupt), "threadId": "t2"})

    assert refused.status_code == 403 and "answer in the browser" in refused.json()["error"]
    assert strange.status_code == 404 and other.status_code == 404
    assert approvals.find_answer(str(row["id"])) is None


def test_once_a_person_has_answered_the_thread_goes_on(ask, interrupted):
    row, interrupt = interrupted
    run_id = str(row["run_id"])
    with run_context.change(run_id=run_id):
        events.emit("progress", "Before")
    approvals.decide(str(row["id"]), row["digest"], "approved", "bo", "console")
    with run_context.change(run_id=run_id):
        events.emit("sentence", "It is sent.")
    runs.close(run_id, "done", {})

    found = ask(resume(interrupt))

    assert "Before" not in json.dumps(found)
    assert [one["delta"] for one in found if one["type"] == "TEXT_MESSAGE_CONTENT"] == [
        "It is sent.\n\n"
    ]
    assert found[-1]["outcome"] == {"type": "success"} and found[-1]["runId"] == "r2"


def test_a_stream_that_is_left_stops_nothing(served, secret, begun):
    connection = http.client.HTTPConnection("127.0.0.1", served, timeout=20)
    connection.request(
        "POST", "/ag-ui/ask", json.dumps(body()), {"authorization": f"Bearer {secret}"}
    )
    answer = connection.getresponse()
    while b"ACTIVITY_SNAPSHOT" not in answer.readline():
        pass

    connection.close()

    row = db.fetch_one("SELECT status FROM run WHERE id = %s", [begun[0][4]])
    assert row == {"status": "running"}


WRONG = {
    "no JSON": b"{",
    "no thread": {"runId": "r", "messages": []},
    "a long thread": {**body(), "threadId": "x" * 300},
    "a thread that is no text": {**body(), "threadId": 7},
    "no messages": {"threadId": "t", "runId": "r"},
    "an empty message": body(" "),
    "a long message": body("x" * 3000),
    "half a character": b'{"threadId": "t\\ud800", "runId": "r", "messages": []}',
    "somebody else's word": {**body(), "messages": [{"role": "assistant", "content": "Yes"}]},
    "a resume that is none": {**body(), "resume": "yes"},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_and_starts_nothing(ask, begun, name):
    answer = ask(WRONG[name])

    assert answer.status_code == 400 and answer.json()["error"] and begun == []


def test_who_may_not_ask_is_told(ask, begun, token_of, browser):
    assert ask(body(), token="mlr_none").status_code == 401
    assert ask(body(), token=token_of("di")).status_code == 403
    assert ask(body(), agent="spy").status_code == 404
    unknown = {**body(), "resume": [{"interruptId": str(uuid.UUID(int=1)), "status": "resolved"}]}
    assert ask(unknown).status_code == 404
    assert browser("cy").client.post("/ag-ui/ask", json=body()).status_code == 403
    assert begun == [] and len(access_tokens.list_tokens("di")) == 1
