"""A run with items, topics and results, as the steps before leave them; only sources and the
researcher are faked.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from f.millrace.agents import researcher as researching
from f.millrace.core import config, db
from f.millrace.core.contracts import (
    Confidence,
    Conflict,
    ConflictSide,
    Finding,
    TopicResult,
)
from f.millrace.core.errors import PageUnreadable
from f.millrace.research import (
    close,
    compose,
    deliver,
    deliver_rest,
    investigate,
    propose,
    read_pages,
    read_source,
    remember,
    select,
)
from f.millrace.research import open as opening_step
from f.millrace.tools import http, sources
from f.millrace.tools.items import SourceItem
from f.millrace.tools.sources import Source
from f.millrace.trust import recipients

NOW = datetime(2026, 11, 18, 8, 0, 5, tzinfo=UTC)
PIPELINE = {
    "name": "daily_research",
    "timezone": "Europe/London",
    "schedule": {
        "cron": "0 0 8 * * *",
        "timezone": "Europe/London",
        "misfire_grace": "12h",
        "catch_up": False,
    },
    "budget": {"run_usd": 5.0},
}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the time."""

    def set_clock(moment: datetime) -> None:
        monkeypatch.setenv("MILLRACE_NOW", moment.isoformat())
        config.reload()

    set_clock(NOW)
    return set_clock


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What each source offers: a list of items, or an exception that reading raises."""
    offers: dict[str, Any] = {"hackernews": [], "feeds": []}

    def find(name: str) -> Source:
        def read(limit: int, state: Any) -> list[SourceItem]:
            if isinstance(offers[name], Exception):
                raise offers[name]
            return [SourceItem(source=name, **item) for item in offers[name]]

        return Source(name, name, read)

    monkeypatch.setattr(
        sources, "SOURCES", type("Faked", (), {"__getitem__": lambda _, name: find(name)})()
    )
    monkeypatch.setenv("MILLRACE_SOURCES", "hackernews,feeds")
    config.reload()
    return offers


@pytest.fixture(autouse=True)
def web(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is behind each address as HTML; where nothing is, the page is gone."""
    found: dict[str, str] = {}

    def fetch(url: str, **_: Any) -> http.Page:
        if url not in found:
            raise PageUnreadable(f"{url} answered HTTP 404", "not found, 404")
        return http.Page(url, 200, {"content-type": "text/html"}, found[url].encode())

    monkeypatch.setattr(http, "fetch", fetch)
    return found


@pytest.fixture
def researcher(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The researcher finds one sentence a topic, with stored evidence; `answers[title]` changes its
    result.
    """
    answers: dict[str, Any] = {}

    async def research(run_id: str, topic: dict[str, Any]) -> TopicResult:
        answer = answers.get(topic["title"])
        if isinstance(answer, Exception):
            raise answer
        evidence = [
            put_evidence(run_id, topic["id"], f"{topic['id']}-{number}", topic["title"])
            for number in (1, 2)
        ]
        found = TopicResult(
            topic_id=topic["id"],
            title=topic["title"],
            summary=f"All about {topic['title']}.",
            findings=[Finding(text=f"It is said that {topic['title']}.", citations=[evidence[0]])],
            confidence=Confidence(
                score=95, tool_reliability=100, source_quality=90, coherence=90, history=90
            ),
            stopped_because="enough evidence",
            written_by=["offline"],
            rounds=1,
        )
        return answer(found, evidence) if answer else found

    monkeypatch.setattr(researching, "research", research)
    monkeypatch.setattr(investigate, "RETRY_WAIT_SECONDS", 0.0)
    return answers


def put_evidence(run_id: str, topic_id: str, name: str, title: str) -> str:
    """Store a piece of evidence and return its id."""
    db.execute(
        "INSERT INTO evidence (id, run_id, topic_id, namespace, url, title, body, source,"
        " published_at, private) VALUES (%s, %s, %s, 'main', %s, %s, %s, 'web', %s, false) ON"
        " CONFLICT DO NOTHING",
        [
            f"ev_{name}",
            run_id,
            topic_id,
            f"https://news.example/{name}",
            title,
            f"{title} in full.",
            NOW,
        ],
    )
    return f"ev_{name}"


def item(key: str, title: str, hours: float = 2, **more: Any) -> dict[str, Any]:
    """Return what a source offers; its text says no more than the title, in sentences."""
    more.setdefault(
        "text", f"{title}, says the author of this. The rest of “{title}” is told another day."
    )
    url = more.pop("url", f"https://site-{key}.example/{key}")
    return {
        "key": key,
        "title": title,
        "url": url,
        "published_at": NOW - timedelta(hours=hours),
        **more,
    }


def conflicting(found: TopicResult, evidence: list[str]) -> TopicResult:
    """Return a result in which two sources contradict each other."""
    sides = [
        ConflictSide(
            claim="The plant makes 12 GWh.",
            evidence=evidence[:1],
            dates=["2026-11-18"],
            sources=["news.example"],
        ),
        ConflictSide(
            claim="The plant makes 8 GWh.",
            evidence=evidence[1:],
            dates=["2026-11-15"],
            sources=["other.example"],
        ),
    ]
    conflict = Conflict(
        question="How much does it make?", sides=sides, trusted=0, why="It is the later report."
    )
    return found.model_copy(update={"conflicts": [conflict], "confidence": Confidence(score=50)})


class Pipeline:
    """The steps in the order of the flow, each by its main()."""

    def open(self, **inputs: Any) -> dict[str, Any]:
        # Each is a run of its own: without a root job, open makes the run's row.
        return opening_step.main(pipeline=PIPELINE, **inputs)

    def until_compose(self, max_topics: int = 5, **inputs: Any) -> str:
        opened = self.open(**inputs)
        assert not opened["skip"], opened["reason"]
        for source in opened["sources"]:
            try:
                read_source.main(opened["run_id"], source)
            except Exception:  # keep_going: a source that gives up does not stop the flow
                continue
        read_pages.main(opened["run_id"], max_topics=max_topics)
        for topic_ids in select.main(opened["run_id"], max_topics=max_topics)["batches"]:
            investigate.main(opened["run_id"], topic_ids)
        compose.main(opened["run_id"])
        return opened["run_id"]

    def run(self, **inputs: Any) -> tuple[str, dict[str, Any]]:
        run_id = self.until_compose(**inputs)
        remember.main(run_id)
        proposed = propose.main(run_id)
        deliver.main(run_id)
        deliver_rest.main(run_id, False, proposed["action_id"] or "")
        return run_id, close.main(run_id)


@pytest.fixture
def pipeline(
    database: str,
    clock: Any,
    offered: dict[str, Any],
    researcher: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Pipeline:
    """A pipeline whose one reader has a standing approval."""
    recipients.add("ada@home.example", by="test")
    monkeypatch.setenv("MILLRACE_RECIPIENTS", "ada@home.example")
    # Steps of a flow, as far as they can see: the run does not end with the first of them.
    monkeypatch.setenv("WM_FLOW_STEP_ID", "step")
    config.reload()
    return Pipeline()


@pytest.fixture
def two_stories(offered: dict[str, Any]) -> None:
    """Two unrelated stories."""
    offered["hackernews"] = [
        item("1", "Sodium batteries keep their charge in deep winter", score=300)
    ]
    offered["feeds"] = [item("2", "A library opens three centuries of flood records", score=0)]
