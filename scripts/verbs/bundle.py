"""`flows`, `metadata`, `locks`, `check`: the bundle's own files."""

import argparse
from typing import Any

from f.millrace.core.errors import BadInput
from scripts.paths import ROOT


def add(verbs: Any) -> None:
    """Declare the verbs that look at or write the bundle's files."""
    flows = verbs.add_parser("flows", help="list, check, compile or draw the pipelines")
    flows.add_argument("action", choices=["list", "check", "compile", "draw"])
    flows.add_argument("names", nargs="*", metavar="FLOW")
    flows.add_argument("--text", action="store_true", help="draw: as text instead of SVG")
    flows.set_defaults(function=act_on_flows)
    for name, choices, function in (
        ("metadata", ["write", "check"], act_on_metadata),
        ("locks", ["check", "upgrade"], act_on_locks),
    ):
        parser = verbs.add_parser(name, help=f"{' or '.join(choices)} the generated {name}")
        parser.add_argument("action", choices=choices)
        parser.add_argument("names", nargs="*")
        parser.set_defaults(function=function)
    verbs.add_parser("check", help="run every check of the bundle").set_defaults(function=check)


def act_on_flows(options: argparse.Namespace) -> int:
    """List, check, compile or draw."""
    from scripts.compiler import draw, spec, write

    if options.action == "list":
        for loaded in spec.list_specs(ROOT):
            print(f"{loaded.name:24} {loaded.summary}")
    elif options.action == "compile":
        for path in write.compile_all(ROOT, options.names or None):
            print(path)
    elif options.action == "check":
        return _print(write.drift(ROOT))
    else:
        if not options.names:
            raise BadInput("name the flow to draw; scripts/millrace flows list shows them")
        for name in options.names:
            print(draw.text(ROOT, name) if options.text else draw.svg(ROOT, name))
    return 0


def act_on_metadata(options: argparse.Namespace) -> int:
    """Write or check what is generated from steps, migrations and specs."""
    from scripts import readme
    from scripts.compiler import metadata
    from scripts.database import schema

    if options.action == "check":
        return _print([*schema.check(), *metadata.check(ROOT), *readme.check(ROOT)])
    written = [str(path) for path in metadata.write(ROOT)]
    if schema.write():
        written.append(schema.TARGET)
    written += readme.write(ROOT)
    print("\n".join(written) or "up to date")
    return 0


def act_on_locks(options: argparse.Namespace) -> int:
    """Check the locks, or resolve the short lists anew."""
    from scripts.compiler import locks

    if options.action == "check":
        return _print(locks.check(ROOT))
    for path in locks.upgrade(ROOT, options.names or None):
        print(path)
    return 0


def check(options: argparse.Namespace) -> int:
    """Run every check and print all problems at once."""
    from scripts import readme
    from scripts.compiler.checks import run_checks
    from scripts.database import schema

    return _print([*run_checks(ROOT), *schema.check(), *readme.check(ROOT)])


def _print(problems: list[Any]) -> int:
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problem(s)" if problems else "all checks passed")
    return 1 if problems else 0
