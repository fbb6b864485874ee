# requirements:

"""The page of a run on Windmill: its digest, or why there is none, its topics, deliveries, problems
and labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from f.millrace.core import db, money
from f.millrace.digest import run_plan
from f.millrace.trust import markdown

if TYPE_CHECKING:
    from f.millrace.digest import run_summary

RAN = ("run", "catch_up")


def page_of_run(run_id: str, small: dict[str, Any]) -> str:
    """Return the page of a run: the digest of its day, its topics and deliveries, or why there is
    none.
    """
    decision = (
        []
        if small.get("decision") in RAN
        else [markdown.one_line(str(small.get("reason") or "There was nothing to do."))]
    )
    source = small.get("same_as") or run_id
    parts = [
        *decision,
        *([_digest(source)] if small.get("digests") or small.get("topics") else []),
    ]
    parts += [_topics(small.get("topics") or []), _deliveries(small.get("deliveries") or [])]
    parts.append(_problems(small.get("problems") or []))
    return "\n\n".join(part for part in parts if part) + "\n"


def _digest(run_id: str) -> str:
    """Return what the digest of the day says to whom most is new."""
    opened = run_plan.load(run_id)
    window = opened.windows[0] if opened.windows else run_plan.Window(recipients=[])
    row = db.fetch_one(
        "SELECT markdown FROM digest WHERE run_id = %s AND window_since IS NOT DISTINCT FROM %s AND"
        " private = %s AND shared = %s",
        [run_id, window.since, window.private, db.jsonb(window.shared)],
    )
    if row and row["markdown"]:
        return row["markdown"]
    # A digest of before the column was, or none: a run is shown its topics all the same.
    from f.millrace.digest import content_loader, digest_markdown

    return digest_markdown.page(content_loader.load(run_id, opened, window, operator=True))


def _topics(topics: list[run_summary.ListedTopic]) -> str:
    lines = [
        f"- {markdown.one_line(str(one['title']))}: {_count(one['findings'], 'finding')}"
        for one in topics
    ]
    return "#### Topics\n\n" + "\n".join(lines) if lines else ""


def _deliveries(deliveries: list[run_summary.ListedDelivery]) -> str:
    lines = [
        f"- {markdown.one_line(str(one['recipient']))}: {markdown.one_line(str(one['status']))}"
        for one in deliveries
    ]
    return "#### Deliveries\n\n" + "\n".join(lines) if lines else ""


def _problems(problems: list[str]) -> str:
    if not problems:
        return ""
    from f.millrace.trust import defang

    lines = [f"- {markdown.one_line(defang.defang(problem))}" for problem in problems]
    return "#### Problems\n\n" + "\n".join(lines)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def labels(small: dict[str, Any], status: str, cost: Any) -> list[str]:
    """Return the labels of a run: its cost, how much there is, and what is not as it should be."""
    down = sum(one["status"] == "failed" for one in small.get("sources") or [])
    found = [f"cost:{money.dollars(cost)}", f"topics:{len(small.get('topics') or [])}"]
    found += [f"{_count(down, 'source')} down"] if down else []
    found += [status] if status != "done" else []
    return found + (["sample"] if small.get("edition") == "sample" else [])
