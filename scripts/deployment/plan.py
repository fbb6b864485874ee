"""What a deployment will do to the server: added, changed, deleted, and what people changed there
since the last one.
"""

import difflib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from scripts.compiler import pulled, serverform
from scripts.deployment import apps, imported
from scripts.deployment import record as records
from scripts.deployment.inventory import Inventory
from scripts.deployment.record import Item, Record
from scripts.deployment.server import DeployFailed, Server

SHOWN_LINES = 40
SHOWN_ITEMS = 20


@dataclass
class Plan:
    """The items to push and delete, and those that a push would take away from somebody."""

    added: list[Item] = field(default_factory=list)
    changed: list[Item] = field(default_factory=list)
    deleted: list[Item] = field(default_factory=list)
    edited: dict[Item, str] = field(default_factory=dict)
    pushed: dict[Item, str] = field(default_factory=dict)
    revision: str = ""

    @property
    def empty(self) -> bool:
        """Whether the server already has all of it."""
        return not (self.added or self.changed or self.deleted)

    def lines(self) -> list[str]:
        """Return the plan as text; many additions of a kind,
        as in a first deployment, are one line.
        """
        found = []
        for kind, count in Counter(kind for kind, _ in self.added).items():
            paths = [path for each, path in self.added if each == kind]
            found += (
                [f"add: {kind} {path}" for path in paths]
                if count <= SHOWN_ITEMS
                else [f"add: {kind} ({count} of them)"]
            )
        found += [f"change: {kind} {path}" for kind, path in self.changed]
        found += [
            f"delete: {kind} {path} (was ours, is no longer in Git)" for kind, path in self.deleted
        ]
        found += [f"edited on the server: {kind} {path}" for kind, path in self.edited]
        counts = (
            f"{len(self.added)} to add, {len(self.changed)} to change, {len(self.deleted)} to"
            " delete"
        )
        return [*found, f"plan: {'nothing to do' if self.empty else counts}"]


# complexipy: ignore (each of the ways in which an item may differ on three sides)
def make(
    server: Server,
    root: Path,
    folder: Path,
    paths: list[str],
    inventory: Inventory,
    last: Record | None,
) -> Plan:
    """Compare what would be pushed with the last deployment and with the server, changing nothing.

    `root` is the checkout, `folder` the copy of its files that a push sends.
    """
    plan = Plan(deleted=list(inventory.stale))
    held = records.items_on_server(server)
    plan.pushed = list_pushed(folder, paths)
    for item, mark in plan.pushed.items():
        before = last.of(item) if last else None
        if item not in held:
            plan.added.append(item)
        elif not before or (before["pushed"], before["held"]) != (mark, held[item]):
            as_left = before is not None and before["held"] == held[item]
            _compare_item(plan, server, root, folder, item, as_left)
    for key in last.items if last else {}:
        kind, _, path = key.partition(" ")
        item = (kind, path)
        if item in held and item not in plan.pushed and item not in plan.deleted:
            plan.deleted.append(item)
    inventory.foreign = [item for item in inventory.foreign if item not in plan.deleted]
    for item in plan.deleted:
        before = last.of(item) if last else None
        if before and held.get(item, before["held"]) != before["held"]:
            plan.edited[item] = ""
    _compare_dependencies(plan, server, folder, paths)
    return plan


def _compare_item(
    plan: Plan, server: Server, root: Path, folder: Path, item: Item, as_left: bool
) -> None:
    """Note whether an item changes, and whether somebody edited it since it was pushed."""
    theirs, ours = texts(server, folder, item)
    if theirs == ours:
        return
    plan.changed.append(item)
    if not as_left and not imported.is_known(root, item[1], theirs):
        plan.edited[item] = difference(item, theirs, ours)


def refuse(plan: Plan, allow_delete: bool, overwrite: bool) -> None:
    """Raise DeployFailed for what would destroy somebody's work and was not asked for."""
    if plan.edited and not overwrite:
        raise DeployFailed(f"{list_edited(plan)}. Nothing was pushed")
    if plan.deleted and not allow_delete:
        names = ", ".join(path for _, path in plan.deleted)
        raise DeployFailed(
            f"{len(plan.deleted)} item(s) would be deleted ({names}); --allow-delete deletes them."
            " Nothing was pushed"
        )


def updated_record(server: Server, plan: Plan, last: Record | None, waiting: list[str]) -> Record:
    """Return the record of this deployment, with the marks that the server has now."""
    held = records.items_on_server(server)
    items = {
        " ".join(item): {"pushed": mark, "held": held[item]}
        for item, mark in plan.pushed.items()
        if item in held
    }
    before = last.revisions if last else []
    return Record(
        [*before, plan.revision] if before[-1:] != [plan.revision] else before, items, waiting
    )


