# requirements:

"""Marks: a mail address stands in the audit log as a hash of itself.

The log is never changed, so what it holds cannot be forgotten; a mark says who it was for as long
as a live row does.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Any, cast

from f.millrace.core import config, db

ADDRESS = re.compile(r"(?<![^\s@<>,;:\"()\[\]{}|/\\])[^\s@<>,;:\"()\[\]{}|/\\]++@[\w.-]*\w")
MARK = re.compile(r"address:[0-9a-f]{16}")
# Rows that know an address; when they forget it, nobody does.
KNOWN = """
SELECT address FROM recipient UNION SELECT recipient FROM standing_approval
UNION SELECT recipient FROM delivery
UNION SELECT decided_by FROM approval UNION SELECT granted_by FROM standing_approval
"""


def pseudonym(address: str) -> str:
    """Return what stands for the address, however it is capitalised."""
    return f"address:{hashlib.sha256(address.casefold().encode()).hexdigest()[:16]}"


def pseudonymise(value: Any) -> Any:
    """Return the text or JSON value with a mark in the place of each address."""
    if isinstance(value, str):
        return ADDRESS.sub(lambda found: pseudonym(found[0]), value)
    if isinstance(value, dict):
        entries = cast("dict[Any, Any]", value)
        return {pseudonymise(key): pseudonymise(inner) for key, inner in entries.items()}
    if isinstance(value, list | tuple):
        return [pseudonymise(inner) for inner in cast("Iterable[Any]", value)]
    return value


def known_addresses() -> dict[str, str]:
    """Return the addresses that are still known, by their marks."""
    rows = db.fetch_all(KNOWN, [])
    addresses = {row["address"] for row in rows} | {
        *config.settings().recipients,
        config.settings().operator,
    }
    return {pseudonym(address): address for address in addresses if "@" in address}


def reveal(value: Any, addresses: dict[str, str]) -> Any:
    """Return the value with the addresses that are still known in the place of their marks."""
    if isinstance(value, str):
        return MARK.sub(lambda found: addresses.get(found[0], found[0]), value)
    if isinstance(value, dict):
        entries = cast("dict[Any, Any]", value)
        return {reveal(key, addresses): reveal(inner, addresses) for key, inner in entries.items()}
    if isinstance(value, list):
        return [reveal(inner, addresses) for inner in cast("list[Any]", value)]
    return value
