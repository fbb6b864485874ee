"""What a step asks its Windmill server, and what it makes of the answers."""

import pytest

from f.millrace.core import windmill
from f.millrace.core.errors import BadSetting


def test_answers_are_json_or_text_and_nothing_for_404(worker):
    assert windmill.get("nowhere/at/all") is None
    assert windmill.resource("nowhere/at/all") == {}


@pytest.mark.parametrize(
    ("answer", "value"),
    [(None, None), ('{"a": 1}', {"a": 1}), ("plain", "plain"), ('"text"', "text"), ("", "")],
)
def test_an_answer_that_is_no_json_is_text(monkeypatch, answer, value):
    monkeypatch.setattr(windmill, "_ask", lambda *_: answer)

    assert windmill.get("x") == windmill.post("x", {}) == value
    assert windmill.text("x") == answer


def test_a_refusal_names_what_was_asked(worker, monkeypatch):
    import urllib.error
    import urllib.request
    from email.message import Message

    def refuse(*_, **__):
        raise urllib.error.HTTPError("x", 403, "no", Message(), None)

    monkeypatch.setattr(urllib.request, "urlopen", refuse)

    with pytest.raises(BadSetting, match=r"Windmill answered 403 to 'jobs/list'"):
        windmill.get("jobs/list")


def test_what_is_asked_is_of_the_jobs_workspace_and_signed(monkeypatch):
    import io
    import urllib.request

    asked = []

    def answer(request, timeout):
        asked.append((request, timeout))
        return io.BytesIO(b"{}")

    monkeypatch.setenv("BASE_INTERNAL_URL", "http://server.invalid/")
    monkeypatch.setenv("WM_TOKEN", "token")
    monkeypatch.setenv("WM_WORKSPACE", "my space")
    monkeypatch.setattr(urllib.request, "urlopen", answer)

    windmill.get("jobs/list")
    windmill.post("jobs/run", {"a": 1})

    (got, seconds), (posted, _) = asked
    assert got.full_url == "http://server.invalid/api/w/my%20space/jobs/list"
    assert (got.get_method(), got.data, seconds) == ("GET", None, 10)
    assert got.get_header("Authorization") == "Bearer token"
    assert (posted.get_method(), posted.data) == ("POST", b'{"a": 1}')
