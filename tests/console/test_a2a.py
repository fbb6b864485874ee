"""A2A over the rows of runs; tests/live asks with the client of a2a-sdk."""

# ruff: noqa: F811

import http.client
import json
import uuid

import pytest

from f.millrace.agents import registry
from f.millrace.core import db
from f.millrace.telemetry import runs
from f.millrace.trust import approvals, audit
from scripts.console import a2a, a2a_push
from scripts.console.children import Children
from tests.console.conftest import answer_run, begin_run
from tests.tools.conftest import Reply, other_web  # noqa: F401

QUESTION = "How much will it make?"


def message(text=QUESTION, **more):
    return {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": text}], **more}


@pytest.fixture
def call(app, browser, secret):
    """Call a method as cy's program; returns the result, or the error."""

    def post(method, params=None, agent="ask", token=secret, body=None, **headers):
        request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}}
        content = body if body is not None else json.dumps(request).encode()
        answer = browser().client.post(
            f"/a2a/{agent}",
            content=content,
            headers={"authorization": f"Bearer {token}", **headers},
        )
        if answer.status_code != 200:
            return answer
        if "event-stream" in answer.headers["content-type"]:
            lines = [line for line in answer.text.splitlines() if line.startswith("data: ")]
            return [json.loads(line.removeprefix("data: "))["result"] for line in lines]
        found = answer.json()
        return found["result"] if "result" in found else found["error"]

    return post


def test_each_agent_has_a_card_that_anybody_may_read(browser):
    card = browser().get("/.well-known/agent-card.json").json()
    other = browser().get("/a2a/task/.well-known/agent-card.json").json()

    assert card["supportedInterfaces"][0]["url"].endswith("/a2a/ask")
    assert card["supportedInterfaces"][0]["protocolVersion"] == "1.0"
    assert other["skills"][0]["id"] == "task" and card["capabilities"]["streaming"]
    assert browser().get("/a2a/spy/.well-known/agent-card.json").status_code == 401
    assert browser("cy").get("/a2a/spy/.well-known/agent-card.json").status_code == 404
    assert browser().get("/v1/models/.well-known/agent-card.json").status_code == 401


def test_a_message_becomes_a_task_with_its_answer(call, answered):
    task = call("SendMessage", {"message": message(contextId="c1")})["task"]

    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert task["status"]["timestamp"].endswith("Z") and task["contextId"] == "c1"
    (artifact,) = task["artifacts"]
    assert artifact["parts"] == [{"text": "It makes 12 GWh. [1]"}]
    assert artifact["metadata"]["sources"][0]["url"] == "https://cell.example/a"
    assert task["history"][0]["parts"][0]["text"] == QUESTION
    assert answered[0][:2] == ("chat", {"user_message": QUESTION}) and answered[0][3] == "cy"
    assert call("GetTask", {"id": task["id"]})["artifacts"] == task["artifacts"]


def test_a_task_is_streamed(call, answered):
    found = call("SendStreamingMessage", {"message": message()}, agent="task")

    assert found[0]["task"]["status"]["state"]
    states = [one["statusUpdate"]["status"] for one in found if "statusUpdate" in one]
    assert states[0]["message"]["parts"][0]["text"] == "Searching… 12 results"
    assert states[-1]["state"] == "TASK_STATE_COMPLETED"
    pieces = [one["artifactUpdate"] for one in found if "artifactUpdate" in one]
    assert [one["append"] for one in pieces] == [False, True]
    assert "".join(one["artifact"]["parts"][0]["text"] for one in pieces).strip() == (
        "It makes 12 GWh. [1]"
    )
    assert pieces[-1]["lastChunk"] and pieces[-1]["artifact"]["metadata"]["sources"]
    assert answered[0][:2] == ("do_task", {"task": QUESTION})


def test_a_task_that_is_not_waited_for_is_fetched_later(call, begun):
    settings = {"returnImmediately": True}
    task = call("SendMessage", {"message": message(), "configuration": settings})["task"]

    before = call("GetTask", {"id": task["id"]})["status"]["state"]
    answer_run(task["id"])
    found = call("GetTask", {"id": task["id"]})

    assert before == "TASK_STATE_WORKING" and len(task["contextId"]) == 20
    assert found["status"]["state"] == "TASK_STATE_COMPLETED" and found["artifacts"]


