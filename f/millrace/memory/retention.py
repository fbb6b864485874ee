# requirements:

"""Retention: items older than their type's days are deleted, and so are old conversations."""

from f.millrace.core import config, db
from f.millrace.memory import bitemporal

# So many in one transaction, so that a long clean-up does not hold up writers.
BATCH = 1_000
CONVERSATION = "conversation"

OLD = """
DELETE FROM memory_item WHERE id IN (
    SELECT m.id FROM memory_item m
    WHERE m.type = %(type)s AND NOT EXISTS (
        SELECT 1 FROM memory_origin o WHERE o.item_id = m.id AND o.seen_at
            > coalesce(%(now)s::timestamptz, clock_timestamp()) - make_interval(days => %(days)s))
    ORDER BY m.id LIMIT %(batch)s FOR UPDATE OF m SKIP LOCKED)
"""
OLD_CONVERSATION = """
DELETE FROM chat_session WHERE id IN (
    SELECT id FROM chat_session
    WHERE updated_at
        <= coalesce(%(now)s::timestamptz, clock_timestamp()) - make_interval(days => %(days)s)
    ORDER BY id LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
"""


def prune() -> dict[str, int]:
    """Delete what nobody has said for longer than its type is kept (setting `memory_days`); how
    many of each type.
    """
    counts: dict[str, int] = {}
    for kind, days in sorted(config.settings().memory_days.items()):
        sql = OLD_CONVERSATION if kind == CONVERSATION else OLD
        counts[kind] = 0
        while deleted := db.execute(
            sql, {"type": kind, "days": days, "batch": BATCH, "now": bitemporal.test_clock()}
        ):
            counts[kind] += deleted
    return counts
