"""What follows a run: the stream, the children that run it, stopping, and the verb."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from html import unescape
from urllib.parse import urlencode

import pytest

from f.millrace.agents import registry
from f.millrace.core import db, run_context
from f.millrace.memory import store
from f.millrace.telemetry import alerts, events, runs
from f.millrace.trust import access_tokens, approvals, audit, people
from scripts.console import pages, sign_ins
from scripts.paths import ROOT
from scripts.runner import stop
from tests.console.conftest import frames


@contextlib.contextmanager
def stream(port, path, cookie="", **headers):
    """Open a stream; yields a function that returns its next event."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    if cookie:
        headers["cookie"] = f"millrace_{port}={cookie}"
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()

    def read_next():
        lines = []
        while (line := answer.readline().decode().rstrip("\n")) or not any(
            one.startswith("event: ") for one in lines
        ):
            if not line and not answer.fp:
                return None
            assert answer.fp, "the stream has ended"
            lines.append(line)
        return frames("\n".join(lines) + "\n\n")[0]

    try:
        yield read_next
    finally:
        connection.close()


def read_until(read_next, wanted):
    for _ in range(100):
        found = read_next()
        if wanted(found):
            return found
    raise AssertionError("it never came")


def sign_in(person):
    return sign_ins.enter(sign_ins.make_link(person), "a test")


def test_a_stream_of_an_ended_run_has_its_lines_and_ends(browser, run_of):
    run_id = run_of("cy", "Planning", "Searching… 12 results", session="one")

    found = frames(browser("cy").get(f"/live?run={run_id}").text)

    names = [name for name, _, _ in found]
    assert names[-1] == "over" and names.count("line") == 2
    assert "12 results" in str(found)
    assert {"bar", "count", "flow", "state", "model", "answer"} == {
        data["part"] for name, _, data in found if name == "part"
    }


def test_a_stream_goes_on_after_the_last_event(browser, run_of):
    run_id = run_of("cy", "First", "Second", "Third")
    cy = browser("cy")
    lines = [one for one in frames(cy.get(f"/live?run={run_id}").text) if one[0] == "line"]

    again = cy.get(f"/live?run={run_id}", headers={"last-event-id": lines[1][1]}).text

    assert [data["html"] for name, _, data in frames(again) if name == "line"] == [
        lines[2][2]["html"]
    ]
    for wrong in ("x", "-1", "9" * 40):
        answer = cy.get(f"/live?run={run_id}", headers={"last-event-id": wrong})
        assert len([one for one in frames(answer.text) if one[0] == "line"]) == 3


def test_rows_reach_a_page_that_is_open(served, run_of):
    run_id = run_of("cy", "Planning", status="running")

    with stream(served, f"/live?run={run_id}", sign_in("cy")) as read_next:
        read_until(read_next, lambda found: "Planning" in str(found))
        began = time.monotonic()
        with run_context.change(run_id=run_id):
            events.emit("progress", "Searching… 7 results")
        line = read_until(read_next, lambda found: found[0] == "line")
        took = time.monotonic() - began
        runs.close(run_id, "done", {})
        over = read_until(read_next, lambda found: found[0] == "over")

    assert "7 results" in line[2]["html"] and took < 3
    assert over[2] == {"status": "done"}


def test_a_lost_connection_of_the_listener_loses_nothing(served, run_of, owner):
    run_id = run_of("cy", status="running")

    with stream(served, f"/live?run={run_id}", sign_in("cy")) as read_next:
        read_next()
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND"
            " datname = current_database()"
        )
        with run_context.change(run_id=run_id):
            events.emit("progress", "Said while nobody listened")
        found = read_until(read_next, lambda found: found[0] == "line")

    assert "Said while nobody listened" in found[2]["html"]


def test_sentences_are_grey_while_an_answer_is_written(served, run_of):
    run_id = run_of("cy", status="running")

    with stream(served, f"/live?run={run_id}", sign_in("cy")) as read_next:
        with run_context.change(run_id=run_id):
            events.emit("sentence", "It makes <12> GWh.")
        found = read_until(read_next, lambda found: "GWh" in str(found))

    assert found[2]["part"] == "answer" and 'class="draft">It makes &lt;12&gt;' in found[2]["html"]


