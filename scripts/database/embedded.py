"""The embedded Postgres with pgvector, from a wheel: made, started and stopped.

It listens on 127.0.0.1 only, with a random password, and runs as another user when started by root
(`programs`). Nothing that exists is deleted on the way to starting: what is missing beside data is
made anew, what is wrong with them is said.
"""

import contextlib
import fcntl
import hmac
import os
import re
import secrets
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from f.millrace.core.errors import DatabaseUnavailable
from scripts.database import files, place, programs, server_process
from scripts.paths import STATE

# Small and quick: one person's machine. What was acknowledged is on disk (synchronous_commit stays
# on).
OPTIONS = "shared_buffers=64MB max_connections=100 max_wal_size=256MB"
UNSAFE_OPTIONS = (
    OPTIONS
    + " fsync=off synchronous_commit=off full_page_writes=off wal_level=minimal max_wal_senders=0"
    # A random password needs no slow hash: a connection takes half the time.
    " scram_iterations=1"
)
# Where files are memory (Linux): making a database there takes 20 ms, on a disk 160 ms.
MEMORY_FOLDER = Path("/dev/shm")
MEMORY_AT_LEAST = 2 * 1024**3
START_SECONDS = 60.0
OWNER_ROLE = "millrace"
STEPS_ROLE = "millrace_steps"
ADDRESS = re.compile(r"postgresql://millrace:([0-9a-f]{32})@127\.0\.0\.1:(\d{1,5})/postgres\s*")
# In one line each, as the server takes them when nobody else is connected.
NEW_PASSWORDS = (
    "ALTER ROLE {owner} PASSWORD '{password}'\n"
    "DO $$BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{steps}') THEN"
    " ALTER ROLE {steps} PASSWORD '{steps_password}'; END IF; END$$\n"
)


