import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.core import config, db
from f.millrace.core.errors import BadInput, MillraceError, NeedsApproval, NotFound, ToolFailed
from f.millrace.core.run_context import change, now
from f.millrace.trust import actions, approvals, audit, questions, standing_approvals

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
    standing_approvals.grant(MAIL["to"])
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


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (0.1, 0.2, False),
        (1.5, 1, False),
        (1.0, 1, True),
        (-0.0, 0, True),
        (1, "1", False),
        ([1.0], [1], True),
        ((1, 2), [1, 2], True),
        ([1, 2], [2, 1], False),
        ({"a": 1, "b": None}, {"a": 1.0}, True),
        ([None], [], False),
        ("", None, False),
        (0, None, False),
        (False, None, False),
    ],
)
def test_amounts_and_lists_count_exactly_and_their_form_does_not(one, other, same):
    digests = [actions.digest("t", {"value": value}) for value in (one, other)]

    assert (digests[0] == digests[1]) is same
    assert actions.digest("t", {"value": one}) != actions.digest("u", {"value": one})


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
    standing_approvals.grant("ada@home.example")
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
    standing_approvals.grant("ada@home.example")

    def is_covered(to, key):
        action = actions.propose("mail.send", {**MAIL, "to": to}, key, namespace="main")
        return approvals.approve_by_standing(action, "daily_research")

    assert not is_covered(["ada@home.example", "bob@home.example"], "mail:1")
    assert not is_covered(["bob@home.example", "ada@home.example"], "mail:2")
    assert not is_covered([], "mail:3")
    assert (
        actions.get_by_key("mail:1")["state"] == actions.get_by_key("mail:3")["state"] == "proposed"
    )
    standing_approvals.grant("bob@home.example")
    assert is_covered(["ada@home.example", "bob@home.example"], "mail:4")


def test_a_standing_approval_is_for_one_flow_one_namespace_and_one_tool():
    standing_approvals.grant("ada@home.example")
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


def test_what_was_denied_is_asked_again_only_when_that_is_wanted():
    denied = actions.propose("mail.send", MAIL, "mail:1")
    approvals.decide(str(denied["id"]), denied["digest"], "denied", "eva")

    assert actions.propose("mail.send", MAIL, "mail:1")["id"] == denied["id"]
    again = actions.propose("mail.send", MAIL, "mail:1", again=True)

    assert again["id"] != denied["id"] and again["state"] == "proposed"
    old = actions.get_by_id(str(denied["id"]))
    assert (old["state"], old["key"]) == ("denied", f"mail:1#{denied['id']}")
    assert approvals.find_answer(str(denied["id"]))["decision"] == "denied"


@pytest.mark.parametrize("decision", ["approved", None])
def test_what_was_approved_or_waits_is_not_asked_again(decision):
    first = actions.propose("mail.send", MAIL, "mail:1")
    if decision:
        approvals.decide(str(first["id"]), first["digest"], decision, "eva")

    assert actions.propose("mail.send", MAIL, "mail:1", again=True)["id"] == first["id"]


def test_what_nobody_answered_in_time_can_be_asked_again():
    late = actions.propose("mail.send", MAIL, "mail:1", expires_at=now() - timedelta(seconds=1))
    assert approvals.expire() == 1

    assert actions.propose("mail.send", MAIL, "mail:1")["state"] == "expired"
    again = actions.propose("mail.send", MAIL, "mail:1", again=True)
    assert again["state"] == "proposed" and again["id"] != late["id"]


def test_other_arguments_close_the_question_about_the_old_ones():
    old = approved()

    actions.propose("mail.send", {**MAIL, "subject": "Other"}, "mail:1")

    replaced = actions.get_by_id(str(old["id"]))
    assert (replaced["state"], replaced["key"]) == ("expired", f"mail:1#{old['id']}")


def test_a_class_can_be_raised_and_not_lowered():
    reads = {"readOnlyHint": True}

    def risk(tool, key, **more):
        return actions.propose(tool, {"a": 1}, key, **more)["risk"]

    assert risk("any.read", "1", annotations=reads) == "low"
    assert risk("any.read", "2", annotations=reads, at_least="high") == "high"
    assert risk("mail.send", "3", at_least="low") == "high"


