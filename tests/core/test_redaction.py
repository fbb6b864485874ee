"""Secrets that the process knows, and all that looks like one, are masked."""

import pytest

from f.millrace.core import config
from f.millrace.core.redaction import redact


def test_own_secrets_are_masked_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_SMTP_URL", "smtp://me:p%40ssword-1@mail.example:587")
    monkeypatch.setenv("NEWS_API_KEY", "plain-looking-key")
    config.reload()

    masked = redact({"log": ["login p@ssword-1", "p%40ssword-1"], "url": "https://news.example/?k=plain-looking-key"})

    assert masked == {"log": ["login [redacted]", "[redacted]"], "url": "https://news.example/?k=[redacted]"}


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-abcdefghij0123456789",
        "Authorization: Bearer abcdefghijklmnop.123",
        "postgresql://millrace:hunter2@127.0.0.1/postgres",
        "AKIAABCDEFGHIJKLMNOP",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    assert "[redacted]" in redact(text)


def test_plain_text_stays_as_it_is() -> None:
    assert redact("the token count was 812 at https://news.example/a") == "the token count was 812 at https://news.example/a"
