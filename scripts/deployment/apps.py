"""Apps as the plan compares them: the server's form and the files' in one text,
without what the server adds.
"""

from pathlib import Path
from typing import Any

import yaml

FOLDER = "__raw_app/"
# What the CLI itself leaves out of an app's files.
NOT_SENT = ("raw_app.yaml", "package-lock.json")
BACKEND = "backend/"


def from_server(row: dict[str, Any]) -> str:
    """Return an app that `apps/get/p` gave."""
    value = row.get("value") or {}
    calls = {name: _call(call) for name, call in (value.get("runnables") or {}).items()}
    return _text(str(row.get("summary") or ""), calls, value.get("files") or {})


def from_files(folder: Path, path: str) -> str:
    """Return an app that a push would send."""
    home = folder / f"{path}{FOLDER}"
    names = sorted(str(file.relative_to(home)) for file in home.rglob("*") if file.is_file())
    calls = {
        Path(name).stem: _call(yaml.safe_load((home / name).read_text()))
        for name in names
        if name.startswith(BACKEND)
    }
    sent = [
        name
        for name in names
        if name not in NOT_SENT and not name.startswith((BACKEND, "node_modules/"))
    ]
    meta = yaml.safe_load((home / "raw_app.yaml").read_text())
    return _text(meta["summary"], calls, {f"/{name}": (home / name).read_text() for name in sent})


def skip_package_install(folder: Path) -> None:
    """Make the folder whose absence the CLI takes for packages to install: our apps have none, and
    a push needs no network.
    """
    for app in folder.glob(f"f/**/*{FOLDER}"):
        (app / "node_modules").mkdir(exist_ok=True)


def _call(runnable: dict[str, Any]) -> dict[str, Any]:
    """Return a call of a script or flow as its file says it."""
    fields = {
        name: {"value": field["value"]} if field.get("type") == "static" else field
        for name, field in (runnable.get("fields") or {}).items()
    }
    kept = {
        key: value
        for key, value in runnable.items()
        if key not in ("type", "runType", "schema", "fields", "name")
    }
    return {
        **kept,
        "type": runnable.get("runType", runnable.get("type")),
        **({"fields": fields} if fields else {}),
    }


def _text(summary: str, calls: dict[str, Any], files: dict[str, str]) -> str:
    parts = [f"# {summary}", yaml.safe_dump(calls, sort_keys=True, allow_unicode=True)]
    return "\n".join([*parts, *(f"# {name}\n{files[name]}" for name in sorted(files))])
