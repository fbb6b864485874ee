"""All checks of the bundle, in one call.

scripts/millrace check
"""

from pathlib import Path

from scripts.compiler import (
    code,
    function_length,
    imports,
    locks,
    metadata,
    reach,
    summaries,
    tested,
    unused,
    write,
    writers,
)
from scripts.compiler.problems import Problem
from scripts.compiler.sources import bundle


def run_checks(root: Path) -> list[Problem]:
    """Return everything that is wrong with the bundle, in order of file and line."""
    files = bundle(root)
    problems = [
        *write.drift(root),
        *metadata.check(root),
        *locks.check(root),
        *code.check(files, root),
        *summaries.check(write.check(root, files)[0], files),
        *imports.check(files, root),
        *reach.check(files, root),
        *unused.check(files),
        *tested.check(files, root),
        *function_length.check(root),
        *writers.check(files, root),
    ]
    return sorted(set(problems))
