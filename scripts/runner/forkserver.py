"""A small process that has imported the heavy libraries and forks one child for each step.

It never opens a database connection or starts a thread, so its children are as fresh as a worker's
process. A child's socket is its life line: when the runner ends, even by SIGKILL, the socket closes
and everything here ends. Standard library only, besides what it is told to import.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import struct
import sys
import threading
from typing import Any

from scripts.runner import script

LENGTH = struct.Struct("!Q")
# Each request on the control socket is one number of this size. With three descriptors it is a job,
# to be started at once or when the heavy libraries are loaded; without, it is the child to kill.
REQUEST = struct.Struct("!Q")
NOW, LOADED = 0, 1


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one message: its length, then JSON."""
    data = json.dumps(message).encode()
    connection.sendall(LENGTH.pack(len(data)) + data)


def receive(connection: socket.socket) -> dict[str, Any] | None:
    """Return the next message, or None when the other side is gone."""
    head = _exactly(connection, LENGTH.size)
    body = _exactly(connection, LENGTH.unpack(head)[0]) if head else None
    return json.loads(body) if body is not None else None


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts: list[bytes] = []
    while size:
        try:
            part = connection.recv(min(size, 1 << 20))
        except ConnectionResetError:
            return None
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class WorkerGone(Exception):
    """Nobody is left to serve."""


class Server:
    """Forks a child for each request, for as long as the runner lives.

    The first server loads what every step needs and answers at once. It forks a second one that
    loads the heavy libraries, takes over when it has them, and passes back what is for children of
    the first.
    """

    def __init__(self, control: socket.socket, elder: socket.socket | None = None) -> None:
        self.control, self.elder = control, elder
        self.younger: socket.socket | None = None
        self.handed_over = False
        self.deferred: list[list[int]] = []
        self.children: dict[int, socket.socket] = {}
        self.wake_reader, self.wake_writer = os.pipe()
        os.set_blocking(self.wake_reader, False)
        os.set_blocking(self.wake_writer, False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's to handle
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_writer, warn_on_full_buffer=False)

    def serve(self, light: list[str], heavy: list[str]) -> None:
        """Load and answer until the runner is gone."""
        gc.disable()
        try:
            load(light)
            if heavy:
                self.fork_younger(heavy)
            # what is loaded stays out of the children's collections, so its pages stay shared
            gc.freeze()
            while True:
                self.step()
        except WorkerGone:
            for child in list(self.children):
                self.kill(child)

    def fork_younger(self, heavy: list[str]) -> None:
        """Fork the server that takes over when it has the heavy libraries."""
        mine, theirs = socket.socketpair()
        if os.fork() == 0:
            mine.close()
            os.close(self.wake_reader)
            younger = Server(self.control, theirs)
            os.close(self.wake_writer)
            load(heavy)
            with contextlib.suppress(OSError):
                theirs.sendall(REQUEST.pack(LOADED))
                if theirs.recv(REQUEST.size):
                    younger.serve([], [])
            os._exit(0)
        theirs.close()
        self.younger = mine

    def step(self) -> None:
        """Wait for something and handle it."""
        watched = [self.wake_reader, *(each for each in (self.elder, self.younger) if each)]
        if not self.handed_over:
            watched.append(self.control)
        ready, _, _ = select.select(watched, [], [])
        if self.wake_reader in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self.wake_reader, 4096)
        self.reap()
        if self.elder and self.elder in ready:
            self.request(self.elder)
        if self.younger in ready:
            self.hear_younger()
        elif self.control in ready:
            self.request(self.control)

    def hear_younger(self) -> None:
        """Hand over when it is ready, then kill whom it names."""
        assert self.younger is not None
        message = self.younger.recv(REQUEST.size)
        if not message and self.handed_over:
            raise WorkerGone
        if not message:  # it died while loading: go on without
            self.younger.close()
            self.younger = None
            for descriptors in self.deferred:
                self.fork_child(descriptors)
        elif self.handed_over:
            self.kill(REQUEST.unpack(message)[0])
        else:
            self.handed_over = True
            self.younger.sendall(message)
            for descriptors in self.deferred:
                socket.send_fds(self.younger, [message], descriptors)
                for descriptor in descriptors:
                    os.close(descriptor)
            self.deferred.clear()

    def request(self, source: socket.socket) -> None:
        """Fork a child for a request that brings three descriptors, or kill one."""
        try:
            data, descriptors, _, _ = socket.recv_fds(source, REQUEST.size, 3)
        except ConnectionResetError:
            raise WorkerGone from None
        if not data:
            raise WorkerGone
        number = REQUEST.unpack(data)[0]
        if descriptors and number == LOADED and self.younger and not self.handed_over:
            self.deferred.append(descriptors)
        elif descriptors:
            self.fork_child(descriptors)
        elif number in self.children or not self.elder:
            self.kill(number)
        else:
            self.elder.sendall(data)

    def fork_child(self, descriptors: list[int]) -> None:
        """Fork the child that answers on the first descriptor and prints to the other two."""
        line = socket.socket(fileno=descriptors[0])
        child = os.fork()
        if child == 0:
            self.become_child(line, descriptors[1], descriptors[2])
        os.close(descriptors[1])
        os.close(descriptors[2])
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # in both processes: a kill must not come before the group exists
            os.setpgid(child, child)
        self.children[child] = line
        with contextlib.suppress(OSError):
            send(line, {"pid": child})

    def become_child(self, line: socket.socket, out: int, err: int) -> None:
        """Run one step and end; never returns."""
        code = 1
        try:
            with contextlib.suppress(OSError):
                os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (self.wake_reader, self.wake_writer):
                os.close(descriptor)
            for other in (self.control, self.elder, self.younger, *self.children.values()):
                if other is not None:
                    other.close()
            code = execute(line, out, err)
        finally:
            os._exit(code)

    def kill(self, child: int) -> None:
        """Kill a child and all that it started."""
        if child in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)

    def reap(self) -> None:
        """Tell the runner how ended children ended."""
        for child in list(self.children):
            if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            # Still a zombie, so its number cannot be another's: what it left behind ends with it.
            self.kill(child)
            _, status = os.waitpid(child, 0)
            line = self.children.pop(child)
            with contextlib.suppress(OSError):
                send(line, {"exit": os.waitstatus_to_exitcode(status)})
            line.close()


