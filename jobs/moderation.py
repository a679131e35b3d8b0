"""What moderators do to jobs, written down in the audit stream of the job's server.

The entry is part of the transaction that makes the change. Keys: those of `jobs.queue` and
`newbie:{queue}:guild:{guild}:audit`, listed in `jobs.keys`.
"""

from redis.client import Pipeline

from jobs import audit
from jobs.guild import guild_of
from jobs.models import Job
from jobs.queue import RenderQueue
from jobs.store import Write

CANCELLED, FRONT = "cancelled", "front"


def cancel(queue: RenderQueue, job: Job, by: str, reason: str = "") -> bool:
    """Cancel somebody's job; False when it is too late.

    Raises what `RenderQueue.cancel` raises.
    """
    return queue.cancel(job.id, by, _entry(queue, job, by, CANCELLED, reason))


def front(queue: RenderQueue, job: Job, by: str, reason: str = "") -> bool:
    """Move somebody's job to the front; False when it does not wait (any more)."""
    return queue.front(job.id, _entry(queue, job, by, FRONT, reason))


def _entry(queue: RenderQueue, job: Job, by: str, what: str, reason: str) -> Write:
    keys = queue.guilds.keys(guild_of(job.address))

    def write(pipe: Pipeline) -> None:
        audit.record(pipe, keys, by=by, what=f"job:{job.id}", new=what, reason=reason)

    return write
