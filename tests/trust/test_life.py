"""The whole life of one action, in any order: nothing runs that was not approved, and nothing runs
twice.
"""

import contextlib
import os
from datetime import timedelta

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from f.millrace.core import db
from f.millrace.core.errors import BadInput, MillraceError, NeedsApproval
from f.millrace.core.run_context import now
from f.millrace.trust import actions, approvals

LETTERS = {
    "A": {"to": "ada@home.example", "subject": "A"},
    "B": {"to": "ada@home.example", "subject": "B"},
    "C": {"to": "mallory@evil.example", "subject": "A"},
}
NAMES = st.sampled_from(sorted(LETTERS))
PEOPLE = st.sampled_from(["eva", "ben"])
LOOKS = st.sampled_from(["sees", "blind"])


class Life(RuleBasedStateMachine):
    """People answer late, twice and against each other; steps repeat, die and start again;
    arguments change on the way.
    """

    numbers = iter(range(10**9))

    @initialize()
    def begin(self):
        self.key = f"life:{os.getpid()}:{next(self.numbers)}"
        self.shown = []  # (action's id, digest, letter) as people saw them
        self.allowed = {}  # action's id: the letter that a person approved in time
        self.effects = []  # (action's id, letter) as they reached the world

    def row(self):
        return db.fetch_one("SELECT * FROM action WHERE key = %s", [self.key])

    @rule(letter=NAMES, minutes=st.sampled_from([None, 5]))
    def propose(self, letter, minutes):
        expires = now() + timedelta(minutes=minutes) if minutes else None
        row = actions.propose("mail.send", LETTERS[letter], self.key, expires_at=expires)
        self.shown.append((str(row["id"]), row["digest"], letter))

    @rule(data=st.data(), person=PEOPLE, decision=st.sampled_from(["approved", "denied"]))
    def answer(self, data, person, decision):
        if not self.shown:
            return
        action_id, digest, _ = data.draw(st.sampled_from(self.shown))
        before = actions.get_by_id(action_id)
        in_time = before["expires_at"] is None or before["expires_at"] >= now()
        try:
            given = approvals.decide(action_id, digest, decision, person)
        except BadInput:
            return
        if (
            given["decision"] == "approved"
            and given["decided_by"] == person
            and decision == "approved"
            and in_time
        ):
            letter = next(
                name
                for name, one in LETTERS.items()
                if actions.digest("mail.send", one) == given["digest"]
            )
            self.allowed.setdefault(action_id, letter)

    @rule(letter=NAMES)
    def click_for_something_else(self, letter):
        row = self.row()
        other = actions.digest("mail.send", LETTERS[letter])
        if row is None or other == row["digest"]:
            return
        with contextlib.suppress(BadInput):
            approvals.decide(str(row["id"]), other, "approved", "mallory")

    @rule()
    def tamper_with_the_stored_arguments(self):
        row = self.row()
        if row is not None and row["state"] == "proposed":
            db.execute(
                "UPDATE action SET arguments = %s WHERE id = %s",
                [db.jsonb(LETTERS["C"]), row["id"]],
            )

    @rule()
    def time_passes(self):
        db.execute(
            "UPDATE action SET expires_at = expires_at - interval '10 minutes' WHERE key = %s",
            [self.key],
        )

    @rule()
    def sweep(self):
        approvals.expire()

    @rule(
        letter=NAMES,
        ends=st.sampled_from(["done", "fails", "dies before", "dies after"]),
        look=LOOKS,
    )
    def run(self, letter, ends, look):
        row = self.row()
        if row is None:
            return
        before = len(self.effects)

        def do():
            if ends == "fails":
                raise MillraceError("550 no such user")
            if ends == "dies before":
                raise KeyboardInterrupt
            self.effects.append((str(row["id"]), letter))
            if ends == "dies after":
                raise KeyboardInterrupt
            return {"status": "sent"}

        def check():
            if look == "blind":
                return None
            return (
                {"status": "sent"}
                if any(one[0] == str(row["id"]) for one in self.effects)
                else False
            )

        with contextlib.suppress(NeedsApproval, KeyboardInterrupt):
            actions.perform(self.key, LETTERS[letter], do, check)
        assert len(self.effects) - before <= 1

    @rule()
    def restart(self):
        with contextlib.suppress(psycopg.Error):
            db.close()

    @invariant()
    def nothing_ran_that_was_not_approved(self):
        for action_id, letter in getattr(self, "effects", []):
            assert self.allowed.get(action_id) == letter

    @invariant()
    def nothing_ran_twice(self):
        ran = [action_id for action_id, _ in getattr(self, "effects", [])]
        assert len(ran) == len(set(ran)) <= 1


@pytest.mark.usefixtures("database")
def test_no_life_of_an_action_gets_round_the_approval():
    many = 1500 if os.environ.get("PROVE") else 20
    run_state_machine_as_test(
        Life, settings=settings(max_examples=many, stateful_step_count=25, deadline=None)
    )
