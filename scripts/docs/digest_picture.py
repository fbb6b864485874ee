"""The picture of a digest in the README: the latest sample digest, as Chromium shows it.

scripts/demo && scripts/millrace docs picture
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageOps

from f.millrace.core import db
from f.millrace.core.errors import NotFound
from f.millrace.digest import digest_links
from scripts.database.ready import ready

FILE = "resources/samples/digest.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 700, 900
# Text on white needs few colours; the file stays small.
COLOURS = 128
EDGE = "#dfe4ea"


def take(root: Path) -> str:
    """Photograph the latest digest of the sample edition and return the picture's path."""
    browser = find_browser()
    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder) / "digest.html", Path(folder) / "digest.png"
        page.write_text(_latest(), encoding="utf-8")
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--virtual-time-budget=3000",
            f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{HEIGHT}",
            "--force-device-scale-factor=2", f"--screenshot={shot}", page.as_uri(),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        picture = Image.open(shot).convert("RGB").quantize(COLOURS).convert("RGB")
        framed = ImageOps.expand(picture, border=2, fill=EDGE).quantize(COLOURS)
        framed.save(root / FILE, optimize=True)
    return FILE


def find_browser() -> str:
    """Return the path of a browser that takes pictures; NotFound when there is none."""
    found = next((place for name in BROWSERS if (place := shutil.which(name))), None)
    if found is None:
        raise NotFound(f"there is no browser; install one of {', '.join(BROWSERS)}")
    return found


def _latest() -> str:
    ready()
    row = db.fetch_one(
        "SELECT html, plain FROM digest WHERE namespace = 'sample' ORDER BY created_at DESC LIMIT 1"
    )
    if row is None:
        raise NotFound("there is no digest of the sample edition yet; run scripts/demo first")
    return digest_links.depersonalise(row["html"], row["plain"], lambda _day, _number: "")[0]
