# requirements:

"""When: the two times of memory. `as_of` asks what was true then, `known_at` what we knew then.

A moment is written as ISO 8601; a date alone is its beginning, and without a zone it is UTC.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from f.millrace.core import config, errors, run_context

When = datetime | str | None
# The database and this machine may differ by so much.
CLOCKS_DIFFER = timedelta(minutes=1)


class TimePoint(NamedTuple):
    """A point in both times; None is now."""

    as_of: datetime | None = None
    known_at: datetime | None = None


def time_point(as_of: When = None, known_at: When = None) -> TimePoint:
    """Return the point that is meant: with `known_at` alone, what was known then about then.

    A future `as_of` is answered by what is planned; nobody knows what will be known, so a future
    `known_at` is refused.
    """
    asked, known = parse_time(as_of, "as_of"), parse_time(known_at, "known_at")
    if known is not None and known > run_context.now() + CLOCKS_DIFFER:
        raise errors.BadInput(
            f"known_at is {known.isoformat()}, which is yet to come; give a time up to"
            f" {run_context.now().isoformat()}"
        )
    return TimePoint(asked or known, known)


def parse_time(when: When, name: str) -> datetime | None:
    """Return a time with its zone; BadInput says which argument is not one."""
    if when is None or when == "":
        return None
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when.strip())
        except ValueError as error:
            raise errors.BadInput(
                f"{name} is {when!r}, which is no date ({error}); write 2026-05-03 or"
                " 2026-05-03T14:00+02:00"
            ) from error
    try:
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise errors.BadInput(f"{name} is {when}, outside the years 1 to 9999") from error


def valid_at_sql(when: TimePoint, item: str = "m") -> tuple[str, dict[str, datetime | None]]:
    """Return a condition on the table alias `item` and its parameters:
    what was held true at that moment.

    Without `known_at` it reads the item's own row, so that an index scan can apply it.
    """
    at = "coalesce(%(as_of)s::timestamptz, statement_timestamp())"
    values = {"as_of": when.as_of or test_clock(), "known_at": when.known_at}
    if when.known_at is None:
        return f"{item}.valid @> {at}", values
    return (
        (
            f"EXISTS (SELECT 1 FROM memory_belief b WHERE b.item_id = {item}.id "
            f"AND b.recorded @> %(known_at)s::timestamptz AND b.valid @> {at})"
        ),
        values,
    )


def test_clock() -> datetime | None:
    """Return the fixed clock of the settings; None: the database's clock counts,
    which is one for all writers.
    """
    return run_context.now() if config.settings().now is not None else None
