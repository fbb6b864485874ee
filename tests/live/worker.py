"""A worker's job, imitated: only the step's lock on Python 3.12, modules over HTTP, a cleared
environment, a fresh process.

The rules are those of Windmill's Python executor: the entry's file lies under its path in the job's
folder, every other `f.*` module is fetched, and one that the server does not have is an empty
module, not an error.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.deployment.cli import cache
from tests.live.windmill import TOKEN, WORKSPACE, Recorded

INSTALL_SECONDS = 300
JOB_SECONDS = 120

LOADER = """
import importlib.abc, importlib.machinery, importlib.util, os, sys, urllib.error, urllib.request

class Module(importlib.abc.Loader):
    def __init__(self, text, name):
        self.text, self.name = text, name
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(compile(self.text, self.name, "exec"), module.__dict__)

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        parts = fullname.split(".")
        if parts[0] not in ("f", "u"):
            return None
        if len(parts) <= 2:
            return self.folder(fullname)
        base, workspace = os.environ["BASE_INTERNAL_URL"], os.environ["WM_WORKSPACE"]
        url = f"{base}/api/w/{workspace}/scripts/raw/p/{'/'.join(parts)}.py"
        headers = {"Authorization": "Bearer " + os.environ["WM_TOKEN"]}
        request = urllib.request.Request(url, headers=headers)
        try:
            with urllib.request.urlopen(request) as response:
                text = response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                text = ""
        if text == "WINDMILL_IS_FOLDER":
            return self.folder(fullname)
        return importlib.util.spec_from_loader(fullname, Module(text, "/".join(parts) + ".py"))
    def folder(self, fullname):
        spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = []
        return spec

sys.meta_path.append(Finder())
"""

WRAPPER = """
import importlib, inspect, json, sys, time, traceback
started = time.perf_counter()
import loader
outcome = {}
try:
    with open("args.json") as file:
        arguments = json.load(file)
    module = importlib.import_module(sys.argv[1])
    outcome["import_seconds"] = time.perf_counter() - started
    if sys.argv[2] == "run":
        named = inspect.signature(module.main).parameters
        result = module.main(**{name: value for name, value in arguments.items() if name in named})
        outcome["result"] = json.loads(json.dumps(result, default=str))
    else:
        assert callable(module.main)
except BaseException as error:
    outcome["error"] = {
        "name": type(error).__name__, "message": str(error), "stack": traceback.format_exc()
    }
with open("outcome.json", "w") as file:
    json.dump(outcome, file)
"""


@dataclass
class Outcome:
    """How a job ended."""

    result: Any
    error: dict[str, str] | None
    import_seconds: float
    output: str


class Worker:
    """Runs scripts of a recorded workspace."""

    def __init__(
        self,
        recorded: Recorded,
        python: str,
        environment: dict[str, str],
        root_job: str | None = None,
    ) -> None:
        self.recorded = recorded
        self.python = python
        self.environment = environment
        self.root_job = root_job or str(uuid.uuid4())

    def load(self, path: str) -> Outcome:
        """Import the script as a job would, and run nothing."""
        return self._job(path, {}, "load")

    def run(self, path: str, **arguments: Any) -> Any:
        """Run the script and return its result; AssertionError with the stack if it failed."""
        outcome = self._job(path, arguments, "run")
        assert outcome.error is None, f"{path}: {outcome.error['stack']}\n{outcome.output}"
        return outcome.result

    def _job(self, path: str, arguments: dict[str, Any], mode: str) -> Outcome:
        script = self.recorded.scripts[path]
        packages = installed(script["lock"], self.python)
        with tempfile.TemporaryDirectory(prefix="millrace-job-") as name:
            folder = Path(name)
            entry = folder / f"{path}.py"
            entry.parent.mkdir(parents=True)
            entry.write_text(script["content"])
            (folder / "loader.py").write_text(LOADER)
            (folder / "wrapper.py").write_text(WRAPPER)
            (folder / "args.json").write_text(json.dumps(arguments))
            done = subprocess.run(
                [self.python, "-u", "-m", "wrapper", path.replace("/", "."), mode],
                cwd=folder,
                env=self._environment(path, folder, packages),
                capture_output=True,
                text=True,
                timeout=JOB_SECONDS,
            )
            output = done.stdout + done.stderr
            ended = folder / "outcome.json"
            assert ended.exists(), f"{path}: the process ended with {done.returncode}\n{output}"
            outcome = json.loads(ended.read_text())
        return Outcome(
            outcome.get("result"), outcome.get("error"), outcome.get("import_seconds", 0.0), output
        )

    def _environment(self, path: str, folder: Path, packages: Path) -> dict[str, str]:
        reserved = {
            "WM_WORKSPACE": WORKSPACE,
            "WM_TOKEN": TOKEN,
            "WM_EMAIL": "tester@example.org",
            "WM_USERNAME": "tester",
            "WM_BASE_URL": self.recorded.url,
            "WM_JOB_ID": str(uuid.uuid4()),
            "WM_JOB_PATH": path,
            "WM_ROOT_JOB_ID": self.root_job,
            "WM_PERMISSIONED_AS": "u/tester",
            "WM_WORKER_GROUP": "default",
        }
        unset = (
            "WM_SCHEDULED_FOR",
            "WM_FLOW_JOB_ID",
            "WM_ROOT_FLOW_JOB_ID",
            "WM_FLOW_PATH",
            "WM_SCHEDULE_PATH",
            "WM_STATE_PATH",
            "WM_FLOW_STEP_ID",
            "WM_OBJECT_PATH",
            "WM_RUNNABLE_ID",
            "WM_END_USER_EMAIL",
            "WM_TESTED_RUNNABLE",
        )
        return {
            **dict.fromkeys(unset, ""),
            **reserved,
            "BASE_INTERNAL_URL": self.recorded.url,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TZ": "UTC",
            "HOME": str(folder),
            "PYTHONPATH": f"{packages}:{folder}",
            **self.environment,
        }


def pins(lock: str) -> list[str]:
    """Return the lock's `name==version` lines."""
    return [line for line in lock.splitlines() if line and not line.startswith("#")]


def installed(lock: str, python: str) -> Path:
    """Return a folder with the lock's packages and nothing else, made once for each set of pins."""
    wanted = pins(lock)
    key = hashlib.sha256("\n".join([python, *wanted]).encode()).hexdigest()[:16]
    home = cache() / "worker" / key
    home.parent.mkdir(parents=True, exist_ok=True)
    with open(home.parent / f"{key}.lock", "w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        if not home.exists():
            _install(wanted, python, home)
    return home


def _install(wanted: list[str], python: str, home: Path) -> None:
    part = home.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    if wanted:
        names = part / "requirements.txt"
        names.write_text("\n".join(wanted) + "\n")
        beside = Path(sys.executable).parent / "uv"
        uv = str(beside) if beside.exists() else shutil.which("uv")
        assert uv, "uv is missing; scripts/setup installs it"
        arguments = [
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--compile-bytecode",
            "--python",
            python,
        ]
        done = subprocess.run(
            [uv, *arguments, "--target", str(part), "--requirement", str(names)],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
        )
        assert done.returncode == 0, (
            f"the lock cannot be installed on Python 3.12:\n{done.stderr[-2000:]}"
        )
    os.rename(part, home)
