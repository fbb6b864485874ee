"""A small bundle for the tests of a deployment: a script, a flow, a schedule, a file of workspace dependencies."""

from pathlib import Path

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
    """Write the bundle below `root`."""
    put(root, "wmill.yaml", SETTINGS)
    put(root, "f/millrace/folder.meta.yaml", "summary: Small\ndisplay_name: Small\n")
    script(root, "do")
    put(root, f"{FLOW}__flow/flow.yaml", FLOW_TEXT)
    put(root, f"{FLOW}.schedule.yaml", SCHEDULE)
    put(root, "dependencies/millrace_core.requirements.in", "pydantic==2.0\n")
    return root


def put(root: Path, name: str, text: str) -> None:
    """Write a file."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def script(root: Path, name: str, body: str = "return {}") -> None:
    """Write a script with its metadata."""
    put(root, f"f/millrace/work/{name}.py", f"def main() -> dict:\n    {body}\n")
    put(root, f"f/millrace/work/{name}.script.yaml", f"summary: Do {name}\nlock: '!inline f/millrace/work/{name}.script.lock'\nkind: script\n"
        "schema: {$schema: 'https://json-schema.org/draft/2020-12/schema', type: object, properties: {}, required: []}\n")  # fmt: skip
    put(root, f"f/millrace/work/{name}.script.lock", "# py: 3.12")
