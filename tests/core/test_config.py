"""Settings come from the environment, then the file; a mistake is named in words."""

from pathlib import Path

import pytest

from f.millrace.core import config
from f.millrace.core.errors import BadSetting


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
