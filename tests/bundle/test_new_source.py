"""Adding a source is one file and one line."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from f.millrace.core import db
from scripts.paths import ROOT
from scripts.samples.server import sample_settings, serve
from tests import tiers

FILE = "f/millrace/tools/board.py"
SOURCE = '''# requirements:

"""Newest posts of a board."""

from pydantic import Field

from f.millrace.tools import fetch_state, http, items, source_options, sources


class Options(source_options.Options):
    """What can be set."""

    url: str = Field("https://board.example", description="Base of the board.")
    topics: list[str] = Field(["ai"], description="Topics to read.")


def read(limit: int, state: fetch_state.FetchState) -> list[items.SourceItem]:
    """Return the newest posts of each topic."""
    options = source_options.options_of("board", Options)
    found = []
    for topic in options.topics:
        page = state.fetch(f"{options.url}/{topic}.json")
        for post in [] if page is None else http.parse_json(page):
            found.append(items.make_item("board", post["id"], post["title"], url=post["url"]))
    return found[:limit]


SOURCE = sources.Source("board", "Newest posts of a board", read, options=Options)
'''


# What is generated is written and checked on CI; a run needs none of it.
GENERATED: tuple[str, ...] = tiers.pick((), ("metadata", "docs"))


class Board(BaseHTTPRequestHandler):
    """The board's server."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        post = {"id": "7", "title": "A kettle that never boils over", "url": "https://b.example/7"}
        body = json.dumps([post]).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def board() -> Iterator[tuple[str, list[str]]]:
    """The address of the board, and what it was asked for."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Board,), {"asked": asked}))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the bundle with the new source in it: one file written, one line added."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for path in filter(None, listed.stdout.split("\0")):
        if (ROOT / path).is_file():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, tmp_path / path)
    (tmp_path / FILE).write_text(SOURCE)
    config = (tmp_path / "f/millrace/core/all_settings.py").read_text()
    line = '        "mastodon",\n'
    assert config.count(line) == 1
    (tmp_path / "f/millrace/core/all_settings.py").write_text(
        config.replace(line, f'{line}        "board",\n')
    )
    return tmp_path


@pytest.fixture
def command(copy: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run a command of the copy's command line."""

    def run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "scripts.commands", *arguments],
            cwd=copy,
            env={**os.environ, **settings, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            timeout=180,
        )

    return run


@pytest.mark.long
def test_one_file_and_one_line_are_a_source_that_the_daily_flow_reads(
    database: str, copy: Path, command: Any, board: tuple[str, list[str]]
) -> None:
    address, asked = board
    (copy / "millrace.yaml").write_text("source_options: {board: {topic: [tea]}}\n")

    written = [command(kind, "write").returncode for kind in GENERATED]
    checked = [command("check")] if GENERATED else []
    mistake = command("settings", "check")
    (copy / "millrace.yaml").unlink()
    with serve() as world:
        known = sample_settings(world)
        del known["MILLRACE_SOURCES"]  # the default, in which the new one stands
        known["MILLRACE_FETCH_ALLOW"] += f",{address.removeprefix('http://')}"
        known["MILLRACE_SOURCE_OPTIONS"] = json.dumps(
            {"board": {"url": address, "topics": ["tea"]}}
        )
        ran = command("run", "daily_research", "max_topics=1", "--json", **known)

    assert written == [0] * len(GENERATED)
    assert all(each.returncode == 0 for each in checked), checked
    assert "source_options.board.topic is ['tea']; did you mean 'topics'?" in mistake.stdout
    # On this machine's own address nobody has to be asked.
    assert json.loads(ran.stdout)["status"] == "done", ran.stdout + ran.stderr
    assert asked == ["/tea.json"]
    assert db.fetch_all("SELECT source, title FROM source_item WHERE source = 'board'") == [
        {"source": "board", "title": "A kettle that never boils over"}
    ]
