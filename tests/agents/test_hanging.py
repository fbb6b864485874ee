"""A model that hangs for longer than its step may take: the step's process is ended, and the run
can be gone on with.
"""

import threading
from copy import deepcopy

import pytest

from f.millrace.core import db
from f.millrace.trust import budget
from scripts.runner.openflow import load_openflow
from scripts.runner.run import resume, start

HANGS_SECONDS = 60


@pytest.fixture
def hanging(edge, configure, database):
    """The model takes the first request and never answers it; later ones it answers."""
    over = threading.Event()
    edge.faults.append(lambda handler, body: over.wait(HANGS_SECONDS) or True)
    configure(model="openai:gpt-4o", topic_seconds=50)
    yield edge
    over.set()


@pytest.mark.long
def test_a_step_whose_model_hangs_is_killed_by_its_time_out_and_the_run_goes_on_afterwards(hanging):
    flow = deepcopy(load_openflow("do_task"))
    flow["value"]["modules"][0]["timeout"] = 4
    hanging.write = lambda _: "High water is at six."

    killed = start(flow, "do_task", {"task": "When is high water?"})
    left = db.fetch_one("SELECT state, reserved_usd FROM usage")
    budget.sweep()
    charged = db.fetch_one("SELECT state, price_source, cost_usd, reserved_usd FROM usage")
    again = resume(killed.run_id)

    assert killed.status == "failed" and "4" in str(killed.error) and left["state"] == "sent"
    assert (charged["state"], charged["price_source"]) == ("settled", "reserve") and charged[
        "cost_usd"
    ] == left["reserved_usd"]
    assert again.status == "done" and again.result["text"] == "High water is at six."
    assert len(hanging.requests) == 2 and db.fetch_one(
        "SELECT count(*) AS n FROM usage WHERE price_source <> 'reserve'"
    ) == {"n": 1}
