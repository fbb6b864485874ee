"""Deploy the bundle: check it, look at the server, push with the real CLI, make what is missing.

Exit codes: 0 done, 1 failed, 2 wrong usage or input.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from f.millrace.core.errors import BadInput, BadSetting, MillraceError
from f.millrace.core.redaction import redact
from scripts.deployment import bootstrap, checkout, cli, inventory
from scripts.deployment.server import DeployFailed, Server
from scripts.paths import ROOT


def main(arguments: list[str]) -> int:
    """Deploy as the command line says and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        server = Server(options.base_url, options.workspace, options.token)
        deploy(server, ROOT, options)
    except (BadInput, BadSetting) as error:
        print(f"deploy: {redact(str(error))}", file=sys.stderr)
        return 2
    except MillraceError as error:
        print(f"deploy: {redact(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("deploy: interrupted; run it again, it goes on from what is there", file=sys.stderr)
        return 1
    return 0


def deploy(server: Server, root: Path, options: argparse.Namespace) -> None:
    """Check, look, push, bootstrap and migrate, saying each in a line."""
    program = cli.wmill()
    _refuse_unknown(root)
    if not options.skip_checks:
        _check(root)
    user = server.user()
    print(f"server: {server.base_url} ({server.version()}), workspace {server.workspace}, as {user.get('username', '?')}")
    with tempfile.TemporaryDirectory(prefix="millrace-deploy-") as name:
        folder = Path(name)
        paths = checkout.copy(root, folder)
        for path in checkout.changed(root):
            print(f"note: {path} is not committed; it is pushed as it is")
        found = inventory.take(server, root, paths)
        _tell(found)
        if not options.yes and not _confirmed(f"Push {len(paths)} files to workspace {server.workspace!r}?"):
            raise BadInput("nothing was pushed; --yes pushes without asking")
        inventory.keep_switches(folder, found.switched)
        cli.push(folder, server, f"Millrace {checkout.revision(root)}")
    inventory.remove(server, found.stale)
    print(f"pushed: {len(paths)} files of {checkout.revision(root)} with {program.name}")
    _prepare(server, options.bootstrap)


def _prepare(server: Server, wanted: bool) -> None:
    if wanted:
        for line in bootstrap.run(server):
            print(f"made: {line}")
    if wanted or bootstrap.configured(server):
        print(bootstrap.migrate(server))
    else:
        print(f"note: the workspace has no {bootstrap.RESOURCE}; --bootstrap makes it and the tables")


def _refuse_unknown(root: Path) -> None:
    paths = checkout.unknown(root)
    if paths:
        raise BadInput(f"Git does not know {', '.join(paths)}: what is pushed is tracked; git add them, or move them away")


def _check(root: Path) -> None:
    from scripts.compiler.checks import run_checks

    problems = run_checks(root)
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise DeployFailed(f"the bundle's checks found {len(problems)} problem(s); nothing was pushed:\n{lines}")
    print("checks: passed")


def _tell(found: inventory.Inventory) -> None:
    for kind, path in found.stale:
        print(f"remove: {kind} {path} (was ours, is no longer in Git)")
    for kind, path in found.foreign:
        print(f"keep: {kind} {path} (not from this bundle; `wmill sync pull` brings it into Git)")
    for name in found.other_dependencies:
        print(f"keep: workspace dependencies {name!r} (not from this bundle)")
    for path, enabled in found.switched.items():
        print(f"keep: schedule {path} stays {'on' if enabled else 'off'}, as it was switched on the server")


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/deploy", description="Deploy the bundle to a Windmill workspace.")
    environment = os.environ
    for flag, variable, meaning in (
        ("--base-url", "WMILL_BASE_URL", "address of the server, e.g. http://127.0.0.1:8000"),
        ("--workspace", "WMILL_WORKSPACE", "id of the workspace"),
        ("--token", "WMILL_TOKEN", "token of a user who may write the folder f/millrace"),
    ):
        default = environment.get(variable)
        parser.add_argument(flag, default=default, required=default is None, help=f"{meaning} (or {variable})")
    parser.add_argument("--bootstrap", action="store_true", help="make settings, secret variables and tables where missing")
    parser.add_argument("--yes", action="store_true", help="do not ask before pushing")
    parser.add_argument("--skip-checks", action="store_true", help="push although the bundle's checks were not run")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