def test_a_task_that_waits_for_a_person_needs_input(call, question, monkeypatch):
    row = question("cy")
    run_id = str(row["run_id"])
    db.execute("UPDATE run SET session = 'a2a-c1' WHERE id = %s", [run_id])
    monkeypatch.setattr(Children, "start", lambda *given: run_id)

    task = call("SendMessage", {"message": message()}, agent="task")["task"]
    again = call("SendMessage", {"message": message("yes", taskId=run_id)}, agent="task")["task"]

    assert task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert f"/waiting/{row['id']}" in task["status"]["message"]["parts"][0]["text"]
    assert again["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert approvals.find_answer(str(row["id"])) is None
    approvals.decide(str(row["id"]), row["digest"], "approved", "bo", "console")
    answer_run(run_id)
    assert call("GetTask", {"id": run_id}, agent="task")["status"]["state"] == (
        "TASK_STATE_COMPLETED"
    )


def test_a_task_that_fails_says_why(call, monkeypatch, folk):
    def start(self, flow, args, session=""):
        run_id = begin_run(flow, session, args)
        runs.fail(run_id, "the model refused")
        return run_id

    monkeypatch.setattr(Children, "start", start)

    status = call("SendMessage", {"message": message()})["task"]["status"]

    assert status["state"] == "TASK_STATE_FAILED"
    assert status["message"]["parts"][0]["text"] == "the model refused"


def test_tasks_are_listed_in_pages(call, answered, token_of):
    made = [call("SendMessage", {"message": message(contextId=one)})["task"] for one in "aba"]
    call("SendMessage", {"message": message()}, token=token_of("bo"))

    first = call("ListTasks", {"pageSize": 2})
    rest = call("ListTasks", {"pageSize": 2, "pageToken": first["nextPageToken"]})
    of_b = call("ListTasks", {"contextId": "b"})

    assert first["totalSize"] == 3 and rest["nextPageToken"] == ""
    assert [one["id"] for one in first["tasks"] + rest["tasks"]] == [
        one["id"] for one in made[::-1]
    ]
    assert [one["id"] for one in of_b["tasks"]] == [made[1]["id"]]


def test_what_is_of_another_person_is_not_found(call, answered, token_of):
    task = call("SendMessage", {"message": message()})["task"]
    bo = token_of("bo")

    for method in ("GetTask", "CancelTask", "SubscribeToTask"):
        assert call(method, {"id": task["id"]}, token=bo)["code"] == a2a.NO_TASK
        assert call(method, {"id": task["id"]}, agent="task")["code"] == a2a.NO_TASK
        assert call(method, {"id": str(uuid.UUID(int=1))})["code"] == a2a.NO_TASK
        assert call(method, {"id": "../x" * 90})["code"] == a2a.NO_TASK
    about = {"message": message(taskId=task["id"])}
    assert call("SendMessage", about, token=bo)["code"] == a2a.NO_TASK
    assert call("SendMessage", about)["code"] == a2a.UNSUPPORTED


def test_what_is_over_is_not_cancelled_or_followed(call, answered, begun):
    task = call("SendMessage", {"message": message()})["task"]

    assert call("CancelTask", {"id": task["id"]})["code"] == a2a.NOT_CANCELABLE
    assert call("SubscribeToTask", {"id": task["id"]})["code"] == a2a.UNSUPPORTED
    assert call("CreateTaskPushNotificationConfig")["code"] == a2a.NO_TASK


def test_a_stream_that_is_left_is_taken_up(served, secret, begun):
    def post(method, params):
        connection = http.client.HTTPConnection("127.0.0.1", served, timeout=20)
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {"authorization": f"Bearer {secret}"}
        connection.request("POST", "/a2a/ask", json.dumps(request), headers)
        return connection, connection.getresponse()

    connection, answer = post("SendStreamingMessage", {"message": message()})
    while b"Searching" not in answer.readline():
        pass
    connection.close()
    run_id = begun[0][4]
    assert db.fetch_one("SELECT status FROM run WHERE id = %s", [run_id]) == {"status": "running"}

    connection, answer = post("SubscribeToTask", {"id": run_id})
    answer.readline()
    answer_run(run_id)
    rest = answer.read().decode()
    connection.close()

    assert "It makes 12 GWh. [1]" in rest and "TASK_STATE_COMPLETED" in rest


WRONG = {
    "no JSON": (b"{", a2a.NO_JSON),
    "deep": (b"[" * 100_000, a2a.NO_JSON),
    "half a character": (b'{"jsonrpc": "2.0", "id": "\\ud800", "method": "GetTask"}', a2a.NO_JSON),
    "no version": (b'{"id": 1, "method": "GetTask"}', a2a.NO_REQUEST),
    "no method": (b'{"jsonrpc": "2.0", "id": 1}', a2a.NO_REQUEST),
    "a method that is none": (b'{"jsonrpc": "2.0", "id": 1, "method": "tasks/x"}', a2a.NO_METHOD),
    "params that are none": (
        b'{"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": [1]}',
        a2a.NO_PARAMS,
    ),
}
WRONG_MESSAGES = {
    "none": None,
    "no parts": {"messageId": "m", "role": "ROLE_USER"},
    "an empty text": message(" "),
    "a long text": message("x" * 3000),
    "a file": {**message(), "parts": [{"raw": "AAAA", "mediaType": "image/png"}]},
    "the agent's": {**message(), "role": "ROLE_AGENT"},
    "a context that is none": message(contextId="a b"),
    "a context that is no text": message(contextId=7),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_request_is_refused(call, begun, name):
    body, code = WRONG[name]

    assert call("", body=body)["code"] == code and begun == []


@pytest.mark.parametrize("name", WRONG_MESSAGES)
def test_what_is_no_message_is_refused(call, begun, name):
    found = call("SendMessage", {"message": WRONG_MESSAGES[name]})

    assert found["code"] in (a2a.NO_PARAMS, -32005) and found["message"] and begun == []


def test_who_may_not_ask_is_told(call, begun, token_of):
    params = {"message": message()}

    assert call("SendMessage", params, token="mlr_none").status_code == 401
    assert call("SendMessage", params, token=token_of("di")).status_code == 403
    assert call("SendMessage", params, agent="spy")["code"] == a2a.NO_TASK
    old = call("SendMessage", params, **{"a2a-version": "0.3"})
    assert old["code"] == a2a.NO_VERSION and begun == []


@pytest.fixture
def reader_agent(folk):
    """An agent that cy made, for herself."""
    made = {"name": "tides", "instructions": "Tell tides.", "description": "Knows high water."}
    return registry.create(made, registry.Person("cy", "member"))


def test_an_agent_that_a_person_made_has_a_card_and_tasks_for_who_may_use_it(
    call, browser, reader_agent, answered, token_of
):
    path = "/a2a/tides/.well-known/agent-card.json"

    card = browser("cy").get(path).json()
    task = call("SendMessage", {"message": message()}, agent="tides")["task"]

    assert card["name"] == "Millrace: tides" and card["description"] == "Knows high water."
    assert card["supportedInterfaces"][0]["url"].endswith("/a2a/tides")
    assert browser().get(path).status_code == 401
    assert browser("bo").get(path).status_code == 404
    assert answered[0][:2] == ("ask_agent", {"task": QUESTION, "agent": "tides", "version": 1})
    assert call("GetTask", {"id": task["id"]}, agent="tides")["id"] == task["id"]
    assert call("ListTasks", agent="tides")["totalSize"] == 1
    assert call("GetTask", {"id": task["id"]})["code"] == a2a.NO_TASK
    theirs = call("SendMessage", {"message": message()}, agent="tides", token=token_of("bo"))
    assert theirs["code"] == a2a.NO_TASK


DELIVER = a2a_push.deliver_due


@pytest.fixture
def receiver(other_web, configure, monkeypatch):
    """A receiver on loopback that the settings allow."""
    configure(webhook_allow=other_web.host)
    other_web["/told"] = ""
    # The console would tell at once, beside the test.
    monkeypatch.setattr(a2a_push, "deliver_due", lambda describe: 0)
    return other_web


def push(receiver, **more):
    sign = {"scheme": "Bearer", "credentials": "s3cret"}
    return {"url": receiver.url("/told"), "token": "t1", "authentication": sign, **more}


def test_a_task_tells_by_push_how_it_stands(call, begun, receiver):
    settings = {"returnImmediately": True, "taskPushNotificationConfig": push(receiver, id="p1")}
    task = call("SendMessage", {"message": message(), "configuration": settings})["task"]
    assert DELIVER(a2a.describe_change) == 0

    answer_run(task["id"])
    assert DELIVER(a2a.describe_change) == 1
    assert DELIVER(a2a.describe_change) == 0

    (asked,) = receiver.asked
    told = json.loads(asked.body)["statusUpdate"]
    assert told["taskId"] == task["id"] and told["status"]["state"] == "TASK_STATE_COMPLETED"
    assert asked.headers["x-a2a-notification-token"] == "t1"
    assert asked.headers["authorization"] == "Bearer s3cret"
    assert b"12 GWh" not in asked.body
    # What it signed with is not kept longer than it is used.
    assert "s3cret" not in str(db.fetch_all("SELECT * FROM push_config"))


def test_a_task_that_waits_for_a_person_says_so_by_push(call, begun, receiver, configure, question):
    configure(console_url="https://console.example")
    task = call("SendMessage", {"message": message(), "configuration": {"returnImmediately": True}})
    run_id = task["task"]["id"]
    call("CreateTaskPushNotificationConfig", {"taskId": run_id, **push(receiver)})
    row = question("cy")
    db.execute("UPDATE action SET run_id = %s WHERE id = %s", [run_id, row["id"]])
    db.execute("UPDATE run SET status = 'waiting' WHERE id = %s", [run_id])

    assert DELIVER(a2a.describe_change) == 1

    told = json.loads(receiver.asked[0].body)["statusUpdate"]["status"]
    assert told["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert f"https://console.example/waiting/{row['id']}" in told["message"]["parts"][0]["text"]


def test_push_configurations_are_listed_read_and_deleted_by_whose_task_it_is(
    call, begun, receiver, token_of
):
    settings = {"returnImmediately": True}
    task = call("SendMessage", {"message": message(), "configuration": settings})["task"]["id"]
    made = call("CreateTaskPushNotificationConfig", {"taskId": task, **push(receiver, id="p1")})
    about = {"taskId": task, "id": "p1"}
    bo = token_of("bo")

    assert made == {
        "id": "p1",
        "taskId": task,
        "url": receiver.url("/told"),
        "token": "t1",
        "authentication": {"scheme": "Bearer"},
    }
    assert call("GetTaskPushNotificationConfig", about) == made
    assert call("ListTaskPushNotificationConfigs", {"taskId": task})["configs"] == [made]
    for method in ("Create", "Get", "Delete"):
        found = call(f"{method}TaskPushNotificationConfig", {**push(receiver), **about}, token=bo)
        assert found["code"] == a2a.NO_TASK
    assert call("DeleteTaskPushNotificationConfig", about) == {}
    assert call("DeleteTaskPushNotificationConfig", about)["code"] == a2a.NO_TASK
    noted = [row["kind"] for row in audit.rows() if row["kind"].startswith("push.")]
    assert noted == ["push.added", "push.removed"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://x"},
        {"url": ""},
        {"token": "a\r\nx-evil: 1"},
        {"token": 7},
        {"authentication": "Bearer x"},
        {"authentication": {"scheme": "Bearer", "credentials": "ä"}},
        {"id": "x" * 101},
    ],
)
def test_what_is_no_push_configuration_is_refused(call, begun, receiver, wrong):
    settings = {"returnImmediately": True, "taskPushNotificationConfig": push(receiver, **wrong)}

    found = call("SendMessage", {"message": message(), "configuration": settings})

    assert found["code"] == a2a.NO_PARAMS and found["message"] and begun == []


def test_private_addresses_are_told_nothing_and_what_is_not_taken_is_tried_again(
    call, begun, receiver, configure
):
    settings = {"returnImmediately": True, "taskPushNotificationConfig": push(receiver)}
    task = call("SendMessage", {"message": message(), "configuration": settings})["task"]["id"]
    answer_run(task)
    configure(webhook_allow="none")

    assert DELIVER(a2a.describe_change) == 1
    (row,) = db.fetch_all("SELECT * FROM push_config")
    assert receiver.asked == [] and "webhook_allow" in row["error"] and row["ended_at"] is None
    configure(webhook_allow=receiver.host)
    receiver["/told"] = Reply("busy", 503)
    for _ in a2a_push.WAITS:
        db.execute("UPDATE push_config SET due_at = now()")
        assert DELIVER(a2a.describe_change) == 1

    (row,) = db.fetch_all("SELECT * FROM push_config")
    assert row["ended_at"] is not None and "503" in row["error"]
    assert audit.last("push.given_up", row["id"]) is not None
