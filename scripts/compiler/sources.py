"""What the Python files of the bundle say: signatures, docstrings,
imports, read from their syntax trees once.
"""

import ast
import contextlib
import gc
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

HOME = "f/millrace"
REQUIREMENTS = re.compile(r"^# requirements: *(\S+)\s*$", re.MULTILINE)


@dataclass
class Parameter:
    """One parameter of `main`: a field of the form that people fill in."""

    name: str
    annotation: ast.expr | None
    required: bool
    default: Any
    description: str
    line: int

    def type_name(self) -> str:
        """Return the annotation as it is written."""
        return ast.unparse(self.annotation) if self.annotation else ""


@dataclass
class Import:
    """One import: the module, the names taken from it, and where it stands."""

    module: str
    names: list[str]
    line: int
    level: int = 0
    inside: bool = False
    guarded: bool = False
    typing_only: bool = False


@dataclass
class Module:
    """One Python file, parsed. `tree` is None when it does not parse; `error` then says why."""

    path: str
    text: str
    tree: ast.Module | None
    error: tuple[int, str] | None = None
    imports: list[Import] = field(default_factory=list)

    @property
    def dotted(self) -> str:
        """Return the name by which others import the file."""
        return self.path.removesuffix(".py").replace("/", ".")

    @property
    def verb(self) -> str:
        """Return the name by which a spec runs the file: `research/open`."""
        return self.path.removeprefix(HOME + "/").removesuffix(".py")

    @cached_property
    def main(self) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """Return the function that Windmill calls, if the file is a step."""
        for node in self.tree.body if self.tree else []:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == "main":
                return node
        return None

    @cached_property
    def docstring(self) -> str:
        return (ast.get_docstring(self.tree) if self.tree else None) or ""

    @cached_property
    def parameters(self) -> list[Parameter]:
        """Return the parameters of `main` in the order of the form."""
        if self.main is None:
            return []
        spec, help_texts = self.main.args, arguments(ast.get_docstring(self.main) or "")
        plain = [*spec.posonlyargs, *spec.args]
        missing: list[ast.expr | None] = [None] * (len(plain) - len(spec.defaults))
        pairs = [
            *zip(plain, [*missing, *spec.defaults], strict=True),
            *zip(spec.kwonlyargs, spec.kw_defaults, strict=True),
        ]
        return [
            Parameter(
                arg.arg,
                arg.annotation,
                default is None,
                literal_of(default),
                help_texts.get(arg.arg, ""),
                arg.lineno,
            )
            for arg, default in pairs
        ]

    @cached_property
    def returned(self) -> dict[str, str]:
        """Return what `main` says of its result, by name."""
        return arguments(ast.get_docstring(self.main) or "", "Returns:") if self.main else {}

    @cached_property
    def requirements(self) -> str | None:
        """Return the name of the requirements file that the header names."""
        found = REQUIREMENTS.search(self.text)
        return found.group(1) if found else None

    @cached_property
    def names(self) -> set[str]:
        """Return what other files can import from this one."""
        return {name for node in (self.tree.body if self.tree else []) for name in _bound(node)}


@dataclass
class Bundle:
    """All Python files under f/millrace, by path."""

    root: Path
    modules: dict[str, Module]

    def step(self, verb: str) -> Module | None:
        """Return the step that a spec calls `verb`, if there is one with a `main`."""
        module = self.modules.get(f"{HOME}/{verb}.py")
        return module if module is not None and module.main is not None else None

    def steps(self) -> list[Module]:
        return [module for module in self.modules.values() if module.main is not None]

    def by_name(self, dotted: str) -> Module | None:
        """Return the file behind a dotted name."""
        return self.modules.get(dotted.replace(".", "/") + ".py")


def bundle(root: Path) -> Bundle:
    """Read every Python file under f/millrace; unchanged files come from a cache."""
    return Bundle(root, {module.path: module for module in python_files(root, HOME)})


def python_files(root: Path, *folders: str) -> list[Module]:
    """Return the parsed files of some folders, in order of their paths; inline scripts of flows
    belong to their flow.
    """
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    with uncollected():
        return [
            read(root, path)
            for path in paths
            if "__pycache__" not in path.parts and not path.parent.name.endswith("__flow")
        ]


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Keep the collector of garbage away: trees are kept, and going through them again and again
    takes longer than parsing.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def read(root: Path, path: Path) -> Module:
    """Parse one file, or take it from the cache when it has not changed."""
    facts = path.stat()
    return _parse(path, path.relative_to(root).as_posix(), facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=4096)
def _parse(path: Path, name: str, _changed: int, _size: int) -> Module:
    text = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        return Module(name, text, None, (error.lineno or 1, error.msg))
    return Module(name, text, tree, None, list(imports_of(tree)))


# Where a statement has others inside.
STATEMENTS = ("body", "orelse", "finalbody", "handlers", "cases")


# complexipy: ignore (it walks a tree and knows on the way where it is)
def imports_of(tree: ast.AST) -> list[Import]:
    """Return every import of a file, and whether it is lazy, optional or for type checkers only."""
    found: list[Import] = []

    def visit(node: ast.AST, inside: bool, guarded: bool, typing_only: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(
                Import(alias.name, [], node.lineno, 0, inside, guarded, typing_only)
                for alias in node.names
            )
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
            found.append(
                Import(
                    node.module or "", names, node.lineno, node.level, inside, guarded, typing_only
                )
            )
        function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        checking = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        optional = isinstance(node, ast.Try) and any(
            _catches_import(handler) for handler in node.handlers
        )
        # An import is a statement: none is inside of an expression.
        for child in (child for part in STATEMENTS for child in getattr(node, part, ())):
            visit(child, inside or function, guarded or optional, typing_only or checking)

    visit(tree, False, False, False)
    return found


def _catches_import(handler: ast.ExceptHandler) -> bool:
    text = ast.unparse(handler.type) if handler.type else "Exception"
    return any(name in text for name in ("ImportError", "ModuleNotFoundError", "Exception"))


# complexipy: ignore (a case for each statement of Python that gives a name)
def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [
            name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
        ]
    if type(node).__name__ == "TypeAlias":
        return [node.name.id]  # type: ignore[attr-defined]
    return [name for line in _inside(node) for name in _bound(line)]


def _inside(node: ast.stmt) -> Iterator[ast.stmt]:
    """Return the statements of a block, those of its handlers too."""
    for part in ("body", "orelse", "finalbody", "handlers"):
        for child in getattr(node, part, []):
            yield from [child] if isinstance(child, ast.stmt) else child.body


def literal_of(node: ast.expr | None) -> Any:
    """Return a literal default, or `NOT_LITERAL` when it is computed."""
    if node is None:
        return None
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return NOT_LITERAL


class _NotLiteral:
    def __repr__(self) -> str:
        return "a computed default"


NOT_LITERAL = _NotLiteral()


def arguments(docstring: str, section: str = "Args:") -> dict[str, str]:
    """Return the lines of a docstring's section, one text a name: the parameters, or with
    `Returns:` what is in the result.
    """
    lines = docstring.splitlines()
    if not any(line.strip() == section for line in lines):
        return {}
    start = next(number for number, line in enumerate(lines) if line.strip() == section)
    found: dict[str, str] = {}
    name = ""
    for line in lines[start + 1 :]:
        if line.strip() and not line.startswith(" "):
            break
        head = re.match(r"^ {2,4}(\w+)(?: \([^)]*\))?: *(.*)$", line)
        if head:
            name = head.group(1)
            found[name] = head.group(2).strip()
        elif line.strip() and name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found
