"""Who imports whom: the layers, the owner of each library, what a worker can find and install.

On Windmill a missing module of ours is silently empty, and a library outside the step's list is not
there at all; so both are found here, over the syntax trees.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from scripts.compiler import locks
from scripts.compiler.problems import Problem
from scripts.compiler.reader import closest, format_list
from scripts.compiler.sources import HOME, Bundle, Import, Module

LAYERS = (
    "core",
    "telemetry",
    "memory",
    "trust",
    "tools",
    "evidence",
    "stories",
    "models",
    "agents",
    "digest",
)
PACKAGE = HOME.replace("/", ".")
# The only modules that may import a library; a name with a dot at its end is a whole area.
OWNERS: dict[str, tuple[str, ...]] = {
    "wmill": ("core.windmill",),
    "psycopg": ("core.db",),
    "openai": ("core.llm",),
    "anthropic": ("core.llm",),
    "genai_prices": ("core.prices",),
    "opentelemetry": ("telemetry.",),
    "langgraph": ("agents.state_graph",),
    "numpy": ("core.embedding",),
    "onnxruntime": ("core.embedding",),
    "tokenizers": ("core.embedding",),
    "mcp": ("tools.",),
    "pydantic_ai": (
        "agents.",
        "models.",
        "core.llm",
        "memory.history",
        "memory.conversation_store",
    ),
    "pypdfium2": ("ingest.parse_pdf",),
    "docx": ("ingest.parse_word",),
    "pptx": ("ingest.parse_office",),
    "python_calamine": ("ingest.parse_office",),
    "markdown_it": ("ingest.parse_text",),
    "charset_normalizer": ("ingest.parse_text",),
    "nh3": ("trust.markup",),
    "py3langid": ("ingest.language_detection",),
    "lxml": (
        "ingest.far_cells",
        "ingest.parse_html",
        "ingest.parse_office",
        "ingest.parse_open",
        "ingest.parse_word",
        "ingest.repair_package",
    ),
}
# Libraries whose import name is not the name on the index.
DISTRIBUTIONS = {
    "yaml": "pyyaml",
    "opentelemetry": "opentelemetry-api",
    "pydantic_ai": "pydantic-ai-slim",
    "dateutil": "python-dateutil",
    "bs4": "beautifulsoup4",
    "PIL": "pillow",
    "lxml": "lxml",
    "docx": "python-docx",
    "pptx": "python-pptx",
    "markdown_it": "markdown-it-py",
}
# Files that are imported by a name known only at run time: the text of the import, and what such a
# file defines.
PLUGINS = {f"{PACKAGE}.tools.": "SOURCE"}
# What only type checkers read; a step that loaded it would pay a request for nothing.
TYPES_ONLY = (f"{PACKAGE}.core.rows",)
STANDARD = sys.stdlib_module_names | {"__future__"}


def check(bundle: Bundle, root: Path) -> list[Problem]:
    """Return every import that breaks a rule of the bundle or would break on a worker."""
    problems = [
        problem for module in bundle.modules.values() for problem in _check_module(bundle, module)
    ]
    problems += [
        problem
        for module in bundle.modules.values()
        for problem in _check_attributes(bundle, module)
    ]
    for step in bundle.steps():
        problems += _check_closure(bundle, step, root)
    return problems


def _check_module(bundle: Bundle, module: Module) -> Iterator[Problem]:
    for item in module.imports:
        if item.level:
            yield Problem(
                module.path,
                item.line,
                f"relative import; write from {PACKAGE}.<area> import <module>",
            )
        elif item.module.split(".")[0] in ("scripts", "tests", "u"):
            what = (
                "personal sandboxes are imported by nobody"
                if item.module[0] == "u"
                else "a worker sees only f/"
            )
            yield Problem(module.path, item.line, f"imports {item.module}: {what}")
        elif item.module.split(".")[0] == "f":
            yield from _check_ours(bundle, module, item)
        else:
            yield from _check_owner(module, item)


def _check_ours(bundle: Bundle, module: Module, item: Import) -> Iterator[Problem]:
    folder, _, last = item.module.rpartition(".")
    if bundle.by_name(item.module) is not None:
        # Windmill follows these forms: each push of the named file then relocks every script that
        # leads to it.
        yield Problem(
            module.path,
            item.line,
            f"imports {item.module} in a form that Windmill tracks; write from {folder} import"
            f" {last}",
        )
        yield from _check_layer(module, item.module, item.line)
        return
    is_folder = (bundle.root / item.module.replace(".", "/")).is_dir()
    known = [other.dotted for other in bundle.modules.values()]
    for name in [f"{item.module}.{name}" for name in item.names if is_folder] or [item.module]:
        if bundle.by_name(name) is None:
            yield Problem(
                module.path,
                item.line,
                f"imports {name}, which does not exist{closest(name, known)};"
                " on Windmill it would be an empty module without any error",
            )
        else:
            yield from _check_layer(module, name, item.line)
            yield from _check_types_only(module, name, item)


def _check_types_only(module: Module, name: str, item: Import) -> Iterator[Problem]:
    if name in TYPES_ONLY and not item.typing_only:
        yield Problem(
            module.path,
            item.line,
            f"imports {name} at run time; it holds types only, so import it below"
            " `if TYPE_CHECKING:` (and begin with from __future__ import annotations)",
        )


# complexipy: ignore (what an attribute may be other than a name of a module)
def _check_attributes(bundle: Bundle, module: Module) -> Iterator[Problem]:
    """Report `text.shortn` where the imported module `text` has no such name."""
    if module.tree is None:
        return
    nodes = list(ast.walk(module.tree))
    imported = {
        alias.asname or alias.name: found
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(PACKAGE)
        for alias in node.names
        if (found := bundle.by_name(f"{node.module}.{alias.name}"))
    }
    # A variable of the same name hides the module somewhere in the file.
    imported = {name: found for name, found in imported.items() if name not in _rebound(nodes)}
    for node in nodes:
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in imported
        ):
            found = imported[node.value.id]
            if (
                found.tree is not None
                and node.attr not in found.names
                and not node.attr.startswith("__")
            ):
                yield Problem(
                    module.path,
                    node.lineno,
                    f"uses {node.attr!r} of {found.dotted}, which has no such name"
                    f"{closest(node.attr, found.names)}",
                )


def _rebound(nodes: list[ast.AST]) -> set[str]:
    stored = {
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return stored | {node.arg for node in nodes if isinstance(node, ast.arg)}


def _check_layer(module: Module, name: str, line: int) -> Iterator[Problem]:
    ours, theirs = area(module.dotted), area(name)
    if ours == theirs:
        return
    above, below = _height(ours), _height(theirs)
    if above == len(LAYERS) and below == len(LAYERS):
        yield Problem(
            module.path,
            line,
            f"imports {name}: a pipeline ({ours}) never imports another pipeline ({theirs})",
        )
    elif above < below:
        yield Problem(
            module.path,
            line,
            f"imports {name}: {ours} lies below {theirs}; allowed for it are"
            f" {format_list(reversed(LAYERS[: above + 1]))}",
        )


def _check_owner(module: Module, item: Import) -> Iterator[Problem]:
    library = item.module.split(".")[0]
    owners = OWNERS.get(library)
    if owners is None:
        return
    place = module.dotted.removeprefix(PACKAGE + ".")
    if not any(
        place.startswith(owner) if owner.endswith(".") else place == owner for owner in owners
    ):
        yield Problem(
            module.path,
            item.line,
            f"imports {library}, which belongs to {format_list(owners)}; call that instead",
        )


def area(dotted: str) -> str:
    """Return the area of a module: the folder under f/millrace."""
    parts = dotted.removeprefix(PACKAGE + ".").split(".")
    return parts[0] if len(parts) > 1 else ""


def _height(name: str) -> int:
    return LAYERS.index(name) if name in LAYERS else len(LAYERS)


def closure(
    bundle: Bundle, module: Module, follow: Callable[[Import], bool] = lambda _item: True
) -> list[Module]:
    """Return the modules of ours that a file needs, itself included."""
    seen = {module.path: module}
    waiting = [module]
    while waiting:
        current = waiting.pop()
        names = plugins(bundle, current)
        for item in current.imports:
            names += (
                [item.module, *[f"{item.module}.{each}" for each in item.names]]
                if follow(item)
                else []
            )
        for found in map(bundle.by_name, names):
            if found is not None and found.path not in seen:
                seen[found.path] = found
                waiting.append(found)
    return list(seen.values())


def plugins(bundle: Bundle, module: Module) -> list[str]:
    """Return the modules that a file may import by a name known only at run time."""
    return [
        other.dotted
        for prefix, name in PLUGINS.items()
        if f'import_module(f"{prefix}{{' in module.text
        for other in bundle.modules.values()
        if other.dotted.startswith(prefix) and name in other.names
    ]


def _check_closure(bundle: Bundle, step: Module, root: Path) -> Iterator[Problem]:
    """Report each library that a step may import and its requirements file does not pin."""
    if step.requirements is None:
        return
    path = root / locks.FOLDER / f"{step.requirements}.requirements.in"
    if not path.exists():
        return
    pinned = set(locks.pins(path.read_text(encoding="utf-8")))
    for module in closure(bundle, step, lambda item: not item.typing_only):
        for item in module.imports:
            library = item.module.split(".")[0]
            if (
                item.level
                or item.typing_only
                or item.guarded
                or library in STANDARD
                or library in ("f", "scripts", "tests", "u")
            ):
                continue
            if locks.normal(DISTRIBUTIONS.get(library, library)) in pinned:
                continue
            through = "" if module is step else f", which {step.path} needs"
            yield Problem(
                module.path,
                item.line,
                f"imports {library}{through}; {path.relative_to(root).as_posix()} does not pin it"
                " (add it to pyproject.toml, or take the step's list that has it)",
            )
