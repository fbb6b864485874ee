"""A bad file is told by name and reason, and the others are read."""

import io
import os
import signal
import time
import zipfile

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import BadInput
from f.millrace.ingest import close, parse_text, scan
from f.millrace.memory.recall import recall
from scripts.samples import documents
from tests.ingest.conftest import CRANE


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<w>" + b" " * 3_000_000)
    return out.getvalue()


BAD = {
    "encrypted.pdf": (
        lambda: documents.pdf([documents.page_of("", [CRANE])], encrypted=True),
        "is encrypted",
    ),
    "encrypted.docx": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        "is encrypted",
    ),
    "corrupt.pdf": (lambda: b"%PDF-1.7\n" + b"garbage " * 200, "is corrupt"),
    "cut.docx": (lambda: documents.docx("T", [("H", [CRANE])])[:2000], "is corrupt"),
    "cut.xlsx": (lambda: documents.xlsx({"S": [["a"]]})[:100], "is corrupt|packed archive"),
    "hollow.pptx": (
        lambda: bomb().replace(b"word/document.xml", b"ppt/presentatn.xml"),
        "packed archive|is corrupt",
    ),
    "empty.md": (lambda: b"", "is empty"),
    "blank.txt": (lambda: b" \n\t\n", "is empty"),
    "no-text.html": (lambda: documents.html("", "<script>x()</script>"), "holds no text"),
    "huge.txt": (lambda: b"word " * 30_000, "larger than 100,000 bytes"),
    "bomb.docx": (bomb, "unpacks to 3,0"),
    "binary.txt": (lambda: bytes(range(256)) * 4, "binary data"),
    "broken.json": (lambda: b'{"a": ', "is not JSON"),
    "deep.json": (lambda: b"[" * 40_000 + b"]" * 40_000, "nested too deep"),
    "old.doc.docx": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"WordDocument",
        "old binary Office format",
    ),
    "scan.png": (lambda: b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, "tesseract"),
}


@pytest.fixture
def small_limits(monkeypatch):
    monkeypatch.setenv("MILLRACE_DOCUMENT_MAX_BYTES", "100000")
    config.reload()


@pytest.mark.usefixtures("without_tesseract", "small_limits")
def test_every_bad_file_is_told_and_stops_nothing(ingestion):
    for name, (make, _) in BAD.items():
        ingestion.write(name, make())
    ingestion.write("good.md", f"# Good\n\n{CRANE}")

    done = ingestion.run()

    told = {
        os.path.basename(one["path"]): one["problem"]
        for one in done["scan"]["problems"] + done["problems"]
    }
    assert set(told) == set(BAD)
    for name, (_, words) in BAD.items():
        assert any(word in told[name] for word in words.split("|")), (name, told[name])
    assert [hit.title for hit in recall("harbour crane")] == ["Good"]


@pytest.mark.usefixtures("without_tesseract")
def test_a_known_bad_file_is_told_again_without_being_opened(ingestion):
    ingestion.write("corrupt.pdf", b"%PDF-1.7\n" + b"garbage " * 200)
    first = ingestion.run()

    again = ingestion.run()

    assert first["failed"] == 1 and again["failed"] == 0 and again["waiting"] == 0
    assert "is corrupt" in again["scan"]["problems"][0]["problem"]
    assert close.main(again["run_id"], again["scan"], again)["status"] == "done"
    assert close.main(first["run_id"], first["scan"], first)["status"] == "partly_failed"


