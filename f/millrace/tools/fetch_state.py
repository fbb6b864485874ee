# requirements:

"""What earlier fetches left behind, so that an unchanged source costs one short answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypedDict

from f.millrace.core import db
from f.millrace.tools import http

if TYPE_CHECKING:

    class Validators(TypedDict):
        """What a server told to ask by whether a page has changed."""

        etag: str
        last_modified: str


class FetchState:
    """ETags and dates of one namespace; written only when the caller has stored what was read.

    Attributes:
        namespace: Whose validators are used: main, sample or that of a dry run.
        source: Which source reads. What another one has stored of an address is new to this one.
        allow: Private hosts that this reader may fetch besides the setting `fetch_allow`.
        unchanged: How many addresses answered "not modified".
        problems: What could not be read, in words, while the rest was.
    """

    def __init__(
        self, namespace: str = "main", allow: Iterable[str] = (), *, source: str = ""
    ) -> None:
        self.namespace = namespace
        self.source = source
        self.allow = tuple(allow)
        self.unchanged = 0
        self.problems: list[str] = []
        self._read: dict[str, http.Page] = {}

    def fetch(self, url: str, *, variant: str = "", **options: Any) -> http.Page | None:
        """Return the page, or None when it has not changed since it was last stored.

        Call from the thread that owns the state; `variant` tells apart readings of one address
        (say, their limits).
        """
        key = self._key(url, variant)
        known: Validators | None = db.fetch_one(
            "SELECT etag, last_modified FROM fetch_state WHERE namespace = %s AND url = %s",
            [self.namespace, key],
        )
        page = http.fetch(url, allow=self.allow, **(known or {}), **options)
        if page.unchanged:
            self.unchanged += 1
            return None
        self._read[key] = page
        return page

    def forget(self, url: str, *, variant: str = "") -> None:
        """Do not keep the validators of an address whose content could not be used whole."""
        self._read.pop(self._key(url, variant), None)

    def _key(self, url: str, variant: str) -> str:
        return " ".join(part for part in (url, self.source, variant) if part)

    def save(self) -> None:
        """Keep the validators of what was read. Call it after (or with) storing the items: not
        before, or they are lost.
        """
        for url, page in self._read.items():
            if page.etag or page.last_modified:
                db.execute(
                    "INSERT INTO fetch_state (namespace, url, etag, last_modified) VALUES (%s, %s,"
                    " %s, %s) ON CONFLICT (namespace, url) DO UPDATE SET etag = excluded.etag,"
                    " last_modified = excluded.last_modified, fetched_at = clock_timestamp()",
                    [self.namespace, url, page.etag[:500], page.last_modified[:100]],
                )
        self._read.clear()
