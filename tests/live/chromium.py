"""A real Chromium for the tests, driven by its own protocol: the one of the machine, or the one
that an npm package brings.
"""

import base64
import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from scripts.docs import digest_picture
from tests.live import fetched

PACKAGE = "@sparticuz/chromium@153.0.0"
# The package is a programme of Node's: it unpacks the browser, the libraries that a bare machine
# lacks, and prints where they are.
UNPACK = """
import chromium, {inflate} from '@sparticuz/chromium';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
const home = dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium'));
console.log(await chromium.executablePath());
console.log(await inflate(join(home, '..', '..', 'bin', 'al2023.tar.br')));
"""
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--mute-audio",
    "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-dev-shm-usage", "--font-render-hinting=none", "--remote-debugging-port=0",
)  # fmt: skip
START_SECONDS = 60.0
ANSWER_SECONDS = 60.0
KEYS = {
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    "Tab": ("Tab", 9, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "ArrowUp": ("ArrowUp", 38, ""),
}
SHIFT, CTRL = 8, 2


class Page:
    """One page of a browser. What it asked for and what it complained of are kept."""

    def __init__(self, socket: ClientConnection, session: str) -> None:
        """Drive the page of this session of the protocol."""
        self._socket, self._session = socket, session
        self._numbers = itertools.count(1)
        self.asked: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Return what the browser answers."""
        number = next(self._numbers)
        message = {"id": number, "sessionId": self._session, "method": method, "params": given}
        self._socket.send(json.dumps(message))
        while True:
            told = json.loads(self._socket.recv(ANSWER_SECONDS))
            if told.get("id") == number:
                assert "error" not in told, f"{method}: {told['error']}"
                return told["result"]
            self._note(told.get("method", ""), told.get("params", {}))

    def _note(self, event: str, told: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.asked.append(told["request"]["url"])
        if event == "Runtime.exceptionThrown":
            self.complaints.append(told["exceptionDetails"].get("text", ""))
        if event == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.complaints.append(told["entry"]["text"])

    def evaluate(self, code: str) -> Any:
        """Return the value of an expression in the page; promises are waited for."""
        told = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def open(self, url: str) -> None:
        """Load a page and wait until it is complete."""
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def wait(self, code: str, seconds: float = 15.0) -> Any:
        """Return the value of an expression once it is true."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(AssertionError):
                if found := self.evaluate(code):
                    return found
            time.sleep(0.05)
        raise AssertionError(f"it never became true: {code}")

    def show(self, width: int, height: int, theme: str = "light", *, still: bool = True) -> None:
        """Give the window a size, a theme, and say whether the reader wants things to move."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        features = [
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
        ]
        self.call("Emulation.setEmulatedMedia", features=features)

    def press(self, name: str, modifiers: int = 0) -> None:
        """Press a key, as the keyboard does."""
        key, code, text = KEYS[name] if name in KEYS else (name, ord(name.upper()), name)
        given: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        if text and not modifiers & CTRL:
            given["text"] = text
        self.call("Input.dispatchKeyEvent", type="keyDown", **given)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, modifiers=modifiers)

    def type(self, text: str) -> None:
        """Write a text where the focus is."""
        self.call("Input.insertText", text=text)

    def locate(self, chosen: str) -> tuple[float, float]:
        """Return where the middle of an element is."""
        code = (
            f"(() => {{ const box = document.querySelector({json.dumps(chosen)})"
            ".getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        x, y = self.evaluate(code)
        return x, y

    def click(self, chosen: str) -> None:
        """Click on an element with the mouse, where it can be seen."""
        self.evaluate(
            f"document.querySelector({json.dumps(chosen)}).scrollIntoView({{block: 'center'}})"
        )
        x, y = self.locate(chosen)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def drop(self, chosen: str, *files: Path) -> None:
        """Drag files from outside onto an element and let them go."""
        x, y = self.locate(chosen)
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def picture(self, *, whole: bool = False) -> bytes:
        """Return what is to be seen, as PNG; `whole` for the length of the page."""
        told = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(told["data"])


def find() -> tuple[str, dict[str, str]]:
    """Return a browser and the environment that it needs; NotFetched when none can be had."""
    found = next((path for name in digest_picture.BROWSERS if (path := shutil.which(name))), None)
    if found:
        return found, {}
    home = fetched.node_package(PACKAGE).parents[2]
    unpacked = home / "unpacked"
    unpacked.mkdir(exist_ok=True)
    script = home / "unpack.mjs"
    script.write_text(UNPACK)
    done = subprocess.run(
        [str(fetched.node()), str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "TMPDIR": str(unpacked)},
    )
    if done.returncode:
        raise fetched.NotFetched(f"{PACKAGE} could not be unpacked: {done.stderr[-500:]}")
    program, libraries = done.stdout.split()
    return program, {"LD_LIBRARY_PATH": f"{libraries}/lib"}


@contextlib.contextmanager
def start(folder: Path) -> Iterator[Callable[[], Page]]:
    """Start a browser with a profile in this folder; yields a function that opens a page."""
    program, environment = find()
    command = [program, *OPTIONS, f"--user-data-dir={folder}/profile", "about:blank"]
    log = folder / "browser.log"
    with open(log, "wb") as said:
        process = subprocess.Popen(
            command, stderr=said, env={**os.environ, "HOME": str(folder), **environment}
        )
    try:
        address = _wait(process, log)
        with connect(address, max_size=None, open_timeout=START_SECONDS) as socket:
            yield lambda: _open_page(socket)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        if process.poll() is None:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"DevTools listening on (ws://\S+)", log.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.05)
    raise fetched.NotFetched(f"the browser does not start: {log.read_text()[-500:]}")


def _open_page(socket: ClientConnection) -> Page:
    def ask(number: int, method: str, **given: Any) -> dict[str, Any]:
        socket.send(json.dumps({"id": number, "method": method, "params": given}))
        while True:
            told = json.loads(socket.recv(ANSWER_SECONDS))
            if told.get("id") == number:
                return told["result"]

    target = ask(-1, "Target.createTarget", url="about:blank")["targetId"]
    attached = ask(-2, "Target.attachToTarget", targetId=target, flatten=True)
    return Page(socket, attached["sessionId"])
