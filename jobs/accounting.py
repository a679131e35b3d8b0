"""What requests cost their members, in the transactions that accept, withdraw and fail jobs.

A member's limits are kept exactly, however many requests arrive at once: what they used is watched.
The capacity of a server and of the queue may be exceeded by as many requests as are decided on at
the same moment. Keys: those of `jobs.usage` and `jobs.stats`, listed in `jobs.keys`.
"""

from redis import Redis
from redis.client import Pipeline

from jobs import usage
from jobs.errors import LimitReached
from jobs.guild import guild_of
from jobs.keys import GuildKeys
from jobs.limits import Terms, UsageFacts, decide
from jobs.line import Line
from jobs.models import Job, JobState, OutcomeCode
from jobs.stats import Statistics

# The device drew all the same, at the member's wish.
PAID_FOR = frozenset({OutcomeCode.CANCELLED, OutcomeCode.PICTURE_REFUSED})


class Accounting:
    """Decides by limits, writes down what was accepted, and gives back."""

    def __init__(self, redis: Redis, queue: str, line: Line) -> None:
        self.statistics = Statistics(redis, queue)
        self._queue = queue
        self._line = line

    def watched(self, job: Job) -> str:
        """Name the key that must not change between deciding and writing."""
        return self._keys(job).use(job.address.requester_id)

    def decide(self, pipe: Pipeline, job: Job, terms: Terms | None) -> usage.Usage:
        """Hold a request against its limits; gives what its member used. The pipe is watching.

        Raises:
            LimitReached: a limit refuses it.
        """
        member = job.address.requester_id
        used = usage.read(pipe, self._keys(job), member)
        if terms is None:
            return used
        counts = self._line.usage(pipe, member, guild_of(job.address))
        facts = UsageFacts(
            waiting=counts.waiting,
            running=counts.running,
            last_accepted=used.last_accepted,
            spent=used.spent,
            guild_waiting=counts.guild_waiting,
            total_waiting=counts.total_waiting,
        )
        refusal = decide(terms.facts, facts, terms.limits, job.submitted_at)
        if refusal is not None:
            raise LimitReached(refusal)
        return used

    def accept(self, pipe: Pipeline, job: Job, terms: Terms | None, used: usage.Usage) -> None:
        """Write down what a job costs, in the open transaction that stores it."""
        self.statistics.accepted(pipe, job)
        if terms is not None:
            usage.record(
                pipe,
                self._keys(job),
                job.address.requester_id,
                job_id=job.id,
                pixel_steps=terms.facts.pixel_steps,
                now=job.submitted_at,
                usage=used,
            )

    def withdraw(self, pipe: Pipeline, job: Job) -> None:
        """Forget what a job costs, in the open transaction that removes it."""
        usage.give_back(pipe, self._keys(job), job.address.requester_id, job.id)
        self.statistics.withdrawn(pipe, job)

    def give_back(self, pipe: Pipeline, job: Job, code: OutcomeCode) -> None:
        """Give back what a job cost that failed, in the open transaction that fails it.

        What its owner cancelled while it was drawn is paid for, and so is a picture that was held
        back; what was cancelled in line leaves the cooldown.
        """
        keys, member = self._keys(job), job.address.requester_id
        if code is OutcomeCode.CANCELLED and job.state is JobState.WAITING:
            usage.keep_cooldown(pipe, keys, member, job_id=job.id, accepted_at=job.submitted_at)
        elif code not in PAID_FOR:
            usage.give_back(pipe, keys, member, job.id)

    def _keys(self, job: Job) -> GuildKeys:
        return GuildKeys(self._queue, guild_of(job.address))
