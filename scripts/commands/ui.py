"""`ui`: the console in the browser."""

import argparse
import getpass
import logging
import os
import re
import socket
import webbrowser
from typing import Any

from f.millrace.core.errors import BadInput
from f.millrace.trust import people
from scripts.commands.terminal import has_screen
from scripts.database.ready import ready
from scripts.samples.sources import sample_sources
from scripts.serving import guard
from scripts.serving.transports import listen

PORT = 7420
HOST = "127.0.0.1"
ADDRESS = re.compile(r"https?://[^\s/?#@]+/?")


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
        "--host",
        default=HOST,
        help="where to listen; other than loopback only inside of a container, with --allow-host",
    )
    parser.add_argument(
        "--address",
        metavar="URL",
        help="where browsers reach it, for the link; default: where it listens",
    )
    parser.add_argument(
        "--link",
        action="store_true",
        help="only make a link, for a console that is served already with the same database",
    )
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
    check(options)
    with sample_sources(options.sample):
        ready()
        owner = people.establish(getpass.getuser())
        person = people.get(options.person) if options.person else owner
        if options.link:
            print(_link(options.address or f"http://{HOST}:{options.port or PORT}", person["id"]))
            return 0
        with _listen(options.host, options.port) as listening:
            here = f"http://{HOST}:{listening.getsockname()[1]}"
            link = _link(options.address or here, person["id"])
            print(
                f"The console of {person['id']}, until Ctrl-C; this link works once, for a minute"
                f" (scripts/millrace ui --link makes another):\n\n  {link}\n",
                flush=True,
            )
            if not options.no_open and not os.environ.get("SSH_CONNECTION") and has_screen():
                webbrowser.open(link)
            _run(listening, "sample" if options.sample else "main", options.allow_host)
    return 0


def check(options: argparse.Namespace) -> None:
    """Raise BadInput for a console that others could call by any name, or an address that is
    none.
    """
    if options.host not in guard.LOOPBACK and not any(options.allow_host):
        raise BadInput(
            f"--host {options.host} can be reached from other machines; name with --allow-host what"
            " it is called by, or leave --host out to listen on this machine only"
        )
    if options.address and not ADDRESS.fullmatch(options.address):
        raise BadInput(
            f"--address is {options.address!r}; give where browsers reach it, as in"
            " https://console.example or http://127.0.0.1:7420"
        )


def _link(address: str, person: str) -> str:
    from scripts.console import sign_ins

    return f"{address.rstrip('/')}/enter?t={sign_ins.make_link(person)}"


def _listen(host: str, port: int | None) -> socket.socket:
    if port is not None or host != HOST:
        return listen(host, PORT if port is None else port)
    try:
        return socket.create_server((HOST, PORT))
    except OSError:
        return listen(HOST, 0)


def _run(listening: socket.socket, namespace: str, hosts: list[str]) -> None:
    from scripts.console.app import make_application
    from scripts.console.server import Server

    logging.getLogger().setLevel(logging.ERROR)
    Server(make_application(namespace, hosts, warm=True)).run(sockets=[listening])
