"""The message of a job that was cancelled while it waited: the bot says so at once.

A worker would say it too, when one has a hand free, and does so where the bot cannot: when the
message is gone, or the bot is away. Whoever holds the attempt's lease speaks.
"""

import asyncio

from bot.async_queue import AsyncQueue
from bot.waiting_message import EDIT_SECONDS, Edit
from jobs.controls import cancelled_text
from jobs.models import Job


async def tell_cancelled(queue: AsyncQueue, job: Job, edit: Edit) -> bool:
    """Say in a job's message that it was cancelled, and close it; False when another does.

    Raises:
        QueueUnavailable: Redis is out of reach.
        TimeoutError: Discord did not take the edit in time.
        discord.HTTPException: Discord refused the edit.
    """
    async with queue.writer(job.id) as held:
        if not held or not await queue.reserve(job):
            return False
        try:
            # Where the edit arrives later still, it says what a worker says.
            async with asyncio.timeout(EDIT_SECONDS):
                await edit(cancelled_text(job), None)
            await queue.close_cancelled(job)
        finally:
            await queue.release(job)
    return True
