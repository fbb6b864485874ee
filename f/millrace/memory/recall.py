# requirements:

"""Recall: the items that answer a question best, by a plan that fits it, each with why."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, NotRequired, TypeVar

from f.millrace.core import config, db, errors, run_context
from f.millrace.memory import (
    bitemporal,
    hybrid,
    ownership,
    plans,
    positions,
    router,
    store,
    vectors,
)
from f.millrace.telemetry import spans

if TYPE_CHECKING:
    Measured = TypeVar("Measured")

    class FoundItem(store.StoredItem):
        """An item that a plan finds; a message has no document, and only a path says why."""

        document: NotRequired[str | None]
        page: NotRequired[int | None]
        start_offset: NotRequired[int | None]
        end_offset: NotRequired[int | None]
        rank: float
        why: NotRequired[str]


# More of a question than that is not read.
LETTERS_AT_MOST = 20_000
LIMIT_AT_MOST = 1_000


class Result(NamedTuple):
    """One item that was found, how well it fits (0 to 1), and why."""

    memory: store.Memory
    score: float
    why: str
    citation: dict[str, Any]
    parts: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """Return the result as `memory search --json` prints it."""
        memory = self.memory
        return {
            "id": memory.id,
            "type": memory.type,
            "title": memory.title,
            "source": memory.source,
            "text": memory.text,
            "score": round(self.score, 4),
            "why": self.why,
            "valid_from": _iso(memory.valid_from),
            "valid_to": _iso(memory.valid_to),
            "recorded_at": _iso(memory.recorded_at),
            "citation": self.citation,
        }


class Answer(NamedTuple):
    """What a search found: the plan that answered, those that did not and why,
    and how long each part took.
    """

    query: str
    plan: str
    reason: str
    results: list[Result]
    timings_ms: dict[str, float]
    tried: list[str]
    statements: list[str]


def recall(
    text: str,
    limit: int = 5,
    namespace: str | None = None,
    types: Sequence[str] | None = None,
    as_of: bitemporal.When = None,
    known_at: bitemporal.When = None,
    **options: Any,
) -> list[store.Memory]:
    """Return the items that answer `text` best, best first; their `rank` is the score. Options are
    those of `search`.
    """
    answer = search(
        text, limit, namespace=namespace, types=types, as_of=as_of, known_at=known_at, **options
    )
    return [result.memory._replace(rank=result.score) for result in answer.results]


def search(
    text: str,
    limit: int = 10,
    *,
    namespace: str | None = None,
    types: Sequence[str] | None = None,
    source: str | None = None,
    document: str | None = None,
    trust: Sequence[str] | None = None,
    fields: dict[str, Any] | None = None,
    as_of: bitemporal.When = None,
    known_at: bitemporal.When = None,
    plan: str | None = None,
    least: float = 0.0,
    zone: str = "UTC",
    depth: hybrid.Depth = hybrid.DEPTH,
    known: bool = False,
) -> Answer:
    """Answer a question from memory.

    `types`, `source`, `document`, `trust` and `fields` (of the metadata) keep what fits them;
    `plan` names the plan instead of the router; `least` leaves out results below a score; `zone`
    says when a day begins; `depth` says how many items are read. Raises BadInput for a limit, plan,
    zone or time that is none, and with `known` NotFound for a namespace without items.
    """
    if not 0 <= limit <= LIMIT_AT_MOST:
        raise errors.BadInput(f"limit is {limit}; allowed is 0 to {LIMIT_AT_MOST}")
    started = time.perf_counter()
    question = _question(text)
    namespace = store.resolve_namespace(namespace, known=known)
    now = run_context.now()
    point = bitemporal.time_point(as_of, known_at)
    only = _filter(point, types, source, document, trust, fields)
    searcher = _Searcher(question, namespace, limit, only, now, least, depth)
    if not limit or not any(letter.isalnum() for letter in question):
        return Answer(text, "nothing", "the question holds no word", [], {"total": 0.0}, [], [])
    named = _named_plan(plan, question)
    chosen = [named] if named else _route(question, namespace, point.as_of or now, zone)
    tried: list[str] = []
    found: list[Result] = []
    last = chosen[-1]
    asked = {"gen_ai.operation.name": "search_memory", "gen_ai.memory.store.id": namespace}
    with spans.span("search_memory", asked, scope="millrace.memory") as handle:
        handle.content({"gen_ai.memory.query.text": question})
        for last in chosen:
            found = searcher.run(last)
            if found:
                break
            tried.append(f"{last.kind}: nothing found")
        handle.set({"gen_ai.memory.record.count": len(found), "millrace.memory.plan": last.kind})
    if searcher.without:
        tried.insert(0, f"{last.kind} by meaning: {searcher.without}")
    timings = {name: round(seconds * 1000, 2) for name, seconds in searcher.timings.items()}
    timings["total"] = round((time.perf_counter() - started) * 1000, 2)
    kind, because = last.kind, last.reason
    if searcher.without and kind == "similar":
        kind, because = "words", "by words alone, the question has no vector"
    return Answer(text, kind, because, found, timings, tried, searcher.statements)


def _question(text: str) -> str:
    """Return the question as Postgres can take it, its spaces single, cut where it is too long."""
    short = text[:LETTERS_AT_MOST].replace("\x00", " ")
    return " ".join(short.encode("utf-8", "replace").decode().split())


def _route(question: str, namespace: str, now: datetime, zone: str) -> list[router.Plan]:
    return router.route(question, now, zone, plans.types_like(namespace, question))


class _Searcher:
    """Runs the plans of one question; the vector of a text is made once."""

    def __init__(
        self,
        question: str,
        namespace: str,
        limit: int,
        only: hybrid.Filter,
        now: datetime,
        least: float,
        depth: hybrid.Depth,
    ) -> None:
        self.question, self.namespace, self.limit, self.only = question, namespace, limit, only
        self.now, self.least, self.depth = now, least, depth
        self.timings: dict[str, float] = {}
        self.statements: list[str] = []
        self.vectors: dict[str, list[float] | None] = {}
        # Why meaning was left out.
        self.without = ""

    def run(self, plan: router.Plan) -> list[Result]:
        """Return what a plan finds, best first."""
        if plan.kind == "several":
            return self._several(plan)
        if plan.kind == "relation":
            return self._relation(plan)
        if plan.kind == "structured":
            return self._run_plan(
                plan,
                plans.structured,
                (
                    f"{plan.type} with {', '.join(map(str, plan.conditions))}"
                    if plan.conditions
                    else f"is a {plan.type}"
                ),
            )
        if plan.kind == "conversation":
            return self._conversation(plan)
        if plan.kind == "when" and not plan.question:
            return self._run_plan(plan, plans.within_time, "true in the time asked for")
        only = self.only
        if plan.kind == "when":
            only = hybrid.Filter(
                f"{only.condition} AND m.valid_from >= %(since)s AND m.valid_from < %(until)s",
                only.values,
                narrow=True,
            )
        return self.hybrid(plan.question, only, plan.since, plan.until)

    def hybrid(
        self,
        question: str,
        only: hybrid.Filter,
        since: datetime | None,
        until: datetime | None,
        limit: int = 0,
    ) -> list[Result]:
        """Return the best by words and meaning."""
        question = question.lower()
        items: list[hybrid.ScoredItem] = []
        for _ in range(2):
            model = _model(self.namespace)
            asked = hybrid.SearchRequest(
                question,
                self.namespace,
                limit or self.limit,
                self._vector(question, model),
                model.model,
                only,
                since,
                until,
                run_context.now() if config.settings().now else None,
                self.depth,
            )
            self.statements.append(hybrid.statement(asked)[0])
            items = self._measure("database", lambda asked=asked: hybrid.search(asked))
            if not items or items[0]["model"] == model.model.no:
                break
            # The memory moved to another model since this process asked.
            _models.clear()
            self.vectors.clear()
        return [result for row in items if (result := _result(row)).score >= self.least]

    def _several(self, plan: router.Plan) -> list[Result]:
        lists = [self.run(part) for part in plan.parts]
        merged: dict[str, Result] = {}
        # In turns, so that each question has its best results among the first.
        for place in range(max(map(len, lists))):
            for results in lists:
                if place < len(results):
                    merged.setdefault(results[place].memory.id, results[place])
        return sorted(list(merged.values())[: self.limit], key=lambda result: -result.score)

    def _relation(self, plan: router.Plan) -> list[Result]:
        assert plan.ends is not None
        ends = [
            [result.memory.id for result in self.hybrid(end, self.only, None, None, plans.ENDS)]
            for end in plan.ends
        ]
        sql, values = plans.paths(ends[0], ends[1], self.namespace, self.only, self.limit)
        return [
            _to_result(row, "on the way: " + row.get("why", ""))
            for row in self._select(sql, values)
        ]

    def _conversation(self, plan: router.Plan) -> list[Result]:
        spoken = _also(self.only, f"m.type = ANY('{{{','.join(positions.SPOKEN)}}}')")
        found = self.hybrid(plan.question, spoken, plan.since, plan.until)
        sql, values = plans.messages(plan, self.namespace, self.only, self.limit)
        found += [
            _to_result(row, "was said in conversation " + row["source"])
            for row in self._select(sql, values)
        ]
        return sorted(found, key=lambda result: -result.score)[: self.limit]

    def _run_plan(
        self, plan: router.Plan, build: Callable[..., plans.Statement], why: str
    ) -> list[Result]:
        return [
            _to_result(row, why)
            for row in self._select(*build(plan, self.namespace, self.only, self.limit))
        ]

    def _select(self, sql: str, values: db.Values) -> list[FoundItem]:
        self.statements.append(sql)

        def fetch() -> list[FoundItem]:
            return db.fetch_all(sql, values)

        return self._measure("database", fetch)

    def _vector(self, question: str, model: _Known) -> list[float] | None:
        if not model.used or self.without:
            return None
        if question not in self.vectors:
            try:
                self.vectors[question] = self._measure(
                    "embedding", lambda: vectors.embed_question(question, model.model)
                )
            except (
                errors.ModelFailed,
                errors.BadSetting,
                errors.BadInput,
                errors.BudgetExceeded,
            ) as error:
                # Words find it too; a question is not lost because a model is.
                self.without = str(error)
                return None
        return self.vectors[question]

    def _measure(self, name: str, work: Callable[[], Measured]) -> Measured:
        started = time.perf_counter()
        try:
            return work()
        finally:
            self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - started


class _Known(NamedTuple):
    """The active model, and whether a namespace has any vector
    of it (without one no model is loaded).
    """

    model: vectors.Model
    used: bool


_models: dict[tuple[str, str], _Known] = {}
config.on_reload(_models.clear)


def _model(namespace: str) -> _Known:
    key = (db.database_url(), namespace)
    known = _models.get(key)
    if known is None:
        model = vectors.active()
        used = db.fetch_one(
            f"SELECT 1 FROM memory_item WHERE namespace = %s AND embedding_model = {model.no}"
            " LIMIT 1",
            [namespace],
        )
        known = _Known(model, used is not None)
        if known.used:
            _models[key] = known
    return known


def _also(only: hybrid.Filter, more: str) -> hybrid.Filter:
    """Return the filter with one more condition."""
    return hybrid.Filter(f"{only.condition} AND {more}", only.values, narrow=True)


def _filter(
    point: Any,
    types: Sequence[str] | None,
    source: str | None,
    document: str | None,
    trust: Sequence[str] | None,
    fields: dict[str, Any] | None,
) -> hybrid.Filter:
    condition, values = bitemporal.valid_at_sql(point)
    asked: dict[str, tuple[Any, str]] = {
        "types": (list(types) if types else None, "m.type = ANY(%(types)s)"),
        "source": (source, "m.source = %(source)s"),
        "document": (document, "m.thread = %(document)s"),
        "trust": (list(trust) if trust else None, "m.trust = ANY(%(trust)s)"),
        "fields": (db.jsonb(fields) if fields else None, "m.metadata @> %(fields)s"),
        "readers": (ownership.readers(), "m.user_id = ANY(%(readers)s)"),
    }
    given = {name: (value, sql) for name, (value, sql) in asked.items() if value is not None}
    return hybrid.Filter(
        " AND ".join([condition, *(sql for _, sql in given.values())]),
        {**values, **{name: value for name, (value, _) in given.items()}},
        # Who may find it leaves most of it in.
        narrow=bool(given.keys() - {"readers"}) or point.as_of is not None,
    )


def _named_plan(name: str | None, question: str) -> router.Plan | None:
    if name is None:
        return None
    if name not in ("similar", "conversation"):
        raise errors.BadInput(
            f"plan is {name!r}; a plan that can be named is similar or conversation (the others are"
            " told by the question)"
        )
    return router.Plan(name, question, "was asked for")  # type: ignore[arg-type]


def _result(row: hybrid.ScoredItem) -> Result:
    weights = hybrid.Weights()
    parts: dict[str, float] = {name: float(row[name]) for name in hybrid.PARTS}
    reasons = []
    if row["matched"]:
        reasons.append("shares " + ", ".join(row["matched"][:8]))
    if not row["alone"] and row["nearby"] > row["words"] + 0.05:
        reasons.append("what stands beside it shares more")
    if row["meaning"] > 0:
        reasons.append(f"{row['meaning']:.2f} near in meaning")
    if row["named"]:
        reasons.append("its title is named")
    if row["dated"] > 0.3:
        reasons.append("of the time asked for" if row["dated"] == 1 else "near the time asked for")
    best = sorted(parts, key=lambda name: -parts[name] * getattr(weights, name))[:3]
    reasons.append("most of the score by " + ", ".join(best))
    return Result(
        store.memory_of(row, float(row["rank"])),
        min(max(float(row["rank"]), 0.0), 1.0),
        "; ".join(reasons),
        _citation(row),
        parts,
    )


def _to_result(row: FoundItem, why: str) -> Result:
    return Result(
        store.memory_of(row, float(row["rank"])),
        min(max(float(row["rank"]), 0.0), 1.0),
        why,
        _citation(row),
        {},
    )


def _citation(row: hybrid.ScoredItem | FoundItem) -> dict[str, Any]:
    given = {
        "source": row["source"] or None,
        "document": row.get("document"),
        "page": row.get("page"),
        "start": row.get("start_offset"),
        "end": row.get("end_offset"),
    }
    return {name: value for name, value in given.items() if value not in (None, "")}


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when else None
