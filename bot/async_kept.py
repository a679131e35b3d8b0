"""Kept results for coroutines: each call of `jobs.kept` runs on one of `bot.threads`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.threads import Threads
from jobs.kept import Kept, Waiting
from jobs.message_parts import PlainMessage, from_parts
from jobs.models import Handover, Job, JobState, Outcome, OutcomeCode
from jobs.outcome_words import outcome_text
from jobs.queue import RenderQueue


class AsyncKept:
    """Results that wait for their members. Every method may raise QueueUnavailable."""

    def __init__(self, queue: RenderQueue, threads: Threads) -> None:
        self._queue = queue
        self._kept = Kept(queue)
        self._run = threads.run

    async def of_member(self, member_id: str) -> Waiting:
        """Tell what waits for a member."""
        return await self._run(self._kept.of_member, member_id)

    async def forget(self, member_id: str, job_ids: tuple[str, ...]) -> None:
        """Note that a member has heard that these are gone."""
        await self._run(self._kept.forget, member_id, job_ids)

    async def read(self, job_id: str) -> Job | None:
        """Read a job; None when it is not kept (any more)."""
        job = (await self._run(self._queue.read, [job_id])).get(job_id)
        return job if job is not None and job.state is JobState.KEPT else None

    async def result(self, job: Job) -> tuple[PlainMessage, Outcome]:
        """Give what a kept job has to say, and how it ends with that.

        Raises:
            ValueError, KeyError: another version wrote it.
        """
        outcome = job.outcome or Outcome(code=OutcomeCode.UNDELIVERABLE)
        if outcome.code is OutcomeCode.DONE:
            if parts := await self._run(self._kept.result, job.id):
                return from_parts(parts), outcome
            outcome = Outcome(code=OutcomeCode.EXPIRED)
        return PlainMessage(outcome_text(job, outcome, self._queue.settings)), outcome

    async def note(self, job: Job, handover: Handover) -> bool:
        """Note in which message a result is about to be; False when it is not kept any more."""
        return await self._run(self._kept.note, job, handover)

    async def handed_over(self, job: Job, outcome: Outcome) -> None:
        """Close a job whose member has its result now."""
        await self._run(self._kept.handed_over, job, outcome)

    @asynccontextmanager
    async def handover(self, job_id: str) -> AsyncIterator[bool]:
        """Hold the right to hand a result over; yields False where another holds it."""
        lock = self._kept.handover(job_id)
        held = await self._run(lock.__enter__)
        try:
            yield held
        finally:
            await self._run(lock.__exit__, None, None, None)
