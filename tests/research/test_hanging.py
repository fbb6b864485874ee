"""A model that never answers: the step gives up in time, what was sent is charged, and the digest
says so.
"""

import socket

import pytest

from f.millrace.agents import researcher
from f.millrace.agents.researcher import research
from f.millrace.core import config, db
from f.millrace.ops import health
from f.millrace.research import compose
from f.millrace.trust import recipients


@pytest.fixture
def hanging(monkeypatch):
    """A server that takes requests and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}/v1")
        monkeypatch.setenv("MILLRACE_MODEL", "openai:gpt-4o")
        monkeypatch.setenv("MILLRACE_TOPIC_SECONDS", "1.5")
        config.reload()
        yield


def test_the_run_ends_with_a_digest_that_says_what_the_model_left_undone(
    pipeline, two_stories, hanging, monkeypatch, configure
):
    configure(offline_stands_in="always")
    monkeypatch.setattr(researcher, "research", research)

    run_id, small = pipeline.run(max_topics=1)

    assert small["status"] == "partly_failed"
    assert [one["status"] for one in small["deliveries"]] == ["outbox"]
    digest = " ".join(
        db.fetch_one("SELECT plain FROM digest WHERE run_id = %s", [run_id])["plain"].split()
    )
    assert "The model could not be reached; sentences were picked" in digest
    assert any("no answer within" in one for one in small["notices"])
    assert "Written by the offline extractive model" in digest
    sent = db.fetch_all(
        "SELECT state, price_source, cost_usd, reserved_usd FROM usage WHERE model LIKE 'openai:%'"
    )
    assert sent and all(
        (row["price_source"], row["cost_usd"]) == ("reserve", row["reserved_usd"]) for row in sent
    )


@pytest.mark.long
@pytest.mark.parametrize("stands_in", ["always", "never"])
def test_where_the_server_of_a_model_is_only_owners_and_the_operator_read(
    pipeline, two_stories, monkeypatch, configure, stands_in
):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"  # nothing answers there from here on
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://{address}/v1")
    monkeypatch.setattr(researcher, "research", research)
    configure(offline_stands_in=stands_in, model="openai:gpt-4o")
    recipients.add("owner@home.example", owner=True)

    # A run of which nothing was told waits; here the digest is made all the same.
    monkeypatch.setattr(compose, "_model_fault", lambda _: "")
    run_id, small = pipeline.run(max_topics=2)

    mails = {
        row["private"]: row["text"]
        for row in db.fetch_all(
            "SELECT private, html || plain AS text FROM digest WHERE run_id = %s", [run_id]
        )
    }
    reader = " ".join(mails[False].split())
    assert "The model could not be reached" in reader
    assert ("sentences were picked from the sources without one" in reader) == (
        stands_in == "always"
    )
    for word in (address, "127.0.0.1", "/v1", "OPENAI", "gpt-4o failed"):
        assert word not in reader
    assert address.partition(":")[2] in mails[True]
    assert any(address in notice for notice in small["notices"])
    assert any(address in part.reason for part in health.check_components())
