"""Another program's way in, as the README says: the official inspector's command line against `mcp
serve`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from f.millrace.core import db
from tests.live import fetched
from tests.live.conftest import missing

ROOT = Path(__file__).resolve().parents[2]
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
MILLRACE = [sys.executable, "-W", "ignore", "-m", "scripts.commands"]
SECONDS = 60


@pytest.fixture(scope="module")
def inspector() -> list[str]:
    """The command of the inspector."""
    try:
        script = fetched.node_package(INSPECTOR) / "clients/launcher/build/index.js"
        return [str(fetched.node()), str(script), "--cli"]
    except fetched.NotFetched as error:
        missing(str(error))
        raise


def inspect(command: list[str]) -> str:
    """Return what the inspector prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT, env=environment
    )
    return done.stdout + done.stderr


def test_it_starts_the_server_and_lists_its_tools(inspector, database):
    listed = inspect(
        [*inspector, *MILLRACE, "mcp", "serve", "--servers", "notes", "--method", "tools/list"]
    )

    # Behind it stands what the server says of its database.
    answer, _ = json.JSONDecoder().raw_decode(listed)
    assert [tool["name"] for tool in answer["tools"]] == [
        "notes_read",
        "notes_search",
        "notes_write",
    ]


def test_it_calls_over_http_with_the_entry_that_is_printed_and_a_mail_waits(
    inspector, database, tmp_path
):
    place = ["--http", "--port", "0", "--token-file", str(tmp_path / "token")]
    server = subprocess.Popen(
        [*MILLRACE, "mcp", "serve", *place], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stderr
        url = server.stderr.readline().split()[2]
        port = url.split(":")[2].split("/")[0]
        printed = [
            *MILLRACE,
            "mcp",
            "config",
            "--http",
            "--port",
            port,
            "--token-file",
            str(tmp_path / "token"),
        ]
        entry = json.loads(inspect(printed))["mcpServers"]["millrace"]
        way = [
            entry["url"],
            "--transport",
            entry["type"],
            "--header",
            f"Authorization: {entry['headers']['Authorization']}",
        ]
        call = [
            "--method",
            "tools/call",
            "--tool-name",
            "mail_send",
            "--tool-arg",
            "to=a@example.org",
            "subject=s",
            "text=t",
        ]

        answer = inspect([*inspector, *way, *call])
    finally:
        server.terminate()
        server.wait()
        server.stderr.close()

    assert entry["url"] == url and "Proposed action" in answer
    assert [
        row["state"] for row in db.fetch_all("SELECT state FROM action WHERE tool = 'mail.send'")
    ] == ["proposed"]
