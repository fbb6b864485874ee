import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.core import db
from f.millrace.core.errors import BadInput, MillraceError, NeedsApproval
from f.millrace.core.run_context import now
from f.millrace.trust import actions, approvals, questions

pytestmark = pytest.mark.usefixtures("database")
MAIL = {"to": "ada@home.example", "subject": "Hello", "html_sha256": "ab"}


def approved(key="mail:1", arguments=MAIL):
    action = actions.propose("mail.send", arguments, key)
    approvals.decide(str(action["id"]), action["digest"], "approved", "eva")
    return action


def test_an_approved_action_is_performed_once():
    approved()
    done = []

    for _ in range(3):
        row = actions.perform("mail:1", MAIL, lambda: done.append(1) or {"status": "sent"})

    assert done == [1] and row["state"] == "performed" and row["outcome"] == {"status": "sent"}


def test_nothing_is_performed_without_an_approval():
    actions.propose("mail.send", MAIL, "mail:1")

    with pytest.raises(NeedsApproval, match="person"):
        actions.perform("mail:1", MAIL, dict)


def test_approving_one_thing_does_not_run_another():
    approved()

    with pytest.raises(NeedsApproval, match="not what was approved"):
        actions.perform("mail:1", {**MAIL, "to": "mallory@evil.example"}, dict)


def test_other_arguments_take_the_approval_away():
    approved()

    again = actions.propose("mail.send", {**MAIL, "subject": "Other"}, "mail:1")

    assert again["state"] == "proposed" and approvals.find_answer(str(again["id"])) is None


def test_what_was_performed_is_never_replaced():
    approved()
    actions.perform("mail:1", MAIL, lambda: {"status": "sent"})

    again = actions.propose("mail.send", {**MAIL, "subject": "Other"}, "mail:1")

    assert again["state"] == "performed" and again["digest"] == actions.digest("mail.send", MAIL)


def test_a_failure_can_be_tried_again_under_the_same_approval():
    approved()

    def fails():
        raise MillraceError("550 no such user")

    assert actions.perform("mail:1", MAIL, fails)["state"] == "failed"
    assert actions.perform("mail:1", MAIL, lambda: {"status": "sent"})["state"] == "performed"


def crash_while_performing():
    with pytest.raises(KeyboardInterrupt):
        actions.perform("mail:1", MAIL, lambda: (_ for _ in ()).throw(KeyboardInterrupt))


def test_a_crash_between_effect_and_record_is_unknown_and_held():
    approved()
    crash_while_performing()
    done = []

    row = actions.perform("mail:1", MAIL, lambda: done.append(1) or {}, check=lambda: None)

    assert row["state"] == "unknown" and done == []
    assert (
        actions.perform("mail:1", MAIL, lambda: done.append(1) or {})["state"] == "unknown"
        and done == []
    )


def test_a_crash_is_settled_by_looking():
    approved()
    crash_while_performing()

    row = actions.perform("mail:1", MAIL, dict, check=lambda: {"status": "outbox"})

    assert row["state"] == "performed" and row["outcome"] == {"status": "outbox"}


def test_a_crash_before_the_effect_is_done_again():
    approved()
    crash_while_performing()

    assert (
        actions.perform("mail:1", MAIL, lambda: {"status": "sent"}, check=lambda: False)["state"]
        == "performed"
    )


def test_sixteen_at_once_perform_once():
    approved()
    done, rows = [], []

    def work():
        rows.append(
            actions.perform("mail:1", MAIL, lambda: done.append(1) or {"status": "sent"})["state"]
        )
        db.close()

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert done == [1] and rows == ["performed"] * 16


def test_reading_needs_nobody_and_is_recorded():
    actions.propose("notes.search", {"query": "x"}, "read:1", annotations={"readOnlyHint": True})

    assert actions.perform("read:1", {"query": "x"}, lambda: {"hits": 2})["outcome"] == {"hits": 2}


def test_an_approval_expires():
    action = actions.propose("mail.send", MAIL, "mail:1", expires_at=now() - timedelta(seconds=1))

    assert (
        approvals.decide(str(action["id"]), action["digest"], "approved", "eva")["decision"]
        == "expired"
    )
    with pytest.raises(NeedsApproval):
        actions.perform("mail:1", MAIL, dict)


