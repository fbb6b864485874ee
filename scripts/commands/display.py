"""What a person sees while a run goes on: a line a step, and under them what is being done now."""

import contextlib
import time
from typing import Any

from rich.status import Status

from f.millrace.core.money import dollars
from scripts.commands.terminal import Terminal, shown

COUNTS = {
    "sources": "{} source{}",
    "items": "{} item{}",
    "new": "{} new",
    "count": "{} topic{}",
    "findings": "{} finding{}",
    "links": "{} link{}",
    "digests": "{} digest{}",
    "delivered": "{} delivered",
    "kept": "{} in the outbox",
    "undelivered": "{} not delivered",
    "files": "{} file{}",
    "asking": "{} to ask a person about",
    "waiting": "{} to read",
    "moved": "{} moved",
    "withdrawn": "{} withdrawn",
    "read": "{} read",
    "new_passages": "{} new passage{}",
    "failed": "{} failed",
}
DECISIONS = {
    "nothing_to_approve": "nobody had to be asked",
    "approved": "approved by {}",
    "denied": "denied by {}",
    "expired": "nobody answered in time",
}
MARKS = {
    "done": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "waiting": "[yellow]…[/]",
    "skipped": "[dim]·[/]",
}
PARTS = {"researched": "done", "failed": "failed"}


class Display:
    """Shows the runner's events; silent when `quiet`."""

    def __init__(self, openflow: dict[str, Any], quiet: bool = False) -> None:
        self.console = Terminal(quiet=quiet)
        self.summaries = dict(_summaries(openflow.get("value", {}).get("modules", [])))
        self._headed: set[str] = set()
        self._told_in_parts: set[str] = set()
        self._told: set[str] = set()
        self._failed: dict[str, dict[str, Any]] = {}
        self.began = time.monotonic()
        self.spent = 0.0
        self._status: Status | None = None

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def heading(self, flow: str, sample_address: str) -> None:
        """Say what runs, and on what."""
        on = f" on the sample edition, served at {sample_address}" if sample_address else ""
        self.console.print(f"[bold]{flow}[/]{on}\n")

    def show(self, event: dict[str, Any]) -> None:
        """Show one event of the runner."""
        kind = event.get("kind", "")
        handler = getattr(self, "_" + kind, None)
        if handler:
            handler(event)

    def _step_started(self, event: dict[str, Any]) -> None:
        if "[" not in str(event.get("step", "")):
            self._tell_failures()
        self._now(self._title(event))

    def _step_finished(self, event: dict[str, Any]) -> None:
        if str(event.get("step")) not in self._told_in_parts:
            result = event.get("result")
            stops = isinstance(result, dict) and result.get("stop") is True
            self._line("waiting" if stops else "done", event, "" if stops else _facts(result))

    def _step_failed(self, event: dict[str, Any]) -> None:
        # Told when it is known that no further try follows.
        self._failed[str(event.get("step"))] = event

    def _step_retry(self, event: dict[str, Any]) -> None:
        failed = self._failed.pop(str(event.get("step")), event)
        self._now(f"Trying again: {_fault(failed)}")

    def _run_ended(self, _event: dict[str, Any]) -> None:
        self._tell_failures()

    def _tell_failures(self) -> None:
        failures, self._failed = list(self._failed.values()), {}
        for event in failures:
            self._line("failed", event, f"[red]{shown(_fault(event))}[/]")

    def _event(self, event: dict[str, Any]) -> None:
        inner = event.get("event", event)
        if not isinstance(inner, dict):
            inner = event.get("data") or event
        metadata = inner.get("metadata") or {}
        self.spent = max(self.spent, float(metadata.get("spent_usd") or 0))
        if inner.get("event") == "topic" and metadata.get("status") in PARTS:
            # One process researches several topics: each has its line when it is done.
            self._told_in_parts.add(str(event.get("step")))
            told = {
                "step": event.get("step"),
                "seconds": metadata.get("seconds"),
                "result": metadata,
            }
            self._line(PARTS[metadata["status"]], told, _facts(metadata))
        if (metadata.get("percent") or metadata.get("fault")) and inner[
            "message"
        ] not in self._told:
            # Money and a failing model are not passed over with the next line.
            self._told.add(inner["message"])
            self._print(f"  [red]![/]          {shown(inner['message'])}", whole=True)
        if inner.get("event") != "token" and inner.get("message"):
            self._now(str(inner["message"]))

    def _title(self, event: dict[str, Any]) -> str:
        step = str(event.get("step", ""))
        identity = step.rsplit(".", 1)[-1]
        return str(event.get("summary") or self.summaries.get(identity) or identity)

    def _now(self, text: str) -> None:
        if not self.console.is_terminal or self.console.quiet:
            return
        line = (
            f"[dim]{time.monotonic() - self.began:5.1f} s  {dollars(self.spent)}  {shown(text)}[/]"
        )
        if self._status is None:
            self._status = self.console.status(line)
            self._status.start()
        self._status.update(line)

    def _line(self, mark: str, event: dict[str, Any], facts: str) -> None:
        seconds = event.get("seconds")
        timing = f"{seconds:5.1f} s" if isinstance(seconds, int | float) else "       "
        loop, bracket, _ = str(event.get("step", "")).rpartition("[")
        if bracket:
            self._head(loop)
            result = event.get("result")
            title = shown(_name(result)) + "  " if isinstance(result, dict) else ""
            text = f"    {title}[dim]{facts}[/]"
        else:
            text = f"{shown(self._title(event))}  [dim]{facts}[/]"
        self._print(f"  {MARKS[mark]} [dim]{timing}[/]  {text}")

    def _head(self, loop: str) -> None:
        if loop not in self._headed:
            self._headed.add(loop)
            self._print(f"             {shown(self.summaries.get(loop, loop))}")

    def _print(self, text: str, whole: bool = False) -> None:
        narrow = self.console.is_terminal and not whole
        self.console.print(
            text, no_wrap=narrow, overflow="ellipsis" if narrow else "ignore", soft_wrap=not narrow
        )


def _fault(event: dict[str, Any]) -> str:
    error = event.get("error")
    words = str(error.get("message", "")) if isinstance(error, dict) else str(error or "")
    return words.splitlines()[0] if words else "failed"


def _name(result: dict[str, Any]) -> str:
    return str(result.get("source") or result.get("title") or "")


# complexipy: ignore (one line for each fact that is shown)
def _facts(result: Any) -> str:
    """Return the few counts and words of a step's result that say what it did."""
    if not isinstance(result, dict):
        return ""
    parts = [
        str(result[name])
        for name in ("reason", "error")
        if isinstance(result.get(name), str) and result[name]
    ]
    if result.get("decision") in DECISIONS:
        parts.append(DECISIONS[str(result["decision"])].format(result.get("by")))
    kept = result.get("kept")
    for name, words in COUNTS.items():
        value = result.get(name)
        number = len(value) if isinstance(value, list) else value
        if not number and (name in ("kept", "undelivered") or (name == "delivered" and kept)):
            continue
        if isinstance(number, int) and not isinstance(number, bool):
            parts.append(words.format(number, "" if number == 1 else "s"))
    if result.get("cost_usd"):
        parts.append(dollars(result["cost_usd"]))
    return shown(", ".join(parts))


def _summaries(modules: list[dict[str, Any]]) -> Any:
    for module in modules:
        yield module.get("id", ""), module.get("summary", "")
        value = module.get("value", {})
        yield from _summaries(value.get("modules", []))
        yield from _summaries(value.get("default", []))
        for branch in value.get("branches", []):
            with contextlib.suppress(AttributeError):
                yield from _summaries(branch.get("modules", []))
