"""Who may do what in the console: links, cookies, hosts, origins, roles, and what is another's."""

from datetime import UTC, datetime, timedelta

import pytest

from f.millrace.core import config, db, errors
from f.millrace.trust import access_tokens, audit, people
from scripts.console import access, sign_ins
from scripts.console.app import ROUTES
from tests.console.conftest import HOST, OWN, PAGE, ROLES, Browser

STRICT = f"{access.POLICY}; frame-ancestors 'none'"

OTHERS = "11111111-2222-3333-4444-555555555555"


def test_a_link_signs_in_once(browser):
    secret = sign_ins.make_link("cy")

    first = browser().get(f"/enter?t={secret}")
    second = browser().get(f"/enter?t={secret}")

    cookie = first.headers["set-cookie"].lower()
    assert first.headers["location"] == "/talk"
    assert cookie.startswith("millrace_7431=") and "httponly" in cookie and "samesite=lax" in cookie
    assert second.status_code == 403 and "used already" in second.text
    assert "set-cookie" not in second.headers


@pytest.mark.parametrize("secret", ["", "wrong", "a" * 5000, "%00", "‮"])
def test_a_link_that_is_none_says_how_to_get_one(browser, secret):
    answer = browser().get("/enter", params={"t": secret})

    assert answer.status_code in (401, 403)
    assert "scripts/millrace ui" in answer.text


def test_a_link_lasts_a_minute(browser, configure):
    secret = sign_ins.make_link("cy")

    configure(now=(datetime.now(UTC) + timedelta(seconds=61)).isoformat())

    assert browser().get(f"/enter?t={secret}").status_code == 403


def test_a_link_of_a_removed_person_is_none(browser):
    secret = sign_ins.make_link("cy")

    people.remove("cy", by="ana")

    assert browser().get(f"/enter?t={secret}").status_code == 403


def test_what_is_kept_of_a_cookie_and_a_link_is_their_hash(browser):
    cy = browser("cy")

    kept = str(db.fetch_all("SELECT * FROM sign_in") + db.fetch_all("SELECT * FROM sign_in_link"))

    assert cy.client.cookies["millrace_7431"] not in kept
    assert [row["kind"] for row in audit.rows()][-1] == "sign_in.began"


def test_a_cookie_of_another_port_is_not_ours(browser, app):
    cy = browser("cy")
    other = Browser(app)

    other.client.cookies.set("millrace_9999", cy.client.cookies["millrace_7431"])

    assert other.get("/runs").headers["location"] == "/enter"


def test_a_session_ends_when_it_is_not_used(browser, configure):
    cy = browser("cy")
    assert cy.get("/runs").status_code == 200

    configure(now=(datetime.now(UTC) + sign_ins.IDLE + timedelta(minutes=1)).isoformat())

    assert cy.get("/runs").headers["location"] == "/enter"


def test_a_session_ends_a_week_after_it_began_although_it_is_used(browser, configure):
    cy, now = browser("cy"), datetime.now(UTC)

    for hours in range(11, 24 * 7, 11):
        configure(now=(now + timedelta(hours=hours)).isoformat())
        assert cy.get("/waiting").status_code == 200
    configure(now=(now + sign_ins.LONGEST + timedelta(seconds=1)).isoformat())

    assert cy.get("/waiting").headers["location"] == "/enter"


def test_who_signs_out_is_out(browser):
    cy = browser("cy")
    cookie = cy.client.cookies["millrace_7431"]

    assert cy.post("/leave").headers["location"] == "/enter"

    cy.client.cookies.set("millrace_7431", cookie)
    assert cy.get("/runs").headers["location"] == "/enter"
    assert sign_ins.list_open("cy") == []


def test_a_removed_person_is_out_at_once_and_signs_in_anew_when_they_come_back(browser):
    cy, secret = browser("cy"), sign_ins.make_link("cy")

    people.remove("cy", by="ana")

    assert cy.get("/runs").headers["location"] == "/enter"

    people.add("cy", by="ana")

    assert cy.get("/runs").headers["location"] == "/enter"
    assert browser().get(f"/enter?t={secret}").status_code == 403


def test_a_changed_role_holds_at_once(browser):
    bo = browser("bo")

    people.change_role("bo", "reader", by="ana")

    assert bo.post("/talk", message="What is new?").status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "evil.example:7431"]
)
def test_a_foreign_host_is_refused_before_anything(browser, host):
    cy = browser("cy")

    answer = cy.get("/runs", headers={"host": host})

    assert answer.status_code == 421
    assert answer.headers["content-security-policy"] == STRICT


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 400),
        ({"sec-fetch-site": "same-origin", "origin": f"http://{HOST}"}, 400),
        ({"origin": f"http://{HOST}"}, 400),
        ({}, 403),
        ({"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:9999"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://evil.example"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": f"http://evil.example/{HOST}"}, 403),
    ],
)
def test_a_change_comes_from_our_own_page(browser, headers, status):
    answer = browser("cy").post("/talk", headers=headers, message="")

    assert answer.status_code == status


