"""Libraries that a step imports and does not use: they cost it time at each start.

A library is used when `main` reaches a name that stands on it. Names are followed over the files:
what a function, class or value says, and what its file does besides defining (a registration, a
call at the top). Unlike a linter's unused import, this finds the import of a file of ours of which
the step needs only another part.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from scripts.compiler.problems import Problem
from scripts.compiler.sources import Bundle, Module

# Every run needs these; they come with the step's own frame (rows, spans).
FRAME = frozenset({"psycopg", "opentelemetry"})
DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

Place = tuple[str, str]


def check(bundle: Bundle) -> list[Problem]:
    """Return each import at a file's top by which a step loads a library it does not use."""
    files = {
        path: _File(module) for path, module in bundle.modules.items() if module.tree is not None
    }
    graph = _Graph(bundle, files)
    found: dict[tuple[str, int, str], list[str]] = {}
    for step in bundle.steps():
        loaded = _list_loaded(bundle, files, step.path)
        used = graph.libraries(step.path, loaded)
        for path in loaded:
            for line, library in files[path].libraries:
                if library not in used | FRAME:
                    found.setdefault((path, line, library), []).append(step.verb)
    return [
        Problem(
            path,
            line,
            f"imports {library}, which {', '.join(steps)} never uses; import it where it is needed,"
            " or split the file",
        )
        for (path, line, library), steps in found.items()
    ]


class _File:
    """One file as a graph: what each of its names says, and what runs when the file is loaded."""

    def __init__(self, module: Module) -> None:
        assert module.tree is not None
        self.path = module.path
        self.body = list(_top(module.tree.body))
        self._said: dict[str, set[str]] = {}

    @cached_property
    def imported(self) -> dict[str, tuple[str, str]]:
        """Each imported name: the module that it is from,
        and the name there (empty: the module itself).
        """
        names: dict[str, tuple[str, str]] = {}
        for node in self.body:
            if isinstance(node, ast.Import):
                names |= {
                    (each.asname or each.name).split(".")[0]: (each.name, "") for each in node.names
                }
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {each.asname or each.name: (node.module, each.name) for each in node.names}
        return names

    @property
    def libraries(self) -> list[tuple[int, str]]:
        """The lines and names of the libraries that loading the file loads."""
        found = []
        for node in self.body:
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            found += [(node.lineno, top) for name in names if _foreign(top := name.split(".")[0])]
        return found

    @cached_property
    def defined(self) -> dict[str, list[ast.stmt]]:
        """The statements that define each name at the top."""
        found: dict[str, list[ast.stmt]] = {}
        for node in self.body:
            for name in _targets(node):
                found.setdefault(name, []).append(node)
        return found

    def says(self, name: str) -> set[str]:
        """Return what a name at the top says: the names in its definition, `module.attribute` for
        one taken from a module.
        """
        if name not in self._said:
            self._said[name] = {
                each for node in self.defined.get(name, []) for each in _names(node)
            }
        return self._said[name]

    @cached_property
    def at_load(self) -> set[str]:
        """The names that loading the file itself uses: statements that define nothing."""
        loose = [
            node
            for node in self.body
            if not isinstance(node, (ast.Import, ast.ImportFrom)) and not _targets(node)
        ]
        return {name for node in loose for name in _names(node)}


def _list_loaded(bundle: Bundle, files: dict[str, _File], start: str) -> set[str]:
    """Return the files of ours that importing the step loads."""
    seen, waiting = {start}, [start]
    while waiting:
        for module, name in files[waiting.pop()].imported.values():
            for dotted in (module, f"{module}.{name}"):
                found = bundle.by_name(dotted)
                if found is not None and found.path in files and found.path not in seen:
                    seen.add(found.path)
                    waiting.append(found.path)
    return seen


class _Graph:
    """What each name stands on, over all files; looked up once for all steps."""

    def __init__(self, bundle: Bundle, files: dict[str, _File]) -> None:
        self._bundle, self._files = bundle, files
        self._known: dict[Place, tuple[str, list[Place]]] = {}

    def libraries(self, start: str, loaded: set[str]) -> set[str]:
        """Return the libraries that the step's `main`,
        and what its files do when they are loaded, stand on.
        """
        libraries: set[str] = set()
        waiting: list[Place] = [(start, "main")]
        waiting += [(path, name) for path in loaded for name in self._files[path].at_load]
        seen: set[Place] = set(waiting)
        while waiting:
            place = waiting.pop()
            library, stands_on = self._known.get(place) or self._look_up(place)
            if library:
                libraries.add(library)
            fresh = [each for each in stands_on if each not in seen]
            seen.update(fresh)
            waiting += fresh
        return libraries

    def _look_up(self, place: Place) -> tuple[str, list[Place]]:
        path, name = place
        file, (first, _, rest) = self._files[path], name.partition(".")
        library, stands_on = "", []
        if first not in file.imported:
            stands_on = [(path, each) for each in file.says(first)]
        else:
            module, inner = file.imported[first]
            if _foreign(top := module.split(".")[0]):
                library = top
            else:
                stands_on = list(self._in_ours(module, inner, rest))
        self._known[place] = library, stands_on
        return library, stands_on

    def _in_ours(self, module: str, inner: str, rest: str) -> Iterator[Place]:
        for dotted, name in ((module, inner), (f"{module}.{inner}", rest)):
            found = self._bundle.by_name(dotted)
            if found is not None and found.path in self._files and name:
                yield found.path, name


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when the file is loaded,
    those inside `try`, `if` and `with` too.
    """
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        inner: list[ast.stmt] = [
            child for part in ("body", "orelse", "finalbody") for child in getattr(node, part, [])
        ]
        if isinstance(node, DEFINES) or not inner:
            yield node
        else:
            yield from _top(inner)


def _targets(node: ast.stmt) -> list[str]:
    if isinstance(node, DEFINES):
        return [node.name]
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [
            name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
        ]
    return []


def _names(node: ast.AST) -> set[str]:
    found: set[str] = set()
    # ast.walk, which asks each node for its fields first, takes three times as long.
    waiting: list[Any] = [node]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, list):
            waiting += inner
            continue
        if isinstance(inner, ast.Name):
            found.add(inner.id)
        elif isinstance(inner, ast.AST):
            if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
                found.add(f"{inner.value.id}.{inner.attr}")
            waiting += vars(inner).values()
    return found


def _foreign(library: str) -> bool:
    return library not in sys.stdlib_module_names and library not in ("f", "__future__")
