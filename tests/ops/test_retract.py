import pytest

from f.millrace.core import db
from f.millrace.memory.recall import recall
from f.millrace.memory.store import remember
from f.millrace.ops import retract

pytestmark = pytest.mark.usefixtures("database")


def reasons() -> list[str]:
    rows = db.fetch_all("SELECT DISTINCT because AS reason FROM memory_origin")
    return [row["reason"] for row in rows]


def test_what_a_source_said_is_withdrawn_with_the_reason() -> None:
    remember("fact", "the well is dry", source="https://bad.example/page")

    done = retract.main("https://bad.example/", reason="invented")

    assert (done["withdrawn"], recall("well"), reasons()) == (1, [], ["invented"])


def test_a_form_that_was_saved_with_the_old_name_of_the_reason_is_taken_with_a_notice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    remember("fact", "the well is dry", source="gossip")

    retract.main("gossip", because="invented")

    assert reasons() == ["invented"]
    assert "'because' is now 'reason'" in capsys.readouterr().out
