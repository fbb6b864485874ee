"""Rows that lie beside those that are meant, of another flow, namespace, person or run, are neither
changed nor counted.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from f.millrace.core import db, errors
from f.millrace.trust import deliveries, note_origin, recipients, shares, spend, standing_approvals

pytestmark = pytest.mark.usefixtures("database")

ADA, BEN = "ada@home.example", "ben@home.example"
DAY = date(2026, 11, 18)


def everywhere() -> list[tuple[str, str, str]]:
    """Add two recipients in two flows of two namespaces and return (address, flow, namespace)."""
    places = [
        (address, flow, namespace)
        for address in (ADA, BEN)
        for flow in ("daily_research", "weekly")
        for namespace in ("main", "house")
    ]
    for address, flow, namespace in places:
        recipients.add(address, flow, namespace=namespace, by="eva")
    return places


def stored() -> dict[tuple[str, str, str], dict[str, Any]]:
    return {
        (row["address"], row["flow"], row["namespace"]): row
        for row in db.fetch_all("SELECT * FROM recipient")
    }


def standing() -> set[tuple[str, str, str]]:
    return {
        (address, flow, namespace)
        for flow in ("daily_research", "weekly")
        for namespace in ("main", "house")
        for address in standing_approvals.list_standing(flow, namespace)
    }


@pytest.mark.parametrize("take", [recipients.revoke, recipients.unsubscribe])
def test_who_is_taken_away_is_taken_from_one_flow_of_one_namespace(take):
    places = everywhere()
    wanted = {place for place in places if place != places[0]}

    take(*places[0])

    assert {at for at, row in stored().items() if row["revoked_at"] is None} == wanted
    assert standing() == wanted
    for address, flow, namespace in wanted:
        held = {row["address"] for row in recipients.list_recipients(flow, namespace)}
        assert address in held
        assert not recipients.is_unsubscribed(address, flow, namespace)


def test_a_recipient_is_brought_back_in_one_place_only():
    places = everywhere()
    for place in places:
        recipients.unsubscribe(*place)

    recipients.add(*places[0][:2], namespace=places[0][2])

    assert [at for at, row in stored().items() if row["revoked_at"] is None] == [places[0]]
    assert [at for at, row in stored().items() if row["unsubscribed_at"] is None] == [places[0]]
    assert standing() == {places[0]}


def test_a_recipient_is_revoked_once_and_the_time_of_the_first_stays():
    recipients.add(ADA)
    recipients.revoke(ADA)
    before = stored()[ADA, "daily_research", "main"]["revoked_at"]

    with pytest.raises(errors.NotFound):
        recipients.revoke(ADA)

    assert stored()[ADA, "daily_research", "main"]["revoked_at"] == before


def test_a_standing_approval_of_another_tool_or_person_is_not_the_recipients():
    recipients.add(ADA)
    standing_approvals.revoke(ADA, "daily_research", "main", "eva")
    standing_approvals.grant(ADA, "weekly")
    standing_approvals.grant(ADA, "daily_research", "house")
    standing_approvals.grant(BEN, "daily_research")

    found = {row["address"]: row for row in recipients.list_recipients("daily_research")}

    assert found[ADA]["standing"] is None


def put_digest(recipient: str, number: int, flow: str, namespace: str, day: date = DAY) -> None:
    run_id, digest_id = uuid4(), uuid4()
    db.execute(
        "INSERT INTO digest (id, run_id, flow, namespace, edition, local_day, number, window_until,"
        " recipients, subject, html, plain) VALUES (%s, %s, %s, %s, 'daily', %s, %s, %s, '{}', %s,"
        " '', '')",
        [
            digest_id,
            run_id,
            flow,
            namespace,
            day,
            number,
            datetime(2026, 12, 1, tzinfo=UTC),
            f"{flow} {namespace} {number}",
        ],
    )
    key = deliveries.Key(flow, namespace, "daily", recipient, day, number)
    until = datetime(2026, 12, 1, tzinfo=UTC)
    deliveries.claim(key, str(run_id), digest_id, f"<{digest_id}@x>", until)


def test_the_newest_seven_digests_of_a_recipient_are_described():
    recipients.add(ADA)
    for days in range(8):
        put_digest(ADA, 1, "daily_research", "main", DAY - timedelta(days=days))
    put_digest(ADA, 2, "daily_research", "main")
    put_digest(BEN, 3, "daily_research", "main")
    put_digest(ADA, 4, "weekly", "main")
    put_digest(ADA, 5, "daily_research", "house")

    found = recipients.describe(ADA)["digests"]

    assert [(row["local_day"], row["number"]) for row in found] == [
        (DAY, 2),
        (DAY, 1),
        *((DAY - timedelta(days=days), 1) for days in range(1, 6)),
    ]
    assert {row["status"] for row in found} == {"waiting"}


@pytest.mark.parametrize(
    "address",
    [
        "ada@home.example",
        "a" * 64 + "@home.example",
        "ada@[192.0.2.1]",
        "ada@home.example.",
        "ada@" + "b" * 63 + ".example",
        "ada@b\u00fccher.example",
        "ada.b+c@home-two.example",
        "a@" + ".".join(["b" * 49] * 5) + ".cc",
    ],
)
def test_an_address_that_a_mail_server_can_know_is_taken(address):
    assert recipients.check_address(f" {address}\n") == address


@pytest.mark.parametrize(
    "address",
    [
        "a" * 65 + "@home.example",
        "\u00e4" * 33 + "@home.example",
        "ada..b@home.example",
        ".ada@home.example",
        "ada.@home.example",
        "ada@home..example",
        "ada@.example",
        "ada@home.example..",
        "ada@" + "b" * 64 + ".example",
        "ada@-home.example",
        "ada@home-.example",
        "ada@home!.example",
        "ada@ho\u200bme.example",
        "ada@[192.0.2.1",
        "@home.example",
        "ada@",
        "a@" + ".".join(["b" * 49] * 5) + ".ccc",
    ],
)
def test_an_address_that_no_mail_server_can_know_is_refused(address):
    with pytest.raises(errors.BadInput, match="is not a mail address"):
        recipients.check_address(address)


def shared() -> dict[tuple[str, str], dict[str, dict[str, str]]]:
    return {
        (flow, namespace): shares.of_recipients([ADA, BEN], flow, namespace)
        for flow in ("daily_research", "weekly")
        for namespace in ("main", "house")
    }


def test_a_share_is_of_one_recipient_flow_namespace_and_source_until_it_ends():
    for place in everywhere():
        for name in ("notes", "documents"):
            address, flow, namespace = place
            shares.add(address, "source", name, flow, namespace, by="eva")
    both = {"source:documents": "eva", "source:notes": "eva"}
    assert all(row == {ADA: both, BEN: both} for row in shared().values())

    shares.end(ADA, "source", "notes", by="eva")

    now = shared()
    assert now.pop(("daily_research", "main")) == {ADA: {"source:documents": "eva"}, BEN: both}
    assert all(row == {ADA: both, BEN: both} for row in now.values())
    assert shares.of_recipients([BEN]) == {BEN: both}
    with pytest.raises(errors.NotFound, match="the notes is not shared with"):
        shares.end(ADA, "source", "notes")


def test_what_is_shared_again_after_its_end_is_a_row_of_its_own_and_a_repeat_is_none():
    recipients.add(ADA)
    shares.add(ADA, "source", "notes", by="eva")
    shares.add(ADA, "source", "notes", by="bob")
    shares.end(ADA, "source", "notes")
    shares.add(ADA, "source", "notes", by="kim")

    rows = db.fetch_all("SELECT shared_by, ended_at IS NULL AS here FROM share ORDER BY shared_at")

    assert [(row["shared_by"], row["here"]) for row in rows] == [("bob", False), ("kim", True)]
    assert shares.of_recipients([ADA]) == {ADA: {"source:notes": "kim"}}


def test_a_share_is_by_its_one_owner_or_by_the_user_when_there_are_several(configure):
    configure(user="eva", recipients=ADA)
    recipients.add("own@home.example", owner=True)
    assert shares.add(ADA, "source", "notes")["shared_by"] == "own@home.example"

    recipients.add("two@home.example", owner=True)

    assert shares.add(ADA, "source", "documents")["shared_by"] == "eva"


RUN, OTHER = str(uuid4()), str(uuid4())
EARLY, LATE = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)


def put_usage(run_id: str, at: datetime, usd: str, state: str = "settled", **more: Any) -> None:
    values = {"step": "plan", "agent": "writer", "kind": "model", "tokens": {}, **more}
    db.execute(
        "INSERT INTO usage (id, run_id, step, agent, model, kind, state, reserved_usd, cost_usd,"
        " reserved_at, tokens, price_source, price_date) VALUES (%s, %s, %s, %s, 'm', %s, %s, %s,"
        " %s, %s, %s, %s, %s)",
        [
            uuid4(),
            run_id,
            values["step"],
            values["agent"],
            values["kind"],
            state,
            Decimal(usd) if state in ("reserved", "sent") else 0,
            Decimal(usd) if state == "settled" else 0,
            at,
            db.jsonb(values["tokens"]),
            values.get("price_source", ""),
            values.get("price_date", ""),
        ],
    )


@pytest.fixture
def spent(database: str) -> None:
    for run_id in (RUN, OTHER):
        db.execute("INSERT INTO run (id, flow) VALUES (%s, %s)", [run_id, f"of {run_id[:4]}"])
    put_usage(RUN, EARLY, "0.1", tokens={"input": 5}, price_source="b", price_date="2026-01-01")
    put_usage(RUN, LATE, "0.2", tokens={"input": 7, "output": 1}, price_source="a")
    put_usage(RUN, LATE, "0.4", "sent", step="write", agent="search", kind="tool")
    put_usage(RUN, LATE, "0.8", "reserved", step="write")
    put_usage(RUN, LATE, "1.6", "released")
    put_usage(OTHER, EARLY, "3.2", agent="planner", price_date="2026-02-02")
    put_usage(OTHER, LATE, "6.4")


@pytest.mark.usefixtures("spent")
def test_what_a_run_or_a_step_of_it_cost_is_what_was_billed_or_may_be():
    assert spend.cost_of(RUN) == Decimal("0.7") and spend.run_cost_usd(RUN) == 0.7
    assert spend.cost_of(RUN, "plan") == Decimal("0.3")
    assert spend.cost_of(RUN, "write") == Decimal("0.4")
    assert spend.cost_of(uuid4()) == 0


@pytest.mark.usefixtures("spent")
def test_all_calls_are_added_up_since_a_time_and_of_a_run():
    def total(*asked: Any) -> float:
        return spend.total_spending(*asked)["cost_usd"]

    assert total() == 10.3
    assert total(LATE) == 7.0
    assert total(None, RUN) == 0.7
    assert total(LATE, RUN) == 0.6
    assert total(LATE + timedelta(seconds=1)) == 0


@pytest.mark.usefixtures("spent")
def test_spending_is_told_by_group_the_dearest_first():
    runs = spend.group_spending("run")
    assert [(row["run"], row["calls"], row["cost_usd"]) for row in runs] == [
        (OTHER, 2, 9.6),
        (RUN, 4, 0.7),
    ]
    mine = runs[1]
    assert (mine["tools_usd"], mine["reserved_usd"], mine["currency"]) == (0.4, 0.8, "USD")
    assert mine["tokens"] == {
        "input": 12,
        "output": 1,
        "cache_read": 0,
        "cache_write": 0,
        "reasoning": 0,
    }
    assert (sorted(mine["price_sources"]), mine["price_date"]) == (["a", "b"], "2026-01-01")

    agents = spend.group_spending("agent")
    assert [row["agent"] for row in agents] == ["writer", "planner", "search"]
    assert [row["day"] for row in spend.group_spending("day")] == ["2026-11-10", "2026-11-01"]
    assert [row["flow"] for row in spend.group_spending("flow")] == [
        f"of {OTHER[:4]}",
        f"of {RUN[:4]}",
    ]


@pytest.mark.usefixtures("spent")
def test_groups_are_of_the_time_and_the_run_that_are_asked_for():
    def costs(*asked: Any) -> dict[str, float]:
        return {row["agent"]: row["cost_usd"] for row in spend.group_spending("agent", *asked)}

    assert costs(LATE) == {"writer": 6.6, "search": 0.4}
    assert costs(None, RUN) == {"writer": 0.3, "search": 0.4}
    assert costs(LATE, RUN) == {"writer": 0.2, "search": 0.4}
    assert costs(None, OTHER) == {"writer": 6.4, "planner": 3.2}


@pytest.mark.usefixtures("spent")
def test_machines_are_paid_for_once_a_job_and_by_the_time_of_steps(configure):
    configure(machine_usd_hour=2)

    def put_step(run_id: str, path: str, job: str, at: datetime, minutes: int) -> None:
        db.execute(
            "INSERT INTO step (run_id, path, name, job_id, status, started_at, finished_at) VALUES"
            " (%s, %s, %s, %s, 'done', %s, %s)",
            [run_id, path, path, job, at, at + timedelta(minutes=minutes)],
        )

    put_step(RUN, "a", "j1", EARLY, 30)
    put_step(RUN, "b", "j1", EARLY + timedelta(minutes=15), 30)
    put_step(RUN, "c", "", LATE, 15)
    put_step(RUN, "d", "", LATE, 15)
    put_step(OTHER, "a", "j1", LATE, 60)

    def hours(*asked: Any) -> float:
        told = spend.total_spending(*asked)
        assert told["machines_usd"] == pytest.approx(2 * told["step_hours"])
        return told["step_hours"]

    assert hours() == 2.25
    assert hours(LATE) == 1.5
    assert hours(None, RUN) == 1.25
    assert hours(LATE, RUN) == 0.5


def test_the_limits_of_today_and_of_one_run_are_told(configure):
    configure(now="2026-11-18T08:00:00+00:00")
    for scope, key, limit, spent_usd in [
        ("user_day", "ada 2026-11-18", "2", "0.5"),
        ("user_day", "ada 2026-11-17", "2", "1"),
        ("flow_day", "ask 2026-11-18", "0", "0"),
        ("run", RUN, "3", "1"),
        ("run", OTHER, "3", "2"),
    ]:
        db.execute(
            "INSERT INTO budget (scope, key, limit_usd, spent_usd, reserved_usd) VALUES (%s, %s,"
            " %s, %s, 0.25)",
            [scope, key, Decimal(limit), Decimal(spent_usd)],
        )

    of_run = spend.limits_today(RUN)

    assert [(row["scope"], row["key"], row["percent"]) for row in of_run] == [
        ("flow_day", "ask 2026-11-18", None),
        ("run", RUN, 33.3),
        ("user_day", "ada 2026-11-18", 25.0),
    ]
    assert (of_run[2]["limit_usd"], of_run[2]["spent_usd"], of_run[2]["reserved_usd"]) == (
        2.0,
        0.5,
        0.25,
    )
    assert [row["scope"] for row in spend.limits_today()] == ["flow_day", "user_day"]


@pytest.mark.parametrize(
    ("tool", "state", "counts"),
    [
        ("notes.write", "performing", True),
        ("notes.write", "performed", True),
        ("notes.write", "unknown", True),
        ("notes.write", "proposed", False),
        ("notes.write", "denied", False),
        ("notes.write", "failed", False),
        ("mail.send", "performed", False),
    ],
)
def test_notes_that_an_agent_wrote_or_may_have_written_are_known(tool, state, counts):
    for path in ("a/./b.md", None):
        arguments = {"text": "x"} if path is None else {"path": path}
        db.execute(
            "INSERT INTO action (key, tool, arguments, digest, risk, state) VALUES (%s, %s, %s, '',"
            " 'low', %s)",
            [str(uuid4()), tool, db.jsonb(arguments), state],
        )

    assert note_origin.list_agent_paths() == ({"a/b.md"} if counts else set())
