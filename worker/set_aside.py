"""The last rung of the delivery ladder: what Discord takes on no way is kept for its member."""

import asyncio
import time

import structlog

from jobs.errors import JobsError
from jobs.lifecycle import Lifecycle
from jobs.models import Job, Outcome
from worker.delivery import Delivery
from worker.errors import Undeliverable
from worker.kept import to_parts
from worker.presentation import Content

log = structlog.get_logger("worker")

# Redis may be away for a moment just now.
TRIES = 20
PAUSE_SECONDS = 1.5


async def post_or_set_aside(
    lifecycle: Lifecycle, delivery: Delivery, job: Job, outcome: Outcome, content: Content
) -> str | None:
    """Post a job's message; None where Discord refuses it on every way, and it is kept instead.

    Raises:
        DiscordUnreachable: nothing is known about the ways.
        JobsError: Redis is out of reach, or refused to keep it.
    """
    try:
        return await delivery.post(content)
    except Undeliverable as error:
        refused = error.content
    if await asyncio.to_thread(_set_aside, lifecycle, job, outcome, refused):
        await delivery.point_to_fetch()
    else:
        log.warning("attempt_overtaken", job_id=job.id, attempt=job.attempt)
    return None


def _set_aside(lifecycle: Lifecycle, job: Job, outcome: Outcome, content: Content) -> bool:
    parts = to_parts(content)
    for _ in range(TRIES - 1):
        try:
            return lifecycle.kept.set_aside(job, outcome, parts)
        except JobsError:
            log.warning("redis_unavailable", job_id=job.id)
            time.sleep(PAUSE_SECONDS)
    return lifecycle.kept.set_aside(job, outcome, parts)
