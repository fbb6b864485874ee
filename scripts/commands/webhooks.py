"""`webhooks` and `subscriptions`: what each person is told of, and where."""

import argparse
import getpass
from typing import Any

from f.millrace.core.errors import BadInput
from f.millrace.ops import notifications
from f.millrace.trust import people, subscriptions, webhooks
from scripts.commands.output import dump
from scripts.commands.terminal import Table, Terminal, shown
from scripts.database.ready import ready


def add(commands: Any) -> None:
    """Declare `webhooks add|list|test|secret|off|on|remove` and `subscriptions list|choose`."""
    _add_webhooks(commands)
    _add_subscriptions(commands)


def _add_webhooks(commands: Any) -> None:
    parser = commands.add_parser(
        "webhooks",
        help="addresses that are told what happens: add, list, test, secret, off, on, remove",
        description="A webhook gets what its person has subscribed to, as JSON, signed as Standard"
        " Webhooks says. What it does not take is tried again for three days. Addresses that are"
        " not public are refused, unless the setting webhook_allow names them.",
    )
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="add|list|test|secret|off|on|remove"
    )
    helps = {
        "add": "add one and show its secret",
        "test": "send a message that says nothing happened",
        "secret": "give it another secret and show it",
        "off": "tell it nothing any more",
        "on": "tell it again",
        "remove": "remove it",
    }
    functions = {
        "add": add_webhook,
        "test": test_webhook,
        "secret": renew_secret,
        "off": switch_off,
        "on": switch_on,
        "remove": remove_webhook,
    }
    for name, said in helps.items():
        action = actions.add_parser(name, help=said)
        action.add_argument("person", metavar="ID", help="whose it is")
        action.add_argument("name", metavar="NAME", help="what it is for: phone, home")
        if name == "add":
            action.add_argument("url", metavar="URL", help="https://HOST/PATH")
        action.set_defaults(function=functions[name])
    listed = actions.add_parser("list", help="list them, and how the last message went")
    listed.add_argument("person", nargs="?", default="", metavar="ID")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(function=list_webhooks)


def _add_subscriptions(commands: Any) -> None:
    parser = commands.add_parser(
        "subscriptions",
        help="what a person is told of, and where: list, choose",
        description=f"A topic is one of {', '.join(subscriptions.TOPICS)}; a way one of"
        f" {', '.join(subscriptions.WAYS)}. Mail goes to people whose id is an address.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|choose")
    chosen = actions.add_parser("choose", help="choose all anew: runs:page alerts:mail, or nothing")
    chosen.add_argument("person", metavar="ID")
    chosen.add_argument("choices", nargs="*", metavar="TOPIC:WAY")
    chosen.set_defaults(function=choose_all)
    listed = actions.add_parser("list", help="show what is chosen, and what was told last")
    listed.add_argument("person", metavar="ID")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(function=list_chosen)


def add_webhook(options: argparse.Namespace) -> int:
    """Add a webhook and print its secret, this once."""
    ready()
    people.establish(getpass.getuser())
    row = webhooks.add(options.person, options.name, options.url, by=getpass.getuser())
    print(row["secret"])
    Terminal(stderr=True).print(
        "shown this once; it signs what is sent. scripts/millrace subscriptions choose"
        f" {row['person_id']} runs:webhook says of what"
    )
    return 0


def test_webhook(options: argparse.Namespace) -> int:
    """Send a test and say how it went; 1 when it was not taken."""
    ready()
    fault = notifications.try_out(options.person, options.name)
    print(f"not taken: {shown(fault)}" if fault else "taken")
    return 1 if fault else 0


def renew_secret(options: argparse.Namespace) -> int:
    """Print another secret, which signs from now on."""
    ready()
    print(webhooks.renew_secret(options.person, options.name, by=getpass.getuser())["secret"])
    return 0


def switch_off(options: argparse.Namespace) -> int:
    """Have a webhook told nothing any more."""
    ready()
    webhooks.switch(options.person, options.name, False, by=getpass.getuser())
    print(f"{options.name} of {options.person} is told nothing any more")
    return 0


def switch_on(options: argparse.Namespace) -> int:
    """Have a webhook told again."""
    ready()
    webhooks.switch(options.person, options.name, True, by=getpass.getuser())
    print(f"{options.name} of {options.person} is told what happens from now on")
    return 0


def remove_webhook(options: argparse.Namespace) -> int:
    """Remove a webhook."""
    ready()
    webhooks.remove(options.person, options.name, by=getpass.getuser())
    print(f"{options.name} of {options.person} is removed")
    return 0


def list_webhooks(options: argparse.Namespace) -> int:
    """Print the webhooks, without their secrets."""
    ready()
    rows = webhooks.list_webhooks(options.person)
    if options.json:
        kept = [{name: value for name, value in row.items() if name != "secret"} for row in rows]
        print(dump({"webhooks": kept}))
        return 0
    if not rows:
        print("No webhooks. scripts/millrace webhooks add ID NAME URL adds one.")
        return 0
    table = Table("person", "webhook", "address", "state")
    for row in rows:
        state = f"off: {row['switched_off_why']}" if row["switched_off_at"] else "on"
        table.add_row(row["person_id"], row["name"], shown(row["url"]), shown(state))
    Terminal().print(table)
    return 0


def choose_all(options: argparse.Namespace) -> int:
    """Choose what a person is told of, and where."""
    ready()
    people.establish(getpass.getuser())
    pairs = {_parse_choice(one) for one in options.choices}
    subscriptions.set_chosen(options.person, pairs, by=getpass.getuser())
    print(f"{options.person} is told of {', '.join(options.choices) or 'nothing'}")
    return 0


def _parse_choice(text: str) -> tuple[str, str]:
    topic, colon, way = text.partition(":")
    if not colon:
        raise BadInput(f"{text[:80]!r} is no choice: runs:page, alerts:mail, approvals:webhook")
    return topic, way


def list_chosen(options: argparse.Namespace) -> int:
    """Print what a person has chosen, and what they were told last."""
    ready()
    person = people.get(options.person)
    chosen = sorted(":".join(one) for one in subscriptions.list_chosen(person["id"]))
    told = subscriptions.list_told(person["id"], limit=20)
    if options.json:
        print(dump({"chosen": chosen, "told": told}))
        return 0
    print(f"{person['id']} is told of {', '.join(chosen) or 'nothing'}")
    table = Table("when", "what", "way", "state", "error")
    for row in told:
        when = f"{row['happened_at']:%Y-%m-%d %H:%M}"
        table.add_row(when, row["type"], row["way"], row["state"], shown(row["error"]))
    if told:
        Terminal().print(table)
    return 0
