"""What is on the server already: what a push would leave behind, what of it is ours, and which
schedules people switched.

Nothing is deleted by the push itself. Of what is on the server and no longer in Git, only what this
history has had is removed; the rest was made by people, and stays.
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
    modes: dict[str, str] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)


def take(server: Server, root: Path, paths: list[str], waiting: list[str]) -> Inventory:
    """Look at the server, changing nothing; `waiting` are the schedules that the last deployment
    left off for want of tables.
    """
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
    found.switched, found.waiting = _schedules(server, root, paths, waiting)
    found.modes = _modes(server, root)
    return found


def make_folder(server: Server, root: Path) -> bool:
    """Make the bundle's folder when the workspace has none, and tell whether it did; one that is
    there is left alone.
    """
    name = FOLDER.split("/")[1]
    if server.get(f"folders/exists/{name}"):
        return False
    server.post(
        "folders/create",
        {"name": name, **yaml.safe_load((root / FOLDER / "folder.meta.yaml").read_text())},
    )
    return True


def remove(server: Server, stale: list[tuple[str, str]]) -> None:
    """Remove items of ours that are no longer in Git;
    the server keeps scripts and flows in its archive.
    """
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


def keep_switches(folder: Path, switched: dict[str, bool], modes: dict[str, str]) -> None:
    """Write the server's switch of each schedule and trigger into the copy: a push would undo what
    a person chose.
    """
    files = {f"{path}.schedule.yaml": ("enabled", enabled) for path, enabled in switched.items()}
    files |= {f"{path}.http_trigger.yaml": ("mode", mode) for path, mode in modes.items()}
    for name, (key, value) in files.items():
        content = {**yaml.safe_load((folder / name).read_text()), key: value}
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def set_zone(folder: Path, zone: str) -> None:
    """Write the time zone of the settings into the copy's schedules; none leaves each as it is."""
    for file in folder.glob(f"{FOLDER}*/*.schedule.yaml") if zone else ():
        content = {**yaml.safe_load(file.read_text()), "timezone": zone}
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


def _schedules(
    server: Server, root: Path, paths: list[str], waiting: list[str]
) -> tuple[dict[str, bool], list[str]]:
    """Return the switches that people set on the server, and the schedules that stay off until
    there are tables.
    """
    wanted = {
        path.removesuffix(".schedule.yaml"): bool(
            yaml.safe_load((root / path).read_text())["enabled"]
        )
        for path in paths
        if path.endswith(".schedule.yaml")
    }
    there = {
        str(row["path"]): bool(row.get("enabled"))
        for row in server.pages(f"schedules/list?path_start={FOLDER}")
    }
    unsafe = [
        path
        for path, on in wanted.items()
        if on and (path not in there or (path in waiting and not there[path]))
    ]
    switched = {
        path: there[path]
        for path, on in wanted.items()
        if path in there and there[path] != on and path not in unsafe
    }
    return switched, unsafe


def _modes(server: Server, root: Path) -> dict[str, str]:
    """Return the modes (enabled, disabled,
    suspended) of the bundle's triggers that people set on the server.
    """
    modes = {}
    for row in server.pages(f"http_triggers/list?path_start={FOLDER}"):
        file = root / f"{row['path']}.http_trigger.yaml"
        if (
            file.is_file()
            and row.get("mode")
            and row["mode"] != yaml.safe_load(file.read_text()).get("mode", "enabled")
        ):
            modes[str(row["path"])] = str(row["mode"])
    return modes
