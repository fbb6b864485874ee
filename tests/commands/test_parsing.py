"""Mistyped commands are answered with what is meant, help is in groups, arguments are text."""

import pytest

from scripts.commands import __main__ as command
from scripts.commands.__main__ import main


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    told = capsys.readouterr()
    return ended.value.code, told.out + told.err


def test_every_command_is_in_one_group_of_the_help(capsys):
    listed = [name for names in command.GROUPS.values() for name in names]

    assert sorted(listed) == sorted(command.MODULES)
    _, told = said(capsys, "--help")
    assert all(f"\n{heading}:\n" in told for heading in command.GROUPS)
    assert all(f"\n  {name} " in told for name in listed)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["halth"], "there is no 'halth' (did you mean 'health'?)"),
        (["alerts", "lst"], "there is no 'lst' (did you mean 'list'?)"),
        (["memory", "serach"], "did you mean 'search'?"),
        (["xyzzy"], "there is no 'xyzzy'; there are: "),
    ],
)
def test_a_mistyped_command_is_answered_with_what_is_meant(capsys, arguments, words):
    code, told = said(capsys, *arguments)

    assert code == 2 and words in told


def test_the_version_is_that_of_the_project(capsys):
    assert said(capsys, "--version") == (0, "millrace 0.1.0\n")


def test_an_argument_that_is_no_text_is_told(capsys):
    code, told = said(capsys, "ask", "caf\udce9")

    assert code == 2 and "an argument is not UTF-8: 'caf\\xe9'" in told


def test_run_alone_lists_what_can_be_run(capsys):
    assert main(["run"]) == 0

    told = capsys.readouterr().out
    assert "daily_research" in told and "run FLOW [key=value …]" in told


@pytest.mark.usefixtures("database")
def test_ingest_without_a_folder_says_what_to_do(capsys, configure, tmp_path):
    configure(documents_dirs=[str(tmp_path / "none")])

    assert main(["ingest"]) == 2
    assert "name one, scripts/millrace ingest FOLDER" in capsys.readouterr().err
