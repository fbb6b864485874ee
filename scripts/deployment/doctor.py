"""Whether the first morning on a Windmill server will work: rights, release, workers, bundle,
settings, a run, an approval.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from scripts.deployment import preflight
from scripts.deployment import record as records
from scripts.deployment.loaded import STEP
from scripts.deployment.server import DeployFailed, Server

CHECK_WORKER = "f/millrace/ops/check_worker"
SECONDS = 60.0
POLL_SECONDS = 0.5
# A flow that asks, as daily_research does: one step that waits for a person, one that says how it
# went on.
APPROVAL = {
    "modules": [
        {
            "id": "ask",
            "summary": "Ask",
            "value": {
                "type": "script",
                "path": STEP,
                "input_transforms": {"paths": {"type": "static", "value": []}},
            },
            "suspend": {
                "required_events": 1,
                "timeout": 120,
                "continue_on_disapprove_timeout": True,
            },
        },
        {"id": "go_on", "summary": "Go on", "value": {"type": "identity"}},
    ]
}


class Finding(NamedTuple):
    """What was looked at, whether it is `ok`, a `note` or a `problem`,
    what was seen, and the way out.
    """

    name: str
    state: str
    text: str
    way_out: str = ""


def examine(server: Server, root: Path) -> Iterator[Finding]:
    """Yield a finding for each thing that a deployment and its runs need;
    stop when the rest cannot be asked.
    """
    version = server.version()
    if preflight.is_old(version):
        yield Finding(
            "server",
            "problem",
            version,
            f"update the server to {preflight.dotted(preflight.OLDEST)} or later",
        )
    else:
        yield Finding("server", "ok", f"{server.base_url}, {version}")
    try:
        user = preflight.find_user(server)
    except DeployFailed as error:
        yield Finding("rights", "problem", str(error))
        return
    yield _rights(server, user)
    yield _workers(server)
    yield _dependencies(server, root)
    if not server.get(f"scripts/exists/p/{CHECK_WORKER}"):
        yield Finding(
            "bundle",
            "problem",
            "the bundle is not in this workspace, or an older one",
            "scripts/deploy pushes it",
        )
        return
    yield _schedules(server)
    yield from _try_check("run", lambda: _run(server))
    yield from _try_check("approval", lambda: _approval(server))


def _try_check(name: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except DeployFailed as error:
        yield Finding(name, "problem", str(error), "see the job in the UI under Runs")


def _rights(server: Server, user: dict[str, Any]) -> Finding:
    name = user.get("username", "?")
    if user.get("operator"):
        return Finding(
            "rights",
            "problem",
            f"{name} is an operator and may not deploy",
            "use the token of another user",
        )
    if user.get("is_admin"):
        return Finding("rights", "ok", f"{name} is an admin of {server.workspace}")
    if server.get(f"folders/exists/{preflight.FOLDER}") and preflight.FOLDER not in user.get(
        "folders", []
    ):
        way = "its owner or an admin can allow it in the UI under Folders"
        return Finding(
            "rights", "problem", f"{name} may not write the folder f/{preflight.FOLDER}", way
        )
    text = f"{name} may deploy, but not when dependencies/*.requirements.in changed"
    return Finding("rights", "note", text, "that takes an admin of the workspace")


def _workers(server: Server) -> Finding:
    workers = server.workers()
    problem = preflight.workers_problem(workers)
    if problem:
        return Finding("workers", "problem", problem)
    return Finding(
        "workers",
        "ok",
        f"{len(workers)}, {', '.join(sorted({str(row.get('wm_version')) for row in workers}))}",
    )


def _dependencies(server: Server, root: Path) -> Finding:
    there = {
        str(row.get("name") or ""): str(row.get("content", ""))
        for row in server.get("workspace_dependencies/list")
    }
    wanted = {
        file.name.removesuffix(".requirements.in"): file
        for file in (root / "dependencies").glob("*.requirements.in")
    }
    differing = sorted(
        name
        for name, file in wanted.items()
        if there.get(name, "").strip() != file.read_text().strip()
    )
    if differing:
        text = f"missing or different on the server: {', '.join(differing)}"
        return Finding("dependencies", "problem", text, "scripts/deploy with the token of an admin")
    return Finding("dependencies", "ok", f"{len(wanted)} files are there")


def _schedules(server: Server) -> Finding:
    rows = server.pages(f"schedules/list?path_start=f/{preflight.FOLDER}/")
    known = records.read(server)
    if known and known.waiting:
        text = (
            f"{len(known.waiting)} schedules are off until there are tables:"
            f" {', '.join(known.waiting)}"
        )
        return Finding(
            "switches",
            "problem",
            text,
            "scripts/deploy --bootstrap makes the tables and switches them on",
        )
    off = sorted(str(row["path"]) for row in rows if not row.get("enabled"))
    text = f"{len(rows) - len(off)} schedules are on" + (f"; off: {', '.join(off)}" if off else "")
    return Finding("switches", "note" if off or not rows else "ok", text)


def _run(server: Server) -> Iterator[Finding]:
    started = time.monotonic()
    result = server.run_script(CHECK_WORKER, {}, SECONDS)
    yield Finding("run", "ok", f"{CHECK_WORKER} ran in {time.monotonic() - started:.1f} s")
    states = {"healthy": "ok", "degraded": "note"}
    for part in result["parts"]:
        yield Finding(
            part["name"], states.get(part["state"], "problem"), part["reason"], part["step"]
        )


def _approval(server: Server) -> Iterator[Finding]:
    job = (
        str(server.post("jobs/run/preview_flow", {"value": APPROVAL, "args": {}}))
        .strip()
        .strip('"')
    )
    deadline = time.monotonic() + SECONDS
    # As the approval page does when a person denies.
    while not _is_denied(server, job):
        if time.monotonic() > deadline:
            server.post(f"jobs_u/queue/cancel/{job}", {"reason": "doctor"})
            raise DeployFailed(
                f"a flow did not come to its approval within {SECONDS:.0f} s (job {job})"
            )
        time.sleep(POLL_SECONDS)
    server.wait(job, "the flow after a denied approval", SECONDS)
    yield Finding("approval", "ok", "a flow asked, was denied, and went on")


def _is_denied(server: Server, job: str) -> bool:
    if server.get(f"jobs_u/completed/get_result_maybe/{job}").get("completed"):
        raise DeployFailed(f"a flow ended without asking (job {job})")
    try:
        server.post(f"jobs_u/flow/resume_suspended/{job}", {"approved": False, "payload": None})
    except DeployFailed:  # it has not come to the question yet
        return False
    return True
