"""The message of a waiting job: its place in line and a way out of it, until the worker takes over.

Uses the lock `newbie:{queue}:job:{id}:writer` (see `jobs.keys`). The place is read and shown while
that lock is held, and a job that no longer waits is left alone: its message is the worker's.
"""

import asyncio
from collections.abc import Awaitable, Callable

import discord

from bot.async_queue import AsyncQueue, Place
from bot.controls import cancel_view
from jobs.store import WRITER_LOCK_SECONDS
from jobs.wording import say

EDIT_SECONDS = WRITER_LOCK_SECONDS - 2

# Writes text and buttons into a job's message; None takes the buttons away.
Edit = Callable[[str, discord.ui.View | None], Awaitable[object]]


def place_text(place: Place, locale: str) -> str:
    """Say where the job stands and how long it will take, or that the queue is paused."""
    if place.position is None:
        return say("line.paused", locale)
    if place.wait is None:
        return say("queued.no_worker", locale, position=place.position)
    wait = place.wait
    return say(wait.key, locale, position=place.position, low=wait.low, high=wait.high)


async def show_place(queue: AsyncQueue, job_id: str, locale: str, edit: Edit) -> Place | None:
    """Edit the message of a job that waits; None when it is not ours to edit (any more).

    Raises:
        QueueUnavailable: Redis is out of reach.
        TimeoutError: Discord did not take the edit in time.
        discord.HTTPException: Discord refused the edit.
    """
    async with queue.writer(job_id) as held:
        if not held:
            return None
        try:
            async with asyncio.timeout(EDIT_SECONDS):
                place = await queue.place(job_id)
                if place is not None:
                    await edit(place_text(place, locale), cancel_view(job_id, locale))
                return place
        except TimeoutError:
            # The request may be under way still. Keep the lock until it ends by itself, so
            # that the worker's edit comes after ours.
            await asyncio.sleep(WRITER_LOCK_SECONDS - EDIT_SECONDS)
            raise