def list_pushed(folder: Path, paths: list[str]) -> dict[Item, str]:
    """Return a mark of the files of each item that a push sends."""
    parts: dict[Item, list[str]] = {}
    for path in paths:
        item = _item(path)
        if item:
            parts.setdefault(item, []).append(path)
    return {
        item: records.digest(b"\0".join((folder / path).read_bytes() for path in sorted(files)))
        for item, files in parts.items()
        if item[0] != "script" or f"{item[1]}.py" in files
    }


def texts(server: Server, folder: Path, item: Item) -> tuple[str, str]:
    """Return an item as the server has it and as it would be pushed, in the same form."""
    kind, path = item
    if kind == "script":
        theirs = server.get(f"scripts/get/p/{path}")
        meta = (
            yaml.safe_load((folder / f"{path}.script.yaml").read_text())
            if (folder / f"{path}.script.yaml").is_file()
            else {}
        )
        return _script(theirs, str(theirs.get("content", ""))), _script(
            meta, (folder / f"{path}.py").read_text()
        )
    if kind == "flow":
        return _dump(server.get(f"flows/get/{path}"), records.FLOW), flow_text(
            folder / f"{path}__flow/flow.yaml"
        )
    if kind == "app":
        return apps.from_server(server.get(f"apps/get/p/{path}")), apps.from_files(folder, path)
    if kind == "HTTP trigger":
        mine = yaml.safe_load((folder / f"{path}.http_trigger.yaml").read_text())
        return _dump(server.get(f"http_triggers/get/{path}"), records.HTTP_TRIGGER), _dump(
            mine, records.HTTP_TRIGGER
        )
    mine = yaml.safe_load((folder / f"{path}.schedule.yaml").read_text())
    return _dump(server.get(f"schedules/get/{path}"), records.SCHEDULE), _dump(
        mine, records.SCHEDULE
    )


def flow_text(file: Path) -> str:
    """Return a flow's file in the form in which it is compared with the server's."""
    return _dump(pulled.read_complete(file), records.FLOW)


def difference(item: Item, theirs: str, ours: str) -> str:
    """Return what would be lost and what would come, as a difference of lines."""
    lines = list(
        difflib.unified_diff(
            theirs.splitlines(),
            ours.splitlines(),
            f"{item[1]} on the server",
            "as it would be pushed",
            n=2,
            lineterm="",
        )
    )
    more = [f"... {len(lines) - SHOWN_LINES} more lines"] if len(lines) > SHOWN_LINES else []
    return "\n".join(lines[:SHOWN_LINES] + more)


def list_edited(plan: Plan) -> str:
    """Return what people changed on the server, as differences, and how to bring it into Git."""
    shown = "\n".join(text for text in plan.edited.values() if text)
    flows = [path.rsplit("/", 1)[1] for kind, path in plan.edited if kind in ("flow", "schedule")]
    way = (
        f"`wmill sync pull`, then `scripts/millrace flows import {' '.join(dict.fromkeys(flows))}`"
        if flows
        else "`wmill sync pull`"
    )
    names = ", ".join(f"{kind} {path}" for kind, path in plan.edited)
    return (
        f"changed on the server since the last deployment: {names}\n{shown}\n"
        f"{way} brings the change into Git; --overwrite pushes over it"
    )


def _script(meta: dict[str, Any], content: str) -> str:
    return f"# {meta.get('summary') or ''}\n{content}"


def _dump(row: dict[str, Any], keys: tuple[str, ...]) -> str:
    return serverform.dump(records.pick(row, keys))


def _compare_dependencies(plan: Plan, server: Server, folder: Path, paths: list[str]) -> None:
    there = {
        str(row.get("name") or ""): str(row.get("content", ""))
        for row in server.get("workspace_dependencies/list", missing=[])
    }
    for path in paths:
        name = path.removeprefix("dependencies/").removesuffix(".requirements.in")
        if (
            path.startswith("dependencies/")
            and there.get(name, "").strip() != (folder / path).read_text().strip()
        ):
            (plan.changed if name in there else plan.added).append(("workspace dependencies", name))


def _item(path: str) -> Item | None:
    for kind, mark in (("flow", "__flow/"), ("app", apps.FOLDER)):
        folder, inside, _ = path.partition(mark)
        if inside:
            return kind, folder  # its inline scripts and other files, too
    for kind, ending in (
        ("schedule", ".schedule.yaml"),
        ("HTTP trigger", ".http_trigger.yaml"),
        ("script", ".py"),
        ("script", ".script.yaml"),
        ("script", ".script.lock"),
    ):
        if path.endswith(ending):
            return kind, path.removesuffix(ending)
    return None
