"""Copies of the tree, each with a server that runs tests in it and a Postgres of its own."""

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from scripts.database import embedded
from scripts.paths import ROOT, STATE

LIBRARIES = STATE / "mutations/lib"
COPIED = ("f", "tests", "scripts", "flows", "resources", "dependencies", "u")
FILES = ("pyproject.toml", "wmill.yaml", "README.md")


class Server:
    """One copy, and the process that runs tests in it."""

    def __init__(self, number: int, root: Path, source: Path, postgres: str) -> None:
        self.number = number
        self.home = home_of(root)
        self.copy = self.home / f"copy-{number}"
        self.log = self.home / f"log-{number}.txt"
        _copy(source, self.copy)
        self._times = 0
        # A folder of its own: sessions that share one clean up after each other.
        self._temporary = Path(tempfile.mkdtemp(prefix="millrace-mutants-"))
        self._temporary.chmod(0o755)
        self._process = subprocess.Popen(
            [
                "nice",
                "-n",
                "5",
                sys.executable,
                str(Path(__file__).with_name("server.py")),
                str(LIBRARIES),
            ],
            cwd=self.copy,
            env={
                **os.environ,
                "PROVE_POSTGRES": postgres,
                "PYTEST_DEBUG_TEMPROOT": str(self._temporary),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, seconds: float, **request: Any) -> dict[str, Any]:
        """Run tests and return the verdict of the server; asked again once when pytest breaks."""
        answer = self._ask(seconds, request)
        if answer["verdict"] == "broken":
            answer = self._ask(seconds, request)
        if answer["verdict"] == "broken":
            raise RuntimeError(f"pytest ended with {answer['status']}; {self.log} says why")
        return answer

    def _ask(self, seconds: float, request: dict[str, Any]) -> dict[str, Any]:
        told = {"seconds": seconds, "log": str(self.log), **request}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server of {self.copy} has ended; {self.log} may say why")
        return json.loads(line)

    @contextlib.contextmanager
    def changed(self, path: str, code: str) -> Iterator[None]:
        """Let the file of the copy hold other code for a while."""
        place = self.copy / path
        before, stat = place.read_text(), place.stat()
        place.write_text(code)
        # Compiled code is told from newer source by whole seconds: each change has its own.
        self._times += 1
        os.utime(place, (stat.st_atime, stat.st_mtime - self._times))
        try:
            yield
        finally:
            place.write_text(before)
            os.utime(place, (stat.st_atime, stat.st_mtime))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        shutil.rmtree(self._temporary, ignore_errors=True)


def home_of(root: Path) -> Path:
    """Return where the copies of a tree are, and what was measured in them."""
    return root / ".millrace/mutations"


def install() -> None:
    """Install what only this command needs, once for each list of pins."""
    pins = Path(__file__).with_name("requirements.txt")
    stamp = LIBRARIES / "pins"
    if stamp.exists() and stamp.read_text() == pins.read_text():
        return
    print(f"Installing {' '.join(pins.read_text().split())} into {LIBRARIES} ...", file=sys.stderr)
    shutil.rmtree(LIBRARIES, ignore_errors=True)
    uv = Path(sys.executable).with_name("uv")
    common = ["--quiet", "--target", str(LIBRARIES), "--requirement", str(pins)]
    first = [str(uv), "pip", "install", "--python", sys.executable, *common]
    if subprocess.run(first, check=False).returncode:
        subprocess.run([sys.executable, "-m", "pip", "install", *common], check=True)
    stamp.write_text(pins.read_text())


@contextlib.contextmanager
def started(count: int, root: Path = ROOT, postgres: bool = True) -> Iterator[list[Server]]:
    """Start that many servers and end them."""
    with contextlib.ExitStack() as stack:
        servers: list[Server] = []
        for number in range(count):
            url = stack.enter_context(embedded.temporary()) if postgres else ""
            # The tree may be edited meanwhile: all work on what the first copy holds.
            server = Server(number, root, servers[0].copy if servers else root, url)
            stack.callback(server.close)
            servers.append(server)
        yield servers


# complexipy: ignore (threads, and what ends them: an empty queue, a fault, a person)
def share(servers: list[Server], tasks: list[Any], do: Callable[[Server, Any], None]) -> None:
    """Do each task on whichever server is free; the first fault ends all."""
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    faults: list[BaseException] = []

    def work(server: Server) -> None:
        while not faults:
            try:
                do(server, waiting.get_nowait())
            except queue.Empty:
                return
            except BaseException as fault:
                faults.append(fault)

    threads = [threading.Thread(target=work, args=[server]) for server in servers]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt as stopped:
        # Each server ends what it is at; then its Postgres is stopped as well.
        faults.append(stopped)
        for thread in threads:
            thread.join()
    if faults:
        raise faults[0]


def _copy(root: Path, copy: Path) -> None:
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for name in COPIED:
        if (root / name).exists():
            shutil.copytree(root / name, copy / name)
    for name in FILES:
        if (root / name).exists():
            shutil.copy2(root / name, copy / name)
    (copy / ".millrace").mkdir()
    (copy / ".millrace/venv").symlink_to((STATE / "venv").resolve())
