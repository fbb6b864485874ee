"""`health`: component health, recent anomalies, forecast of spending and disk."""

import argparse
from typing import Any

from f.millrace.core import db
from f.millrace.core.errors import MillraceError
from f.millrace.core.money import dollars
from f.millrace.core.run_context import now
from f.millrace.ops import health
from f.millrace.telemetry import baseline
from f.millrace.telemetry.catalogue import CATALOGUE
from scripts.commands.output import dump
from scripts.commands.terminal import Table, Terminal, shown, styled
from scripts.database.ready import ready

COLOURS = {"healthy": "green", "degraded": "yellow", "critical": "red", "unknown": "magenta"}


def add(commands: Any) -> None:
    """Declare `health`."""
    parser = commands.add_parser(
        "health",
        help="say how each part is, with the next step; exit code 1 when one does not work",
    )
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(function=show)


def show(options: argparse.Namespace) -> int:
    """Print each part, then what stood out and the forecasts; 1 when a part is critical."""
    parts = health.check_components(_make_ready())
    state = health.worst(parts)
    anomalies, forecasts = _past() if parts[0].state != "critical" else ([], {})
    if options.json:
        told = {name: found._asdict() for name, found in forecasts.items()}
        print(
            dump(
                {
                    "state": state,
                    "parts": [part._asdict() for part in parts],
                    "anomalies": [str(one) for one in anomalies],
                    "outlook": told,
                }
            )
        )
        return int(state == "critical")
    console = Terminal()
    table = Table("part", "state", "", show_header=False, wraps=True)
    for part in parts:
        table.add_row(*_cells(part))
    console.print(table)
    for one in anomalies:
        console.print(f"anomaly: {shown(str(one))}")
    for line in _format_forecast(forecasts):
        console.print(line)
    return int(state == "critical")


def _make_ready() -> str:
    """Start what is needed, and return why that cannot be: the parts are told of all the same."""
    try:
        ready()
    except MillraceError as error:
        return str(error)
    except Exception as error:
        return str(db.explain(error) or f"{type(error).__name__}: {error}")
    return ""


def _cells(part: health.Component) -> list[Any]:
    next_step = part.step if part.state != "healthy" else ""
    step = f"\n[dim]next:[/] {shown(next_step)}" if next_step else ""
    state = styled(f"[{COLOURS[part.state]}]{part.state}[/]")
    return [part.name, state, styled(shown(part.reason) + step)]


def _past() -> tuple[list[baseline.Anomaly], dict[str, baseline.Forecast]]:
    try:
        return _look_back()
    except MillraceError:
        return [], {}  # the database went away since; the next look says so


def _look_back() -> tuple[list[baseline.Anomaly], dict[str, baseline.Forecast]]:
    today = now().date()
    spent = baseline.forecast(baseline.daily(CATALOGUE["cost_usd_total"], today))
    size = baseline.forecast(baseline.daily(CATALOGUE["database_bytes"], today), growing=True)
    found = {"spend_usd": spent, "database_bytes": size}
    return baseline.anomalies(CATALOGUE.values()), {
        name: forecast for name, forecast in found.items() if forecast
    }


def _format_forecast(forecasts: dict[str, baseline.Forecast]) -> list[str]:
    lines = []
    if spent := forecasts.get("spend_usd"):
        lines.append(
            f"forecast: {dollars(spent.in_30_days)} in the next 30 days, {dollars(spent.today)} a"
            " day now"
        )
    if size := forecasts.get("database_bytes"):
        lines.append(
            f"forecast: the database grows by {size.a_day / 1e6:.1f} MB a day, to"
            f" {size.in_30_days / 1e6:.0f} MB in 30 days"
        )
    return lines
