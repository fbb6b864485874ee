"""`people` and `tokens` on the command line."""

import io
import json

import pytest

from scripts.commands.__main__ import main as command

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def check(capsys, monkeypatch):
    def check_secret(secret):
        monkeypatch.setattr("sys.stdin", io.StringIO(secret + "\n"))
        code = command(["tokens", "check"])
        return code, capsys.readouterr().out.splitlines()[-1]

    return check_secret


def test_a_person_is_added_given_a_token_and_removed(capsys, configure, check):
    configure(user="ada")
    assert command(["people", "add", "bo", "--name", "Bo Lind"]) == 0
    assert command(["tokens", "add", "bo", "laptop", "--role", "reader", "--days", "7"]) == 0
    printed = capsys.readouterr()
    secret = printed.out.splitlines()[-1]

    assert check(secret) == (0, "bo signs in with it, as reader")
    assert "shown this once" in printed.err and "role reader" in printed.err
    assert command(["people", "list"]) == 0
    shown = capsys.readouterr().out
    assert "ada" in shown and "Bo Lind" in shown
    assert command(["tokens", "list", "--json"]) == 0
    (token,) = json.loads(capsys.readouterr().out)["tokens"]
    assert (token["name"], len(token["hash"])) == ("laptop", 8)

    assert command(["people", "remove", "bo"]) == 0
    assert check(secret)[0] == 1


def test_a_revoked_token_is_gone_from_the_list(capsys, configure):
    configure(user="ada")
    command(["tokens", "add", "ada", "laptop"])

    assert command(["tokens", "revoke", "ada", "laptop"]) == 0
    capsys.readouterr()
    assert command(["tokens", "list"]) == 0
    assert "No tokens" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["people", "add", "bo", "--role", "boss"], "'boss' is no role; one of reader, member"),
        (["people", "role", "eve", "owner"], "nobody is called 'eve'"),
        (["people", "remove", "ada"], "last owner"),
        (["tokens", "add", "ada", "x", "--days", "1000"], "lasts 1 to 366 days"),
        (["tokens", "revoke", "ada", "x"], "has no token 'x'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(capsys, configure, given, words):
    configure(user="ada")
    command(["people", "list"])

    assert command(given) != 0
    assert words in capsys.readouterr().err
