"""`settings check` names every mistake in one go: file and line, key, value, what is allowed."""

import json
from pathlib import Path

import pytest
import yaml

from f.millrace.core.all_settings import NAMES, Settings
from f.millrace.core.setting_types import AGENTS
from scripts.commands.__main__ import main as command
from scripts.paths import ROOT
from scripts.settings import check, example, schema

BAD = """\
# yaml-language-server: $schema=resources/windmill/settings.schema.json
model: opnai:gpt-5
max_rounds: 99
sorces: [notes]
sources: [notes, twitter]
trace_content: maybe
recipients:
  - ada@home.example
  - nobody
agents:
  writer: {temperature: 3, tools: [web]}
  planer: {model: offline}
  researcher:
    risk_threshold: huge
    tools: [web.search, webb]
    enable: false
smtp_url: http://user:hunter2@mail
run_usd: lots
fetch_seconds: true
risk_policy: {mail.send: low}
mcp: {box: "localhost:9"}
memory_days: {note: 0}
prices: {"openai:own": {input: 1}}
confidence_review: 95
"""
SAID = """\
millrace.yaml:2: model is 'opnai:gpt-5'; allowed: openai:NAME, anthropic:NAME, ollama:NAME or offline
millrace.yaml:3: max_rounds is 99; allowed: a whole number from 1 to 10
millrace.yaml:4: unknown key sorces; did you mean 'sources'?
millrace.yaml:5: sources[1] is 'twitter'; allowed: the bundle has SHIPPED
millrace.yaml:6: trace_content is 'maybe'; allowed: true or false
millrace.yaml:9: recipients[1] is 'nobody'; allowed: a mail address like name@host
millrace.yaml:11: agents.writer.temperature is 3; allowed: a number from 0 to 2
millrace.yaml:11: unknown key agents.writer.tools; allowed: one of model, cheaper_model, temperature, max_retries, enabled
millrace.yaml:12: unknown key agents.planer; did you mean 'planner'?
millrace.yaml:14: agents.researcher.risk_threshold is 'huge'; allowed: one of low, medium, high
millrace.yaml:15: agents.researcher.tools[1] is 'webb'; allowed: a server or server.tool; servers are
millrace.yaml:16: unknown key agents.researcher.enable; did you mean 'enabled'?
millrace.yaml:17: smtp_url is a secret that does not fit; allowed: smtp://user:password@host:587 or smtps://user:password@host:465
millrace.yaml:18: run_usd is 'lots'; allowed: a number, at least 0
millrace.yaml:19: fetch_seconds is True; allowed: a number, more than 0 and at most 300
millrace.yaml:20: risk_policy.mail.send is 'low'; allowed: high only: a mail leaves this system and cannot be taken back
millrace.yaml:21: mcp.box is 'localhost:9'; allowed: an address that begins with http:// or https://
millrace.yaml:22: memory_days.note is 0; allowed: a whole number from 1 to 36500
millrace.yaml:23: prices.openai:own is {'input': 1}; allowed: 'output' is needed in it: a number, at least 0
millrace.yaml:24: confidence_review is 95; allowed: at most confidence_silent, which is 90
MILLRACE_AGENTS: agents is '{oops'; allowed: JSON, keys researcher, planner, judge, writer, summariser, helper
MILLRACE_TRACE_RATIO: trace_ratio is '7'; allowed: a number from 0 to 1
"""  # noqa: E501


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "millrace.yaml"


