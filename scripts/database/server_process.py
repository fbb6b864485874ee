"""The process of an embedded Postgres, known by the file that it keeps in its data.

The number in that file alone says nothing: after a crash another process may have it, and a copied
folder names the server of the original.
"""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Literal, NamedTuple

from scripts.database import files

# No process has it: above what any system gives out.
NOBODY = 2**31 - 1
STOP_SECONDS = 60.0

Whose = Literal["ours", "moved", "nobody"]


class Server(NamedTuple):
    """What the file says: the process, where its data were at its start, its port, and whether it
    takes connections.
    """

    pid: int
    data: Path
    port: int
    is_ready: bool


def read(data: Path) -> Server | None:
    """Return what the file in the data says; None when there is none, or nothing to use in it."""
    try:
        lines = (data / "postmaster.pid").read_text(errors="replace").splitlines()
        ready = len(lines) > 7 and lines[7].strip() == "ready"
        return Server(int(lines[0]), Path(lines[1]), int(lines[3]), ready)
    except (OSError, ValueError, IndexError):
        return None


def whose(data: Path, server: Server) -> Whose:
    """Tell whether the process is the server of this data; `moved`: it is, and started before they
    were moved here, so it does not find its own files any more.
    """
    words = command_line(server.pid)
    if not words or Path(words[0]).name != "postgres" or "-D" not in words[:-1]:
        return "nobody"
    started_for = Path(words[words.index("-D") + 1])
    if _is_same(started_for, data):
        return "ours" if Path(words[0]).exists() else "moved"
    other = read(started_for)
    # The original of a copy is still there and keeps the same file.
    return "nobody" if other is not None and other.pid == server.pid else "moved"


def command_line(pid: int) -> list[str]:
    """Return the words that a process was started with; empty when there is no such process."""
    proc = Path("/proc")
    if (proc / "self/cmdline").exists():
        with contextlib.suppress(OSError):
            text = (proc / str(pid) / "cmdline").read_bytes().decode(errors="replace")
            # One that has ended and waits for its parent has none.
            return text.split("\0") if text else []
        return []
    import psutil

    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def has_ended(pid: int) -> bool:
    """Tell whether there is no such process, or only its entry until its parent looks; one that is
    about to become another program may have no words, and runs.
    """
    if Path("/proc/self/stat").exists():
        try:
            state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2]
        except OSError:
            return True
        return state.split()[:1] in (["Z"], ["X"], [])
    import psutil

    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def clear_process_id(data: Path) -> None:
    """Have the file name no process, as that of a server which is gone; Postgres then starts, and
    still looks whether anybody uses its memory.
    """
    path = data / "postmaster.pid"
    lines = path.read_text(errors="replace").splitlines(keepends=True)
    files.write(path, "".join([f"{NOBODY}\n", *lines[1:]]))


def stop(server: Server, *, at_once: bool = False) -> bool:
    """End a server that `whose` has vouched for, and wait until it has; False when it does not."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(server.pid, signal.SIGQUIT if at_once else signal.SIGINT)
    until = time.monotonic() + STOP_SECONDS
    while _is_postgres(server.pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _is_postgres(pid: int) -> bool:
    words = command_line(pid)
    return bool(words) and Path(words[0]).name == "postgres"


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
