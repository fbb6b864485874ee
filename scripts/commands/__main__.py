"""The command line. Exit codes: 0 done, 1 failed, partly failed or not done yet (it is tried
again), 2 wrong usage or input, 3 waiting for a person.
"""

import argparse
import contextlib
import importlib
import json
import os
import sys
import tomllib
import warnings
from collections.abc import Iterable

from f.millrace.core import config
from f.millrace.core.errors import BadInput, BadSetting, MillraceError
from f.millrace.core.redaction import redact
from scripts.commands import old_names, parsing, terminal
from scripts.paths import ROOT, STATE

# One module a group of commands; the first word of the command line decides which one is imported.
MODULES = {
    "run": "run",
    "resume": "run",
    "ask": "ask",
    "chat": "chat",
    "ingest": "ingest",
    "documents": "ingest",
    "runs": "runs",
    "show": "runs",
    "trace": "trace",
    "step": "step",
    "flows": "bundle",
    "metadata": "bundle",
    "locks": "bundle",
    "imports": "bundle",
    "docs": "docs",
    "check": "bundle",
    "db": "database",
    "recipients": "recipients",
    "replies": "replies",
    "digests": "digests",
    "ui": "ui",
    "agents": "agents",
    "people": "people",
    "tokens": "people",
    "webhooks": "webhooks",
    "subscriptions": "webhooks",
    "approvals": "approvals",
    "outbox": "outbox",
    "risk": "risk",
    "audit": "audit",
    "recover": "recover",
    "feedback": "feedback",
    "memory": "memory",
    "spend": "spend",
    "scorecard": "scorecard",
    "settings": "settings",
    "tools": "tools",
    "gaps": "tools",
    "mcp": "mcp",
    "schedule": "schedule",
    "metrics": "metrics",
    "alerts": "alerts",
    "health": "health",
    "doctor": "doctor",
}
# The same commands, as help lists them.
GROUPS = {
    "ask and run": (
        "ui",
        "ask",
        "chat",
        "agents",
        "run",
        "resume",
        "runs",
        "show",
        "trace",
        "recover",
    ),
    "what it knows": ("memory", "ingest", "documents"),
    "digests and readers": ("digests", "recipients", "replies", "outbox", "feedback"),
    "trust and money": (
        "people",
        "tokens",
        "webhooks",
        "subscriptions",
        "approvals",
        "risk",
        "audit",
        "spend",
        "tools",
        "gaps",
        "mcp",
    ),
    "operation": (
        "health",
        "alerts",
        "metrics",
        "scorecard",
        "settings",
        "schedule",
        "db",
        "doctor",
    ),
    "development": ("step", "flows", "metadata", "locks", "imports", "docs", "check"),
}


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code."""
    options = parse(arguments)
    os.chdir(ROOT)
    _keep_files_in_state()
    with terminal.guarded():
        return _run(options)


def _keep_files_in_state() -> None:
    """Where the state lies outside of the checkout, have the outbox and dropped files lie there
    too, unless a setting says where.
    """
    if ROOT / ".millrace" == STATE:
        return
    with contextlib.suppress(ValueError):  # what is wrong with it is said where it is read
        told = json.loads(os.environ.get(config.DEFAULTS) or "{}")
        if isinstance(told, dict):
            own = {"outbox_dir": str(STATE / "outbox"), "dropped_dir": str(STATE / "dropped")}
            os.environ[config.DEFAULTS] = json.dumps(own | told)


def _run(options: argparse.Namespace) -> int:
    try:
        return options.function(options)
    except (BadInput, BadSetting) as error:
        print(f"millrace: {redact(str(error))}", file=sys.stderr)
        return 2
    except MillraceError as error:
        print(f"millrace: {redact(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "millrace: interrupted; scripts/millrace runs shows what can be resumed",
            file=sys.stderr,
        )
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        # Only now: most commands that fail so have loaded it, and the others need it not.
        from f.millrace.core import db

        fault = db.explain(error)
        if fault is None:
            raise
        print(f"millrace: {redact(str(fault))}", file=sys.stderr)
        return 1


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options of a command line, today's or one with old names; usage mistakes exit."""
    refused = parsing.refuse_bytes(arguments)
    if refused:
        parser([]).error(refused)
    arguments = old_names.translate("millrace", arguments)
    known = bool(arguments) and arguments[0] in MODULES
    return _parse(parser([MODULES[arguments[0]]] if known else MODULES.values()), arguments)


def parser(modules: Iterable[str] = MODULES.values()) -> argparse.ArgumentParser:
    """Return the parser of the commands that these modules declare."""
    found = parsing.Parser(
        prog="scripts/millrace", description="Agents that do real work every day, on Windmill."
    )
    found.groups = GROUPS
    found.add_argument("--version", action=_Version, nargs=0, help="show the version and end")
    commands = found.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in dict.fromkeys(modules):
        importlib.import_module("scripts.commands." + name).add(commands)
    return found


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print the version of pyproject.toml."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        parser.exit(0, f"{project['name']} {project['version']}\n")


def _parse(parser: argparse.ArgumentParser, arguments: list[str]) -> argparse.Namespace:
    """Parse; inputs (`key=value`) and names may stand behind options, too, which argparse alone
    does not take.
    """
    options, rest = parser.parse_known_args(arguments)
    many = next((name for name in ("inputs", "names") if hasattr(options, name)), "")
    fit = [word for word in rest if not word.startswith("-") and ("=" in word or many == "names")]
    if len(fit) < len(rest) or (rest and not many):
        parser.error("unrecognized arguments: " + " ".join(rest))
    if rest:
        setattr(options, many, [*getattr(options, many), *fit])
    return options


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(sys.argv[1:]))
