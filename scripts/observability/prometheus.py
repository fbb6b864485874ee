"""The real Prometheus and Alertmanager, brought once into the cache, and started with the generated
files.

Prometheus is Debian's package, unpacked and not installed (one of the PATH goes before it);
Alertmanager is built from its Go module, because Debian's looks for its templates where only an
installed one has them.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.deployment.cli import cache
from scripts.observability.gobuild import NoProgram, Source, build_program
from scripts.observability.jaeger import free_ports, stop_process

PACKAGE = "prometheus"
ALERTMANAGER = Source(
    name="alertmanager",
    module="github.com/prometheus/alertmanager",
    version="0.28.1",
    sum="h1:BK5pCoAtaKg01BYRUJhEDV1tqJMEtYBGzPw8QdvnnvA=",
    mod_sum="h1:0StpPUDDHi1VXeM7p2yYfeZgLVi/PPlt39vo9LQUHxM=",
    command="cmd/alertmanager",
)
FETCH_SECONDS = 300
START_SECONDS = 30


def program(name: str) -> Path:
    """Return `prometheus`, `promtool` or `alertmanager`, brought at the first call; NoProgram says
    what is missing.
    """
    if name == "alertmanager":
        return build_program(ALERTMANAGER)
    found = shutil.which(name)
    if found:
        return Path(found)
    home = cache() / "prometheus-debian"
    unpacked = home / "root/usr/bin" / name
    if unpacked.exists():
        return unpacked
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not unpacked.exists():
            _fetch(home)
    return unpacked


def _fetch(home: Path) -> None:
    """Download and unpack the package; needs apt-get and dpkg, not root."""
    missing = [tool for tool in ("apt-get", "dpkg") if not shutil.which(tool)]
    if missing:
        raise NoProgram(
            f"Prometheus comes from Debian's package, and there is no {' or '.join(missing)}"
        )
    done = _run(["apt-get", "download", PACKAGE], home)
    if done.returncode:
        # A fresh machine has no lists of packages; without root they go into the cache.
        own = _own_lists(home)
        _run(["apt-get", *own, "update"], home)
        done = _run(["apt-get", *own, "download", PACKAGE], home)
    if done.returncode:
        raise NoProgram(f"`apt-get download {PACKAGE}` failed: {done.stderr.strip()[-500:]}")
    shutil.rmtree(home / "root.part", ignore_errors=True)
    for package in sorted(home.glob("*.deb")):
        subprocess.run(
            ["dpkg", "-x", str(package), str(home / "root.part")], check=True, timeout=FETCH_SECONDS
        )
        package.unlink()
    shutil.rmtree(home / "root", ignore_errors=True)
    (home / "root.part").rename(home / "root")


def _own_lists(home: Path) -> list[str]:
    for folder in ("lists/partial", "archives/partial"):
        (home / "apt" / folder).mkdir(parents=True, exist_ok=True)
    return [
        "-o",
        f"Dir::State::Lists={home / 'apt/lists'}",
        "-o",
        f"Dir::Cache::Archives={home / 'apt/archives'}",
        "-o",
        f"Dir::Cache={home / 'apt'}",
    ]


def _run(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=FETCH_SECONDS,
        env={**os.environ, "LC_ALL": "C"},
    )


@dataclass(frozen=True)
class Prometheus:
    """A running one."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an instant query."""
        return self._get("/api/v1/query", query=expression)["result"]

    def exemplars(self, expression: str) -> list[dict[str, Any]]:
        """Return the exemplars of the last hour."""
        now = time.time()
        return self._get(
            "/api/v1/query_exemplars", query=expression, start=now - 3600, end=now + 60
        )

    def alerts(self) -> list[dict[str, Any]]:
        """Return what is pending or fires."""
        return self._get("/api/v1/alerts")["alerts"]

    def targets(self) -> list[dict[str, Any]]:
        """Return what is scraped, and how that went."""
        return self._get("/api/v1/targets")["activeTargets"]

    def _get(self, path: str, **values: Any) -> Any:
        with urllib.request.urlopen(
            f"{self.url}{path}?{urllib.parse.urlencode(values)}", timeout=10
        ) as answer:
            return json.load(answer)["data"]


@contextlib.contextmanager
def prometheus(folder: Path, configuration: Path, replace: dict[str, str]) -> Iterator[Prometheus]:
    """Run Prometheus with a configuration and its rules, with other addresses and times, and its
    data in `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_ports(1)[0]
    for file in configuration.parent.glob("*.yml"):
        (folder / file.name).write_text(_replace(file.read_text(), replace))
    command = [
        str(program("prometheus")),
        f"--config.file={folder / configuration.name}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
        # Debian keeps the console's files elsewhere.
        f"--web.console.templates={folder}",
        f"--web.console.libraries={folder}",
    ]
    with _run_program(command, folder / "prometheus.log", f"http://127.0.0.1:{port}/-/ready"):
        yield Prometheus(f"http://127.0.0.1:{port}")


@contextlib.contextmanager
def alertmanager(folder: Path, configuration: Path, replace: dict[str, str]) -> Iterator[str]:
    """Run Alertmanager with a configuration, changed as for Prometheus, and yield its address."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_ports(1)[0]
    changed = folder / "alertmanager.yml"
    changed.write_text(_replace(configuration.read_text(), replace))
    command = [
        str(program("alertmanager")),
        f"--config.file={changed}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with _run_program(command, folder / "alertmanager.log", f"http://127.0.0.1:{port}/-/ready"):
        yield f"http://127.0.0.1:{port}"


def _replace(text: str, replace: dict[str, str]) -> str:
    for pattern, new in replace.items():
        text = re.sub(pattern, new, text)
    return text


@contextlib.contextmanager
def _run_program(command: list[str], log: Path, ready: str) -> Iterator[None]:
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=log.parent, stdout=output, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + START_SECONDS
            while not _is_answering(ready):
                if process.poll() is not None or time.monotonic() > until:
                    raise NoProgram(
                        f"{Path(command[0]).name} did not start: {log.read_text()[-1000:]}"
                    )
                time.sleep(0.1)
            yield
        finally:
            stop_process(process)


def _is_answering(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False
