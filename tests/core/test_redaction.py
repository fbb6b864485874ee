"""Secrets that the process knows, and all that looks like one, are masked in every place where
texts end up.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.core import config, db
from f.millrace.core.redaction import MASK, redact

# Put together here, so that nobody's scanner takes this file for a leak.
SHAPED = {
    "openai": "sk-" + "proj-" + "Zq81" * 8,
    "anthropic": "sk-" + "ant-" + "api03-" + "Zq81" * 8,
    "stripe": "sk_" + "live_" + "Zq81" * 6,
    "github": "ghp_" + "Zq81" * 9,
    "github fine-grained": "github" + "_pat_" + "Zq81" * 9,
    "gitlab": "glpat-" + "Zq81" * 5,
    "hugging face": "hf_" + "Zq81" * 8,
    "npm": "npm_" + "Zq81" * 9,
    "slack": "xoxb-" + "1234567890-" + "Zq81" * 6,
    "slack hook": "https://hooks.slack.com/services/" + "T0000ZQ81/B0000ZQ81/" + "Zq81" * 6,
    "aws": "AKIA" + "ZQ81" * 4,
    "google": "AIza" + "Zq81" * 9,
    "sendgrid": "SG." + "Zq81" * 5 + "." + "Zq81" * 10,
    "telegram": "123456789:AA" + "Zq81" * 9,
    "jwt": "eyJ" + "hbGciOiJI" + ".eyJzdWIiOiIx." + "Zq81" * 5,
    "bearer": "Authorization: Bearer " + "Zq81" * 6,
    "basic": "authorization: Basic " + "bWU6aHVudGVy" * 2 + "Zq81==",
    "address": "postgresql://millrace:" + "Zq81hunter" + "@127.0.0.1/postgres",
    "address without user": "redis://:" + "Zq81hunter" + "@127.0.0.1:6379/0",
    "query": "https://news.example/a?q=x&api_key=" + "Zq81hunter" + "&page=2",
    "assignment": "the log said password=" + "Zq81hunter" + " and went on",
    "json": json.dumps({"outer": json.dumps({"client_secret": "Zq81hunter"})}),
    "signed address": "https://blob.example/f?sig=" + "Zq81hunter%3D",
    "private key": (
        "-----BEGIN RSA PRIVATE " + "KEY-----\nZq81Zq81\nZq81\n-----END RSA PRIVATE " + "KEY-----"
    ),
    "private key, cut": "-----BEGIN PRIVATE " + "KEY-----\nZq81Zq81",
}
OWN = {
    "MILLRACE_SMTP_URL": ("smtp://me:p%40ss-Zq81-word@mail.example:587", "p@ss-Zq81-word"),
    "MILLRACE_BRAVE_API_KEY": ("brave-Zq81-plain", "brave-Zq81-plain"),
    "MILLRACE_MCP_TOKENS": ('{"box": "mcp-Zq81-plain"}', "mcp-Zq81-plain"),
    "MILLRACE_MCP": (
        (
            '{"far": {"url": "http://far.example/mcp", "headers": {"X-Asks": "header-Zq81-plain",'
            ' "X-Too": "as ${FAR_WORD}"}}}'
        ),
        "header-Zq81-plain",
    ),
    "FAR_WORD": ("named-Zq81-plain", "named-Zq81-plain"),
    "OPENAI_API_KEY": ("openai-Zq81-plain", "openai-Zq81-plain"),
    "NEWS_TOKEN": ("news Zq81 plain", "news Zq81 plain"),
    "SOME_DATABASE_URL": ("postgresql://me:dbpassZq81@db.example/x", "dbpassZq81"),
    "AWS_SECRET_ACCESS_KEY": ("awsZq81awsZq81", "awsZq81awsZq81"),
}


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts, each with a secret that holds `Zq81` in it."""
    for name, (value, _) in OWN.items():
        monkeypatch.setenv(name, value)
    config.reload()
    return [*SHAPED.values(), *(f"it said {secret} here" for _, secret in OWN.values())]


@pytest.mark.parametrize("kind", SHAPED)
def test_what_looks_like_a_secret_is_masked(kind: str) -> None:
    masked = redact(f"before {SHAPED[kind]} after")

    assert (
        "Zq81" not in masked
        and "ZQ81" not in masked
        and MASK in masked
        and masked.startswith("before ")
    )


