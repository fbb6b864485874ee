"""Answers to questions on the page Waiting: several of one kind at once, and for always."""

import uuid

import pytest

from f.millrace.core import db
from f.millrace.trust import actions, approvals, audit, standing_approvals
from scripts.console.children import Children

KIND = "/waiting?kind=mail.send+high"


@pytest.fixture(autouse=True)
def performed(monkeypatch):
    """Note which calls a child would make."""
    made = []
    monkeypatch.setattr(Children, "perform", lambda self, action, run: made.append(action))
    return made


def pack(*rows):
    return " ".join(f"{row['id']}:{row['digest']}" for row in rows)


def decisions():
    found = db.fetch_all("SELECT decision, decided_by, digest FROM approval ORDER BY decided_at")
    return [(row["decision"], row["decided_by"]) for row in found]


def mails(run_id, *people):
    wanted = [
        {"to": one, "subject": "Tides", "text": "At six.", "message_id": one} for one in people
    ]
    return actions.propose(
        "mail.send", {"to": list(people), "mails": wanted}, f"mails:{run_id}", run_id=run_id
    )


def test_several_of_one_kind_are_shown_whole_and_answered_at_once(browser, question, performed):
    rows = [question(subject=f"Lunch {number}") for number in range(3)]
    bo = browser("bo")

    listed = bo.get("/waiting").text
    page = bo.get(KIND).text
    answer = bo.post("/waiting", questions=pack(*rows), decision="approve")

    assert "3 of kind mail.send high" in listed
    assert "Approve these 3" in page and page.count("<details open>") == 3
    assert all(
        f"Lunch {number}" in page and row["digest"] in page for number, row in enumerate(rows)
    )
    assert answer.status_code == 200 and "3 of 3 approved" in answer.text
    assert decisions() == [("approved", "bo")] * 3
    assert {row["digest"] for row in db.fetch_all("SELECT digest FROM approval")} == {
        row["digest"] for row in rows
    }
    assert audit.verify() == []


def test_what_another_answered_meanwhile_or_was_changed_is_told_and_the_rest_counts(
    browser, question
):
    rows = [question(subject=f"Lunch {number}") for number in range(3)]
    bo, ana = browser("bo"), browser("ana")
    ana.post(f"/waiting/{rows[0]['id']}", decision="deny", digest=rows[0]["digest"])
    stale = {**rows[1], "digest": "0" * 64}

    answer = bo.post("/waiting", questions=pack(rows[0], stale, rows[2]), decision="approve")

    assert answer.status_code == 409 and "1 of 3 approved" in answer.text
    assert "denied by ana before you" in answer.text and "for other arguments" in answer.text
    assert approvals.find_answer(str(rows[1]["id"])) is None
    assert approvals.find_answer(str(rows[2]["id"]))["decided_by"] == "bo"


@pytest.mark.parametrize("person", ["cy", "di"])
def test_who_may_not_decide_about_one_decides_about_none(browser, question, person):
    rows = [question(person), question(person)]
    one = browser(person)

    assert "Approve these" not in one.get(KIND).text
    assert one.post("/waiting", questions=pack(*rows), decision="approve").status_code == 403
    assert decisions() == []


def test_questions_of_others_of_two_kinds_and_too_many_are_refused(browser, question):
    mine, other = question("cy"), question("bo", tool="notes.write")
    bo = browser("bo")

    foreign = browser("cy").post("/waiting", questions=pack(other), decision="approve")
    mixed = bo.post("/waiting", questions=pack(mine, other), decision="approve")
    many = bo.post("/waiting", questions=pack(*[mine] * 51), decision="approve")
    wrong = bo.post("/waiting", questions=f"{uuid.uuid4()}:x", decision="approve")

    assert [one.status_code for one in (foreign, mixed, many, wrong)] == [404, 400, 400, 404]
    assert decisions() == []


def test_a_program_answers_none_of_them(browser, question, program):
    row = question()

    assert (
        program("bo")
        .post("/waiting", data={"questions": pack(row), "decision": "approve"})
        .status_code
        == 403
    )


def test_always_lets_the_same_people_have_the_flows_mails(browser, run_of):
    run_id = run_of("cy", flow="daily_research", status="waiting")
    row = mails(run_id, "eve@out.example", "fay@out.example")
    bo = browser("bo")
    page = bo.get(f"/waiting/{row['id']}").text

    answer = bo.post(f"/waiting/{row['id']}", decision="always", digest=row["digest"])

    assert "and always to eve@out.example, fay@out.example" in page
    assert answer.status_code == 303 and decisions() == [("approved", "bo")]
    held = standing_approvals.list_standing("daily_research", "main")
    assert {name: one["granted_by"] for name, one in held.items()} == {
        "eve@out.example": "bo",
        "fay@out.example": "bo",
    }
    assert standing_approvals.list_standing("digest_again", "main") == {}


def test_always_is_for_approvers_and_not_for_what_an_agent_sends(browser, question, run_of):
    call = question("cy")
    row = mails(run_of("cy", flow="daily_research", status="waiting"), "eve@out.example")
    bo, cy = browser("bo"), browser("cy")

    assert "always to" not in bo.get(f"/waiting/{call['id']}").text
    for one, asked in ((bo, call), (cy, row)):
        answer = one.post(f"/waiting/{asked['id']}", decision="always", digest=asked["digest"])
        assert answer.status_code == 403
    assert decisions() == [] and standing_approvals.list_standing("daily_research", "main") == {}


def test_an_answer_that_comes_second_gives_nothing_for_always(browser, run_of):
    row = mails(run_of("cy", flow="daily_research", status="waiting"), "eve@out.example")
    browser("ana").post(f"/waiting/{row['id']}", decision="approve", digest=row["digest"])

    late = browser("bo").post(f"/waiting/{row['id']}", decision="always", digest=row["digest"])

    assert late.status_code == 409 and "ana" in late.text
    assert standing_approvals.list_standing("daily_research", "main") == {}