def test_reading_may_be_linked_from_elsewhere(browser):
    assert (
        browser("cy").get("/waiting", headers={"sec-fetch-site": "cross-site"}).status_code == 200
    )


def fill(path):
    for name in ("run", "action", "digest", "sign_in"):
        path = path.replace(f"{{{name}}}", OTHERS)
    for name, value in {
        "session": "nobody",
        "evidence": "ev_1",
        "item": "mem_0000000000000000",
        "document": "doc_1",
        "alert": "999",
        "person": "nobody",
        "name": "none",
        "agent": "nobody",
    }.items():
        path = path.replace(f"{{{name}}}", value)
    return path


@pytest.mark.parametrize("person", list(ROLES))
def test_every_route_asks_for_its_role(browser, person):
    """With a role that is enough the route answers, if only that what it is about is not there."""
    wrong = []
    one = browser(person)
    for spec in ROUTES:
        if spec.path == "/leave":
            continue
        path = fill(spec.path)
        own = {} if spec.method == "GET" else OWN
        answer = one.client.request(spec.method, path, headers=own)
        may = people.has_role(ROLES[person], spec.role)
        fits = answer.status_code in (200, 303, 400, 404, 409) if may else answer.status_code == 403
        is_plain = "{" in spec.path and spec.method == "GET"
        if not fits or (may and is_plain and answer.status_code != 404):
            wrong.append((spec.method, path, answer.status_code))
    assert wrong == []


def test_nobody_gets_anything_without_signing_in(browser):
    one = browser()

    for spec in ROUTES:
        path = fill(spec.path)
        own = {} if spec.method == "GET" else OWN
        answer = one.client.request(spec.method, path, headers=own)
        assert answer.headers.get("location") == "/enter" or answer.status_code == 401, path
    assert one.get("/live").headers["location"] == "/enter"
    assert one.get("/live", headers={"accept": "text/event-stream"}).status_code == 401
    assert one.get("/health/live").text == "alive" and one.get("/health/ready").text == "ready"


def test_every_answer_has_the_strict_policy(browser):
    ana = browser("ana")

    for path in (
        "/talk",
        "/runs",
        "/system",
        "/nowhere",
        "/enter",
        "/static/console.js",
        "/runs/x",
    ):
        headers = ana.get(path).headers
        assert headers["content-security-policy"] == STRICT, path
        assert headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in access.POLICY and "http" not in access.POLICY
    assert ana.get("/runs").headers["cache-control"] == "no-store"


def test_no_page_has_a_style_or_a_script_in_it(browser, run_of):
    ana, run_id = browser("ana"), run_of("ana", "Searching… 3 results", session="one")

    for path in ("/talk", "/talk/one", "/runs", f"/runs/{run_id}", "/memory", "/system", "/people"):
        html = ana.get(path).text
        assert " style=" not in html and "<style" not in html, path
        assert " on" not in html.replace(" on</span>", "").lower().split("<body")[0]
        assert html.count("<script") == 1 and 'src="/static/' in html


def test_runs_and_conversations_of_others_are_not_there(browser, run_of):
    run_id = run_of("bo", "Searching… 3 results", session="private", asks="My secret?")
    cy, di, bo = browser("cy"), browser("di"), browser("bo")

    for one in (cy, di):
        for path in (f"/runs/{run_id}", f"/runs/{run_id}/passages/ev_1", "/talk/private"):
            answer = one.get(path)
            assert answer.status_code == 404 and "secret" not in answer.text, path
        assert one.get(f"/live?run={run_id}").status_code == 404
        assert run_id not in one.get("/runs").text
    for path in ("stop", "resume", "again", "verdict"):
        assert cy.post(f"/runs/{run_id}/{path}", verdict="right").status_code == 404
    assert bo.get(f"/runs/{run_id}").status_code == 200
    assert "My secret?" in bo.get("/talk/private").text


def test_an_owner_sees_the_runs_of_all_and_the_conversations_of_nobody(browser, run_of):
    run_id = run_of("bo", session="private", asks="My secret?")
    ana = browser("ana")

    assert ana.get(f"/runs/{run_id}").status_code == 200
    assert ana.get("/talk/private").status_code == 404


def test_tokens_and_sessions_of_others_are_not_there(browser):
    access_tokens.create("bo", "laptop", by="bo")
    theirs = sign_ins.list_open("bo")
    browser("bo")
    theirs = sign_ins.list_open("bo")[0]
    cy = browser("cy")

    assert cy.post("/tokens/bo/laptop/revoke").status_code == 404
    assert cy.post(f"/sign-ins/{theirs['id']}/end").status_code == 404
    assert "laptop</b>" not in cy.get("/people").text
    assert len(access_tokens.list_tokens("bo")) == 1 and len(sign_ins.list_open("bo")) == 1


