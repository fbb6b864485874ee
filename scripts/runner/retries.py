"""When a failed step is tried again, as Windmill counts and waits."""

import random
from typing import Any

LONGEST_WAIT_SECONDS = 6 * 3600


def delay_before(retry: dict[str, Any] | None, tried_again: int) -> float | None:
    """Return the seconds to wait before the next try, or None when the step has failed for good.

    `tried_again` counts the retries so far. Constant retries come first, then the exponential ones,
    whose wait is multiplier * seconds ** (retries so far + 1): `seconds` is the base.
    """
    constant = (retry or {}).get("constant") or {}
    exponential = (retry or {}).get("exponential") or {}
    constant_attempts = int(constant.get("attempts") or 0)
    if tried_again < constant_attempts:
        return min(float(constant.get("seconds") or 0), LONGEST_WAIT_SECONDS)
    if tried_again - constant_attempts >= int(exponential.get("attempts") or 0):
        return None
    seconds = float(exponential.get("multiplier") or 1) * float(
        exponential.get("seconds") or 0
    ) ** (tried_again + 1)
    seconds = min(seconds, LONGEST_WAIT_SECONDS)
    spread = seconds * float(exponential.get("random_factor") or 0) / 100
    return max(0.0, seconds + random.uniform(-spread, spread))
