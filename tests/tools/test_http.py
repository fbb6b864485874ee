"""The guarded fetch."""

import contextlib
import gzip
import itertools
import socket
import ssl
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
from cryptography.x509.oid import NameOID

from f.millrace.core.errors import FetchRefused, SourceFailed
from f.millrace.tools import http
from f.millrace.tools.http import fetch, get_json, strip_secrets
from tests.tools.conftest import Reply


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.9",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "2130706433",
        "0x7f.1",
        "localhost",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
def test_addresses_that_are_not_public_are_refused(host):
    with pytest.raises(FetchRefused, match="fetch_allow"):
        fetch(f"http://{host}:9/")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://host.example/x", "gopher://h/", "javascript:1", "//x/y", ""],
)
def test_only_web_addresses_are_fetched(url):
    with pytest.raises(FetchRefused):
        fetch(url)


def test_a_listed_private_address_is_fetched(web):
    web["/x"] = Reply("hello", headers={"ETag": '"7"', "Content-Type": "text/plain; charset=utf-8"})

    page = fetch(web.url("/x"))

    assert (page.status, page.text, page.etag, page.media_type) == (
        200,
        "hello",
        '"7"',
        "text/plain",
    )


def test_the_caller_may_allow_an_address_for_itself_only(other_web):
    other_web["/x"] = "hello"

    with pytest.raises(FetchRefused):
        fetch(other_web.url("/x"))
    assert fetch(other_web.url("/x"), allow=[other_web.host]).text == "hello"


def test_a_connection_that_was_kept_open_does_not_serve_other_callers(other_web):
    other_web["/x"] = "hello"
    fetch(other_web.url("/x"), allow=[other_web.host])
    before = len(other_web.asked)

    with pytest.raises(FetchRefused):
        fetch(other_web.url("/x"), allow=["127.0.0.1:1"])
    with pytest.raises(FetchRefused):
        fetch(other_web.url("/x").replace("127", "１２７"))  # the same to a resolver

    assert len(other_web.asked) == before


def test_redirects_are_checked_again(web, other_web):
    other_web["/secret"] = "secret"
    web["/there"] = Reply(status=302, headers={"Location": other_web.url("/secret")})
    web["/cloud"] = Reply(
        status=301, headers={"Location": "http://169.254.169.254/latest/meta-data/"}
    )
    web["/file"] = Reply(status=301, headers={"Location": "file:///etc/passwd"})

    for path in ("/there", "/cloud", "/file"):
        with pytest.raises(FetchRefused):
            fetch(web.url(path))

    assert other_web.asked == []


def test_a_redirect_within_the_rules_is_followed(web):
    web["/old"] = Reply(status=301, headers={"Location": "/new"})
    web["/new"] = "moved"

    page = fetch(web.url("/old"))

    assert (page.text, page.url) == ("moved", web.url("/new"))


def test_a_redirect_loop_ends(web):
    web["/a"] = Reply(status=302, headers={"Location": "/a"})

    with pytest.raises(SourceFailed, match="redirects more than 5 times"):
        fetch(web.url("/a"))


def test_secret_headers_stay_with_the_first_host(web, other_web):
    web["/a"] = Reply(status=302, headers={"Location": other_web.url("/b")})
    other_web["/b"] = "ok"

    fetch(web.url("/a"), headers={"authorization": "Bearer key"}, allow=[other_web.host])

    assert web.asked[0].headers["authorization"] == "Bearer key"
    assert "authorization" not in other_web.asked[0].headers


def test_the_connection_goes_to_the_address_that_was_checked(web, monkeypatch):
    web["/x"] = "secret"
    port = int(web.host.rpartition(":")[2])
    answers = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])

    def rebinding(host, number, *_, **__):
        address = next(answers) if host == "changing.example" else host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, number))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)

    with pytest.raises(SourceFailed):
        fetch(f"http://changing.example:{port}/x", seconds=2)
    assert web.asked == []


def test_a_name_with_one_private_address_is_refused(monkeypatch):
    def both(host, port, **_):
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))
            for ip in ("93.184.216.34", "10.1.1.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", both)

    with pytest.raises(FetchRefused, match=r"10\.1\.1\.1"):
        fetch("http://mixed.example/")


