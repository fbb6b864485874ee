# requirements:

"""Feeds that are the owner's own: the source."""

import dataclasses

from f.millrace.core import config
from f.millrace.tools import feeds, fetch_state, items, sources
from f.millrace.trust import shares


def read(limit: int, state: fetch_state.FetchState) -> list[items.SourceItem]:
    """Return at most `limit` entries of the feeds of the setting `private_feeds`, taken from them
    in turn; each carries the key of its feed.
    """
    keys = {url: shares.key_of("source", url) for url in config.settings().private_feeds}
    by_feed = feeds.read_each(list(keys), limit, state)
    return feeds.interleave(
        [
            [
                dataclasses.replace(item, source="private_feeds", share_keys=(keys[url],))
                for item in found
            ]
            for url, found in by_feed.items()
        ],
        limit,
    )


SOURCE = sources.Source("private_feeds", "Feeds of your own", read, chosen=True)
