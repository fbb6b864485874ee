"""`docs`: the pages for readers that are generated, and the pictures in the README."""

import argparse
from typing import Any

from scripts.paths import ROOT


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "docs",
        help="write or check the generated pages, or take the README's pictures",
    )
    parser.add_argument("action", choices=["write", "check", "picture"])
    parser.set_defaults(function=act)


def act(options: argparse.Namespace) -> int:
    """Write, check, or photograph the latest sample digest and conversation with Chromium."""
    from scripts.docs import generated

    if options.action == "picture":
        from scripts.docs import console_picture, digest_picture

        print(digest_picture.take(ROOT))
        print(console_picture.take(ROOT))
        return 0
    if options.action == "write":
        print("\n".join(generated.write(ROOT)) or "up to date")
        return 0
    problems = generated.check(ROOT)
    print("\n".join(problems) or "all pages are up to date")
    return 1 if problems else 0
