"""Questions to a folder of documents, answered by the offline model."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from f.millrace.agents import ask
from f.millrace.ingest import read, scan
from f.millrace.telemetry.spans import step
from tests.assist import paperwork


@pytest.fixture
def folder(database: str, tmp_path: Path, configure: Callable[..., None]) -> Path:
    configure(agents={"researcher": {"tools": []}})
    place = tmp_path / "papers"
    place.mkdir()
    for name, content in paperwork.build().items():
        (place / name).write_bytes(content)
    scanned = scan.main(paths=[str(place)])
    read.main(run_id=scanned["run_id"], namespace=scanned["namespace"])
    return place


def _is_right(question: paperwork.Question, reply: ask.Reply) -> bool:
    if not question.holds:
        return reply.result.no_sources
    cited = {os.path.basename(one.get("document", {}).get("path", "")) for one in reply.sources}
    return (
        all(value in reply.text for value in question.holds)
        and not any(value in reply.text for value in question.never)
        and question.document in cited
    )


@pytest.mark.long
@pytest.mark.parametrize("questions", [paperwork.FIRST_HALF, paperwork.SECOND_HALF])
def test_plain_questions_are_answered_from_forms_tables_and_sentences(
    folder: Path, questions: tuple[paperwork.Question, ...]
) -> None:
    wrong: dict[str, str] = {}
    for question in questions:
        with step("ask"):
            reply = ask.ask(question.text)
        if not _is_right(question, reply):
            wrong[question.text] = reply.text

    assert wrong == {}
