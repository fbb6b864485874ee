"""`people` and `tokens`: who may do what, and with what their programs sign in."""

import argparse
import getpass
import sys
from typing import Any

from f.millrace.trust import access_tokens, people
from scripts.commands.output import dump
from scripts.commands.terminal import Table, Terminal
from scripts.database.ready import ready


def add(commands: Any) -> None:
    """Declare `people add|list|role|remove` and `tokens add|check|list|revoke`."""
    _add_people(commands)
    _add_tokens(commands)


def _add_people(commands: Any) -> None:
    parser = commands.add_parser(
        "people",
        help="who may do what: add, list, change a role, remove",
        description=f"A role holds all that those before it may: {', '.join(people.ROLES)}. A"
        " reader sees, a member also asks and starts runs, an approver also decides about actions,"
        " an owner also changes people, roles and settings.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="add|list|role|remove")
    added = actions.add_parser("add", help="add a person")
    added.add_argument("id", metavar="ID", help="the name they sign in with: ada, ada@home.example")
    added.add_argument("--role", default="member", metavar="ROLE", help=", ".join(people.ROLES))
    added.add_argument("--name", default="", help="what others read; without it the id")
    added.set_defaults(function=add_one)
    role = actions.add_parser("role", help="change what a person may do")
    role.add_argument("id", metavar="ID")
    role.add_argument("role", metavar="ROLE", help=", ".join(people.ROLES))
    role.set_defaults(function=change_role)
    removed = actions.add_parser("remove", help="let a person and their tokens do nothing any more")
    removed.add_argument("id", metavar="ID")
    removed.set_defaults(function=remove_one)
    listed = actions.add_parser("list", help="list them, owners first")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(function=list_people)


def _add_tokens(commands: Any) -> None:
    parser = commands.add_parser(
        "tokens",
        help="with what programs sign in as a person: add, check, list, revoke",
        description="The secret of a token is shown once, when it is made; what is kept is its"
        " hash. It may do at most what its person may.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="add|check|list|revoke")
    added = actions.add_parser("add", help="make one and show its secret")
    added.add_argument("person", metavar="ID", help="whose it is")
    added.add_argument("name", metavar="NAME", help="what it is for: laptop, open-webui")
    added.add_argument("--role", default="", metavar="ROLE", help="less than the person's own")
    added.add_argument("--days", type=int, default=access_tokens.DAYS, help="until it ends")
    added.add_argument(
        "--gateway",
        action="store_true",
        help="its program speaks for the users whom it names in its requests",
    )
    added.set_defaults(function=add_token)
    checked = actions.add_parser("check", help="say whose a secret is that standard input gives")
    checked.set_defaults(function=check_token)
    revoked = actions.add_parser("revoke", help="end one at once")
    revoked.add_argument("person", metavar="ID")
    revoked.add_argument("name", metavar="NAME")
    revoked.set_defaults(function=revoke_token)
    listed = actions.add_parser("list", help="list those that are not revoked, the newest first")
    listed.add_argument("person", nargs="?", default="", metavar="ID")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(function=list_tokens)


def add_one(options: argparse.Namespace) -> int:
    """Add a person."""
    ready()
    people.establish(getpass.getuser())
    row = people.add(options.id, options.role, options.name, by=getpass.getuser())
    print(
        f"{row['id']} is {row['role']}; scripts/millrace tokens add {row['id']} NAME makes a token"
        " for their programs"
    )
    return 0


def change_role(options: argparse.Namespace) -> int:
    """Change a person's role."""
    ready()
    row = people.change_role(options.id, options.role, by=getpass.getuser())
    print(f"{row['id']} is {row['role']} now")
    return 0


def remove_one(options: argparse.Namespace) -> int:
    """Remove a person."""
    ready()
    people.remove(options.id, by=getpass.getuser())
    print(f"{options.id} and their tokens may do nothing any more; what they did stays")
    return 0


def list_people(options: argparse.Namespace) -> int:
    """Print the people with their roles."""
    ready()
    people.establish(getpass.getuser())
    rows = people.list_people()
    if options.json:
        print(dump({"people": rows}))
        return 0
    table = Table("id", "role", "name", "since", "added by")
    for row in rows:
        since = f"{row['created_at']:%Y-%m-%d}"
        table.add_row(row["id"], row["role"], row["name"], since, row["added_by"])
    Terminal().print(table)
    return 0


def add_token(options: argparse.Namespace) -> int:
    """Make a token and print its secret, which is shown this once."""
    ready()
    people.establish(getpass.getuser())
    row, secret = access_tokens.create(
        options.person,
        options.name,
        options.role,
        options.days,
        gateway=options.gateway,
        by=getpass.getuser(),
    )
    print(secret)
    Terminal(stderr=True).print(
        f"shown this once; {row['name']} of {row['person_id']} may do what the role {row['role']}"
        f" may, until {row['expires_at']:%Y-%m-%d}"
    )
    return 0


def check_token(_: argparse.Namespace) -> int:
    """Say who signs in with a secret, and what they may do by it; 1 when nobody does."""
    ready()
    caller = access_tokens.find_caller(sys.stdin.readline().strip())
    if caller is None:
        print("nobody signs in with it: it is unknown, over or revoked, or its person was removed")
        return 1
    gateway = ", for the users whom its program names" if caller.gateway else ""
    print(f"{caller.person_id} signs in with it, as {caller.role}{gateway}")
    return 0


def revoke_token(options: argparse.Namespace) -> int:
    """Revoke a token."""
    ready()
    access_tokens.revoke(options.person, options.name, by=getpass.getuser())
    print(f"{options.name} of {options.person} ends now")
    return 0


def list_tokens(options: argparse.Namespace) -> int:
    """Print the tokens, without their secrets, which nobody keeps."""
    ready()
    rows = access_tokens.list_tokens(options.person)
    if options.json:
        print(dump({"tokens": [{**row, "hash": row["hash"][:8]} for row in rows]}))
        return 0
    if not rows:
        print("No tokens. scripts/millrace tokens add ID NAME makes one.")
        return 0
    table = Table("person", "token", "role", "ends", "last used")
    for row in rows:
        used = f"{row['used_at']:%Y-%m-%d %H:%M}" if row["used_at"] else "never"
        role = f"{row['role']}, gateway" if row["gateway"] else row["role"]
        ends = f"{row['expires_at']:%Y-%m-%d}"
        table.add_row(row["person_id"], row["name"], role, ends, used)
    Terminal().print(table)
    return 0
