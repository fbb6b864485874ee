import io
import json

import pytest

from f.millrace.core import db
from f.millrace.memory.recall import recall
from f.millrace.telemetry.events import watch
from scripts.commands.__main__ import main

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def memory(capsys):
    """Run `memory …` and return its exit code and what it printed: JSON read, or text."""

    def run(*words: str) -> tuple[int, object]:
        code = main(["memory", *words])
        out, err = capsys.readouterr()
        return code, json.loads(out) if "--json" in words and out.startswith("{") else out + err

    return run


def test_a_fact_is_added_superseded_related_and_told_as_it_was(memory):
    _, added = memory(
        "add", "Kestrel has two engines", "--type", "fact", "--since", "2026-01-01", "--json"
    )
    item = added["id"]
    _, new = memory("supersede", item, "Kestrel has three engines", "--since", "2026-02-01")

    _, told = memory("timeline", "kestrel", "--json")
    assert [(row["text"], row["until"] is None) for row in told["timeline"]] == [
        ("Kestrel has two engines", False),
        ("Kestrel has three engines", True),
    ]
    assert memory("timeline", "kestrel", "--as-of", "2026-01-15")[1].count("fact:") == 1
    assert f"<- supersedes  {new.strip()}" in memory("related", item)[1]
    assert "superseded by " + new.strip() in memory("timeline", item)[1]
    assert "true never" in memory("timeline", item, "--as-of", "2025-12-31")[1]
    assert memory("stats", "--json")[1]["types"][0]["items"] == 2
    assert set(memory("stats", "--json", "--known-at", "2026-01-01")[1]["counts"].values()) == {0}


def test_a_source_is_retracted_lifted_and_a_subject_forgotten(memory):
    memory("add", "Ada Example paints bridges", "--source", "gossip")

    assert "withdrawn: 1" in memory("retract", "gossip", "--reason", "invented")[1]
    assert (
        "stored as retracted" in memory("add", "Ada Example paints boats", "--source", "gossip")[1]
    )
    assert (
        memory("retract", "gossip", "--lift")[0] == 0
        and memory("retract", "gossip", "--lift")[0] == 2
    )
    code, forgotten = memory("forget", "Ada Example", "--json")
    assert code == 0 and forgotten["proved"] and forgotten["deleted"]["memory_item"] == 2
    assert "Nothing began" in memory("timeline")[1]


def test_an_export_is_a_file_that_import_reads(memory, tmp_path, monkeypatch):
    memory("add", "A note to take along")
    file = tmp_path / "memory.jsonl"

    assert (
        memory("export", str(file))[0] == 0
        and memory("import", str(file), "--namespace", "copy")[0] == 0
    )
    assert "A note to take along" in memory("timeline", "--namespace", "copy")[1]
    file.write_text("no json\n")
    assert memory("import", str(file)) == (
        2,
        f"millrace: line 1 of {file} is not JSON: Expecting value: line 1 column 1 (char 0)\n",
    )
    monkeypatch.setattr("sys.stdin", io.StringIO("from a pipe"))
    assert memory("add", "-", "--json")[1]["text"] == "from a pipe"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["timeline", "--as-of", "2026-02-30"], "as_of is '2026-02-30', which is no date"),
        (["timeline", "--known-at", "2999-01-01"], "yet to come"),
        (["timeline", "--namespace", "nowhere"], "no namespace 'nowhere'"),
        (["related", "mem_none"], "no memory has the id 'mem_none'"),
        (["add", "   "], "empty"),
        (["add", "x", "--known-at", "2026-01-01"], "cannot be changed"),
        (["import", "nowhere.jsonl"], "cannot read"),
        (["retract", "gossip", "--as-of", "2026-01-01"], "memory retract is done now"),
        (["forget", "Ada Example", "--known-at", "2026-01-01"], "memory forget is done now"),
        (["reembed", "--as-of", "2026-01-01"], "memory reembed is done now"),
        (["forget", "a"], "too short"),
        (
            ["forget", "Ada Example", "--namespace", "work"],
            "deletes in every namespace, not only in 'work'",
        ),
        (["conversation", "--until", "soon"], "until is 'soon'"),
    ],
)
def test_bad_input_is_told_in_words(memory, words, said):
    code, text = memory(*words)

    assert code == 2 and said in text and "Traceback" not in text


def test_what_the_user_wrote_keeps_its_secrets_and_what_others_wrote_does_not(memory):
    secret = "Zq81" + "harbour"
    text = f"The crane's console takes password={secret} since Monday"
    seen = []

    with watch(seen.append):
        _, own = memory("add", text, "--title", f"password={secret}", "--json")
        _, said = memory("add", f"{text}, they say", "--trust", "untrusted", "--json")
        _, new = memory("supersede", own["id"], f"{text} or Friday", "--json")

    assert (own["text"], own["title"]) == (text, f"password={secret}")
    assert new["text"] == f"{text} or Friday" and secret not in str(said)
    assert recall("which password takes the crane?")[0].text == new["text"]
    rows = db.fetch_all("SELECT s::text AS row FROM span s UNION SELECT e::text FROM run_event e")
    assert secret not in str(rows) + str(seen)
