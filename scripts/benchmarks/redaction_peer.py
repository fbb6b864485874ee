"""The peer of the redaction: detect-secrets with all its plugins, line by line.

Run as a script in an environment of its own: [text, secret] pairs as JSON on stdin; for each, on
stdout, whether the secret was found, or without one whether anything was.
"""

# pyright: reportMissingImports=false

import json
import sys


def main() -> None:
    """Read the pairs, scan each line and print what was found."""
    from detect_secrets.core.scan import scan_line
    from detect_secrets.settings import default_settings

    results = []
    with default_settings():
        for text, secret in json.load(sys.stdin):
            found = [
                each.secret_value or "" for line in text.splitlines() for each in scan_line(line)
            ]
            results.append(
                any(secret in one or (one and one in secret) for one in found)
                if secret
                else bool(found)
            )
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
