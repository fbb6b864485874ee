"""The peer of the redaction: detect-secrets with all its plugins, as it scans a file.

Run as a script in an environment of its own: [text, secret] pairs as JSON on stdin; for each, on
stdout, whether the secret was found, or without one whether anything was.
"""

# pyright: reportMissingImports=false

import json
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Read the pairs, scan their lines as one file and print what was found."""
    pairs = json.load(sys.stdin)
    place_of, lines = {}, []
    for place, (text, _) in enumerate(pairs):
        for line in text.split("\n"):
            lines.append(line)
            place_of[len(lines)] = place
    results = [False] * len(pairs)
    for number, found in _scan(lines):
        place = place_of[number]
        secret = pairs[place][1]
        if not secret or secret in found or (found and found in secret):
            results[place] = True
    json.dump(results, sys.stdout)


def _scan(lines: list[str]) -> list[tuple[int, str]]:
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import default_settings

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "lines.txt")
        # One line of the file for each, whatever else ends lines.
        file.write_text("\n".join(" ".join(line.splitlines()) for line in lines))
        with default_settings():
            return [(each.line_number, each.secret_value or "") for each in scan_file(str(file))]


if __name__ == "__main__":
    main()