def load(modules: list[str]) -> None:
    """Import the modules; one that is not there, or broken, is for the step that needs it to
    report.
    """
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.collect()


def execute(line: socket.socket, out: int, err: int) -> int:
    """Be the child: take the request, run it, send the outcome; return the exit code."""
    devnull = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((devnull, 0), (out, 1), (err, 2)):
        os.dup2(source, target)
        if source > 2:
            os.close(source)
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(  # noqa: SIM115
        2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
    request = receive(line)
    if request is None:
        return 1
    threading.Thread(target=_die_with, args=[line], daemon=True).start()
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.argv = [request.get("path") or "inline"]
    random.seed()
    gc.enable()
    outcome = script.run(request)
    if "error" in outcome:
        print(
            outcome["error"]["stack"]
            + outcome["error"]["name"]
            + ": "
            + outcome["error"]["message"],
            file=sys.stderr,
        )
    sys.stdout.flush()
    sys.stderr.flush()
    send(line, outcome)
    atexit._run_exitfuncs()  # pyright: ignore[reportAttributeAccessIssue]
    sys.stdout.flush()
    sys.stderr.flush()
    return 1 if "error" in outcome else 0


def _die_with(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.recv(1)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Serve on the inherited socket until the runner is gone."""
    control = socket.socket(fileno=int(sys.argv[1]))
    Server(control).serve(*json.loads(sys.argv[2]))


if __name__ == "__main__":
    main()
