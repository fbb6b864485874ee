# requirements:

"""Guarded fetch: public web addresses only, bounded in size and time, every redirect checked again.

The host is resolved here, the addresses are checked, and the connection goes to a checked address,
so a name that changes its answer between check and connection (DNS rebinding) gains nothing.
Private, loopback, link-local, multicast and reserved addresses are refused unless `host` or
`host:port` is listed in the setting `fetch_allow` or in `allow`.
"""

import atexit
import contextlib
import contextvars
import functools
import ipaddress
import json
import os
import socket
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpcore2
import httpx2

from f.millrace.core import config, errors

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
USER_AGENT = "Millrace/1 (research digest)"
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


# One connection pool serves all fetches, so what differs between them travels in the context.
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
) -> Page:
    """Return what `url` answers (2xx, or 304 when `etag` or `last_modified` still hold).

    SourceFailed says in words why there is nothing: unreachable, too large, too slow, an HTTP
    error; FetchRefused that the address must not be fetched. `body` is posted as JSON. `headers`
    stay with the first host.
    """
    limit = max_bytes or config.settings().fetch_max_bytes
    seconds = seconds or config.settings().fetch_seconds
    sent = {"user-agent": USER_AGENT, "accept-encoding": "gzip", "accept": accept or "*/*"}
    sent |= {"if-none-match": etag} if etag else {}
    sent |= {"if-modified-since": last_modified} if last_modified else {}
    terms = _Terms(
        time.monotonic() + seconds,
        frozenset(entry.lower() for entry in (*config.settings().fetch_allow, *allow)),
    )
    token = _terms.set(terms)
    try:
        return _follow(url, sent, dict(headers or {}), body, limit)
    except httpx2.TimeoutException as error:
        raise errors.SourceFailed(
            f"{strip_secrets(url)} took longer than {seconds:g} s (setting fetch_seconds)"
        ) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
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
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))[:300]


def _follow(url: str, sent: dict[str, str], private: dict[str, str], body: Any, limit: int) -> Page:
    first = url
    for _ in range(MAX_REDIRECTS + 1):
        _check(url)
        method = "GET" if body is None else "POST"
        with _client().stream(method, url, headers=sent | private, json=body) as response:
            target = response.headers.get("location", "")
            if response.status_code not in REDIRECTS or not target:
                return _page(url, response, limit)
        if body is not None:
            raise errors.SourceFailed(
                f"{strip_secrets(url)} redirects a request that carries data; set the final address"
            )
        target = urljoin(url, target)
        if urlsplit(target).netloc != urlsplit(url).netloc:
            private = {}
        url = target
    raise errors.SourceFailed(f"{strip_secrets(first)} redirects more than {MAX_REDIRECTS} times")


def _page(url: str, response: httpx2.Response, limit: int) -> Page:
    status = response.status_code
    if status >= 400:
        wait = response.headers.get("retry-after", "")
        hint = f" (asks to wait {wait[:40]})" if wait else ""
        raise errors.PageUnreadable(
            f"{strip_secrets(url)} answered HTTP {status}{hint}", _describe_status(status)
        )
    headers = {key.lower(): value for key, value in response.headers.items()}
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


def _decoded(url: str, response: httpx2.Response, encoding: str) -> Iterator[bytes]:
    """Yield the body in pieces of at most 64 KiB, so that a small compressed body cannot fill the
    memory.
    """
    if encoding in ("", "identity"):
        yield from response.iter_raw()
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise errors.SourceFailed(
            f"{strip_secrets(url)} answered in the encoding {encoding[:40]!r};"
            " only gzip was asked for"
        )
    inflate = zlib.decompressobj(wbits=47)  # gzip or zlib by its header
    try:
        for raw in response.iter_raw():
            while raw:
                yield inflate.decompress(raw, 65_536)
                raw = inflate.unconsumed_tail
        yield inflate.flush()
    except zlib.error as error:
        raise errors.SourceFailed(f"{strip_secrets(url)} answered broken gzip data") from error


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise errors.FetchRefused(f"{url[:200]!r} is not a web address: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise errors.FetchRefused(
            f"{strip_secrets(url)!r} is not fetched: only http and https addresses are"
        )
    port = port or (443 if parts.scheme == "https" else 80)
    if (host.lower(), port) in _private and not _terms.get().allows(host, port):
        raise _refusal(host, port, "a private address")


def _format_error(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]


@functools.cache
def _client() -> httpx2.Client:
    tls = httpx2.create_ssl_context()
    transport = httpx2.HTTPTransport(verify=tls)
    # HTTPTransport has no parameter for the network below it
    transport._pool = httpcore2.ConnectionPool(  # pyright: ignore[reportPrivateUsage]
        ssl_context=tls,
        max_connections=32,
        max_keepalive_connections=16,
        keepalive_expiry=5,
        network_backend=_Guard(),
    )
    client = httpx2.Client(
        transport=transport, follow_redirects=False, trust_env=False, timeout=None
    )
    atexit.register(client.close)
    return client


os.register_at_fork(after_in_child=_client.cache_clear)


class _Guard(httpcore2.NetworkBackend):
    """Connects to checked addresses only."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        addresses = _resolve(host, port)
        for address in addresses:
            if not _is_public(address):
                if not _terms.get().allows(host, port):
                    raise _refusal(host, port, address)
                _private.add((host.lower(), port))
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                inner = httpcore2.SyncBackend().connect_tcp(
                    address, port, _seconds_left(timeout), local_address, socket_options
                )
                return _Bounded(inner)
            except httpcore2.ConnectError as error:
                failure = error
        raise failure


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
        raise httpcore2.ConnectTimeout(f"{host} was not resolved in time")
    if isinstance(found[-1] if found else None, Exception):
        raise httpcore2.ConnectError(f"the name {host} is not known")
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


def _seconds_left(asked: float | None = None) -> float:
    left = _terms.get().deadline - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("out of time")
    return left if asked is None else min(asked, left)


class _Bounded(httpcore2.NetworkStream):
    """A stream whose every operation ends at the fetch's deadline, however slow the server."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self.inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.inner.read(max_bytes, _seconds_left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, _seconds_left(timeout))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Bounded(self.inner.start_tls(ssl_context, server_hostname, _seconds_left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)