def test_a_session_that_ends_ends_its_stream(served, run_of):
    run_id = run_of("cy", status="running")
    cookie = sign_in("cy")

    with stream(served, f"/live?run={run_id}", cookie) as read_next:
        read_next()
        sign_ins.end(sign_ins.list_open("cy")[0]["id"], "ana")
        with run_context.change(run_id=run_id):
            events.emit("progress", "A secret")
        rest = [read_until(read_next, lambda found: found[0] in ("signed_out", "line"))]

    assert rest[0][0] == "signed_out"


def test_counts_follow_what_waits(served, question):
    with stream(served, "/live", sign_in("bo")) as read_next:
        first = read_until(read_next, part("bar"))
        question()
        second = read_until(read_next, part("bar"))

    assert "for you" not in first[2]["html"] and "for you" in second[2]["html"]


def part(name):
    """A frame with that part of a page."""
    return lambda found: found[2].get("part") == name


def watch(port, person, path):
    """Open a page's stream as the page itself names it."""
    cookie = sign_in(person)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(
        "GET", path, headers={"cookie": f"millrace_{port}={cookie}", "accept": "text/html"}
    )
    html = connection.getresponse().read().decode()
    connection.close()
    page = unescape(re.search(r'data-page="([^"]*)"', html)[1])
    return html, stream(port, "/live?" + urlencode({"page": page}), cookie)


def test_a_list_of_runs_keeps_its_filters_and_its_place_and_counts_what_is_new(served, run_of):
    old = run_of("cy", flow="chat", status="running")
    html, opened = watch(served, "cy", "/runs?flow=chat")
    assert f"r{old}" in html

    with opened as read_next:
        read_until(read_next, part("runs"))
        other, new = run_of("cy", flow="do_task"), run_of("cy", flow="chat")
        run_of("bo", flow="chat")
        found = read_until(read_next, part("new"))
        runs.close(old, "done", {})
        shown = read_until(read_next, lambda one: part("runs")(one) and "is-done" in one[2]["html"])

    assert "1 new" in found[2]["html"] and "flow=chat" in found[2]["html"]
    assert other not in shown[2]["html"] and new not in shown[2]["html"]


@pytest.mark.parametrize("until", ["x", "2026-01-01T00:00:00", "9" * 90, "\0"])
def test_a_list_until_no_moment_is_the_whole_list(browser, run_of, until):
    made = run_of("cy")

    assert made in browser("cy").get("/runs", params={"until": until}).text


def change_question(question):
    return question()["arguments"]["subject"]


def change_alert(_):
    return alerts.raise_alert("slow", "warning", "health", "It is slow now", {})["summary"]


def change_memory(_):
    return store.remember("note", "The quay is 400 metres long.", title="Quay")


def change_people(_):
    return people.add("eve", "reader", by="ana")["id"]


def change_agents(_):
    person = registry.Person("ana", "owner")
    return registry.create({"name": "digger", "instructions": "Dig.", "tools": []}, person).name


def change_digests(question):
    db.execute(
        "INSERT INTO digest (run_id, flow, namespace, edition, local_day, number, window_until,"
        " recipients, subject, html, plain) VALUES (%s, 'daily_research', 'main', 'daily',"
        " '2026-11-29', 1, now(), '{}', 'All about cranes', '', '')",
        [question()["run_id"]],
    )
    return "All about cranes"


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "name", "change"),
    [
        ("/waiting", "questions", change_question),
        ("/system", "system", change_alert),
        ("/memory?type=note", "newest", change_memory),
        ("/people", "people", change_people),
        ("/system/agents", "agents", change_agents),
        ("/digests", "digests", change_digests),
    ],
)
def test_a_page_that_is_open_shows_what_changes(served, question, path, name, change):
    with watch(served, "ana", path)[1] as read_next:
        before = read_until(read_next, part(name))
        wanted = change(question)
        found = read_until(read_next, lambda one: part(name)(one) and wanted in one[2]["html"])

    assert wanted not in before[2]["html"]
    # What somebody types stands outside of what is drawn anew.
    assert "<textarea" not in found[2]["html"] and 'name="q"' not in found[2]["html"]


def test_nobody_is_shown_the_page_of_another_role(served, run_of):
    store.remember("note", "The quay is 400 metres long.", title="Quay")
    for path in ("/memory", "/api/agents", "/nowhere", "//evil.example/memory", "\0\udcff"):
        query = urlencode({"page": path}, errors="surrogatepass")
        with stream(served, f"/live?{query}", sign_in("di")) as read_next:
            told = [read_next(), read_next()]

        assert {one[2]["part"] for one in told} == {"bar", "count"}


