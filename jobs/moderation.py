"""What moderators do to jobs, written down in the audit stream of the job's server.

The entry is part of the transaction that makes the change. Keys: those of `jobs.queue` and
`newbie:{queue}:guild:{guild}:audit`, listed in `jobs.keys`.
"""

from redis.client import Pipeline

from jobs import audit
from jobs.guild import NO_GUILD
from jobs.models import Job
from jobs.queue import RenderQueue

CANCELLED = "cancelled"


def guild_of(job: Job) -> str:
    """Give the name under which the settings of a job's server are stored."""
    return job.address.guild_id or NO_GUILD


def cancel(queue: RenderQueue, job: Job, by: str, reason: str = "") -> bool:
    """Cancel somebody's job; False when it is too late.

    Raises what `RenderQueue.cancel` raises.
    """

    def note(pipe: Pipeline) -> None:
        keys = queue.guilds.keys(guild_of(job))
        audit.record(pipe, keys, by=by, what=f"job:{job.id}", new=CANCELLED, reason=reason)

    return queue.cancel(job.id, by, note)
