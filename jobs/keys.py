"""Names of our Redis keys.

| key | type | what | lifetime |
|---|---|---|---|
| `newbie:{queue}:job:{id}` | hash | one job: request, address, state, attempt, times, progress, outcome | until the job ended, then `NEWBIE_QUEUE_KEEP_ENDED` |
| `newbie:{queue}:job:{id}:lease:{attempt}` | string | sign of life of one attempt | `NEWBIE_QUEUE_LEASE`, renewed while the attempt lives |
| `newbie:{queue}:job:{id}:writer` | string (lock) | who may edit the job's message now | 10 seconds, or until released |
| `newbie:{queue}:active` | sorted set | ids of all jobs that have not ended, by time of submission | a member leaves when its job ends |
| `newbie:{queue}:workers` | sorted set | names of workers, by the time of their last sign of life | a member leaves when it says goodbye, or an hour after its last sign |
| `newbie:{queue}:worker:{name}:plan` | string (JSON) | how a worker holds the model in memory, predicted and measured, and whether it can help with prompts | 15 seconds, renewed with its signs of life |

RQ keeps the order of the queue in keys of its own (`rq:*`): the list `rq:queue:{queue}` of
waiting jobs, a hash for each of them, and its registries. RQ's job ids are
`{job id}-{attempt}`, so a second attempt is never confused with what is left of the first.
"""  # noqa: E501

from dataclasses import dataclass


@dataclass(frozen=True)
class Keys:
    """The keys of one queue."""

    queue: str

    @property
    def active(self) -> str:
        """Sorted set of the ids of jobs that have not ended."""
        return f"newbie:{self.queue}:active"

    @property
    def workers(self) -> str:
        """Sorted set of workers by the time when each was last heard of."""
        return f"newbie:{self.queue}:workers"

    def worker_plan(self, name: str) -> str:
        """Memory plan of one worker."""
        return f"newbie:{self.queue}:worker:{name}:plan"

    def job(self, job_id: str) -> str:
        """Hash of one job."""
        return f"newbie:{self.queue}:job:{job_id}"

    def lease(self, job_id: str, attempt: int) -> str:
        """Sign of life of one attempt; a later attempt has a key of its own."""
        return f"{self.job(job_id)}:lease:{attempt}"

    def writer(self, job_id: str) -> str:
        """Lock of the job's message."""
        return f"{self.job(job_id)}:writer"


def rq_id(job_id: str, attempt: int) -> str:
    """Name of the RQ job that carries one attempt."""
    return f"{job_id}-{attempt}"


def job_id_of(rq_job_id: str) -> str:
    """Job that an RQ job belongs to."""
    return rq_job_id.split("-", 1)[0]


@dataclass(frozen=True)
class GuildKeys:
    """The keys of one Discord server (`guild`); `dm` where there is none, `all` for all servers.

    | key | type | what | lifetime |
    |---|---|---|---|
    | `newbie:{queue}:guild:{guild}:settings` | hash | what moderators set, field to JSON; `version` counts changes | while the bot is in the server; a month after it left |
    | `newbie:{queue}:guild:{guild}:audit` | stream | the latest changes: who, when, what, old, new, reason | the same; at most `jobs.audit.MAX_ENTRIES` entries |
    | `newbie:{queue}:guild:{guild}:use:{member}` | hash | what a member's requests of the last day cost: job's id to time and pixel-steps | a day after the last request |
    """  # noqa: E501

    queue: str
    guild: str

    @property
    def settings(self) -> str:
        """Hash of what moderators set."""
        return f"newbie:{self.queue}:guild:{self.guild}:settings"

    @property
    def audit(self) -> str:
        """Stream of changes."""
        return f"newbie:{self.queue}:guild:{self.guild}:audit"

    def use(self, member: str) -> str:
        """Hash of what a member's requests cost."""
        return f"newbie:{self.queue}:guild:{self.guild}:use:{member}"
