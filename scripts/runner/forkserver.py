"""A small process that has imported the heavy libraries and forks one child for each step.

It never opens a database connection or starts a thread, so its children are as fresh as a worker's process.
A child's socket is its life line: when the runner ends, even by SIGKILL, the socket closes and everything here ends.
Standard library only, besides what it is told to import.
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
# Each request on the control socket is one number of this size: 0 with three descriptors is a job, else whom to kill.
REQUEST = struct.Struct("!Q")


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


class Server:
    """Answers the runner between two imports, then for as long as the runner lives."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.children: dict[int, socket.socket] = {}
        self.wake_reader, wake_writer = os.pipe()
        os.set_blocking(self.wake_reader, False)
        os.set_blocking(wake_writer, False)
        self.wake_writer = wake_writer

    def serve(self, modules: list[str]) -> None:
        """Import `modules` one by one and answer requests; return when the runner is gone."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's to handle
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_writer, warn_on_full_buffer=False)
        gc.disable()
        try:
            for name in modules:
                # A library that is not there, or broken, is for the step that needs it to report.
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
                while self.step(wait=False):
                    pass
            gc.collect()
            gc.freeze()  # what is loaded stays out of the children's collections, so its pages stay shared
            while True:
                self.step(wait=True)
        except EOFError:
            self.end()

    def step(self, wait: bool) -> bool:
        """Handle what is there; False when there was nothing."""
        ready, _, _ = select.select([self.control, self.wake_reader], [], [], None if wait else 0)
        if self.wake_reader in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self.wake_reader, 4096)
        self.reap()
        if self.control in ready:
            self.request()
        return bool(ready)

    def request(self) -> None:
        """Fork a child for a request that brings three descriptors, or kill one."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.control, REQUEST.size, 3)
        except ConnectionResetError:
            data, descriptors = b"", []
        if not data:
            raise EOFError
        if not descriptors:
            self.kill(REQUEST.unpack(data)[0])
            return
        line = socket.socket(fileno=descriptors[0])
        child = os.fork()
        if child == 0:
            self.become_child(line, descriptors[1], descriptors[2])
        os.close(descriptors[1])
        os.close(descriptors[2])
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(child, child)  # in both processes: a kill must not come before the group exists
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
            self.control.close()
            for sibling in self.children.values():
                sibling.close()
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

    def end(self) -> None:
        """Kill the children: nobody waits for them any more."""
        for child in list(self.children):
            self.kill(child)


def execute(line: socket.socket, out: int, err: int) -> int:
    """Be the child: take the request from the line, run it, send the outcome; return the exit code."""
    devnull = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((devnull, 0), (out, 1), (err, 2)):
        os.dup2(source, target)
        if source > 2:
            os.close(source)
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
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
        print(outcome["error"]["stack"] + outcome["error"]["name"] + ": " + outcome["error"]["message"], file=sys.stderr)
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
    Server(control).serve(json.loads(sys.argv[2]))


if __name__ == "__main__":
    main()
