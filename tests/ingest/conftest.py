import os
from pathlib import Path

import pytest

from f.millrace.core import db
from f.millrace.ingest import read as read_step
from f.millrace.ingest import scan as scan_step

CRANE = (
    "The harbour crane at Kestrel lifts forty tonnes and was inspected in March by the port"
    " authority."
)
QUAY = "The repair of the quay will cost 3.2 million euros and take nine months of work."
FERRY = "The ferry to the northern islands leaves at nine in the morning on every working day."


class Ingestion:
    """A folder of documents and the steps that read it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, *paths: Path, **inputs: object) -> dict:
        scanned = scan_step.main(paths=[str(path) for path in paths or (self.folder,)], **inputs)  # type: ignore[arg-type]
        return {
            **scanned,
            **read_step.main(run_id=scanned["run_id"], namespace=scanned["namespace"]),
            "scan": scanned,
        }

    def document(self, name: str) -> dict:
        row = db.fetch_one(
            "SELECT * FROM document WHERE path = %s ORDER BY created_at DESC",
            [str(self.folder / name)],
        )
        assert row is not None, f"no document {name}"
        return row

    def passages(self, name: str) -> list[dict]:
        return db.fetch_all(
            "SELECT * FROM document_passage WHERE document_id = %s ORDER BY number",
            [self.document(name)["id"]],
        )


@pytest.fixture
def ingestion(database: str, tmp_path: Path) -> Ingestion:
    folder = tmp_path / "papers"
    folder.mkdir()
    return Ingestion(folder)


@pytest.fixture
def without_tesseract(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


@pytest.fixture
def tesseract(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program in the place of tesseract: it says what it was asked and how many bytes it got."""
    program = tmp_path / "bin" / "tesseract"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\nprintf "Seen with %s: %s bytes of a picture of the harbour" "$4" "$(wc -c)"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
