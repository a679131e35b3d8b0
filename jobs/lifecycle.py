"""A job's life on the worker's side: claim, lease, progress, failure, end.

States: WAITING, then RUNNING, then ENDED; a failure passes through FAILING, which lasts until
the message that tells about it is posted. Every change is one transaction that names the state
and the attempt it starts from, so two processes can never both claim, retry or end a job, and
an attempt that was given up can no longer say anything.

An attempt lives as long as its lease; `jobs.recovery` takes back what has none.

Keys: `newbie:{queue}:job:{id}`, `newbie:{queue}:job:{id}:lease:{attempt}`,
`newbie:{queue}:active`, listed in `jobs.keys`.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from redis.client import Pipeline

from jobs.connection import redis_errors
from jobs.errors import QueueUnavailable
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.queue import REPORT_TASK, RenderQueue

log = structlog.get_logger("jobs")

# While Discord is out of reach, the owner of a failed job is told later and later: after half a
# minute, one, two, four ... at most an hour, and for about half a day in all.
FIRST_REPORT_PAUSE = 30.0
LONGEST_REPORT_PAUSE = 3600.0
MOST_REPORTS = 18


class Lifecycle:
    """Moves jobs from state to state."""

    def __init__(self, queue: RenderQueue) -> None:
        self.queue = queue
        self._redis = queue.redis
        self._keys = queue.keys
        self._settings = queue.settings

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

        with redis_errors(), self._redis.pipeline() as pipe:
            self._renew(pipe, job_id, attempt)
            pipe.execute()
        thread = threading.Thread(target=renew, name=f"lease-{job_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            with redis_errors():
                self._redis.delete(self._keys.lease(job_id, attempt))

    def _renew(self, pipe: Pipeline, job_id: str, attempt: int) -> None:
        pipe.set(self._keys.lease(job_id, attempt), 1, ex=self._settings.lease)

    def has_lease(self, job: Job) -> bool:
        """Tell whether the job's attempt gives signs of life."""
        with redis_errors():
            return bool(self._redis.exists(self._keys.lease(job.id, job.attempt)))

    def is_current(self, job_id: str, attempt: int) -> bool:
        """Tell whether an attempt still is the one that runs the job."""
        job = self.queue.get(job_id)
        return job.state is JobState.RUNNING and job.attempt == attempt

    def progress(self, job_id: str, attempt: int, step: int, total: int) -> None:
        """Record how far the running attempt is."""
        self._set(job_id, {JobState.RUNNING}, attempt, {"step": str(step), "total": str(total)})

    def delivered(self, job_id: str, attempt: int, message_id: str) -> bool:
        """Record that the picture is posted, before the job is closed."""
        return self._set(job_id, {JobState.RUNNING}, attempt, {"delivered": message_id})

    def fail(self, job_id: str, attempt: int, code: OutcomeCode) -> bool:
        """Record that the job failed and that its owner must be told.

        Returns:
            False when the job is no longer this attempt's to fail.
        """
        fields = {
            "state": JobState.FAILING.value,
            "outcome": Outcome(code=code).model_dump_json(),
        }
        return self._set(job_id, {JobState.RUNNING, JobState.WAITING}, attempt, fields)

    def end(self, job_id: str, attempt: int, outcome: Outcome) -> bool:
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

        states = {JobState.RUNNING, JobState.FAILING}
        return self.queue.change(job_id, states, write, attempt=attempt)

    def end_delivered(self, job: Job) -> bool:
        """Close a job whose picture is posted already; False when it is not."""
        if job.delivered is None:
            return False
        self.end(job.id, job.attempt, Outcome(code=OutcomeCode.DONE, message_id=job.delivered))
        return True

    def abandon(self, job: Job, code: OutcomeCode = OutcomeCode.WORKER_LOST) -> None:
        """Take a job back from an attempt that got stuck: in line again, or given up."""
        if self.end_delivered(job):
            return
        if job.attempt + 1 >= self._settings.max_attempts:
            self.give_up(job, code)
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

    def give_up(self, job: Job, code: OutcomeCode) -> None:
        """Fail a job and have a worker tell its owner."""
        if self.end_delivered(job):
            return
        if self.fail(job.id, job.attempt, code):
            log.warning("job_given_up", job_id=job.id, attempt=job.attempt, code=code.value)
            self.enqueue_report(job)

    def enqueue_report(self, job: Job) -> None:
        """Have a worker post the message that tells about a failure, unless all tries are over."""
        if job.reports >= MOST_REPORTS:
            log.error("job_untold", job_id=job.id, tries=job.reports)
            self.end(job.id, job.attempt, job.outcome or Outcome(code=OutcomeCode.INTERNAL))
            return
        self.postpone_report(job)

        def write(pipe: Pipeline) -> None:
            self.queue.enqueue(pipe, job.id, job.attempt, task=REPORT_TASK, at_front=True)

        self.queue.change(job.id, {JobState.FAILING}, write, attempt=job.attempt)

    def postpone_report(self, job: Job) -> None:
        """Count a try to tell about a failure, and set when the next one may be."""
        pause = min(LONGEST_REPORT_PAUSE, FIRST_REPORT_PAUSE * 2**job.reports)
        fields = {
            "reports": str(job.reports + 1),
            "report_after": repr(time.time() + pause),
        }
        self._set(job.id, {JobState.FAILING}, job.attempt, fields)

    def _set(
        self, job_id: str, states: set[JobState], attempt: int, fields: dict[str, str]
    ) -> bool:
        def write(pipe: Pipeline) -> None:
            for name, value in fields.items():
                pipe.hset(self._keys.job(job_id), name, value)

        return self.queue.change(job_id, states, write, attempt=attempt)
