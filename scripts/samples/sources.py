"""The sample edition in the place of the sources: served from loopback while a command runs."""

import contextlib
import os
from collections.abc import Iterator

from f.millrace.core import config


@contextlib.contextmanager
def sample_sources(wanted: bool) -> Iterator[str]:
    """Serve the sample edition from loopback and point every source at it; yields its address, or
    ''.
    """
    if not wanted:
        yield ""
        return
    from scripts.samples.server import sample_settings, serve

    with serve() as address:
        given = sample_settings(address)
        before = {name: os.environ.get(name) for name in given}
        os.environ.update(given)
        config.reload()
        try:
            yield address
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            config.reload()
