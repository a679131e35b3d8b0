"""The message of a job that was cancelled while it waited: the bot says so at once.

A worker would say it too, when one has a hand free, and does so where the bot cannot: when the
interaction's token is over, or the bot is away. Whoever holds the attempt's lease speaks.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bot.async_queue import AsyncQueue
from bot.positions import TOKEN_SECONDS
from bot.waiting_message import EDIT_SECONDS
from jobs.models import Job
from jobs.wording import say


def cancelled_text(job: Job) -> str:
    """Say that a job was cancelled, in the words that a worker uses."""
    return f"<@{job.address.requester_id}> {say('outcome.cancelled', job.address.locale)}"


async def tell_cancelled(
    queue: AsyncQueue, job: Job, edit: Callable[[str], Awaitable[object]]
) -> bool:
    """Say in a job's message that it was cancelled, and close it; False when another does.

    Raises:
        QueueUnavailable: Redis is out of reach.
        TimeoutError: Discord did not take the edit in time.
        discord.HTTPException: Discord refused the edit.
    """
    if time.time() >= job.address.interaction_at + TOKEN_SECONDS:
        return False
    async with queue.writer(job.id) as held:
        if not held or not await queue.reserve(job):
            return False
        try:
            # Where the edit arrives later still, it says what a worker says.
            async with asyncio.timeout(EDIT_SECONDS):
                await edit(cancelled_text(job))
            await queue.close_cancelled(job)
        finally:
            await queue.release(job)
    return True
