"""The page for Python users: every block of it runs, top to bottom, as in one notebook."""

import ast
import asyncio
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from f.millrace.core import config
from scripts.paths import ROOT
from scripts.samples.server import sample_settings, serve

PAGE = (ROOT / "u/python.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def sources(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The sample edition stands for the world."""
    monkeypatch.chdir(os.getcwd())
    with serve() as address:
        for name, value in sample_settings(address).items():
            monkeypatch.setenv(name, value)
        config.reload()
        yield


def cell(source: str, names: dict[str, Any]) -> Any:
    """Run a block as a notebook does and return what its last line is worth."""
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "u/python.md", "exec"), names)
    return (
        eval(compile(ast.Expression(last.value), "u/python.md", "eval"), names)
        if isinstance(last, ast.Expr)
        else None
    )


@pytest.mark.long
def test_every_block_of_the_page_runs(sources: None) -> None:
    names: dict[str, Any] = {}

    shown = [cell(block, names) for block in BLOCKS]

    summary, answer, memory, topics, findings, status = shown
    assert any("2.4 million euros" in line and line.endswith("[1]") for line in summary)
    assert any("gigawatt-hours" in line for line in answer)
    assert memory == "Travel: Ada takes the early train to Kelby."
    assert len(topics) == 2
    assert findings and all(text and titles for text, titles in findings)
    assert status == "waiting"


def test_the_first_example_has_three_lines() -> None:
    assert len([line for line in BLOCKS[0].splitlines() if line]) == 3


def test_a_notebook_with_a_running_loop_gets_its_answer_too(sources: None) -> None:
    async def notebook() -> Any:
        return cell(BLOCKS[0] + BLOCKS[1], {})

    assert any("gigawatt-hours" in line for line in asyncio.run(notebook()))


def test_the_steps_of_one_run_are_shown_on_the_sample_edition(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(os.getcwd())
    monkeypatch.setenv("MILLRACE_SOURCES", "feeds")
    monkeypatch.setenv("MILLRACE_FEEDS", "http://127.0.0.1:9/feed.xml")
    config.reload()
    (block,) = [one for one in BLOCKS if "read_source.main" in one]
    names: dict[str, Any] = {}

    assert len(cell(block, names)) == 2
    assert "hackernews" in names["run"]["sources"]