def test_an_action_belongs_to_the_run_that_proposed_it():
    run, other = (f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2))
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'f'), (%s, 'f')", [run, other])
    with change(run_id=run, namespace="sample"):
        own = actions.propose("mail.send", MAIL, "1")
        named = actions.propose("mail.send", MAIL, "2", run_id=other, namespace="main")
    nobodys = actions.propose("mail.send", MAIL, "3")

    assert (str(own["run_id"]), own["namespace"]) == (run, "sample")
    assert (str(named["run_id"]), named["namespace"]) == (other, "main")
    assert (nobodys["run_id"], nobodys["namespace"]) == (None, "main")


@pytest.mark.parametrize("find", [actions.get_by_key, actions.get_by_id])
def test_an_action_that_is_none_is_told_by_what_was_asked_for(find):
    with pytest.raises(NotFound, match=r"no action has the .* 'gone'"):
        find("gone")


def test_what_a_rule_lets_through_runs_without_a_person_and_is_recorded():
    actions.propose("web.search", {"query": "x"}, "search:1")

    with pytest.raises(NeedsApproval, match="is proposed; a person has to approve it"):
        actions.perform("search:1", {"query": "x"}, dict)
    row = actions.perform("search:1", {"query": "x"}, lambda: {"hits": 2}, unasked="rule 7")

    assert row["state"] == "performed" and row["outcome"] == {"hits": 2}
    told = db.fetch_one("SELECT actor, detail FROM audit WHERE kind = 'action.unasked'")
    assert (told["actor"], told["detail"]["rule"]) == (audit.POLICY, "rule 7")


def test_what_a_rule_lets_through_may_be_tried_again_after_a_failure():
    actions.propose("web.search", {"query": "x"}, "search:1")

    def fails():
        raise MillraceError("the server is away")

    failed = actions.perform("search:1", {"query": "x"}, fails, unasked="rule")
    assert (failed["state"], failed["outcome"]) == ("failed", {"error": "the server is away"})
    row = actions.perform("search:1", {"query": "x"}, lambda: {"hits": 2}, unasked="rule")
    assert row["state"] == "performed"


def test_no_rule_lets_high_risk_or_what_a_person_denied_through():
    actions.propose("mail.send", MAIL, "mail:1")
    search = actions.propose("web.search", {"query": "x"}, "search:1")
    approvals.decide(str(search["id"]), search["digest"], "denied", "eva")
    done = []

    for key, arguments in (("mail:1", MAIL), ("search:1", {"query": "x"})):
        with pytest.raises(NeedsApproval):
            actions.perform(key, arguments, lambda: done.append(1) or {}, unasked="rule")

    assert done == []


def test_low_risk_that_a_person_denied_does_not_run():
    action = actions.propose(
        "notes.search", {"query": "x"}, "read:1", annotations={"readOnlyHint": True}
    )
    approvals.decide(str(action["id"]), action["digest"], "denied", "eva")

    with pytest.raises(NeedsApproval, match="is denied"):
        actions.perform("read:1", {"query": "x"}, dict)


def test_an_effect_of_which_its_tool_cannot_tell_is_unknown():
    approved()

    def cannot_tell():
        raise actions.OutcomeUnknown("the line went dead")

    row = actions.perform("mail:1", MAIL, cannot_tell)

    assert (row["state"], row["outcome"], row["performed_at"]) == (
        "unknown",
        {"error": "the line went dead"},
        None,
    )


def test_a_failure_that_may_pass_is_recorded_as_one():
    approved()
    fault = ToolFailed("busy")
    fault.temporary = True

    def fails():
        raise fault

    assert actions.perform("mail:1", MAIL, fails)["outcome"] == {"error": "busy", "temporary": True}
    fault.temporary = False
    row = actions.perform("mail:1", MAIL, fails)
    assert row["outcome"] == {"error": "busy"} and row["performed_at"] is None


def test_when_an_approval_was_used_and_the_effect_happened_is_kept():
    action = approved()

    row = actions.perform("mail:1", MAIL, lambda: {"status": "sent"})

    used = approvals.find_answer(str(action["id"]))["used_at"]
    assert used is not None and row["performed_at"] >= used


