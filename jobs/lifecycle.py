"""A job's life on the worker's side: claim, lease, progress, failure, end, recovery.

States: WAITING, then RUNNING, then ENDED; a failure passes through FAILING, which lasts until
the message that tells about it is posted. Every change is one transaction that names the state
it starts from, so two processes can never both claim, retry or end a job.

An attempt lives as long as its lease. `recover` finds jobs whose attempt died without a word
(worker killed, machine lost, Redis restarted in between) and puts them in line again, or gives
them up after `NEWBIE_QUEUE_MAX_ATTEMPTS`.

Keys: `newbie:{queue}:job:{id}`, `newbie:{queue}:job:{id}:lease`, `newbie:{queue}:active`,
listed in `jobs.keys`.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from redis.client import Pipeline

from jobs.connection import redis_errors
from jobs.errors import QueueUnavailable, UnknownJob
from jobs.keys import rq_id
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.queue import REPORT_TASK, RenderQueue

log = structlog.get_logger("jobs")


class Lifecycle:
    """Moves jobs from state to state."""

    def __init__(self, queue: RenderQueue) -> None:
        self.queue = queue
        self._redis = queue.redis
        self._keys = queue.keys
        self._settings = queue.settings
        # Jobs that a sweep found nowhere, and since when (monotonic seconds).
        self._missing: dict[tuple[str, int], float] = {}

    def claim(self, job_id: str, attempt: int) -> Job | None:
        """Begin an attempt; None when it is not this attempt's turn (any more)."""

        def write(pipe: Pipeline) -> None:
            pipe.hset(
                self._keys.job(job_id),
                mapping={
                    "state": JobState.RUNNING.value,
                    "started_at": repr(time.time()),
                    "step": "0",
                },
            )
            self._renew(pipe, job_id, attempt)

        if not self.queue.change(job_id, {JobState.WAITING}, write, attempt=attempt):
            return None
        return self.queue.get(job_id)

    @contextmanager
    def lease(self, job_id: str, attempt: int) -> Iterator[None]:
        """Renew the attempt's sign of life in the background while the block runs."""
        over = threading.Event()

        def renew() -> None:
            while not over.wait(self._settings.lease / 3):
                try:
                    with redis_errors(), self._redis.pipeline() as pipe:
                        self._renew(pipe, job_id, attempt)
                        pipe.execute()
                except QueueUnavailable:
                    log.warning("lease_not_renewed", job_id=job_id)

        thread = threading.Thread(target=renew, name=f"lease-{job_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            with redis_errors():
                self._redis.delete(self._keys.lease(job_id))

    def _renew(self, pipe: Pipeline, job_id: str, attempt: int) -> None:
        pipe.set(self._keys.lease(job_id), attempt, ex=self._settings.lease)

    def progress(self, job_id: str, step: int, total: int) -> None:
        """Record how far the running attempt is."""
        with redis_errors():
            self._redis.hset(self._keys.job(job_id), mapping={"step": step, "total": total})

    def delivered(self, job_id: str, message_id: str) -> None:
        """Record that the picture is posted, before the job is closed."""
        with redis_errors():
            self._redis.hset(self._keys.job(job_id), "delivered", message_id)

    def fail(self, job_id: str, attempt: int, code: OutcomeCode) -> bool:
        """Record that the job failed and that its owner must be told.

        Returns:
            False when the job is no longer this attempt's to fail.
        """
        outcome = Outcome(code=code)

        def write(pipe: Pipeline) -> None:
            pipe.hset(
                self._keys.job(job_id),
                mapping={"state": JobState.FAILING.value, "outcome": outcome.model_dump_json()},
            )

        states = {JobState.RUNNING, JobState.WAITING}
        return self.queue.change(job_id, states, write, attempt=attempt)

    def end(self, job_id: str, outcome: Outcome) -> bool:
        """Close the job: its message is posted, or can never be."""

        def write(pipe: Pipeline) -> None:
            key = self._keys.job(job_id)
            pipe.hset(
                key,
                mapping={
                    "state": JobState.ENDED.value,
                    "ended_at": repr(time.time()),
                    "outcome": outcome.model_dump_json(),
                },
            )
            pipe.expire(key, self._settings.keep_ended)
            pipe.zrem(self._keys.active, job_id)

        return self.queue.change(job_id, {JobState.RUNNING, JobState.FAILING}, write)

    def abandon(self, job: Job) -> None:
        """Take a job back from an attempt that died: in line again, or given up."""
        if job.attempt + 1 >= self._settings.max_attempts:
            if self.fail(job.id, job.attempt, OutcomeCode.WORKER_LOST):
                log.warning("job_given_up", job_id=job.id, attempt=job.attempt)
                self.enqueue_report(job.id, job.attempt)
            return
        attempt = job.attempt + 1

        def write(pipe: Pipeline) -> None:
            pipe.hset(
                self._keys.job(job.id),
                mapping={"state": JobState.WAITING.value, "attempt": attempt, "step": "0"},
            )
            # Its turn had come already.
            self.queue.enqueue(pipe, job.id, attempt, at_front=True)

        states = {JobState.RUNNING, JobState.WAITING}
        if self.queue.change(job.id, states, write, attempt=job.attempt):
            log.warning("job_requeued", job_id=job.id, attempt=attempt)

    def enqueue_report(self, job_id: str, attempt: int) -> None:
        """Have a worker post the message that tells about a failure."""

        def write(pipe: Pipeline) -> None:
            self.queue.enqueue(pipe, job_id, attempt, task=REPORT_TASK, at_front=True)

        self.queue.change(job_id, {JobState.FAILING}, write)

    def recover(self) -> None:
        """Look once at every active job and take back what nobody works on.

        A job counts as lost when looks some time apart find it neither in line nor under a
        lease. Between leaving the line and its claim a job is briefly in neither place; and
        after Redis was away, a living attempt needs a moment to renew its lease.
        """
        ids = self.queue.active_ids()
        with redis_errors():
            in_line = set(self.queue.rq.get_job_ids())
        lost: dict[tuple[str, int], float] = {}
        now = time.monotonic()
        for job_id in ids:
            try:
                job = self.queue.get(job_id)
            except UnknownJob:
                with redis_errors():
                    self._redis.zrem(self._keys.active, job_id)
                continue
            if self._is_cared_for(job, in_line):
                continue
            mark = (job.id, job.attempt)
            since = lost[mark] = self._missing.get(mark, now)
            patience = self._settings.lease / (1 if job.state is JobState.WAITING else 2)
            if now - since >= patience:
                del lost[mark]
                if job.state is JobState.FAILING:
                    self.enqueue_report(job.id, job.attempt)
                else:
                    self.abandon(job)
        self._missing = lost

    def _is_cared_for(self, job: Job, in_line: set[str]) -> bool:
        name = rq_id(job.id, job.attempt)
        if name in in_line or f"{name}-report" in in_line:
            return True
        with redis_errors():
            return bool(self._redis.exists(self._keys.lease(job.id)))
