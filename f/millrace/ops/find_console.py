# no_postinstall
# requirements: millrace_core

"""Find the console.

What the app Console opens: where browsers reach the console, and whether it allows a frame.

scripts/millrace step ops/find_console
"""

from f.millrace.core import config


def main() -> dict:
    """Return the settings of the console that its page in Windmill needs.

    Returns:
        url: Where browsers reach the console; empty when no setting says it.
        framed: Whether it may be shown in a frame.
    """
    found = config.settings()
    return {
        "url": found.console_url.strip().rstrip("/"),
        "framed": bool(found.console_framed_by.strip()),
    }
