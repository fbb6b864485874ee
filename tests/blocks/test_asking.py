"""The blocks that act: a question to a person, its answer, mails."""

from pathlib import Path
from typing import Any

import pytest

from f.millrace.blocks import ask_approval, send_if_approved, send_mail, take_answer
from f.millrace.core import config, db
from f.millrace.core.errors import BadInput, ToolFailed
from f.millrace.trust import actions, approvals, standing_approvals

JOB = "018f6b0e-7f3a-7c11-9a55-0123456789ab"


@pytest.fixture
def in_flow(database: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Be a step of somebody's flow on Windmill."""

    def be(step: str, path: str = "u/eve/brief") -> None:
        for name, value in {
            "ROOT_JOB_ID": JOB,
            "FLOW_JOB_ID": JOB,
            "FLOW_STEP_ID": step,
            "FLOW_PATH": path,
        }.items():
            monkeypatch.setenv(f"WM_{name}", value)

    be("ask")
    return be


def outbox() -> list[str]:
    return sorted(path.name for path in Path(config.settings().outbox_dir).glob("*.eml"))


def test_the_approval_page_shows_the_question_and_its_button_names_it(in_flow: Any) -> None:
    asked = ask_approval.main("Publish the report?", details="It has *3* pages.")

    action = actions.get_by_id(asked["action_id"])
    assert asked["default_args"] == {"action_digest": action["digest"]}
    assert asked["description"]["markdown"].startswith(
        "### A question\n\n**Publish the report?**\n"
    )
    # a quotation wraps, and its stars are stars
    assert "> It has \\*3\\* pages." in asked["description"]["markdown"]
    assert [row["id"] for row in approvals.list_pending()] == [action["id"]]
    assert db.fetch_one("SELECT flow, status FROM run") == {
        "flow": "u/eve/brief",
        "status": "waiting",
    }


def test_only_the_click_on_this_question_is_a_yes(in_flow: Any) -> None:
    first = ask_approval.main("Publish the report?")
    in_flow("ask_again")
    second = ask_approval.main("Delete the draft?")

    in_flow("taken")
    other = take_answer.main(
        second["action_id"], first["default_args"], [first["default_args"]], ["anonymous"]
    )
    bare = take_answer.main(first["action_id"], None, [None], ["anonymous"])

    assert (other["approved"], other["decision"]) == (False, "denied")
    assert bare["approved"] is False


def test_a_yes_is_a_yes_however_often_it_is_read(in_flow: Any) -> None:
    asked = ask_approval.main("Publish the report?")
    body = asked["default_args"]
    in_flow("taken")

    first = take_answer.main(asked["action_id"], body, [body], ["eva"])
    again = take_answer.main(asked["action_id"], {"error": {"name": "SuspendedDisapproved"}}, [])

    assert first == again == {"approved": True, "decision": "approved", "by": "eva"}
    assert db.fetch_one("SELECT status FROM run") == {"status": "done"}


def test_a_time_out_is_no_yes(in_flow: Any) -> None:
    asked = ask_approval.main("Publish the report?")

    assert (
        take_answer.main(asked["action_id"], {"error": {"name": "SuspendedTimedOut"}})["decision"]
        == "expired"
    )


def test_a_repeated_step_asks_the_same_question(in_flow: Any) -> None:
    assert ask_approval.main("Publish?")["action_id"] == ask_approval.main("Publish?")["action_id"]


@pytest.mark.parametrize(
    "inputs",
    [{}, {"question": "Publish?", "action_id": "x"}, {"question": "Publish?", "timeout": 0}],
)
def test_a_question_that_is_none_is_refused(in_flow: Any, inputs: dict) -> None:
    with pytest.raises(BadInput):
        ask_approval.main(**inputs)


def test_a_mail_to_somebody_who_did_not_agree_is_only_proposed(in_flow: Any) -> None:
    in_flow("mail")

    proposed = send_mail.main(["ada@home.example", "bob@home.example"], "Brief", "Sodium is cheap.")

    assert (proposed["needs_approval"], proposed["waiting"], proposed["mails"]) == (
        True,
        ["ada@home.example", "bob@home.example"],
        [],
    )
    assert outbox() == []
    assert len(approvals.list_pending()) == 1


def test_approved_mails_go_out_as_they_were_shown_and_once(in_flow: Any) -> None:
    in_flow("mail")
    proposed = send_mail.main(["ada@home.example", "bob@home.example"], "Brief", "Sodium is cheap.")
    in_flow("ask")
    asked = ask_approval.main(action_id=proposed["action_id"])
    assert (
        "Sodium is cheap." in asked["description"]["markdown"]
        and "ada@home.example" in asked["description"]["markdown"]
    )
    in_flow("sent")

    ended = [
        send_if_approved.main(
            asked["action_id"], asked["default_args"], [asked["default_args"]], ["eva"]
        )
        for _ in range(2)
    ]

    assert ended[0]["approved"] and [one["status"] for one in ended[0]["mails"]] == [
        "outbox",
        "outbox",
    ]
    assert [one["recipient"] for one in ended[1]["mails"]] == [
        "ada@home.example",
        "bob@home.example",
    ]
    assert len(outbox()) == 2


def test_a_no_sends_nothing(in_flow: Any) -> None:
    in_flow("mail")
    proposed = send_mail.main(["ada@home.example"], "Brief", "Sodium is cheap.")
    refused = {"error": {"name": "SuspendedDisapproved"}}

    ended = send_if_approved.main(proposed["action_id"], refused, [{"action_digest": "x"}, refused])

    assert (ended["approved"], ended["decision"], ended["mails"]) == (False, "denied", [])
    assert outbox() == []


def test_a_standing_approval_of_this_flow_sends_at_once(in_flow: Any) -> None:
    in_flow("mail")
    standing_approvals.grant("ada@home.example", "u/eve/brief")
    standing_approvals.grant("bob@home.example", "u/eve/other")

    first = send_mail.main(["ada@home.example", "bob@home.example"], "Brief", "Sodium is cheap.")
    again = send_mail.main(["ada@home.example", "bob@home.example"], "Brief", "Sodium is cheap.")

    assert first == again
    assert [(one["recipient"], one["status"]) for one in first["mails"]] == [
        ("ada@home.example", "outbox")
    ]
    assert (first["needs_approval"], first["waiting"]) == (True, ["bob@home.example"])
    assert len(outbox()) == 1


def test_a_repeat_with_another_text_does_not_mail_twice(in_flow: Any) -> None:
    in_flow("mail")
    standing_approvals.grant("ada@home.example", "u/eve/brief")
    send_mail.main(["ada@home.example"], "Brief", "Sodium is cheap.")

    again = send_mail.main(["ada@home.example"], "Brief", "Sodium is dear.")

    assert again["mails"][0]["status"] == "outbox" and again["needs_approval"] is False
    assert len(outbox()) == 1


def test_in_a_loop_each_item_has_a_mail_of_its_own(in_flow: Any) -> None:
    standing_approvals.grant("ada@home.example", "u/eve/brief")
    for index in range(2):
        in_flow("mail", f"u/eve/brief/forloop-{index}")
        send_mail.main(["ada@home.example"], "Brief", "Sodium is cheap.")

    assert len(outbox()) == 2


def test_a_mail_that_could_not_be_sent_fails_the_step_and_a_repeat_sends_it(
    in_flow: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_flow("mail")
    standing_approvals.grant("ada@home.example", "u/eve/brief")
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("MILLRACE_OUTBOX_DIR", str(tmp_path / "file"))
    config.reload()
    with pytest.raises(ToolFailed, match="1 of 1 mails were not sent"):
        send_mail.main(["ada@home.example"], "Brief", "Sodium is cheap.")
    assert db.fetch_one("SELECT status FROM run") == {"status": "failed"}

    monkeypatch.setenv("MILLRACE_OUTBOX_DIR", str(tmp_path / "outbox"))
    config.reload()
    assert (
        send_mail.main(["ada@home.example"], "Brief", "Sodium is cheap.")["mails"][0]["status"]
        == "outbox"
    )
    assert db.fetch_one("SELECT status FROM run") == {"status": "done"}


@pytest.mark.parametrize(
    ("to", "subject", "text", "words"),
    [
        ([], "s", "t", "to names 0 addresses"),
        (["nobody"], "s", "t", "'nobody' is not a mail address"),
        (["a@b.example\nBcc: c@d.example"], "s", "t", "not a mail address"),
        (["a@b.example"], " ", "t", "needs a subject"),
        (["a@b.example"], "s", "", "needs a subject and a text"),
    ],
)
def test_a_mail_that_is_none_is_refused_in_words(
    in_flow: Any, to: list[str], subject: str, text: str, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        send_mail.main(to, subject, text)


def test_another_question_is_not_taken_for_a_mail(in_flow: Any) -> None:
    asked = ask_approval.main("Publish?")

    with pytest.raises(BadInput, match="use take_answer"):
        send_if_approved.main(asked["action_id"])
    assert send_if_approved.main("")["decision"] == "nothing_to_approve"