def test_own_secrets_are_masked_in_the_spellings_in_which_they_travel(planted: list[str]) -> None:
    spellings = [
        "p@ss-Zq81-word",
        "p%40ss-Zq81-word",
        "news%20Zq81%20plain",
        "news+Zq81+plain",
        "bmV3cyBacTgxIHBsYWlu",
    ]

    assert [redact(f"x {spelling} y") for spelling in spellings] == [f"x {MASK} y"] * 5


def test_values_under_telling_names_are_masked_at_any_depth() -> None:
    masked = redact(
        {
            "headers": [{"Authorization": "x", "accept": "y"}],
            "db": {"password": "z"},
            "client_secret": ["a", "b"],
            "tokens": 7,
        }
    )

    assert masked == {
        "headers": [{"Authorization": MASK, "accept": "y"}],
        "db": {"password": MASK},
        "client_secret": [MASK, MASK],
        "tokens": 7,
    }


@pytest.mark.parametrize("name", ["password", "api_key", "session-token", "token", "cookie"])
def test_what_is_no_text_under_a_telling_name_stays(name: str) -> None:
    for value in (7, None, "", [], True, {"count": 3}, [{"count": 3}]):
        assert redact({name: value}) == {name: value}
    assert redact({name: "x"}) == {name: MASK} and redact({name: ("x", "y")}) == {name: [MASK] * 2}


@pytest.mark.parametrize("name", ["tokens", "cookies", "author", "key", "id", "tokenizer"])
def test_a_name_that_tells_nothing_masks_nothing(name: str) -> None:
    assert redact({name: "x"}) == {name: "x"}


def test_every_kind_of_value_is_redacted() -> None:
    secret = "api_key=" + "Zq81hunter"

    assert redact(secret.encode()) == f"api_key={MASK}"
    assert redact((secret, {secret: 1})) == [f"api_key={MASK}", {f"api_key={MASK}": 1}]
    assert redact({secret}) == redact(frozenset([secret])) == [f"api_key={MASK}"]
    assert redact(3.5) == 3.5 and redact(None) is None and redact(b"\xff") == "\ufffd"


