"""Simon Willison's `llm`, installed for this test alone, asks an agent that a person made."""

import os
import shutil
import subprocess
import sys

import pytest

from f.millrace.agents import registry
from f.millrace.trust import access_tokens
from tests.console.conftest import folk, inline, served, server
from tests.live.conftest import missing

__all__ = ["folk", "inline", "served", "server"]
VERSION = "0.36"


@pytest.fixture(scope="session")
def llm(tmp_path_factory):
    """The program, in an environment of its own."""
    home = tmp_path_factory.mktemp("llm")
    uv = shutil.which("uv", path=os.path.dirname(sys.executable)) or shutil.which("uv")
    if uv is None:
        missing("uv, which installs llm, is not there")
    for command in (["venv", home / "venv"], ["pip", "install", "-q", f"llm=={VERSION}"]):
        done = subprocess.run(
            [str(uv), *command],
            env={**os.environ, "VIRTUAL_ENV": str(home / "venv")},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
    return home


def test_llm_asks_an_agent(llm, served, inline, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "quay.md").write_text("The repair of the quay costs 2.4 million euros.")
    made = {"name": "reader", "instructions": "Read the notes.", "tools": ["notes.search"]}
    registry.create(made, registry.Person("cy", "member"))
    (llm / "extra-openai-models.yaml").write_text(
        "- model_id: reader\n  model_name: millrace/reader\n  api_key_name: millrace\n"
        f"  api_base: http://127.0.0.1:{served}/v1\n"
    )
    secret = access_tokens.create("cy", "llm", by="cy")[1]
    (llm / "keys.json").write_text(f'{{"millrace": "{secret}"}}')

    done = subprocess.run(
        [llm / "venv/bin/llm", "-m", "reader", "What does the repair of the quay cost?"],
        env={"PATH": os.environ["PATH"], "HOME": str(llm), "LLM_USER_PATH": str(llm)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert "2.4 million euros" in done.stdout
