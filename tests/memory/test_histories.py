"""What was true then and what was known then, on generated histories, beside a model in plain
Python.
"""

import os
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from f.millrace.core import config, db
from f.millrace.core.errors import BadInput
from f.millrace.memory.bitemporal import time_point, valid_at_sql
from f.millrace.memory.retract import retract, unretract
from f.millrace.memory.store import Draft, Origin, remember, remember_all
from f.millrace.memory.supersede import supersede
from tests.memory.model import DAYS, Model, Refused

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = [f"the harbour has berth {letter}" for letter in "abcd"]
SOURCES = ["north", "south", "east"]
EXAMPLES = 10_000 if os.environ.get("PROVE") else 40

text, source = st.sampled_from(TEXTS), st.sampled_from(SOURCES)
span = st.one_of(
    st.tuples(st.none(), st.none()),
    st.tuples(st.integers(0, DAYS - 2), st.none()),
    st.lists(st.integers(0, DAYS - 1), min_size=2, max_size=2, unique=True).map(
        lambda pair: tuple(sorted(pair))
    ),
)
operation = st.one_of(
    st.tuples(st.just("remember"), text, source, span, st.none()),
    st.tuples(st.just("remember"), text, source, span, st.none()),
    st.tuples(st.just("remember"), text, source, span, text),
    st.tuples(
        st.just("supersede"), text, text, source, st.one_of(st.none(), st.integers(0, DAYS - 1))
    ),
    st.tuples(
        st.just("supersede"), text, text, source, st.one_of(st.none(), st.integers(0, DAYS - 1))
    ),
    st.tuples(st.just("retract"), source),
    st.tuples(st.just("believe"), source),
)
histories = st.lists(operation, min_size=1, max_size=12)
_numbers = count()


def day(number: int | None) -> datetime | None:
    return None if number is None else FIRST + timedelta(days=number)


@pytest.mark.usefixtures("database")
@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(
    histories,
    st.lists(st.tuples(st.integers(0, DAYS - 1), st.integers(0, DAYS - 1)), min_size=4, max_size=8),
)
def test_memory_answers_as_the_model_does(history, questions):
    model, namespace = Model(), f"history-{next(_numbers)}"
    ids: dict[str, str] = {}
    remember("note", "the namespace has begun", namespace=namespace)

    for today, (name, *arguments) in enumerate(history):
        config.settings().now = day(today)
        expected = _refused(_model, model, name, today, *arguments)
        assert _refused(_store, ids, namespace, name, *arguments) == expected, (
            today,
            name,
            arguments,
        )

    config.settings().now = day(DAYS)
    for as_of, known_at in [*questions, (len(history), len(history) - 1)]:
        assert _known(namespace, as_of, known_at) == model.known(as_of, known_at), (as_of, known_at)
    assert _known(namespace, DAYS - 1, None) == model.known(DAYS - 1, DAYS)


def _model(model: Model, name: str, today: int, *arguments) -> None:
    if name == "remember":
        said, by, (start, end), base = arguments
        if base == said:
            base = None
        model.remember(today, said, by, start, end, base)
    elif name == "believe":
        model.believe(*arguments)
    else:
        getattr(model, name)(today, *arguments)


def _store(ids: dict[str, str], namespace: str, name: str, *arguments) -> None:
    if name == "remember":
        said, by, (start, end), base = arguments
        bases = [] if base in (None, said) else [ids.get(base, "mem_none")]
        draft = Draft(
            "fact",
            said,
            origin=Origin(by),
            valid_from=day(start),
            valid_to=day(end),
            derived_from=bases,
            near=False,
        )
        ids[said] = remember_all([draft], namespace=namespace)[0]
    elif name == "supersede":
        old, new, by, since = arguments
        ids[new] = supersede(ids.get(old, "mem_none"), new, since=day(since), source=by)
    elif name == "retract":
        retract(arguments[0], namespace=namespace)
    else:
        unretract(arguments[0], namespace=namespace)


def _refused(act, *arguments) -> bool:
    try:
        act(*arguments)
    except (Refused, BadInput):
        return True
    return False


def _known(namespace: str, as_of: int, known_at: int | None) -> set[str]:
    condition, values = valid_at_sql(time_point(day(as_of), day(known_at)))
    rows = db.fetch_all(
        "SELECT raw_text ->> 'text' AS text FROM memory_item m WHERE namespace = %(namespace)s AND"
        f" type = 'fact' AND {condition}",
        {**values, "namespace": namespace},
    )
    return {row["text"] for row in rows}
