# no_postinstall
# requirements: millrace_core

"""Show the loaded version.

Which source of given scripts the jobs of this worker load, and its Python.

scripts/millrace step ops/show_version paths='["f/millrace/core/db"]'
"""

import hashlib
import os
import pathlib
import platform
import urllib.parse

from f.millrace.core import windmill


def main(paths: list[str]) -> dict:
    """Return the SHA-256 of each script's source, empty for one that is not there.

    Args:
        paths: Paths of scripts, such as f/millrace/core/db.
    """
    return {"sources": {path: _digest(path) for path in paths}, "python": platform.python_version()}


def _digest(path: str) -> str:
    source = _source(path)
    return hashlib.sha256(source.encode()).hexdigest() if source else ""


def _source(path: str) -> str | None:
    if not windmill.on_worker():
        file = pathlib.Path(__file__).parents[3] / f"{path}.py"
        return file.read_text() if file.is_file() else None
    # As Windmill's loader asks, so that the same cache answers.
    query = {"cache_folders": "true"}
    if os.environ.get("WM_RUNNABLE_ID"):
        query["cache_key"] = os.environ["WM_RUNNABLE_ID"]
    return windmill.text(f"scripts/raw/p/{path}.py?{urllib.parse.urlencode(query)}")
