"""Which source a worker's jobs load after a push: the server keeps what it read for some seconds, a
minute at most.
"""

import hashlib
import time
from pathlib import Path

from scripts.deployment.plan import Plan
from scripts.deployment.server import DeployFailed, Server

STEP = "f/millrace/ops/show_version"
SECONDS = 60.0
POLL_SECONDS = 2.0
# Each is one request on the worker.
MOST = 60


def wait(server: Server, folder: Path, plan: Plan) -> str:
    """Return a line when a worker loads what was pushed;
    DeployFailed names what is still old after a minute.
    """
    if not (folder / f"{STEP}.py").is_file():
        return f"note: this revision has no {STEP}; workers may load old source for a minute"
    pushed = [path for kind, path in plan.changed + plan.added if kind == "script"][:MOST]
    wanted = {
        path: hashlib.sha256((folder / f"{path}.py").read_bytes()).hexdigest() for path in pushed
    }
    deadline = time.monotonic() + SECONDS
    while wanted:
        try:
            result = server.run_script(STEP, {"paths": sorted(wanted)}, SECONDS)
        except DeployFailed:
            # Until all is new, a job may load modules of two revisions, which do not fit together.
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
            continue
        old = sorted(
            path for path, digest in wanted.items() if result["sources"].get(path) != digest
        )
        if not old:
            return (
                f"workers: load the new source ({len(wanted)} scripts asked for), on Python"
                f" {result['python']}"
            )
        if time.monotonic() > deadline:
            raise DeployFailed(
                f"pushed, but after {SECONDS:.0f} s a worker still loads the old source of"
                f" {', '.join(old)}; no table was changed. Deploy again; if it stays, restart the"
                " workers"
            )
        time.sleep(POLL_SECONDS)
    return ""
