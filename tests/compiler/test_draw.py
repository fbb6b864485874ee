"""Pictures: well-formed, self-contained, and naming every step."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from f.millrace.core.errors import NotFound
from scripts.compiler import draw, write
from scripts.compiler.model import Schedule

ROOT = Path(__file__).resolve().parents[2]
TEXT = """\
summary: A & B <draw>
area: research
inputs: {deep: {type: boolean, default: false, description: Deep.}}
steps:
  - {id: one, summary: One, run: work/do, retry: {attempts: 2, seconds: 1}, timeout: 5m}
  - {id: left, summary: Left, run: work/do, depends_on: [one]}
  - {id: right, summary: Right, run: work/do, depends_on: [one]}
  - id: pick
    summary: Pick
    depends_on: [left, right]
    choose: [{when: not flow_input.deep, steps: [{id: flat, summary: Flat, run: work/do}]}]
    otherwise: [{id: deep, summary: Deep, run: work/do}]
  - {id: ask, summary: Ask, depends_on: [pick], approval: {action: results.one.x, timeout: 2h}}
"""


def test_a_picture_names_every_step_and_loads_nothing(workshop):
    workshop.write("flows/picture.yaml", TEXT)

    picture = draw.svg(workshop.root, "picture")

    words = " ".join(ElementTree.fromstring(picture).itertext())
    assert all(
        name in words
        for name in (
            "one",
            "left",
            "right",
            "pick: one of these",
            "flat",
            "deep",
            "ask",
            "side by side",
            "otherwise",
        )
    )
    assert "A & B <draw>" in words
    assert "up to 3 attempts · at most 5 min" in words
    assert "href" not in picture
    assert "url(" not in picture


def test_the_text_shows_what_runs_when(workshop):
    workshop.write("flows/picture.yaml", TEXT)

    lines = draw.text(workshop.root, "picture").splitlines()

    assert "  = left: Left" in lines
    assert "      when not flow_input.deep:" in lines
    assert "      a person decides always" in lines


def test_an_unknown_flow_is_named_with_those_that_exist():
    with pytest.raises(NotFound, match="did you mean 'daily_research'"):
        draw.svg(ROOT, "daily_reserch")
    with pytest.raises(NotFound, match="did you mean 'daily_research'"):
        write.compile_all(ROOT, ["daily_reserch"])


@pytest.mark.parametrize(
    ("cron", "enabled", "says"),
    [
        ("0 0 8 * * *", True, "every day at 08:00, Europe/London"),
        ("0 */5 * * * *", True, "cron 0 */5 * * * *, Europe/London"),
        ("0 30 22 * * *", False, "every day at 22:30, Europe/London (off)"),
    ],
)
def test_a_start_is_said_in_words_where_it_is_a_time_of_day(cron, enabled, says):
    assert draw.start(Schedule(cron, "Europe/London", enabled, 1)) == says
