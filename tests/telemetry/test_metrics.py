"""The catalogue: what may be a metric, and that each one is counted right from rows that retention
may then delete.
"""

import os
import re
from collections import Counter
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from f.millrace.core import db
from f.millrace.core.errors import BadInput
from f.millrace.telemetry import upkeep
from f.millrace.telemetry.catalogue import CATALOGUE
from f.millrace.telemetry.metrics.define import (
    Alert,
    Label,
    Metric,
    Panel,
    define_metric,
    with_prefix,
)
from f.millrace.telemetry.rollup import REFUSED, roll
from f.millrace.telemetry.samples import collect
from f.millrace.trust import decisions

RUN = "018f6b0e-7f3a-7c11-9a55-0123456789ab"
OLDER = """
genesis_agents_total genesis_workflows_total genesis_agent_invocations_total
genesis_agent_duration_seconds genesis_cost_usd_total genesis_token_usage_total
genesis_safety_unsafe_blocked_total genesis_safety_over_refusals_total
genesis_request_duration_seconds genesis_requests_total genesis_errors_total
""".split()


def metric(
    name: str = "things_total",
    type: str = "counter",
    labels: Any = (),
    unit: str = "",
    help: str = "Things.",
    **more: Any,
) -> Metric:
    """A metric with nothing wrong but what the test makes wrong."""
    own = {
        "sql": "SELECT at, event, 1 AS value, '' AS trace FROM run_event",
        "source": "rows",
        "means": "much",
        "do": "nothing",
    }
    panels = [Panel("Overview", "Things", f"millrace_{name}")]
    return define_metric(name, type, labels, unit, help, **{**own, "panels": panels, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "Things_total"}, "lower case"),
        ({"name": "things"}, "ends in _total"),
        ({"name": "millrace_things_total"}, "no prefix"),
        ({"name": "things_total", "type": "gauge"}, "cannot end in _total"),
        ({"name": "wait_ms_total", "unit": "ms"}, "the unit 'ms' is none of seconds"),
        ({"name": "wait_total", "unit": "seconds"}, "its name ends in _seconds_total"),
        ({"name": "wait_seconds_total"}, "its unit is 'seconds'"),
        ({"name": "wait_seconds", "type": "histogram", "unit": "seconds"}, "needs bounds"),
        (
            {"name": "wait_seconds", "type": "histogram", "unit": "seconds", "bounds": (2, 1)},
            "must rise",
        ),
        ({"labels": [Label("run")]}, "needs bounds"),
        ({"labels": [Label("run", at_most=5000)]}, "at most 200"),
        ({"labels": [Label("a", at_most=200), Label("b", at_most=200)]}, "series; at most"),
        ({"labels": [Label("le", ("1",))]}, "not a free lower case name"),
        ({"labels": [Label("a", ("x",)), Label("a", ("y",))]}, "there twice"),
        ({"labels": [Label("a", ("x",))], "zeros": [{"b": "x"}]}, "zeros name"),
        ({"help": ""}, "help is empty"),
        (
            {
                "name": "age_seconds",
                "type": "gauge",
                "unit": "seconds",
                "sql": "SELECT clock_timestamp() AS value",
            },
            "ask now()",
        ),
        ({"panels": []}, "nobody looks at it"),
        (
            {"panels": [Panel("Overview", "Other", "millrace_other_total")]},
            "does not read millrace_things_total",
        ),
        (
            {
                "alerts": [
                    Alert(
                        "A",
                        "millrace_things_total > 1",
                        "loud",
                        "s",
                        ("c",),
                        ("s",),
                        {"a": "1"},
                        {"a": "0"},
                    )
                ]
            },
            "the severity 'loud'",
        ),
        (
            {"alerts": [Alert("A", "millrace_things_total > 1", "info", "s", (), (), {}, {})]},
            "needs causes, first steps",
        ),
    ],
)
def test_what_would_be_a_bad_metric_is_refused_with_the_reason(
    wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=re.escape(said)):
        metric(**wrong)


