"""The queue for coroutines: each call of `jobs.queue` runs on one of `bot.threads`."""

import time
from collections.abc import AsyncIterator, Iterable, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.threads import Threads
from bot.wait_words import SpokenWait, spoken
from jobs import moderation, overview, presence
from jobs.capability import Capability
from jobs.guild import QueueState
from jobs.guild_settings import Change
from jobs.lifecycle import Lifecycle
from jobs.limits import Terms
from jobs.member_state import MemberState, read_member_state
from jobs.models import (
    DeliveryAddress,
    Job,
    JobState,
    Outcome,
    OutcomeCode,
    QueueStatus,
    RenderRequest,
)
from jobs.overview import ACTIVE
from jobs.promises import Promise
from jobs.queue import RenderQueue
from jobs.stats import Summary


@dataclass(frozen=True)
class Place:
    """Where a job stands in line, 1 for the next one, and how long it takes in words.

    No wait: nobody works on the line. No position: the queue is paused, and the place is kept.
    """

    position: int | None
    wait: SpokenWait | None


PAUSED = Place(None, None)
Placed = tuple[Job, Place]


class AsyncQueue:
    """Jobs that wait, for coroutines. Every method may raise QueueUnavailable."""

    def __init__(self, queue: RenderQueue, threads: Threads) -> None:
        self._queue = queue
        self._lifecycle = Lifecycle(queue)
        self._run = threads.run

    @property
    def most_attempts(self) -> int:
        """How often a job is tried at most."""
        return self._queue.settings.max_attempts

    async def submit(
        self, request: RenderRequest, address: DeliveryAddress, terms: Terms | None = None
    ) -> Job:
        """Store a job and put it in line; the same interaction is accepted once.

        Raises:
            LimitReached: a limit refuses the request.
        """
        return await self._run(self._queue.submit, request, address, terms)

    async def count_refused(self, guild: str, code: str) -> None:
        """Count a request that was not accepted, for the server's statistics."""
        await self._run(self._queue.statistics.refused, guild, code, time.time())

    async def withdraw(self, job_id: str) -> bool:
        """Remove a job whose member was told that it was not accepted."""
        return await self._run(self._queue.withdraw, job_id)

    async def get(self, job_id: str) -> Job:
        """Read one job; raises UnknownJob and UnreadableJob too."""
        return await self._run(self._queue.get, job_id)

    async def cancel(self, job_id: str, by: str) -> bool:
        """Cancel a job for its owner; False when it is too late. Raises UnknownJob too."""
        return await self._run(self._queue.cancel, job_id, by)

    async def cancel_for_others(self, job: Job, by: str, reason: str = "") -> bool:
        """Cancel a job as a moderator, with an entry in the audit. Raises UnknownJob too."""
        return await self._run(moderation.cancel, self._queue, job, by, reason)

    async def front(self, job: Job, by: str, reason: str = "") -> bool:
        """Move a job to the front, with an entry in the audit; False when it does not wait."""
        return await self._run(moderation.front, self._queue, job, by, reason)

    async def set_state(self, guild: str, state: QueueState, by: str, reason: str = "") -> Change:
        """Pause, drain or let go on a server's jobs; raises what changing a setting raises."""
        return await self._run(self._queue.set_state, guild, state, by=by, reason=reason)

    async def records(self, job_ids: list[str]) -> dict[str, Job | None]:
        """Read the jobs that there are; None for one that cannot be read."""
        return await self._run(self._queue.read, job_ids)

    async def promise(self, promise: Promise) -> None:
        """Note what is about to be promised."""
        await self._run(self._queue.promises.make, promise)

    async def settle_promise(self, interaction_id: str) -> None:
        """Strike a promise out."""
        await self._run(self._queue.promises.settle, interaction_id)

    async def open_promises(self) -> list[Promise]:
        """Read what was promised and is not known to be kept."""
        return await self._run(self._queue.promises.open)

    async def place(self, job_id: str) -> Place | None:
        """Tell where a job stands; None when it does not wait (any more)."""
        seen = await self._run(overview.views, self._queue, [job_id])
        return place_of(seen[0]) if seen else None

    async def look(self, limit: int, turn: int) -> tuple[list[Placed], list[Placed], Set[str]]:
        """Read the front of the line, a part of the rest, and the ids of all that wait.

        Each turn has another part of the rest (`jobs.overview.look_at_line`).
        """
        look = await self._run(overview.look_at_line, self._queue, limit, turn)
        return _placed(look.front), _placed(look.rest), look.ids

    async def jobs_of(self, member: str, page: int, size: int) -> overview.Page:
        """Read one page of a member's jobs."""

        def read() -> overview.Page:
            ids = overview.active_ids(self._queue, member=member)
            return overview.page(self._queue, ids, page, size)

        return await self._run(read)

    async def active_ids(
        self, guild: str | None, member: str | None = None, states: Set[JobState] = ACTIVE
    ) -> list[str]:
        """List jobs that have not ended: of one server or all, of one member or all."""
        ids = overview.active_ids
        return await self._run(ids, self._queue, guild=guild, member=member, states=states)

    async def views(self, job_ids: list[str]) -> list[overview.View]:
        """Look where some jobs are."""
        return await self._run(overview.views, self._queue, job_ids)

    async def read(self, job_ids: list[str]) -> list[Job]:
        """Read some jobs, those that are there and can be read."""
        found = await self._run(self._queue.read, job_ids)
        return [job for job in map(found.get, job_ids) if job is not None]

    async def status(self) -> QueueStatus:
        """Count what waits, what is in hand, and workers."""
        return await self._run(self._queue.status)

    async def cancelled(self) -> list[Job]:
        """Read the jobs that were cancelled and whose owner has not heard of it yet."""
        return await self._run(self._queue.failing, OutcomeCode.CANCELLED)

    async def reserve(self, job: Job) -> bool:
        """Begin to tell a job's owner; False when another process does."""
        return await self._run(self._lifecycle.reserve, job.id, job.attempt)

    async def release(self, job: Job) -> None:
        """Leave the telling to others again."""
        await self._run(self._lifecycle.release, job)

    async def close_cancelled(self, job: Job) -> None:
        """Close a job whose message says that it was cancelled."""
        outcome = Outcome(code=OutcomeCode.CANCELLED, message_id=job.address.message_id)
        await self._run(self._lifecycle.end, job.id, job.attempt, outcome)

    async def member_state(self, guild: str, member_id: str) -> MemberState:
        """Read what a member has in hand in a server and used lately."""
        return await self._run(read_member_state, self._queue, guild, member_id)

    async def statistics(self, guild: str, days: int) -> Summary:
        """Sum up the last days of a server, today included."""
        return await self._run(self._queue.statistics.read, guild, days, time.time())

    async def capabilities(self) -> list[Capability]:
        """Tell what each living worker can draw."""
        workers = await self._run(presence.registrations, self._queue.redis, self._queue.keys)
        return [worker.capability for worker in workers]

    @asynccontextmanager
    async def writer(self, job_id: str) -> AsyncIterator[bool]:
        """Hold the right to edit the job's message; yields False where another holds it."""
        lock = self._queue.writer(job_id, wait=0)
        held = await self._run(lock.__enter__)
        try:
            yield held
        finally:
            await self._run(lock.__exit__, None, None, None)


def _placed(rows: Iterable[overview.View]) -> list[Placed]:
    return [(row.job, place) for row in rows if (place := place_of(row)) is not None]


def place_of(view: overview.View) -> Place | None:
    """Tell where a job stands; None when it does not wait."""
    if view.is_paused:
        return PAUSED
    standing = view.standing
    if standing is None:
        return None
    return Place(standing.position, None if standing.wait is None else spoken(standing.wait))
