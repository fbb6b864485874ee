"""`docs`: the pages for readers that are generated, and the picture of a digest."""

import argparse
from typing import Any

from scripts.paths import ROOT


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "docs", help="write or check the generated pages, or take the picture of a digest"
    )
    parser.add_argument("action", choices=["write", "check", "picture"])
    parser.set_defaults(function=act)


def act(options: argparse.Namespace) -> int:
    """Write, check, or photograph the latest sample digest with Chromium."""
    from scripts.docs import digest_picture, generated

    if options.action == "picture":
        print(digest_picture.take(ROOT))
        return 0
    if options.action == "write":
        print("\n".join(generated.write(ROOT)) or "up to date")
        return 0
    problems = generated.check(ROOT)
    print("\n".join(problems) or "all pages are up to date")
    return 1 if problems else 0
