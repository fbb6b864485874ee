"""Dead files: a step that nothing runs, a library that nothing imports."""

import ast
import re
from pathlib import Path

from scripts.compiler import spec
from scripts.compiler.imports import closure
from scripts.compiler.problems import Problem
from scripts.compiler.semantics import OFFERED
from scripts.compiler.sources import HOME, Bundle, Module, python_files

STARTERS = ("scripts", "tests", "u")
NAMED = re.compile(r"(?:f/millrace/|f\.millrace\.)?\b([a-z0-9_]+(?:[/.][a-z0-9_]+)+)\b")


def check(bundle: Bundle, root: Path) -> list[Problem]:
    """Return every file under f/millrace that no spec, script or test reaches."""
    alive: set[str] = set()
    waiting = started(bundle, root)
    while waiting:
        found = closure(bundle, bundle.modules[waiting.pop()])
        for module in found:
            if module.path not in alive:
                waiting |= _loaded_by_name(module) & bundle.modules.keys()
        alive |= {module.path for module in found}
    return [
        Problem(path, 1, "is dead: no spec, script or test reaches it; use it or delete it")
        for path in bundle.modules
        if path not in alive
    ]


def _loaded_by_name(module: Module) -> set[str]:
    """Return the files that a module's texts name as modules, for importlib."""
    texts = (
        node.value
        for node in ast.walk(module.tree or ast.Module([], []))
        if isinstance(node, ast.Constant)
    )
    return {
        _file(text.replace(".", "/"))
        for text in texts
        if isinstance(text, str) and text.startswith("f.millrace.")
    }


def started(bundle: Bundle, root: Path) -> set[str]:
    """Return the files that specs run, and those that scripts, tests, apps and hand-written flows
    name or import.
    """
    named = {f"{HOME}/{verb}.py" for verb in _run_by_specs(root)}
    for module in python_files(root, *STARTERS):
        named |= {_file(name.replace(".", "/")) for name in NAMED.findall(module.text)}
        for item in module.imports:
            named |= {_file(f"{item.module}.{name}".replace(".", "/")) for name in item.names}
            named.add(_file(item.module.replace(".", "/")))
    for path in [
        *(root / HOME).rglob("flow.yaml"),
        *(root / HOME).rglob("*__raw_app/backend/*.yaml"),
    ]:
        named |= {
            _file(name)
            for name in re.findall(r"path: (f/millrace/\S+)", path.read_text(encoding="utf-8"))
        }
    return named & bundle.modules.keys()


def _run_by_specs(root: Path) -> set[str]:
    verbs = set()
    for path in spec.files(root):
        loaded, _ = spec.parse(path)
        if loaded is not None:
            verbs |= {call.run for call in loaded.calls()}
            verbs |= set(OFFERED) if any(step.approval for step in loaded.every_step()) else set()
    return verbs


def _file(name: str) -> str:
    return f"{HOME}/{name.removeprefix(HOME + '/').removeprefix('millrace/')}.py"
