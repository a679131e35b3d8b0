"""Makes true what members were told: a request that was not accepted is not in the queue.

When Redis falls silent in the middle of a submission, nobody knows whether it took the job. The
member is told at once that it did not; this is what looks again when Redis answers, and removes
the job where there is one.
"""

import asyncio

import structlog

from bot.async_queue import AsyncQueue
from jobs.errors import QueueUnavailable

log = structlog.get_logger("bot")


class Withdrawals:
    """Jobs to remove as soon as Redis answers."""

    def __init__(self, queue: AsyncQueue, *, pause: float = 2.0) -> None:
        self._queue = queue
        self._pause = pause
        self._job_ids: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, job_id: str) -> None:
        """Note a job whose submission failed in a way that leaves its fate open."""
        self._job_ids.add(job_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._withdraw_all())

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _withdraw_all(self) -> None:
        while self._job_ids:
            await asyncio.sleep(self._pause)
            try:
                for job_id in list(self._job_ids):
                    await self._withdraw(job_id)
            except QueueUnavailable:
                continue

    async def _withdraw(self, job_id: str) -> None:
        found = await self._queue.withdraw(job_id)
        if not found:
            # A command from before the silence may still be under way: look once more.
            await asyncio.sleep(self._pause)
            found = await self._queue.withdraw(job_id)
        self._job_ids.discard(job_id)
        if found:
            log.warning("withdrawn", job_id=job_id)
