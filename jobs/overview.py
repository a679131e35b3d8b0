"""Jobs that have not ended, for members and moderators to look at: which there are, where they are.

Nothing here changes anything. A list is of ids alone, however many wait; what is shown of it is
read page by page. Keys: those of `jobs.queue` and `jobs.line`, listed in `jobs.keys`.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from typing import cast

from jobs.connection import redis_errors
from jobs.eta import Standing
from jobs.guild import guild_of
from jobs.models import Job, JobState
from jobs.queue import RenderQueue
from jobs.records import as_text

ACTIVE = frozenset(JobState) - {JobState.KEPT, JobState.ENDED}


@dataclass(frozen=True)
class View:
    """One job, and what is to be said about its turn while it waits.

    While its queue is paused it keeps its place, and nobody knows when its turn comes: then there
    is no standing.
    """

    job: Job
    standing: Standing | None = None
    is_paused: bool = False


@dataclass(frozen=True)
class Page:
    """Some jobs of a list, the number of this page (0 for the first), and how many jobs it has."""

    rows: tuple[View, ...]
    number: int
    size: int
    count: int

    @property
    def last(self) -> int:
        """Number of the last page."""
        return max(0, -(-self.count // self.size) - 1)


@dataclass(frozen=True)
class Look:
    """Jobs at the front of the line, in order, some of the others, and the ids of all that wait."""

    front: tuple[View, ...]
    rest: tuple[View, ...]
    ids: frozenset[str]


def page(queue: RenderQueue, job_ids: list[str], number: int, size: int) -> Page:
    """Read one page of a list; the last one where there are not so many."""
    cut = Page((), number, size, len(job_ids))
    number = min(max(0, number), cut.last)
    rows = views(queue, job_ids[number * size : (number + 1) * size])
    return replace(cut, rows=tuple(rows), number=number)


def view(queue: RenderQueue, job: Job) -> View:
    """Look where a job is."""
    if job.state is not JobState.WAITING:
        return View(job)
    standing = queue.standing(job.id)
    if standing is None:
        return View(job, is_paused=queue.line.is_held(job.id))
    return View(job, is_paused=True) if queue.line.is_stopped() else View(job, standing)


def views(queue: RenderQueue, job_ids: list[str]) -> list[View]:
    """Look where some jobs are; those that another version wrote are left out."""
    jobs = queue.read(job_ids)
    return [view(queue, job) for job in map(jobs.get, job_ids) if job is not None]


def look_at_line(queue: RenderQueue, limit: int, turn: int = 0) -> Look:
    """Look at the front of the line and at a part of the rest, `limit` jobs at most of each.

    The rest is all that is behind and all that is held. Each turn has another part of it, in a
    circle: however long the line, every job is looked at again and again.
    """
    ids, held = queue.line.ids(), queue.line.held()
    behind = ids[limit:] + held
    parts = max(1, -(-len(behind) // limit))
    start = turn % parts * limit
    rest = views(queue, behind[start : start + limit])
    if queue.line.is_stopped():
        front = views(queue, ids[:limit])
    else:
        # All places at once cost less than one by one.
        front = [View(job, standing) for job, standing in queue.waiting(limit)]
    return Look(tuple(front), tuple(rest), frozenset(ids + held))


def active_ids(
    queue: RenderQueue,
    *,
    guild: str | None = None,
    member: str | None = None,
    states: Set[JobState] = ACTIVE,
) -> list[str]:
    """List jobs of one server, of one member, or all: those in hand, then the waiting in order."""

    def fits(job: Job) -> bool:
        is_theirs = member in (None, job.address.requester_id)
        return is_theirs and guild in (None, guild_of(job.address))

    found = [job.id for job in _in_hand(queue) if job.state in states and fits(job)]
    if JobState.WAITING not in states:
        return found
    if member is not None:
        waiting = queue.read(queue.waiting_of(member))
        return found + [job_id for job_id, job in waiting.items() if job is not None and fits(job)]
    if guild is not None:
        return found + queue.line.of_guild(guild)
    return found + queue.line.ids() + queue.line.held()


def _in_hand(queue: RenderQueue) -> Iterable[Job]:
    """Read the jobs that left the line: as many as are drawn, to be posted, or failing."""
    with redis_errors():
        rows = cast(list[bytes], queue.redis.zrange(queue.keys.in_hand, 0, -1))
    return [job for job in queue.read([as_text(row) for row in rows]).values() if job is not None]