@pytest.mark.parametrize(("secret", "masked"), [("abcd5", False), ("abcd56", True)])
def test_a_secret_of_few_letters_is_none(
    secret: str, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWS_TOKEN", secret)
    config.reload()

    assert redact(f"x {secret} y") == (f"x {MASK} y" if masked else f"x {secret} y")


def test_the_longer_of_two_secrets_is_masked_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWS_TOKEN", "hunter7")
    monkeypatch.setenv("MAIL_TOKEN", "hunter7-of-the-north")
    config.reload()

    assert redact("x hunter7-of-the-north y hunter7") == f"x {MASK} y {MASK}"


def test_names_are_masked_too(planted: list[str]) -> None:
    assert redact({"brave-Zq81-plain": 1}) == {MASK: 1}


@pytest.mark.parametrize(
    "text",
    [
        "the token count was 812 at https://news.example/a",
        "Passwords: people still choose bad ones, a study says",
        "The secret: patience. Bearer bonds and basic chemistry are in fashion",
        "sk-learn and scikit-learn are one; the risk-averse ask-me-anything went on",
        "see https://news.example/2026/11/21/the-key-to-cheap-batteries?page=2&utm_source=x#part",
        (
            "mail ada@example.org, call +44 20 7946 0000, paper 2301.00001, run"
            " 1fc975eb-692d-4a15-81dd-747e47ab13ae"
        ),
        (
            "ev_0123456789abcdef cites sha256"
            " 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        ),
    ],
)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("word", ["millrace", "postgres", "Archive", "SECRET", "password"])
def test_a_secret_that_is_a_word_is_masked_where_it_is_a_value(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_DATABASE_URL", f"postgresql://steps:{word}@db.example/x")
    config.reload()

    texts = [
        f"postgresql://steps:{word}@db.example/x failed",
        f"host=db password={word} port=5432",
        f"password='{word}', then",
        f"password: {word}",
        json.dumps({"PGPASSWORD": word}),
        json.dumps(json.dumps({"pwd": word})),
        f"its password is {word}.",
        f"--token {word}",
    ]
    masked = [redact(text) for text in texts]
    assert [text for text in masked if MASK not in text] == []
    assert [
        text
        for text, before in zip(masked, texts, strict=True)
        if text.count(word) >= before.count(word)
    ] == []
    assert redact({"dsn": {"user": "steps", "value": word, "parts": ["x", word]}}) == {
        "dsn": {"user": "steps", "value": MASK, "parts": ["x", MASK]}
    }


@pytest.mark.parametrize(
    "text",
    [
        "f/{}/ops/migrate failed",
        "scripts/{} db migrate",
        "the {} database, and {}s",
        "{}.yaml is not there",
        "/usr/share/{}ql/15",
        "{}_core is a file; {}-core too",
        "see https://{}.example/{}/x",
        "run scripts/{} settings",
        "settings={}.yaml",
        "path:{}/core",
        "{}",
    ],
)
@pytest.mark.parametrize("word", ["millrace", "postgres", "Archive"])
def test_a_secret_that_is_a_word_stays_inside_words_and_paths(
    text: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_DATABASE_URL", f"postgresql://steps:{word}@db.example/x")
    config.reload()

    assert redact(text.replace("{}", word)) == text.replace("{}", word)
    assert redact({word: 1}) == {word: 1}


@pytest.mark.parametrize("secret", ["millrace7", "mIllRace", "mill-race", "mill race"])
def test_a_secret_that_is_no_word_is_masked_everywhere(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", secret)
    config.reload()

    assert redact(f"in f/{secret}/x") == f"in f/{MASK}/x"


@given(
    st.recursive(
        st.text() | st.none() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_redacting_twice_is_redacting_once(value: object) -> None:
    assert redact(redact(value)) == redact(value)


def test_an_event_is_redacted_in_a_fraction_of_what_storing_it_takes() -> None:
    event = {
        "message": "Searching… 12 results",
        "metadata": {
            "topic": "topic_0123456789abcdef",
            "round": 2,
            "url": "https://news.example/a",
        },
    }
    redact(event)
    calls: list[str] = []
    sys.setprofile(lambda _, kind, __: calls.append(kind) if kind in ("call", "c_call") else None)
    try:
        redact(event)
    finally:
        sys.setprofile(None)

    # A row takes about a millisecond; so many calls take less than a tenth of that.
    assert len(calls) < 1_000


def test_no_sink_keeps_a_planted_secret(
    planted: list[str], database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from f.millrace.core.run_context import current
    from f.millrace.evidence import store
    from f.millrace.memory import history
    from f.millrace.memory.store import remember
    from f.millrace.telemetry.events import emit, watch
    from f.millrace.telemetry.spans import span, step
    from f.millrace.trust import audit

    monkeypatch.setenv("MILLRACE_EVENTS_FILE", str(tmp_path / "events.jsonl"))
    config.reload()
    seen: list[dict] = []
    for text in planted:
        with (  # noqa: PT012
            watch(seen.append),
            pytest.raises(ValueError),
            step("test.leaks", note=text),
        ):
            emit("progress", text, detail={"text": text, text: 1})
            with span("outer", {"attribute": text, "list": [text]}) as handle:
                handle.set(more={"deep": [text]})
            store.store(
                current().run_id,
                "t",
                "what",
                url=f"https://a.example/?x={text}",
                title=text,
                text=f"{text}. It is so.",
            )
            remember("fact", f"{text} is known", title=text, metadata={"note": text})
            history.remember_turn("s", f"is it {text}?", f"it is {text}")
            audit.append("ada", "test.leak", "subject", detail=text)
            raise ValueError(f"it broke: {text}")

    tables = [
        row["table_name"]
        for row in db.fetch_all(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
    ]
    kept = {
        table: json.dumps(db.fetch_all(f'SELECT t::text AS row FROM "{table}" t'))
        for table in tables
    }
    assert {"run_event", "span", "step", "evidence", "memory_item", "chat_message", "audit"} <= {
        table for table, rows in kept.items() if MASK in rows
    }
    leaks = {table for table, rows in kept.items() if "zq81" in rows.lower()}
    assert not leaks
    assert (
        "zq81" not in (tmp_path / "events.jsonl").read_text().lower()
        and "zq81" not in json.dumps(seen).lower()
    )


def test_the_command_line_prints_no_secret(planted: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "scripts.commands", "settings"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0 and "********" in done.stdout
    assert "Zq81" not in done.stdout + done.stderr


def test_an_address_with_a_name_and_no_password_is_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://ada@proxy.example:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://ada:tr0ub4dor@proxy.example:3128")
    config.reload()

    assert redact("ada asked for tr0ub4dor") == f"ada asked for {MASK}"
