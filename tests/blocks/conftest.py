"""The sample edition's server stands for the world; the model is the offline one."""

from collections.abc import Iterator

import pytest

from f.millrace.core import config
from scripts.samples.server import sample_settings, serve


@pytest.fixture
def world(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the sample's sources, which the settings name."""
    with serve() as address:
        for name, value in sample_settings(address).items():
            monkeypatch.setenv(name, value)
        config.reload()
        yield address
