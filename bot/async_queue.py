"""The queue for coroutines: each call of `jobs.queue` runs on a thread of this room's own.

While Redis is out of reach its callers wait for a timeout. On the event loop's shared threads that
would hold up name look-ups and downloads too, and enough of them let fifty members fail at once
instead of one after another.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from jobs import presence
from jobs.errors import UnknownJob
from jobs.models import DeliveryAddress, Job, RenderRequest
from jobs.queue import RenderQueue

THREADS = 64

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Place:
    """Where a job stands in line, 1 for the next one, and whether anyone works on the line."""

    position: int
    has_worker: bool


class AsyncQueue:
    """Jobs that wait, for coroutines. Every method may raise QueueUnavailable."""

    def __init__(self, queue: RenderQueue) -> None:
        self._queue = queue
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="queue")

    async def submit(self, request: RenderRequest, address: DeliveryAddress) -> Job:
        """Store a job and put it in line; the same interaction is accepted once."""
        return await self._run(self._queue.submit, request, address)

    async def withdraw(self, job_id: str) -> bool:
        """Remove a job whose member was told that it was not accepted."""
        return await self._run(self._queue.withdraw, job_id)

    async def place(self, job_id: str) -> Place | None:
        """Tell where a job stands; None when it does not wait in line (any more)."""
        return await self._run(self._place, job_id)

    async def front(self, limit: int) -> tuple[list[Job], bool]:
        """Read the jobs at the front of the line, in order, and whether there is a worker."""
        return await self._run(self._front, limit)

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

    def close(self) -> None:
        """Let go of the threads; calls that have not begun are dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _place(self, job_id: str) -> Place | None:
        try:
            position = self._queue.position(job_id)
        except UnknownJob:
            return None
        if position is None:
            return None
        return Place(position, self._queue.status().workers > 0)

    def _front(self, limit: int) -> tuple[list[Job], bool]:
        jobs = self._queue.front(limit)
        return jobs, bool(jobs) and self._queue.status().workers > 0

    async def _run(
        self,
        call: Callable[Parameters, Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(call, *args, **kwargs))
