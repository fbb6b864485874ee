"""Settings come from the environment, then the file; a mistake is named in words."""

import json
import typing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from f.millrace.core import all_settings, config
from f.millrace.core.errors import BadSetting
from scripts.deployment import bootstrap


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_environment_goes_before_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "millrace.yaml").write_text("max_rounds: 2\nsources: [notes]\n")
    monkeypatch.setenv("MILLRACE_SOURCES", "arxiv, feeds")
    config.reload()

    assert config.settings().max_rounds == 2
    assert config.settings().sources == ["arxiv", "feeds"]
    assert config.sources()["sources"][1] == "MILLRACE_SOURCES"


def test_every_mistake_is_named_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_MAX_ROUNDS", "99")
    monkeypatch.setenv("MILLRACE_SORUCES", "arxiv")
    config.reload()

    with pytest.raises(BadSetting) as caught:
        config.settings()

    assert "setting 'max_rounds' (from MILLRACE_MAX_ROUNDS) is '99'" in str(caught.value)
    assert "less than or equal to 10" in str(caught.value)
    assert "did you mean 'sources'?" in str(caught.value)


def test_a_bad_secret_is_not_shown(folder: Path) -> None:
    (folder / "millrace.yaml").write_text("smtp_url: [hunter2hunter2]\n")
    config.reload()

    with pytest.raises(BadSetting) as caught:
        config.settings()

    assert "hunter2" not in str(caught.value)


def saved_form() -> dict[str, object]:
    """Return what Windmill's form of the settings writes when it is saved and nothing was typed."""
    empty = {"string": "", "array": [], "boolean": False, "object": {}}
    fields = bootstrap.resource_type()["schema"]["properties"]
    return {
        name: None if "enum" in field else empty.get(field["type"])
        for name, field in fields.items()
    }


def test_a_form_that_was_saved_without_typing_changes_nothing(folder: Path, worker: Any) -> None:
    worker.resource = saved_form()
    config.reload()

    saved = config.settings()

    assert len(worker.resource) > 60 and config.sources().keys() - {
        "database_url",
        "outbox_dir",
        "notes_dir",
    } <= {"trace_content"}
    assert {name: getattr(saved, name) for name in worker.resource} == {
        name: getattr(all_settings.Settings, name) for name in worker.resource
    }


def test_no_setting_is_a_switch_that_the_form_would_turn_off() -> None:
    assert [
        name for name in all_settings.NAMES if getattr(all_settings.Settings, name) is True
    ] == []