def test_an_unknown_name_is_said_in_words(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(SourceFailed, match=r"nowhere\.example is not known"):
        fetch("http://nowhere.example/")


def test_a_body_that_is_declared_too_large_is_not_read(web):
    web["/big"] = b"x" * 10_000_000

    with pytest.raises(SourceFailed, match="larger than 5,000,000 bytes"):
        fetch(web.url("/big"))


def test_an_endless_body_ends_at_the_limit(web):
    web["/endless"] = Reply(body=itertools.repeat(b"<item/>" * 1000))

    with pytest.raises(SourceFailed, match="larger than 50,000 bytes"):
        fetch(web.url("/endless"), max_bytes=50_000)


def test_a_dripping_body_ends_at_the_time_limit(web):
    sent = []

    def drip():
        while True:
            sent.append(1)
            yield b"x"
            time.sleep(0.05)

    web["/drip"] = Reply(body=drip())

    with pytest.raises(SourceFailed, match=r"longer than 0.5 s"):
        fetch(web.url("/drip"), seconds=0.5)
    # Ten bytes come in that time; on a busy machine fewer, never many more.
    assert 1 <= len(sent) < 40


def test_dripping_headers_end_at_the_time_limit(configure):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        configure(fetch_allow=host)

        with pytest.raises(SourceFailed, match="longer than"):
            fetch(f"http://{host}/", seconds=0.3)


def test_a_compressed_bomb_ends_at_the_limit(web):
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=1)
    web["/bomb"] = Reply(bomb, headers={"Content-Encoding": "gzip"})

    with pytest.raises(SourceFailed, match="larger than"):
        fetch(web.url("/bomb"))


def test_compressed_pages_are_read(web):
    web["/z"] = Reply(gzip.compress(b"hello"), headers={"Content-Encoding": "gzip"})

    assert fetch(web.url("/z")).content == b"hello"


PACKED = {
    "two gzip members": (
        "gzip",
        gzip.compress(b"hello ", mtime=0) + gzip.compress(b"world", mtime=0),
    ),
    "gzip and padding": ("x-gzip", gzip.compress(b"hello world", mtime=0) + b"\0" * 400),
    "zlib": ("deflate", zlib.compress(b"hello world")),
    "raw deflate": ("deflate", zlib.compress(b"hello world")[2:-4]),
    "gzip twice": (
        "gzip, gzip",
        gzip.compress(gzip.compress(b"hello world", mtime=0), mtime=0),
    ),
    "a charset as label": ("utf-8", b"hello world"),
    "a charset and gzip": ("UTF-8, gzip", gzip.compress(b"hello world", mtime=0)),
    "binary": ("binary", b"hello world"),
    "none": ("none", b"hello world"),
}


@pytest.mark.parametrize(("encoding", "packed"), PACKED.values(), ids=PACKED)
def test_what_is_packed_is_read_whole_and_a_label_that_is_none_says_nothing(web, encoding, packed):
    web["/z"] = Reply(packed, headers={"Content-Encoding": encoding})

    assert fetch(web.url("/z")).content == b"hello world"


@pytest.mark.parametrize("kept", [3, 40, -9])
def test_a_packed_answer_that_was_cut_is_a_failure(web, kept):
    packed = gzip.compress(bytes(range(256)) * 300)
    web["/z"] = Reply(packed[:kept], headers={"Content-Encoding": "gzip"})

    with pytest.raises(SourceFailed, match="cut"):
        fetch(web.url("/z"))


@pytest.mark.parametrize("target", ["http://[", "http://[::1", "//[x]/"])
def test_a_redirect_to_no_address_is_said(web, target):
    web["/r"] = Reply(status=302, headers={"Location": target})

    with pytest.raises((SourceFailed, FetchRefused), match=r"redirects to|address"):
        fetch(web.url("/r"))


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_broken_or_unknown_compression_is_said(web, encoding):
    web["/z"] = Reply(b"not compressed", headers={"Content-Encoding": encoding})

    with pytest.raises(SourceFailed, match=r"encoding|gzip"):
        fetch(web.url("/z"))