def test_an_open_page_is_drawn_once_for_all_who_have_it_open(served, question, monkeypatch):
    drawn = []
    real = pages.render_blocks
    monkeypatch.setattr(
        pages, "render_blocks", lambda *given, **values: drawn.append(1) or real(*given, **values)
    )
    cookie = sign_in("ana")

    with contextlib.ExitStack() as opened:
        readers = [
            opened.enter_context(stream(served, "/live?page=%2Fwaiting", cookie)) for _ in range(8)
        ]
        for read_next in readers:
            read_until(read_next, part("questions"))
        before = len(drawn)
        subject = question()["arguments"]["subject"]
        for read_next in readers:
            read_until(read_next, lambda found: subject in str(found))

    assert before == 1 and len(drawn) <= 3


def test_who_is_signed_out_sees_no_more_of_an_open_page(served, question):
    with stream(served, "/live?page=%2Fwaiting", sign_in("bo")) as read_next:
        read_until(read_next, part("questions"))
        sign_ins.end(sign_ins.list_open("bo")[0]["id"], "ana")
        question()
        found = read_until(read_next, lambda one: one[0] == "signed_out" or "Lunch" in str(one))

    assert found[0] == "signed_out"


def test_a_token_follows_its_persons_runs(served, run_of):
    _, secret = access_tokens.create("cy", "laptop", by="cy")
    run_id = run_of("cy", "Planning")

    with stream(
        served, f"/live?run={run_id}", authorization=f"Bearer {secret}", accept="*/*"
    ) as read_next:
        assert read_until(read_next, lambda found: found[0] == "over")


@pytest.mark.long
def test_a_question_is_answered_by_a_child_of_its_own(browser):
    """The whole spec with the offline model: asked, run in a child, followed, kept, asked again."""
    cy = browser("cy")

    started = cy.post("/talk", message="Hello\x00\x1b\u202e").headers["location"]
    run_id = started.partition("run=")[2].partition("#")[0]
    found = frames(cy.get(f"/live?run={run_id}").text)

    assert found[-1][0] == "over" and found[-1][2] == {"status": "done"}, found[-1]
    row = db.fetch_one("SELECT * FROM run WHERE id = %s", [run_id])
    assert (row["user_id"], row["flow"], row["orchestrator"]) == ("cy", "chat", "local")
    assert next(one["actor"] for one in audit.rows(run_id)) == "cy"
    session = started.partition("?")[0]
    html = cy.get(session).text
    assert "I answer questions from your documents" in html
    assert "Hello␛‹U+202E›" in html
    assert browser("bo").get(session).status_code == 404
    assert db.fetch_one("SELECT user_id FROM chat_session")["user_id"] == "cy"


@pytest.mark.long
def test_what_does_not_start_is_said(browser, app, monkeypatch, tmp_path):
    cy = browser("cy")
    monkeypatch.setenv("MILLRACE_NO_SUCH_SETTING", "1")

    started = cy.post("/talk", message="Hello").headers["location"]
    run_id = started.partition("run=")[2].partition("#")[0]
    found = frames(cy.get(f"/live?run={run_id}").text)

    assert found[-1][0] == "problem" and "did not start" in found[-1][2]["html"]
    assert browser("bo").get(f"/live?run={run_id}").status_code == 404
    assert "no_such_setting" in found[-1][2]["html"].lower()


SLOW = {
    "value": {
        "modules": [
            {
                "id": "slow",
                "value": {
                    "type": "rawscript",
                    "language": "python3",
                    "content": "import time\n\ndef main():\n    time.sleep(60)\n",
                    "input_transforms": {},
                },
            }
        ]
    }
}


@pytest.mark.long
def test_stop_ends_the_runner_and_what_it_started(database, folk):
    code = (
        "import json, sys; from f.millrace.core import run_context; from scripts.runner import run;"
        "flow, run_id = json.loads(sys.argv[1]), sys.argv[2]\n"
        "with run_context.change(user_id='cy'): run.start(flow, 'slow', {}, run_id)"
    )
    run_id = "6f1f3c43-8a2b-4d63-9d3a-1f6a8d1c2b3a"
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, json.dumps(SLOW), run_id], cwd=ROOT
    )
    try:
        until = time.monotonic() + 60
        while not db.fetch_one("SELECT 1 FROM attempt WHERE run_id = %s", [run_id]):
            assert time.monotonic() < until and child.poll() is None
            time.sleep(0.1)
        time.sleep(1)

        status = stop.stop(run_id, "cy")

        assert status in ("stopped", "killed")
        assert child.wait(20) is not None
        assert audit.last("run.stopped", "slow")["actor"] == "cy"
        assert stop.stop(run_id, "cy") == status
    finally:
        child.kill()
        child.wait()


