"""RQ's side of the queue: one ticket for each place in line, and reports.

A ticket is an RQ job that names no job of ours: its task takes whichever is first in line when it
runs (`jobs.line`). So tickets need not be in order, one too many finds nothing and does no harm,
and missing ones are made up for: whenever a job is over, and by `jobs.recovery`. A ticket finds
nothing too while the jobs in line may not begin (see `jobs.line`); what may begin later gets a new
one then. A report is an RQ job that posts what one job
has to say; it goes before all tickets.

Keys: RQ's own (`rq:*`), and `newbie:{queue}:line`, listed in `jobs.keys`.
"""

import secrets

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError
from rq.job import Job as RqJob

from jobs.connection import redis_errors, rq_queue
from jobs.keys import Keys, report_name, ticket_name
from jobs.settings import QueueSettings

# The functions that an RQ worker runs, by name: this room never imports the worker's code.
RENDER_TASK = "worker.tasks.render"
REPORT_TASK = "worker.tasks.report"
# The task itself ends a render after `job_timeout`. RQ's own limit is a net below that, wide
# enough for posting while Discord has an outage.
DELIVERY_SECONDS = 180


class Tickets:
    """The RQ jobs of one queue."""

    def __init__(self, redis: Redis, settings: QueueSettings) -> None:
        self.rq = rq_queue(redis, settings.name)
        self._redis = redis
        self._line = Keys(settings.name).line
        self._timeout = settings.job_timeout + DELIVERY_SECONDS
        self._failure_ttl = settings.keep_ended

    @property
    def lifetime(self) -> int:
        """Seconds after which RQ has done with a ticket that a worker has begun, come what may."""
        return self._timeout + DELIVERY_SECONDS

    def add(self, pipe: Pipeline, job_id: str, attempt: int) -> None:
        """Add a ticket to an open transaction that puts this attempt in line."""
        self._enqueue(pipe, RENDER_TASK, ticket_name(job_id, attempt))

    def remove(self, pipe: Pipeline, job_id: str, attempt: int) -> None:
        """Take the ticket back that came with this attempt, unless it is used already."""
        name = ticket_name(job_id, attempt)
        pipe.delete(RqJob.key_for(name))
        self.rq.remove(name, pipeline=pipe)

    def add_report(self, pipe: Pipeline, job_id: str, attempt: int) -> None:
        """Add a report to an open transaction."""
        name = report_name(job_id, attempt)
        self._enqueue(pipe, REPORT_TASK, name, [job_id, attempt], at_front=True)

    def has_report(self, job_id: str, attempt: int) -> bool:
        """Tell whether a report still waits for a worker."""
        with redis_errors():
            return self._redis.lpos(self.rq.key, report_name(job_id, attempt)) is not None

    def pass_on(self) -> None:
        """Make a ticket in place of one whose worker found no job that it can draw."""
        with redis_errors(), self._redis.pipeline() as pipe:
            self._enqueue(pipe, RENDER_TASK, ticket_name(secrets.token_hex(8), 0))
            pipe.execute()

    def top_up(self, ready: int) -> int:
        """Make tickets until there are as many as jobs could begin, unless something moves."""
        with redis_errors(), self._redis.pipeline() as pipe:
            pipe.watch(self._line, self.rq.key)
            # Reports in the list hide that as many tickets are missing until they are done.
            missing = ready - pipe.llen(self.rq.key)
            if missing <= 0:
                return 0
            pipe.multi()
            for _ in range(missing):
                self._enqueue(pipe, RENDER_TASK, ticket_name(secrets.token_hex(8), 0))
            try:
                pipe.execute()
            except WatchError:
                return 0  # the next look does it
            return missing

    def _enqueue(
        self,
        pipe: Pipeline,
        task: str,
        name: str,
        args: list[str | int] | None = None,
        *,
        at_front: bool = False,
    ) -> None:
        self.rq.enqueue_call(
            task,
            args=args,
            job_id=name,
            timeout=self._timeout,
            result_ttl=0,
            failure_ttl=self._failure_ttl,
            description=name,
            at_front=at_front,
            pipeline=pipe,
        )
