# requirements:

"""What `open` decided about a run, kept with the run, so that every later step finds it by the
run's id.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from f.millrace.core import config, db, errors

FLOW = "daily_research"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(kw_only=True)
class Window:
    """Recipients to whom the same items are new.

    Attributes:
        since: When their last delivered digest ended; none: they never had one.
        private: They may see what is private: the owner's notes and documents.
        shared: What is shared with them of it: keys (trust/shares), each with who shared it.
    """

    since: datetime | None = None
    until: datetime | None = None
    recipients: list[str]
    private: bool = False
    shared: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Window":
        """Return the window that `to_json` wrote."""
        return cls(
            since=_to_time(stored.get("since")),
            until=_to_time(stored.get("until")),
            recipients=stored["recipients"],
            private=bool(stored.get("private")),
            shared=dict(stored.get("shared") or {}),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the window as JSON has it."""
        return {
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "recipients": self.recipients,
            "private": self.private,
            "shared": self.shared,
        }

    def holds(self, first_seen_at: datetime) -> bool:
        """Return whether an item that was first seen then is new in this window."""
        return self.since is None or first_seen_at > self.since

    def shows(self, share_keys: Iterable[str]) -> bool:
        """Return whether its readers may see what can be shared by these keys: everybody what has
        none, owners all.
        """
        keys = list(share_keys)
        return not keys or self.private or any(key in self.shared for key in keys)


@dataclass(kw_only=True)
class RunPlan:
    """Who gets what from this run.

    Attributes:
        decision: run, catch_up, too_late, already_done or nothing.
        scheduled: Whether a schedule started it, and not a person.
        until: Up to when items count; set once they are read.
        owners: Recipients who may see what is private.
        shared: What is shared with the others: address to key to who shared it.
        same_as: The run whose digest is there already.
    """

    flow: str = FLOW
    edition: str = "daily"
    namespace: str = "main"
    day: date
    timezone: str = "UTC"
    number: int = 1
    decision: str = "run"
    reason: str = ""
    scheduled_for: datetime
    scheduled: bool = False
    sources: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    shared: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    interests: list[str] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    until: datetime | None = None
    same_as: str = ""

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "RunPlan":
        """Return the plan that `to_json` wrote."""
        parsed = {
            "day": date.fromisoformat(stored["day"]),
            "scheduled_for": _to_time(stored["scheduled_for"]),
            "until": _to_time(stored.get("until")),
            "windows": [Window.from_json(window) for window in stored.get("windows", [])],
        }
        known = {key: value for key, value in stored.items() if key in cls.__dataclass_fields__}
        return cls(**{**known, **parsed})

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON has it."""
        return {
            **vars(self),
            "day": self.day.isoformat(),
            "scheduled_for": self.scheduled_for.isoformat(),
            "until": self.until.isoformat() if self.until else None,
            "windows": [window.to_json() for window in self.windows],
        }

    def is_shown(self, share_keys: Iterable[str]) -> bool:
        """Return whether somebody gets this digest who may see what can be shared by these keys."""
        return any(window.shows(share_keys) for window in self.windows)

    @property
    def skip(self) -> bool:
        """Whether the run ends here."""
        return self.decision not in ("run", "catch_up")

    @property
    def lasting(self) -> str:
        """The namespace whose deliveries and recipients count: a dry run looks at the real one."""
        if not self.namespace.startswith("dry-"):
            return self.namespace
        return "sample" if self.edition == "sample" else "main"


def load(run_id: str) -> RunPlan:
    """Return what was decided about the run; NotFound when it was never opened."""
    row = db.fetch_one("SELECT pipeline -> 'opened' AS opened FROM run WHERE id = %s", [run_id])
    if row is None or row["opened"] is None:
        raise errors.NotFound(f"run {run_id} has no opening; its first step is research/open")
    return RunPlan.from_json(row["opened"])


def allowed_addresses(opened: RunPlan) -> list[str]:
    """Return the sample server's own address, for the sample edition only."""
    if opened.edition != "sample":
        return []
    known = config.settings()
    urls = [known.hackernews_url, known.arxiv_url, known.mastodon_url, *known.feeds]
    return sorted({urlsplit(url).netloc for url in urls if urlsplit(url).hostname in LOOPBACK})


def to_stored(opened: RunPlan) -> dict[str, Any]:
    """Return the opening as the run keeps it."""
    return {"opened": opened.to_json()}


def _to_time(text: str | None) -> datetime | None:
    """Return the moment of an ISO text, or None."""
    return datetime.fromisoformat(text) if text else None
