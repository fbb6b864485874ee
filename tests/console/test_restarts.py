"""The console's server killed, and its database started anew, in the middle of an answer."""

import contextlib
import http.client
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from f.millrace.core import config, db, run_context
from f.millrace.telemetry import events, runs
from f.millrace.trust import people
from scripts.console import sign_ins
from scripts.database.embedded import Embedded
from scripts.paths import ROOT
from scripts.runner.store import set_up_checkpoints
from tests.console.conftest import answer_run, frames

pytestmark = pytest.mark.long
LINES = 24
# A machine with much to do needs long to start a server.
PATIENCE = 180
NUMBER = re.compile(r"found (\d+) of")


class Console:
    """The console as its own process; `kill` ends it as the system would, `start` another."""

    def __init__(self, errors):
        self.port, self.errors = 0, errors
        self.start()

    def start(self):
        command = [sys.executable, "-m", "scripts.commands", "ui", "--no-open"]
        self.child = subprocess.Popen(
            [*command, "--port", str(self.port)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        said = ""
        while "/enter?t=" not in said:
            line = self.child.stdout.readline()
            assert line, "it ended"
            said += line
        self.port = int(said.partition("127.0.0.1:")[2].partition("/")[0])

    def said_wrong(self):
        """Return what it wrote to stderr."""
        self.errors.seek(0)
        return self.errors.read().decode()

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        self.child.stdout.close()


@pytest.fixture
def console():
    """Start consoles on the database of the settings: console()."""
    with contextlib.ExitStack() as ends:

        def start():
            made = Console(ends.enter_context(tempfile.TemporaryFile()))
            ends.callback(made.kill)
            return made

        yield start


class Page:
    """A page that follows a run, and asks again from its last event whenever it is cut off."""

    def __init__(self, port, run_id, cookie):
        self.lines, self.parts, self.last, self.is_over, self.opened = [], [], "", False, 0
        self._address = (port, f"/live?run={run_id}", f"millrace_{port}={cookie}")
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self):
        until = time.monotonic() + PATIENCE
        while not self.is_over and time.monotonic() < until:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._read()
            time.sleep(0.1)

    def _read(self):
        port, path, cookie = self._address
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with contextlib.closing(connection):
            again = {"last-event-id": self.last} if self.last else {}
            connection.request("GET", path, headers={"cookie": cookie, **again})
            answer = connection.getresponse()
            if answer.status != 200:
                return  # as a page does, which asks again after an answer such as 503
            self.opened += 1
            block = ""
            while line := answer.readline().decode():
                block += line
                if line == "\n":
                    self._take(block)
                    block = ""

    def _take(self, block):
        for name, number, data in frames(block):
            self.last = number or self.last
            self.parts.append(str(data))
            self.is_over |= name == "over"
            if name == "line" and (found := NUMBER.search(data["html"])):
                self.lines.append(int(found[1]))

    def wait_for(self, count):
        until = time.monotonic() + PATIENCE
        while len(self.lines) < count and time.monotonic() < until:
            time.sleep(0.02)
        assert len(self.lines) >= count

    def end(self):
        self._thread.join(PATIENCE)
        assert self.is_over


def begin(person, session):
    run_id = runs.ensure(None, "chat")["id"]
    db.execute("UPDATE run SET user_id = %s, session = %s WHERE id = %s", [person, session, run_id])
    return str(run_id)


def say(run_id, numbers, whose="mine"):
    for number in numbers:
        with run_context.change(run_id=run_id):
            events.emit("progress", f"{whose}: found {number} of {LINES}")


def check(page, opened):
    """The page has each line once and in its order, the answer, and nothing of another's run."""
    assert page.opened >= opened
    assert page.lines == list(range(LINES))
    assert "<p>It makes 12" in str(page.parts[-4:])
    assert not any("theirs" in part for part in page.parts)


def test_a_page_goes_on_after_its_server_was_killed_in_the_middle_of_an_answer(folk, console):
    mine, theirs = begin("cy", "one"), begin("bo", "two")
    cookie = sign_ins.enter(sign_ins.make_link("cy"), "a test")
    served = console()
    page = Page(served.port, mine, cookie)

    say(theirs, range(5), "theirs")
    say(mine, range(8))
    page.wait_for(8)
    with run_context.change(run_id=mine):
        events.emit("sentence", "It makes")
    served.kill()
    say(mine, range(8, 16))
    say(theirs, range(5, 9), "theirs")
    served.start()
    say(mine, range(16, LINES))
    page.wait_for(LINES)
    answer_run(mine)
    page.end()

    check(page, opened=2)
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    with contextlib.closing(connection):
        headers = {"cookie": f"millrace_{served.port}={cookie}", "last-event-id": "1"}
        connection.request("GET", f"/live?run={theirs}", headers=headers)
        assert connection.getresponse().status == 404


@pytest.fixture
def folder():
    """A folder into which the user that runs Postgres may go."""
    with tempfile.TemporaryDirectory(prefix="millrace-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_a_page_goes_on_after_its_database_was_started_anew(
    folder, monkeypatch, console, clean_settings
):
    cluster = Embedded(folder / "cluster", durable=False)
    url = cluster.start()
    monkeypatch.setenv("MILLRACE_DATABASE_URL", url)
    monkeypatch.setenv("MILLRACE_USER", "cy")
    try:
        db.migrate(url)
        with db.open_connection(url) as owner:
            set_up_checkpoints(owner)
        config.reload()
        people.establish("cy")
        people.add("bo", "member", by="cy")
        mine = begin("cy", "one")
        cookie = sign_ins.enter(sign_ins.make_link("cy"), "a test")
        served = console()
        page = Page(served.port, mine, cookie)

        say(mine, range(8))
        page.wait_for(8)
        db.close()
        cluster.stop(at_once=True)
        time.sleep(0.5)
        assert cluster.start() == url
        say(mine, range(8, LINES))
        page.wait_for(LINES)
        answer_run(mine)
        page.end()

        check(page, opened=1)
        assert served.child.poll() is None and served.said_wrong() == ""
    finally:
        db.close()
        cluster.stop(at_once=True)
        config.reload()
