"""Own modules on a worker: over one connection, each source as the server has it now."""

import http.server
import importlib
import socket
import sys
import threading
import traceback
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from f.millrace.core import own_modules

# The connection of a job ends with its process.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
FIRST, SECOND = "f/millrace/core/first.py", "f/millrace/core/second.py"


class Server:
    """Answers as Windmill does: a script's source, a word for a folder, 404 for neither."""

    def __init__(self) -> None:
        self.sources: dict[str, str] = {}
        self.asked: list[tuple[str, tuple[str, int]]] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.asked.append((self.path, self.client_address))
                name = self.path.partition("?")[0].partition("/scripts/raw/p/")[2]
                body = server.sources.get(name, "").encode()
                self.send_response(200 if body else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def loader(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A job's folder in its worker's, and the worker's loader as the job has imported it."""
    (tmp_path / "job").mkdir()
    monkeypatch.chdir(tmp_path / "job")
    for name, value in {
        "BASE_INTERNAL_URL": server.url,
        "WM_WORKSPACE": "dev",
        "WM_TOKEN": "token",
        "WM_RUNNABLE_ID": "42",
    }.items():
        monkeypatch.setenv(name, value)
    loader = types.ModuleType("loader")
    loader.WindmillFinder = object  # type: ignore[attr-defined]
    loader.TEMP_SCRIPT_REFS = {}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "loader", loader)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    return loader


def load(name: str) -> types.ModuleType:
    """Import a module of the bundle as a new job would."""
    sys.modules.pop(name, None)
    try:
        return importlib.import_module(name)
    finally:
        sys.modules.pop(name, None)


def test_modules_come_over_one_connection(server: Server, loader: types.ModuleType):
    server.sources = {FIRST: "VALUE = 1\n", SECOND: "VALUE = 2\n"}
    own_modules.use()

    values = [load("f.millrace.core.first").VALUE, load("f.millrace.core.second").VALUE]

    assert values == [1, 2]
    assert len({address for _, address in server.asked}) == 1
    assert server.asked[0][0].endswith("?cache_folders=true&cache_key=42")


def test_a_changed_source_is_loaded_although_one_was_kept(server: Server, loader: types.ModuleType):
    own_modules.use()

    values = []
    for value in (1, 2, 1):
        server.sources[FIRST] = f"VALUE = {value}\n"
        values.append(load("f.millrace.core.first").VALUE)

    assert values == [1, 2, 1]


def test_a_source_is_kept_once_beside_the_jobs_folder(
    server: Server, loader: types.ModuleType, tmp_path: Path
):
    server.sources[FIRST] = "VALUE = 1\n"
    own_modules.use()

    files = [load("f.millrace.core.first").__file__ for _ in range(2)]

    kept = [str(file) for file in (tmp_path / "millrace_modules").glob("*/f/millrace/core/*.py")]
    assert files == [*kept, *kept]
    assert list((tmp_path / "job").iterdir()) == []


def test_a_traceback_shows_the_source(server: Server, loader: types.ModuleType):
    server.sources[FIRST] = "def fail():\n    raise ValueError('no')\n"
    own_modules.use()

    try:
        load("f.millrace.core.first").fail()
    except ValueError:
        told = traceback.format_exc()

    assert "raise ValueError('no')" in told


@pytest.mark.parametrize("answer", ["", "WINDMILL_IS_FOLDER"], ids=["nothing there", "a folder"])
def test_what_is_no_module_is_left_to_the_workers_loader(
    server: Server, loader: types.ModuleType, answer: str
):
    server.sources[FIRST] = answer
    own_modules.use()

    assert sys.meta_path[0].find_spec("f.millrace.core.first", None) is None


def test_a_server_that_does_not_answer_is_left_to_the_workers_loader(
    server: Server, loader: types.ModuleType, monkeypatch: pytest.MonkeyPatch
):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("BASE_INTERNAL_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        own_modules.use()

        assert sys.meta_path[0].find_spec("f.millrace.core.first", None) is None


def test_a_folder_that_cannot_be_written_is_no_fault(
    server: Server, loader: types.ModuleType, tmp_path: Path
):
    (tmp_path / "millrace_modules").write_text("in the way")
    server.sources[FIRST] = "VALUE = 1\n"
    own_modules.use()

    assert sys.meta_path[0].find_spec("f.millrace.core.first", None) is None


@pytest.mark.parametrize("name", ["json", "u.bo.first", "f.other.core.first", "f.millrace"])
def test_modules_of_others_are_not_asked_for(server: Server, loader: types.ModuleType, name: str):
    own_modules.use()

    assert sys.meta_path[0].find_spec(name, None) is None
    assert server.asked == []


def test_a_preview_of_what_is_not_deployed_has_the_workers_loader(
    server: Server, loader: types.ModuleType
):
    loader.TEMP_SCRIPT_REFS = {"f/millrace/core/first": "12"}  # type: ignore[attr-defined]
    before = list(sys.meta_path)

    own_modules.use()

    assert sys.meta_path == before


def test_without_the_workers_loader_nothing_changes(
    server: Server, loader: types.ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delitem(sys.modules, "loader")
    before = list(sys.meta_path)

    own_modules.use()

    assert sys.meta_path == before
