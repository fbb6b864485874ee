"""Inline scripts of an edited flow: each becomes a step of the bundle, since a spec says what runs
and not how.
"""

import ast
import io
import keyword
import re
import tokenize
from pathlib import Path
from typing import Any

from scripts.compiler import locks, pulled
from scripts.compiler.imports import DISTRIBUTIONS, STANDARD
from scripts.compiler.sources import HOME, Bundle, Module, imports_of
from scripts.importer import canonical

Json = dict[str, Any]
SHORT = 2
COMMENTS = re.compile(r"\A(?:[ \t]*(?:#.*)?\n)+")


def move_out(
    flow: Json, name: str, area: str, folder: Path, bundle: Bundle
) -> tuple[Json, dict[str, str]]:
    """Return the flow with steps where it had inline Python,
    and the files of these steps: path and text.

    `folder` holds the flow's own files. Code in other languages,
    and what is no `main()`, stays inline.
    """
    files: dict[str, str] = {}
    for module in canonical.every(flow["value"]["modules"]):
        value = module["value"]
        if value.get("type") != "rawscript" or value.get("language") != "python3":
            continue
        text = as_step(
            str(pulled.code(value.get("content"), folder) or ""),
            module["summary"],
            name,
            bundle.root,
        )
        path = text and _free_path(module["id"], module["summary"], name, area, text, bundle, files)
        if text and path:
            files[path] = text
            module["value"] = {
                "type": "script",
                "input_transforms": value.get("input_transforms", {}),
                "path": path.removesuffix(".py"),
            }
    return flow, files


def with_files(bundle: Bundle, files: dict[str, str]) -> Bundle:
    """Return the bundle as it will be with these files in it."""
    parsed = {
        path: Module(path, text, tree := ast.parse(text), None, list(imports_of(tree)))
        for path, text in files.items()
    }
    return Bundle(bundle.root, {**bundle.modules, **parsed})


def as_step(code: str, summary: str, flow: str, root: Path) -> str:
    """Return inline code as the text of a step, with header and docstrings; empty when it is no
    Python with a main().
    """
    body = COMMENTS.sub("", code.replace("\r\n", "\n"))
    try:
        tree = ast.parse(body)
    except SyntaxError:
        return ""
    main = next(
        (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"),
        None,
    )
    if main is None:
        return ""
    text = f"# no_postinstall\n# requirements: {locks.PREFIX}{_list_for(tree, root)}\n\n"
    if not ast.get_docstring(tree):
        text += f'"""{summary.rstrip(".")}.\n\nIt was an inline script of the flow {flow}.\n"""\n\n'
    if tree.body[0] is main:
        text += "\n"
    return text + _add_docstring(body, main, summary).strip("\n") + "\n"


def _add_docstring(body: str, main: ast.FunctionDef, summary: str) -> str:
    """Return the code with what the form of a step needs:
    a docstring of main() and a type of its result.
    """
    lines = body.split("\n")
    row, column = _end_of_header(body, main)
    first = main.body[0]
    if not ast.get_docstring(main):
        names = [
            each.arg for each in [*main.args.posonlyargs, *main.args.args, *main.args.kwonlyargs]
        ]
        given = "".join(
            f"        {each}: {each.replace('_', ' ').capitalize()}.\n" for each in names
        )
        docstring = (
            f'    """{summary.rstrip(".")}.\n'
            + (f"\n    Args:\n{given}    " if given else "    ")
            + '"""'
        )
        if first.lineno == row + 1:
            # def main(): return 1
            rest = lines[row][column + 1 :].strip()
            lines[row] = lines[row][: column + 1]
            lines.insert(row + 1, f"    {rest}")
        lines.insert(row + 1, docstring)
    if main.returns is None:
        # Whatever it returns is one.
        lines[row] = f"{lines[row][:column]} -> object{lines[row][column:]}"
    return "\n".join(lines)


def _end_of_header(body: str, main: ast.FunctionDef) -> tuple[int, int]:
    """Return row and column, from 0, of the colon that ends `def main(...)`."""
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(body).readline):
        if token.start[0] < main.lineno or token.type != tokenize.OP:
            continue
        depth += (token.string in "([{") - (token.string in ")]}")
        if token.string == ":" and depth == 0:
            return token.start[0] - 1, token.start[1]
    raise AssertionError("a function has a header")


def _list_for(tree: ast.AST, root: Path) -> str:
    """Return the shortest list of requirements that pins all that the code imports,
    else the shortest.
    """
    wanted = {item.module.split(".")[0] for item in imports_of(tree)} - STANDARD - {"f", "u"}
    names = {locks.normal(DISTRIBUTIONS.get(each, each)) for each in wanted}
    files = (root / locks.FOLDER).glob(f"{locks.PREFIX}*.requirements.in")
    pinned = {
        path.name.removeprefix(locks.PREFIX).removesuffix(".requirements.in"): set(
            locks.pins(path.read_text(encoding="utf-8"))
        )
        for path in sorted(files)
    }
    fitting = [name for name in pinned if names <= pinned[name]] or list(pinned)
    return min(fitting, key=lambda name: len(pinned[name]), default="core")


def _free_path(
    step: str, summary: str, flow: str, area: str, text: str, bundle: Bundle, files: dict[str, str]
) -> str:
    """Return a path for the step's file that nothing else has; empty when there is none."""
    # The editor calls steps a, b, c.
    named = step if len(step) > SHORT else canonical.word(summary)
    for name in (named, f"{flow}_{named}"):
        path = f"{HOME}/{area}/{name}.py"
        known = bundle.modules.get(path)
        if (
            not keyword.iskeyword(name)
            and path not in files
            and (known is None or known.text == text)
        ):
            return path
    return ""
