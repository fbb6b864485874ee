"""Files that only their owner may read, replaced as a whole."""

import os
import stat

import pytest

from f.millrace.core import private_files


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_and_files_are_their_owners(tmp_path):
    folder = tmp_path / "a" / "b"

    private_files.make_folder(folder)
    private_files.write(folder / "c.txt", "wörds")

    assert mode(folder) == mode(folder.parent) == 0o700
    assert mode(folder / "c.txt") == 0o600
    assert (folder / "c.txt").read_bytes() == "wörds".encode()


def test_a_folder_that_is_there_stays_as_it_is(tmp_path):
    tmp_path.chmod(0o755)

    private_files.make_folder(tmp_path)

    assert mode(tmp_path) == 0o755


def test_a_file_is_replaced_as_a_whole(tmp_path):
    file = tmp_path / "a"
    file.write_text("a longer text")

    private_files.write(file, b"new")

    assert file.read_text() == "new" and os.listdir(tmp_path) == ["a"]


def test_what_cannot_be_written_leaves_what_was_there_and_no_rest(tmp_path, monkeypatch):
    file = tmp_path / "a"
    file.write_text("old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)

    with pytest.raises(OSError, match="disk full"):
        private_files.write(file, "new")
    assert file.read_text() == "old" and os.listdir(tmp_path) == ["a"]
