# requirements:

"""Vectors of memories: which model they are of, those that are missing,
and the move to another model.

An item is written without a vector and found by its words at once; `embed_missing` adds what is
missing, in any process and as often as one likes. The active model is in the data, so that queries
and writers always agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from f.millrace.core import config, db, embedding
from f.millrace.memory import items

if TYPE_CHECKING:

    class ItemWords(TypedDict):
        """An item's words, and those of the item before it."""

        no: int
        title: str
        text: str | None
        before: str | None
        before_title: str | None


BATCH = 64
QUESTION_SECONDS = 10.0
# What goes before a text in its vector: the end of the passage or turn before it, in which its "it"
# and "she" are explained.
CONTEXT_LETTERS = 400
MODEL_LOCK = 724_119


class Model(NamedTuple):
    """An embedding model as the data knows it."""

    no: int
    name: str
    dimensions: int

    @property
    def expression(self) -> str:
        """The column as the index of this model has it."""
        return f"embedding::halfvec({self.dimensions})"


def active() -> Model:
    """Return the model that the vectors of this memory are of."""
    row = db.fetch_one("SELECT no, name, dimensions FROM memory_model WHERE active")
    assert row is not None, "the migration names a model"
    return Model(row["no"], row["name"], row["dimensions"])


def embed_question(question: str, model: Model) -> list[float]:
    """Return the vector of a question; somebody waits for it, so a slow server is a failed one."""
    return embedding.embed([question], model.name, model.dimensions, QUESTION_SECONDS)[0]


def embed_missing(
    namespace: str | None = None,
    most: int | None = None,
    progress: Callable[[int], Any] = lambda _done: None,
) -> int:
    """Give vectors to items that have none, newest last, and return how many; batches are committed
    one by one.
    """
    model = _active_model()
    return _fill(
        model,
        "SELECT no FROM memory_item WHERE embedding IS NULL AND (%(namespace)s::text IS NULL OR"
        " namespace = %(namespace)s) AND no > %(after)s ORDER BY no LIMIT %(batch)s",
        items.set_vector,
        {"namespace": namespace},
        most,
        progress,
    )


def reembed(name: str | None = None, progress: Callable[[int], Any] = lambda _done: None) -> Model:
    """Move to another model (by default that of the settings) and return it; queries are answered
    by the old one until then.

    The new vectors are made beside the old ones,
    so that an interrupted move goes on where it stopped.
    """
    model = _register(name or config.settings().embedding_model)
    if model == active():
        embed_missing(progress=progress)
        return model
    _index(model)
    beside = (
        "SELECT m.no FROM memory_item m WHERE m.no > %(after)s AND NOT EXISTS (SELECT 1 FROM"
        f" memory_vector v WHERE v.item = m.no AND v.model = {model.no}) ORDER BY m.no LIMIT"
        " %(batch)s"
    )
    _fill(model, beside, _set_beside, {}, None, progress)
    with db.transaction() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MODEL_LOCK])
        connection.execute("UPDATE memory_model SET active = false WHERE active")
        connection.execute("UPDATE memory_model SET active = true WHERE no = %s", [model.no])
        items.take_vectors(connection, model.no)
        connection.execute("DELETE FROM memory_vector WHERE model = %s", [model.no])
    embed_missing(progress=progress)
    return model


def _active_model() -> Model:
    """Return the active model; before the first vector it is still the setting that chooses."""
    model = active()
    wanted = config.settings().embedding_model
    if model.name == wanted or db.fetch_one(
        "SELECT 1 FROM memory_item WHERE embedding IS NOT NULL LIMIT 1"
    ):
        return model
    model = _register(wanted)
    _index(model)
    with db.transaction() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MODEL_LOCK])
        connection.execute("UPDATE memory_model SET active = false WHERE active")
        connection.execute("UPDATE memory_model SET active = true WHERE no = %s", [model.no])
    return model


def _register(name: str) -> Model:
    row = db.fetch_one("SELECT no, name, dimensions FROM memory_model WHERE name = %s", [name])
    if row is None:
        dimensions = len(embedding.embed(["dimension"], name)[0])
        db.execute(
            "INSERT INTO memory_model (name, dimensions) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [name, dimensions],
        )
        row = db.fetch_one("SELECT no, name, dimensions FROM memory_model WHERE name = %s", [name])
    assert row is not None
    return Model(row["no"], row["name"], row["dimensions"])


def _index(model: Model) -> None:
    # A function of the owner's: the role of the steps makes no indexes of its own.
    db.execute("SELECT memory_index(%s)", [model.no])


def _fill(
    model: Model,
    missing: str,
    keep: Callable[[db.Connection, int, int, str], None],
    values: db.Values,
    most: int | None,
    progress: Callable[[int], Any],
) -> int:
    done, after = 0, 0
    while most is None or done < most:
        batch = BATCH if most is None else min(BATCH, most - done)
        numbers = [
            row["no"] for row in db.fetch_all(missing, {**values, "after": after, "batch": batch})
        ]
        if not numbers:
            break
        texts = _texts(numbers)
        vectors = embedding.embed(
            [texts.get(number, "") for number in numbers], model.name, model.dimensions
        )
        with db.transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", [MODEL_LOCK])
            for number, vector in zip(numbers, vectors, strict=True):
                keep(connection, number, model.no, to_sql(vector))
        done, after = done + len(numbers), numbers[-1]
        progress(done)
    return done


def _set_beside(connection: db.Connection, number: int, model: int, vector: str) -> None:
    connection.execute(
        "INSERT INTO memory_vector (item, model, embedding) VALUES (%s, %s, %s::vector) ON CONFLICT"
        " DO NOTHING",
        [number, model, vector],
    )


def _texts(numbers: list[int]) -> dict[int, str]:
    """Return what each item's vector stands for: its title, the end of what goes before it in its
    thread, and its text.
    """
    found: list[ItemWords] = db.fetch_all(
        "SELECT m.no, m.title, m.raw_text ->> 'text' AS text, right(b.raw_text ->> 'text', %s) AS"
        " before, b.title AS before_title "
        # Two conversations of a namespace may name their sessions alike.
        "FROM memory_item m LEFT JOIN LATERAL (SELECT title, raw_text FROM memory_item b WHERE"
        " b.namespace = m.namespace AND b.thread = m.thread AND b.ordinal = m.ordinal - 1 AND"
        " b.type = m.type ORDER BY b.source = m.source DESC, abs(b.no - m.no) LIMIT 1) b ON true"
        " WHERE m.no = ANY(%s)",
        [CONTEXT_LETTERS, numbers],
    )
    return {row["no"]: "\n".join(_parts(row)) for row in found}


def _parts(row: ItemWords) -> Iterable[str]:
    if row["before"]:
        title = row["before_title"] or ""
        yield _with_title(title if title != row["title"] else "", row["before"])
    yield _with_title(row["title"], row["text"] or "")


def _with_title(title: str, text: str) -> str:
    return f"{title}: {text}" if title and not text.startswith(title) else text


def to_sql(vector: Iterable[float]) -> str:
    """Return a vector as Postgres reads it."""
    return "[" + ",".join(f"{number:.7g}" for number in vector) + "]"
