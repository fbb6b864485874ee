"""A real Postgres for every test, and no network but loopback."""

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from f.millrace.core import config, db  # noqa: E402
from scripts.database.embedded import temporary  # noqa: E402
from scripts.runner.store import set_up_checkpoints  # noqa: E402

# The same examples each time, so that a red run is always the change's own; scripts/prove looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None)
if not os.environ.get("PROVE"):
    settings.load_profile("same")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a throw-away Postgres whose database `template_millrace` is migrated."""
    with temporary() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE template_millrace")
        template = url.rsplit("/", 1)[0] + "/template_millrace"
        db.migrate(template)
        with db.open_connection(template) as owner:
            set_up_checkpoints(owner)
            db.equip(owner, steps_url(template))
        yield url


def steps_url(url: str) -> str:
    """Return the address of the same database for the role of fewer rights, under which steps run."""
    return f"postgresql://steps:steps@{url.split('@')[1]}"


@pytest.fixture
def database(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty, migrated database that the settings name: as in production, not its owner's."""
    name = f"t{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template_millrace STRATEGY file_copy')  # type: ignore[arg-type]
    url = steps_url(postgres_server.rsplit("/", 1)[0] + "/" + name)
    monkeypatch.setenv("MILLRACE_DATABASE_URL", url)
    config.reload()
    yield url
    db.close()
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]


@pytest.fixture
def owner(database: str, postgres_server: str) -> Iterator[psycopg.Connection]:
    """A connection of the database's owner, who may do what steps may not."""
    with psycopg.connect(postgres_server.rsplit("/", 1)[0] + "/" + database.rsplit("/", 1)[1], autocommit=True) as connection:
        yield connection


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Settings of the machine and of the test before do not reach a test."""
    for name in list(os.environ):
        if name.startswith(("MILLRACE_", "WM_", "OPENAI_", "ANTHROPIC_", "OLLAMA_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MILLRACE_OUTBOX_DIR", str(tmp_path / "outbox"))
    monkeypatch.setenv("MILLRACE_NOTES_DIR", str(tmp_path / "notes"))
    config.reload()
    yield
    monkeypatch.undo()
    config.reload()


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set settings by name: configure(feeds="http://…", agents={…})."""

    def set_some(**values: Any) -> None:
        for name, value in values.items():
            shown = json.dumps(value) if isinstance(value, dict) else str(value)
            monkeypatch.setenv(f"MILLRACE_{name.upper()}", shown)
        config.reload()

    return set_some


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anything but loopback is an error of the test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "unix"
        if host not in ("127.0.0.1", "::1", "localhost", "unix"):
            raise OSError(f"tests must not reach {host}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


def _count() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


_numbers = _count()
