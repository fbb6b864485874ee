"""The real Jaeger, built once from its Go module into the cache, and started with this repository's
configuration.
"""

import contextlib
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.observability.gobuild import NoProgram, Source, build_program
from scripts.paths import ROOT

SOURCE = Source(
    name="jaeger",
    module="github.com/jaegertracing/jaeger",
    version="1.76.0",
    sum="h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g=",
    mod_sum="h1:hqcuJlLDTv7G2x5eFd/BhwcPdLxj3N+90aKhIzdOcKo=",
    command="cmd/jaeger",
    # Its own go.mod replaces one module, which a module that requires it has to repeat.
    replace="github.com/Shopify/sarama=github.com/Shopify/sarama@v1.33.0",
)
CONFIGURATION = ROOT / "resources/telemetry/jaeger.yaml"
START_SECONDS = 60


@dataclass(frozen=True)
class Jaeger:
    """A running one: where it takes spans and where it is asked."""

    otlp: str
    query: str


def program() -> Path:
    """Return the program, built at the first call (four minutes on two quiet cores); NoProgram says
    what is missing.
    """
    return build_program(SOURCE)


@contextlib.contextmanager
def run_jaeger(folder: Path) -> Iterator[Jaeger]:
    """Run Jaeger as configured here, on free ports of loopback, with its data in `folder`."""
    otlp, query, health, metrics = free_ports(4)
    changes = [
        f"receivers::otlp::protocols::http::endpoint: 127.0.0.1:{otlp}",
        f"extensions::jaeger_query::http::endpoint: 127.0.0.1:{query}",
        f"extensions::jaeger_query::grpc::endpoint: 127.0.0.1:{free_ports(1)[0]}",
        f"extensions::healthcheckv2::http::endpoint: 127.0.0.1:{health}",
        (
            "extensions::jaeger_storage::backends::disk::badger::directories: {keys:"
            f" {folder / 'keys'}, values: {folder / 'values'}}}"
        ),
        (
            "service::telemetry::metrics::readers: [{pull: {exporter: {prometheus: {host:"
            f" 127.0.0.1, port: {metrics}}}}}}}}}]"
        ),
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
            stop_process(process)


def stop_process(process: "subprocess.Popen[bytes]") -> None:
    """Ask a program to end, and end it when it does not."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    process.kill()
    process.wait()


def _wait(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(address, timeout=2),
        ):
            return
        time.sleep(0.2)
    raise NoProgram(f"Jaeger {SOURCE.version} did not start: {log.read_text()[-1000:]}")


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens at."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