def test_a_program_reads_with_a_token_and_may_not_answer_for_a_person(browser, question):
    _, secret = access_tokens.create("bo", "laptop", by="bo")
    row, program = question(), browser()
    bearer = {"authorization": f"Bearer {secret}"}

    assert program.get("/waiting", headers=bearer).status_code == 200
    answer = program.post(
        f"/waiting/{row['id']}", headers=bearer, decision="approve", digest=row["digest"]
    )

    assert answer.status_code == 403 and "program" in answer.text
    assert program.post("/tokens", headers=bearer, name="next").status_code == 403
    assert (
        program.get("/runs", headers={"authorization": "Bearer mlr_none"} | PAGE).headers[
            "location"
        ]
        == "/enter"
    )


def test_changes_of_people_stand_in_the_audit_log(browser):
    ana = browser("ana")

    ana.post("/people", id="eve", role="reader", name="Eve")
    ana.post("/people/eve", change="role", role="member")
    ana.post("/tokens", name="laptop", days="7", role="reader")
    ana.post("/people/eve", change="link")
    ana.post("/people/eve", change="remove")

    rows = [(row["actor"], row["kind"]) for row in audit.rows() if row["actor"] == "ana"]
    assert rows[-5:] == [
        ("ana", "person.added"),
        ("ana", "person.role"),
        ("ana", "token.created"),
        ("ana", "sign_in.link"),
        ("ana", "person.removed"),
    ]
    assert audit.verify() == []


def test_the_last_owner_stays(browser):
    ana = browser("ana")

    answer = ana.post("/people/ana", change="role", role="reader")

    assert answer.status_code == 403 and "last owner" in answer.text


def test_a_session_of_a_person_is_ended_by_an_owner(browser):
    cy, ana = browser("cy"), browser("ana")
    session = sign_ins.list_open("cy")[0]

    assert ana.post(f"/sign-ins/{session['id']}/end").status_code == 303

    assert cy.get("/talk").headers["location"] == "/enter"
    with pytest.raises(errors.NotFound):
        sign_ins.end(session["id"], "ana")


def test_a_form_leads_nowhere_else(browser, run_of):
    run_id = run_of("cy")

    for place in ("//evil.example", "https://evil.example", "/\\evil.example", "evil"):
        answer = browser("cy").post(f"/runs/{run_id}/verdict", verdict="right", next=place)
        assert answer.headers["location"] == f"/runs/{run_id}"


def test_a_clock_that_is_set_back_opens_no_old_link_and_breaks_no_page(browser, run_of, configure):
    secret, cy = sign_ins.make_link("cy"), browser("cy")
    run_of("cy", session="one", asks="How much?")

    configure(now=(datetime.now(UTC) - timedelta(days=1)).isoformat())

    assert browser().get(f"/enter?t={secret}").status_code == 403
    for path in ("/talk/one", "/runs", "/waiting", "/memory", "/system", "/people"):
        assert cy.get(path).status_code == 200, path


def test_a_thousand_sessions_are_a_page_of_the_latest(browser):
    ana, now = browser("ana"), datetime.now(UTC)
    for number in range(1000):
        seen = now + timedelta(seconds=number)
        db.execute(
            "INSERT INTO sign_in (hash, person_id, browser, seen_at, expires_at) VALUES (%s, 'cy',"
            " %s, %s, %s)",
            [str(number), f"browser {number}.", seen, now + sign_ins.IDLE],
        )

    page = ana.get("/people").text

    assert "browser 999." in page and page.count("browser ") <= sign_ins.SHOWN + 5


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)>", "a\u202eb\u200bc", "\x1b[31mred\x07", "\0"]
)
def test_whatever_is_written_into_a_field_is_kept_as_text_or_refused(browser, text):
    ana = browser("ana")
    fields = {"id": "eve", "role": "reader", "name": text}
    answers = [
        ana.post("/people", **fields),
        ana.post("/tokens", name=text),
        ana.post("/webhooks", name=text, url="https://home.example"),
        ana.post("/webhooks", name="home", url=f"https://home.example/{text}"),
        ana.post("/talk", session=text, flow="chat", message="How much?"),
        ana.post("/talk", flow=text, message="How much?"),
        ana.post("/waiting", questions=text, decision=text),
        ana.get("/memory", params={"q": text, "type": text}),
        ana.get("/find", params={"q": text}),
        ana.get("/runs", params={"flow": text, "status": text, "q": text}),
        ana.get("/enter", params={"t": text}),
        ana.get("/people"),
    ]

    for answer in answers:
        assert answer.status_code < 500 and "<img src=x" not in answer.text, answer.request.url
        assert "\u202e" not in answer.text and "\x1b" not in answer.text, answer.request.url


def test_who_may_show_the_console_in_a_frame_is_a_setting(browser, configure):
    cy = browser("cy")
    assert cy.get("/runs").headers["content-security-policy"].endswith("frame-ancestors 'none'")

    configure(user="ana", console_framed_by=" https://windmill.home.example/ ")
    policy = cy.get("/runs").headers["content-security-policy"]
    assert policy.endswith("frame-ancestors https://windmill.home.example")

    configure(console_framed_by="https://a.example; script-src *")
    with pytest.raises(errors.MillraceError, match="console_framed_by"):
        config.settings()
