"""Finds jobs that nobody works on any more: worker killed, machine lost, Redis restarted.

Every worker looks every few seconds; since each change names the attempt it starts from, any
number may look at once. A look costs as much as there are jobs in hand, however long the line is:
jobs in line need no care but a ticket each. Only where the books do not balance (an older version
wrote a job, or somebody removed keys) are all jobs looked at.

Uses the keys that `jobs.lifecycle` and `jobs.line` use.
"""

import time
from typing import cast

import structlog
from redis.client import Pipeline

from jobs.connection import redis_errors
from jobs.lifecycle import IN_HAND, Lifecycle
from jobs.models import Job, JobState
from jobs.records import as_text

log = structlog.get_logger("jobs")


class Recovery:
    """Looks at what is in hand and takes back what is lost."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        self._queue = lifecycle.queue
        self._keys = lifecycle.queue.keys
        # Attempts that a look found without a lease, and since when (monotonic seconds).
        self._missing: dict[tuple[str, int], float] = {}
        self._unreadable: set[str] = set()

    def look(self) -> None:
        """Look once.

        A job counts as lost when looks some time apart find it without a lease: after Redis was
        away, a living attempt needs a moment to renew it.

        Raises:
            QueueUnavailable: Redis is out of reach.
        """
        if not self._books_balance():
            self._balance_books()
        lost: dict[tuple[str, int], float] = {}
        now = time.monotonic()
        for job in self._uncared():
            mark = (job.id, job.attempt)
            since = lost[mark] = self._missing.get(mark, now)
            if now - since >= self._queue.settings.lease / 2:
                del lost[mark]
                self._take_back(job)
        self._missing = lost
        if gone := self._lifecycle.kept.expire():
            log.info("kept_results_expired", count=gone)
        if moved := self._queue.line.sort_out():
            log.info("jobs_held_or_released", count=moved)
        if made := self._queue.top_up():
            log.info("tickets_made", count=made)

    def _uncared(self) -> list[Job]:
        """Find the jobs in hand that nobody holds, and whose report is not to wait longer."""
        jobs = self._read(self._ids(self._keys.in_hand))
        leases = self._lifecycle.have_leases(jobs)
        return [job for job, held in zip(jobs, leases, strict=True) if not held and self._due(job)]

    def _due(self, job: Job) -> bool:
        if time.time() < job.report_after:
            return False
        return job.state is JobState.RUNNING or not self._queue.tickets.has_report(
            job.id, job.attempt
        )

    def _take_back(self, job: Job) -> None:
        if job.state is JobState.RUNNING:
            self._lifecycle.abandon(job)
        else:
            self._lifecycle.enqueue_report(job)

    def _books_balance(self) -> bool:
        with redis_errors(), self._queue.redis.pipeline() as pipe:
            pipe.zcard(self._keys.active)
            pipe.zcard(self._keys.line)
            pipe.zcard(self._keys.held)
            pipe.zcard(self._keys.in_hand)
            active, line, held, in_hand = map(int, pipe.execute())
        return active == line + held + in_hand

    def _balance_books(self) -> None:
        """Bring every active job to where its state says that it is."""
        active = self._ids(self._keys.active)
        waiting = {*self._ids(self._keys.line), *self._ids(self._keys.held)}
        in_hand = set(self._ids(self._keys.in_hand))
        for job in self._read([one for one in active if one not in waiting | in_hand]):
            # Each is checked again in the step that moves it.
            if job.state is JobState.WAITING:
                if self._queue.line.adopt(job, self._queue.cost(job.request)):
                    log.warning("job_adopted", job_id=job.id)
            elif job.state in IN_HAND:
                self._queue.change(job.id, IN_HAND, lambda pipe, job=job: self._hold(pipe, job))  # type: ignore[misc]
        self._read([one for one in waiting | in_hand if one not in active])

    def _hold(self, pipe: Pipeline, job: Job) -> None:
        pipe.zadd(self._keys.in_hand, {job.id: job.started_at or job.submitted_at})

    def _ids(self, key: str) -> list[str]:
        with redis_errors():
            rows = cast(list[bytes], self._queue.redis.zrange(key, 0, -1))
        return [as_text(row) for row in rows]

    def _read(self, job_ids: list[str]) -> list[Job]:
        """Read jobs; forget ids that no job has, and leave other versions' jobs alone."""
        found = self._queue.read(job_ids)
        for job_id in job_ids:
            if job_id not in found:
                self._forget(job_id)
            elif found[job_id] is None and job_id not in self._unreadable:
                log.error("job_unreadable", job_id=job_id)
                self._unreadable.add(job_id)
        return [job for job in found.values() if job is not None]

    def _forget(self, job_id: str) -> None:
        self._queue.line.forget(job_id)
        with redis_errors():
            self._queue.redis.zrem(self._keys.active, job_id)
            self._queue.redis.zrem(self._keys.in_hand, job_id)
