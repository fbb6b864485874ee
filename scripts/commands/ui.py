"""`ui`: the console in the browser."""

import argparse
import getpass
import logging
import os
import socket
import webbrowser
from typing import Any

from f.millrace.trust import people
from scripts.commands.run import sample_sources
from scripts.commands.terminal import has_screen
from scripts.database.ready import ready
from scripts.serving.transports import listen

PORT = 7420
HOST = "127.0.0.1"


def add(commands: Any) -> None:
    """Declare `ui`."""
    parser = commands.add_parser(
        "ui",
        help="open the console in the browser: talk to it, watch it, answer it",
        description="Serve the console on this machine until it is stopped, and open it in the"
        " browser with a link that works once. Runs that it started go on without it.",
    )
    parser.add_argument("--port", type=int, help=f"default: {PORT}, or a free one if it is taken")
    parser.add_argument("--no-open", action="store_true", help="only print the link")
    parser.add_argument(
        "--as", dest="person", metavar="ID", help="sign in as this person; default: the owner"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name it is called by",
    )
    parser.add_argument("--sample", action="store_true", help="show the sample edition and ask it")
    parser.set_defaults(function=serve)


def serve(options: argparse.Namespace) -> int:
    """Serve until the process is told to end."""
    with sample_sources(options.sample):
        ready()
        from scripts.console import sign_ins

        owner = people.establish(getpass.getuser())
        person = people.get(options.person) if options.person else owner
        with _listen(options.port) as listening:
            address = f"http://{HOST}:{listening.getsockname()[1]}"
            link = f"{address}/enter?t={sign_ins.make_link(person['id'])}"
            print(
                f"The console of {person['id']}, until Ctrl-C; this link works once:\n\n  {link}\n",
                flush=True,
            )
            if not options.no_open and not os.environ.get("SSH_CONNECTION") and has_screen():
                webbrowser.open(link)
            _run(listening, "sample" if options.sample else "main", options.allow_host)
    return 0


def _listen(port: int | None) -> socket.socket:
    if port is not None:
        return listen(HOST, port)
    try:
        return socket.create_server((HOST, PORT))
    except OSError:
        return listen(HOST, 0)


def _run(listening: socket.socket, namespace: str, hosts: list[str]) -> None:
    from scripts.console.app import make_application
    from scripts.console.server import Server

    logging.getLogger().setLevel(logging.ERROR)
    Server(make_application(namespace, hosts, warm=True)).run(sockets=[listening])
