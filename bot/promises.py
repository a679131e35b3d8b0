"""Keeps what Discord shows as "thinking" true, whatever dies: each promise ends in words.

A promise is noted in Redis before it is made (`jobs.promises`); where that fails nothing is
promised, and the member is told at once. What a bot that died has left is looked for every few
seconds: if its job is in line all is well, and else its member is told to ask again.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from bot.answers import Interaction
from bot.async_queue import AsyncQueue
from bot.placeholder import Found, Placeholder
from jobs.errors import QueueUnavailable
from jobs.models import JobState
from jobs.promises import KEEP_SECONDS, Promise
from jobs.wording import say

log = structlog.get_logger("bot")

# Discord waits three seconds for the first answer, and that is still to come.
NOTE_SECONDS = 1.5
# Another bot that still runs may be on its way: a file takes a while.
GRACE_SECONDS = 20.0


class Promises:
    """The promises of this process, and those that others have left."""

    def __init__(self, queue: AsyncQueue) -> None:
        self._queue = queue
        self._ours: set[str] = set()

    async def make(self, interaction: Interaction) -> None:
        """Note a promise that is about to be made.

        Raises:
            QueueUnavailable: it could not be noted, so it must not be made.
        """
        promise = Promise(
            application_id=str(interaction.application_id),
            channel_id=str(interaction.channel_id),
            requester_id=str(interaction.user.id),
            interaction_id=str(interaction.id),
            interaction_token=interaction.token,
            locale=interaction.locale.value,
            made_at=time.time(),
        )
        self._ours.add(promise.interaction_id)
        try:
            async with asyncio.timeout(NOTE_SECONDS):
                await self._queue.promise(promise)
        except TimeoutError:
            raise QueueUnavailable("Redis does not answer in time") from None

    async def settle(self, interaction_id: str) -> None:
        """Strike a promise out that was kept or taken back."""
        if interaction_id not in self._ours:
            return
        try:
            await self._queue.settle_promise(interaction_id)
        except QueueUnavailable:
            log.warning("promise_not_settled", job_id=interaction_id)
        finally:
            # Where Redis was silent a later look settles it.
            self._ours.discard(interaction_id)

    def leave(self, interaction_id: str) -> None:
        """Leave a promise open of which only Redis knows what became of it."""
        self._ours.discard(interaction_id)

    async def look(self, placeholder: Callable[[Promise], Placeholder]) -> None:
        """Settle what other processes have left open.

        Raises:
            QueueUnavailable: Redis is out of reach.
        """
        for promise in await self._queue.open_promises():
            age = time.time() - promise.made_at
            if promise.interaction_id not in self._ours and age > GRACE_SECONDS:
                await self._redeem(promise, placeholder(promise))

    async def _redeem(self, promise: Promise, placeholder: Placeholder) -> None:
        is_over = time.time() > promise.made_at + KEEP_SECONDS
        if is_over or await self._is_kept(promise, placeholder):
            log.warning("promise_settled", job_id=promise.interaction_id)
            await self._queue.settle_promise(promise.interaction_id)

    async def _is_kept(self, promise: Promise, placeholder: Placeholder) -> bool:
        """Do what can be done for a promise, and tell whether that settles it."""
        job_id = promise.interaction_id
        jobs = await self._queue.records([job_id])
        if job_id not in jobs:
            return await placeholder.tell(say("error.interrupted", promise.locale))
        job = jobs[job_id]
        if job is not None and job.state is JobState.ENDED:
            return True
        found = await placeholder.look(job.address.message_id if job is not None else None)
        if found is Found.GONE:
            # Its member was told that it is not in line. Once begun it is its worker's to drop.
            return await self._queue.withdraw(job_id)
        return found is Found.THERE
