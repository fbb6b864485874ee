"""The console in the hands of other people's clients: a2a-sdk, AG-UI's client, llm, the library of
Standard Webhooks; each fetched into a folder of its own.
"""

# ruff: noqa: F401, F811

import json
import os
import subprocess
from pathlib import Path

import pytest

from f.millrace.trust import webhooks
from tests.console.conftest import (
    answered,
    begun,
    folk,
    question,
    run_of,
    secret,
    served,
    server,
)
from tests.live import fetched
from tests.live.conftest import missing

SECONDS = 120
QUESTION = "How much will it make?"
A2A = """
import asyncio, json, sys
import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types.a2a_pb2 import (
    CancelTaskRequest, GetTaskRequest, Message, Part, Role, SendMessageRequest)

async def main(base, token, streaming):
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
        card = await A2ACardResolver(http, base).get_agent_card()
        client = ClientFactory(ClientConfig(httpx_client=http, streaming=streaming)).create(card)
        message = Message(message_id="m1", role=Role.ROLE_USER, parts=[Part(text=sys.argv[4])])
        told, task_id, states = "", "", []
        async for event in client.send_message(SendMessageRequest(message=message)):
            kind = event.WhichOneof("payload")
            value = getattr(event, kind)
            if kind == "task":
                task_id = value.id
                states.append(value.status.state)
                told += "".join(p.text for a in value.artifacts for p in a.parts)
            if kind == "artifact_update":
                told += "".join(part.text for part in value.artifact.parts)
            if kind == "status_update":
                states.append(value.status.state)
        task = await client.get_task(GetTaskRequest(id=task_id))
        try:
            await client.cancel_task(CancelTaskRequest(id=task_id))
            refused = ""
        except Exception as error:
            refused = type(error).__name__
        again = "".join(p.text for a in task.artifacts for p in a.parts)
        print(json.dumps({"told": told, "again": again, "last": states[-1], "refused": refused}))

asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3] == "stream"))
"""
AG_UI = """
import { HttpAgent } from '@ag-ui/client';
const [url, token, text] = process.argv.slice(2);
const agent = new HttpAgent({url, headers: {authorization: `Bearer ${token}`}, threadId: 't1',
  initialMessages: [{id: 'm1', role: 'user', content: text}]});
const kinds = [];
let outcome = null;
const done = await agent.runAgent({}, {
  onEvent: ({event}) => { kinds.push(event.type); },
  onRunFinishedEvent: ({event}) => { outcome = event.outcome ?? null; },
});
console.log(JSON.stringify({kinds, outcome, state: agent.state, messages: agent.messages}));
"""


def python_with(pin: str) -> str:
    """The interpreter of an environment that has the package; skips off CI without it."""
    try:
        return str(fetched.python_package(pin) / "bin/python")
    except fetched.NotFetched as error:
        missing(str(error))
        raise


def say(command: list[str], **options: object) -> str:
    """What a program prints."""
    environment = {name: value for name, value in os.environ.items() if "PYTHON" not in name}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, env=environment, **options
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("way", ["stream", "whole"])
def test_the_client_of_a2a_asks_and_fetches_the_task(served, secret, answered, way):
    python = python_with("a2a-sdk[http-server]==1.3.0")

    base = f"http://127.0.0.1:{served}"
    found = json.loads(say([python, "-c", A2A, base, secret, way, QUESTION]).splitlines()[-1])

    assert found["told"].strip() == found["again"] == "It makes 12 GWh. [1]"
    assert found["last"] == 3 and "NotCancel" in found["refused"]


@pytest.fixture
def ag_ui(tmp_path) -> list[str]:
    """The command that asks with AG-UI's official client."""
    try:
        home = fetched.node_package("@ag-ui/client@1.0.0").parents[1]
    except fetched.NotFetched as error:
        missing(str(error))
        raise
    script = tmp_path / "ask.mjs"
    script.write_text(AG_UI)
    (tmp_path / "node_modules").symlink_to(home)
    return [str(fetched.node()), str(script)]


def test_the_client_of_ag_ui_takes_every_event(ag_ui, served, secret, answered):
    url = f"http://127.0.0.1:{served}/ag-ui/ask"

    found = json.loads(say([*ag_ui, url, secret, QUESTION]).splitlines()[-1])

    assert found["kinds"][0] == "RUN_STARTED" and found["kinds"][-1] == "RUN_FINISHED"
    assert found["outcome"] == {"type": "success"}
    assert found["messages"][-1]["content"].strip() == "It makes 12 GWh. [1]"
    assert found["state"]["run_id"] == answered[0][4]


def test_the_client_of_ag_ui_is_told_what_waits(
    ag_ui,
    served,
    secret,
    question,
    monkeypatch,
):
    from f.millrace.core import db
    from scripts.console.children import Children

    row = question("cy")

    def start(self, flow, args, session=""):
        db.execute("UPDATE run SET session = %s WHERE id = %s", [session, row["run_id"]])
        return str(row["run_id"])

    monkeypatch.setattr(Children, "start", start)
    url = f"http://127.0.0.1:{served}/ag-ui/task"

    found = json.loads(say([*ag_ui, url, secret, "Mail Eve"]).splitlines()[-1])

    assert found["outcome"]["type"] == "interrupt"
    assert found["outcome"]["interrupts"][0]["id"] == str(row["id"])


def test_llm_asks_and_continues(served, secret, answered, tmp_path):
    python = python_with("llm==0.36")
    model = {
        "model_id": "millrace",
        "model_name": "millrace/ask",
        "api_base": f"http://127.0.0.1:{served}/v1",
        "api_key_name": "millrace",
    }
    (tmp_path / "extra-openai-models.yaml").write_text(json.dumps([model]))
    (tmp_path / "keys.json").write_text(json.dumps({"millrace": secret}))
    command = [str(Path(python).parent / "llm")]
    environment = {**os.environ, "LLM_USER_PATH": str(tmp_path)}
    for words in (["-m", "millrace", QUESTION], ["-c", "And when?"]):
        done = subprocess.run(
            [*command, *words], capture_output=True, text=True, timeout=SECONDS, env=environment
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert "It makes 12 GWh. [1]" in done.stdout and "https://cell.example/a" in done.stdout

    assert [one[1]["user_message"] for one in answered] == [QUESTION, "And when?"]
    assert answered[0][2] == answered[1][2]


def test_the_library_of_standard_webhooks_takes_our_signature():
    python = python_with("standardwebhooks==1.0.0")
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    code = (
        "import sys, time; from standardwebhooks.webhooks import Webhook\n"
        "name, key, body = 'msg_1', sys.argv[1], sys.argv[2]\n"
        "headers = {'webhook-id': name, 'webhook-timestamp': sys.argv[3],"
        " 'webhook-signature': sys.argv[4]}\n"
        "print(Webhook(key).verify(body, headers)['type'])"
    )
    body = '{"type": "run.ended"}'
    now = int(say([python, "-c", "import time; print(int(time.time()))"]))
    signed = webhooks.sign(key, "msg_1", now, body.encode())

    assert say([python, "-c", code, key, body, str(now), signed]).strip() == "run.ended"
