"""What a Python file of the bundle must be so that Windmill can show it, lock it and run it."""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from scripts.compiler import metadata, types
from scripts.compiler.problems import Problem
from scripts.compiler.sources import NOT_LITERAL, Bundle, Module

SECRETS = re.compile(
    r"sk-(?:ant-|proj-)?[A-Za-z0-9_\-]{24,}|gh[pousr]_[A-Za-z0-9]{30,}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9\-]{12,}"
    r"|AIza[0-9A-Za-z_\-]{30,}|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"
)
MACHINE = re.compile(r"(?<![\w.:/$}])/(?:home|Users)/[A-Za-z][\w.\-]*/|[A-Z]:\\\\Users\\\\")
TEXTS = (
    "*.py",
    "*.yaml",
    "*.yml",
    "*.toml",
    "*.in",
    "*.lock",
    "*.sql",
    "*.md",
    "*.sh",
    "*.txt",
    "*.json",
)
FOLDERS = ("f", "flows", "scripts", "resources", "dependencies")
HEADER = "# no_postinstall"
# Without it the server guesses the requirements of a library from its imports, and locks it to
# something else.
LIBRARY_HEADER = "# requirements:"
SUMMARY_LENGTH = 160


def check(bundle: Bundle, root: Path) -> list[Problem]:
    """Return what is wrong with the Python files,
    and secrets or machine paths in any text of the bundle.
    """
    problems = []
    for module in bundle.modules.values():
        problems += _check_module(module)
        problems += _check_library(module) if module.main is None else _check_step(module)
    return problems + list(_leaks(root))


def _check_module(module: Module) -> Iterator[Problem]:
    if module.tree is None:
        line, what = module.error or (1, "unknown")
        yield Problem(
            module.path,
            line,
            f"does not parse on Python {sys.version_info[0]}.{sys.version_info[1]}: {what}",
        )
        return
    if module.path.endswith("__init__.py"):
        yield Problem(
            module.path, 1, "is a script of its own on Windmill; packages here need no __init__.py"
        )
    if "." in Path(module.path).stem or "-" in module.path:
        yield Problem(
            module.path,
            1,
            "has a dot or a dash in its name; Windmill cuts at the first, Python cannot import the"
            " second",
        )
    if not metadata.summary(module):
        yield Problem(
            module.path,
            1,
            "has no docstring; its first paragraph is the summary that Windmill shows",
        )
    elif len(metadata.summary(module)) > SUMMARY_LENGTH:
        yield Problem(
            module.path,
            1,
            "the docstring's first paragraph, its summary, has more than"
            f" {SUMMARY_LENGTH} characters",
        )
    for line in nested_quotes(module.text):
        yield Problem(
            module.path,
            line,
            "an f-string holds its own quote inside; Windmill's parser cannot read it, use the"
            " other quote",
        )


def _check_library(module: Module) -> Iterator[Problem]:
    if module.tree is not None and not module.text.startswith(f"{LIBRARY_HEADER}\n\n"):
        yield Problem(
            module.path, 1, f"a library starts with the line `{LIBRARY_HEADER}`, then an empty line"
        )


def _check_step(module: Module) -> Iterator[Problem]:
    main = module.main
    assert main is not None
    lines = module.text.split("\n")
    if lines[0] != HEADER or not lines[1].startswith("# requirements: ") or lines[2:3] != [""]:
        yield Problem(
            module.path,
            1,
            f"a step starts with `{HEADER}`, then `# requirements: millrace_<list>`, then an empty"
            " line",
        )
    if isinstance(main, ast.AsyncFunctionDef):
        yield Problem(
            module.path,
            main.lineno,
            "main() is async; Windmill does not await it, use asyncio.run inside",
        )
    if main.args.vararg or main.args.kwarg:
        yield Problem(
            module.path, main.lineno, "main() takes * or **; a form needs named parameters"
        )
    if main.decorator_list:
        yield Problem(
            module.path,
            main.lineno,
            "main() is decorated; Windmill reads its signature from the text",
        )
    if main.returns is None:
        yield Problem(
            module.path, main.lineno, "main() does not say what it returns; write -> dict"
        )
    for parameter in module.parameters:
        if types.schema_of(parameter) is None:
            found = parameter.type_name() or "no type"
            yield Problem(
                module.path,
                parameter.line,
                f"parameter {parameter.name!r} has {found}, which Windmill cannot show; allowed are"
                f" {types.ALLOWED}",
            )
        if parameter.default is NOT_LITERAL:
            yield Problem(
                module.path,
                parameter.line,
                f"parameter {parameter.name!r} has a computed default; the form needs a literal",
            )
        if not parameter.description:
            yield Problem(
                module.path,
                parameter.line,
                f"parameter {parameter.name!r} is not described; add it under `Args:` in main()'s"
                " docstring",
            )


# complexipy: ignore (a stack of open quotes, one case for each kind of token)
def nested_quotes(text: str) -> list[int]:
    """Return lines where an f-string contains a string in its own quotes: Python 3.12 reads that,
    older parsers do not.
    """
    if sys.version_info < (3, 12):
        return []
    found, open_quotes = [], []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "FSTRING_START":
            quote = token.string.lstrip("fFrRbBuU")
            found += [token.start[0]] if quote in open_quotes else []
            open_quotes.append(quote)
        elif kind == "FSTRING_END":
            open_quotes.pop()
        elif kind == "STRING" and open_quotes:
            body = token.string.lstrip("fFrRbBuU")
            quote = body[:3] if body[:3] in ('"' * 3, "'" * 3) else body[:1]
            found += [token.start[0]] if quote in open_quotes else []
    return found


# complexipy: ignore (folders, files, patterns and matches: one loop inside the other)
def _leaks(root: Path) -> Iterator[Problem]:
    for folder in FOLDERS:
        for path in sorted(found for pattern in TEXTS for found in (root / folder).rglob(pattern)):
            if (
                "__pycache__" in path.parts
                or "node_modules" in path.parts
                or path.stat().st_size > 500_000
            ):
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            for pattern, what in (
                (SECRETS, "looks like a secret; secrets are Windmill variables or the environment"),
                (MACHINE, "is a path of one machine; make it relative or a setting"),
            ):
                for match in pattern.finditer(text):
                    line = text.count("\n", 0, match.start()) + 1
                    shown = match[0] if pattern is MACHINE else match[0][:6] + "..."
                    yield Problem(path.relative_to(root).as_posix(), line, f"{shown!r} {what}")
