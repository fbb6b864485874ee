"""A model that never answers: the step gives up in time, what was sent is charged, and the digest
says so.
"""

import socket

import pytest

from f.millrace.agents import researcher
from f.millrace.agents.researcher import research
from f.millrace.core import config, db


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
