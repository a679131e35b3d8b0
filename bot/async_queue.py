"""The queue for coroutines: each call of `jobs.queue` runs on one of `bot.threads`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.threads import Threads
from bot.wait_words import SpokenWait, spoken
from jobs import presence
from jobs.eta import Standing
from jobs.lifecycle import Lifecycle
from jobs.models import DeliveryAddress, Job, Outcome, OutcomeCode, RenderRequest
from jobs.promises import Promise
from jobs.queue import RenderQueue


@dataclass(frozen=True)
class Place:
    """Where a job stands in line, 1 for the next one, and how long it takes in words.

    No wait: nobody works on the line.
    """

    position: int
    wait: SpokenWait | None


class AsyncQueue:
    """Jobs that wait, for coroutines. Every method may raise QueueUnavailable."""

    def __init__(self, queue: RenderQueue, threads: Threads) -> None:
        self._queue = queue
        self._lifecycle = Lifecycle(queue)
        self._run = threads.run

    async def submit(self, request: RenderRequest, address: DeliveryAddress) -> Job:
        """Store a job and put it in line; the same interaction is accepted once."""
        return await self._run(self._queue.submit, request, address)

    async def withdraw(self, job_id: str) -> bool:
        """Remove a job whose member was told that it was not accepted."""
        return await self._run(self._queue.withdraw, job_id)

    async def exists(self, job_id: str) -> bool:
        """Tell whether there is a job with this id, readable or not."""
        return bool(await self._run(self._queue.read, [job_id]))

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
        """Tell where a job stands; None when it does not wait in line (any more)."""
        standing = await self._run(self._queue.standing, job_id)
        return None if standing is None else _place(standing)

    async def waiting(self, limit: int) -> list[tuple[Job, Place]]:
        """Read the jobs at the front of the line, in order, with their places."""
        rows = await self._run(self._queue.waiting, limit)
        return [(job, _place(standing)) for job, standing in rows]

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

    async def assistance(self) -> presence.Assistance:
        """Tell whether any worker can help with a prompt."""
        return await self._run(presence.assistance, self._queue.redis, self._queue.keys)

    @asynccontextmanager
    async def writer(self, job_id: str) -> AsyncIterator[bool]:
        """Hold the right to edit the job's message; yields False where another holds it."""
        lock = self._queue.writer(job_id, wait=0)
        held = await self._run(lock.__enter__)
        try:
            yield held
        finally:
            await self._run(lock.__exit__, None, None, None)


def _place(standing: Standing) -> Place:
    return Place(standing.position, None if standing.wait is None else spoken(standing.wait))
