"""Names of our Redis keys.

| key | type | what | lifetime |
|---|---|---|---|
| `newbie:{queue}:job:{id}` | hash | one job: request, address, state, attempt, times, progress, outcome, and what the line needs of it | until the job ended, then `NEWBIE_QUEUE_KEEP_ENDED`; while it is kept, that and `NEWBIE_QUEUE_FETCH_DAYS` |
| `newbie:{queue}:job:{id}:lease:{attempt}` | string | sign of life of one attempt | `NEWBIE_QUEUE_LEASE`, renewed while the attempt lives |
| `newbie:{queue}:job:{id}:writer` | string (lock) | who may edit the job's message now | 10 seconds, or until released |
| `newbie:{queue}:job:{id}:result` | hash | the finished message, pictures and all, until it is posted or handed over | `NEWBIE_QUEUE_KEEP_RESULT`, or until the job ended; while it is kept, `NEWBIE_QUEUE_FETCH_DAYS` |
| `newbie:{queue}:job:{id}:handover` | string (lock) | who hands a kept result over now | two minutes, or until released |
| `newbie:{queue}:active` | sorted set | ids of all jobs that have not ended, by time of submission | a member leaves when its job ends |
| `newbie:{queue}:in_hand` | sorted set | ids of the active jobs that are not in line: drawn, to be posted or failing, by time | a member leaves when its job ends or is in line again |
| `newbie:{queue}:results` | sorted set | ids of jobs whose result is kept, by its bytes | a member leaves when its job ends or is in line again |
| `newbie:{queue}:kept` | sorted set | ids of kept jobs, by when their time is over | a member leaves when its job ends; twice `NEWBIE_QUEUE_FETCH_DAYS` after the last came |
| `newbie:{queue}:kept:sizes` | sorted set | ids of the same jobs, by the bytes of their pictures | the same |
| `newbie:{queue}:member:{id}:kept` | sorted set | ids of one member's kept jobs, by when their time is over | a member leaves when it was handed over, or when somebody heard that it is gone; twice `NEWBIE_QUEUE_FETCH_DAYS` after the last came |
| `newbie:{queue}:line` | sorted set | ids of waiting jobs, in the order in which they will be drawn | a member leaves when its job leaves the line |
| `newbie:{queue}:line:sums` | hash | sums of the line's work (`jobs/line.lua`) | until nothing waits |
| `newbie:{queue}:line:clock` | hash | `now`: the line's virtual time; `count`: of the jobs that joined it | until nothing waits |
| `newbie:{queue}:held` | sorted set | ids of jobs that wait beside the line, as their server is paused | a member leaves when its job is in line again, or does not wait any more |
| `newbie:{queue}:paused` | set | servers that are paused, `all` for all of them | a member leaves when its server goes on, or at a start of the bot when its settings are gone |
| `newbie:{queue}:promises` | hash | interactions that Discord shows as thinking and whose job is not known to be in line, with what answers them | a field leaves when that is settled; all end a day after the last one |
| `newbie:{queue}:member:{id}:waiting` | sorted set | ids of one member's waiting jobs, by virtual time | a member leaves when its job leaves the line |
| `newbie:{queue}:ticket:{name}` | hash | which job and attempt one of RQ's jobs has taken | until that is settled, or RQ's time limit for it is over |
| `newbie:{queue}:workers` | sorted set | names of workers, by the time of their last sign of life | a member leaves when it says goodbye, or an hour after its last sign |
| `newbie:{queue}:worker:{name}` | string (JSON) | what a worker says of itself: device, model, memory plan, speed, what it can do (`jobs.registration`) | 15 seconds, renewed with its signs of life |
| `newbie:{queue}:cards` | sorted set | which worker draws on which of several GPUs of a machine, by the time until which that holds | an hour after the last claim; a member leaves when its worker ends, or at the first claim after its time |

RQ has keys of its own (`rq:*`): the list `rq:queue:{queue}` of tickets and reports, a hash for each
of them, its workers and its registries. It removes them itself, but for the empty registries' names
in `rq:queues`. A ticket's id is `ticket-{job id}-{attempt}` after the job that it was made for, which
need not be the one that it takes; a report's id is `report-{job id}-{attempt}`.

Workers of versions before `newbie:{queue}:worker:{name}` write `:plan` and `:speed` below it, which
are read and end by themselves after 15 seconds.
"""  # noqa: E501

from dataclasses import dataclass


