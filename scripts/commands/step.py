"""`step`: one step alone, as its file's docstring shows it."""

import argparse
import importlib
from typing import Any

from f.millrace.core.errors import NotFound
from scripts.commands import values
from scripts.commands.output import dump
from scripts.database.ready import ready
from scripts.paths import ROOT


def add(commands: Any) -> None:
    """Declare `step`."""
    step = commands.add_parser("step", help="run one step alone")
    step.add_argument("path", metavar="PATH", help="e.g. research/read_source")
    step.add_argument("inputs", nargs="*", metavar="key=value")
    step.set_defaults(function=run_step)


def run_step(options: argparse.Namespace) -> int:
    """Run the step's main() in this process and print its result."""
    path = options.path.removeprefix("f/millrace/").removesuffix(".py")
    file = ROOT / "f/millrace" / (path + ".py")
    if not file.is_file() or "\ndef main(" not in file.read_text():
        raise NotFound(f"no step {options.path!r} under f/millrace; e.g. research/read_source")
    from scripts.compiler import metadata, sources

    inputs = values.read(options.inputs, None, metadata.schema(sources.read(ROOT, file)))
    ready()
    module = importlib.import_module("f.millrace." + path.replace("/", "."))
    print(dump(module.main(**inputs)))
    return 0
