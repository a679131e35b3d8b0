"""Finds jobs that nobody works on any more: worker killed, machine lost, Redis restarted.

Every worker looks every few seconds; since each change names the attempt it starts from, any
number may look at once. Uses the keys that `jobs.lifecycle` uses.
"""

import time

import structlog

from jobs.connection import redis_errors
from jobs.errors import UnknownJob, UnreadableJob
from jobs.keys import rq_id
from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState

log = structlog.get_logger("jobs")


class Recovery:
    """Looks at all active jobs and takes back what is lost."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        self._queue = lifecycle.queue
        # Attempts that a look found nowhere, and since when (monotonic seconds).
        self._missing: dict[tuple[str, int], float] = {}
        self._unreadable: set[str] = set()

    def look(self) -> None:
        """Look once.

        A job counts as lost when looks some time apart find it neither in line nor under a
        lease. Between leaving the line and its claim a job is briefly in neither place; and
        after Redis was away, a living attempt needs a moment to renew its lease.

        Raises:
            QueueUnavailable: Redis is out of reach.
        """
        ids = self._queue.active_ids()
        with redis_errors():
            in_line = set(self._queue.rq.get_job_ids())
        lost: dict[tuple[str, int], float] = {}
        now = time.monotonic()
        for job in filter(None, map(self._read, ids)):
            if self._is_cared_for(job, in_line):
                continue
            mark = (job.id, job.attempt)
            since = lost[mark] = self._missing.get(mark, now)
            if now - since >= self._patience(job):
                del lost[mark]
                self._take_back(job)
        self._missing = lost

    def _read(self, job_id: str) -> Job | None:
        try:
            return self._queue.get(job_id)
        except UnknownJob:
            with redis_errors():
                self._queue.redis.zrem(self._queue.keys.active, job_id)
        except UnreadableJob:
            if job_id not in self._unreadable:
                log.error("job_unreadable", job_id=job_id)
            self._unreadable.add(job_id)
        return None

    def _is_cared_for(self, job: Job, in_line: set[str]) -> bool:
        name = rq_id(job.id, job.attempt)
        if name in in_line or f"{name}-report" in in_line:
            return True
        if job.state is JobState.FAILING and time.time() < job.report_after:
            return True
        return self._lifecycle.has_lease(job)

    def _patience(self, job: Job) -> float:
        lease = self._queue.settings.lease
        return lease if job.state is JobState.WAITING else lease / 2

    def _take_back(self, job: Job) -> None:
        if job.state is JobState.FAILING:
            self._lifecycle.enqueue_report(job)
        else:
            self._lifecycle.abandon(job)