@pytest.mark.parametrize(("setting", "state"), [("resend", "performed"), ("hold", "unknown")])
def test_the_setting_says_what_becomes_of_a_mail_that_nobody_can_tell_of(
    setting, state, monkeypatch
):
    monkeypatch.setenv("MILLRACE_SMTP_UNKNOWN", setting)
    config.reload()
    approved()
    crash_while_performing()
    done = []

    row = actions.perform(
        "mail:1", MAIL, lambda: done.append(1) or {"status": "sent"}, lambda: None
    )

    assert row["state"] == state and len(done) == (state == "performed")


def test_only_what_nobody_can_tell_of_is_looked_for():
    approved()
    looked = []

    row = actions.reconcile("mail:1", lambda: looked.append(1) or {"status": "sent"})

    assert row["state"] == "approved" and looked == []


def test_a_person_says_that_it_happened():
    action = approved()
    crash_while_performing()

    row = actions.reconcile_by_person(str(action["id"]), True, "eva")

    assert row["state"] == "performed"
    assert row["outcome"] == {"status": "sent", "settled_by": "eva"}
    assert row["performed_at"] is not None and approvals.list_unknown() == []


def test_a_question_was_first_asked_when_it_was_and_keeps_its_first_date():
    action = actions.propose("mail.send", MAIL, "mail:1")
    until = now() + timedelta(hours=1)

    actions.ask(action["id"], until)
    first = actions.get_by_key("mail:1")
    actions.ask(action["id"], until + timedelta(hours=1))

    assert actions.get_by_key("mail:1") == first
    assert first["expires_at"] == until and first["asked_at"] is not None


def test_open_questions_are_listed_oldest_first_without_what_needs_nobody():
    for number in (2, 1, 3):
        actions.propose("mail.send", {**MAIL, "subject": str(number)}, f"mail:{number}")
    actions.propose("any.read", {"a": 1}, "read", annotations={"readOnlyHint": True})
    actions.propose("mail.send", MAIL, "sample", namespace="sample")
    approved("answered")

    def keys(*namespace):
        return [row["key"] for row in approvals.list_pending(*namespace)]

    assert keys() == ["mail:2", "mail:1", "mail:3", "sample"]
    assert keys("sample") == ["sample"] and keys("other") == []


def test_only_what_waits_expires():
    late = now() - timedelta(seconds=1)
    actions.propose("mail.send", MAIL, "late", expires_at=late)
    actions.propose("mail.send", MAIL, "in time", expires_at=now() + timedelta(hours=1))
    approved("answered")
    db.execute("UPDATE action SET expires_at = %s WHERE key = 'answered'", [late])

    assert approvals.expire() == 1

    states = {row["key"]: row["state"] for row in db.fetch_all("SELECT key, state FROM action")}
    assert states == {"late": "expired", "in time": "proposed", "answered": "approved"}


def test_the_questions_of_one_run_are_closed_and_those_of_others_stay():
    run, other = (f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2))
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'f'), (%s, 'f')", [run, other])
    for key, of in (("own", run), ("answered", run), ("other", other), ("nobody", None)):
        actions.propose("mail.send", MAIL, key, run_id=of)
    answered = actions.get_by_key("answered")
    approvals.decide(str(answered["id"]), answered["digest"], "denied", "eva")

    assert approvals.withdraw(run, "its run has ended") == 1
    assert approvals.withdraw(run, "its run has ended") == 0

    states = {row["key"]: row["state"] for row in db.fetch_all("SELECT key, state FROM action")}
    assert states == {
        "own": "expired",
        "answered": "denied",
        "other": "proposed",
        "nobody": "proposed",
    }
    closed = approvals.find_answer(str(actions.get_by_key("own")["id"]))
    assert (closed["decided_by"], closed["how"]) == ("millrace", "its run has ended")