def test_a_picture_is_read_once_tesseract_is_there(ingestion, monkeypatch, tmp_path):
    ingestion.write("scan.png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40)
    with monkeypatch.context() as bare:
        bare.setenv("PATH", str(tmp_path / "nothing"))
        assert ingestion.run()["failed"] == 1
    program = tmp_path / "tesseract"
    program.write_text('#!/bin/sh\necho "The harbour in a picture"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    assert ingestion.run()["read"] == 1


def test_a_file_that_became_bad_is_no_longer_found(ingestion):
    ingestion.write("a.json", documents.json_file({"text": CRANE}))
    ingestion.run()

    ingestion.write("a.json", b'{"text": ')
    ingestion.run()

    assert recall("harbour crane") == [] and ingestion.document("a.json")["state"] == "failed"


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "content", "kind", "note"),
    [
        (
            "a.txt",
            documents.pdf([documents.page_of("", [CRANE])]),
            "pdf",
            "named .txt but is a PDF",
        ),
        ("a.pdf", CRANE.encode(), "text", "named .pdf but is plain text"),
        (
            "a.docx",
            documents.xlsx({"S": [["Item", "Price"], ["Crane", 1]]}),
            "sheets",
            "named .docx but is a spreadsheet",
        ),
        ("a.png", documents.html("Harbour", f"<p>{CRANE}"), "html", "named .png but is a web page"),
        ("a.eml", CRANE.encode(), "text", "named .eml but is plain text"),
    ],
)
def test_a_lying_file_is_read_as_what_it_is_and_told(ingestion, name, content, kind, note):
    ingestion.write(name, content)

    done = ingestion.run()

    assert ingestion.document(name)["kind"] == kind and done["failed"] == 0
    assert note in done["notes"][0]["note"]


@pytest.mark.long
def test_a_parser_that_hangs_or_dies_costs_its_own_file_only(ingestion, monkeypatch):
    whole = parse_text.parse_text

    def parser(data: bytes):
        if b"hang" in data:
            time.sleep(60)
        if b"die" in data:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(data)

    monkeypatch.setattr(parse_text, "parse_text", parser)
    monkeypatch.setenv("MILLRACE_DOCUMENT_SECONDS", "5")
    config.reload()
    for name, text in (
        ("1.txt", "die"),
        ("2.txt", "hang"),
        ("3.txt", "The crane."),
        ("4.txt", "die again"),
        ("5.txt", "A ferry."),
        ("6.txt", "A quay."),
    ):
        ingestion.write(name, text)

    done = ingestion.run()

    told = {os.path.basename(one["path"]): one["problem"] for one in done["problems"]}
    assert done["read"] == 3 and set(told) == {"1.txt", "2.txt", "4.txt"}
    assert "signal 9" in told["1.txt"] and "within 5 seconds" in told["2.txt"]


def test_too_many_pages_and_letters_are_refused_with_the_limit(ingestion, monkeypatch):
    monkeypatch.setenv("MILLRACE_DOCUMENT_MAX_PAGES", "2")
    monkeypatch.setenv("MILLRACE_DOCUMENT_MAX_CHARACTERS", "1000")
    config.reload()
    ingestion.write("a.pdf", documents.pdf([documents.page_of("", [CRANE])] * 3))
    ingestion.write("b.txt", "letters " * 500)

    told = sorted(one["problem"] for one in ingestion.run()["problems"])

    assert "has 3 pages, at most 2" in told[0] and "at most 1,000" in told[1]
    monkeypatch.setenv("MILLRACE_DOCUMENT_MAX_PAGES", "3")
    config.reload()
    assert ingestion.run()["read"] == 1


def test_a_wide_field_and_a_text_with_nul_are_no_problem(ingestion):
    ingestion.write("wide.csv", "a,b\n" + "x" * 200_000 + ",1\n")
    ingestion.write("nul.html", documents.html("N", f"<p>{CRANE}\x00<p>مرحبا بالعالم 港口"))

    done = ingestion.run()

    assert done["failed"] == 0 and len(ingestion.passages("wide.csv")) > 150
    assert "مرحبا" in ingestion.document("nul.html")["body"]


def test_what_is_no_path_is_refused_and_what_cannot_be_reached_is_told(ingestion):
    done = ingestion.run(ingestion.folder / "gone" / "deeper")

    assert "cannot be reached" in done["scan"]["problems"][0]["problem"]
    assert (
        ingestion.run(ingestion.folder / "typo.md")["scan"]["problems"][0]["problem"]
        == "is not there"
    )
    with pytest.raises(BadInput, match="not a path"):
        scan.main(paths=[" "])
    with pytest.raises(BadInput, match="namespace"):
        ingestion.run(namespace="../x")
    assert db.fetch_one("SELECT count(*) AS n FROM document") == {"n": 0}
