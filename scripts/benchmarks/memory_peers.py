"""The peers of recall: their own environment, and the same embedder for them as an
OpenAI-compatible server on loopback.
"""

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from f.millrace.core import embedding
from scripts.benchmarks import peers

PACKAGES = (
    "bm25s==0.3.16",
    "PyStemmer==3.1.0",
    "langchain-postgres==0.0.19",
    "mem0ai==2.2.1",
    "psycopg[binary]==3.3.9",
)
# Of a run of one peer; mem0ai embeds and stores turn by turn.
SECONDS = 1800


class Peers:
    """Runs the peers' programs against one database."""

    def __init__(self, url: str, scratch: Path) -> None:
        self.url, self.scratch = url, scratch

    def run(self, name: str, given: dict[str, Any]) -> dict[str, Any] | None:
        """Return what a peer found; None where BENCH_PEERS=none leaves them out."""
        if peers.left_out():
            return None
        python, program = (
            peers.python("memory", PACKAGES),
            Path(__file__).with_name("memory_peer.py"),
        )
        with _embedder() as address:
            more = {
                "url": self.url,
                "folder": str(self.scratch),
                "embedder": address,
                "dimensions": embedding.LOCAL_DIMENSIONS,
            }
            done = subprocess.run(
                [str(python), str(program), name],
                input=json.dumps({**given, **more}),
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
        if done.returncode:
            raise RuntimeError(f"the peer {name} failed: {done.stderr[-800:]}")
        return json.loads(done.stdout.strip().splitlines()[-1])


class _Embeds(BaseHTTPRequestHandler):
    """Answers /v1/embeddings with our local model."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
        rows = [
            {"object": "embedding", "index": n, "embedding": vector}
            for n, vector in enumerate(embedding.embed(texts))
        ]
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        body = json.dumps(
            {"object": "list", "model": "same", "data": rows, "usage": usage}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _embedder() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Embeds)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
