"""Which scripts Windmill relocks after a push, as its import parser and dependency map decide it.

Tracked are `from f.a.b import name` and `import f.a.b` at module level before `def main`, when a
script of that path exists; `from f.a import b` counts as the folder `f/a`, which nobody deploys. A
script without `# requirements:` uses the default workspace dependencies.
"""

import ast
import functools
import re
from collections.abc import Iterator

MAIN = re.compile(r"(?m)^(?:async )?def main\(")
REQUIREMENTS = re.compile(r"(?m)^# ?requirements:[ \t]*(\S*)[ \t]*$")


@functools.cache
def tracked(code: str, path: str) -> set[str]:
    """Return the paths that a script refers to, of scripts and of workspace dependencies."""
    return {*_imports(code, path), *_dependencies(code)}


def importers(scripts: dict[str, str], changed: str) -> list[str]:
    """Return the scripts (given with their code) that get a dependency job when `changed` is
    pushed.
    """
    return sorted(
        path for path, code in scripts.items() if path != changed and changed in tracked(code, path)
    )


def _imports(code: str, path: str) -> Iterator[str]:
    try:
        body = ast.parse(MAIN.split(code)[0]).body
    except SyntaxError:
        return
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from (
                name.name.replace(".", "/")
                for name in statement.names
                if name.name.startswith(("f.", "u."))
            )
        elif isinstance(statement, ast.ImportFrom) and statement.level:
            base = path.split("/")[: -statement.level]
            yield "/".join([*base, *(statement.module or "").split(".")]).rstrip("/")
        elif isinstance(statement, ast.ImportFrom) and str(statement.module).startswith(
            ("f.", "u.")
        ):
            yield str(statement.module).replace(".", "/")


def _dependencies(code: str) -> Iterator[str]:
    named = REQUIREMENTS.search(code)
    if named is None:
        yield "dependencies/requirements.in"
    elif named[1]:
        name = "" if named[1] == "default" else named[1] + "."
        yield f"dependencies/{name}requirements.in"
