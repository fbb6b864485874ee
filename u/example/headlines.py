# no_postinstall
# requirements: millrace_ingest

"""A place to try things: the newest headlines of one feed, read with the bundle's own tool.

Copy this file to `u/<your name>/` and change it. Scripts in `u/` may import anything in `f/`;
nothing imports them, and `scripts/deploy` does not push them (add your own folder to `includes` in
wmill.yaml, or paste the file into the editor).

    PYTHONPATH=. .millrace/venv/bin/python u/example/headlines.py
    https://www.quantamagazine.org/feed/
"""

import sys

from f.millrace.tools.feed_tools import read_feed


def main(url: str = "https://www.quantamagazine.org/feed/", limit: int = 5) -> dict:
    """List a feed's newest entries.

    Args:
        url: Address of an RSS, Atom, RDF or JSON feed.
        limit: List at most this many entries.
    """
    entries = read_feed(url, limit).entries
    return {
        "headlines": [{"title": entry.title, "url": entry.url} for entry in entries],
        "wm_labels": [f"entries:{len(entries)}"],
    }


if __name__ == "__main__":
    found = main(sys.argv[1]) if len(sys.argv) > 1 else main()
    for headline in found["headlines"]:
        print(headline["title"], headline["url"])
