"""How much a test tries: a sample on a person's machine, all of it on CI, more in scripts/prove."""

import os
from typing import TypeVar

from scripts.checking import regexes

PROVE = bool(os.environ.get("PROVE"))
CI = bool(os.environ.get("CI"))

Much = TypeVar("Much")


def pick(quick: Much, full: Much, prove: Much | None = None) -> Much:
    """Return what the tier tries; scripts/prove tries as much as CI unless it is told otherwise."""
    if PROVE:
        return full if prove is None else prove
    return full if CI else quick


# The samples, ends and lengths of the texts that `regexes.find_slow` tries on a pattern.
PATTERN_TEXTS = pick(
    (1, ("\0",), (60, 120, 240)),
    (2, regexes.ENDS, regexes.LENGTHS),
    (regexes.SAMPLES, regexes.ENDS, regexes.LENGTHS),
)
