"""`flows`, `metadata`, `locks`, `check`: the bundle's own files."""

import argparse
import gc
from typing import Any

from f.millrace.core.errors import BadInput
from scripts.paths import ROOT


def add(commands: Any) -> None:
    """Declare the commands that look at or write the bundle's files."""
    flows = commands.add_parser(
        "flows", help="list, check, compile, draw, import or eject the pipelines"
    )
    flows.add_argument("action", choices=["list", "check", "compile", "draw", "import", "eject"])
    flows.add_argument(
        "names",
        nargs="*",
        metavar="FLOW",
        help="a name; for import also a pulled flow.yaml or its folder",
    )
    flows.add_argument("--text", action="store_true", help="draw: as text instead of SVG")
    flows.add_argument(
        "--keep-rest",
        action="store_true",
        help="import: write what the spec can say, leave out what it cannot",
    )
    flows.add_argument(
        "--dry-run", action="store_true", help="import: show the spec's difference, write nothing"
    )
    flows.add_argument(
        "--overwrite", action="store_true", help="compile: replace flows that were edited since"
    )
    flows.set_defaults(function=act_on_flows)
    for name, choices, function in (
        ("metadata", ["write", "check"], act_on_metadata),
        ("locks", ["check", "upgrade"], act_on_locks),
        ("imports", ["write", "check"], act_on_imports),
    ):
        parser = commands.add_parser(name, help=f"{' or '.join(choices)} the generated {name}")
        parser.add_argument("action", choices=choices)
        parser.add_argument("names", nargs="*")
        if name == "metadata":
            parser.add_argument(
                "--overwrite",
                action="store_true",
                help="write: replace metadata that was edited since",
            )
        parser.set_defaults(function=function)
    commands.add_parser("check", help="run every check of the bundle").set_defaults(function=check)


def act_on_flows(options: argparse.Namespace) -> int:
    """List, check, compile or draw."""
    from scripts.compiler import spec, write

    if options.action == "list":
        for loaded in spec.list_specs(ROOT):
            print(f"{loaded.name:24} {loaded.summary}")
    elif options.action == "compile":
        for path in write.compile_all(ROOT, options.names or None, options.overwrite):
            print(path)
    elif options.action == "check":
        return _print(write.drift(ROOT))
    elif options.action == "import":
        return import_flows(options.names, options.keep_rest, options.dry_run)
    elif options.action == "eject":
        return eject_flows(options.names)
    else:
        _draw(options.names, options.text)
    return 0


def _draw(names: list[str], as_text: bool) -> None:
    from scripts.compiler import draw, draw_flow

    if not names:
        raise BadInput("name the flow to draw; scripts/millrace flows list shows them")
    for name in names:
        if name.startswith(("f/", "u/")):
            print(draw_flow.svg(ROOT, name))
        else:
            print(draw.text(ROOT, name) if as_text else draw.svg(ROOT, name))


# complexipy: ignore (what is said of a flow depends on what was done with it)
def import_flows(wanted: list[str], keep_rest: bool, dry_run: bool) -> int:
    """Import flows that were edited on Windmill, all that differ from their specs without names."""
    from scripts.deployment import imported as imports
    from scripts.deployment import plan
    from scripts.docs import generated
    from scripts.importer import flow

    paths = [flow.find(ROOT, name) for name in wanted] or flow.edited(ROOT)
    if not paths:
        print("no flow differs from its spec")
    status = 0
    for path in paths:
        imported = flow.read_flow(path, ROOT)
        for note in imported.notes:
            print(f"note: {note}")
        for line in [*imported.not_expressible, *imported.problems]:
            print(line)
        if dry_run:
            print(imported.changes(ROOT), end="")
        elif imported.complete or keep_rest:
            pulled = plan.flow_text(path)
            print("\n".join([*flow.write_spec(imported, ROOT), *generated.write(ROOT)]))
            if path.is_relative_to(ROOT):
                imports.note(
                    ROOT, path.relative_to(ROOT).as_posix().removesuffix("__flow/flow.yaml"), pulled
                )
        status |= not imported.complete
        if not imported.complete and not keep_rest:
            count = len(imported.not_expressible) + len(imported.problems)
            print(
                f"{imported.name}: {count} thing(s) that a spec cannot say; nothing was written."
                f" Change them in the editor, or `flows import {imported.name} --keep-rest` (leaves"
                f" them out), or `flows eject {imported.name}` (the flow is written by hand from"
                " then on)"
            )
    return status


def eject_flows(names: list[str]) -> int:
    """Eject flows and say what changed."""
    from scripts.docs import generated
    from scripts.importer.eject import eject

    if not names:
        raise BadInput("name the flow to eject; scripts/millrace flows list shows them")
    for name in names:
        spec_file, flow_file = eject(ROOT, name)
        print(
            f"{spec_file} is removed; {flow_file} is written by hand now: Windmill's editor and"
            " `wmill sync` change it alone"
        )
    generated.write(ROOT)
    return 0


def act_on_metadata(options: argparse.Namespace) -> int:
    """Write or check what is generated from steps, migrations and specs."""
    from scripts.compiler import metadata
    from scripts.database import rows, schema
    from scripts.settings import schema as settings

    if options.action == "check":
        return _print(
            [*schema.check(), *rows.check(), *metadata.check(ROOT), *settings.check(ROOT)]
        )
    written = [*metadata.write(ROOT, options.overwrite), *settings.write(ROOT)]
    if schema.write():
        written.append(schema.TARGET)
    if rows.write():
        written.append(rows.TARGET)
    print("\n".join(written) or "up to date")
    return 0


def act_on_locks(options: argparse.Namespace) -> int:
    """Check the locks, or resolve the short lists again."""
    from scripts.compiler import locks

    if options.action == "check":
        return _print(locks.check(ROOT))
    for path in locks.upgrade(ROOT, options.names or None):
        print(path)
    return 0


def act_on_imports(options: argparse.Namespace) -> int:
    """Write or check how much each step loads."""
    from scripts.compiler import loading, sources

    files = sources.bundle(ROOT)
    if options.action == "check":
        return _print(loading.check(files))
    print("\n".join(loading.write(files)) or "up to date")
    return 0


def check(_options: argparse.Namespace) -> int:
    """Run every check and print all problems at once."""
    from scripts.compiler.checks import run_checks
    from scripts.compiler.sources import uncollected
    from scripts.database import rows, schema
    from scripts.docs import generated as docs
    from scripts.observability import generated
    from scripts.settings import schema as settings

    with uncollected():
        problems = [
            *run_checks(ROOT),
            *schema.check(),
            *rows.check(),
            *settings.check(ROOT),
            *docs.check(ROOT),
            *generated.check(ROOT),
        ]
    # Else the end of the process goes through all trees once more, which takes longer than the
    # checks.
    gc.freeze()
    return _print(problems)


def _print(problems: list[Any]) -> int:
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problem(s)" if problems else "all checks passed")
    return 1 if problems else 0
