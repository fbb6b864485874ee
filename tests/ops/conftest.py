"""What the tests of the daily run stand on: the page shows its digest."""

from tests.research.conftest import clock, offered, pipeline, researcher  # noqa: F401
