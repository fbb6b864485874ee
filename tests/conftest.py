"""A real Postgres for every test, and no network but loopback."""

import contextlib
import http.server
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import psycopg.sql
import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from f.millrace.core import config, db  # noqa: E402
from scripts.database.embedded import temporary  # noqa: E402
from scripts.runner.store import set_up_checkpoints  # noqa: E402
from tests.databases import Databases  # noqa: E402

# The same examples each time, so that a red run is always the change's own; scripts/prove looks for
# new ones.
settings.register_profile("same", derandomize=True, deadline=None)
if not os.environ.get("PROVE"):
    settings.load_profile("same")
# What builds or fetches servers; on a person's machine it runs when it is asked for by name.
LIVE = ROOT / "tests" / "live"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the live tests out, except on CI, in scripts/prove and where they are named."""
    return True if collection_path == LIVE and _leaves_live_out(config) else None


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was left out, and how to run it."""
    if _leaves_live_out(config) and _covers_live(config):
        terminalreporter.write_line(
            "left out: tests/live, which builds or fetches servers (Jaeger, Prometheus, the wmill"
            " CLI); `scripts/prove live` runs it, and CI does"
        )
    if _leaves_long_out() and not all(_names_file(each) for each in config.args):
        terminalreporter.write_line(
            "left out: tests marked long (many whole runs, a process killed at each step);"
            " `scripts/prove long` runs them, CI does, and so does the name of their file"
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests out, except on CI, in scripts/prove and where their file is named."""
    if not _leaves_long_out():
        return
    named = {(ROOT / each.split("::")[0]).resolve() for each in config.args if _names_file(each)}
    left = [one for one in items if one.get_closest_marker("long") and one.path not in named]
    config.hook.pytest_deselected(items=left)
    items[:] = [one for one in items if one not in left]


def _leaves_long_out() -> bool:
    return not any(os.environ.get(name) for name in ("CI", "PROVE", "PROVE_POSTGRES"))


def _names_file(argument: str) -> bool:
    return (ROOT / argument.split("::")[0]).is_file()


def _leaves_live_out(config: pytest.Config) -> bool:
    named = any((ROOT / each.split("::")[0]).is_relative_to(LIVE) for each in config.args)
    return not (named or os.environ.get("CI") or os.environ.get("PROVE"))


def _covers_live(config: pytest.Config) -> bool:
    return any(LIVE.is_relative_to((ROOT / each.split("::")[0]).resolve()) for each in config.args)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a throw-away Postgres whose database `template_millrace` is migrated."""
    with temporary() if "PROVE_POSTGRES" not in os.environ else shared_postgres() as url:
        if has_template(url):
            yield url
            return
        with psycopg.connect(url, autocommit=True) as connection:
            password = psycopg.sql.Literal(urlsplit(url).password)
            # Stored anew with as few iterations as the server's setting says.
            connection.execute(
                psycopg.sql.SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(password)
            )
            connection.execute("CREATE DATABASE template_millrace")
        template = url.rsplit("/", 1)[0] + "/template_millrace"
        db.migrate(template)
        with db.open_connection(template) as owner:
            set_up_checkpoints(owner)
            db.grant_role(owner, steps_url(template))
        # A connection after the last change leaves a file that each copy begins with.
        db.open_connection(template).close()
        yield url


@contextlib.contextmanager
def shared_postgres() -> Iterator[str]:
    """Yield the address of the server that `scripts/prove mutations` keeps for all its mutants."""
    yield os.environ["PROVE_POSTGRES"]


def has_template(url: str) -> bool:
    """Tell whether an earlier session on the same server has made the template."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'template_millrace'")
        return found.fetchone() is not None


def steps_url(url: str) -> str:
    """Return the database's address for the role of fewer rights that steps run under."""
    return f"postgresql://steps:steps@{url.split('@')[1]}"


@pytest.fixture(scope="session")
def databases(postgres_server: str) -> Iterator[Databases]:
    """What makes, empties and drops the databases of tests, over one connection."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        made = Databases(postgres_server, connection)
        yield made
        made.drop_all()


@pytest.fixture
def database(
    request: pytest.FixtureRequest,
    postgres_server: str,
    databases: Databases,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """The address of an empty, migrated database that the settings name: as in production, not its
    owner's.
    """
    name = databases.take()
    url = steps_url(postgres_server.rsplit("/", 1)[0] + "/" + name)
    monkeypatch.setenv("MILLRACE_DATABASE_URL", url)
    config.reload()
    yield url
    db.close()
    databases.end(name, is_reusable="owner" not in request.fixturenames)


@pytest.fixture
def owner(database: str, postgres_server: str) -> Iterator[psycopg.Connection]:
    """A connection of the database's owner, who may do what steps may not."""
    with psycopg.connect(
        postgres_server.rsplit("/", 1)[0] + "/" + database.rsplit("/", 1)[1], autocommit=True
    ) as connection:
        yield connection


# How long a module waits before it asks again; here a fault is of the test's own making.
WAITS = {
    "tools.arxiv": "PACE_SECONDS",
    "tools.toolbox": "RETRY_WAIT_SECONDS",
    "models.billing": "FIRST_WAIT_SECONDS",
    "research.investigate": "RETRY_WAIT_SECONDS",
}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits long between two attempts."""
    for name, constant in WAITS.items():
        if module := sys.modules.get(f"f.millrace.{name}"):
            monkeypatch.setattr(module, constant, 0.01)


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


class Windmill(http.server.ThreadingHTTPServer):
    """A Windmill server as a job sees it: the settings resource, jobs by id, and what it was asked
    to do.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.resource: dict[str, Any] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.other_jobs: dict[str, Any] | None = None
        self.urls: dict[str, str] = {}
        self.posted: list[tuple[str, Any]] = []
        self.refused: set[str] = set()
        self.next_job = "00000000-0000-0000-0000-00000000beef"

    def answer(self, path: str) -> Any:
        """Return what a GET of this path gives; None is a 404."""
        if path == "resources/get_value_interpolated/f/millrace/settings":
            return self.resource
        if path.startswith("jobs/resume_urls/"):
            return self.urls
        if path.startswith("jobs_u/get/"):
            return self.jobs.get(path.removeprefix("jobs_u/get/"), self.other_jobs)
        return None


class _Answers(http.server.BaseHTTPRequestHandler):
    server: Windmill

    def do_GET(self) -> None:
        """Answer what a job may ask."""
        self._send(self.server.answer(self._path()))

    def do_POST(self) -> None:
        """Note what a job wants done."""
        body = self.rfile.read(int(self.headers["content-length"]))
        if self._path() in self.server.refused:
            self._send({"error": "refused"}, 500)
            return
        self.server.posted.append((self._path(), json.loads(body)))
        self._send(self.server.next_job)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _path(self) -> str:
        return self.path.partition("/api/w/dev/")[2].partition("?")[0]

    def _send(self, answer: Any, status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(404 if answer is None else status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Windmill]:
    """The environment of a job on a Windmill worker, and the server that it can ask."""
    with Windmill() as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        thread.start()
        monkeypatch.setenv("BASE_INTERNAL_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("WM_TOKEN", "token")
        monkeypatch.setenv("WM_WORKSPACE", "dev")
        config.reload()
        yield server
        server.shutdown()
        thread.join()


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
