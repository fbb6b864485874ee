"""Generated files are written without losing what somebody changed in them."""

import subprocess
from pathlib import Path

import pytest

from f.millrace.core.errors import BadInput
from scripts.compiler import outputs


def put(root: Path, text: str, overwrite: bool = False) -> list[str]:
    return outputs.write(root, {"a.yaml": text, "b.yaml": "same\n"}, "import it", overwrite)


def test_what_was_generated_here_is_generated_again(tmp_path):
    assert put(tmp_path, "one\n") == ["a.yaml", "b.yaml"]
    assert put(tmp_path, "one\n") == []
    assert put(tmp_path, "two\n") == ["a.yaml"]
    assert (tmp_path / "a.yaml").read_text() == "two\n"


def test_an_edit_is_not_replaced_without_being_asked_for(tmp_path):
    put(tmp_path, "one\n")
    (tmp_path / "a.yaml").write_text("edited on the server\n")
    (tmp_path / "b.yaml").unlink()

    with pytest.raises(
        BadInput, match=r"a\.yaml; import it, and --overwrite replaces it. Nothing was written"
    ):
        put(tmp_path, "two\n")

    assert (tmp_path / "a.yaml").read_text() == "edited on the server\n"
    assert not (tmp_path / "b.yaml").exists()
    assert put(tmp_path, "two\n", overwrite=True) == ["a.yaml", "b.yaml"]


def test_an_edit_that_is_the_same_as_what_is_generated_is_no_conflict(tmp_path):
    put(tmp_path, "one\n")
    (tmp_path / "a.yaml").write_text("two\n")

    assert put(tmp_path, "two\n") == []
    assert put(tmp_path, "three\n") == ["a.yaml"]


def test_a_text_that_git_has_may_be_replaced(tmp_path):
    (tmp_path / "a.yaml").write_text("committed\n")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "state"]):
        subprocess.run([*git, *arguments], cwd=tmp_path, check=True)

    assert put(tmp_path, "two\n") == ["a.yaml", "b.yaml"]
    (tmp_path / ".millrace/generated.json").unlink()
    (tmp_path / "a.yaml").write_text("edited\n")
    with pytest.raises(BadInput, match=r"it was generated: a\.yaml"):
        put(tmp_path, "three\n")


def test_a_damaged_record_is_as_good_as_none(tmp_path):
    put(tmp_path, "one\n")
    (tmp_path / ".millrace/generated.json").write_text("{")

    with pytest.raises(BadInput, match=r"a\.yaml"):
        put(tmp_path, "two\n")
