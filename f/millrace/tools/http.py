# requirements:

"""Guarded fetch: public web addresses only, bounded in size and time, every redirect checked again.

The host is resolved here, the addresses are checked, and the connection goes to a checked address,
so a name that changes its answer between check and connection (DNS rebinding) gains nothing.
Connections are those of the standard library: a step that reads a source loads nothing else for it.
Private, loopback, link-local, multicast and reserved addresses are refused unless `host` or
`host:port` is listed in the setting `fetch_allow` or in `allow`.
"""

from __future__ import annotations

import base64
import contextlib
import contextvars
import functools
import http.client
import io
import ipaddress
import json
import os
import select
import socket
import ssl
import sys
import threading
import time
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from f.millrace.core import config, errors, tls

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_REDIRECTS = 5
# How long, and how many, connections are kept for the next fetch.
IDLE_SECONDS = 5
MAX_IDLE = 16
REDIRECTS = frozenset({301, 302, 303, 307, 308})
USER_AGENT = "Millrace/1 (research digest)"
# Registered content codings (https://www.iana.org/assignments/http-parameters), and those of them
# that are read.
COMPRESSIONS = frozenset(
    {"gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress", "dcb", "dcz", "exi"}
    | {"pack200-gzip", "aes128gcm"}
)
INFLATED = frozenset({"gzip", "x-gzip", "deflate"})
MAX_ENCODINGS = 3
NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class _Terms:
    """What holds for one fetch."""

    deadline: float
    allow: frozenset[str]

    def allows(self, host: str, port: int) -> bool:
        """Return whether the host may be private."""
        host = host.lower().strip("[]")
        return bool({host, f"{host}:{port}", f"[{host}]", f"[{host}]:{port}"} & self.allow)


# Connections serve one fetch after another, so what differs between these travels in the context.
_terms: contextvars.ContextVar[_Terms] = contextvars.ContextVar("fetch_terms")
# Hosts that were connected to because a fetch allowed them: a connection kept open must not serve a
# fetch that does not.
_private: set[tuple[str, int]] = set()


@dataclass(frozen=True)
class Page:
    """What an address answered."""

    url: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content: bytes = b""
    etag: str = ""
    last_modified: str = ""

    @property
    def unchanged(self) -> bool:
        """Whether the server said that nothing changed since the given ETag or date."""
        return self.status == 304

    @property
    def media_type(self) -> str:
        """The content type without parameters, in lower case."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The content as text: the declared charset, else UTF-8, wrong bytes replaced."""
        _, _, charset = self.headers.get("content-type", "").partition("charset=")
        try:
            return self.content.decode(
                charset.split(";")[0].strip(" \"'") or "utf-8", errors="replace"
            )
        except LookupError:
            return self.content.decode("utf-8", errors="replace")