def test_an_older_prefix_gives_exactly_the_older_names() -> None:
    names = {metric.full_name("genesis") for metric in CATALOGUE.values()}

    assert set(OLDER) <= names
    assert all(name.startswith("genesis_") for name in names)
    assert [label.name for label in CATALOGUE["cost_usd_total"].labels] == ["agent", "model"]
    assert [label.name for label in CATALOGUE["token_usage_total"].labels] == ["model"]
    assert (
        with_prefix("sum(millrace_agents) + millrace_errors_total", "genesis")
        == "sum(genesis_agents_total) + genesis_errors_total"
    )


def test_every_metric_can_be_read_from_an_empty_database(database: str) -> None:
    roll(CATALOGUE.values())

    found = {metric.name: series for metric, series in collect(CATALOGUE.values())}

    assert found.keys() == CATALOGUE.keys()
    assert [series[0].value for name, series in found.items() if name == "exporter_up"] == [1.0]
    assert {figure.labels["decision"] for figure in found["agent_guardrail_total"]} == {
        "allowed",
        "asked",
        "denied",
    }


def count(name: str = "events_total") -> dict[str, float]:
    """The values of a metric with one label, by that label."""
    roll(CATALOGUE.values())
    ((_, found),) = collect([CATALOGUE[name]])
    return {next(iter(figure.labels.values()), ""): figure.value for figure in found}


@pytest.fixture
def run(database: str) -> str:
    """A run without anything in it."""
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'daily_research')", [RUN])
    return RUN


def add_events(event: str, times: int, hours_ago: float = 0) -> None:
    """Record an event so many times."""
    db.execute(
        "INSERT INTO run_event (run_id, event, at) SELECT %s, %s, clock_timestamp() -"
        " make_interval(secs => %s) FROM generate_series(1, %s)",
        [RUN, event, hours_ago * 3600, times],
    )


def test_what_is_counted_stays_when_its_rows_are_deleted(run: str) -> None:
    add_events("tool", 3, hours_ago=24 * 40)
    add_events("tool", 4)
    assert count() == {"tool": 7}

    deleted = upkeep.prune()
    db.execute("DELETE FROM run_event")

    assert deleted["events"] == 3
    assert count() == {"tool": 7}
    add_events("tool", 1)
    add_events("tool", 5, hours_ago=0.001)
    assert count() == {"tool": 9}


def test_rows_that_were_not_counted_are_not_deleted(run: str) -> None:
    count()
    db.execute(
        "UPDATE metric_roll SET rolled_until = now() - interval '50 days' WHERE metric ="
        " 'events_total'"
    )
    add_events("tool", 3, hours_ago=24 * 40)

    assert upkeep.prune()["events"] == 0


def test_counting_twice_or_late_changes_nothing(run: str) -> None:
    add_events("tool", 2, hours_ago=3)
    add_events("tool", 2, hours_ago=0.1)

    assert count() == count() == {"tool": 4}
    # A transaction that took minutes.
    add_events("tool", 1, hours_ago=0.1)
    assert count() == {"tool": 5}


OPERATIONS = st.lists(
    st.one_of(
        st.just("count"), st.tuples(st.sampled_from("abc"), st.integers(1, 5), st.floats(0, 0.15))
    ),
    max_size=12,
)


@pytest.mark.long
def test_a_counter_is_the_sum_in_whatever_order_rows_come_and_are_counted(run: str) -> None:
    @settings(max_examples=2000 if os.environ.get("PROVE") else 15, deadline=None)
    @given(OPERATIONS)
    def holds(operations: list[Any]) -> None:
        for table in ("run_event", "metric_hour", "metric_total", "metric_roll", "metric_label"):
            db.execute(f"DELETE FROM {table}")
        added: Counter[str] = Counter()
        for operation in operations:
            if operation == "count":
                assert count() == added
            else:
                name, times, hours_ago = operation
                add_events(name, times, hours_ago)
                added[name] += times
        assert count() == added

    holds()


