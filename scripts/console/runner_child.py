"""One child of the console that runs one thing: a flow, the rest of one that waited, an approved
call. It is started ahead of time, loads what runs need, and reads what to do from stdin; without a
line it ends. So the server runs no agent, and what is stopped is ended by ending this process.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from f.millrace.core import config, db, errors, redaction, run_context
from f.millrace.ops import notifications
from f.millrace.trust import recovery
from scripts.runner import run
from scripts.runner.worker import ForkWorker, Worker


def main() -> int:
    """Wait for one job, do it, and return the exit code."""
    worker = _warm_up()
    line = sys.stdin.readline()
    if not line:
        if worker is not None:
            worker.close()
        return 0
    job = json.loads(line)
    try:
        with run_context.change(**job["context"]):
            _do(job, worker)
            notifications.deliver_due()
    except KeyboardInterrupt:
        return 1
    except errors.MillraceError as error:
        print(redaction.redact(str(error)), file=sys.stderr)
        return 1
    finally:
        db.close()
    return 0


def _warm_up() -> Worker | None:
    """Load what takes seconds, before anybody waits for it."""
    worker = None
    if config.settings().isolation == "child":
        worker = ForkWorker(memory_mb=config.settings().step_memory_mb)
    import scripts.runner.graph  # noqa: F401

    logging.getLogger().setLevel(logging.ERROR)
    return worker


def _do(job: dict[str, Any], worker: Worker | None) -> None:
    if job["kind"] == "start":
        run.start(job["openflow"], job["flow"], job["args"], job["run_id"], isolation=worker)
    elif job["kind"] == "resume":
        row = db.fetch_one("SELECT * FROM run WHERE id = %s", [job["run_id"]])
        assert row is not None
        answer = recovery.stored_answer(row)  # pyright: ignore[reportArgumentType]
        run.resume(job["run_id"], answer, isolation=worker)
    elif job["kind"] == "repeat":
        run.repeat(job["run_id"], job["step"], job["new_id"], isolation=worker)
    else:
        from f.millrace.approvals import perform

        perform.main(action_id=job["action_id"])


if __name__ == "__main__":
    sys.exit(main())
