"""The picture of the console in the README: the latest conversation over the sample edition.

scripts/demo, ask something in scripts/millrace ui --sample, then scripts/millrace docs picture
"""

import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import uvicorn
from PIL import Image

from f.millrace.core import db
from f.millrace.core.errors import NotFound
from f.millrace.trust import people
from scripts.console import sign_ins
from scripts.console.app import make_application
from scripts.database.ready import ready
from scripts.docs import digest_picture

FILE = "resources/samples/console.png"
WIDTH, HEIGHT = 1400, 840
START_SECONDS = 30.0


def take(root: Path) -> str:
    """Photograph the latest conversation of the sample edition and return the picture's path."""
    browser = digest_picture.find_browser()
    ready()
    owner = people.establish("docs")
    row = db.fetch_one(
        "SELECT session FROM run WHERE namespace = 'sample' AND flow = 'chat' AND session <> '' AND"
        " status = 'done' AND user_id = %s ORDER BY started_at DESC LIMIT 1",
        [owner["id"]],
    )
    if row is None:
        raise NotFound(
            "nothing was asked of the sample edition yet; ask in scripts/millrace ui --sample"
        )
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as place:
        server = uvicorn.Server(
            uvicorn.Config(make_application("sample"), log_level="error", ws="none")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
        thread.start()
        try:
            _wait(server)
            address = f"http://127.0.0.1:{place.getsockname()[1]}"
            link = f"{address}/enter?t={sign_ins.make_link(owner['id'])}"
            shot = Path(folder) / "console.png"
            for url in (link, f"{address}/talk/{row['session']}"):
                _photograph(browser, folder, shot, url)
        finally:
            server.should_exit = True
            thread.join()
        picture = Image.open(shot).convert("RGB").quantize(digest_picture.COLOURS)
        picture.save(root / FILE, optimize=True)
    return FILE


def _photograph(browser: str, folder: str, shot: Path, url: str) -> None:
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        # The page stays open for its stream: it never comes to an end by itself.
        "--timeout=3000",
        f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{HEIGHT}",
        f"--screenshot={shot}", url,
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def _wait(server: uvicorn.Server) -> None:
    until = time.monotonic() + START_SECONDS
    while not server.started and time.monotonic() < until:
        time.sleep(0.05)
