"""`agents`: those that people make while Millrace runs: list, show, make, change, switch off."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import Any

from f.millrace.core import errors
from scripts.commands.output import dump
from scripts.commands.terminal import Table, Terminal, framed, shown
from scripts.database.ready import ready

PARTS = ("description", "instructions", "model", "tools", "usd", "seconds", "requests", "shared")
LIMITS = ("usd", "seconds", "requests")


def add(commands: Any) -> None:
    """Declare `agents list|show|new|change|off`."""
    parser = commands.add_parser(
        "agents",
        help="make agents of your own and change them: list, show, new, change, off",
        description="An agent has instructions, tools, a model and limits. It can be asked at once:"
        " `ask -a NAME`, on the page Talk, as the model millrace/NAME, as a tool of `mcp serve`."
        " Each change makes a version; a run says which one it used.",
    )
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="list|show|new|change|off"
    )
    listed = actions.add_parser("list", help="list them, with their state and how their runs went")
    listed.add_argument("--off", action="store_true", help="also those that are switched off")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(function=list_all)
    one = actions.add_parser("show", help="show one, or a version of it")
    one.add_argument("name", metavar="NAME")
    one.add_argument("--version", type=int, default=0, metavar="N", help="as it was then")
    one.add_argument("--json", action="store_true")
    one.set_defaults(function=show)
    for name, function, told in (
        ("new", make, "make one"),
        ("change", change, "change parts of one, or switch it on again"),
    ):
        action = actions.add_parser(name, help=told)
        action.add_argument("name", metavar="NAME", help="2 to 40 of a-z, 0-9 and -")
        _add_parts(action)
        action.set_defaults(function=function)
    action.add_argument("--on", action="store_true", help="switch it on again")
    off = actions.add_parser("off", help="switch one off: no run begins with it any more")
    off.add_argument("name", metavar="NAME")
    off.set_defaults(function=switch_off)


def _add_parts(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--file", metavar="FILE", type=os.path.abspath, help="a YAML or JSON file with its parts"
    )
    action.add_argument(
        "--instructions", metavar="TEXT", help="what it is told; - reads them from standard input"
    )
    action.add_argument("--description", metavar="LINE", help="what it is for")
    action.add_argument("--tools", metavar="A,B", help="what it may call: notes.search,web.fetch")
    action.add_argument("--model", metavar="MODEL", help="one that the settings allow")
    action.add_argument("--usd", type=float, metavar="N", help="dollars that a run may cost")
    action.add_argument("--seconds", type=int, metavar="N", help="time for an answer")
    action.add_argument("--requests", type=int, metavar="N", help="requests to its model")
    action.add_argument(
        "--shared", action=argparse.BooleanOptionalAction, help="everybody may use it"
    )


def list_all(options: argparse.Namespace) -> int:
    """Print the agents."""
    from f.millrace.agents import registry

    found = registry.list_agents(_person(), off=options.off)
    if options.json:
        print(dump({"agents": [registry.describe(one) for one in found]}))
        return 0
    if not found:
        print("No agents. scripts/millrace agents new NAME --instructions TEXT makes one.")
        return 0
    table = Table("agent", "what it is for", "state", "version", "runs", "went well", "whose")
    for one in found:
        well = "" if one.success_rate is None else f"{one.success_rate:.0%}"
        table.add_row(
            one.name,
            one.definition.description,
            one.state,
            str(one.version),
            str(one.runs),
            well,
            f"{one.made_by}, shared" if one.definition.shared else one.made_by,
        )
    Terminal().print(table)
    return 0


def show(options: argparse.Namespace) -> int:
    """Print one agent."""
    from f.millrace.agents import registry

    person = _person()
    found = (
        registry.load_version(options.name, options.version, person)
        if options.version
        else registry.find(options.name, person)
    )
    if options.json:
        print(dump(registry.describe(found)))
        return 0
    told, console = found.definition, Terminal()
    console.print(f"[bold]{shown(found.name)}[/] {shown(told.description)}")
    console.print(
        f"version {found.version} by {shown(found.changed_by)},"
        f" {found.changed_at:%Y-%m-%d %H:%M} UTC; {found.state}, {found.runs} runs"
    )
    console.print(f"tools  {shown(', '.join(told.tools) or 'none')}")
    console.print(f"model  {shown(told.model or 'that of the settings')}")
    limits = told.limits
    console.print(
        f"limits {limits.usd:g} USD, {limits.seconds} seconds, {limits.requests} requests a run"
    )
    console.print(framed(told.instructions), soft_wrap=True)
    return 0


def make(options: argparse.Namespace) -> int:
    """Make an agent."""
    from f.millrace.agents import registry

    made = registry.create({**_read_parts(options), "name": options.name}, _person())
    print(f'{made.name} is there; scripts/millrace ask -a {made.name} "…" asks it')
    return 0


def change(options: argparse.Namespace) -> int:
    """Change an agent, in the version in force."""
    from f.millrace.agents import registry

    person, parts = _person(), _read_parts(options)
    if options.on:
        parts["enabled"] = True
    if not parts:
        raise errors.BadInput("nothing to change; scripts/millrace agents change --help says what")
    before = registry.find(options.name, person)
    found = registry.change(options.name, {"version": before.version, **parts}, person)
    print(f"{found.name} is at version {found.version}, {found.state}")
    return 0


def switch_off(options: argparse.Namespace) -> int:
    """Switch an agent off."""
    from f.millrace.agents import registry

    found = registry.switch_off(options.name, _person())
    print(
        f"{found.name} is off; {found.runs} runs of it are logged. scripts/millrace agents change"
        f" {found.name} --on switches it on again"
    )
    return 0


def _person() -> Any:
    """Return who uses this machine's command line: an owner, as for all else here."""
    from f.millrace.agents import registry
    from f.millrace.trust import people

    ready()
    row = people.establish(getpass.getuser())
    return registry.Person(row["id"], row["role"])


def _read_parts(options: argparse.Namespace) -> dict[str, Any]:
    """Return the parts that are given: those of the file, then those of the options."""
    given = {name: getattr(options, name) for name in PARTS if getattr(options, name) is not None}
    if "tools" in given:
        given["tools"] = [one.strip() for one in given["tools"].split(",") if one.strip()]
    if given.get("instructions") == "-":
        given["instructions"] = sys.stdin.read()
    parts = _read_file(options.file) if options.file else {}
    limits = {name: given.pop(name) for name in LIMITS if name in given}
    if limits:
        parts["limits"] = {**(parts.get("limits") or {}), **limits}
    return {**parts, **given}


def _read_file(path: str) -> dict[str, Any]:
    import yaml

    from f.millrace.core import yaml_text

    try:
        text = Path(path).read_text()
        yaml_text.check(text)
        found = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise errors.BadInput(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise errors.BadInput(f"{path} holds no parts of an agent, such as instructions")
    return found
