"""The whole pipeline on recorded answers of the real arXiv and on real feeds, through the real
collectors.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT.parent / "shared/data"
FEEDS = (
    "rss_item_link_corrupted_ampersands.xml",
    "item_guid.xml",
    "rdf_item_title.xml",
    "item_content_encoded.xml",
)

pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason=f"the recorded inputs are not at {RECORDED}"
)


@pytest.fixture
def recorded() -> Iterator[str]:
    """The address of a server with the recordings, and 404 for the pages behind them."""
    page = json.loads((RECORDED / "arxiv/q_testing_s0_m100_cfe7536492ca.json").read_text())[
        "body"
    ].encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.partition("?")[0].rpartition("/")[2]
            body = (
                page
                if name == "query"
                else (RECORDED / "feeds" / name).read_bytes()
                if name in FEEDS
                else None
            )
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.long
def test_daily_research_on_recorded_arxiv_and_feeds_ends_with_a_cited_digest(
    database: str, recorded: str
) -> None:
    settings = {
        "MILLRACE_DATABASE_URL": database,
        "MILLRACE_SOURCES": "arxiv,feeds",
        "MILLRACE_ARXIV_URL": f"{recorded}/api/query",
        "MILLRACE_FEEDS": ",".join(f"{recorded}/{name}" for name in FEEDS),
        "MILLRACE_FETCH_ALLOW": recorded.removeprefix("http://"),
        "MILLRACE_RECIPIENTS": "reader@here.example",
    }

    def millrace(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
        command = [sys.executable, "-m", "scripts.commands", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    millrace("recipients", "add", "reader@here.example")
    done = millrace("run", "daily_research", "max_topics=3", "max_items=40", "--json")

    result = json.loads(done.stdout)["result"]
    status = {source["name"]: source["status"] for source in result["sources"]}
    assert status["arxiv"] == "ok", result["sources"]
    assert len(result["topics"]) == 3
    cited = {
        one
        for topic in result["topics"]
        for finding in topic["findings"]
        for one in finding["citations"]
    }
    assert cited
    assert cited <= set(result["evidence"])
    assert any("arxiv.org/abs/" in result["evidence"][one]["url"] for one in cited)
    assert [delivery["status"] for delivery in result["deliveries"]] == ["outbox"]
