"""Notes stay in their folder."""

import os
from pathlib import Path

import pytest

from f.millrace.core.errors import BadInput, NotFound
from f.millrace.core.run_context import Context, use
from f.millrace.tools import note_tools, notes
from f.millrace.tools.fetch_state import FetchState


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    (folder / "plan.md").write_text("# The plan\n\nBuy sodium cells in spring.\n")
    (folder / "deep/other.txt").write_text("sodium sodium")
    (tmp_path / "secret.md").write_text("secret")
    return folder


def test_notes_are_items_of_their_own_trust(folder):
    (folder / "picture.png").write_bytes(b"x")
    (folder / ".hidden.md").write_text("x")

    items = notes.read(10, FetchState())

    assert {item.key: item.title for item in items} == {
        "plan.md": "The plan",
        "deep/other.txt": "other",
    }
    assert {item.trust for item in items} == {"own"}
    assert {item.url for item in items} == {"note:plan.md", "note:deep/other.txt"}


def test_no_folder_means_no_notes():
    assert notes.read(10, FetchState()) == []
    assert note_tools.search_notes("x").notes == []


@pytest.mark.parametrize(
    "path",
    ["../secret.md", "deep/../../secret.md", "/etc/passwd.md", "", "a\0b.md", ".x.md", "deep"],
)
def test_paths_do_not_get_out(folder, path):
    with pytest.raises(BadInput):
        note_tools.read_note(path)
    with pytest.raises(BadInput):
        note_tools.write_note(path, "x")


def test_links_are_not_followed(folder, tmp_path):
    (folder / "link.md").symlink_to(tmp_path / "secret.md")
    (folder / "out").symlink_to(tmp_path)

    for path in ("link.md", "out/secret.md"):
        with pytest.raises(BadInput):
            note_tools.read_note(path)
        with pytest.raises(BadInput):
            note_tools.write_note(path, "overwritten")

    assert (tmp_path / "secret.md").read_text() == "secret"
    assert not note_tools.search_notes("secret").notes


def test_a_pipe_does_not_hang(folder):
    os.mkfifo(folder / "pipe.md")

    with pytest.raises(BadInput):
        note_tools.read_note("pipe.md")


def test_a_note_is_written_and_replaced(folder):
    first = note_tools.write_note("new/idea.md", "# Idea\n")
    second = note_tools.write_note("new/idea.md", "# Better idea\n")

    assert (first.status, second.status) == ("created", "replaced")
    assert note_tools.read_note("new/idea.md").title == "Better idea"
    assert os.listdir(folder / "new") == ["idea.md"]


def test_a_dry_run_writes_nothing(folder):
    with use(Context(dry_run=True)):
        assert note_tools.write_note("new.md", "x").status == "dry_run"

    assert not (folder / "new.md").exists()


def test_search_ranks_by_words_held(folder):
    found = note_tools.search_notes("When to buy sodium cells?").notes

    assert [note.path for note in found] == ["plan.md", "deep/other.txt"]
    assert "Buy sodium cells" in found[0].excerpt


def test_a_missing_note_is_not_found(folder):
    with pytest.raises(NotFound):
        note_tools.read_note("none.md")


@pytest.mark.parametrize("mark", ["user.xdg.origin.url", "user.com.apple.quarantine"])
def test_a_note_that_a_program_saved_from_somewhere_is_not_the_users(folder, mark):
    try:
        os.setxattr(folder / "plan.md", mark, b"https://paper.example/plan")
    except (AttributeError, OSError):
        pytest.skip("no attributes of files here")

    loaded = note_tools.read_note("plan.md")

    assert (loaded.origin, loaded.trust) == ("clipped", "untrusted")
    assert note_tools.read_note("deep/other.txt").origin == "written"
