import contextlib
import threading
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from f.millrace.core import db
from f.millrace.core.context import now
from f.millrace.core.errors import BadInput, MillraceError, NeedsApproval
from f.millrace.trust import actions, approvals, audit

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

    assert again["state"] == "proposed" and approvals.answer(str(again["id"])) is None


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
    assert actions.perform("mail:1", MAIL, lambda: done.append(1) or {})["state"] == "unknown" and done == []


def test_a_crash_is_settled_by_looking():
    approved()
    crash_while_performing()

    row = actions.perform("mail:1", MAIL, dict, check=lambda: {"status": "outbox"})

    assert row["state"] == "performed" and row["outcome"] == {"status": "outbox"}


def test_a_crash_before_the_effect_is_done_again():
    approved()
    crash_while_performing()

    assert actions.perform("mail:1", MAIL, lambda: {"status": "sent"}, check=lambda: False)["state"] == "performed"


def test_sixteen_at_once_perform_once():
    approved()
    done, rows = [], []

    def work():
        rows.append(actions.perform("mail:1", MAIL, lambda: done.append(1) or {"status": "sent"})["state"])
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

    assert approvals.decide(str(action["id"]), action["digest"], "approved", "eva")["decision"] == "expired"
    with pytest.raises(NeedsApproval):
        actions.perform("mail:1", MAIL, dict)


def test_the_first_answer_stands():
    action = actions.propose("mail.send", MAIL, "mail:1")

    first = approvals.decide(str(action["id"]), action["digest"], "denied", "eva")
    later = approvals.decide(str(action["id"]), action["digest"], "approved", "mallory")

    assert later == first and actions.by_key("mail:1")["state"] == "denied"


def test_an_answer_for_other_arguments_is_refused():
    action = actions.propose("mail.send", MAIL, "mail:1")

    with pytest.raises(BadInput, match="other arguments"):
        approvals.decide(str(action["id"]), "0" * 64, "approved", "eva")


def test_arguments_that_were_changed_in_the_database_are_noticed():
    action = actions.propose("mail.send", MAIL, "mail:1")
    db.execute("UPDATE action SET arguments = arguments || %s", [db.jsonb({"to": "mallory@evil.example"})])

    with pytest.raises(BadInput, match="other arguments"):
        approvals.decide(str(action["id"]), action["digest"], "approved", "eva")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="ascii"), max_size=4), inner, max_size=3)
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
    same = actions.canonical(one) == actions.canonical(other) and repr(actions.canonical(one)) == repr(actions.canonical(other))

    assert same or actions.canonical(one) == actions.canonical(other) or actions.digest("t", one) != actions.digest("t", other)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(["propose A", "propose B", "approve A", "approve B", "deny", "run A", "run B", "crash"]), max_size=12
    )
)
def test_no_order_of_events_runs_what_was_not_approved(events):
    key = f"mail:{len(audit.rows())}:{now().timestamp()}"
    letters = {"A": {**MAIL, "subject": "A"}, "B": {**MAIL, "subject": "B"}}
    approved_letters, effects = set(), []
    for event in events:
        verb, _, name = event.partition(" ")
        row = db.one("SELECT * FROM action WHERE key = %s", [key])
        if verb == "propose":
            actions.propose("mail.send", letters[name], key)
        elif row is None:
            continue
        elif verb == "approve":
            try:
                given = approvals.decide(str(row["id"]), actions.digest("mail.send", letters[name]), "approved", "eva")
                approved_letters |= (
                    {name}
                    if given["decision"] == "approved" and given["digest"] == actions.digest("mail.send", letters[name])
                    else set()
                )
            except BadInput:
                pass
        elif verb == "deny":
            with contextlib.suppress(BadInput):
                approvals.decide(str(row["id"]), row["digest"], "denied", "eva")
        else:
            letter = name or "A"

            def do(letter=letter, crash=verb == "crash"):
                effects.append(letter)
                if crash:
                    raise KeyboardInterrupt
                return {"status": "sent"}

            with contextlib.suppress(NeedsApproval, KeyboardInterrupt):
                actions.perform(key, letters[letter], do)

    assert len(effects) <= 1 and set(effects) <= approved_letters


def test_the_audit_log_tells_when_it_was_touched():
    approved()
    actions.perform("mail:1", MAIL, lambda: {"status": "sent", "seconds": 0.25, "text": "nul \x00 and \\u0000"})
    assert audit.verify() == [] and len(audit.rows()) == 4

    db.execute("UPDATE audit SET actor = 'mallory' WHERE id = 2")
    assert "row 2" in audit.verify()[0]
    db.execute("DELETE FROM audit WHERE id = 2")
    assert "does not follow" in audit.verify()[0]