def test_all_mistakes_of_file_and_environment_are_told_in_one_go(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(BAD)
    monkeypatch.setenv("MILLRACE_TRACE_RATIO", "7")
    monkeypatch.setenv("MILLRACE_AGENTS", "{oops")

    code = command(["settings", "check", str(file)])
    lines = capsys.readouterr().out.splitlines()

    wanted = SAID.replace("SHIPPED", ", ".join(Settings.sources)).splitlines()
    assert [line.startswith(said) for line, said in zip(lines, wanted, strict=False)] == [
        True
    ] * len(wanted), "\n".join(lines)
    assert (code, lines[-1], len(lines)) == (2, f"{len(wanted)} mistake(s)", len(wanted) + 1)
    assert "hunter2" not in "\n".join(lines)


def test_a_sound_file_is_in_order(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(
        "model: ollama:small\nagents: {researcher: {tools: [web, box.find]}}\nmcp: {box:"
        " 'http://127.0.0.1:9/mcp'}\n"
    )

    assert command(["settings", "check", str(file)]) == 0
    assert capsys.readouterr().out == "the settings are in order\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", "millrace.yaml:2: 'a' stands twice; the first is in line 1"),
        ("- a\n", "millrace.yaml:1: it holds a list; write name: value lines"),
        ("a: [\n", "millrace.yaml:2: not YAML"),
        ("just words\n", "millrace.yaml:1: it holds text"),
    ],
)
def test_a_file_that_is_none_is_told_with_its_line(file: Path, text: str, said: str) -> None:
    file.write_text(text)

    [mistake] = check.check(file)

    assert str(mistake).startswith(said)


@pytest.mark.parametrize("text", ["", "# only a remark\n"])
def test_an_empty_file_is_in_order(file: Path, text: str) -> None:
    file.write_text(text)

    assert check.check(file) == []


@pytest.mark.parametrize("name", ["web", "notes.read", "runs", "runs.ask", "agents", "agents.mine"])
def test_what_mcp_serve_offers_can_be_named(file: Path, name: str) -> None:
    file.write_text(f"mcp_serve: [{name}]\n")

    assert check.check(file) == []


def test_what_mcp_serve_does_not_offer_is_a_mistake(file: Path) -> None:
    file.write_text("mcp_serve: [agnts.mine]\n")

    [mistake] = check.check(file)

    assert "'agnts.mine'" in str(mistake) and "runs, agents" in str(mistake)


def test_what_is_emptied_on_purpose_is_no_mistake(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("feeds: none\nmastodon_url: none\n")
    monkeypatch.setenv("MILLRACE_ARXIV_TERMS", "none")
    monkeypatch.setenv("MILLRACE_DEFAULTS", '{"search_url": "http://searxng:8080"}')

    assert check.check(file) == []


def test_mistakes_in_the_defaults_of_an_installation_are_told(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_DEFAULTS", '{"serach_url": "x", "max_rounds": 99}')

    assert [str(one) for one in check.check(file)] == [
        "MILLRACE_DEFAULTS: max_rounds is 99; allowed: a whole number from 1 to 10",
        "MILLRACE_DEFAULTS: unknown key serach_url; did you mean 'search_url'?",
    ]


def test_mistakes_are_json_for_programs(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("max_rounds: 99\n")

    assert command(["settings", "check", str(file), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["mistakes"] == [
        {
            "place": "millrace.yaml",
            "line": 1,
            "key": "max_rounds",
            "value": "99",
            "allowed": "a whole number from 1 to 10",
        }
    ]


def test_a_file_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["settings", "check", str(tmp_path / "none.yaml")]) == 2
    assert "there is no file" in capsys.readouterr().err


def test_the_committed_schema_is_that_of_the_settings() -> None:
    assert schema.check(ROOT) == []
    assert list(schema.schema()["properties"]) == list(NAMES)


def test_every_key_of_the_schema_is_described_and_unknown_keys_are_refused() -> None:
    def walk(field: dict, name: str) -> None:
        for key, inner in (field.get("properties") or {}).items():
            assert inner.get("description"), f"{name}.{key} has no description"
            walk(inner, f"{name}.{key}")
        if "properties" in field:
            assert field["additionalProperties"] is False, name

    walk(schema.schema(), "settings")
    assert list(schema.schema()["properties"]["agents"]["properties"]) == list(AGENTS)


def test_the_example_explains_every_setting_and_changes_none(file: Path) -> None:
    text = example.text()
    file.write_text(text)
    assert text.startswith(schema.LINE) and check.check(file) == []

    switched_on = "\n".join(
        (
            line.removeprefix("# ")
            if line.startswith(("# - ",)) or line[2:].split(":")[0] in NAMES
            else line
        )
        for line in text.splitlines()
    )

    assert list(yaml.safe_load(switched_on)) == list(NAMES)
    file.write_text(switched_on)
    assert check.check(file) == []