@pytest.mark.parametrize("name", ["feeds", "sources", "mastodon_url", "fallback_model"])
def test_the_word_none_empties_a_setting_wherever_it_is_set(
    folder: Path, worker: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    is_list = isinstance(getattr(all_settings.Settings, name), list)
    empty = [] if is_list else ""

    def value() -> object:
        config.reload()
        return getattr(config.settings(), name)

    worker.resource = {name: ["none"] if is_list else "none"}
    assert value() == empty

    worker.resource = {}
    for text in ("none", *(["[]", "[none]"] if is_list else [])):
        (folder / "millrace.yaml").write_text(f"{name}: {text}\n")
        assert value() == empty

    (folder / "millrace.yaml").unlink()
    assert value() == getattr(all_settings.Settings, name)
    monkeypatch.setenv(f"MILLRACE_{name.upper()}", "none")
    assert value() == empty


def test_none_stays_a_word_where_it_means_something_and_empties_a_mapping(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "millrace.yaml").write_text("memory_days: {note: 3}\n")
    monkeypatch.setenv("MILLRACE_TRACE_SAMPLING", "none")
    monkeypatch.setenv("MILLRACE_MEMORY_DAYS", "none")
    config.reload()

    assert (config.settings().trace_sampling, config.settings().memory_days) == ("none", {})


def test_an_entry_that_was_added_and_left_empty_is_none(folder: Path, worker: Any) -> None:
    worker.resource = {"feeds": ["https://a.example/rss", ""], "mastodon_tags": [""]}
    config.reload()

    assert config.settings().feeds == ["https://a.example/rss"]
    assert config.settings().mastodon_tags == all_settings.Settings.mastodon_tags


def test_each_place_goes_before_the_next(
    folder: Path, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [
        lambda: monkeypatch.setenv(
            "MILLRACE_DEFAULTS", '{"search_url": "http://defaults", "operator": ""}'
        ),
        lambda: worker.resource.update(search_url="http://resource"),
        lambda: (folder / "millrace.yaml").write_text("search_url: http://file\n"),
        lambda: monkeypatch.setenv("MILLRACE_SEARCH_URL", "http://environment"),
    ]
    seen = []
    for step in steps:
        step()
        config.reload()
        seen.append(
            (config.settings().search_url.removeprefix("http://"), config.origin("search_url"))
        )

    assert seen == [
        ("defaults", "MILLRACE_DEFAULTS"),
        ("resource", "resource f/millrace/settings"),
        ("file", "millrace.yaml"),
        ("environment", "MILLRACE_SEARCH_URL"),
    ]
    assert config.origin("operator") == "default"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "MILLRACE_DEFAULTS must be a JSON object of settings: "),
        ("[1]", "MILLRACE_DEFAULTS must be a JSON object of settings, not a list"),
        (
            '{"serach_url": "x"}',
            "unknown setting 'serach_url' (from MILLRACE_DEFAULTS); did you mean 'search_url'?",
        ),
    ],
)
def test_wrong_defaults_of_an_installation_are_told(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.setenv("MILLRACE_DEFAULTS", text)
    config.reload()

    with pytest.raises(BadSetting) as caught:
        config.settings()

    assert said in str(caught.value)


def test_what_the_deploying_machine_empties_is_empty_on_the_workers_too(
    folder: Path, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_FEEDS", "none")
    monkeypatch.setenv("MILLRACE_SMTP_URL", "none")
    monkeypatch.setenv("MILLRACE_INTERESTS", "batteries")
    config.reload()
    made: dict[str, Any] = {}
    server = SimpleNamespace(
        get=lambda path: False, post=lambda path, body: made.update({body.get("path", ""): body})
    )

    bootstrap.run(server)  # type: ignore[arg-type]
    written = made[config.RESOURCE]["value"]
    for name in ("FEEDS", "SMTP_URL", "INTERESTS"):
        monkeypatch.delenv(f"MILLRACE_{name}")
    monkeypatch.setenv("MILLRACE_DEFAULTS", '{"smtp_url": "smtp://mailpit:1025"}')
    worker.resource = written
    config.reload()

    assert {name: written[name] for name in ("feeds", "smtp_url", "interests")} == {
        "feeds": ["none"],
        "smtp_url": "none",
        "interests": ["batteries"],
    }
    assert (config.settings().feeds, config.settings().smtp_url.get_secret_value()) == ([], "")


BOUNDS = {
    "documents_max_files": (1, None),
    "document_max_bytes": (1_000, None),
    "document_max_pages": (1, None),
    "document_max_characters": (1_000, None),
    "document_seconds": (1, 3_600),
    "answer_tokens": (200, None),
    "approval_hours": (1, None),
    "step_memory_mb": (0, None),
    "stalled_seconds": (1, None),
    "trace_ratio": (0, 1),
    "trace_days": (1, 3_650),
    "event_days": (1, 3_650),
    "metric_days": (1, 3_650),
    "alert_days": (1, 3_650),
    "fetch_max_bytes": (1_000, None),
    "fetch_seconds": (1, 300),
    "confidence_silent": (0, 100),
    "confidence_review": (0, 100),
    "max_rounds": (1, 10),
    "topic_seconds": (1, None),
    "mcp_seconds": (1, 300),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_number_is_taken_up_to_its_bounds_and_refused_beyond_them(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    least, most = BOUNDS[name]

    def is_taken(value: int) -> bool:
        monkeypatch.setenv(f"MILLRACE_{name.upper()}", str(value))
        # One that is not above the other is another mistake.
        if name == "confidence_silent":
            monkeypatch.setenv("MILLRACE_CONFIDENCE_REVIEW", "0")
        if name == "confidence_review":
            monkeypatch.setenv("MILLRACE_CONFIDENCE_SILENT", "100")
        config.reload()
        try:
            return getattr(config.settings(), name) == value
        except BadSetting as error:
            return name not in str(error)

    assert is_taken(least) and not is_taken(least - 1)
    assert most is None or (is_taken(most) and not is_taken(most + 1))


@pytest.mark.parametrize(
    ("agents", "words"),
    [
        ({"planner": {"tools": ["web"]}}, "planner calls no tools"),
        ({"planner": {"risk_threshold": "low"}}, "planner calls no tools"),
        ({"wizard": {}}, "there is no agent 'wizard'"),
        ({"planner": {"enabled": True}}, ""),
        ({"researcher": {"tools": ["web"], "risk_threshold": "low"}}, ""),
    ],
)
def test_only_agents_that_call_tools_have_tools_and_a_threshold(
    agents: dict[str, object], words: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_AGENTS", json.dumps(agents))
    config.reload()

    if not words:
        assert set(config.settings().agents) == set(agents)
        return
    with pytest.raises(BadSetting, match=words):
        config.settings()


CHOICES = [
    name
    for name in all_settings.NAMES
    if typing.get_origin(all_settings.declared(name)[0]) is typing.Literal
]


@pytest.mark.parametrize("name", CHOICES)
def test_a_setting_of_some_words_takes_each_of_them_and_no_other(
    folder: Path, name: str, configure: Any
) -> None:
    for word in typing.get_args(all_settings.declared(name)[0]):
        configure(**{name: word})
        assert getattr(config.settings(), name) == word

    configure(**{name: "perhaps"})
    with pytest.raises(BadSetting, match=f"setting '{name}'.*'perhaps'"):
        config.settings()


def test_settings_as_json_are_exact_for_digests_and_plain_for_readers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MILLRACE_DAILY_BUDGET_USD", "2.50")
    monkeypatch.setenv("MILLRACE_BRAVE_API_KEY", "hunter7")
    monkeypatch.setenv("MILLRACE_PRICES", '{"openai:a": {"input": 1, "output": 2}}')
    monkeypatch.setenv("MILLRACE_RECIPIENTS", "a@b.example,c@d.example")
    config.reload()
    names = ("daily_budget_usd", "brave_api_key", "prices", "recipients")

    exact, plain = config.as_json(names), config.as_json(names, exact=False)

    assert (exact["daily_budget_usd"], plain["daily_budget_usd"]) == ("2.50", 2.5)
    assert exact["brave_api_key"] == plain["brave_api_key"] == "*" * 10
    assert exact["recipients"] == plain["recipients"] == ["a@b.example", "c@d.example"]
    assert exact["prices"]["openai:a"]["cache_read"] is None
    assert "cache_read" not in plain["prices"]["openai:a"]


def test_where_a_setting_comes_from_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_FEEDS", "https://a.example/feed")
    config.reload()

    assert config.origin("feeds") == "MILLRACE_FEEDS"
    assert config.origin("sources") == "default"


INSIDE = [
    ("agents", {"planner": {"temperature": 0}}, {"planner": {"temperature": -0.1}}),
    ("agents", {"planner": {"temperature": 2}}, {"planner": {"temperature": 2.1}}),
    ("agents", {"planner": {"max_retries": 0}}, {"planner": {"max_retries": -1}}),
    ("agents", {"planner": {"max_retries": 10}}, {"planner": {"max_retries": 11}}),
    ("memory_days", {"note": 1}, {"note": 0}),
    ("memory_days", {"note": 36_500}, {"note": 36_501}),
    ("flow_daily_usd", {"ask": 0}, {"ask": -0.01}),
    ("tool_usd", {"web.search": 0}, {"web.search": -0.01}),
    ("prices", {"a:b": {"input": 0, "output": 0}}, {"a:b": {"input": 0, "output": -1}}),
    (
        "prices",
        {"a:b": {"input": 1, "output": 1, "currency": "EUR", "usd_per_unit": 0.01}},
        {"a:b": {"input": 1, "output": 1, "currency": "EUR", "usd_per_unit": 0}},
    ),
    (
        "prices",
        {"a:b": {"input": 1, "output": 1, "currency": "USD", "usd_per_unit": 1}},
        {"a:b": {"input": 1, "output": 1, "currency": "USD", "usd_per_unit": 2}},
    ),
    ("mcp", {"box": "http://box.example/mcp"}, {"box": "box.example"}),
    ("mcp", {"box": {"command": "run"}}, {"box": {}}),
    ("mcp", {"box": {"command": "run"}}, {"box": {"command": "run", "url": "http://a.example"}}),
    (
        "mcp",
        {"box": {"command": "run", "type": "stdio"}},
        {"box": {"command": "run", "type": "http"}},
    ),
    (
        "mcp",
        {"box": {"url": "http://a.example", "type": "streamable-http"}},
        {"box": {"url": "http://a.example", "type": "stdio"}},
    ),
]


@pytest.mark.parametrize(("name", "taken", "refused"), INSIDE)
def test_what_a_setting_holds_is_checked_inside_too(
    name: str, taken: object, refused: object, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"MILLRACE_{name.upper()}", json.dumps(taken))
    config.reload()
    assert set(getattr(config.settings(), name)) == set(typing.cast("dict[str, object]", taken))

    monkeypatch.setenv(f"MILLRACE_{name.upper()}", json.dumps(refused))
    config.reload()
    with pytest.raises(BadSetting, match=name):
        config.settings()


def test_a_server_of_tools_is_named_by_its_address_or_its_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = {"far": "http://a.example/mcp", "near": {"command": "run", "args": ["-x", "a b"]}}
    monkeypatch.setenv("MILLRACE_MCP", json.dumps(servers))
    config.reload()

    places = {name: server.place for name, server in config.settings().mcp.items()}
    assert places == {"far": "http://a.example/mcp", "near": 'stdio: ["run", "-x", "a b"]'}


@pytest.mark.parametrize("value", ["https://a.example/feed", "a,b", 3, {"a": "b"}])
def test_a_list_is_no_text(folder: Path, worker: Any, value: object) -> None:
    worker.resource = {"feeds": value}
    config.reload()

    with pytest.raises(BadSetting, match="feeds"):
        config.settings()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("feeds, arxiv", ["feeds", "arxiv"]),
        ('["feeds", "arxiv"]', ["feeds", "arxiv"]),
        ("[::1]:80,a.example", ["[::1]:80", "a.example"]),
        ("[]", []),
    ],
)
def test_a_list_is_written_with_commas_or_as_json(
    monkeypatch: pytest.MonkeyPatch, text: str, value: list[str]
) -> None:
    monkeypatch.setenv("MILLRACE_FETCH_ALLOW", text)
    config.reload()

    assert config.settings().fetch_allow == value
