"""Deploy the bundle: check it, look at the server, push with the real CLI, make what is missing.

Exit codes: 0 done, 1 failed, 2 wrong usage or input.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from f.millrace.core.errors import BadInput, BadSetting, MillraceError
from f.millrace.core.redaction import redact
from scripts.deployment import bootstrap, checkout, cli, inventory, loaded, preflight, workspaces
from scripts.deployment import plan as plans
from scripts.deployment import record as records
from scripts.deployment.server import DeployFailed, Server
from scripts.paths import ROOT

DESCRIPTION = """\
Deploy the bundle to a Windmill workspace (1.587 or later).

Rights: a push of dependencies/*.requirements.in needs an admin of the workspace; so does the first
deployment. Later ones that leave these files alone need a user (not an operator) who may write the
folder f/millrace. --bootstrap makes a resource, secret variables and a resource type with the same
token. What is asked first, and changes nothing: address, token, workspace, rights, release of
server and workers."""


def main(arguments: list[str]) -> int:
    """Deploy as the command line says and return the exit code."""
    options = _parser().parse_args(arguments)
    # Plan and refusal in their order, also in a file or a comment.
    sys.stdout.reconfigure(line_buffering=True)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        server = Server(*workspaces.find_workspace(ROOT, options))
        (roll_back if options.rollback else deploy)(server, ROOT, options)
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
    """Look, show the plan, check, push, and bring workers, tables and schedules up to it, saying
    each in a line.
    """
    _refuse_unknown(root)
    user = preflight.look(server)
    last = records.read(server)
    with tempfile.TemporaryDirectory(prefix="millrace-deploy-") as name:
        folder = Path(name)
        paths = checkout.copy(root, folder)
        inventory.set_zone(folder, bootstrap.schedule_zone(server))
        for path in checkout.list_changed(root):
            print(f"note: {path} is not committed; it is pushed as it is")
        found = inventory.take(server, root, paths, last.waiting if last else [])
        plan = plans.make(server, root, folder, paths, found, last)
        plan.revision = checkout.revision(root)
        _tell(found)
        print("\n".join(plan.lines()))
        if not options.dry_run:
            plans.refuse(plan, options.allow_delete, options.overwrite)
        preflight.refuse(user, plan, bool(server.get(f"folders/exists/{preflight.FOLDER}")))
        if not (
            plan.empty
            or options.dry_run
            or options.yes
            or _confirmed(f"Push to workspace {server.workspace!r}?")
        ):
            raise BadInput("nothing was pushed; --yes pushes without asking")
        if not (plan.empty or options.skip_checks):
            _check(root)
        if options.dry_run:
            print(
                plans.list_edited(plan) if plan.edited else "nothing was pushed: this is a dry run"
            )
            return
        if inventory.make_folder(server, root):
            print(f"made: folder f/{preflight.FOLDER}")
        if not plan.empty:
            _push(server, folder, plan, found)
            print(f"pushed: {len(paths)} files of {plan.revision}")
        if not plan.empty or last is None:
            records.write(server, plans.updated_record(server, plan, last, found.waiting))
        if not plan.empty:
            _wait_for_workers(server, folder, plan)
    _prepare(server, options.bootstrap, found.waiting)


def _push(server: Server, folder: Path, plan: plans.Plan, found: inventory.Inventory) -> None:
    if found.waiting:
        # Before the push: were it cut off, a schedule that is off would pass for one that a person
        # switched off.
        known = records.read(server) or records.Record()
        known.waiting = found.waiting
        records.write(server, known)
    inventory.keep_switches(
        folder, {**found.switched, **dict.fromkeys(found.waiting, False)}, found.modes
    )
    cli.push(folder, server, f"Millrace {plan.revision}")
    inventory.remove(server, plan.deleted)


def _wait_for_workers(server: Server, folder: Path, plan: plans.Plan) -> None:
    if not server.workers():
        print("note: no worker is seen, so nobody could check that the new source is loaded")
    elif line := loaded.wait(server, folder, plan):
        print(line)


def roll_back(server: Server, root: Path, options: argparse.Namespace) -> None:
    """Deploy the revision before the last one;
    what the server stores and the tables stay as they are.
    """
    last = records.read(server)
    revisions = last.revisions if last else []
    if last is None or len(revisions) < 2:
        raise BadInput(
            f"workspace {server.workspace!r} has no deployment before the last one:"
            f" {', '.join(revisions) or 'none'}"
        )
    target = revisions[-2]
    if target.endswith("+"):
        raise BadInput(
            f"the deployment before, {target}, had files that were never committed; check out what"
            " you want and deploy it"
        )
    with checkout.at(root, target) as before:
        print(f"going back from {revisions[-1]} to {target}")
        options.skip_checks, options.bootstrap, options.allow_delete = True, False, True
        deploy(server, before, options)
    if not options.dry_run:
        known = records.read(server) or last
        known.revisions = revisions[:-1]
        records.write(server, known)


def _prepare(server: Server, wanted: bool, waiting: list[str]) -> None:
    """Make settings and tables, then switch on the schedules that waited for them."""
    off = (
        f"{len(waiting)} schedule(s) stay off until there are tables: {', '.join(waiting)}"
        if waiting
        else ""
    )
    if wanted:
        for line in bootstrap.run(server):
            print(f"made: {line}")
    if not (wanted or bootstrap.configured(server)):
        print(
            f"note: the workspace has no {bootstrap.RESOURCE}; --bootstrap makes it and the tables"
        )
        if off:
            print(f"note: {off}")
        return
    try:
        print(bootstrap.migrate(server))
    except DeployFailed as error:
        raise DeployFailed(
            f"{error}\n{off}; deploy again when this is mended" if off else str(error)
        ) from None
    for path in waiting:
        server.post(f"schedules/setenabled/{path}", {"enabled": True})
        print(f"on: schedule {path}")
    if waiting and (known := records.read(server)):
        known.waiting = []
        records.write(server, known)


def _refuse_unknown(root: Path) -> None:
    paths = checkout.list_untracked(root)
    if paths:
        raise BadInput(
            f"Git does not know {', '.join(paths)}: what is pushed is tracked; git add them, or"
            " move them away"
        )


def _check(root: Path) -> None:
    from scripts.compiler.checks import run_checks

    problems = run_checks(root)
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise DeployFailed(
            f"the bundle's checks found {len(problems)} problem(s); nothing was pushed:\n{lines}"
        )
    print("checks: passed")


def _tell(found: inventory.Inventory) -> None:
    for kind, path in found.foreign:
        print(f"keep: {kind} {path} (not from this bundle; `wmill sync pull` brings it into Git)")
    for name in found.other_dependencies:
        print(f"keep: workspace dependencies {name!r} (not from this bundle)")
    for path, enabled in found.switched.items():
        print(
            f"keep: schedule {path} stays {'on' if enabled else 'off'}, as it was switched on the"
            " server"
        )
    for path, mode in found.modes.items():
        print(f"keep: HTTP trigger {path} stays {mode}, as it was set on the server")


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/deploy",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    workspaces.add_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")
    parser.add_argument(
        "--allow-delete",
        action="store_true",
        help="delete what was deployed before and is no longer in Git",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="push over what was changed on the server since the last deployment",
    )
    parser.add_argument(
        "--rollback", action="store_true", help="deploy the revision before the last one"
    )
    parser.add_argument(
        "--bootstrap",
        action="store_true",
        help="make settings, secret variables and tables where missing",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before pushing")
    parser.add_argument(
        "--skip-checks", action="store_true", help="push although the bundle's checks were not run"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
