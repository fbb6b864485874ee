"""How programs of others reach a server: guarded HTTP and stdio, every protocol version, pages,
progress, cancellation.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import mcp
import pytest
from mcp import types
from mcp.client.stdio import StdioServerParameters
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from f.millrace.core.errors import BadInput
from scripts.serving import guard, transports
from scripts.serving.served import Served
from scripts.serving.transports import listen
from tests.serving import everything
from tests.serving.conftest import TOKEN, at, client, hello, post

ROOT = Path(__file__).resolve().parents[2]


def with_server(work, server=None, **options):
    """Serve over HTTP and have a program of others do something with the address."""

    async def run():
        async with at(server or everything.server(), **options) as url:
            return await (
                work(url) if asyncio.iscoroutinefunction(work) else asyncio.to_thread(work, url)
            )

    return asyncio.run(run())


def test_who_has_no_token_is_not_answered():
    def ask(url):
        return [post(url, hello(), token) for token in ("", "wrong", TOKEN)]

    none, wrong, right = with_server(ask)

    assert [none.status_code, wrong.status_code, right.status_code] == [401, 401, 200]
    assert (
        none.headers["www-authenticate"].startswith("Bearer")
        and "mcp config --http" in none.json()["error"]
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example.org"}, 421),
        ({"host": "127.0.0.1.evil.example.org:7410"}, 421),
        ({"origin": "https://evil.example.org"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:3000"}, 200),
        ({"host": "localhost:1"}, 200),
        ({"host": "mill.example.org"}, 200),
        ({"host": "mill.example.org", "origin": "https://mill.example.org"}, 200),
    ],
)
@pytest.mark.parametrize("version", ["", "2026-07-28"])
def test_a_page_of_others_cannot_reach_it_through_a_browser(headers, status, version):
    sent = {**headers, **({"mcp_protocol_version": version} if version else {})}

    answer = with_server(lambda url: post(url, hello(), **sent), hosts=["mill.example.org"])

    if status == 200 and version:
        assert answer.status_code not in (
            403,
            421,
        ), "a handshake of the new version is another mistake"
    else:
        assert answer.status_code == status


def test_a_request_that_is_too_large_is_refused():
    assert with_server(lambda url: post(url, b" " * 5_000_000)).status_code == 413


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", {}),
        (b"\xff\xfe", {}),
        (b"[]", {}),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 7}', {}),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}', {}),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}', {"mcp_session_id": "of-nobody"}),
        (
            b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}',
            {"mcp_protocol_version": "2026-07-28"},
        ),
        (
            b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}',
            {"mcp_protocol_version": "3000-01-01"},
        ),
        (b"[" * 100_000, {}),
        (json.dumps(hello()).encode(), {"content_type": "text/plain"}),
        (json.dumps(hello()).encode(), {"accept": "text/html"}),
    ],
)
def test_what_is_no_request_is_refused_and_the_next_one_is_served(body, headers):
    def ask(url):
        return post(url, body, **headers), post(url, hello())

    refused, served = with_server(ask)

    assert 400 <= refused.status_code < 500 and served.status_code == 200


@pytest.mark.parametrize("version", HANDSHAKE_PROTOCOL_VERSIONS)
def test_clients_with_a_handshake_of_every_version_are_served(version):
    def ask(url):
        first = post(url, hello(version))
        session = {
            "mcp_session_id": first.headers["mcp-session-id"],
            "mcp_protocol_version": version,
        }
        post(url, {"jsonrpc": "2.0", "method": "notifications/initialized"}, **session)
        return first, post(url, {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}, **session)

    first, listed = [said(answer)["result"] for answer in with_server(ask)]

    assert first["protocolVersion"] == version
    assert first["capabilities"]["tools"]["listChanged"] is True
    assert len(listed["tools"]) == 5 and listed["nextCursor"]


def said(answer):
    """Return the message in an answer, be it an event or JSON."""
    lines = [
        line.removeprefix("data:").strip()
        for line in answer.text.splitlines()
        if line.startswith("data:")
    ]
    return json.loads(next(line for line in lines if line) if lines else answer.text)


def test_a_client_of_a_version_that_nobody_knows_is_offered_one_that_is():
    assert (
        said(with_server(lambda url: post(url, hello("1999-01-01"))))["result"]["protocolVersion"]
        == "2025-11-25"
    )


@pytest.mark.parametrize("mode", ["legacy", *MODERN_PROTOCOL_VERSIONS])
def test_lists_come_in_pages_that_together_hold_everything_once(mode):
    async def turn(url):
        async with client(url, mode=mode) as program:
            names, cursor, pages = [], None, 0
            while pages == 0 or cursor:
                page = await program.list_tools(cursor=cursor)
                assert len(page.tools) <= 5
                names, cursor, pages = (
                    names + [tool.name for tool in page.tools],
                    page.next_cursor,
                    pages + 1,
                )
            with pytest.raises(mcp.MCPError, match="list from the beginning") as caught:
                await program.list_tools(cursor="no such place")
            return names, caught.value.code

    names, code = with_server(turn)

    assert names == sorted(everything.TOOLS) and code == types.INVALID_PARAMS


class Slow:
    """A tool that never ends, and what became of it."""

    def __init__(self):
        self.begun, self.cancelled = asyncio.Event(), asyncio.Event()

    async def list_tools(self, asked):
        return [
            types.Tool(name=name, description=name, input_schema={"type": "object"})
            for name in ("wait", "quick")
        ]

    async def call_tool(self, asked, name, arguments):
        if name == "quick":
            return everything.answer(everything.text("here"))
        self.begun.set()
        try:
            for done in range(10_000):
                await asked.session.report_progress(done, message="waiting")
                await asyncio.sleep(0.01)
        finally:
            self.cancelled.set()

    def server(self):
        return Served("slow", self.list_tools, self.call_tool)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("over", ["http", "memory"])
def test_progress_arrives_while_a_call_runs_and_a_cancelled_call_ends_on_the_server(mode, over):
    async def run():
        slow, told = Slow(), asyncio.Queue()

        async def progress(done, total, message):
            told.put_nowait((done, message))

        async with contextlib.AsyncExitStack() as stack:
            server = slow.server()
            if over == "http":
                program = await stack.enter_async_context(
                    client(await stack.enter_async_context(at(server)), mode=mode)
                )
            else:
                program = await stack.enter_async_context(mcp.Client(server, mode=mode))
            call = asyncio.create_task(program.call_tool("wait", {}, progress_callback=progress))
            async with asyncio.timeout(10):
                seen = [await told.get() for _ in range(3)]
                call.cancel()
                await slow.cancelled.wait()
            answer = await program.call_tool("quick", {})
            return seen, answer.content[0].text

    seen, after = asyncio.run(run())

    assert seen == [(0, "waiting"), (1, "waiting"), (2, "waiting")] and after == "here"


def test_a_client_whose_stream_was_cut_gets_the_answer_and_no_other_session_does():
    def ask(url):
        sessions = []
        for _ in range(2):
            session = post(url, hello()).headers["mcp-session-id"]
            sessions.append({"mcp_session_id": session, "mcp_protocol_version": "2025-11-25"})
            post(url, {"jsonrpc": "2.0", "method": "notifications/initialized"}, **sessions[-1])
        call = {
            "jsonrpc": "2.0",
            "id": 7,
            "method": "tools/call",
            "params": {"name": "test_reconnection", "arguments": {}},
        }
        cut = post(url, call, **sessions[0])
        last = next(
            line.removeprefix("id:").strip()
            for line in cut.text.splitlines()
            if line.startswith("id:")
        )
        return cut.text, resumed(url, last, sessions[0]), resumed(url, last, sessions[1])

    cut, own, other = with_server(ask)

    assert "retry: 500" in cut and "Here after the cut." not in cut
    assert "Here after the cut." in own and "Here after the cut." not in other


def resumed(url, last, session):
    """Return what comes after the event within half a second."""
    headers = {
        "accept": "text/event-stream",
        "authorization": f"Bearer {TOKEN}",
        "last-event-id": last,
    }
    headers |= {name.replace("_", "-"): value for name, value in session.items()}
    got = ""
    with (
        httpx2.Client(trust_env=False, timeout=0.5) as http,
        contextlib.suppress(httpx2.ReadTimeout),
    ):
        with http.stream("GET", url, headers=headers) as answer:
            for part in answer.iter_text():
                got += part
    return got


def test_a_place_that_is_taken_is_refused_in_words():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            BadInput,
            match=f"127.0.0.1:{port} cannot be listened on: Address already in use; choose another",
        ):
            listen("127.0.0.1", port)


def test_the_token_is_made_once_and_is_the_users_own(tmp_path):
    file = tmp_path / "new" / "token"

    assert guard.read_token(file) == guard.read_token(file) and len(guard.read_token(file)) > 40
    assert file.stat().st_mode & 0o077 == 0
    file.write_text("short\n")
    with pytest.raises(BadInput, match="has 5 characters, at least 16 are needed"):
        guard.read_token(file)


def command(*arguments):
    return [sys.executable, "-W", "ignore", "-m", "scripts.commands", "mcp", "serve", *arguments]


@pytest.mark.long
def test_the_command_serves_over_stdio_until_the_other_program_leaves(database):
    environment = {
        name: value for name, value in os.environ.items() if name.startswith("MILLRACE_")
    }
    program, *arguments = command("--servers", "notes,mail")
    started = StdioServerParameters(command=program, args=arguments, cwd=ROOT, env=environment)

    async def work():
        async with mcp.Client(started) as connected:
            names = [tool.name for tool in (await connected.list_tools()).tools]
            return names, await connected.call_tool(
                "mail_send", {"to": "a@example.org", "subject": "s", "text": "t"}
            )

    names, answer = asyncio.run(work())

    assert names == ["mail_send", "notes_read", "notes_search", "notes_write"]
    assert answer.is_error and "Proposed action" in answer.content[0].text


@pytest.mark.long
def test_the_command_serves_over_http_until_it_is_told_to_end(database, tmp_path):
    started = subprocess.Popen(
        command("--http", "--port", "0", "--token-file", str(tmp_path / "token")),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = started.stderr.readline()
        url = line.split()[2]
        token = (tmp_path / "token").read_text().strip()

        assert url.startswith("http://127.0.0.1:") and token not in line
        assert post(url, hello(), "").status_code == 401
        assert said(post(url, hello(), token))["result"]["serverInfo"]["name"] == "millrace"

        started.send_signal(signal.SIGTERM)
        assert started.wait(20) in (0, -signal.SIGTERM)
    finally:
        started.kill()
        started.wait()
        started.stderr.close()


def first_answer(url, sent, seconds=10):
    """Send bytes, and return what comes until the server closes the connection."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=seconds) as talk:
        talk.sendall(sent)
        got = b""
        while piece := talk.recv(65536):
            got += piece
    return got


