"""Rows of a run that was opened: its plan, topics and what was found out about them."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from f.millrace.core import db
from f.millrace.digest import run_plan

NOW = datetime(2026, 11, 18, 8, tzinfo=UTC)
DAY = date(2026, 11, 18)


class OpenRun:
    """A run with its plan."""

    def __init__(self, **changes: Any) -> None:
        plan = {
            "day": DAY,
            "scheduled_for": NOW,
            "until": NOW,
            "sources": ["feeds", "hackernews"],
            "windows": [run_plan.Window(until=NOW, recipients=["ada@home.example"])],
        }
        self.plan = run_plan.RunPlan(**{**plan, **changes})
        row = db.fetch_one(
            "INSERT INTO run (id, flow, pipeline) VALUES (gen_random_uuid(), 'daily_research', %s)"
            " RETURNING id",
            [db.jsonb(run_plan.to_stored(self.plan))],
        )
        assert row is not None
        self.id = str(row["id"])

    def topic(self, topic_id: str, result: dict[str, Any] | None = None, **columns: Any) -> None:
        """Add a topic, and what was found out about it."""
        rank = db.fetch_one("SELECT count(*) AS n FROM topic WHERE run_id = %s", [self.id])
        assert rank is not None
        title = columns.pop("title", f"Topic {topic_id}")
        own = {"id": topic_id, "run_id": self.id, "namespace": "main", "rank": rank["n"] + 1}
        private = bool(columns.get("share_keys"))
        put("topic", **{**own, "title": title, "score": 1.0, "private": private, **columns})
        if result is not None:
            put(
                "research_result",
                **{
                    "run_id": self.id,
                    "topic_id": topic_id,
                    "title": title,
                    "summary": "",
                    **result,
                },
            )

    def evidence(self, name: str, topic_id: str, **columns: Any) -> str:
        """Add a piece of evidence."""
        plain = {
            "url": f"https://news.example/{name}",
            "title": name,
            "body": name,
            "source": "web",
        }
        own = {"id": name, "run_id": self.id, "topic_id": topic_id, "namespace": "main"}
        put("evidence", **{**own, **plain, **columns})
        return name

    def item(self, name: str, **columns: Any) -> str:
        """Add an item of a source."""
        plain = {
            "namespace": "main",
            "source": "feeds",
            "source_key": name,
            "title": name,
            "url": f"https://{name}.example/1",
            "canonical_url": f"https://{name}.example/1",
            "first_seen_at": NOW,
            "last_seen_at": NOW,
        }
        put("source_item", id=name, **{**plain, **columns})
        return name


# Columns whose value is an object or a list of objects.
JSON = frozenset("reasons findings conflicts parts metadata report extra shared response".split())


def put(table: str, **columns: Any) -> None:
    """Insert a row."""
    places = ", ".join(["%s"] * len(columns))
    db.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})",
        [db.jsonb(value) if name in JSON else value for name, value in columns.items()],
    )


@pytest.fixture
def open_run(database: str) -> Callable[..., OpenRun]:
    """Open a run: open_run(sources=[…])."""
    return OpenRun
