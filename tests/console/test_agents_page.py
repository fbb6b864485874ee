"""The pages where agents are made, changed and switched off."""

import pytest

from f.millrace.agents import registry
from f.millrace.core import db

CY, BO = registry.Person("cy", "member"), registry.Person("bo", "approver")
LIMITS = {"usd": "0.25", "seconds": "120", "requests": "12"}
FORM = {
    "name": "reader",
    "description": "Reads <b>my</b> notes.",
    "instructions": "Answer from the notes.\r\n\tIn one sentence. " + "-" * 300,
    "tool:notes.search": "on",
    "tool:notes.read": "on",
    "model": "",
    **LIMITS,
}
PAGE = "/system/agents/reader"


def saved(**more):
    return {**FORM, "version": "1", "change": "save", **more}


def test_without_agents_the_page_says_what_one_is_and_how_to_make_it(browser):
    assert 'href="/system/agents/new">Make one' in browser("cy").get("/system/agents").text
    reader = browser("di").get("/system/agents").text
    assert "No agents yet" in reader and "/system/agents/new" not in reader
    assert "/system/agents" in browser("cy").get("/system").text


def test_an_agent_is_made_with_the_form_and_is_there_to_be_asked(browser):
    cy = browser("cy")

    made = cy.post("/system/agents", **FORM)
    page = cy.get(PAGE).text

    assert (made.status_code, made.headers["location"]) == (303, PAGE)
    assert registry.find("reader", CY).definition.tools == ["notes.search", "notes.read"]
    assert "Reads &lt;b&gt;my&lt;/b&gt; notes." in page and "<b>my</b>" not in page
    assert 'value="agent/reader"' in cy.get("/talk").text
    assert "Ask reader" in cy.get("/talk?flow=agent/reader").text
    assert "reader" in cy.get("/system/agents").text
    assert "reader" not in browser("bo").get("/system/agents").text


def test_a_text_comes_back_from_the_form_as_it_was_written(browser):
    cy = browser("cy")
    cy.post("/system/agents", **FORM)

    cy.post(PAGE, **saved(description="Other."))

    text = registry.find("reader", CY).definition.instructions
    assert text == "Answer from the notes.\n\tIn one sentence. " + "-" * 300
    assert f"\n{text}</textarea>" in cy.get(PAGE).text


@pytest.mark.parametrize(
    ("person", "more", "code", "words"),
    [
        pytest.param("cy", {"name": "helper"}, 400, "taken by Millrace itself", id="built-in"),
        pytest.param("cy", {"usd": "much"}, 400, "limits.usd is much", id="no-number"),
        pytest.param("cy", {"seconds": ""}, 400, "limits.seconds is", id="no-time"),
        pytest.param("cy", {"tool:mail.send": "on"}, 403, "by an approver", id="beyond-the-role"),
        pytest.param("cy", {"shared": "yes"}, 403, "by an approver", id="shared"),
        pytest.param("cy", {"instructions": "a\u202eb"}, 400, "U+202E", id="turned"),
    ],
)
def test_what_cannot_be_is_said_beside_what_was_typed(browser, person, more, code, words):
    answer = browser(person).post("/system/agents", **{**FORM, **more})

    assert answer.status_code == code and words in answer.text
    assert 'role="alert"' in answer.text and "Reads &lt;b&gt;my&lt;/b&gt; notes." in answer.text
    assert db.fetch_all("SELECT name FROM agent") == []


def test_of_two_who_change_at_once_the_second_keeps_the_words_and_is_told_who_was_first(browser):
    cy, ana = browser("cy"), browser("ana")
    cy.post("/system/agents", **FORM)
    ana.post(PAGE, **saved(description="Ana's."))

    late = cy.post(PAGE, **saved(description="Cy's."))

    assert late.status_code == 409
    assert "is at version 2, by ana" in late.text and 'value="Cy&#39;s."' in late.text
    assert f'href="{PAGE}">Show version 2' in late.text
    assert registry.find("reader", CY).definition.description == "Ana's."


def test_an_agent_is_switched_off_and_on_again(browser):
    cy = browser("cy")
    cy.post("/system/agents", **FORM)

    cy.post(PAGE, change="off")
    off = cy.get(PAGE).text
    is_offered = 'value="agent/reader"' in cy.get("/talk").text
    cy.post(PAGE, change="on", version="1")

    assert "Switched off" in off and "Switch it on again" in off and "Ask it" not in off
    assert not is_offered and 'value="agent/reader"' in cy.get("/talk").text


def test_somebody_elses_is_shown_without_a_form_when_it_is_shared_and_else_not_at_all(browser):
    registry.create({"name": "reader", "instructions": "Read.", "shared": True}, BO)
    registry.create({"name": "own", "instructions": "Read."}, BO)
    cy = browser("cy")

    page = cy.get(PAGE)

    assert page.status_code == 200 and "Save as version" not in page.text
    assert "It is bo’s" in page.text and "Ask it" in page.text
    assert cy.post(PAGE, **saved()).status_code == 403
    assert cy.post(PAGE, change="off").status_code == 403
    assert cy.get("/system/agents/own").status_code == 404
    assert cy.post("/system/agents/own", change="off").status_code == 404
    assert cy.post(PAGE, change="eat").status_code == 400


def test_a_conversation_with_an_agent_is_one_and_goes_on_with_it(browser, inline, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "quay.md").write_text("The repair of the quay costs 2.4 million euros.")
    cy = browser("cy")
    cy.post("/system/agents", **FORM)
    asked = {"flow": "agent/reader", "session": "quay"}

    cy.post("/talk", message="What does the repair of the quay cost?", **asked)
    cy.post("/talk", message="And the quay?", **asked)
    page = cy.get("/talk/quay").text

    assert page.count('<div class="asked"><p>What does the repair of the quay cost?</p>') == 1
    assert (
        page.count('<div class="asked">') == 2
        and "2.4 million <span" in page
        and page.count("data-passage") == 2
    )
    assert '<option value="agent/reader" selected>' in page


def test_a_page_of_others_changes_nothing(browser):
    cy = browser("cy")

    refused = cy.post("/system/agents", headers={"sec-fetch-site": "cross-site"}, **FORM)

    assert refused.status_code == 403 and registry.list_agents(CY) == []


def test_a_runs_page_and_the_list_name_the_agent(browser, run_of):
    registry.create({"name": "reader", "instructions": "Read."}, CY)
    run_id = run_of("cy", "done", flow="ask_agent")
    args = {"task": "When is high water?", "agent": "reader", "version": 1}
    db.execute("UPDATE run SET args = %s WHERE id = %s", [db.jsonb(args), run_id])
    db.execute(
        "INSERT INTO agent_run (run_id, step, agent, version, started_at, finished_at, outcome)"
        " VALUES (%s, 'work', 'reader', 1, now(), now(), 'done')",
        [run_id],
    )
    cy = browser("cy")

    assert 'href="/system/agents/reader">reader, version 1' in cy.get(f"/runs/{run_id}").text
    assert "When is high water?" in cy.get(PAGE).text
    assert "1 run, 100 % went well" in cy.get("/system/agents").text