@pytest.mark.parametrize(
    "sent", [b"", b"POST /mcp HT", b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"]
)
def test_a_connection_that_sends_no_whole_head_is_closed(sent, monkeypatch):
    monkeypatch.setattr(transports, "HEAD_SECONDS", 0.2)

    assert with_server(lambda url: first_answer(url, sent)) == b""


def test_a_request_whose_body_does_not_come_is_answered_and_closed(monkeypatch):
    monkeypatch.setattr(transports, "BODY_SECONDS", 0.2)
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )

    answer = with_server(lambda url: first_answer(url, head.encode()))

    assert answer.startswith(b"HTTP/1.1 408") and b"within 0 seconds" in answer


def test_one_connection_too_many_is_closed_at_once_and_leaves_room_for_later_ones(monkeypatch):
    monkeypatch.setattr(transports, "MOST_CONNECTIONS", 2)

    def work(url):
        parts = urlsplit(url)
        held = [socket.create_connection((parts.hostname, parts.port)) for _ in range(2)]
        try:
            with contextlib.suppress(ConnectionError):
                assert first_answer(url, b"") == b""
        finally:
            for each in held:
                each.close()
        return with_patience(lambda: post(url, hello()).status_code)

    assert with_server(work) == 200


def with_patience(ask):
    """Ask again while the server still closes what was left."""
    for _ in range(50):
        with contextlib.suppress(httpx2.HTTPError):
            return ask()
    return ask()


def test_a_session_that_nobody_uses_ends_and_makes_room(monkeypatch):
    monkeypatch.setattr(transports, "MOST_SESSIONS", 1)
    monkeypatch.setattr(transports, "IDLE_SECONDS", 0.5)

    def work(url):
        first = post(url, hello())
        second = post(url, hello())
        ended = second
        while ended.status_code == 503:
            ended = post(url, hello())
        gone = post(url, {}, mcp_session_id=first.headers["mcp-session-id"])
        return first.status_code, second.status_code, ended.status_code, gone.status_code

    assert with_server(work) == (200, 503, 200, 404)


def test_there_are_only_so_many_streams(monkeypatch):
    monkeypatch.setattr(transports, "MOST_STREAMS", 0)
    head = f"GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"

    assert b" 503 " in with_server(lambda url: first_answer(url, head.encode()))
