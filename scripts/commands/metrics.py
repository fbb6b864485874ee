"""`metrics`: the catalogue of metrics, the files generated from it, and the exporter."""

import argparse
import sys
from pathlib import Path
from typing import Any

from f.millrace.core.errors import BadInput
from scripts.paths import ROOT, STATE
from scripts.serving import guard

TOKEN_FILE = STATE / "alerts-token"


def add(commands: Any) -> None:
    """Declare `metrics`."""
    parser = commands.add_parser(
        "metrics",
        help="list or show the metrics, serve them, or write dashboards, rules and runbook",
    )
    parser.add_argument("action", choices=["list", "show", "serve", "write", "check"])
    parser.add_argument(
        "--prefix",
        default="millrace",
        help="write, serve: what every name begins with (default millrace)",
    )
    parser.add_argument(
        "--to",
        metavar="FOLDER",
        type=lambda text: Path(text).absolute(),
        help="write: another folder than resources/telemetry",
    )
    parser.add_argument("--host", default="127.0.0.1", help="serve: where to listen")
    parser.add_argument("--port", type=int, default=9464, help="serve: at which port")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="serve: a further name it is called by",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        default=TOKEN_FILE,
        help="serve: holds the token that who sends alerts has to give; made when missing",
    )
    parser.set_defaults(function=act)


def act(options: argparse.Namespace) -> int:
    """List, show, serve, write or check."""
    from f.millrace.telemetry.metrics.define import PREFIX, WORD

    if not WORD.fullmatch(options.prefix):
        raise BadInput(
            f"--prefix is {options.prefix!r}; it is lower case words with _ between them"
        )
    if options.action == "serve":
        return serve(options)
    if options.action == "show":
        return show(options)
    if options.action == "list":
        return list_catalogue(options)
    from scripts.observability import generated

    if options.action == "check":
        problems = generated.check(ROOT)
        print("\n".join(map(str, problems)) or "all files are as the catalogue says")
        return 1 if problems else 0
    if options.prefix != PREFIX and options.to is None:
        raise BadInput(
            f"the files in {generated.FOLDER} are those of the prefix {PREFIX}; write those of"
            f" {options.prefix} with --to FOLDER"
        )
    print(
        "\n".join(generated.write(options.to or ROOT / generated.FOLDER, options.prefix))
        or "up to date"
    )
    return 0


def list_catalogue(options: argparse.Namespace) -> int:
    """Print every metric with its type and labels, and below it what it counts."""
    from f.millrace.telemetry.catalogue import CATALOGUE

    for metric in CATALOGUE.values():
        labels = f" {{{', '.join(label.name for label in metric.labels)}}}" if metric.labels else ""
        print(f"{metric.full_name(options.prefix)}{labels}  {metric.type}\n    {metric.help}")
    return 0


def show(options: argparse.Namespace) -> int:
    """Print every figure as Prometheus would read it now."""
    from prometheus_client import generate_latest
    from prometheus_client.registry import CollectorRegistry

    from scripts.database.ready import ready
    from scripts.observability.exporter import MetricCollector, Undescribed

    ready()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Undescribed(MetricCollector(options.prefix)))
    print(generate_latest(registry).decode(), end="")
    return 0


def serve(options: argparse.Namespace) -> int:
    """Serve /metrics until it is stopped."""
    from scripts.database.ready import ready
    from scripts.observability.exporter import server

    ready()
    token = guard.read_token(options.token_file)
    try:
        made = server(token, options.host, options.port, options.prefix, options.allow_host)
    except OSError as error:
        raise BadInput(
            f"{options.host}:{options.port} cannot be listened at: {error.strerror}; choose another"
            " --port"
        ) from error
    print(f"http://{options.host}:{made.server_port}/metrics", flush=True)
    print(
        f"/alerts takes what Alertmanager sends with the token of {options.token_file}",
        file=sys.stderr,
        flush=True,
    )
    try:
        made.serve_forever()
    finally:
        made.server_close()
    return 0
