"""Which server a deployment goes to: given on the command line,
or one of the workspaces that wmill.yaml names.
"""

import argparse
import os
from pathlib import Path

import yaml

from f.millrace.core.errors import BadInput


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that `named` reads."""
    for flag, variable, meaning in (
        ("--base-url", "WMILL_BASE_URL", "address of the server, e.g. http://127.0.0.1:8000"),
        ("--workspace", "WMILL_WORKSPACE", "id of the workspace"),
        ("--token", "WMILL_TOKEN", "token of a user of the workspace"),
    ):
        parser.add_argument(
            flag, default=os.environ.get(variable), help=f"{meaning} (or {variable})"
        )
    parser.add_argument(
        "--to",
        metavar="NAME",
        help="a workspace of wmill.yaml, such as staging, instead of address and id",
    )


def find_workspace(root: Path, options: argparse.Namespace) -> tuple[str, str, str]:
    """Return address, workspace and token; BadInput names what is missing."""
    address, workspace, token = options.base_url, options.workspace, options.token
    if options.to:
        known = (yaml.safe_load((root / "wmill.yaml").read_text()) or {}).get("workspaces") or {}
        if options.to not in known:
            listed = ", ".join(known) or "none yet"
            raise BadInput(
                f"wmill.yaml has no workspace {options.to!r} under workspaces; there are {listed}"
            )
        chosen = known[options.to]
        address, workspace = chosen.get("baseUrl"), chosen.get("workspaceId", options.to)
        token = os.environ.get(f"WMILL_TOKEN_{options.to.upper()}") or token
    for value, flag in ((address, "--base-url"), (workspace, "--workspace"), (token, "--token")):
        if not value:
            raise BadInput(
                f"{flag} is missing (or {'WMILL_' + flag[2:].upper().replace('-', '_')}, or --to"
                " with a name of wmill.yaml)"
            )
    return address, workspace, token
