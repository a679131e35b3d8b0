"""What a job costs: its work, and the seconds that a worker takes for it.

Work is counted in tiles: 64 x 64 pixels, drawn one step further. All sizes are multiples of 64
pixels, so work is a whole number, and sums of it are exact. 256 tiles are a megapixel-step.

A worker takes `a + b * work` seconds: `a` for reading the prompt and decoding, `b` for each step.
Both are measured by the workers themselves: a `Meter` looks at each render, and what it has seen
counts less the longer ago it was. Everything here is pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Annotated

from pydantic import Field

from jobs.models import Frozen, RenderRequest

TILE_PIXELS = 64 * 64
MEGAPIXEL_STEP = 2**20 // TILE_PIXELS
# What was seen before counts this much after each render: half after about six.
MEMORY = 0.9
# Work that varies less than this share of its mean says nothing about `a` and `b` apart.
LEAST_VARIATION = 0.05
LEAST_SPREAD = 0.1
# Doubt before a guess was ever held against a render.
FIRST_SPREAD = 0.5
# Megapixel-steps. Where steps take next to no time all jobs cost the same, which a job's part of
# forty times the largest job's steps says well enough.
MOST_JOB_STEPS = 10_000.0

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Speed(Frozen):
    """How fast a worker draws: seconds a job, seconds a megapixel-step, and how sure that is.

    A job takes between `1 / (1 + spread)` and `1 + spread` times what the two figures say.
    """

    job_seconds: Seconds
    megapixel_step_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    spread: Seconds

    def seconds(self, jobs: float, work: float) -> float:
        """Seconds for so many jobs of so much work together."""
        return jobs * self.job_seconds + work / MEGAPIXEL_STEP * self.megapixel_step_seconds

    @property
    def job_work(self) -> float:
        """Work that takes as long as what every job costs besides its steps."""
        steps = self.job_seconds / self.megapixel_step_seconds
        return min(steps, MOST_JOB_STEPS) * MEGAPIXEL_STEP


# Assumed while no worker has measured anything: cards differ by more than ten times, so this says
# little, and its spread says so.
ASSUMED = Speed(job_seconds=2.0, megapixel_step_seconds=0.2, spread=2.0)


def work_of(request: RenderRequest) -> int:
    """Count the tiles of all steps of all pictures."""
    tiles = request.size.width * request.size.height // TILE_PIXELS
    return tiles * request.total_steps


def cost(work: int, speeds: Sequence[Speed]) -> float:
    """Cost of a job in the line: its work, and what stands for the rest of its time.

    Work and not seconds, so that jobs which were submitted before a worker came, went or measured
    anew still weigh the same against those submitted after it.
    """
    return work + fmean(speed.job_work for speed in speeds or (ASSUMED,))


def typical(speeds: Sequence[Speed]) -> Speed:
    """Give what a worker is taken for that has not measured its speed: the mean, and less sure."""
    return Speed(
        job_seconds=fmean(speed.job_seconds for speed in speeds),
        megapixel_step_seconds=fmean(speed.megapixel_step_seconds for speed in speeds),
        spread=max(FIRST_SPREAD, *(speed.spread for speed in speeds)),
    )


@dataclass(frozen=True)
class Meter:
    """Weighted sums over renders, enough for a line through (work, seconds) and its spread."""

    weight: float = 0.0
    work: float = 0.0
    seconds: float = 0.0
    work_work: float = 0.0
    work_seconds: float = 0.0
    misses: float = FIRST_SPREAD
    miss_weight: float = 1.0

    def observe(self, work: float, seconds: float) -> "Meter":
        """Take a render of so much work into account; one without duration is left out."""
        if work <= 0 or seconds <= 0:
            return self
        guess = self.speed
        guessed = seconds if guess is None else guess.seconds(1, work)
        return Meter(
            weight=MEMORY * self.weight + 1,
            work=MEMORY * self.work + work,
            seconds=MEMORY * self.seconds + seconds,
            work_work=MEMORY * self.work_work + work * work,
            work_seconds=MEMORY * self.work_seconds + work * seconds,
            misses=MEMORY * self.misses + max(guessed / seconds, seconds / guessed) - 1,
            miss_weight=MEMORY * self.miss_weight + 1,
        )

    @property
    def speed(self) -> Speed | None:
        """What was measured; None before the first render."""
        if self.weight <= 0:
            return None
        job, tile = self._line()
        return Speed(
            job_seconds=job,
            megapixel_step_seconds=tile * MEGAPIXEL_STEP,
            spread=max(LEAST_SPREAD, self.misses / self.miss_weight),
        )

    def _line(self) -> tuple[float, float]:
        """Fit a line with no negative part; where the work hardly varies, keep the usual ratio."""
        work, seconds = self.work / self.weight, self.seconds / self.weight
        variance = self.work_work / self.weight - work**2
        if variance > (LEAST_VARIATION * work) ** 2:
            tile = (self.work_seconds / self.weight - work * seconds) / variance
            if tile > 0:
                job = seconds - tile * work
                return (job, tile) if job >= 0 else (0.0, seconds / work)
        scale = seconds / ASSUMED.seconds(1, work)
        return scale * ASSUMED.job_seconds, scale * ASSUMED.seconds(0, 1)
