"""A model that refuses its key, as a person meets it: what is printed, the exit code, and the way
on.
"""

import json
from pathlib import Path

import pytest

from tests.agents.conftest import EVIDENCE, edge  # noqa: F401
from tests.commands.test_command_line import millrace  # noqa: F401

NOTE = "The Orbit sodium battery plant in Leeds opened on Monday. It employs 400 people."
REFUSED = json.dumps({"error": {"message": "Incorrect API key provided", "code": "x"}})


def refuse_key(handler, _):
    handler.answer(401, REFUSED, "application/json")
    return True


def cut_text(handler, body):
    """Answer with a text whose tokens ran out, where a text is asked for."""
    if body.get("tools"):
        return False
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream")
    handler.send_header("connection", "close")
    handler.end_headers()
    (identity, _), *_ = EVIDENCE.findall(str(body["messages"][-1]["content"]))
    text = f"{NOTE.split('. ')[0]}. [{identity}]\nIt empl"
    handler.chunk([{"index": 0, "delta": {"role": "assistant", "content": text}}])
    handler.chunk([{"index": 0, "delta": {}, "finish_reason": "length"}])
    handler.chunk([], handler.edge.usage)
    handler.wfile.write(b"data: [DONE]\n\n")
    handler.close_connection = True
    return True


@pytest.mark.long
def test_a_refused_key_is_told_at_once_and_the_run_goes_on_when_it_is_right(
    millrace,  # noqa: F811
    edge,  # noqa: F811
    tmp_path: Path,
):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "orbit.md").write_text(f"# Orbit opens in Leeds\n\n{NOTE}\n")
    edge.write = lambda evidence: (
        "\n".join(f"{NOTE.split('. ')[0]}. [{one}]" for one, _ in evidence) or "OK"
    )
    settings = {
        "MILLRACE_SOURCES": "notes",
        "MILLRACE_MODEL": "openai:gpt-4o",
        "OPENAI_BASE_URL": f"{edge.url}/v1",
        "OPENAI_API_KEY": "sk-test-0123456789abcdefghij",
    }
    words = "401: the key of OPENAI_API_KEY was refused (Incorrect API key provided); set"
    edge.faults = [refuse_key] * 9

    asked = millrace("ask", "When did the Orbit plant open?", **settings)
    ran = millrace("run", "daily_research", "--json", **settings)
    looked = millrace("health", **settings)
    told = json.loads(millrace("alerts", "--json").stdout)

    assert asked.returncode == 1 and words in asked.stderr
    document = json.loads(ran.stdout)
    assert (ran.returncode, document["status"]) == (1, "waiting")
    assert words in document["postponed"]["reason"] and document["result"]["digests"] == []
    assert looked.returncode == 1 and "401" in looked.stdout
    assert words in json.dumps(told)

    edge.faults = []
    again = millrace("recover", "--json", **settings)
    shown = json.loads(millrace("show", "last", "--json").stdout)

    assert again.returncode == 0, again.stderr
    assert (shown["run_id"], shown["status"]) == (document["run_id"], "done")
    assert shown["result"]["written_by"] == {"openai:gpt-4o": 1}
    assert shown["result"]["notices"] == []
    assert [one["status"] for one in shown["result"]["deliveries"]] == ["outbox"]

    edge.faults = [cut_text] * 9
    cut = millrace("ask", "When did the Orbit plant open?", **settings)

    assert cut.returncode == 0 and "the answer was cut at 2000 tokens" in cut.stdout