def test_a_standing_approval_is_given_once_and_taken_back_once():
    ada, until = "ada@home.example", now() + timedelta(days=1)
    standing_approvals.grant(ada)
    standing_approvals.grant(ada)
    standing_approvals.grant(ada, expires_at=until)

    held = standing_approvals.list_standing("daily_research", "main")
    assert {name: row["expires_at"] for name, row in held.items()} == {ada: until}
    assert not standing_approvals.revoke(ada, flow="weekly") and not standing_approvals.revoke(
        ada, namespace="sample"
    )
    assert not standing_approvals.revoke(ada, tool="chat.send") and not standing_approvals.revoke(
        "bob@home.example"
    )
    assert standing_approvals.revoke(ada) and not standing_approvals.revoke(ada)
    assert standing_approvals.list_standing("daily_research", "main") == {}
    told = db.fetch_all("SELECT kind FROM audit WHERE kind LIKE 'standing_approval.%' ORDER BY id")
    assert [row["kind"].partition(".")[2] for row in told] == ["granted", "granted", "revoked"]


def test_a_standing_approval_ends_with_its_date():
    standing_approvals.grant("ada@home.example", expires_at=now() - timedelta(seconds=1))
    action = actions.propose("mail.send", MAIL, "mail:1", namespace="main")

    assert not approvals.approve_by_standing(action, "daily_research")
    assert standing_approvals.list_standing("daily_research", "main") == {}


@pytest.mark.parametrize(
    ("state", "stands"),
    [
        ("approved", True),
        ("performing", True),
        ("performed", True),
        ("failed", True),
        ("unknown", True),
        ("denied", False),
        ("expired", False),
    ],
)
def test_what_was_answered_before_is_approved_as_it_was_answered(state, stands):
    standing_approvals.grant("ada@home.example")
    whole = actions.propose("mail.send", {"to": ["ada@home.example"], "mails": [MAIL]}, "send:1")
    approvals.decide(str(whole["id"]), whole["digest"], "approved", "eva")
    actions.propose("mail.send", MAIL, "mail:1", namespace="main")
    db.execute("UPDATE action SET state = %s WHERE key = 'mail:1'", [state])
    row = actions.get_by_key("mail:1")

    assert approvals.approve_by_standing(row, "daily_research") is stands
    assert approvals.approve_own(row) is stands
    assert approvals.approve_as_part(row, whole) is stands
    assert approvals.find_answer(str(row["id"])) is None


def test_a_mail_that_stays_here_is_approved_unless_more_is_in_it():
    copied = actions.propose("mail.send", {**MAIL, "cc": "eve@evil.example"}, "mail:1")
    plain = actions.propose("mail.send", MAIL, "mail:2")

    assert not approvals.approve_own(copied)
    assert approvals.approve_own(plain)
    assert approvals.find_answer(str(plain["id"]))["decided_by"] == audit.POLICY


@pytest.mark.parametrize("decision", ["denied", None])
def test_a_part_of_what_nobody_approved_stays_unapproved(decision):
    whole = actions.propose("mail.send", {"to": ["ada@home.example"], "mails": [MAIL]}, "send:1")
    if decision:
        approvals.decide(str(whole["id"]), whole["digest"], decision, "eva")

    assert not approvals.approve_as_part(actions.propose("mail.send", MAIL, "mail:1"), whole)


def test_a_part_of_several_calls_is_approved_by_whoever_approved_them():
    call = {"tool": "tracker.close", "arguments": {"number": 3}}
    whole = actions.propose("agent.calls", {"calls": [call]}, "calls:1")
    approvals.decide(str(whole["id"]), whole["digest"], "approved", "eva")
    part = actions.propose("tracker.close", {"number": 3}, "call:1")

    assert approvals.approve_as_part(part, whole)

    given = approvals.find_answer(str(part["id"]))
    assert (given["decided_by"], given["how"]) == ("eva", "part of calls:1")
    kinds = db.fetch_all("SELECT subject FROM decision WHERE kind = 'action'")
    assert [row["subject"] for row in kinds] == ["calls:1"]


def test_an_action_that_is_no_longer_open_cannot_be_answered():
    action = actions.propose("mail.send", MAIL, "mail:1")
    db.execute("UPDATE action SET state = 'performed'")

    with pytest.raises(BadInput, match="is performed; there is nothing to answer"):
        approvals.decide(str(action["id"]), action["digest"], "approved", "eva")


def test_a_no_counts_also_when_the_arguments_were_changed_or_the_time_is_over():
    action = actions.propose("mail.send", MAIL, "mail:1", expires_at=now() - timedelta(seconds=1))

    answer = approvals.decide(str(action["id"]), "0" * 64, "denied", "eva")

    assert answer["decision"] == "denied"
