"""The console in a real Chromium: its pages load under the strict policy, ask no other host and
follow their rows.
"""

import os
import shutil
import subprocess

import pytest

from f.millrace.memory import store
from scripts.console import sign_ins
from scripts.docs import digest_picture

CHROMIUM = next((found for name in digest_picture.BROWSERS if (found := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason=f"no browser: install one of {', '.join(digest_picture.BROWSERS)}"
)


@pytest.fixture
def visit(served, tmp_path):
    """Open a page as ana with a profile that is kept; returns the page's document and the log."""

    def load(path, *options):
        command = [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            "--timeout=2500", f"--user-data-dir={tmp_path}/profile", *options, "--dump-dom",
            f"http://127.0.0.1:{served}{path}",
        ]  # fmt: skip
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=90,
            env={**os.environ, "HOME": str(tmp_path)},
        )
        said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return done.stdout, said

    load(f"/enter?t={sign_ins.make_link('ana')}")
    return load


@pytest.mark.long
def test_pages_load_under_the_strict_policy_and_follow_their_rows(visit, run_of, question):
    run_of("ana", "Searching… 12 results", session="cells", asks="How much?")
    question()
    store.remember("note", "The quay is 400 metres long.", title="Quay")

    for path, words in (
        ("/talk/cells", "How much?"),
        ("/waiting", "eve@out.example"),
        ("/memory", "The quay is 400 metres long."),
        ("/system", "Components"),
        ("/system/agents", "No agents yet"),
        ("/system/agents/new", "Make it"),
    ):
        html, said = visit(path)
        assert words in html, path
        assert said == [], path
        # The stream has drawn it anew: the server sends it so at the beginning.
        assert 'data-live="">live<' in html