def test_an_approval_without_a_date_of_its_own_expires_by_the_setting():
    late = actions.propose("mail.send", MAIL, "mail:1")
    used_late = approved("mail:2")
    retried = actions.propose("mail.send", MAIL, "mail:3", namespace="main")
    approvals.grant(MAIL["to"])
    assert approvals.approve_by_standing(retried, "daily_research")
    db.execute("UPDATE action SET created_at = created_at - interval '73 hours'")

    assert (
        approvals.decide(str(late["id"]), late["digest"], "approved", "eva")["decision"]
        == "expired"
    )
    with pytest.raises(NeedsApproval, match="expired"):
        actions.perform(used_late["key"], MAIL, dict)
    assert actions.perform("mail:3", MAIL, lambda: {"status": "sent"})["state"] == "performed"


def test_the_first_answer_stands():
    action = actions.propose("mail.send", MAIL, "mail:1")

    first = approvals.decide(str(action["id"]), action["digest"], "denied", "eva")
    later = approvals.decide(str(action["id"]), action["digest"], "approved", "mallory")

    assert later == first and actions.get_by_key("mail:1")["state"] == "denied"


def test_an_answer_for_other_arguments_is_refused():
    action = actions.propose("mail.send", MAIL, "mail:1")

    with pytest.raises(BadInput, match="other arguments"):
        approvals.decide(str(action["id"]), "0" * 64, "approved", "eva")


def test_arguments_that_were_changed_in_the_database_are_noticed():
    action = actions.propose("mail.send", MAIL, "mail:1")
    db.execute(
        "UPDATE action SET arguments = arguments || %s", [db.jsonb({"to": "mallory@evil.example"})]
    )

    with pytest.raises(BadInput, match="other arguments"):
        approvals.decide(str(action["id"]), action["digest"], "approved", "eva")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="ascii"), max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(st.text("abcd", min_size=1, max_size=3), VALUES, max_size=4)


@given(ARGUMENTS, st.dictionaries(st.sampled_from(sorted(actions.INCIDENTAL)), VALUES, max_size=2))
def test_incidental_fields_do_not_change_the_digest(arguments, incidental):
    shuffled = dict(reversed([*arguments.items(), *incidental.items(), ("gone", None)]))

    assert actions.digest("t", arguments) == actions.digest("t", shuffled)


@given(ARGUMENTS, ARGUMENTS)
def test_any_real_field_does(one, other):
    same = actions.canonicalise(one) == actions.canonicalise(other) and repr(
        actions.canonicalise(one)
    ) == repr(actions.canonicalise(other))

    assert (
        same
        or actions.canonicalise(one) == actions.canonicalise(other)
        or actions.digest("t", one) != actions.digest("t", other)
    )


def test_a_number_is_the_same_after_the_database_has_had_it():
    stored = actions.propose("mail.send", {"amount": 1e16, "share": 0.1, "none": None}, "mail:1")

    assert actions.digest("mail.send", stored["arguments"]) == stored["digest"]


def test_a_field_that_looks_private_is_part_of_what_is_approved():
    approved(arguments={**MAIL, "_to": "ada@home.example"})

    with pytest.raises(NeedsApproval, match="not what was approved"):
        actions.perform("mail:1", {**MAIL, "_to": "mallory@evil.example"}, dict)


def test_an_approval_that_expired_before_it_was_used_is_void():
    action = actions.propose("mail.send", MAIL, "mail:1", expires_at=now() + timedelta(hours=1))
    approvals.decide(str(action["id"]), action["digest"], "approved", "eva")
    db.execute("UPDATE action SET expires_at = %s", [now() - timedelta(seconds=1)])

    with pytest.raises(NeedsApproval, match="expired"):
        actions.perform("mail:1", MAIL, dict)


def test_what_nobody_can_tell_is_settled_by_a_person():
    action = approved()
    crash_while_performing()
    assert actions.reconcile("mail:1", lambda: None)["state"] == "unknown"

    assert [row["key"] for row in approvals.list_unknown()] == ["mail:1"]
    assert actions.reconcile_by_person(str(action["id"]), False, "eva")["state"] == "failed"
    assert actions.perform("mail:1", MAIL, lambda: {"status": "sent"})["state"] == "performed"
    with pytest.raises(BadInput, match="only an unknown one"):
        actions.reconcile_by_person(str(action["id"]), True, "eva")


def test_a_try_that_died_before_its_effect_makes_room_for_other_arguments():
    approved()
    crash_while_performing()
    actions.reconcile("mail:1", lambda: False)

    again = actions.propose("mail.send", {**MAIL, "subject": "Other"}, "mail:1")

    assert again["state"] == "proposed" and approvals.find_answer(str(again["id"])) is None