@dataclass(frozen=True)
class Keys:
    """The keys of one queue."""

    queue: str

    @property
    def prefix(self) -> str:
        """What all of them begin with."""
        return f"newbie:{self.queue}:"

    @property
    def active(self) -> str:
        """Sorted set of the ids of jobs that have not ended."""
        return f"{self.prefix}active"

    @property
    def in_hand(self) -> str:
        """Sorted set of the ids of active jobs that are not in line."""
        return f"{self.prefix}in_hand"

    @property
    def results(self) -> str:
        """Sorted set of jobs whose result is kept, by its bytes."""
        return f"{self.prefix}results"

    @property
    def kept(self) -> str:
        """Sorted set of jobs that wait for their members, by when their time is over."""
        return f"{self.prefix}kept"

    @property
    def kept_sizes(self) -> str:
        """Sorted set of the same jobs, by the bytes of their pictures."""
        return f"{self.kept}:sizes"

    @property
    def line(self) -> str:
        """Sorted set of the ids of waiting jobs."""
        return f"{self.prefix}line"

    @property
    def line_sums(self) -> str:
        """Sums of the line's work."""
        return f"{self.line}:sums"

    @property
    def line_clock(self) -> str:
        """Virtual time of the line."""
        return f"{self.line}:clock"

    @property
    def held(self) -> str:
        """Sorted set of jobs that wait beside the line."""
        return f"{self.prefix}held"

    @property
    def paused(self) -> str:
        """Set of servers that are paused."""
        return f"{self.prefix}paused"

    @property
    def promises(self) -> str:
        """Hash of what members were promised (`jobs.promises`)."""
        return f"{self.prefix}promises"

    @property
    def workers(self) -> str:
        """Sorted set of workers by the time when each was last heard of."""
        return f"{self.prefix}workers"

    def worker(self, name: str) -> str:
        """What one worker says of itself."""
        return f"{self.prefix}worker:{name}"

    @property
    def cards(self) -> str:
        """Sorted set of claims of GPUs."""
        return f"{self.prefix}cards"

    def older_worker(self, name: str) -> tuple[str, str]:
        """Memory plan and speed of one worker of an earlier version."""
        return f"{self.worker(name)}:plan", f"{self.worker(name)}:speed"

    def member_waiting(self, member_id: str) -> str:
        """Sorted set of the ids of one member's waiting jobs."""
        return f"{self.prefix}member:{member_id}:waiting"

    def member_kept(self, member_id: str) -> str:
        """Sorted set of one member's kept jobs, by when their time is over."""
        return f"{self.prefix}member:{member_id}:kept"

    def ticket(self, name: str) -> str:
        """What one of RQ's jobs has taken."""
        return f"{self.prefix}ticket:{name}"

    def job(self, job_id: str) -> str:
        """Hash of one job."""
        return f"{self.prefix}job:{job_id}"

    def lease(self, job_id: str, attempt: int) -> str:
        """Sign of life of one attempt; a later attempt has a key of its own."""
        return f"{self.job(job_id)}:lease:{attempt}"

    def writer(self, job_id: str) -> str:
        """Lock of the job's message."""
        return f"{self.job(job_id)}:writer"

    def result(self, job_id: str) -> str:
        """Finished message that waits to be posted."""
        return f"{self.job(job_id)}:result"

    def handover(self, job_id: str) -> str:
        """Lock of a kept result."""
        return f"{self.job(job_id)}:handover"


def ticket_name(job_id: str, attempt: int) -> str:
    """Name of the RQ job that is made when an attempt joins the line."""
    return f"ticket-{job_id}-{attempt}"


def report_name(job_id: str, attempt: int) -> str:
    """Name of the RQ job that posts what a job has to say."""
    return f"report-{job_id}-{attempt}"


@dataclass(frozen=True)
class GuildKeys:
    """The keys of one Discord server (`guild`); `dm` where there is none, `all` for all servers.

    | key | type | what | lifetime |
    |---|---|---|---|
    | `newbie:{queue}:guild:{guild}:settings` | hash | what moderators set, field to JSON; `version` counts changes | while the bot is in the server; a month after it left |
    | `newbie:{queue}:guild:{guild}:audit` | stream | the latest changes: who, when, what, old, new, reason | the same; at most `jobs.audit.MAX_ENTRIES` entries |
    | `newbie:{queue}:guild:{guild}:use:{member}` | hash | what a member's requests of the last day cost: job's id to time and pixel-steps | a day after the last request |
    | `newbie:{queue}:guild:{guild}:waiting` | set | ids of the server's waiting jobs (`jobs/line.lua`) | a member leaves when its job waits no more |
    | `newbie:{queue}:guild:{guild}:day:{date}` | hash | counts of one day (`jobs.stats`) | eight days after the last change |
    | `newbie:{queue}:guild:{guild}:day:{date}:members` | set | whose jobs were accepted on that day | the same |
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

    @property
    def waiting(self) -> str:
        """Set of the server's waiting jobs (`jobs/line.lua`)."""
        return f"newbie:{self.queue}:guild:{self.guild}:waiting"

    def day(self, date: str) -> str:
        """Hash of the counts of one day."""
        return f"newbie:{self.queue}:guild:{self.guild}:day:{date}"

    def day_members(self, date: str) -> str:
        """Set of members whose jobs were accepted on one day."""
        return f"{self.day(date)}:members"

    def use(self, member: str) -> str:
        """Hash of what a member's requests cost."""
        return f"newbie:{self.queue}:guild:{self.guild}:use:{member}"
