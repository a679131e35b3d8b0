"""The jobs that are offered while a moderator types: few, and read once in a few seconds.

Discord asks at each keystroke; what was read just before is good enough for all of them.
"""

import time
from collections import OrderedDict

from discord.app_commands import Choice

from bot.async_queue import AsyncQueue
from jobs.guild import EVERY_GUILD
from jobs.models import Job, JobState
from jobs.wording import say

# Discord's limits for choices and their names.
MOST_CHOICES, MOST_CHARACTERS = 25, 100
# Whoever looks for another one has `queue show`.
READ = 100
FRESH_SECONDS = 3.0
REMEMBERED_SERVERS = 50


class JobChoices:
    """Offers jobs by their ids and prompts."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, list[Job]]] = OrderedDict()

    async def suggest(
        self, queue: AsyncQueue, guild: str, typed: str, locale: str
    ) -> list[Choice[str]]:
        """Offer the jobs of a server, or of all, that fit what was typed.

        Raises:
            QueueUnavailable: Redis is out of reach.
        """
        wanted = typed.strip().casefold()
        fitting = [
            job
            for job in await self._jobs(queue, guild)
            if wanted in job.id or wanted in job.request.prompt.casefold()
        ]
        return [Choice(name=_name(job, locale), value=job.id) for job in fitting[:MOST_CHOICES]]

    async def _jobs(self, queue: AsyncQueue, guild: str) -> list[Job]:
        read_at, jobs = self._seen.get(guild, (-FRESH_SECONDS, []))
        if time.monotonic() - read_at >= FRESH_SECONDS:
            ids = await queue.active_ids(None if guild == EVERY_GUILD else guild)
            jobs = await queue.read(ids[:READ])
            self._seen[guild] = (time.monotonic(), jobs)
            self._seen.move_to_end(guild)
            while len(self._seen) > REMEMBERED_SERVERS:
                self._seen.popitem(last=False)
        return jobs


def _name(job: Job, locale: str) -> str:
    is_early = job.state in (JobState.WAITING, JobState.RUNNING)
    state = say(f"admin.state.{job.state.value if is_early else 'posting'}", locale)
    name = " ".join(f"{job.id} · {state} · {job.request.prompt}".split())
    return name if len(name) <= MOST_CHARACTERS else f"{name[: MOST_CHARACTERS - 1]}…"