class Embedded:
    """A cluster in one folder."""

    def __init__(self, home: Path, durable: bool = True) -> None:
        self.home = home
        self.data = home / "data"
        self.url_file = home / "url"
        self.options = OPTIONS if durable else UNSAFE_OPTIONS
        self.account = programs.choose_account(self.data)
        # Whether this object has started the server, and not found it running.
        self.has_started = False

    def url(self) -> str | None:
        """Return the address, or None when there is none yet, or none that can be used."""
        try:
            text = self.url_file.read_text(errors="replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(error, self.url_file) from error
        return text.strip() if ADDRESS.fullmatch(text) else None

    def steps_url(self) -> str | None:
        """Return the address for steps: a role that may change rows, not tables; made by the first
        migration.
        """
        owner = self.url()
        if owner is None:
            return None
        parts = urlsplit(owner)
        password = _steps_password(parts.password or "")
        return f"postgresql://{STEPS_ROLE}:{password}@{parts.hostname}:{parts.port}{parts.path}"

    def running(self) -> bool:
        """Tell whether the server runs."""
        return self._server("ours", "moved") is not None

    def start(self) -> str:
        """Start the server unless it runs, and return its address."""
        try:
            self._prepare()
            with open(self.home / "lock", "w") as lock:
                os.fchmod(lock.fileno(), 0o600)
                files.match_owner(lock.fileno(), self.home / "lock")
                fcntl.flock(lock, fcntl.LOCK_EX)
                return self._start()
        except OSError as error:
            raise _unusable(error, self.home) from error

    def stop(self, *, at_once: bool = False) -> bool:
        """Stop the server; False when it did not run."""
        server = self._server("ours", "moved")
        if server is None:
            return False
        if not server_process.stop(server, at_once=at_once):
            raise DatabaseUnavailable(
                f"the embedded Postgres (process {server.pid}) did not stop within"
                f" {server_process.STOP_SECONDS:.0f} seconds; end what uses it, or try again"
            )
        return True

    def _server(self, *kinds: server_process.Whose) -> server_process.Server | None:
        """Return the process of this cluster when it is one of these kinds."""
        found = server_process.read(self.data)
        return found if found and server_process.whose(self.data, found) in kinds else None

    def _prepare(self) -> None:
        files.make_folder(self.home)
        if self.account is None:
            files.close_folder(self.home)
            return
        owned = self.home.stat().st_uid == self.account.uid
        files.close_folder(self.home, None if owned else self.account.gid)
        if not self.account.reaches(self.home):
            closed = self.account.find_closed_folder(self.home.resolve())
            raise DatabaseUnavailable(
                f"the user {self.account.name}, who runs Postgres for root, may not enter {closed},"
                f" and the data are in {self.home}; let others pass (chmod o+x {closed}), or move"
                " the checkout to where they may"
            )

    def _start(self) -> str:
        url = (self.url() or self._renew_address()) if self._is_made() else self._create()
        server = self._server("ours")
        if server is None:
            self._end_moved()
            url = self._launch(url)
        elif server.port != urlsplit(url).port:
            url = self._keep_address(url, server.port)
        return url

    def _is_made(self) -> bool:
        """Tell whether there are data; what is there and does not look so is left alone."""
        if (self.data / "PG_VERSION").is_file():
            return True
        if self.data.is_symlink() and not self.data.exists():
            raise DatabaseUnavailable(
                f"{self.data} leads to {self.data.readlink()}, which is not there; mount it, or"
                " remove the link to begin with an empty database"
            )
        if self.data.is_dir() and any(self.data.iterdir()):
            raise DatabaseUnavailable(
                f"{self.data} holds files, but is not a whole Postgres database (PG_VERSION is"
                " missing); it was left as it is. Put back a copy of it, or move it away to begin"
                " with an empty one"
            )
        if self.url_file.exists():
            raise DatabaseUnavailable(
                f"the data of the database are gone from {self.data}, and {self.url_file.name} is"
                f" still there; put them back, or remove {self.url_file} to begin with an empty one"
            )
        return False

    def _create(self) -> str:
        """Make a new cluster beside its place, and put it there when it is whole."""
        spare = Path(tempfile.mkdtemp(prefix=".making-", dir=self.home))
        password = secrets.token_hex(16)
        secret = self.home / f".password-{secrets.token_hex(8)}"
        try:
            files.write(secret, password)
            if self.account:
                for path in (spare, secret):
                    os.chown(path, self.account.uid, self.account.gid)
            self._run_program(
                "initdb",
                *("-D", str(spare), "-U", OWNER_ROLE, "--pwfile", str(secret)),
                *("-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"),
                *("--no-sync", "--no-instructions"),
            )
            url = f"postgresql://{OWNER_ROLE}:{password}@127.0.0.1:{_free_port()}/postgres"
            os.rename(spare, self.data)
            files.write(self.url_file, url + "\n")
        except BaseException:
            # Only what was made here, a moment ago.
            shutil.rmtree(spare, ignore_errors=True)
            raise
        finally:
            secret.unlink(missing_ok=True)
        return url

    def _renew_address(self) -> str:
        """Give data whose address is lost a new password, and return the new address."""
        self._end_moved()
        running = self._server("ours")
        if running and not server_process.stop(running):
            raise DatabaseUnavailable(
                f"{self.url_file} is lost and Postgres (process {running.pid}) does not stop, which"
                " is needed to set a new password; end what uses it, then try again"
            )
        password = secrets.token_hex(16)
        said = self._run_program(
            "postgres",
            *("--single", "-D", str(self.data), "postgres"),
            text=NEW_PASSWORDS.format(
                owner=OWNER_ROLE,
                password=password,
                steps=STEPS_ROLE,
                steps_password=_steps_password(password),
            ),
        )
        if "ERROR:" in said or "FATAL:" in said:
            raise DatabaseUnavailable(
                f"{self.url_file} is lost and no new password can be set: {_last_lines(said)}"
            )
        url = f"postgresql://{OWNER_ROLE}:{password}@127.0.0.1:{_free_port()}/postgres"
        files.write(self.url_file, url + "\n")
        print(
            f"millrace: {self.url_file} was lost or unreadable; the database has a new password,"
            " its data are as they were",
            file=sys.stderr,
        )
        return url

    def _end_moved(self) -> None:
        """Clear the way for a start: a server from before the data were moved ends, a process that
        is none of ours is not taken for one.
        """
        found = server_process.read(self.data)
        if found is None or found.pid == server_process.NOBODY:
            return
        kind = server_process.whose(self.data, found)
        if kind == "moved" and not server_process.stop(found):
            raise DatabaseUnavailable(
                f"Postgres (process {found.pid}) still runs from {found.data}, where its data were"
                " before they were moved, and does not stop; end what uses it, then try again"
            )
        if kind == "nobody":
            server_process.clear_process_id(self.data)

    def _launch(self, url: str) -> str:
        port = urlsplit(url).port or 0
        with contextlib.closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                url = self._keep_address(url, _free_port())
                port = urlsplit(url).port
        options = f"listen_addresses=127.0.0.1 unix_socket_directories= {self.options}".split()
        command = [str(self._program("postgres")), "-D", str(self.data), "-p", str(port)]
        command += [part for option in options for part in ("-c", option)]
        log = self.data / "server.log"
        with open(log, "ab") as file:
            os.chmod(log, 0o600)
            files.match_owner(file.fileno(), log)
            began = file.tell()
            pid = programs.launch(command, self.account, file.fileno())
        self._wait(pid, log, began)
        self.has_started = True
        return url

    def _wait(self, pid: int, log: Path, began: int) -> None:
        """Wait until the server takes connections; DatabaseUnavailable says why it does not."""
        until = time.monotonic() + START_SECONDS
        while True:
            found = server_process.read(self.data)
            if found and found.pid == pid and found.is_ready:
                return
            if server_process.has_ended(pid):
                with open(log, "rb") as file:
                    file.seek(began)
                    said = file.read().decode(errors="replace")
                raise DatabaseUnavailable(
                    f"the embedded Postgres did not start: {_explain(said, self.data)}"
                )
            if time.monotonic() > until:
                raise DatabaseUnavailable(
                    f"the embedded Postgres is not ready after {START_SECONDS:.0f} seconds; it may"
                    f" be mending its data after a crash: try again in a minute, {log} says more"
                )
            time.sleep(0.01)

    def _keep_address(self, url: str, port: int) -> str:
        """Note another port, and return the address with it."""
        url = f"{url.rpartition(':')[0]}:{port}/postgres"
        files.write(self.url_file, url + "\n")
        return url

    def _program(self, name: str) -> Path:
        version = self.data / "PG_VERSION"
        folder = programs.find(
            version.read_text(errors="replace").strip() if version.is_file() else ""
        )
        return programs.open_to(self.account, folder, self.home) / name

    def _run_program(self, name: str, *arguments: str, text: str = "") -> str:
        """Run a program to its end and return what it said of faults."""
        done = programs.run([str(self._program(name)), *arguments], self.account, text)
        if done.returncode != 0:
            raise DatabaseUnavailable(
                f"the embedded Postgres: {name} failed: {_explain(done.stderr, self.home)}"
            )
        return done.stderr


def _steps_password(password: str) -> str:
    return hmac.new(password.encode(), STEPS_ROLE.encode(), "sha256").hexdigest()[:32]


def _explain(said: str, folder: Path) -> str:
    """Return the reason in what a program said, with a way out where there is a plain one."""
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return _full(folder)
    return _last_lines(said) or "it said nothing"


def _last_lines(said: str) -> str:
    lines = [line for line in said.strip().splitlines() if line.strip()]
    faults = [line for line in lines if re.search(r"\b(?:FATAL|PANIC|ERROR|HINT):", line)]
    return " / ".join((faults or lines)[-3:])[-800:]


def _full(folder: Path) -> str:
    free = shutil.disk_usage(folder).free
    return f"the disk of {folder} is full ({free / 1e6:.0f} MB free); make room there"


def _unusable(error: OSError, path: Path) -> DatabaseUnavailable:
    where = error.filename or path
    if error.errno in place.FULL:
        return DatabaseUnavailable(f"the embedded Postgres cannot start: {_full(path.parent)}")
    return DatabaseUnavailable(
        f"the embedded Postgres cannot use {where}: {error.strerror}; run this as the user who owns"
        " it, set MILLRACE_STATE to a folder that can be written, or MILLRACE_DATABASE_URL to"
        " another Postgres"
    )


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def default() -> Embedded:
    """Return the checkout's own cluster: in `.millrace/postgres`, or where root keeps it."""
    return Embedded(place.locate_cluster(STATE))


@contextlib.contextmanager
def temporary() -> Iterator[str]:
    """Yield the address of a throw-away server that does not wait for the disk; for tests."""
    home = Path(tempfile.mkdtemp(prefix="millrace-test-", dir=_memory_folder()))
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
