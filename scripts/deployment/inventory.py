"""What is on the server already: what a push would leave behind, what of it is ours, and which schedules people switched.

Nothing is deleted by the push itself. Of what is on the server and no longer in Git, only what this history has had
is removed; the rest was made by people, and stays.
"""

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from scripts.deployment import checkout
from scripts.deployment.server import Server

FOLDER = "f/millrace/"
OURS = "millrace_"


@dataclass
class Inventory:
    """The difference between the server and the checkout."""

    stale: list[tuple[str, str]] = field(default_factory=list)
    foreign: list[tuple[str, str]] = field(default_factory=list)
    other_dependencies: list[str] = field(default_factory=list)
    switched: dict[str, bool] = field(default_factory=dict)


def take(server: Server, root: Path, paths: list[str]) -> Inventory:
    """Look at the server, changing nothing."""
    here, before = _items(paths), _items(sorted(checkout.ever_tracked(root)))
    found = Inventory()
    for kind, path in _on_server(server):
        if (kind, path) in here:
            continue
        (found.stale if (kind, path) in before else found.foreign).append((kind, path))
    for row in server.get("workspace_dependencies/list", missing=[]):
        name = str(row.get("name") or "")
        if not name.startswith(OURS):
            found.other_dependencies.append(name or "default")
    found.switched = _switched(server, root)
    return found


def remove(server: Server, stale: list[tuple[str, str]]) -> None:
    """Remove items of ours that are no longer in Git; the server keeps scripts and flows in its archive."""
    for kind, path in stale:
        if kind == "script":
            server.post(f"scripts/archive/p/{path}")
        elif kind == "flow":
            server.post(f"flows/archive/{path}", {"archived": True})
        elif kind == "app":
            server.delete(f"apps/delete/{path}")
        elif kind == "HTTP trigger":
            server.delete(f"http_triggers/delete/{path}")
        else:
            server.delete(f"schedules/delete/{path}")


def keep_switches(folder: Path, switched: dict[str, bool]) -> None:
    """Write the server's switch of each schedule into the copy: a push would undo what a person chose."""
    for path, enabled in switched.items():
        file = folder / f"{path}.schedule.yaml"
        content = yaml.safe_load(file.read_text())
        content["enabled"] = enabled
        file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def _items(paths: list[str]) -> set[tuple[str, str]]:
    items = set()
    for path in paths:
        if path.endswith("__flow/flow.yaml"):
            items.add(("flow", path.removesuffix("__flow/flow.yaml")))
        elif path.endswith("__raw_app/raw_app.yaml"):
            items.add(("app", path.removesuffix("__raw_app/raw_app.yaml")))
        elif path.endswith(".schedule.yaml"):
            items.add(("schedule", path.removesuffix(".schedule.yaml")))
        elif path.endswith(".http_trigger.yaml"):
            items.add(("HTTP trigger", path.removesuffix(".http_trigger.yaml")))
        elif path.endswith(".py") and "__flow/" not in path:
            items.add(("script", path.removesuffix(".py")))
    return items


def _on_server(server: Server) -> list[tuple[str, str]]:
    items = []
    for kind, listing in (
        ("script", "scripts/list?include_without_main=true&"),
        ("flow", "flows/list?"),
        ("schedule", "schedules/list?"),
        ("app", "apps/list?"),
        ("HTTP trigger", "http_triggers/list?"),
    ):
        for row in server.pages(f"{listing}path_start={FOLDER}"):
            if str(row["path"]).startswith(FOLDER):
                items.append((kind, str(row["path"])))
    return items


def _switched(server: Server, root: Path) -> dict[str, bool]:
    switched = {}
    for row in server.pages(f"schedules/list?path_start={FOLDER}"):
        file = root / f"{row['path']}.schedule.yaml"
        if file.is_file() and bool(yaml.safe_load(file.read_text())["enabled"]) != bool(row.get("enabled")):
            switched[str(row["path"])] = bool(row.get("enabled"))
    return switched
