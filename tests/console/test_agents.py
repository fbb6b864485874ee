"""Agents that people make, over HTTP: what an agent may be, who may make it, and how it is used."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import openai
import pytest

from f.millrace.assist import run_agent
from f.millrace.core import db, run_context
from f.millrace.telemetry import runs
from f.millrace.trust import access_tokens, audit, people
from scripts.console import api_description
from scripts.console.children import Children
from tests.tiers import pick

READER = {
    "name": "reader",
    "description": "Reads my notes.",
    "instructions": "Answer from the notes, in one sentence.",
    "tools": ["notes.search", "notes.read"],
}
QUAY = "What does the repair of the quay of Kelby cost?"


@pytest.fixture
def note(tmp_path):
    """A note about a quay."""
    (tmp_path / "notes").mkdir(exist_ok=True)
    (tmp_path / "notes" / "quay.md").write_text(
        "The quay of Kelby is repaired from March to June. The repair costs 2.4 million euros.\n"
    )


@pytest.fixture
def started(monkeypatch):
    """Have runs accepted and not begun; returns what was started: flow, arguments, session."""
    asked = []

    def start(self, flow, args, session=""):
        asked.append((flow, args, session))
        run_id = str(uuid.uuid4())
        with run_context.change(session_id=session):
            runs.ensure(run_id, flow)
        db.execute("UPDATE run SET args = %s WHERE id = %s", [db.jsonb(args), run_id])
        return run_id

    monkeypatch.setattr(Children, "start", start)
    return asked


def models(program):
    return [one["id"] for one in program.get("/v1/models").json()["data"]]


def ask(program, model, text=QUAY):
    messages = [{"role": "user", "content": text}]
    return program.post("/v1/chat/completions", json={"model": model, "messages": messages})


def test_an_agent_that_is_made_is_a_model_and_answers(program, inline, note):
    cy = program("cy")

    made = cy.post("/api/agents", json=READER)
    answer = ask(cy, "millrace/reader").json()

    assert made.status_code == 201 and made.json()["version"] == 1
    assert models(cy) == ["millrace/ask", "millrace/task", "millrace/reader"]
    assert "2.4 million euros" in answer["choices"][0]["message"]["content"]
    used = db.fetch_one("SELECT agent, version, outcome FROM agent_run")
    assert used == {"agent": "reader", "version": 1, "outcome": "done"}


def test_a_run_over_the_api_is_followed_to_its_answer(program, inline, note):
    cy = program("cy")
    cy.post("/api/agents", json=READER)

    begun = cy.post("/api/agents/reader/runs", json={"message": QUAY, "session": "quay"})
    run = cy.get(begun.json()["url"]).json()

    assert begun.status_code == 202 and begun.headers["location"] == begun.json()["url"]
    assert (run["state"], run["agent"], run["version"]) == ("done", "reader", 1)
    assert "2.4 million euros" in run["answer"] and run["waiting"] == []
    listed = cy.get("/api/agents/reader/runs").json()
    assert [one["id"] for one in listed["runs"]] == [run["id"]] and listed["of_all"] == 1
    found = cy.get("/api/agents/reader").json()
    assert (found["runs"], found["success_rate"], found["state"]) == (1, 1.0, "idle")
    assert found["last_run_at"]


def test_each_change_is_a_version_and_the_next_run_uses_it(program, started):
    cy = program("cy")
    cy.post("/api/agents", json=READER)

    changed = cy.patch("/api/agents/reader", json={"version": 1, "limits": {"seconds": 30}}).json()
    cy.post("/api/agents/reader/runs", json={"message": QUAY})

    assert changed["version"] == 2
    assert changed["limits"] == {"usd": 0.25, "seconds": 30, "requests": 12}
    assert started[0][1] == {"task": QUAY, "agent": "reader", "version": 2}
    old = cy.get("/api/agents/reader?version=1").json()
    assert old["limits"]["seconds"] == 120
    assert [one["version"] for one in old["versions"]] == [2, 1]
    kinds = db.fetch_all("SELECT kind FROM audit WHERE subject = 'reader' ORDER BY id")
    assert [row["kind"] for row in kinds] == ["agent.created", "agent.changed"]
    assert audit.verify() == []


def test_what_changes_nothing_makes_no_version(program):
    cy = program("cy")
    cy.post("/api/agents", json=READER)

    same = cy.patch("/api/agents/reader", json={"version": 1, "description": "Reads my notes."})

    assert same.status_code == 200 and same.json()["version"] == 1


def test_a_change_of_an_old_version_is_refused_with_who_changed_it(program):
    cy, ana = program("cy"), program("ana")
    cy.post("/api/agents", json=READER)
    ana.patch("/api/agents/reader", json={"version": 1, "description": "Ana's words."})

    late = cy.patch("/api/agents/reader", json={"version": 1, "description": "Mine."})

    assert late.status_code == 409
    assert "is at version 2, by ana at 20" in late.json()["error"]
    assert cy.get("/api/agents/reader").json()["description"] == "Ana's words."


def test_of_two_changes_at_once_one_is_refused(program):
    cy = program("cy")
    cy.post("/api/agents", json=READER)
    together = threading.Barrier(4)

    def change(number):
        together.wait(10)
        answer = cy.patch("/api/agents/reader", json={"version": 1, "description": f"{number}"})
        return answer.status_code

    with ThreadPoolExecutor(4) as pool:
        codes = sorted(pool.map(change, range(4)))

    assert codes == [200, 409, 409, 409]
    assert cy.get("/api/agents/reader").json()["version"] == 2


def test_one_that_is_switched_off_is_nowhere_and_says_how_many_runs_it_had(program, inline, note):
    cy = program("cy")
    cy.post("/api/agents", json=READER)
    ask(cy, "millrace/reader")

    off = cy.delete("/api/agents/reader")

    assert off.json() == {"name": "reader", "state": "off", "runs": 1}
    assert models(cy) == ["millrace/ask", "millrace/task"]
    assert cy.get("/api/agents").json() == {"agents": []}
    assert [one["name"] for one in cy.get("/api/agents?off=1").json()["agents"]] == ["reader"]
    assert ask(cy, "millrace/reader").status_code == 404
    refused = cy.post("/api/agents/reader/runs", json={"message": QUAY})
    assert refused.status_code == 403 and "was switched off by cy" in refused.json()["error"]
    assert len(cy.get("/api/agents/reader/runs").json()["runs"]) == 1
    again = cy.post("/api/agents", json=READER)
    assert again.status_code == 409 and "switched off; a change of it" in again.json()["error"]
    on = cy.patch("/api/agents/reader", json={"version": 1, "enabled": True})
    assert on.json()["state"] == "idle" and models(cy)[-1] == "millrace/reader"


def test_a_run_that_was_started_goes_on_after_its_agent_is_switched_off(program, started, note):
    cy = program("cy")
    cy.post("/api/agents", json=READER)
    begun = cy.post("/api/agents/reader/runs", json={"message": QUAY}).json()
    cy.delete("/api/agents/reader")

    with run_context.change(user_id="cy", run_id=begun["id"]):
        from f.millrace.agents import registry

        found = registry.load_for_run("reader", 1, begun["id"])

    assert found.state == "off" and found.version == 1


@pytest.mark.parametrize(
    ("person", "more", "code", "words"),
    [
        pytest.param("di", {}, 403, "people with the role member", id="a-reader-makes-none"),
        pytest.param("cy", {"tools": ["mail.send"]}, 403, "by an approver", id="a-member-sends"),
        pytest.param("cy", {"shared": True}, 403, "by an approver", id="a-member-shares"),
        pytest.param("bo", {"tools": ["mail.send"], "shared": True}, 201, "", id="an-approver"),
        pytest.param("cy", {"nope": 1}, 400, "nope is no part", id="an-unknown-key"),
        pytest.param("cy", {"tools": ["web.hack"]}, 400, "is unknown", id="an-unknown-tool"),
        pytest.param("cy", {"model": "openai:x"}, 400, "settings allow", id="an-unknown-model"),
        pytest.param("cy", {"name": "helper"}, 400, "by Millrace itself", id="a-built-in"),
        pytest.param("cy", {"name": "daily-research"}, 400, "Millrace itself", id="a-pipeline"),
        pytest.param("cy", {"instructions": "x" * 1_000_000}, 413, "256 kB", id="a-megabyte"),
        pytest.param("cy", {"instructions": "a\u202eb"}, 400, "U+202E", id="a-turned-letter"),
        pytest.param("cy", {"description": "a\x00b"}, 400, "U+0000", id="a-null"),
        pytest.param("cy", {"name": "<b>x</b>"}, 400, "2 to 40", id="html-as-a-name"),
    ],
)
def test_who_may_make_what(program, person, more, code, words):
    answer = program(person).post("/api/agents", json={**READER, **more})

    assert answer.status_code == code
    if code != 201:
        assert words in answer.json()["error"] and answer.json()["error"].isprintable()
        assert db.fetch_all("SELECT name FROM agent") == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 60_000, b'{"name": NaN}'],
    ids=["nothing", "half", "list", "text", "bytes", "deep", "nan"],
)
def test_a_body_that_is_no_object_is_told(program, body):
    answer = program("cy").post("/api/agents", content=body)

    assert answer.status_code == 400 and answer.json()["error"]


def test_a_name_is_taken_once_and_nothing_of_the_other_is_told(program):
    program("bo").post("/api/agents", json={**READER, "instructions": "Bo's own."})

    answer = program("cy").post("/api/agents", json=READER)

    assert answer.status_code == 409
    assert answer.json()["error"] == (
        "the name reader is taken by somebody else's agent; take another"
    )


def test_what_is_somebody_elses_is_not_there(program, started):
    bo, cy = program("bo"), program("cy")
    bo.post("/api/agents", json=READER)
    begun = bo.post("/api/agents/reader/runs", json={"message": QUAY}).json()

    answers = [
        cy.get("/api/agents/reader"),
        cy.patch("/api/agents/reader", json={"version": 1}),
        cy.delete("/api/agents/reader"),
        cy.get("/api/agents/reader/runs"),
        cy.get(begun["url"]),
        cy.post("/api/agents/reader/runs", json={"message": QUAY}),
        cy.get("/v1/models/millrace/reader"),
        ask(cy, "millrace/reader"),
        cy.get("/api/agents/nobody"),
        cy.get(f"/api/agents/reader/runs/{'x' * 500}"),
    ]

    assert [one.status_code for one in answers] == [404] * len(answers)
    assert "millrace/reader" not in models(cy)


def test_a_shared_one_is_used_by_all_and_changed_by_its_maker_and_owners(program, started):
    bo, cy, ana = program("bo"), program("cy"), program("ana")
    bo.post("/api/agents", json={**READER, "shared": True})
    own = cy.post("/api/agents/reader/runs", json={"message": QUAY}).json()
    of_bo = bo.post("/api/agents/reader/runs", json={"message": QUAY}).json()

    assert "millrace/reader" in models(cy)
    refused = cy.patch("/api/agents/reader", json={"version": 1, "description": "Mine."})
    assert refused.status_code == 403 and "is bo's" in refused.json()["error"]
    assert cy.delete("/api/agents/reader").status_code == 403
    assert cy.get(own["url"]).status_code == 200 and cy.get(of_bo["url"]).status_code == 404
    assert (
        ana.patch("/api/agents/reader", json={"version": 1, "description": "x"}).json()[
            "changed_by"
        ]
        == "ana"
    )


def test_what_its_author_may_no_longer_give_it_may_no_longer_use(program, started):
    bo, ana = program("bo"), program("ana")
    bo.post("/api/agents", json={**READER, "tools": ["notes.write"], "shared": True})
    people.change_role("bo", "member", by="ana")
    fallen = ana.post("/api/agents/reader/runs", json={"message": QUAY})
    people.remove("bo", by="ana")
    gone = ana.post("/api/agents/reader/runs", json={"message": QUAY})

    assert fallen.status_code == 403 and "notes.write" in fallen.json()["error"]
    assert gone.status_code == 403 and "no longer there" in gone.json()["error"]
    ana.patch("/api/agents/reader", json={"version": 1, "description": "Ana answers for it."})
    assert ana.post("/api/agents/reader/runs", json={"message": QUAY}).status_code == 202


def test_a_gateway_uses_agents_and_makes_none(program, app, started):
    from tests.console.conftest import Program

    program("cy").post("/api/agents", json=READER)
    _, secret = access_tokens.create("ana", "web-ui", "member", gateway=True, by="ana")
    gateway = Program(app, secret, **{"x-millrace-user": "cy"})

    made = gateway.post("/api/agents", json={**READER, "name": "other"})

    assert made.status_code == 403 and "gateway" in made.json()["error"]
    assert gateway.delete("/api/agents/reader").status_code == 403
    assert "millrace/reader" in models(gateway)
    assert gateway.post("/api/agents/reader/runs", json={"message": QUAY}).status_code == 202


def test_what_the_api_has_not_is_told_with_where_to_look(program):
    cy = program("cy")

    answers = [cy.get("/api/agent"), cy.put("/api/agents"), cy.get("/api/agents/reader/run/1")]

    assert [one.status_code for one in answers] == [404, 405, 404]
    assert all("GET /api says" in one.json()["error"] for one in answers)


def test_without_a_token_the_api_says_how_to_get_one(app, program):
    answer = program("cy").get("/api/agents", headers={"authorization": "Bearer mlr_none"})

    assert answer.status_code == 401 and "tokens add" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "message and session are texts"),
        ({"message": ""}, "the message is empty"),
        ({"message": "x" * 4001}, "4001 characters"),
        ({"message": "x", "nope": 1}, "'nope' is no part of a run"),
        ({"message": "x", "session": "a/b"}, "a session's name"),
        ({"message": ["x"]}, "are texts"),
    ],
    ids=["nothing", "empty", "long", "unknown", "session", "list"],
)
def test_a_message_that_cannot_be_is_told(program, started, body, words):
    cy = program("cy")
    cy.post("/api/agents", json=READER)

    answer = cy.post("/api/agents/reader/runs", json=body)

    assert answer.status_code == 400 and words in answer.json()["error"] and started == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "version is missing"),
        ({"version": "1"}, "version is missing"),
        ({"version": True}, "version is missing"),
        ({"version": 1, "name": "other"}, "name stays as it is"),
        ({"version": 1, "enabled": False}, "switched off by DELETE"),
        ({"version": 1, "made_by": "ana"}, "made_by is no part of an agent"),
        ({"version": 1, "limits": {"cents": 1}}, "limits.cents is no part"),
        ({"version": 1, "tools": None}, "tools is None"),
    ],
    ids=["nothing", "text", "true", "name", "off", "maker", "limit", "none"],
)
def test_a_change_that_cannot_be_is_told(program, change, words):
    cy = program("cy")
    cy.post("/api/agents", json=READER)

    answer = cy.patch("/api/agents/reader", json=change)

    assert answer.status_code == 400 and words in answer.json()["error"]


def test_the_description_holds_what_is_answered_and_its_examples_run(program, inline, note):
    ana = program("ana")
    told = ana.get("/api").json()
    schemas = told["components"]["schemas"]
    at = {"agent": api_description.AGENT}

    for one in api_description.OPERATIONS:
        answer = ana.request(one.method, one.path.format(**at), json=one.example)

        status, schema = one.answer
        assert answer.status_code == status, (one.path, answer.text)
        whole = {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": schemas}}
        jsonschema.Draft202012Validator(whole).validate(answer.json())
        if one.takes:
            sent = {**whole, "$ref": f"#/components/schemas/{one.takes}"}
            jsonschema.Draft202012Validator(sent).validate(one.example)
        if schema == "StartedRun":
            at["run"] = answer.json()["id"]


def test_each_route_of_the_api_is_described():
    from scripts.console.app import ROUTES

    there = {(spec.method.lower(), spec.path) for spec in ROUTES if spec.path.startswith("/api/")}

    described = {(one.method, one.path) for one in api_description.OPERATIONS}
    assert there - described == set()


def test_openais_client_asks_an_agent(served, inline, note, folk):
    secret = access_tokens.create("cy", "laptop", by="cy")[1]
    address = f"http://127.0.0.1:{served}"
    with openai.OpenAI(api_key=secret, base_url=f"{address}/v1", max_retries=0) as client:
        made = client.post(f"{address}/api/agents", body=READER, cast_to=object)
        names = [model.id for model in client.models.list()]
        chunks = client.chat.completions.create(
            model="millrace/reader",
            messages=[{"role": "user", "content": QUAY}],
            stream=True,
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        done = client.chat.completions.create(
            model="millrace/reader", messages=[{"role": "user", "content": QUAY}]
        )

    assert made["name"] == "reader" and names[-1] == "millrace/reader"
    assert "2.4 million euros" in text
    assert "2.4 million euros" in done.choices[0].message.content


@pytest.mark.long
def test_ten_agents_come_and_go_while_fifty_runs_go_on_and_nothing_is_lost(program, note):
    ana = program("ana")
    count, threads = pick(16, 50), pick(4, 12)
    ana.post("/api/agents", json=READER)

    def work(number):
        with db.scoped(), run_context.change(user_id="ana"):
            return run_agent.main("reader", f"{QUAY} {number}")["run_id"]

    def turn_over(number):
        name = f"guest-{number}"
        made = ana.post("/api/agents", json={**READER, "name": name})
        changed = ana.patch(f"/api/agents/{name}", json={"version": 1, "description": "x"})
        with db.scoped(), run_context.change(user_id="ana"):
            used = run_agent.main(name, QUAY)["run_id"]
        off = ana.delete(f"/api/agents/{name}").json()
        return made.status_code, changed.json()["version"], bool(used), off["runs"]

    with ThreadPoolExecutor(threads) as pool, ThreadPoolExecutor(2) as guests:
        going = [pool.submit(work, number) for number in range(count)]
        turned = list(guests.map(turn_over, range(10)))
        done = [one.result() for one in going]

    assert turned == [(201, 2, True, 1)] * 10
    assert len(set(done)) == count
    kept = db.fetch_all(
        "SELECT u.agent, u.version, u.outcome, count(*) AS n, count(r.pipeline #>> '{answer,text}')"
        " AS answered FROM agent_run u JOIN run r ON r.id = u.run_id WHERE r.status <> 'running'"
        " GROUP BY 1, 2, 3 ORDER BY 1"
    )
    assert kept[-1] == {
        "agent": "reader", "version": 1, "outcome": "done", "n": count, "answered": count
    }  # fmt: skip
    assert [(row["n"], row["version"], row["answered"]) for row in kept[:-1]] == [(1, 2, 1)] * 10
    found = ana.get("/api/agents/reader").json()
    assert (found["runs"], found["state"], found["success_rate"]) == (count, "idle", 1.0)
    assert audit.verify() == []
