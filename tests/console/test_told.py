"""What one is told, on the page People: choosing, webhooks, and being told at once."""

import threading

from f.millrace.core import db
from f.millrace.trust import audit, subscriptions, webhooks
from scripts.console import a2a_push
from tests.console.conftest import OWN
from tests.tools.conftest import Reply, other_web  # noqa: F401


def test_a_person_chooses_and_is_told_on_the_page(browser, run_of):
    cy = browser("cy")

    assert cy.post("/subscriptions", **{"runs:page": "1", "runs:pigeon": "1"}).status_code == 303

    assert subscriptions.list_chosen("cy") == {("runs", "page")}
    run_id = run_of("cy", status="running")
    db.execute("UPDATE run SET status = 'done' WHERE id = %s", [run_id])
    page = cy.get("/people").text
    assert f'href="/runs/{run_id}"' in page and "chat is done" in page
    assert 'name="runs:page" value="1" aria-label="runs by page" checked' in page
    assert f'href="/runs/{run_id}"' not in browser("bo").get("/people").text
    cy.post("/subscriptions")
    assert subscriptions.list_chosen("cy") == set()


def test_a_webhook_is_added_tested_switched_and_removed(browser, other_web, configure):  # noqa: F811
    configure(webhook_allow=other_web.host)
    other_web.routes["/hook"] = Reply("")
    cy = browser("cy")

    page = cy.post("/webhooks", name="home", url=f"{other_web.address}/hook").text
    secret = webhooks.get("cy", "home")["secret"]
    assert secret in page and secret not in cy.get("/people").text
    assert "took the message" in cy.post("/webhooks/home", change="test").text
    assert other_web.asked[-1].headers["webhook-signature"].startswith("v1,")
    assert "is no web address" in cy.post("/webhooks", name="x", url="ftp://x").text
    other_web.routes["/hook"] = Reply("", 500)
    assert "HTTP 500" in cy.post("/webhooks/home", change="test").text
    assert cy.post("/webhooks/home", change="off").status_code == 303
    assert "off: by cy" in cy.get("/people").text
    assert cy.post("/webhooks/home", change="on").status_code == 303
    assert cy.post("/webhooks/home", change="paint").status_code == 400
    page = cy.post("/webhooks/home", change="secret").text
    assert webhooks.get("cy", "home")["secret"] in page and secret not in page
    assert browser("bo").post("/webhooks/home", change="remove").status_code == 404
    assert cy.post("/webhooks/home", change="remove").status_code == 303
    assert cy.post("/webhooks/home", change="test").status_code == 404
    assert audit.verify() == []


def test_a_reader_has_no_webhooks_and_a_program_makes_none(browser, secret):
    assert browser("di").post("/webhooks", name="a", url="https://a.example").status_code == 403
    program = {"authorization": f"Bearer {secret}"}
    answer = browser().post("/webhooks", headers=program, name="a", url="https://a.example")
    assert answer.status_code == 403 and webhooks.list_webhooks() == []
    foreign = {"sec-fetch-site": "cross-site"}
    assert browser("cy").post("/webhooks", headers=foreign, name="a").status_code == 403
    assert foreign != OWN


def test_the_console_tells_as_soon_as_it_is_written(browser, run_of, other_web, configure):  # noqa: F811
    arrived = threading.Event()

    def take(_asked):
        arrived.set()
        return Reply("")

    configure(webhook_allow=other_web.host)
    other_web.routes["/hook"] = take
    webhooks.add("cy", "home", f"{other_web.address}/hook", by="cy")
    subscriptions.set_chosen("cy", [("runs", "webhook")], by="cy")
    run_id = run_of("cy", status="running")

    db.execute("UPDATE run SET status = 'done' WHERE id = %s", [run_id])

    assert arrived.wait(20)
    assert run_id.encode() in other_web.asked[0].body


def test_an_agent_of_others_is_told_at_once_how_its_task_stands(app, run_of, other_web, configure):  # noqa: F811
    told = threading.Event()
    configure(webhook_allow=other_web.host)
    other_web.routes["/told"] = lambda asked: told.set() or Reply("")
    run_id = run_of("cy", status="running", session="a2a-c1")
    a2a_push.add(run_id, "cy", a2a_push.read({"url": f"{other_web.address}/told"}))

    db.execute("UPDATE run SET status = 'done' WHERE id = %s", [run_id])

    assert told.wait(10)
