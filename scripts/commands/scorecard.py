"""`scorecard`: how well the agents do, beside the targets."""

import argparse
from typing import Any

from f.millrace.core.errors import BadInput
from f.millrace.trust.scorecard import scorecard, to_dicts
from scripts.commands import old_names
from scripts.commands.output import dump
from scripts.commands.terminal import WIDE, Table, Terminal
from scripts.database.ready import ready


def add(commands: Any) -> None:
    """Declare `scorecard`."""
    parser = commands.add_parser(
        "scorecard", help="show how well the agents do, beside the targets"
    )
    parser.add_argument("--days", type=int, default=30, metavar="N", help="of the last N days")
    parser.add_argument(
        "--sample", action="store_true", help="of the sample edition instead of the real ones"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--wide", action="store_true", help=WIDE)
    parser.set_defaults(function=show)


def show(options: argparse.Namespace) -> int:
    """Print each figure with its number of cases, value, target and verdict."""
    if not 1 <= options.days <= 3650:
        raise BadInput(f"--days is {options.days}; allowed is 1 to 3650")
    ready()
    scores = to_dicts(scorecard(options.days, "sample" if options.sample else "main"))
    if options.json:
        print(dump({"days": options.days, **old_names.with_old_keys({"scores": scores})}))
        return 0
    table = Table("figure", "n", "value", "target", "")
    for figure in scores:
        bound = "at most" if figure["unit"] == "s" else "at least"
        value = "" if figure["value"] is None else _format_value(figure["value"], figure["unit"])
        verdict = figure["verdict"] + (
            f" (from {figure['least_n']})" if figure["met"] is None else ""
        )
        table.add_row(
            figure["meaning"],
            str(figure["n"]),
            value,
            f"{bound} {_format_value(figure['target'], figure['unit'])}",
            verdict,
        )
    Terminal(wide=options.wide).print(table)
    return 0


def _format_value(value: float, unit: str) -> str:
    return f"{value:.2f}" if unit == "r" else f"{value:.0f} %" if unit == "%" else f"{value:.1f} s"
