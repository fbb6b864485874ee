# requirements:

"""Names that come out the same each time: the reason why a repeated step finds its own rows."""

import hashlib
import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

TRACKING = ("utm_", "mc_", "pk_", "hsa_")
TRACKING_EXACT = frozenset(
    {"fbclid", "gclid", "igshid", "ref", "ref_src", "source", "cmpid", "ocid", "smid"}
)


def canonical_json(value: Any) -> str:
    """Return `value` as JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def digest_of(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def stable_id(prefix: str, *parts: Any) -> str:
    """Return `prefix_` and 16 hex digits that depend on `parts` only."""
    return f"{prefix}_{digest_of(list(parts))[:16]}"


def canonical_url(url: str) -> str:
    """Return the address without fragment, tracking parameters, `www.` and a trailing slash.

    Two addresses of one page should compare equal;
    an address that is not http(s) comes back unchanged.
    """
    try:
        parts = urlsplit(url.strip())
        number = parts.port
    except ValueError:
        return url.strip()
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return url.strip()
    host = parts.hostname.lower().removeprefix("www.").removeprefix("m.")
    port = f":{number}" if number and number not in (80, 443) else ""
    query = [
        (key, value)
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
        if not key.lower().startswith(TRACKING) and key.lower() not in TRACKING_EXACT
    ]
    path = parts.path.rstrip("/")
    if host == "arxiv.org" and path.startswith(("/abs/", "/pdf/")):
        path = "/abs/" + path.split("/", 2)[2].removesuffix(".pdf").split("v")[0]
    return urlunsplit(("https", host + port, path, urlencode(sorted(query)), ""))