def fetch(
    url: str,
    *,
    accept: str | None = None,
    etag: str | None = None,
    last_modified: str | None = None,
    max_bytes: int | None = None,
    seconds: float | None = None,
    allow: Iterable[str] = (),
    headers: Mapping[str, str] | None = None,
    body: Any = None,
    allow_only: Iterable[str] | None = None,
) -> Page:
    """Return what `url` answers (2xx, or 304 when `etag` or `last_modified` still hold).

    SourceFailed says in words why there is nothing: unreachable, too large, too slow, an HTTP
    error; FetchRefused that the address must not be fetched. `body` is posted as JSON, and bytes
    as they are. `headers` stay with the first host, and go from https to http to nobody.
    `allow_only` are the private hosts that may be asked, in place of those of the setting.
    """
    limit = max_bytes or config.settings().fetch_max_bytes
    seconds = seconds or config.settings().fetch_seconds
    sent = {"user-agent": USER_AGENT, "accept-encoding": "gzip", "accept": accept or "*/*"}
    sent |= {"if-none-match": etag} if etag else {}
    sent |= {"if-modified-since": last_modified} if last_modified else {}
    terms = _Terms(
        time.monotonic() + seconds,
        frozenset(
            entry.lower()
            for entry in (
                (*config.settings().fetch_allow, *allow) if allow_only is None else allow_only
            )
        ),
    )
    token = _terms.set(terms)
    try:
        return _follow(url, sent, dict(headers or {}), body, limit)
    except TimeoutError as error:
        raise errors.SourceFailed(
            f"{strip_secrets(url)} took longer than {seconds:g} s (setting fetch_seconds)"
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise errors.SourceFailed(f"{strip_secrets(url)}: {_format_error(error)}") from error
    finally:
        _terms.reset(token)


def get_json(url: str, **options: Any) -> Any:
    """Return the JSON that `url` answers; SourceFailed when it answers something else."""
    page = fetch(url, accept="application/json", **options)
    return parse_json(page)


def parse_json(page: Page) -> Any:
    """Return the content as JSON; SourceFailed tells what came instead."""
    try:
        return json.loads(page.content)
    except (ValueError, RecursionError) as error:
        start = page.content[:200].lstrip().lower()
        kind = (
            "HTML"
            if start.startswith((b"<!doctype html", b"<html"))
            else "something that is not JSON"
        )
        raise errors.SourceFailed(
            f"{strip_secrets(page.url)} answered {kind} where JSON was expected"
        ) from error


def strip_secrets(url: str) -> str:
    """Return the address for messages: without user, password and query, where keys may stand."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition("?")[0].rpartition("@")[2][:300]
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))[:300]


def _follow(url: str, sent: dict[str, str], private: dict[str, str], body: Any, limit: int) -> Page:
    first = url
    for _ in range(MAX_REDIRECTS + 1):
        request = _check(url)
        with _answer(request, sent | private, body) as response:
            headers = _headers(response)
            target = headers.get("location", "")
            if response.status not in REDIRECTS or not target:
                return _page(url, response, headers, limit)
        if body is not None:
            raise errors.SourceFailed(
                f"{strip_secrets(url)} redirects a request that carries data; set the final address"
            )
        try:
            there = urlsplit(urljoin(url, target))
        except ValueError as error:
            raise errors.SourceFailed(
                f"{strip_secrets(url)} redirects to {target[:200]!r}, which is no address"
            ) from error
        here = urlsplit(url)
        if there.netloc != here.netloc or (here.scheme, there.scheme) == ("https", "http"):
            private = {}
        url = urlunsplit(there)
    raise errors.SourceFailed(f"{strip_secrets(first)} redirects more than {MAX_REDIRECTS} times")


def _page(
    url: str, response: http.client.HTTPResponse, headers: dict[str, str], limit: int
) -> Page:
    status = response.status
    if status >= 400:
        wait = headers.get("retry-after", "")
        hint = f" (asks to wait {wait[:40]})" if wait else ""
        raise errors.PageUnreadable(
            f"{strip_secrets(url)} answered HTTP {status}{hint}", _describe_status(status)
        )
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(url, limit)
    content = bytearray()
    for chunk in _decoded(url, response, headers.get("content-encoding", "").lower()):
        content += chunk
        if len(content) > limit:
            raise _too_large(url, limit)
    return Page(
        url=url,
        status=status,
        headers=headers,
        content=bytes(content),
        etag=headers.get("etag", ""),
        last_modified=headers.get("last-modified", ""),
    )


def _describe_status(status: int) -> str:
    words = {401: "needs a login", 402: "paywall", 404: "not found", 410: "gone", 429: "too busy"}
    return f"{words[status]}, {status}" if status in words else str(status)


def _too_large(url: str, limit: int) -> errors.SourceFailed:
    return errors.SourceFailed(
        f"{strip_secrets(url)} is larger than {limit:,} bytes (setting fetch_max_bytes)"
    )


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    """Return the headers by their names in lower case; one that is there twice as one list."""
    found: dict[str, str] = {}
    for name, value in response.getheaders():
        with contextlib.suppress(UnicodeError):
            value = value.encode("latin-1").decode()
        before = found.get(name.lower())
        found[name.lower()] = value if before is None else f"{before}, {value}"
    return found


def _raw(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while piece := response.read(65_536):
        yield piece
    if response.length:
        raise http.client.HTTPException(f"ended {response.length:,} bytes before its end")


def _decoded(url: str, response: http.client.HTTPResponse, encoding: str) -> Iterator[bytes]:
    """Yield the body in pieces of at most 64 KiB, so that a small compressed body cannot fill the
    memory.

    A label that names no compression (`utf-8`, `binary`) says nothing of the body.
    """
    named = [name for name in map(str.strip, encoding.split(",")) if name in COMPRESSIONS]
    unknown = next((name for name in named if name not in INFLATED), "")
    if unknown:
        raise errors.SourceFailed(
            f"{strip_secrets(url)} answered in the encoding {unknown[:40]!r};"
            " only gzip was asked for"
        )
    body = _raw(response)
    for _ in named[:MAX_ENCODINGS]:
        body = _inflate(body)
    try:
        yield from body
    except zlib.error as error:
        raise errors.SourceFailed(f"{strip_secrets(url)} answered broken gzip data") from error


# complexipy: ignore (a member ends anywhere in a piece, and another may follow)
def _inflate(compressed: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what was compressed, member after member (RFC 1952, 2.2); HTTPException when it was cut
    short.
    """
    inflate, begun = None, False
    for raw in compressed:
        while raw:
            if inflate is None:
                if begun and not raw.startswith(b"\x1f"):
                    return  # what fills a last block
                inflate, begun = _inflater(raw), True
            yield inflate.decompress(raw, 65_536)
            raw = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
            inflate = None if inflate.eof else inflate
    while inflate is not None and not inflate.eof:
        piece = inflate.decompress(inflate.unconsumed_tail, 65_536)
        if not piece:
            raise http.client.HTTPException("its compressed answer was cut before its end")
        yield piece


def _inflater(start: bytes) -> Any:
    """Return what decompresses gzip or zlib by its header, or deflate that has none."""
    is_zlib = start[0] & 0x0F == 8 and int.from_bytes(start[:2].ljust(2, b"\0")) % 31 == 0
    return zlib.decompressobj(wbits=47 if start[0] == 0x1F or is_zlib else -15)


def _check(url: str) -> _Request:
    """Return whom to ask; FetchRefused when that may not be."""
    try:
        request = _Request.of(url)
    except ValueError as error:
        raise errors.FetchRefused(f"{url[:200]!r} is not a web address: {error}") from error
    if request.scheme not in ("http", "https") or not request.host:
        raise errors.FetchRefused(
            f"{strip_secrets(url)!r} is not fetched: only http and https addresses are"
        )
    host, port = request.host, request.port
    if (host, port) in _private and not _terms.get().allows(host, port):
        raise _refusal(host, port, "a private address")
    return request


def _format_error(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200] + tls.advise(text)


class _Request(NamedTuple):
    """Whom to ask, and for what."""

    scheme: str
    host: str
    port: int
    target: str
    headers: dict[str, str]

    @classmethod
    def of(cls, url: str) -> _Request:
        """Return an address as a request has it: in ASCII, user and password as a header."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if not host.isascii():
            import idna  # names in other letters are rare

            host = idna.encode(host, uts46=True).decode().lower()
        target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
        if parts.query:
            target += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~?[]")
        usual = 443 if parts.scheme == "https" else 80
        port = parts.port or usual
        shown = f"[{host}]" if ":" in host else host
        headers = {"host": shown if port == usual else f"{shown}:{port}"}
        if parts.username or parts.password:
            pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return cls(parts.scheme, host, port, target, headers)


@contextlib.contextmanager
def _answer(
    request: _Request, headers: dict[str, str], body: Any
) -> Generator[http.client.HTTPResponse, None, None]:
    """Ask, and yield what is answered; the connection is kept when all of it was read."""
    sent, content = request.headers | headers, None
    if body is not None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json"} | sent
    connection = _idle().take(request) or _Connection(request)
    try:
        method = "GET" if content is None else "POST"
        connection.request(method, request.target, content, sent)
        response = connection.getresponse()
        if response.status < 200:
            raise http.client.HTTPException(f"the answer is only HTTP {response.status}")
        yield response
        if not response.isclosed() or response.will_close:
            connection.close()
    except BaseException:
        connection.close()
        raise
    if connection.stream is not None:
        _idle().keep(connection)


class _Connection(http.client.HTTPConnection):
    """Connects to checked addresses only."""

    def __init__(self, request: _Request) -> None:
        super().__init__(request.host, request.port)
        self.place = request[:3]
        self.idle_since = 0.0
        self.stream: _Bounded | None = None

    def connect(self) -> None:
        addresses = _resolve(self.host, self.port)
        for address in addresses:
            if not _is_public(address):
                if not _terms.get().allows(self.host, self.port):
                    raise _refusal(self.host, self.port, address)
                _private.add((self.host, self.port))
        failure = OSError(f"{self.host} has no address")
        for address in addresses:
            try:
                found = socket.create_connection((address, self.port), _seconds_left())
            except TimeoutError:
                raise
            except OSError as error:
                failure = error
                continue
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = self.stream = _Bounded(self._secure(found))
            return
        raise failure

    def close(self) -> None:
        super().close()
        self.stream = None

    def has_ended(self) -> bool:
        """Tell whether the server closed it, or said something that nobody asked for."""
        if self.stream is None:
            return True
        waiting = select.poll()
        waiting.register(self.stream.inner, select.POLLIN)
        return bool(waiting.poll(0))

    def _secure(self, found: socket.socket) -> socket.socket:
        if self.place[0] == "http":
            return found
        found.settimeout(_seconds_left())
        try:
            return _tls().wrap_socket(found, server_hostname=self.host)
        except BaseException:
            found.close()
            raise


class _Idle:
    """Connections that answered whole and may answer again, the last used at the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[_Connection] = []

    def keep(self, connection: _Connection) -> None:
        connection.idle_since = time.monotonic()
        with self._lock:
            self._kept.append(connection)
            until = connection.idle_since - IDLE_SECONDS
            stay = [one for one in self._kept if one.idle_since >= until][-MAX_IDLE:]
            gone = [one for one in self._kept if one not in stay]
            self._kept = stay
        for one in gone:
            one.close()

    def take(self, request: _Request) -> _Connection | None:
        """Return a connection to the same place that is still good, if there is one."""
        with self._lock:
            there = [one for one in self._kept if one.place == request[:3]]
            self._kept = [one for one in self._kept if one not in there[-1:]]
        if not there:
            return None
        found = there[-1]
        if time.monotonic() - found.idle_since < IDLE_SECONDS and not found.has_ended():
            return found
        found.close()
        return self.take(request)


@functools.cache
def _idle() -> _Idle:
    return _Idle()


os.register_at_fork(after_in_child=_idle.cache_clear)


@functools.cache
def _tls() -> ssl.SSLContext:
    paths = ssl.get_default_verify_paths()
    if sys.platform == "linux" and (paths.cafile or paths.capath):
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context
    # Elsewhere the authorities that are trusted are no files at a usual place.
    import httpcore2

    return httpcore2.default_ssl_context()


def _resolve(host: str, port: int) -> list[str]:
    found: list[Any] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.append(error)

    # getaddrinfo has no time limit of its own.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(_seconds_left())
    if thread.is_alive():
        raise TimeoutError(f"{host} was not resolved in time")
    if isinstance(found[-1] if found else None, Exception):
        raise OSError(f"the name {host} is not known")
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner: ipaddress.IPv4Address | ipaddress.IPv6Address = ip
    if isinstance(ip, ipaddress.IPv6Address):
        # Addresses that carry an IPv4 address are as private as that one.
        carried = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else None
        inner = ip.ipv4_mapped or ip.sixtofour or carried or ip
    return inner.is_global and not (inner.is_multicast or inner.is_reserved or inner.is_unspecified)


def _refusal(host: str, port: int, address: str) -> errors.FetchRefused:
    return errors.FetchRefused(
        f"{host} is at {address}, which is not public; list {host}:{port} in the setting"
        " fetch_allow if it may be read"
    )


def _seconds_left() -> float:
    left = _terms.get().deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("out of time")
    return left


class _Bounded:
    """A socket as a connection uses it, whose every operation ends at the fetch's deadline, however
    slow the server.
    """

    def __init__(self, inner: socket.socket) -> None:
        self.inner = inner
        self._users = 1

    def sendall(self, data: bytes) -> None:
        self.inner.settimeout(_seconds_left())
        self.inner.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        self._users += 1
        return io.BufferedReader(_Reader(self), 65_536)

    def close(self) -> None:
        """Close the socket when the connection and what reads its answer are done with it."""
        self._users -= 1
        if not self._users:
            self.inner.close()


class _Reader(io.RawIOBase):
    def __init__(self, stream: _Bounded) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self._stream.inner.settimeout(_seconds_left())
        return self._stream.inner.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._stream.close()