def test_validators_are_sent_and_unchanged_is_told(web):
    web["/x"] = lambda asked: (
        Reply(status=304) if asked.headers.get("if-none-match") == '"1"' else Reply("new")
    )

    assert fetch(web.url("/x"), etag='"1"', last_modified="Thu, 01 Jan 2026 00:00:00 GMT").unchanged
    assert web.asked[0].headers["if-modified-since"] == "Thu, 01 Jan 2026 00:00:00 GMT"


def test_an_error_status_is_a_failure_with_the_wait_that_was_asked_for(web):
    web["/busy"] = Reply("slow down", 429, {"Retry-After": "30"})

    with pytest.raises(SourceFailed, match=r"HTTP 429 \(asks to wait 30\)"):
        fetch(web.url("/busy"))


def test_html_where_json_was_expected_is_said(web):
    web["/api"] = "<!DOCTYPE html><html>login</html>"

    with pytest.raises(SourceFailed, match="answered HTML where JSON was expected"):
        get_json(web.url("/api"))


def test_json_that_is_too_deep_is_a_failure(web):
    web["/api"] = "[" * 100_000

    with pytest.raises(SourceFailed, match="not JSON"):
        get_json(web.url("/api"))


def test_a_connection_that_is_refused_is_said(configure):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
    configure(fetch_allow=host)

    with pytest.raises(SourceFailed, match=f"{host}/: .*refused"):
        fetch(f"http://{host}/")


def test_one_connection_serves_one_fetch_after_another(web):
    web["/x"] = "hello"

    fetch(web.url("/x"))
    fetch(web.url("/x"))

    assert len({asked.client for asked in web.asked}) == 1


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(configure):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        configure(fetch_allow=host)

        def answer_once_a_connection():
            for _ in range(2):
                connection, _ = listener.accept()
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            served = pool.submit(answer_once_a_connection)
            first = fetch(f"http://{host}/").text
            time.sleep(0.05)
            assert [first, fetch(f"http://{host}/").text] == ["ok", "ok"]
            served.result()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsho",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"",
        b"SSH-2.0\r\n",
    ],
)
def test_an_answer_that_is_not_whole_is_a_failure(configure, answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        configure(fetch_allow=host)

        def reply():
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(answer)
            connection.close()

        with ThreadPoolExecutor(1) as pool:
            served = pool.submit(reply)
            with pytest.raises(SourceFailed, match=host):
                fetch(f"http://{host}/")
            served.result()


def test_an_address_in_other_letters_and_with_a_password_is_asked_for_as_the_server_has_it(web):
    web["/caf%C3%A9?q=%C3%BC%20a&b=%2F"] = "hello"

    address = web.url("/café?q=ü a&b=%2F").replace("http://", "http://user:s%40fe@")

    assert fetch(address).text == "hello"
    assert web.asked[0].headers["authorization"] == "Basic dXNlcjpzQGZl"
    assert web.asked[0].headers["host"] == web.host


@pytest.fixture
def tls_web(tmp_path):
    """The address of a server with a certificate for localhost that nobody signed, and that."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = Encoding.PEM
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (tmp_path / "both.pem").write_bytes(
        certificate.public_bytes(pem)
        + key.private_bytes(pem, PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"https://localhost:{server.server_port}", tmp_path / "cert.pem"
    server.shutdown()
    server.server_close()
    thread.join()


class Slow(BaseHTTPRequestHandler):
    """Answers at once, or drips."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "1000")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(1000 if self.path == "/drip" else 1):
                self.wfile.write(b"x" * (1 if self.path == "/drip" else 1000))
                time.sleep(0.05 if self.path == "/drip" else 0)

    def log_message(self, *_):
        pass


def test_a_certificate_is_checked_and_the_time_limit_holds_there_too(
    tls_web, configure, monkeypatch
):
    url, certificate = tls_web
    configure(fetch_allow=url.removeprefix("https://"))
    http._tls.cache_clear()

    with pytest.raises(SourceFailed, match="certificate"):
        fetch(f"{url}/x")

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    http._tls.cache_clear()
    assert len(fetch(f"{url}/x").content) == 1000
    with pytest.raises(SourceFailed, match="longer than"):
        fetch(f"{url}/drip", seconds=0.5)
    monkeypatch.undo()
    http._tls.cache_clear()


def test_messages_show_no_keys():
    assert (
        strip_secrets("https://user:secret@host.example/feed?key=abc")
        == "https://host.example/feed"
    )
