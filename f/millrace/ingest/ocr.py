# requirements:

"""Text in pictures, by tesseract where it is installed."""

import os
import shutil
import subprocess

from f.millrace.ingest import parsed_document

MISSING = "is a picture, and tesseract, which reads the text in pictures, is not installed"
SECONDS = 60


def is_installed() -> bool:
    """Tell whether tesseract is installed."""
    return shutil.which("tesseract") is not None


def read(picture: bytes, languages: str) -> str:
    """Return the text in a picture; Unreadable when tesseract is not there or cannot make anything
    of it.
    """
    program = shutil.which("tesseract")
    if program is None:
        raise parsed_document.Unreadable(MISSING)
    # One thread a picture: two pictures are read at the same time.
    surroundings = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    try:
        done = subprocess.run(
            [program, "stdin", "stdout", "-l", languages],
            input=picture,
            capture_output=True,
            env=surroundings,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise parsed_document.Unreadable(
            f"is a picture that tesseract did not finish within {SECONDS} seconds"
        ) from error
    if done.returncode:
        words = parsed_document.one_line(done.stderr.decode(errors="replace"))[-200:]
        raise parsed_document.Unreadable(
            f"is a picture that tesseract cannot read: {words} (setting ocr_languages is"
            f" {languages!r})"
        )
    return done.stdout.decode("utf-8", errors="replace").replace("\f", "\n").strip()
