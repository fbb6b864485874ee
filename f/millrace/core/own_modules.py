# requirements:

"""The bundle's own modules in a job, fetched over one connection.

The worker's loader opens a connection for each module and each folder, and writes source and byte
code into the job's folder, where no later job finds them. This finder goes before it. It asks for
each source, too, so that no job runs an old one, but keeps the sources, and Python their byte code,
in the worker's folder: each under its hash. For what it is not given, the worker's loader asks
again, and says what is wrong.
"""

import hashlib
import http.client
import os
import sys
import threading
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from urllib.parse import quote, urlencode, urlsplit

PACKAGE = "f.millrace"
SECONDS = 10
FOLDER = b"WINDMILL_IS_FOLDER"


class Finder(MetaPathFinder):
    """Finds the modules of the rooms below `f/millrace` at the worker's address of the server."""

    def __init__(
        self, address: str, folder: Path, workspace: str, token: str, importer: str
    ) -> None:
        self._folder = folder
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "localhost", parts.port, timeout=SECONDS
        )
        self._path = f"/api/w/{quote(workspace)}/scripts/raw/p/"
        # As the worker's loader asks, so that the same cache answers.
        query = {"cache_folders": "true"} | ({"cache_key": importer} if importer else {})
        self._query = urlencode(query)
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": "millrace"}
        self._asking = threading.Lock()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Return how to load one of the modules; None when the next finder is to be asked."""
        depth = fullname.count(".") - PACKAGE.count(".")
        if depth not in (1, 2) or not fullname.startswith(PACKAGE + "."):
            return None
        if depth == 1:
            return ModuleSpec(fullname, None, is_package=True)
        file = fullname.replace(".", "/") + ".py"
        source = self._fetch(file)
        if source is None:
            return None
        try:
            kept = self._keep(file, source)
        except OSError:
            return None
        return spec_from_file_location(fullname, kept)

    def _fetch(self, file: str) -> bytes | None:
        """Return the source; None for a folder, for what is not there and when nothing comes."""
        with self._asking:
            try:
                self._connection.request(
                    "GET", f"{self._path}{file}?{self._query}", headers=self._headers
                )
                answer = self._connection.getresponse()
                source = answer.read()
            except (OSError, http.client.HTTPException):
                self._connection.close()
                return None
        return source if answer.status == http.client.OK and source != FOLDER else None

    def _keep(self, file: str, source: bytes) -> str:
        """Return where the source lies, for this job and for later ones."""
        path = self._folder / hashlib.sha256(source).hexdigest()[:32] / file
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Another job may write the same, or be killed halfway.
            unfinished = path.with_suffix(f".{os.getpid()}")
            unfinished.write_bytes(source)
            unfinished.replace(path)
        return str(path)


def use() -> None:
    """Fetch the modules that this job imports from now on over one connection."""
    loader = sys.modules.get("loader")
    # A preview runs what is not deployed yet; only the worker's loader knows where that is.
    if not hasattr(loader, "WindmillFinder") or getattr(loader, "TEMP_SCRIPT_REFS", None):
        return
    address = os.environ["BASE_INTERNAL_URL"]
    if urlsplit(address).scheme == "http":
        # The folder in which a job runs is deleted after it; the one around it is the worker's.
        folder = Path.cwd().parent / "millrace_modules"
        names = ("WM_WORKSPACE", "WM_TOKEN", "WM_RUNNABLE_ID")
        sys.meta_path.insert(
            0, Finder(address, folder, *(os.environ.get(name, "") for name in names))
        )