def test_a_run_that_waits_is_cancelled_with_its_question(browser, question):
    row = question("cy")
    cy = browser("cy")

    assert cy.post(f"/runs/{row['run_id']}/stop").status_code == 303

    ended = db.fetch_one("SELECT * FROM run WHERE id = %s", [row["run_id"]])
    assert (ended["status"], ended["error"]) == ("cancelled", "stopped by cy")
    assert approvals.find_answer(str(row["id"]))["decision"] == "expired"


def test_a_run_of_windmill_or_another_machine_is_not_stopped_here(browser, run_of):
    windmill = run_of("cy", status="running")
    db.execute("UPDATE run SET orchestrator = 'windmill' WHERE id = %s", [windmill])
    elsewhere = run_of("cy", status="running")
    db.execute("INSERT INTO attempt (run_id, host, pid) VALUES (%s, 'other', 1)", [elsewhere])
    cy = browser("cy")

    assert "Windmill" in cy.post(f"/runs/{windmill}/stop").text
    assert "goes on at other" in cy.post(f"/runs/{elsewhere}/stop").text


@pytest.mark.long
def test_the_verb_prints_a_link_that_works_and_ends_when_told(database):
    environment = {**os.environ, "MILLRACE_USER": "ana"}
    child = subprocess.Popen(
        [sys.executable, "-m", "scripts.commands", "ui", "--no-open", "--port", "0"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        said = ""
        while "/enter?t=" not in said:
            line = child.stdout.readline()
            assert line, "it ended"
            said += line
        port = int(said.partition("127.0.0.1:")[2].partition("/")[0])
        path = said.partition(str(port))[2].split()[0]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        cookie = answer.getheader("set-cookie").split(";")[0]
        connection.request("GET", "/people", headers={"cookie": cookie, "accept": "text/html"})
        page = connection.getresponse().read().decode()
        open_stream = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        open_stream.request("GET", "/live", headers={"cookie": cookie})
        assert open_stream.getresponse().status == 200
        began = time.monotonic()
        child.send_signal(signal.SIGTERM)
        child.wait(20)
        assert time.monotonic() - began < 12
        open_stream.close()
        connection.close()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()

    assert answer.status == 303 and "ana" in page and "owner" in page


def test_a_stream_ends_with_its_token_and_when_its_person_may_do_less(served, run_of, folk):
    secret = access_tokens.create("cy", "laptop", by="cy")[1]
    run_id = run_of("bo", status="running")

    with stream(served, "/live", authorization=f"Bearer {secret}") as read_next:
        read_next()
        access_tokens.revoke("cy", "laptop", by="cy")
        run_of("cy")
        assert read_until(read_next, lambda found: found[0] == "signed_out")
    with stream(served, f"/live?run={run_id}", sign_in("ana")) as read_next:
        read_next()
        people.add("eve", "owner", by="ana")
        people.change_role("ana", "reader", by="eve")
        with run_context.change(run_id=run_id):
            events.emit("progress", "My secret")
        with contextlib.suppress(AssertionError, IndexError):
            assert "My secret" not in str(read_until(read_next, lambda found: found is None))


def test_readers_that_do_not_read_keep_nobody_waiting(served, run_of):
    run_id, cookie = run_of("cy", status="running"), sign_in("cy")
    asleep = [socket.create_connection(("127.0.0.1", served)) for _ in range(20)]
    for one in asleep:
        one.sendall(
            f"GET /live?run={run_id} HTTP/1.1\r\nhost: 127.0.0.1:{served}\r\n"
            f"cookie: millrace_{served}={cookie}\r\n\r\n".encode()
        )

    with stream(served, f"/live?run={run_id}", cookie) as read_next:
        read_next()
        with run_context.change(run_id=run_id):
            for number in range(50):
                events.emit("progress", f"line {number} " + "x" * 2000)
        began = time.monotonic()
        read_until(read_next, lambda found: "line 49 " in str(found))

    assert time.monotonic() - began < 5
    for one in asleep:
        one.close()
