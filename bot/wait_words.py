"""A wait in words: a range in whole minutes or hours, as exact as a member needs it.

Coarse on purpose: a message is edited only when its words change.
"""

import math
from dataclasses import dataclass

from jobs.eta import Wait

MINUTE, HOUR = 60.0, 3600.0
# From here on in steps of five minutes, and then in hours.
FINE_MINUTES, MOST_MINUTES = 10, 90
# A quarter of a step beyond a step still counts as that step.
TOLERANCE = 0.25


@dataclass(frozen=True)
class SpokenWait:
    """The sentence's key in the catalogue, and the numbers in it."""

    key: str
    low: int = 0
    high: int = 0


def spoken(wait: Wait) -> SpokenWait:
    """Choose the words for a wait."""
    if wait.highest < MINUTE:
        return SpokenWait("queued.soon")
    minutes = wait.highest / MINUTE
    if minutes > MOST_MINUTES:
        return _in_steps(wait, "queued.hours", HOUR, 1)
    return _in_steps(wait, "queued.minutes", MINUTE, 1 if minutes <= FINE_MINUTES else 5)


def _in_steps(wait: Wait, key: str, unit: float, step: int) -> SpokenWait:
    low = step * math.floor(wait.lowest / (unit * step) + TOLERANCE)
    # No language has to say "1 minutes": what is shorter was "soon".
    high = max(2, step * math.ceil(wait.highest / (unit * step) - TOLERANCE))
    low = min(max(low, 1), high)
    return SpokenWait(key if low == high else f"{key}.range", low, high)
