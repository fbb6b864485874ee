"""People and their roles, and the access tokens of their programs."""

from datetime import timedelta

import pytest

from f.millrace.core import db, run_context
from f.millrace.core.errors import BadInput, NotAllowed
from f.millrace.trust import access_tokens, audit, authority, people

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def owner():
    return people.establish("setup")["id"]


def test_the_user_of_the_settings_is_the_first_owner(configure):
    configure(user="Ada")

    assert people.establish("setup")["id"] == "ada"
    assert people.establish("setup")["id"] == "ada"
    assert [(row["id"], row["role"]) for row in people.list_people()] == [("ada", "owner")]


@pytest.mark.parametrize(
    ("role", "needed", "may"),
    [
        ("reader", "reader", True),
        ("reader", "member", False),
        ("member", "approver", False),
        ("approver", "member", True),
        ("approver", "owner", False),
        ("owner", "approver", True),
    ],
)
def test_a_role_holds_what_those_before_it_may(role, needed, may):
    assert people.has_role(role, needed) is may


def test_the_last_owner_stays_one(owner):
    with pytest.raises(NotAllowed, match="last owner"):
        people.remove(owner, by=owner)
    with pytest.raises(NotAllowed, match="last owner"):
        people.change_role(owner, "member", by=owner)

    people.add("bo", "owner", by=owner)
    people.change_role(owner, "member", by="bo")

    assert people.get(owner)["role"] == "member"


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", "x" * 101, "ada\u202e", "bö"])
def test_an_id_that_cannot_be_typed_or_read_is_refused(owner, name):
    with pytest.raises(BadInput, match="no id of a person"):
        people.add(name, by=owner)


def test_a_person_is_added_once_and_can_come_back(owner):
    people.add("bo", "reader", by=owner)
    with pytest.raises(BadInput, match="people role bo"):
        people.add("BO", by=owner)
    _, secret = access_tokens.create("bo", "laptop", by=owner)
    people.remove("bo", by=owner)

    assert people.add("bo", "member", by=owner)["removed_at"] is None
    assert access_tokens.find_caller(secret) is None  # whoever had it may be why they were removed


def test_an_agent_changes_no_people_and_makes_no_tokens(owner):
    with authority.agent("helper"):
        for change in (
            lambda: people.add("bo", by="helper"),
            lambda: people.change_role(owner, "owner", by="helper"),
            lambda: people.remove(owner, by="helper"),
            lambda: access_tokens.create(owner, "x", by="helper"),
            lambda: access_tokens.revoke(owner, "x", by="helper"),
        ):
            with pytest.raises(NotAllowed, match="is an agent"):
                change()


def test_a_token_signs_in_and_is_kept_as_a_hash(owner):
    people.add("bo", "member", by=owner)

    row, secret = access_tokens.create("bo", "laptop", by=owner)

    assert access_tokens.find_caller(secret) == ("bo", "member", False, str(row["id"]))
    assert secret not in str(db.fetch_all("SELECT * FROM access_token"))
    assert row["expires_at"] - row["created_at"] == timedelta(days=access_tokens.DAYS)
    assert access_tokens.find_caller(secret[:-1] + ("a" if secret[-1] != "a" else "b")) is None
    assert access_tokens.find_caller("") is None


def test_a_token_allows_no_more_than_its_person_may_now(owner):
    people.add("bo", "member", by=owner)
    with pytest.raises(NotAllowed, match="bo is member"):
        access_tokens.create("bo", "laptop", "approver", by=owner)
    _, secret = access_tokens.create("bo", "laptop", by=owner)

    people.change_role("bo", "reader", by=owner)
    assert access_tokens.find_caller(secret).role == "reader"
    people.change_role("bo", "owner", by=owner)
    assert access_tokens.find_caller(secret).role == "member"
    people.remove("bo", by=owner)
    assert access_tokens.find_caller(secret) is None


def test_a_token_ends_when_it_is_over_or_revoked(owner, configure):
    now = run_context.now()
    _, short = access_tokens.create(owner, "short", days=1, by=owner)
    _, revoked = access_tokens.create(owner, "revoked", by=owner)
    access_tokens.revoke(owner, "revoked", by=owner)

    assert access_tokens.find_caller(short) is not None
    assert access_tokens.find_caller(revoked) is None
    configure(now=now + timedelta(days=1, minutes=1))
    assert access_tokens.find_caller(short) is None


def test_a_token_is_over_at_its_end_and_its_name_free_once_it_is_revoked(owner, configure):
    row, secret = access_tokens.create(owner, "laptop", gateway=True, by=owner)
    people.add("bo", by=owner)
    _, other = access_tokens.create("bo", "laptop", days=366, by=owner)

    configure(now=row["expires_at"] - timedelta(seconds=1))
    assert access_tokens.find_caller(secret)[:3] == (owner, "owner", True)
    configure(now=row["expires_at"])
    assert access_tokens.find_caller(secret) is None
    with pytest.raises(BadInput, match="has no token 'phone'"):
        access_tokens.revoke(owner, "phone", by=owner)
    access_tokens.revoke(owner, "laptop", by=owner)
    assert access_tokens.find_caller(other)[:3] == ("bo", "member", False)
    assert [row["person_id"] for row in access_tokens.list_tokens()] == ["bo"]
    access_tokens.create(owner, "laptop", days=1, by=owner)
    assert {row["person_id"] for row in access_tokens.list_tokens()} == {"bo", owner}
    assert [row["person_id"] for row in access_tokens.list_tokens(owner)] == [owner]


def test_the_use_of_a_token_is_noted_once_a_minute(owner, configure):
    start = run_context.now()
    _, secret = access_tokens.create(owner, "laptop", by=owner)

    def used_after(seconds):
        configure(now=start + timedelta(seconds=seconds))
        access_tokens.find_caller(secret)
        return (access_tokens.list_tokens()[0]["used_at"] - start).total_seconds()

    assert [used_after(seconds) for seconds in (10, 69, 70, 100)] == [10, 10, 70, 70]


def test_people_are_listed_by_what_they_may_and_named_in_one_short_line(owner):
    for name, role in (("bo", "reader"), ("cy", "approver"), ("al", "reader"), ("di", "member")):
        people.add(name, role, by=owner)

    assert [row["id"] for row in people.list_people()] == [owner, "cy", "di", "al", "bo"]
    assert people.get(" CY ")["id"] == "cy"
    assert people.add("ed", name=" Ed \n of " + "x" * 100, by=owner)["name"] == (
        "Ed of " + "x" * 94
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "a b"}, "no name of a token"),
        ({"days": 0}, "0 days"),
        ({"days": 367}, "367 days"),
        ({"role": "boss"}, "'boss' is no role"),
        ({"name": "laptop"}, "has a token 'laptop' already"),
        ({"person_id": "eve"}, "nobody is called 'eve'"),
    ],
)
def test_a_token_that_cannot_be_made_says_why(owner, given, words):
    access_tokens.create(owner, "laptop", by=owner)

    with pytest.raises(BadInput, match=words):
        access_tokens.create(**{"person_id": owner, "name": "other", "by": owner, **given})


def test_each_change_is_in_the_audit_log(owner):
    people.add("bo", by=owner)
    people.change_role("bo", "reader", by=owner)
    access_tokens.create("bo", "laptop", by=owner)
    access_tokens.revoke("bo", "laptop", by=owner)
    people.remove("bo", by=owner)

    kinds = [row["kind"] for row in audit.rows()]
    assert kinds[-5:] == [
        "person.added", "person.role", "token.created", "token.revoked", "person.removed",
    ]  # fmt: skip
    assert audit.verify() == []
