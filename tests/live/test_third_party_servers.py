"""Public MCP servers, started from the settings and used as agents use them; each in an environment
of its own.
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import NeedsApproval, ToolFailed, ToolRefused
from f.millrace.core.run_context import current
from f.millrace.telemetry.spans import step
from f.millrace.tools import snapshot
from f.millrace.tools.client import open_tools
from f.millrace.tools.toolbox import Toolbox
from f.millrace.trust import taint
from tests.live import fetched
from tests.live.conftest import missing
from tests.tools.others import allow_servers

Entry = dict[str, Any]
PYTHON = {"fetch": "mcp-server-fetch==2026.10.24", "time": "mcp-server-time==2026.10.19"}
NODE = {
    name: f"@modelcontextprotocol/server-{name}@2026.8.31"
    for name in ("filesystem", "memory", "everything")
}


def entry(name: str, folder: Path) -> Entry:
    """Return the settings of a server, which is fetched when it is not there."""
    try:
        if name in PYTHON:
            program = str(fetched.python_package(PYTHON[name]) / "bin" / f"mcp-server-{name}")
            return {
                "command": program,
                "args": (
                    ["--ignore-robots-txt", "--allow-private-ips"]
                    if name == "fetch"
                    else ["--local-timezone", "Europe/London"]
                ),
            }
        script = str(fetched.node_package(NODE[name]) / "dist/index.js")
        more = [str(folder)] if name == "filesystem" else []
        env = {"MEMORY_FILE_PATH": str(folder / "memory.jsonl")} if name == "memory" else {}
        return {"command": str(fetched.node()), "args": [script, *more], "env": env}
    except fetched.NotFetched as error:
        missing(str(error))
        raise


@pytest.fixture
def settings_of(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, Entry]], None]:
    """Name servers in the settings."""

    def name_them(servers: dict[str, Entry]) -> None:
        monkeypatch.setenv("MILLRACE_MCP", json.dumps(servers))
        monkeypatch.setenv("MILLRACE_MCP_SECONDS", "60")
        config.reload()

    return name_them


def use(work: Any, *allowed: str) -> Any:
    """List the tools of the servers and do something with them; no problem may be told."""

    async def run() -> Any:
        async with open_tools(allowed) as tools:
            await tools.list_tools()
            allow_servers()
            tools.problems.clear()
            listed = {tool.name: tool for tool in await tools.list_tools()}
            assert tools.problems == []
            return await work(tools, listed)

    return asyncio.run(run())


def words(answer: dict[str, Any]) -> str:
    """Return an answer as text, whatever its form."""
    return json.dumps(answer)


def test_the_time_server_tells_the_time(settings_of, tmp_path):
    settings_of({"time": entry("time", tmp_path)})

    async def work(tools, listed):
        assert {"time.get_current_time", "time.convert_time"} <= listed.keys()
        asked = {
            "source_timezone": "Europe/London",
            "time": "12:00",
            "target_timezone": "Asia/Tokyo",
        }
        answer = await tools.call("time.convert_time", asked)
        with pytest.raises(ToolFailed, match=r"time\.get_current_time failed: "):
            await tools.call("time.get_current_time", {"timezone": "Mars/Olympus"})
        return words(answer)

    assert "Asia/Tokyo" in use(work, "time")


def test_the_fetch_server_reads_a_page(settings_of, tmp_path):
    settings_of({"fetch": entry("fetch", tmp_path)})
    (tmp_path / "page.html").write_text(
        "<html><body><article><h1>Quay</h1><p>The quay was repaired.</p></article></body></html>"
    )

    async def work(tools, listed):
        with served(tmp_path) as address:
            return words(await tools.call("fetch.fetch", {"url": f"{address}/page.html"}))

    assert "The quay was repaired" in use(work, "fetch")


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the files of the folder on loopback."""
    import functools
    import threading
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    ) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_the_filesystem_server_reads_and_keeps_to_its_folder(settings_of, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.txt").write_text("sodium")
    settings_of({"files": entry("filesystem", folder)})

    async def work(tools, listed):
        with pytest.raises(ToolFailed, match="denied"):
            await tools.call("files.read_text_file", {"path": "/etc/passwd"})
        assert (
            listed["files.write_file"].annotations["destructiveHint"]
            and listed["files.read_text_file"].read_only
        )
        return words(await tools.call("files.read_text_file", {"path": str(folder / "a.txt")}))

    assert "sodium" in use(work, "files")


def test_the_memory_server_keeps_what_it_is_told(settings_of, tmp_path):
    settings_of({"graph": entry("memory", tmp_path)})
    entity = {"name": "Quay", "entityType": "place", "observations": ["repaired"]}

    async def work(tools, listed):
        await tools.call("graph.create_entities", {"entities": [entity]})
        return await tools.call("graph.read_graph")

    assert "repaired" in words(use(work, "graph"))
    assert "repaired" in (tmp_path / "memory.jsonl").read_text()


def test_the_everything_server_is_used_over_stdio_and_http(settings_of, tmp_path):
    over_stdio = entry("everything", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [over_stdio["command"], *over_stdio["args"], "streamableHttp"]
    environment = {"PATH": os.environ["PATH"], "PORT": str(port)}
    started = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        settings_of(
            {"near": over_stdio, "far": {"type": "http", "url": f"http://127.0.0.1:{port}/mcp"}}
        )

        async def work(tools, listed):
            assert "near.echo" in listed and "far.echo" in listed
            return [
                words(await tools.call(f"{name}.echo", {"message": "again"}))
                for name in ("near", "far")
            ]

        assert all("again" in answer for answer in use(work, "near", "far"))
    finally:
        started.terminate()
        started.wait()


def _wait(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError(f"nobody listens on port {port}")


def test_their_tools_obey_the_rules_of_the_house_in_a_run(settings_of, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    settings_of(
        {
            "files": entry("filesystem", folder),
            "fetch": entry("fetch", tmp_path),
            "gone": {"command": "no-such-program"},
        }
    )

    async def work(run_id):
        await snapshot.take(run_id)
        allow_servers()
        async with open_tools(["files", "fetch", "gone"]) as tools:
            toolbox = Toolbox(
                tools, await tools.list_tools(), taint_context=taint.TaintContext("Tidy my files")
            )
            with pytest.raises(NeedsApproval):
                await toolbox.call(
                    "files.write_file", {"path": str(folder / "a.txt"), "content": "x"}
                )
            with pytest.raises((ToolRefused, NeedsApproval)):
                await toolbox.call("fetch.fetch", {"url": "http://evil.example.org/"})
            return tools.problems

    with step("test.others"):
        problems = asyncio.run(work(current().run_id))
        kept = snapshot.problems(current().run_id)

    (action,) = db.fetch_all("SELECT tool, state FROM action WHERE tool = 'files.write_file'")
    assert action["state"] == "proposed" and not list(folder.iterdir())
    assert len(problems) == 1 and "no-such-program cannot be started" in problems[0]
    assert any("no-such-program cannot be started" in problem for problem in kept), (
        "the run says so, too"
    )
