"""Which messages of waiting jobs to refresh now: a decision without any I/O.

A message is refreshed when what it shows is no longer true, and never more often than the channel's
budget allows. That of a job which is in line again shows
how far its worker was, so it is refreshed whatever place was shown before. Whoever has waited
longest for a refresh comes first, so that a long line in one channel is refreshed in turns.
"""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from bot.async_queue import Place, Placed
from jobs.models import Job


@dataclass(frozen=True)
class Shown:
    """What a message shows since when (seconds since 1970); no place when it cannot be edited.

    `attempt` is the job's at that time: when it is over, its worker has written over what we wrote.
    """

    place: Place | None
    at: float
    attempt: int = 0


class Board:
    """What the messages of waiting jobs show, as far as this process has written them."""

    def __init__(self) -> None:
        self.shown: dict[str, Shown] = {}

    def note(self, job_id: str, place: Place | None, at: float, attempt: int = 0) -> None:
        """Note what a message shows now; None when it can never be edited again."""
        self.shown[job_id] = Shown(place, at, attempt)

    def forget(self, waiting: Set[str], before: float) -> None:
        """Drop what is older and does not wait any more."""
        self.shown = {
            job_id: shown
            for job_id, shown in self.shown.items()
            if job_id in waiting or shown.at >= before
        }


@dataclass(frozen=True)
class Refresh:
    """One message to edit."""

    job: Job
    place: Place


def plan(
    line: Sequence[Placed], shown: Mapping[str, Shown], budget: int
) -> dict[str, list[Refresh]]:
    """Choose at most `budget` messages of each channel; `line` is in its order."""
    due: list[tuple[float, int, Refresh]] = []
    for index, (job, place) in enumerate(line):
        before = shown.get(job.id)
        if before is not None and not _is_outdated(before, job, place):
            continue
        since = before.at if before is not None else -math.inf
        due.append((since, index, Refresh(job, place)))
    channels: dict[str, list[Refresh]] = {}
    for _, _, refresh in sorted(due, key=lambda row: row[:2]):
        chosen = channels.setdefault(refresh.job.address.channel_id, [])
        if len(chosen) < budget:
            chosen.append(refresh)
    return channels


def _is_outdated(before: Shown, job: Job, place: Place) -> bool:
    if before.place is None:
        return False
    return before.place != place or before.attempt != job.attempt
