"""A plugin of pytest for runs in which some settings are ignored: what a test shows of a setting it
must miss then.

EFFECTS_IGNORED='{"tests/core/test_prices.py::test_…": "unknown_prices"}' pytest -p
tests.settings.ignoring …
"""

import json
import os
from typing import Any

import pytest

from f.millrace.core import config

IGNORED: dict[str, str] = json.loads(os.environ.get("EFFECTS_IGNORED", "{}"))


class _Sources:
    """`config.sources` without one setting, which then has its default."""

    def __init__(self) -> None:
        self.real = config.sources
        self.ignored = ""

    def __call__(self) -> dict[str, tuple[Any, str]]:
        return without(self.real(), self.ignored)

    def cache_clear(self) -> None:
        self.real.cache_clear()


def without(found: dict[str, tuple[Any, str]], path: str) -> dict[str, tuple[Any, str]]:
    """Return settings without one: `max_rounds`; or in every entry of a mapping without one key:
    `agents.*.temperature`.
    """
    name, _, inner = path.partition(".*.")
    if name not in found:
        return found
    kept = {key: each for key, each in found.items() if key != name}
    if not inner:
        return kept
    value, origin = found[name]
    entries = {
        key: {field: part for field, part in entry.items() if field != inner}
        for key, entry in value.items()
    }
    return {**kept, name: (entries, origin)}


_sources = _Sources()
config.sources = _sources  # type: ignore[assignment]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Ignore the setting of this test."""
    _sources.ignored = IGNORED.get(item.nodeid.partition("[")[0], "")
    config.reload()
