"""The verb `ui`: where the console listens, by which names, and links for one that is served."""

import pytest

from scripts.commands.__main__ import main
from tests.console.conftest import HOST


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "--allow-host"),
        (["--host", "192.0.2.1", "--allow-host", ""], "--allow-host"),
        (["--address", "console.example"], "https://console.example"),
        (["--address", "https://console.example/path"], "https://console.example"),
        (["--address", "javascript:alert(1)"], "https://console.example"),
        (["--host", "192.0.2.1", "--allow-host", "x"], "cannot be listened on"),
    ],
    ids=["any-name", "empty-name", "no-scheme", "path", "script", "not-here"],
)
def test_what_cannot_be_served_is_told(folk, capsys, options, said):
    assert main(["ui", "--no-open", *options]) == 2

    assert said in capsys.readouterr().err


def test_another_link_is_made_for_a_console_that_is_served(browser, capsys):
    assert main(["ui", "--link", "--as", "cy", "--address", "https://console.example/"]) == 0

    link = capsys.readouterr().out.strip()
    assert link.startswith("https://console.example/enter?t=")
    answer = browser().get(link.removeprefix("https://console.example"))
    assert answer.status_code == 303 and "millrace_" in answer.headers["set-cookie"]


def test_a_link_leads_to_loopback_where_no_address_is_named(folk, capsys):
    assert main(["ui", "--link", "--port", HOST.rpartition(":")[2]]) == 0

    assert capsys.readouterr().out.startswith(f"http://{HOST}/enter?t=")


def test_nobody_gets_a_link_who_is_not_there(folk, capsys):
    assert main(["ui", "--link", "--as", "nobody"]) == 2

    assert "nobody" in capsys.readouterr().err