def test_a_task_is_counted_by_what_was_listed_and_an_answer_changes_nothing(run: str) -> None:
    for topic, score, stuck in (
        ("sure", 95, False),
        ("fair", 75, False),
        ("stuck", 75, True),
        ("unsure", 69, False),
        ("none", 0, False),
    ):
        decisions.record_judgement(run, topic, topic, score, "researcher", stuck)
    for topic in ("fair", "none", "unpaid"):
        db.execute(
            "INSERT INTO research_result (run_id, topic_id, title, no_sources, stopped_because,"
            " review) VALUES (%s, %s, '', %s, '', 'open')",
            [run, topic, topic == "none"],
        )
    expected = {"completed": 2, "unreviewed": 3, "no_sources": 1}
    assert count("tasks_total") == expected

    decisions.give(run, "approved", "ada")

    assert count("tasks_total") == expected


def test_labels_cannot_explode(run: str) -> None:
    db.execute(
        "INSERT INTO run_event (run_id, event) SELECT %s, 'event ' || n FROM generate_series(1,"
        " 1000) AS n",
        [RUN],
    )

    found = count()

    assert len(found) == 41
    assert found["other"] == 960
    assert sum(found.values()) == 1000
    assert db.fetch_all(
        "SELECT labels, sum(value) AS n FROM metric_hour WHERE metric = %s GROUP BY 1", [REFUSED]
    ) == [{"labels": {"label": "event", "metric": "events_total"}, "n": 960}]
    add_events("event 1", 1)
    known = set(found) - {"other"}
    assert set(count()) == known | {"other"}


def test_a_closed_label_takes_no_other_value(run: str) -> None:
    db.execute("UPDATE run SET orchestrator = 'elsewhere'")

    assert count("requests_total") == {"other": 1, "local": 0, "windmill": 0}


def test_a_changed_metric_starts_anew(run: str) -> None:
    add_events("tool", 2)
    count()
    db.execute("UPDATE metric_roll SET shape = 'counter something' WHERE metric = 'events_total'")
    db.execute("UPDATE metric_hour SET value = 100 WHERE metric = 'events_total'")

    assert count() == {"tool": 2}


def test_a_histogram_counts_every_bound_and_names_its_slowest_trace(run: str) -> None:
    for index, seconds in enumerate((0.2, 3, 2000)):
        db.execute(
            "INSERT INTO run (id, flow, status, started_at, finished_at) VALUES (%s, 'x', 'done',"
            " now() - make_interval(secs => %s), now())",
            [f"018f6b0e-7f3a-7c11-9a55-00000000000{index}", seconds],
        )
    roll(CATALOGUE.values())

    ((definition, [figure]),) = collect([CATALOGUE["request_duration_seconds"]])

    assert dict(zip((*definition.bounds, "all"), figure.buckets, strict=True)) == {
        **dict.fromkeys((0.05, 0.1), 0),
        **dict.fromkeys((0.25, 0.5, 1, 2.5), 1),
        **dict.fromkeys((5, 10, 30, 60, 120, 300, 900), 2),
        **dict.fromkeys((3600, 21600, 86400, "all"), 3),
    }
    assert figure.value == pytest.approx(2003.2, abs=0.1)
    assert figure.exemplar and figure.exemplar.trace_id == "018f6b0e7f3a7c119a55000000000002"


def test_a_value_is_computed_once_for_all_its_buckets(run: str, owner: psycopg.Connection) -> None:
    owner.execute("CREATE SEQUENCE asked")
    owner.execute("GRANT USAGE ON SEQUENCE asked TO public")
    made = CATALOGUE["request_duration_seconds"]
    sql = "SELECT finished_at AS at, nextval('asked') AS value, '' AS trace FROM run"
    for _ in range(5):
        db.execute(
            "INSERT INTO run (id, flow, status, finished_at) VALUES (gen_random_uuid(), 'x',"
            " 'done', now() - interval '1 second')"
        )

    roll([made._replace(sql=sql)])

    assert owner.execute("SELECT last_value FROM asked").fetchone() == (5,)
