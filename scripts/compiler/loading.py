"""What each step loads when it starts:
counted in fresh processes and held against resources/imports.yaml.

A step is a process of its own, so what it imports is paid for at each start. The file says for each
step how many modules of ours and of others it loads, and which libraries are the large ones;
`scripts/millrace imports write` writes it again.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.compiler.problems import Problem
from scripts.compiler.sources import Bundle

FILE = "resources/imports.yaml"
HEAD = """\
# How many modules each step loads when it starts, ours and those of others (without the standard
# library), and which libraries of {large} modules or more are among them.
# Written by `scripts/millrace imports write`; a test holds each step to it.
"""
# So many modules of one library are felt.
LARGE = 15
# What a release of a library, or another version of Python, may add unnoticed.
SLACK = 1.05
SPARE = 3
SECONDS = 120
# Every step needs what the first line imports, so it is loaded once; each step then loads the rest
# in a child.
COUNT = """
import sys
before = set(sys.modules)
import collections, gc, importlib, json, os
import f.millrace.telemetry.spans

def count(step):
    importlib.import_module(step)
    loaded = collections.Counter(
        name.split(".")[0] for name, module in list(sys.modules.items())
        if name not in before and name.split(".")[0] not in sys.stdlib_module_names
        and getattr(module, "__spec__", None) and module.__spec__.origin
    )
    return {"own": loaded.pop("f", 0), "libraries": loaded}

gc.disable()
# A person's machine has it and a worker has not; httpx loads it where it is.
sys.modules["rich"] = None
for step in json.load(sys.stdin):
    reader, writer = os.pipe()
    if os.fork() == 0:
        status = 1
        try:
            with os.fdopen(writer, "w") as answer:
                json.dump(count(step), answer)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    _, status = os.wait()
    if status:
        raise SystemExit(f"{step} cannot be imported")
    print(json.dumps([step, json.loads(text)]), flush=True)
"""


@dataclass(frozen=True)
class Loaded:
    """What a step has loaded when its `main` can be called."""

    own: int
    foreign: int
    large: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as the file says it."""
        return {"own": self.own, "foreign": self.foreign, "libraries": list(self.large)}


def count(bundle: Bundle) -> dict[str, Loaded]:
    """Return what each step loads, by its verb; two processes share the work."""
    steps = sorted(bundle.steps(), key=lambda step: (step.requirements or "", step.path))
    halves = [steps[0::2], steps[1::2]]
    children = [(_start(bundle.root), [step.dotted for step in half]) for half in halves if half]
    for child, names in children:
        assert child.stdin is not None
        child.stdin.write(json.dumps(names))
        child.stdin.close()
        child.stdin = None
    counted: dict[str, Loaded] = {}
    for child, _ in children:
        printed, faults = child.communicate(timeout=SECONDS)
        if child.returncode:
            raise RuntimeError(f"counting imports failed: {faults.strip()[-500:]}")
        counted |= dict(_parse_line(line) for line in printed.splitlines())
    return {step.verb: counted[step.dotted] for step in steps}


def check(bundle: Bundle) -> list[Problem]:
    """Return each step that loads more than the file says,
    or a large library that it does not name.
    """
    try:
        limits = yaml.safe_load((bundle.root / FILE).read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return [Problem(FILE, 1, "is missing; run scripts/millrace imports write")]
    counted = count(bundle)
    problems = [
        Problem(FILE, 1, f"names {verb}, which is no step; run scripts/millrace imports write")
        for verb in sorted(set(limits) - set(counted))
    ]
    for verb, loaded in counted.items():
        problems += [
            Problem(f"f/millrace/{verb}.py", 1, what) for what in _excess(limits.get(verb), loaded)
        ]
    return problems


def write(bundle: Bundle) -> list[str]:
    """Write the file again; return its path when it changed."""
    path = bundle.root / FILE
    lines = [f"{verb}: {_flow(loaded)}\n" for verb, loaded in sorted(count(bundle).items())]
    text = HEAD.format(large=LARGE) + "".join(lines)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return []
    path.write_text(text, encoding="utf-8")
    return [FILE]


def _excess(limit: dict[str, Any] | None, loaded: Loaded) -> Iterable[str]:
    way_out = (
        f"import where it is needed, or accept it with scripts/millrace imports write ({FILE})"
    )
    if limit is None:
        yield (
            f"loads {loaded.own} modules of ours and {loaded.foreign} others, and {FILE} has no"
            f" line for it; {way_out}"
        )
        return
    for name, what in (("own", "modules of ours"), ("foreign", "modules of libraries")):
        found, most = getattr(loaded, name), int(limit[name] * SLACK) + SPARE
        if found > most:
            yield f"loads {found} {what}, and may load {most}; {way_out}"
    for library in sorted(set(loaded.large) - set(limit["libraries"])):
        yield f"loads {library}, which its line does not name; {way_out}"


def _start(root: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", COUNT],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        cwd=root,
        env=environment,
    )


def _parse_line(line: str) -> tuple[str, Loaded]:
    step, found = json.loads(line)
    libraries: dict[str, int] = found["libraries"]
    large = sorted(name for name, number in libraries.items() if number >= LARGE)
    return step, Loaded(found["own"], sum(libraries.values()), tuple(large))


def _flow(loaded: Loaded) -> str:
    return yaml.safe_dump(
        loaded.to_dict(), default_flow_style=True, sort_keys=False, width=1000
    ).strip()
