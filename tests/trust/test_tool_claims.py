"""What a server says of its own tools, and how far that is believed."""

import pytest

from f.millrace.trust import tool_claims

READS, OPEN = {"readOnlyHint": True}, {"openWorldHint": True}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("chat.sendMessage", ["chat", "send", "message"]),
        ("get_page2Text", ["get", "page2", "text"]),
        ("", []),
    ],
)
def test_a_name_has_words(name, words):
    assert tool_claims.split_name(name) == words


@pytest.mark.parametrize(
    ("name", "description", "reads"),
    [
        ("get_page", "", True),
        ("get_page", "Deletes it.", True),  # the verb of the name goes first
        ("delete_page", "", False),
        ("delete_page", "Saves it.", False),
        ("order.status", "Returns how it goes.", True),
        ("order_status", "Returns how it goes.", True),
        ("order_status", "", False),
        ("page", "Deletes it.", False),
        ("page", "A page.", True),
        ("page_delete", "A page.", False),
        ("page_delete", "Returns a page.", True),
        ("", "", True),
    ],
)
def test_a_tool_that_says_it_changes_something_is_not_taken_to_read(name, description, reads):
    assert tool_claims.is_read_only(name, description, READS, vouched=False) is reads
    assert tool_claims.is_read_only(name, description, READS, vouched=True)
    for silent in ({}, {"readOnlyHint": False}, {"readOnlyHint": "yes"}):
        assert not tool_claims.is_read_only(name, description, silent, vouched=True)


@pytest.mark.parametrize(
    ("name", "description", "public"),
    [
        ("search", "Searches the web.", True),
        ("list_mails", "", False),
        ("list", "Lists your mails.", False),
        ("list", "Lists events of a town.", True),
        ("list_events", "", False),
        ("list", "Lists towns.\n\nNever your mails.", True),
    ],
)
def test_what_names_something_private_is_not_public(name, description, public):
    assert tool_claims.is_public(name, description, OPEN, vouched=False) is public
    assert tool_claims.is_public(name, description, OPEN, vouched=True)
    assert not tool_claims.is_public(name, description, {}, vouched=True)


@pytest.mark.parametrize(
    ("name", "description", "hints", "out"),
    [
        ("look", "", OPEN, True),
        ("look", "On the web.", {}, True),
        ("web_look", "", {}, True),
        ("look", "At notes.", {}, False),
        ("look", "At notes.\n\nNot on the web.", {}, False),
        ("look", "On the web.", {"openWorldHint": False}, False),
    ],
)
def test_a_tool_reaches_out_when_it_says_so_or_speaks_of_the_web(name, description, hints, out):
    assert tool_claims.reaches_out(name, description, hints) is out
