"""A small bundle for the tests of a deployment: a script, a flow, a schedule, a file of workspace
dependencies.
"""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

from scripts.deployment import loaded
from tests.live.windmill import Recorded
from tests.live.workspace import Runner

FLOW, SCRIPT = "f/millrace/work/daily", "f/millrace/work/do"
SCHEDULE = """\
summary: Daily
args: {}
cron_version: v2
enabled: true
is_flow: true
no_flow_overlap: true
schedule: 0 0 8 * * *
script_path: f/millrace/work/daily
timezone: UTC
"""
FLOW_TEXT = """\
summary: Daily
description: ''
value:
  modules:
    - id: one
      summary: One
      value:
        type: script
        input_transforms: {}
        path: f/millrace/work/do
schema:
  $schema: https://json-schema.org/draft/2020-12/schema
  type: object
  order: []
  properties: {}
  required: []
"""
SETTINGS = """\
includes: ['f/millrace/**']
nonDottedPaths: true
includeSchedules: true
skipVariables: true
skipResources: true
skipFolders: true
workspaces:
  staging: {baseUrl: 'http://127.0.0.1:1', workspaceId: trial}
"""


def small_bundle(root: Path) -> Path:
    """Write the bundle below `root`; its steps of ops are there to be started."""
    put(root, "wmill.yaml", SETTINGS)
    put(root, "f/millrace/folder.meta.yaml", "summary: Small\ndisplay_name: Small\n")
    script(root, "do")
    for step in ("show_version", "migrate"):
        script(root, f"ops/{step}", folder="f/millrace")
    put(root, f"{FLOW}__flow/flow.yaml", FLOW_TEXT)
    put(root, f"{FLOW}.schedule.yaml", SCHEDULE)
    put(root, "dependencies/millrace_core.requirements.in", "pydantic==2.0\n")
    return root


def put(root: Path, name: str, text: str) -> None:
    """Write a file."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def script(root: Path, name: str, body: str = "return {}", folder: str = "f/millrace/work") -> None:
    """Write a script with its metadata."""
    put(root, f"{folder}/{name}.py", f"def main() -> dict:\n    {body}\n")
    put(
        root,
        f"{folder}/{name}.script.yaml",
        f"summary: Do {name}\nlock: '!inline {folder}/{name}.script.lock'\nkind: script\n"
        "schema: {$schema: 'https://json-schema.org/draft/2020-12/schema', type: object,"
        " properties: {}, required: []}\n",
    )
    put(root, f"{folder}/{name}.script.lock", "# py: 3.12")


def jobs(recorded: Recorded, migrated: tuple[bool, Any] = (True, {"applied": []})) -> Runner:
    """Return a worker: it loads what the server gives out, and answers every other step with
    `migrated`.
    """

    def run(path: str, arguments: dict[str, Any]) -> tuple[bool, Any]:
        if path != loaded.STEP:
            return migrated
        answers = {path: recorded.raw(path) for path in arguments["paths"]}
        sources = {
            path: hashlib.sha256(text.encode()).hexdigest() if code == 200 else ""
            for path, (code, text) in answers.items()
        }
        return True, {"sources": sources, "python": "3.12.1"}

    return run


def git(root: Path, *arguments: str) -> None:
    """Run git, as somebody."""
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)


def commit(root: Path) -> Path:
    """Commit everything."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "state")
    return root
