"""`spend`: what was spent, on what, and how far the limits are used."""

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from f.millrace.core.errors import BadInput
from f.millrace.core.money import dollars
from f.millrace.core.run_context import now
from f.millrace.trust import budget, spend
from scripts.commands.output import dump
from scripts.commands.run import find
from scripts.commands.terminal import WIDE, Table, Terminal, shown
from scripts.database.ready import ready


def add(commands: Any) -> None:
    """Declare `spend`."""
    parser = commands.add_parser("spend", help="show what was spent, and the limits of today")
    parser.add_argument("--by", choices=get_args(spend.By), default="day")
    parser.add_argument(
        "--days", type=int, metavar="N", help="only the last N days (UTC), today included"
    )
    parser.add_argument(
        "--run", metavar="RUN", help="only this run: its id, the beginning of it, or `last`"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--wide", action="store_true", help=WIDE)
    parser.set_defaults(function=show)


def show(options: argparse.Namespace) -> int:
    """Print calls, tokens and money of each group, the sum, and the limits."""
    since = _since(options.days)
    ready()
    budget.sweep()
    run_id = str(find(options.run)["id"]) if options.run else None
    groups, total = (
        spend.group_spending(options.by, since, run_id),
        spend.total_spending(since, run_id),
    )
    limits = spend.limits_today(run_id)
    if options.json:
        print(dump({"by": options.by, "groups": groups, "total": total, "limits": limits}))
        return 0
    console = Terminal(wide=options.wide)
    if groups:
        console.print(_groups(options.by, groups))
    else:
        console.print("Nothing was called yet.")
    machines = f", machines {dollars(total['machines_usd'])}" if total["machines_usd"] else ""
    console.print(f"\nTogether {dollars(total['cost_usd'])}{machines}")
    for limit in limits:
        percent = "" if limit["percent"] is None else f" ({limit['percent']} %)"
        used = f"{dollars(limit['spent_usd'])} of {dollars(limit['limit_usd'])}{percent}"
        console.print(f"  {limit['scope'].replace('_', ' and ')} {shown(limit['key'])}: {used}")
    return 0


def _groups(by: str, groups: list[dict[str, Any]]) -> Table:
    table = Table(
        by, "calls", "in", "cached", "out", "reasoning", "tools", "cost", "price", keep=(by, "cost")
    )
    for group in groups:
        tokens = group["tokens"]
        counts = [str(tokens[name]) for name in ("input", "cache_read", "output", "reasoning")]
        money = [dollars(group["tools_usd"]), dollars(group["cost_usd"])]
        source = ", ".join(group["price_sources"]) + (
            f", {group['price_date']}" if group["price_date"] else ""
        )
        name = group[by][:8] if by == "run" else group[by]
        table.add_row(name[:36], str(group["calls"]), *counts, *money, source)
    return table


def _since(days: int | None) -> datetime | None:
    if days is None:
        return None
    if days < 1:
        raise BadInput(f"--days is {days}; it counts days, at least 1")
    today = now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days - 1)
