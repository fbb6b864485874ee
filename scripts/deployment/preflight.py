"""What a deployment asks the server before anything slow: is it there, does it take the token, may
the user push, who runs jobs.
"""

import difflib
import re
from typing import Any

from scripts.deployment.plan import Plan
from scripts.deployment.server import DeployFailed, InvalidToken, Server

# From this release on there are workspace dependencies, by which steps get their packages.
OLDEST = (1, 587, 0)
TRIED = "1.788"
FOLDER = "millrace"


def look(server: Server) -> dict[str, Any]:
    """Say which server and user there are, and return the user;
    DeployFailed when nothing can be deployed.
    """
    version = server.version()
    if is_old(version):
        raise DeployFailed(
            f"the server runs {version}; the bundle needs Windmill {dotted(OLDEST)} or later (tried"
            f" with {TRIED}): update the server"
        )
    user = find_user(server)
    print(
        f"server: {server.base_url} ({version}), workspace {server.workspace}, as"
        f" {user.get('username', '?')}"
    )
    if user.get("operator"):
        raise DeployFailed(
            f"{user.get('username')} is an operator, who may run but not write; use the token of"
            " another user"
        )
    problem = workers_problem(server.workers())
    if problem.startswith("worker(s) older"):
        raise DeployFailed(problem)
    if problem:
        print(f"note: {problem}")
    return user


def refuse(user: dict[str, Any], plan: Plan, folder_exists: bool) -> None:
    """Raise DeployFailed when the user may not do what the plan needs."""
    name = user.get("username", "?")
    needed = [path for kind, path in plan.added + plan.changed if kind == "workspace dependencies"]
    if user.get("is_admin") or plan.empty:
        return
    if needed:
        raise DeployFailed(
            f"only an admin of the workspace may push workspace dependencies ({', '.join(needed)}),"
            f" and {name} is none: use an admin's token this time; deployments that leave"
            " dependencies/ as it is need none. Nothing was pushed"
        )
    if folder_exists and FOLDER not in user.get("folders", []):
        raise DeployFailed(
            f"{name} may not write the folder f/{FOLDER}; its owner or an admin can allow it in the"
            " UI under Folders. Nothing was pushed"
        )


def find_user(server: Server) -> dict[str, Any]:
    """Return who the token belongs to;
    DeployFailed says whether the token or the workspace is wrong.
    """
    try:
        user = server.user()
    except InvalidToken:
        if not server.token_is_known():
            raise
        if not server.workspace_exists():
            raise _unknown_workspace(server) from None
        raise DeployFailed(
            f"the token's user is not in workspace {server.workspace!r}; an admin can add the user"
            " under Workspace settings, Users"
        ) from None
    # A superadmin is let into every workspace, also into one that does not exist.
    if user.get("non_member") and not server.workspace_exists():
        raise _unknown_workspace(server)
    return user


def workers_problem(workers: list[dict[str, Any]]) -> str:
    """Return what is wrong with the workers, empty when nothing is."""
    behind = sorted(str(row.get("worker")) for row in workers if is_old(str(row.get("wm_version"))))
    if behind:
        return (
            f"worker(s) older than {dotted(OLDEST)}: {', '.join(behind)}; update them, or stop them"
            " and wait 5 minutes"
        )
    if not workers:
        return "no worker is seen; start one, or what is pushed cannot run"
    if not any("python3" in (row.get("custom_tags") or []) for row in workers):
        return "no worker has the tag python3, so no step can run; add it to a worker group"
    return ""


def is_old(version: str) -> bool:
    """Tell whether a release is too old for the bundle;
    one whose number is not known counts as new.
    """
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", version)
    return bool(found) and tuple(map(int, found.groups())) < OLDEST


def dotted(version: tuple[int, ...]) -> str:
    """Return a version as it is written."""
    return ".".join(map(str, version))


def _unknown_workspace(server: Server) -> DeployFailed:
    there = server.workspaces()
    near = difflib.get_close_matches(server.workspace, there, 1)
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else f"there are {', '.join(there) or 'none yet'}; make it in the UI"
    )
    return DeployFailed(f"{server.base_url} has no workspace {server.workspace!r}; {hint}")
