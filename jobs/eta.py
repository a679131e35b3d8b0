"""How long a waiting job will take, as a range: pure arithmetic on plain data.

A line that is worked off by several workers in order has this property: when a job's turn comes, no
worker was idle before. So what lies ahead of it, divided among all, is the latest start. The
earliest is that less what the other workers may still have in hand at that moment. Around both
lies how sure the workers' speeds are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.cost import Speed

# A job found in hand is longer than the mean: long ones are in hand for longer.
IN_HAND = 1.5


@dataclass(frozen=True)
class Load:
    """Jobs and their work (tiles); of a job in hand only what is left counts."""

    jobs: float = 0.0
    work: float = 0.0

    def __add__(self, other: "Load") -> "Load":
        return Load(self.jobs + other.jobs, self.work + other.work)


@dataclass(frozen=True)
class Wait:
    """Seconds until a picture is drawn, at best and at worst."""

    lowest: float
    highest: float


@dataclass(frozen=True)
class Standing:
    """A waiting job's place in line, 1 for the next one, and when it will be drawn."""

    position: int
    wait: Wait | None


def forecast(ahead: Load, own: Load, speeds: Sequence[Speed]) -> Wait | None:
    """Estimate when a job is drawn that has so much ahead of it, in line and in hand.

    Returns:
        None where no worker lives.
    """
    if not speeds:
        return None
    latest = _together(ahead, speeds)
    each = _together(Load(1, ahead.work / ahead.jobs), speeds) if ahead.jobs else 0.0
    # Of what lies ahead the other workers may have one job each in hand still.
    earliest = max(0.0, latest - (len(speeds) - 1) * each * IN_HAND)
    times = [speed.seconds(own.jobs, own.work) for speed in speeds]
    doubt = 1 + max(speed.spread for speed in speeds)
    return Wait((earliest + min(times)) / doubt, (latest + max(times)) * doubt)


def _together(load: Load, speeds: Sequence[Speed]) -> float:
    """Seconds that all workers take for a load, each taking as much as it can."""
    alone = [speed.seconds(load.jobs, load.work) for speed in speeds]
    if min(alone) <= 0:
        return 0.0
    return 1 / sum(1 / seconds for seconds in alone)
