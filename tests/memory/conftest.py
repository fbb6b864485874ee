from collections.abc import Callable

import pytest

from f.millrace.core import config


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the time that memory records and asks at."""

    def set_to(moment: str) -> None:
        monkeypatch.setenv("MILLRACE_NOW", moment)
        config.reload()

    return set_to
