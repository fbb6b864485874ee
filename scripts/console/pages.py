"""The templates of the console, and what they show of texts.

Every value that a template prints goes through `_show`: what others wrote is escaped, and its
controls, turned and hidden characters are made visible. No template can forget it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from f.millrace.core import money, redaction, run_context, visible_text

HERE = Path(__file__).parent
STATIC = HERE / "static"
BASE, PART = "base.html", "part_"
# Which of five looks a state has: of a run, a step, an action, a component.
LOOKS = {
    "done": "done",
    "performed": "done",
    "approved": "done",
    "healthy": "done",
    "read": "done",
    "running": "running",
    "performing": "running",
    "starting": "running",
    "waiting": "waiting",
    "proposed": "waiting",
    "degraded": "waiting",
    "warning": "waiting",
    "partly_failed": "failed",
    "failed": "failed",
    "killed": "failed",
    "timed_out": "failed",
    "critical": "failed",
    "emergency": "failed",
    "unknown": "failed",
}
WORDS = {"proposed": "waits", "performed": "done", "idle": "not yet"}
# What a browser says of itself, in the order in which it tells one from those it claims to be like.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Vivaldi", "Vivaldi"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
WEB = re.compile(r"https?://[^\s<>\"']+\Z")


def render(name: str, code: int = 200, **values: Any) -> HTMLResponse:
    """Return a page made of a template."""
    return HTMLResponse(render_text(name, **values), code)


def render_text(name: str, **values: Any) -> str:
    """Return what a template makes of these values."""
    return _templates().get_template(name).render(**values)


def render_part(name: str, macro: str, *values: Any) -> str:
    """Return what one macro of a template makes: a part of a page that changes by itself."""
    return str(getattr(_templates().get_template(name).module, macro)(*values))


def render_blocks(name: str, **values: Any) -> dict[str, str]:
    """Return the parts of a page that change by themselves: the blocks `part_NAME` of its template
    and of the one that all pages share, by NAME.
    """
    drawn: dict[str, str] = {}
    for template in (_templates().get_template(BASE), _templates().get_template(name)):
        for block, draw in template.blocks.items():
            if block.startswith(PART):
                context = template.new_context(values)
                drawn[block.removeprefix(PART)] = "".join(draw(context)).strip()
    return drawn


class PartsResponse(Response):
    """What a page answers that is drawn anew: its parts in place of the whole."""

    def __init__(self, parts: dict[str, str]) -> None:
        """Hold the parts by their names."""
        super().__init__()
        self.parts = parts


@functools.cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_show,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        {
            "ago": format_age,
            "block": format_block,
            "browser": name_browser,
            "count": format_number,
            "counted": format_count,
            "day": lambda moment: f"{moment.astimezone():%Y-%m-%d}" if moment else "",
            "dollars": money.dollars,
            "look": choose_look,
            "moment": format_moment,
            "seconds": format_duration,
            "time": lambda moment: f"{moment.astimezone():%H:%M}" if moment else "",
            "word": name_state,
        }
    )
    made.globals.update({"asset": locate_asset, "is_web": is_web, "query": format_query})
    made.globals["parts"] = made.get_template("parts.html").module
    return made


def _show(value: Any) -> Any:
    """Return a value as a page shows it: nothing in it acts unseen."""
    if value is None:
        return ""
    if isinstance(value, Markup):
        return value
    return visible_text.shorten_runs(visible_text.make_visible(str(value)))


def format_block(value: Any) -> str:
    """Return JSON or a text with its secrets masked, in lines."""
    if not isinstance(value, str):
        value = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return str(redaction.redact(value)).strip("\n")


def choose_look(state: str) -> str:
    """Return which of the five looks a state has: done, running, waiting, failed, idle."""
    return LOOKS.get(state, "idle")


def name_state(state: str) -> str:
    """Return a state in words."""
    return WORDS.get(state, state.replace("_", " "))


def format_duration(value: float | None) -> str:
    """Return a length of time as short as it can be read: 0.3 s, 2:07, 3 h 12."""
    if value is None:
        return ""
    if value < 60:
        return f"{max(0.0, value):.1f} s"
    minutes, rest = divmod(int(value), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02}" if hours < 48 else f"{hours // 24} d"


def format_moment(value: datetime | None) -> str:
    """Return when something was: the time of today, else the day with it."""
    if value is None:
        return ""
    here, now = value.astimezone(), run_context.now().astimezone()
    if here.date() == now.date():
        return f"{here:%H:%M}"
    return f"{here:%d %b %H:%M}" if here.year == now.year else f"{here:%Y-%m-%d}"


def format_age(value: datetime | None) -> str:
    """Return how long ago, or until when, a moment is."""
    if value is None:
        return "never"
    away = run_context.now() - value
    ahead = away < timedelta(0)
    length = abs(away.total_seconds())
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if length >= size:
            said = f"{length / size:.0f} {name}"
            break
    else:
        said = f"{length:.0f} s"
    return f"in {said}" if ahead else f"{said} ago"


def name_browser(agent: str) -> str:
    """Return a browser as people call it, by what it says of itself: Firefox on Linux."""
    name = next((known for mark, known in BROWSERS if mark in agent), "")
    system = next((known for mark, known in SYSTEMS if mark in agent), "")
    # A program names itself first: curl/8.5.0.
    name = name or agent.partition("/")[0].partition(" ")[0][:40] or "a browser"
    return f"{name} on {system}" if system else name


def format_number(value: float) -> str:
    """Return a number as short as it can be read: 812, 19.3k, 1.2M."""
    for size, name in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f}{name}"
    return f"{value:,.0f}"


def format_count(number: int, noun: str) -> str:
    """Return a number, as short as it can be read, with its noun: 1 call, 19.3k calls."""
    return f"{format_number(number)} {noun}{'' if number == 1 else 's'}"


def name_day(value: datetime) -> str:
    """Return Today, Yesterday, or the day."""
    here, today = value.astimezone().date(), run_context.now().astimezone().date()
    away = (today - here).days
    return {0: "Today", 1: "Yesterday"}.get(away, f"{here:%A, %d %B %Y}".replace(" 0", " "))


def group_by_day(rows: Iterable[Any], name: str) -> list[tuple[str, list[Any]]]:
    """Return rows in groups of their days, in their order."""
    groups: dict[str, list[Any]] = {}
    for row in rows:
        groups.setdefault(name_day(row[name]), []).append(row)
    return list(groups.items())


def is_web(url: str) -> bool:
    """Tell whether an address may stand in a link: nothing but http and https leads anywhere."""
    return WEB.match(url) is not None


def format_query(**values: Any) -> str:
    """Return the part of an address behind `?`, of the values that are some."""
    kept = {name: str(value) for name, value in values.items() if value not in ("", None)}
    return f"?{urlencode(kept)}" if kept else "?"


@functools.cache
def locate_asset(name: str) -> str:
    """Return the address of a static file, which changes with the file."""
    mark = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={mark}"
