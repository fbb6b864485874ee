"""The real Jaeger, built once from its Go module into the cache, and started with this repository's configuration."""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from f.millrace.core.errors import MillraceError
from scripts.deployment.cli import cache
from scripts.paths import ROOT

VERSION = "1.76.0"
MODULE = "github.com/jaegertracing/jaeger"
# Its own go.mod replaces one module, which a module that requires it has to repeat.
REPLACE = "github.com/Shopify/sarama=github.com/Shopify/sarama@v1.33.0"
# Fixes the module, and with it its go.sum, which fixes every other.
SUMS = (
    f"{MODULE} v{VERSION} h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g=\n"
    f"{MODULE} v{VERSION}/go.mod h1:hqcuJlLDTv7G2x5eFd/BhwcPdLxj3N+90aKhIzdOcKo=\n"
)
CONFIGURATION = ROOT / "resources/telemetry/jaeger.yaml"
BUILD_SECONDS = 3600
START_SECONDS = 60


class NoJaeger(MillraceError):
    """There is no Jaeger here, and why."""


@dataclass(frozen=True)
class Jaeger:
    """A running one: where it takes spans and where it is asked."""

    otlp: str
    query: str


def program() -> Path:
    """Return the program, built at the first call (four minutes on two quiet cores); NoJaeger says what is missing."""
    home = cache() / f"jaeger-{VERSION}"
    built = home / "jaeger"
    if built.exists():
        return built
    go = shutil.which("go") or "/usr/local/go/bin/go"
    if not Path(go).exists():
        raise NoJaeger("Jaeger is built from source, and Go 1.24 or later is not installed")
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            _build(go, home)
    return built


def _build(go: str, home: Path) -> None:
    for name in ("go.mod", "go.sum"):
        (home / name).unlink(missing_ok=True)
    _go(go, home, "mod", "init", "millrace.local/jaeger")
    _go(go, home, "mod", "edit", f"-require={MODULE}@v{VERSION}", f"-replace={REPLACE}")
    (home / "go.sum").write_text(SUMS)
    module = json.loads(_go(go, home, "mod", "download", "-json", f"{MODULE}@v{VERSION}"))
    (home / "go.sum").write_text(SUMS + (Path(module["Dir"]) / "go.sum").read_text())
    _go(go, home, "build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-o", "jaeger.part", f"{MODULE}/cmd/jaeger")
    (home / "jaeger.part").rename(home / "jaeger")


def _go(go: str, home: Path, *arguments: str) -> str:
    # All sums are here: no question to a server of sums is needed.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOSUMDB": "off", "GOFLAGS": "", "GOWORK": "off"}
    done = subprocess.run([go, *arguments], cwd=home, capture_output=True, text=True, timeout=BUILD_SECONDS, env=environment)
    if done.returncode:
        raise NoJaeger(f"`go {arguments[0]}` failed for Jaeger {VERSION}: {done.stderr.strip()[-500:]}")
    return done.stdout


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Jaeger]:
    """Run Jaeger as configured here, but on free ports of loopback and with its data in `folder`."""
    otlp, query, health, metrics = _free_ports(4)
    changes = [
        f"receivers::otlp::protocols::http::endpoint: 127.0.0.1:{otlp}",
        f"extensions::jaeger_query::http::endpoint: 127.0.0.1:{query}",
        f"extensions::jaeger_query::grpc::endpoint: 127.0.0.1:{_free_ports(1)[0]}",
        f"extensions::healthcheckv2::http::endpoint: 127.0.0.1:{health}",
        f"extensions::jaeger_storage::backends::disk::badger::directories: {{keys: {folder / 'keys'}, values: {folder / 'values'}}}",
        f"service::telemetry::metrics::readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {metrics}}}}}}}}}]",
    ]
    command = [str(program()), "--config", f"file:{CONFIGURATION}"]
    for change in changes:
        command += ["--config", f"yaml:{change}"]
    log = folder / "jaeger.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        try:
            found = Jaeger(f"http://127.0.0.1:{otlp}", f"http://127.0.0.1:{query}")
            _wait(process, f"{found.query}/api/services", log)
            yield found
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.2)
    raise NoJaeger(f"Jaeger {VERSION} did not start: {log.read_text()[-1000:]}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
