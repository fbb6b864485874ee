"""A web server on loopback that answers what a test tells it to, and records what it was asked."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@dataclass
class Reply:
    """One answer; an iterable body is sent piece by piece, without a length, until the client
    leaves.
    """

    body: bytes | str | Iterable[bytes] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    client: tuple[str, int] = ("", 0)


class Web:
    """Routes of the server: a path to a reply, or to a function of the request."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.host = address.removeprefix("http://")
        self.asked: list[Asked] = []
        self.routes: dict[str, Reply | Callable[[Asked], Reply]] = {}

    def __setitem__(self, path: str, reply: Any) -> None:
        self.routes[path] = reply if isinstance(reply, Reply) or callable(reply) else Reply(reply)

    def url(self, path: str) -> str:
        return self.address + path


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        web: Web = self.server.web  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {key.lower(): value for key, value in self.headers.items()}
        asked = Asked(self.path, headers, body, self.client_address)
        web.asked.append(asked)
        route = (
            web.routes.get(self.path)
            or web.routes.get(self.path.partition("?")[0])
            or Reply("nothing", 404)
        )
        reply = route(asked) if callable(route) else route
        whole = reply.body.encode() if isinstance(reply.body, str) else reply.body
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(whole, bytes):
            self.send_header("Content-Length", str(len(whole)))
            self.end_headers()
            if reply.status != 304:
                with contextlib.suppress(OSError):
                    self.wfile.write(whole)
            return
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):
            for piece in whole:
                self.wfile.write(piece)
        self.close_connection = True

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients leave in the middle on purpose."""


@contextlib.contextmanager
def _serving() -> Iterator[Web]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.web = web = Web(f"http://127.0.0.1:{server.server_address[1]}")  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield web
        server.shutdown()
        thread.join()


@pytest.fixture
def other_web() -> Iterator[Web]:
    """A loopback web server that nobody allowed."""
    with _serving() as web:
        yield web


@pytest.fixture
def web(configure: Callable[..., None]) -> Iterator[Web]:
    """A loopback web server that the setting fetch_allow names."""
    with _serving() as web:
        configure(fetch_allow=web.host)
        yield web


@pytest.fixture
def recorded() -> Callable[[str], Path]:
    """The path of a recorded input; skips where the recordings are not."""

    def find(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"no recorded inputs beside this checkout ({name})")
        return path

    return find
