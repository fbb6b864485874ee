# requirements:

"""For whom a digest is: what only they are shown, and times in their zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from f.millrace.digest import digest_content, run_plan, site_names
from f.millrace.trust import shares

# The keys by which all that a source reads can be shared.
KEYS_OF = {"notes": ("source:notes",), "documents": ("source:documents", "namespace:main")}
# What its source is called where it is the reader's own, and where it was shared with him.
OWN = {
    "notes": ("from your notes", "from the notes"),
    "documents": ("from your documents", "from the documents"),
    "private_feeds": ("from a feed of yours", "from a private feed"),
}


class Reader(NamedTuple):
    """For whom a digest is: its run's plan, and their window."""

    opened: run_plan.RunPlan
    window: run_plan.Window

    def own(self, share_keys: list[str], source: str) -> str:
        """Return why not everybody is shown something; empty when it is public."""
        if not share_keys:
            return ""
        mine, others = OWN.get(source, ("from what is yours", "from what is private"))
        if self.window.private:
            return f"Only in your digest: {mine}"
        return f"Shared by {shares.sharer_of(share_keys, self.window.shared)}: {others}"

    def mark(self, share_keys: list[str], source: str) -> str:
        """Return the same for a line of a list, where `Your notes` says it already."""
        if not share_keys:
            return ""
        if not self.window.private:
            return f"shared by {shares.sharer_of(share_keys, self.window.shared)}"
        return "only in your digest" if source == "private_feeds" else ""

    def site(self, name: str, extra: dict[str, Any] | None) -> str:
        """Return what a reader calls a site, with the file's name of a document or a note."""
        own = name if self.window.private else site_names.of_others(name)
        path = (extra or {}).get("path", "")
        return f"{own}, {path.rpartition('/')[2]}" if path else own

    def age(self, moment: datetime | None) -> str:
        """Return how old something was when the digest was made."""
        if moment is None:
            return ""
        made = self.opened.until or self.opened.scheduled_for
        hours = (made - moment).total_seconds() / 3600
        if hours < 1:
            return "less than an hour ago"
        if hours < 24:
            return f"{digest_content.format_count(int(hours), 'hour')} ago"
        if hours < 24 * 7:
            return f"{digest_content.format_count(int(hours // 24), 'day')} ago"
        return self.date(moment)

    def date(self, moment: datetime | None) -> str:
        """Return the day in the reader's zone: `3 May 2026`; empty for none."""
        if moment is None:
            return ""
        local = moment.astimezone(ZoneInfo(self.opened.timezone))
        return f"{local.day} {digest_content.MONTHS[local.month - 1][:3]} {local.year}"

    def stamp(self, moment: datetime | None) -> str:
        """Return the minute in the reader's zone: `3 May 2026, 08:00`; empty for none."""
        if moment is None:
            return ""
        local = moment.astimezone(ZoneInfo(self.opened.timezone))
        return f"{self.date(moment)}, {local:%H:%M}"
