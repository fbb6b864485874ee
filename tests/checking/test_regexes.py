"""Patterns that evil text makes slow are found by counting steps; the bundle has none."""

import re
import sys

import pytest

from scripts.checking import match_steps, regexes
from scripts.paths import ROOT
from tests import tiers

ROOMS = sorted(path.name for path in (ROOT / "f/millrace").iterdir() if any(path.glob("*.py")))


@pytest.fixture(scope="module")
def patterns() -> list[regexes.Pattern]:
    return regexes.find_patterns()


def pattern(text: str | bytes, flags: int = 0, scan: bool = True) -> regexes.Pattern:
    return regexes.Pattern("here", text, re.compile(text, flags).flags, scan)


@pytest.mark.parametrize(
    "text",
    [
        r"\b((?:[\w-]*[_-])?(?:password|token))=",
        rb"\s*(?:<!--.*?-->\s*|<\?xml[^>]*>\s*)*<html",
        r"\[([^\]]*)\]\(\s*<?([^)\s>]*)[^)]*\)",
        r"[^\s@]+@[\w.-]*\w",
        r"\s+([.!?,;])",
        r"(?:a|a)*b",
        r"(?s).+?(?:\[x\])",
    ],
)
def test_what_grows_faster_than_the_text_is_found(text: str | bytes) -> None:
    assert regexes.find_slow(pattern(text, re.DOTALL if isinstance(text, bytes) else 0))


@pytest.mark.parametrize(
    "text", [r"(?<!\s)\s++([.!?,;])", r"\w+", r"a{1,64}@", r"(?<![\w.])[\w.]++@\w", r"(['\"])x\1"]
)
def test_what_grows_with_the_text_is_left(text: str) -> None:
    assert regexes.find_slow(pattern(text)) is None


def test_a_pattern_that_is_only_matched_at_the_beginning_is_tried_there() -> None:
    assert regexes.find_slow(pattern(r"\w+@", scan=True))
    assert regexes.find_slow(pattern(r"\w+@", scan=False)) is None


@pytest.mark.parametrize(
    ("text", "on"),
    [
        (r"(a+)b\1", "aabaa"),
        (r"(?i)\bx{2,3}?y$", "Xxy"),
        (r"(?m)^[^a-c\d!]++(?=!)", "a\nxyz!"),
        (r"(?<=a)(?:b|bc)(?!d)", "abcd abcx"),
    ],
)
def test_it_matches_what_re_matches(text: str, on: str) -> None:
    found = [match.span() for match in re.finditer(text, on)]

    assert found and match_steps.Steps(text, re.compile(text).flags).find(on) == found


@pytest.mark.long
@pytest.mark.parametrize("room", ROOMS)
def test_no_pattern_of_the_bundle_grows_faster_than_the_text(
    room: str, patterns: list[regexes.Pattern]
) -> None:
    rooms = [one.where.split("/")[2] for one in patterns]
    own = [one for one, where in zip(patterns, rooms, strict=True) if where == room]

    assert {*rooms} <= {*ROOMS}
    assert [
        str(slow) for one in own if (slow := regexes.find_slow(one, *tiers.PATTERN_TEXTS))
    ] == []


def test_counting_leaves_the_depth_of_the_process_as_it_was():
    before = sys.getrecursionlimit()

    match_steps.Steps("(?:(a)|b)+", 0).find("ab" * 50)

    assert sys.getrecursionlimit() == before
