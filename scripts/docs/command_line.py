"""docs/command-line.md: the commands and their options, from the definitions that parse them."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from scripts.commands import __main__ as command
from scripts.docs import markdown

FILE = "docs/command-line.md"
PROGRAM = "scripts/millrace"


def text(root: Path) -> str:
    """Return the page."""
    found = list(_commands(command.parser(), PROGRAM))
    rows = [
        (f"[`{name}`](#{name.replace(' ', '-')})", means)
        for name, means, _ in found
        if " " not in name
    ]
    return markdown.page(
        "The command line",
        "[scripts/commands](../scripts/commands)",
        (command.__doc__ or "").replace("The command line. ", "").replace("\n", " ").strip() + "\n",
        markdown.table(("command", "what it does"), rows),
        *(_section(*each, root) for each in found),
    )


def names() -> list[str]:
    """Return every command, also those of a group: `memory`, `memory forget`."""
    return [name for name, _, _ in _commands(command.parser(), PROGRAM)]


def _commands(
    parser: argparse.ArgumentParser, path: str
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Yield each command, and each command of a group, with what it does."""
    for action in parser._actions:
        if not isinstance(action, argparse._SubParsersAction):
            continue
        helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
        for name, inner in action.choices.items():
            whole = f"{path} {name}".strip().removeprefix(PROGRAM).strip()
            yield whole, helps.get(name, ""), inner
            yield from _commands(inner, whole)


def _section(name: str, means: str, parser: argparse.ArgumentParser, root: Path) -> str:
    actions = [
        action
        for action in parser._actions
        if not isinstance(action, (argparse._HelpAction, argparse._SubParsersAction))
    ]
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    usage = " ".join([PROGRAM, name, *map(_usage, actions), *["…" for _ in inner]])
    rows = [
        (markdown.code(_shown(action)), _help(action, root)) for action in actions if action.help
    ]
    parts = [f"{'#' * (2 + name.count(' '))} {name}\n", f"```\n{usage}\n```\n"]
    parts[1:1] = [f"{means[0].upper()}{means[1:]}.\n"] if means else []
    return "\n".join([*parts, *([markdown.table(("argument", "meaning"), rows)] if rows else [])])


def _usage(action: argparse.Action) -> str:
    """Return an argument as the line of use shows it."""
    shown = _shown(action)
    if action.option_strings:
        return shown if action.required else f"[{shown}]"
    return {"?": f"[{shown}]", "*": f"[{shown} …]", "+": f"{shown} …"}.get(str(action.nargs), shown)


def _shown(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else None
    if value is None and action.choices is not None:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    if not action.option_strings:
        return value or action.dest
    return " ".join(
        [action.option_strings[-1], *([value or action.dest.upper()] if action.nargs != 0 else [])]
    )


def _help(action: argparse.Action, root: Path) -> str:
    default = str(action.default).replace(f"{root}/", "")
    return (action.help or "").replace("%(default)s", default).replace("%%", "%")
