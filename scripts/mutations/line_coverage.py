"""Which tests execute which lines: measured once for each file of tests, and kept while neither it
nor a module that it executes changes.

What a test starts as a process of its own is not seen. A mutant that only such a test would find
counts as a survivor.
"""

import ast
import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.mutations.servers import Server, share

# Longer files are of no use here: each mutant of a line would wait for them.
MOST_SECONDS = 420.0


@dataclass
class Coverage:
    """The tests by file and line, and how long each lasts; the code of the files."""

    sources: dict[str, str]
    by_line: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def tests(self, path: str, first: int, last: int, most_seconds: float) -> list[str]:
        """Return the tests that execute these lines, quickest first, that last so long together.

        Of lines that only an import executes, those that execute what uses them; where nothing of
        the file does, those that execute anything in the file, for a quarter of that time.
        """
        lines = self.by_line.get(path, {})
        used = using_lines(self.sources[path], first, last)
        found = {test for line in used for test in lines.get(line, ())}
        if not found - {""}:
            found = {test for tests in lines.values() for test in tests}
            most_seconds /= 4
        chosen: list[str] = []
        spent = 0.0
        for test in sorted(found - {""}, key=lambda test: (self.seconds.get(test, 0.0), test)):
            spent += self.seconds.get(test, 0.0)
            if chosen and spent > most_seconds:
                break
            chosen.append(test)
        return chosen


def using_lines(source: str, first: int, last: int) -> set[int]:
    """Return those of these lines that run when a function is called, or else the lines of
    functions that use what is bound here when the module is imported.

    The import counts for nothing: whichever test comes first makes it.
    """
    module = ast.parse(source)
    lines = set(range(first, last + 1))
    functions = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    called = {line for function in functions for line in _body(function)}
    if lines & called:
        return lines & called
    for function in functions:
        # A default or a decorator.
        if lines & set(range(function.lineno - len(function.decorator_list), _body(function)[0])):
            return set(_body(function))
    names = _dependent_names(module, lines)
    by_default = {
        line
        for function in functions
        if any(_used(default) & names for default in _defaults(function))
        for line in _body(function)
    }
    return by_default | called & {
        node.lineno for node in ast.walk(module) if isinstance(node, ast.Name) and node.id in names
    }


def _body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> range:
    return range(function.body[0].lineno, (function.end_lineno or function.lineno) + 1)


def _defaults(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    given = [one for one in function.args.kw_defaults if one is not None]
    return [*function.args.defaults, *given, *function.decorator_list]


def _dependent_names(module: ast.Module, lines: set[int]) -> set[str]:
    """Return the names that statements on these lines bind, and those that are made of them."""
    bound = [
        (set(range(node.lineno, (node.end_lineno or node.lineno) + 1)), _bound(node), _used(node))
        for node in module.body
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    names = {name for place, made, _ in bound if place & lines for name in made}
    while more := {name for _, made, used in bound if used & names for name in made} - names:
        names |= more
    return names


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.ClassDef):
        return {statement.name}
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _used(node: ast.AST) -> set[str]:
    return {
        inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)
    }


def measure(servers: list[Server], paths: list[str], folders: list[str]) -> Coverage:
    """Return which tests under these folders execute which lines of these files."""
    root = servers[0].copy
    wanted = [name for name in _test_files(root, folders) if reaches(root, name, set(paths))]
    kept = servers[0].home / "coverage"
    missing = [name for name in wanted if _kept(kept, root, name) is None]
    kept.mkdir(exist_ok=True)
    if missing:
        print(f"Measuring which lines {len(missing)} files of tests execute ...", flush=True)
    share(servers, missing, _measure)
    coverage = Coverage({path: (root / path).read_text() for path in paths})
    by_line: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name in wanted:
        told = _kept(kept, root, name) or {"why": "it could not be measured"}
        if "why" in told:
            coverage.left_out[name] = told["why"]
            continue
        failed = set(told["failed"])
        coverage.left_out.update(dict.fromkeys(failed, "it fails without a mutant"))
        coverage.seconds.update(told["seconds"])
        for test in told["lines"].keys() - failed:
            _note_lines(by_line, test, {path: told["lines"][test].get(path, []) for path in paths})
    coverage.by_line = dict(by_line)
    return coverage


def _note_lines(
    by_line: dict[str, dict[int, set[str]]], test: str, lines: dict[str, list[int]]
) -> None:
    for path, numbers in lines.items():
        for line in numbers:
            by_line[path][line].add(test)


def _test_files(root: Path, folders: list[str]) -> list[str]:
    """Return the files of tests in these folders; a file may be named itself."""
    files: set[Path] = set()
    for name in folders:
        place = root / name
        files |= {place} if name.endswith(".py") else set(place.rglob("test_*.py"))
    return sorted(str(file.relative_to(root)) for file in files)


def reaches(root: Path, file: str, paths: set[str]) -> bool:
    """Tell whether a file imports one of these modules, by whatever way."""
    seen: set[str] = set()
    waiting = [file, *(str(one.relative_to(root)) for one in _conftests(root, file))]
    while waiting:
        name = waiting.pop()
        if name in paths:
            return True
        if name not in seen:
            seen.add(name)
            waiting += _imports(root, name)
    return False


def _imports(root: Path, name: str) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse((root / name).read_text())):
        modules: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        files = [module.replace(".", "/") + ".py" for module in modules]
        found += [file for file in files if (root / file).exists()]
    return found


def _conftests(root: Path, name: str) -> list[Path]:
    folders = (root / name).parents
    return [folder / "conftest.py" for folder in folders if (folder / "conftest.py").exists()]


def _measure(server: Server, name: str) -> None:
    result = server.copy / ".millrace/measured.json"
    result.unlink(missing_ok=True)
    include = [str(server.copy / "f/millrace/*")]
    told = server.ask(MOST_SECONDS, measure=name, include=include, result=str(result))
    print(f"  {told['seconds']:6.1f} s  {name}", flush=True)
    if told["verdict"] == "late":
        kept: dict[str, Any] = {"why": f"it lasts more than {MOST_SECONDS:.0f} s"}
        modules: set[str] = set()
    else:
        kept = json.loads(result.read_text())
        modules = {path for lines in kept["lines"].values() for path in lines}
    kept["digests"] = {path: _digest(server.copy / path) for path in sorted({name, *modules})}
    _place(server.home / "coverage", name).write_text(json.dumps(kept))


def _kept(folder: Path, root: Path, name: str) -> dict[str, Any] | None:
    place = _place(folder, name)
    if not place.exists():
        return None
    kept = json.loads(place.read_text())
    same = all(_digest(root / path) == digest for path, digest in kept["digests"].items())
    return kept if same else None


def _place(folder: Path, name: str) -> Path:
    return folder / f"{name.replace('/', '.')}.json"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