def test_a_proposal_that_no_flow_asks_about_is_listed_and_expires(monkeypatch):
    actions.propose("shop.buy", {"thing": "pen"}, "tool:1")
    (row,) = approvals.list_pending()
    until = f"{row['created_at'] + timedelta(hours=72):%Y-%m-%d %H:%M} UTC"
    assert row["key"] == "tool:1" and f"Answer until: {until}" in questions.question(row).plain

    db.execute("UPDATE action SET created_at = created_at - interval '100 hours'")

    assert approvals.expire() == 1 and approvals.list_pending() == []


def test_a_mail_with_a_copy_to_someone_is_not_covered_by_a_standing_approval():
    approvals.grant("ada@home.example")
    action = actions.propose(
        "mail.send", {**MAIL, "cc": "mallory@evil.example"}, "mail:1", namespace="main"
    )

    assert not approvals.approve_by_standing(action, "daily_research")
    assert approvals.approve_by_standing(
        actions.propose("mail.send", MAIL, "mail:2", namespace="main"), "daily_research"
    )


def test_a_part_that_was_not_in_what_was_approved_stays_unapproved():
    whole = actions.propose("mail.send", {"to": ["ada@home.example"], "mails": [MAIL]}, "send:1")
    approvals.decide(str(whole["id"]), whole["digest"], "approved", "eva")
    slipped_in = actions.propose("mail.send", {**MAIL, "to": "mallory@evil.example"}, "mail:1")

    assert not approvals.approve_as_part(slipped_in, whole)
    assert approvals.approve_as_part(actions.propose("mail.send", MAIL, "mail:2"), whole)


def test_arguments_that_were_changed_in_the_database_after_the_approval_are_not_performed():
    approved()
    other = {**MAIL, "to": "mallory@evil.example"}
    db.execute("UPDATE action SET arguments = %s", [db.jsonb(other)])
    done = []

    for arguments in (MAIL, other):
        with pytest.raises(NeedsApproval, match="not what was approved"):
            actions.perform("mail:1", arguments, lambda: done.append(1) or {})

    assert done == []


def test_arguments_that_were_changed_with_their_digest_are_not_performed():
    approved()
    other = {**MAIL, "to": "mallory@evil.example"}
    db.execute(
        "UPDATE action SET arguments = %s, digest = %s",
        [db.jsonb(other), actions.digest("mail.send", other)],
    )
    done = []

    with pytest.raises(NeedsApproval, match="the approval is for other arguments"):
        actions.perform("mail:1", other, lambda: done.append(1) or {})

    assert done == []


def test_a_standing_approval_of_one_reader_is_none_for_the_others_of_the_mail():
    approvals.grant("ada@home.example")

    def is_covered(to, key):
        action = actions.propose("mail.send", {**MAIL, "to": to}, key, namespace="main")
        return approvals.approve_by_standing(action, "daily_research")

    assert not is_covered(["ada@home.example", "bob@home.example"], "mail:1")
    assert not is_covered(["bob@home.example", "ada@home.example"], "mail:2")
    assert not is_covered([], "mail:3")
    assert (
        actions.get_by_key("mail:1")["state"] == actions.get_by_key("mail:3")["state"] == "proposed"
    )
    approvals.grant("bob@home.example")
    assert is_covered(["ada@home.example", "bob@home.example"], "mail:4")


def test_a_standing_approval_is_for_one_flow_one_namespace_and_one_tool():
    approvals.grant("ada@home.example")
    action = actions.propose("mail.send", MAIL, "mail:1", namespace="main")
    elsewhere = actions.propose("mail.send", MAIL, "mail:2", namespace="sample")
    other_tool = actions.propose("chat.send", MAIL, "chat:1", namespace="main")

    assert not approvals.approve_by_standing(action, "weekly_report")
    assert not approvals.approve_by_standing(elsewhere, "daily_research")
    assert not approvals.approve_by_standing(other_tool, "daily_research")
    assert approvals.approve_by_standing(action, "daily_research")


@pytest.mark.parametrize("with_its_digest", [False, True])
def test_a_mail_that_was_slipped_into_what_was_approved_stays_unapproved(with_its_digest):
    slipped_in = {**MAIL, "to": "mallory@evil.example"}
    whole = actions.propose("mail.send", {"to": ["ada@home.example"], "mails": [MAIL]}, "send:1")
    approvals.decide(str(whole["id"]), whole["digest"], "approved", "eva")
    both = {**whole["arguments"], "mails": [MAIL, slipped_in]}
    digest = actions.digest("mail.send", both) if with_its_digest else whole["digest"]
    db.execute("UPDATE action SET arguments = %s, digest = %s", [db.jsonb(both), digest])

    part = actions.propose("mail.send", slipped_in, "mail:1")

    assert not approvals.approve_as_part(part, actions.get_by_key("send:1"))
    assert actions.get_by_key("mail:1")["state"] == "proposed"
