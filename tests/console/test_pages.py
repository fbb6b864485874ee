"""What the pages of the console show and change."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from f.millrace.core import config, db, errors, run_context
from f.millrace.memory import history, store
from f.millrace.telemetry import alerts, runs
from f.millrace.trust import actions, approvals, audit, decisions, feedback, people
from scripts.console import pages
from scripts.console.children import Children
from tests.console.conftest import OWN

NASTY = "<script>alert(1)</script>\x1b[31m‮evil​<b>"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;␛[31m‹U+202E›evil‹U+200B›&lt;b&gt;"


def test_what_others_wrote_is_escaped_and_shown_in_every_place(browser, run_of, configure):
    run_id = run_of("ana", NASTY, session="one", asks=NASTY, flow="chat", error=NASTY)
    with run_context.change(user_id="ana", session_id="one"):
        history.remember_turn("one", NASTY, NASTY)
    item = store.remember("note", f"{NASTY} text", title=NASTY)
    db.execute(
        "INSERT INTO document (id, path, title, state, problem) VALUES ('doc_1', %s, %s, 'failed',"
        " %s)",
        [NASTY, NASTY, NASTY],
    )
    alerts.raise_alert("x", "warning", "health", NASTY, {})
    ana = browser("ana")

    for path in (
        "/talk",
        "/talk/one",
        "/runs",
        f"/runs/{run_id}",
        f"/runs/{run_id}?step=assist.chat",
        "/memory",
        "/memory?q=evil",
        f"/memory/items/{item}",
        "/memory/documents",
        "/memory/documents/doc_1",
        "/system",
        "/people",
    ):
        answer = ana.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text and "‮" not in answer.text, path
        assert "\x1b" not in answer.text and "​" not in answer.text, path
    assert SHOWN in ana.get("/talk/one").text


def test_a_message_is_taken_once_and_starts_a_run(browser, app, monkeypatch):
    cy = browser("cy")

    for message, status, words in (
        ("", 400, "empty"),
        ("  \n ", 400, "empty"),
        ("x" * 2001, 400, "2001 characters"),
        ("x" * 1_000_000, 413, "more than 256 kB"),
    ):
        answer = cy.post("/talk", message=message)
        assert answer.status_code == status and words in answer.text
        assert 'href="/talk"' in answer.text or "Go back" in answer.text
    assert cy.post("/talk", message="Hi", flow="daily_research").status_code == 400
    assert cy.post("/talk", message="Hi", session="../../etc").status_code == 400
    assert db.fetch_all("SELECT 1 FROM run") == []


def test_a_form_that_is_none_is_refused_in_words(browser):
    cy = browser("cy")

    for body in (b"\xff\xfe", b"&".join(b"a=1" for _ in range(200))):
        answer = cy.client.post("/talk", content=body, headers=OWN)
        assert answer.status_code == 400 and "form" in answer.text


def test_a_conversation_shows_what_its_runs_found(browser, run_of):
    run_id = run_of("cy", "Searching… 12 results", session="cells", asks="How much?")
    db.execute(
        "INSERT INTO evidence (id, run_id, topic_id, namespace, url, title, body, source) VALUES"
        " ('ev_1', %s, 't', 'main', 'https://cell.example/a', 'Cells', 'Before. It makes 12 GWh."
        " After.', 'cell')",
        [run_id],
    )
    finding = {"text": "It makes 12 GWh.", "citations": ["ev_1"], "about": ""}
    runs.keep(
        run_id,
        {
            "answer": {
                "text": "It makes 12 GWh. [1]",
                "details": {
                    "topic_id": "t",
                    "title": "How much?",
                    "findings": [finding],
                    "conflicts": [
                        {
                            "question": "how many GWh",
                            "trusted": 1,
                            "why": "newer",
                            "sides": [
                                {"claim": "It makes 8.", "evidence": ["ev_1"]},
                                {"claim": "It makes 12.", "evidence": ["ev_1"]},
                            ],
                        }
                    ],
                    "confidence": {"score": 70},
                    "written_by": ["offline"],
                },
            }
        },
    )
    cy = browser("cy")

    html = cy.get("/talk/cells").text
    passage = cy.get(f"/runs/{run_id}/passages/ev_1?n=1&part=1").text

    assert "How much?" in html and "Searching… 12 results" in html
    assert f'href="/runs/{run_id}/passages/ev_1?n=1"' in html
    assert html.index("It makes 12.") < html.index("It makes 8.")
    assert "<mark>It makes 12 GWh.</mark>" in passage and "https://cell.example/a" in passage
    assert "Written by offline" in html


def test_a_conversation_of_the_terminal_is_there_too(browser):
    with run_context.change(user_id="cy"):
        history.remember_turn("terminal-1", "When is high water?", "At noon.")

    html = browser("cy").get("/talk/terminal-1").text

    assert "When is high water?" in html and "At noon." in html


def test_an_address_that_is_not_of_the_web_is_no_link(browser, run_of):
    run_id = run_of("cy")
    db.execute(
        "INSERT INTO evidence (id, run_id, namespace, url, title, body) VALUES ('ev_1', %s, 'main',"
        " 'javascript:alert(1)', '', 'x')",
        [run_id],
    )

    html = browser("cy").get(f"/runs/{run_id}/passages/ev_1").text

    assert 'href="javascript' not in html and "javascript:alert(1)" in html


def test_thousands_of_runs_come_in_pages_with_their_filters_in_the_address(browser, folk):
    db.execute(
        "INSERT INTO run (id, flow, status, user_id, started_at, finished_at) SELECT"
        " gen_random_uuid(), 'chat', CASE n % 10 WHEN 0 THEN 'failed' ELSE 'done' END, 'cy', now()"
        " - n * interval '1 minute', now() FROM generate_series(1, 10000) n"
    )
    cy = browser("cy")

    first = cy.get("/runs?status=failed").text
    last = cy.get("/runs?status=failed&page=20").text
    behind = cy.get("/runs?status=failed&page=21").text

    older = unescape(re.search(r'rel="next" href="([^"]+)"', first)[1])
    second = cy.get(older).text
    assert first.count("data-row") == second.count("data-row") == 50
    assert "page=2" in older and "status=failed" in older and "page 2" in second
    assert not set(re.findall(r'id="r([^"]+)"', first)) & set(re.findall(r'id="r([^"]+)"', second))
    assert last.count("data-row") == 50 and 'rel="next"' not in last
    assert "No run fits these filters" in behind
    for page in ("0", "-1", "x", "9" * 30, "1.5"):
        assert cy.get(f"/runs?page={page}").status_code == 200


def test_thousand_conversations_come_in_pages(browser, folk):
    db.execute(
        "INSERT INTO run (id, flow, status, user_id, session, args) SELECT gen_random_uuid(),"
        " 'chat', 'done', 'cy', 's-' || n, jsonb_build_object('user_message', 'Question ' || n)"
        " FROM generate_series(1, 1000) n"
    )

    html = browser("cy").get("/talk").text

    assert len(re.findall(r'href="/talk/s-\d+"', html)) == 40
    assert 'rel="next"' in html


@pytest.mark.parametrize("path", ["/talk", "/runs", "/waiting", "/digests", "/memory",
                                  "/memory/documents", "/system", "/people"])  # fmt: skip
def test_an_empty_page_says_what_to_do(browser, path):
    answer = browser("ana").get(path)

    assert answer.status_code == 200
    assert re.search(r'class="(empty|welcome|none)', answer.text)


def test_pages_weigh_little(browser, run_of):
    import gzip

    run_of("ana", *(f"Line {n}" for n in range(20)), session="one")
    files = b"".join(path.read_bytes() for path in pages.STATIC.iterdir())

    html = browser("ana").get("/talk/one").content

    assert len(gzip.compress(html + files)) < 60_000


def test_who_may_decides_and_the_run_goes_on(browser, question):
    row = question()
    bo = browser("bo")
    page = bo.get("/waiting").text
    assert "eve@out.example" in page and row["digest"][:16] in page

    answer = bo.post(f"/waiting/{row['id']}", decision="deny", digest=row["digest"])

    assert answer.headers["location"] == "/waiting"
    given = approvals.find_answer(str(row["id"]))
    assert (given["decision"], given["decided_by"], given["how"]) == ("denied", "bo", "console")
    assert "denied by bo" in bo.get("/waiting").text
    assert audit.last("approval.denied", row["key"])["actor"] == "bo"


def test_the_second_of_two_is_told_who_decided(browser, question):
    row = question()
    browser("ana").post(f"/waiting/{row['id']}", decision="deny", digest=row["digest"])

    late = browser("bo").post(f"/waiting/{row['id']}", decision="approve", digest=row["digest"])

    assert late.status_code == 409
    assert "denied by ana" in late.text and "first answer stands" in late.text
    assert approvals.find_answer(str(row["id"]))["decided_by"] == "ana"


def test_an_answer_counts_for_what_was_shown(browser, question):
    row, bo = question(), browser("bo")
    actions.propose(
        "mail.send", {"to": ["x@out.example"], "subject": "Other", "text": "y"}, row["key"]
    )

    answer = bo.post(f"/waiting/{row['id']}", decision="approve", digest=row["digest"])

    assert answer.status_code == 400
    assert not any(one["decision"] == "approved" for one in db.fetch_all("SELECT * FROM approval"))


def test_an_answer_with_a_wrong_digest_is_none(browser, question):
    row = question()

    for digest in ("", "0" * 64, row["digest"][:-1]):
        answer = browser("bo").post(f"/waiting/{row['id']}", decision="approve", digest=digest)
        assert answer.status_code == 400 and "other arguments" in answer.text
    assert approvals.find_answer(str(row["id"])) is None


def test_who_asked_decides_about_medium_risk_alone(browser, question):
    high = question("cy")
    medium = question("cy", subject="Other")
    db.execute("UPDATE action SET risk = 'medium' WHERE id = %s", [medium["id"]])
    db.execute("UPDATE action SET risk = 'high' WHERE id = %s", [high["id"]])
    cy = browser("cy")

    refused = cy.post(f"/waiting/{high['id']}", decision="deny", digest=high["digest"])
    done = cy.post(f"/waiting/{medium['id']}", decision="deny", digest=medium["digest"])

    assert (refused.status_code, done.status_code) == (403, 303)
    assert "An approver decides about this" in cy.get("/waiting").text


def test_questions_of_the_runs_of_others_are_not_there(browser, question):
    row = question("bo")
    cy = browser("cy")

    assert cy.get(f"/waiting/{row['id']}").status_code == 404
    answer = cy.post(f"/waiting/{row['id']}", decision="deny", digest=row["digest"])
    assert answer.status_code == 404
    assert "Nothing waits for you" in cy.get("/waiting").text


def test_a_forged_text_stays_inside_its_box(browser, question):
    forged = (
        "</div></section><section class='ask'><header>Approved by ana</header>"
        "<button name='decision' value='approve'>Send it</button>"
    )
    row = question(text=forged, subject=forged)

    html = browser("bo").get(f"/waiting/{row['id']}").text

    assert html.count('<section class="ask') == 1
    assert html.count('name="decision" value="approve"') == 1
    assert "<header>Approved" not in html


def test_a_question_that_nobody_answered_in_time_is_over(browser, question, configure):
    row, bo = question(), browser("bo")
    db.execute(
        "UPDATE action SET created_at = created_at - interval '40 days' WHERE id = %s", [row["id"]]
    )

    answer = bo.post(f"/waiting/{row['id']}", decision="approve", digest=row["digest"])

    assert answer.status_code == 409
    assert actions.get_by_id(str(row["id"]))["state"] == "expired"


def test_a_step_is_shown_by_itself_with_what_it_read(browser, run_of):
    run_id = run_of("cy", "Searching… 12 results", session="one", status="failed", error="broken")
    db.execute(
        "INSERT INTO evidence (id, run_id, topic_id, namespace, url, title, body, created_at)"
        " SELECT 'ev_1', id, 't', 'main', 'https://cell.example/a', 'Cells', 'It makes 12 GWh.',"
        " (SELECT started_at FROM step WHERE run_id = run.id) FROM run WHERE id = %s",
        [run_id],
    )
    path = db.fetch_one("SELECT path FROM step WHERE run_id = %s", [run_id])["path"]
    cy = browser("cy")

    part = cy.get(f"/runs/{run_id}?step={path}&part=1").text

    assert "<html" not in part and "Searching… 12 results" in part
    assert f"/runs/{run_id}/passages/ev_1" in part
    assert browser("bo").get(f"/runs/{run_id}?step={path}&part=1").status_code == 404


def test_an_agents_answer_shows_its_sources(browser, run_of):
    run_id = run_of("cy", session="one", flow="ask_agent")
    db.execute(
        "INSERT INTO evidence (id, run_id, topic_id, namespace, url, title, body) VALUES ('ev_1',"
        " %s, 't', 'main', 'https://cell.example/a', 'Cells', 'It makes 12 GWh.')",
        [run_id],
    )
    finding = {"text": "It makes 12 GWh.", "citations": ["ev_1"], "about": ""}
    details = {
        "topic_id": "task",
        "title": "How much?",
        "findings": [finding],
        "conflicts": [],
        "confidence": {},
        "written_by": ["digger"],
    }
    text = "It makes 12 GWh. [1]\n\n1. Cells: https://cell.example/a"
    runs.keep(run_id, {"answer": {"text": text, "details": details}})

    html = browser("cy").get("/talk/one").text

    assert f'href="/runs/{run_id}/passages/ev_1?n=1"' in html and "Written by digger" in html
    assert "1. Cells:" not in html


def test_an_answer_is_judged(browser, run_of):
    run_id = run_of("cy", session="one")
    runs.keep(run_id, {"answer": {"text": "It makes 8."}})
    decisions.record_judgement(run_id, "t", "How much?", 70, "researcher", False)
    cy = browser("cy")

    cy.post(f"/runs/{run_id}/verdict", verdict="wrong", words="It is 12")

    (made,) = decisions.list_of_run(run_id)
    assert made["outcome"] == "refused"
    assert "You said it was wrong" in cy.get("/talk/one").text
    assert cy.post(f"/runs/{run_id}/verdict", verdict="maybe").status_code == 400


def test_memory_is_asked_corrected_and_forgotten(browser):
    item = store.remember("note", "The quay is 400 metres long.", title="Quay")
    ana, cy = browser("ana"), browser("cy")

    assert "400 metres" in cy.get("/memory?q=how+long+is+the+quay").text
    assert cy.post(f"/memory/items/{item}/correct", text="No.").status_code == 403
    moved = ana.post(f"/memory/items/{item}/correct", text="The quay is 420 metres long.")
    new = moved.headers["location"].rsplit("/", 1)[1]

    assert "420 metres" in ana.get(moved.headers["location"]).text
    assert f"/memory/items/{new}" in ana.get(f"/memory/items/{item}").text
    assert ana.post(f"/memory/items/{new}/correct", text="").status_code == 400
    assert ana.post(f"/memory/items/{new}/forget").status_code == 400
    assert store.get(new).text == "The quay is 420 metres long."
    assert ana.post(f"/memory/items/{new}/forget", sure="yes").status_code == 303
    with pytest.raises(errors.NotFound):
        store.get(new)
    kinds = [row["kind"] for row in audit.rows() if row["actor"] == "ana"]
    assert kinds[-2:] == ["memory.corrected", "memory.forgotten"]


def test_memory_of_another_namespace_is_not_there(browser):
    item = store.remember("note", "A secret of the sample.", namespace="sample")

    assert browser("ana").get(f"/memory/items/{item}").status_code == 404


def test_a_private_digest_is_for_owners_and_who_got_it(browser, run_of):
    run_id = run_of("ana", flow="daily_research")
    for number, private, recipients in ((1, False, ["x"]), (2, True, ["ana"]), (3, True, ["cy"])):
        db.execute(
            "INSERT INTO digest (run_id, flow, namespace, edition, local_day, number, window_until,"
            " recipients, subject, html, plain, private, window_since) VALUES (%s,"
            " 'daily_research', 'main', 'daily', '2026-11-29', %s, now(), %s, %s,"
            " '<style>b{}</style><b onclick=\"x\">Hi</b>', 'Hi', %s, now() + %s * interval '1 s')",
            [run_id, number, recipients, f"Edition {number}", private, number],
        )
    ids = {row["number"]: row["id"] for row in db.fetch_all("SELECT id, number FROM digest")}

    def seen(person):
        html = browser(person).get("/digests").text
        return [number for number in (1, 2, 3) if f"Edition {number}" in html]

    assert (seen("ana"), seen("bo"), seen("cy")) == ([1, 2, 3], [1], [1, 3])
    assert browser("bo").get(f"/digests/{ids[2]}").status_code == 404
    assert browser("bo").get(f"/digests/{ids[2]}/frame").status_code == 404
    frame = browser("cy").get(f"/digests/{ids[3]}/frame")
    assert "sandbox" in frame.headers["content-security-policy"]
    assert "script-src" not in frame.headers["content-security-policy"]
    assert "default-src 'none'" in frame.headers["content-security-policy"]


def test_who_got_a_digest_says_there_what_they_want_more_of(browser, run_of):
    run_id = run_of("ana", flow="daily_research")
    people.add("eve@home.example", "reader", by="ana")
    row = db.fetch_one(
        "INSERT INTO digest (run_id, flow, namespace, edition, local_day, number, window_until,"
        " recipients, subject, html, plain) VALUES (%s, 'daily_research', 'main', 'daily',"
        " '2026-11-29', 1, now(), '{Eve@home.example}', 'Today', '', '') RETURNING id",
        [run_id],
    )
    db.execute(
        "INSERT INTO delivery (flow, namespace, edition, recipient, local_day, number, run_id,"
        " digest_id, message_id, status, window_until) VALUES ('daily_research', 'main', 'daily',"
        " 'Eve@home.example', '2026-11-29', 1, %s, %s, 'a@millrace', 'sent', now())",
        [run_id, row["id"]],
    )
    db.execute(
        "INSERT INTO topic (id, run_id, namespace, rank, title) VALUES ('t1', %s, 'main', 1,"
        " 'Batteries')",
        [run_id],
    )
    eve, page = browser("eve@home.example"), f"/digests/{row['id']}"
    reply = f"{page}/reply"
    assert "More like this" in eve.get(page).text
    assert "More like this" not in browser("bo").get(page).text

    assert eve.post(reply, topic="t1", verb="more").status_code == 303

    assert feedback.of_recipient("Eve@home.example", "daily_research", "main")["batteries"] > 0
    shown = eve.get(page).text
    assert "You want more like it" in shown and "More like this" not in shown
    assert "said" in eve.post(reply, topic="t1", verb="more").text
    assert eve.post(reply, topic="t1", verb="less").status_code == 303
    assert "You want less like it" in eve.get(page).text
    assert eve.post(reply, topic="t9", verb="less").status_code == 404
    assert eve.post(reply, topic="t1", verb="unsubscribe").status_code == 400
    assert browser("bo").post(reply, topic="t1", verb="less").status_code == 403


def test_ctrl_k_finds_what_one_may_see(browser, run_of):
    own = run_of("cy", asks="Where is 100%_of the <b>harbour</b>?")
    other = run_of("bo", asks="Who owns the harbour?")
    item = store.remember("note", "The harbour is deep.", title="Harbour", namespace="main")
    cy = browser("cy")

    found = cy.get("/find?q=HARBOUR").text

    assert f"/runs/{own}" in found and other not in found and str(item) in found
    assert "&lt;b&gt;harbour" in found
    assert f"/runs/{other}" in browser("ana").get("/find?q=harbour").text
    assert str(item) not in browser("di").get("/find?q=harbour").text
    assert f"/runs/{own}" in cy.get("/find?q=100%25_of").text
    assert f"/runs/{own}" not in cy.get("/find?q=1%25").text
    assert 'href="/waiting"' in cy.get("/find").text
    assert "Nothing of that" in cy.get("/find?q=%00%ff" + "x" * 500).text
    assert browser().get("/find?q=harbour").status_code == 303
    assert 'class="palette"' in cy.get("/talk").text


def test_costs_of_all_are_for_owners(browser):
    assert "Costs" in browser("ana").get("/system").text
    assert "Costs" not in browser("bo").get("/system").text


def test_an_alert_is_seen_and_over(browser):
    row = alerts.raise_alert("slow", "warning", "health", "It is slow", {})
    bo = browser("bo")

    bo.post(f"/system/alerts/{row['id']}", change="seen")
    assert alerts.find(row["id"])["acknowledged_by"] == "bo"
    bo.post(f"/system/alerts/{row['id']}", change="over")

    assert alerts.find(row["id"])["state"] == "resolved"
    assert bo.post(f"/system/alerts/{row['id']}", change="else").status_code == 400


def test_a_token_is_shown_once(browser):
    cy = browser("cy")

    made = cy.post("/tokens", name="laptop", days="7", role="reader").text

    secret = re.search(r"mlr_[\w-]{43}", made)[0]
    assert secret not in cy.get("/people").text
    assert cy.post("/tokens", name="more", days="7", role="owner").status_code == 403
    assert cy.post("/tokens", name="laptop", days="7").status_code == 400
    assert cy.post("/tokens", name="x", days="many").status_code == 400
    assert cy.post("/tokens/cy/laptop/revoke").status_code == 303


def test_the_audit_log_is_verified_on_the_page(browser):
    assert "Every row is as it was written" in browser("ana").get("/people?verify=1").text


def test_what_breaks_inside_is_said_without_its_insides(browser, monkeypatch):
    def broken(*_):
        raise ValueError("password=hunter2")

    monkeypatch.setattr("f.millrace.memory.stats.count_types", broken)

    answer = browser("ana").get("/memory")

    assert answer.status_code == 500 and "hunter2" not in answer.text


def openflow(*modules):
    return {"value": {"modules": list(modules)}}


def script(name, **more):
    return {"id": name, "summary": name.title(), "value": {"type": "script", "path": name}, **more}


def test_a_flow_is_drawn_with_its_loops_branches_and_questions(browser, run_of):
    run_id = run_of("cy", flow="daily_research", status="failed", error="broken")
    flow = openflow(
        script("open"),
        {"id": "each", "value": {"type": "forloopflow", "modules": [script("read")]}},
        {
            "id": "way",
            "value": {
                "type": "branchone",
                "branches": [{"summary": "It is short", "modules": [script("short")]}],
                "default": [script("long")],
            },
        },
        script("ask", suspend={"required_events": 1}),
        script("send"),
    )
    db.execute("UPDATE run SET openflow = %s WHERE id = %s", [db.jsonb(flow), run_id])
    db.execute("DELETE FROM step WHERE run_id = %s", [run_id])
    for path, status in (
        ("open", "done"),
        ("each[0].read", "done"),
        ("each[1].read", "failed"),
        ("way.long", "running"),
    ):
        db.execute(
            "INSERT INTO step (run_id, path, name, status, finished_at) VALUES (%s, %s, 'x', %s,"
            " CASE WHEN %s <> 'running' THEN clock_timestamp() END)",
            [run_id, path, status, status],
        )
    cy = browser("cy")

    html = cy.get(f"/runs/{run_id}").text
    step = cy.get(f"/runs/{run_id}?step=each.read").text

    assert re.findall(r'class="step is-(\w+)" href="[^"]*"[^>]*><svg.*?</svg><b>(\w+)', html) == [
        ("done", "open"),
        ("done", "each"),
        ("idle", "short"),
        ("running", "long"),
        ("done", "ask"),
        ("idle", "send"),
    ]
    assert '<i class="d"></i><i class="f"></i>' in html and "1 of 2, 1 failed" in html
    assert "It is short" in html and "not reached" in html
    assert step.count('class="stepped"') == 2 and "item 2" in step


def test_a_run_that_failed_goes_on_and_one_that_is_done_does_not(browser, run_of):
    failed, done = run_of("cy", status="failed"), run_of("cy")
    db.execute("UPDATE run SET openflow = %s", [db.jsonb(openflow(script("open")))])
    cy = browser("cy")

    assert "Go on from where it stands" in cy.get(f"/runs/{failed}").text
    assert "Go on from where it stands" not in cy.get(f"/runs/{done}").text
    assert cy.post(f"/runs/{done}/resume").status_code == 400


def test_a_run_is_run_again_from_any_step_that_has_ended(browser, run_of, monkeypatch):
    done = run_of("cy", session="one", asks="Why?")
    db.execute(
        "UPDATE run SET openflow = %s", [db.jsonb(openflow(script("answer"), script("mail")))]
    )
    db.execute("UPDATE step SET path = 'answer'")
    cy, asked = browser("cy"), []

    def repeat(self, *given):
        asked.append(given)
        return run_of("cy", session="one", asks="Why?", status="running")

    monkeypatch.setattr(Children, "repeat", repeat)
    page = cy.get(f"/runs/{done}?step=answer").text
    answer = cy.post(f"/runs/{done}/again", step="answer")

    assert "Run again from here" in page and 'name="step" value="answer"' in page
    assert answer.status_code == 303 and asked == [(done, "answer", "Why?", "one")]
    assert "Run again from here" not in cy.get(f"/runs/{done}?step=mail").text
    refused = cy.post(f"/runs/{done}/again", step="mail")
    assert refused.status_code == 400 and "has not ended" in refused.text
    assert cy.post(f"/runs/{done}/again", step="nowhere").status_code == 400
    assert browser("bo").post(f"/runs/{done}/again", step="answer").status_code == 404
    started = answer.headers["location"].partition("run=")[2].partition("#")[0]
    assert cy.post(f"/runs/{started}/again", step="answer").status_code == 400
    assert len(asked) == 1


def test_a_run_says_which_one_it_continues(browser, run_of):
    first, second = run_of("cy"), run_of("cy")
    db.execute(
        "UPDATE run SET continues = %s, continues_at = 'answer' WHERE id = %s", [first, second]
    )
    cy = browser("cy")

    assert f'It continues <a href="/runs/{first}">' in cy.get(f"/runs/{second}").text
    assert "It continues" not in cy.get(f"/runs/{first}").text


def test_an_age_is_told_by_the_clock_of_the_settings(monkeypatch):
    monkeypatch.setenv("MILLRACE_NOW", "2026-03-01T12:00:00+00:00")
    config.reload()

    assert pages.format_age(datetime(2026, 3, 1, 9, tzinfo=UTC)) == "3 h ago"


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
            "Firefox on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML,"
            " like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/131.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("curl/8.5.0", "curl"),
        ("", "a browser"),
    ],
)
def test_a_browser_is_called_as_people_call_it(agent, shown):
    assert pages.name_browser(agent) == shown


def test_memory_is_counted_as_far_as_it_is_the_persons_own_or_everybodys(browser, folk):
    store.remember("note", "Everybody's note")
    for person in ("cy", "bo"):
        with run_context.change(user_id=person):
            store.remember("fact", f"What {person} alone knows")
    cy, ana = browser("cy"), browser("ana")

    assert "2 items" in cy.get("/memory").text and "fact <span>1</span>" in cy.get("/memory").text
    assert "Memory holds 2 items" in cy.get("/talk").text
    assert "3 items" in ana.get("/memory").text


def test_times_are_words():
    assert pages.format_age(run_context.now() + timedelta(hours=5)) == "in 5 h"
    assert [pages.format_duration(value) for value in (None, 0.26, 59.9, 127, 11_520)] == [
        "",
        "0.3 s",
        "59.9 s",
        "2:07",
        "3 h 12",
    ]
    assert [pages.format_number(value) for value in (812, 19_300, 1_200_000)] == [
        "812",
        "19.3k",
        "1.2M",
    ]
