"""A job's life on the worker's side: claim, lease, progress, result, failure, end.

States: WAITING, RUNNING, RENDERED, ENDED. A job is RENDERED from the moment when its pictures are
drawn until the message that shows them is posted; the message is kept in Redis meanwhile, so that
whoever comes next can post it. A failure passes through FAILING, which lasts until the message that
tells about it is posted. Where neither can be posted the job is KEPT before it ends (`jobs.kept`).

Every change is one step, a transaction or a script, that names the state and the attempt it starts
from, so two processes can never both claim, retry or end a job, and an attempt that was given up
can no longer say anything. A cancelled attempt cannot become RENDERED, and a RENDERED job cannot be
cancelled: a job is one or the other.

An attempt lives as long as its lease; `jobs.recovery` takes back what has none.

Keys: `newbie:{queue}:job:{id}`, `newbie:{queue}:job:{id}:lease:{attempt}`, `newbie:{queue}:active`,
`newbie:{queue}:in_hand`, `newbie:{queue}:ticket:{name}` and those of `jobs.results`, listed in
`jobs.keys`.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from redis.client import Pipeline

from jobs.capability import ANYTHING, Capability
from jobs.connection import redis_errors
from jobs.errors import QueueUnavailable
from jobs.kept import Kept
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from jobs.records import Fields, as_text, ended_fields
from jobs.reports import MOST_REPORTS
from jobs.results import Parts, Results

log = structlog.get_logger("jobs")

# What a job may be while somebody works on it, or ought to.
DRAWING = {JobState.RUNNING, JobState.RENDERED}
IN_HAND = {*DRAWING, JobState.FAILING}


class Lifecycle:
    """Moves jobs from state to state."""

    def __init__(self, queue: RenderQueue) -> None:
        self.queue = queue
        self.results = Results(
            queue.redis,
            queue.keys,
            queue.keys.results,
            most_mib=queue.settings.results_mib,
            lifetime=queue.settings.keep_result,
        )
        self.kept = Kept(queue)
        self._redis = queue.redis
        self._keys = queue.keys
        self._settings = queue.settings

    def claim(self, ticket: str, capability: Capability = ANYTHING) -> Job | None:
        """Begin the first job in line that a worker can do; None when there is none.

        The ticket is the RQ job that asks. It gets one job, however often it asks.

        Raises:
            UnreadableJob: another version wrote it, and shall have it when the lease is over.
        """
        taken = self.queue.line.take(
            ticket,
            at=time.time(),
            lease=self._settings.lease,
            remember=self.queue.tickets.lifetime,
            capability=capability,
        )
        return None if taken is None else self.queue.get(taken[0])

    def taken_by(self, ticket: str) -> tuple[str, int] | None:
        """Tell which job and attempt one of RQ's jobs has begun."""
        with redis_errors():
            job_id, attempt = self._redis.hmget(self._keys.ticket(ticket), "job", "attempt")
        if job_id is None or attempt is None:
            return None
        return as_text(job_id), int(attempt)

    def settled(self, ticket: str) -> None:
        """Forget which job a ticket took: its process is over."""
        with redis_errors():
            self._redis.delete(self._keys.ticket(ticket))

    @contextmanager
    def lease(self, job_id: str, attempt: int) -> Iterator[None]:
        """Renew the attempt's sign of life in the background while the block runs."""
        over = threading.Event()

        def renew() -> None:
            while not over.wait(self._settings.lease / 3):
                try:
                    with redis_errors():
                        self._redis.set(key, 1, ex=self._settings.lease)
                except QueueUnavailable:
                    log.warning("lease_not_renewed", job_id=job_id)

        key = self._keys.lease(job_id, attempt)
        with redis_errors():
            self._redis.set(key, 1, ex=self._settings.lease)
        thread = threading.Thread(target=renew, name=f"lease-{job_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            with redis_errors():
                self._redis.delete(key)

    def reserve(self, job_id: str, attempt: int) -> bool:
        """Begin a lease where nobody else holds one: a report is posted by one process only."""
        with redis_errors():
            key = self._keys.lease(job_id, attempt)
            return bool(self._redis.set(key, 1, ex=self._settings.lease, nx=True))

    def release(self, job: Job) -> None:
        """End the lease of an attempt whose process is known to be over."""
        with redis_errors():
            self._redis.delete(self._keys.lease(job.id, job.attempt))

    def have_leases(self, jobs: list[Job]) -> list[bool]:
        """Tell which of the jobs' attempts give signs of life."""
        with redis_errors(), self._redis.pipeline(transaction=False) as pipe:
            for job in jobs:
                pipe.exists(self._keys.lease(job.id, job.attempt))
            return [bool(found) for found in pipe.execute()]

    def is_cancelled(self, job_id: str) -> bool:
        """Tell whether somebody wants the running attempt to stop."""
        with redis_errors():
            return bool(self._redis.hexists(self._keys.job(job_id), "cancelled_by"))

    def progress(self, job_id: str, attempt: int, step: int, total: int) -> None:
        """Record how far the running attempt is."""
        self._set(job_id, {JobState.RUNNING}, attempt, {"step": str(step), "total": str(total)})

    def keep(self, job_id: str, attempt: int, outcome: Outcome, parts: Parts | None) -> bool:
        """Record that the pictures are drawn, and keep the message that shows them.

        Without parts, or where they find no room, the job is drawn again if it is not posted.

        Returns:
            False when the attempt has nothing to say any more: it was overtaken or cancelled.
        """
        fitting = parts if parts is not None and self.results.fits(parts) else None
        if parts is not None and fitting is None:
            log.warning("result_not_kept", job_id=job_id)

        def write(pipe: Pipeline) -> None:
            key, said = self._keys.job(job_id), outcome.model_dump_json()
            pipe.hset(key, mapping={"state": JobState.RENDERED.value, "outcome": said})
            if fitting is not None:
                self.results.keep(pipe, job_id, fitting)

        if self.queue.change(
            job_id, {JobState.RUNNING}, write, attempt=attempt, unless_cancelled=True
        ):
            return True
        # Asked once more, because the answer got lost? The outcome tells whose it is: a Redis that
        # was restarted and forgot a second may have given the same attempt to two.
        job = self.queue.get(job_id)
        return job.state is JobState.RENDERED and job.outcome == outcome

    def delivered(self, job_id: str, attempt: int, message_id: str) -> bool:
        """Record that the picture is posted, before the job is closed."""
        return self._set(job_id, DRAWING, attempt, {"delivered": message_id})

    def fail(self, job_id: str, attempt: int, code: OutcomeCode) -> bool:
        """Record that the job failed; the caller tells its owner.

        Returns:
            False when the job is no longer this attempt's to fail.
        """
        return self._fail(job_id, attempt, code)

    def end(self, job_id: str, attempt: int, outcome: Outcome) -> bool:
        """Close the job: its message is posted, or can never be."""
        job, now = self._read(job_id), time.time()

        def write(pipe: Pipeline) -> None:
            key = self._keys.job(job_id)
            pipe.hset(key, mapping=ended_fields(outcome))
            pipe.expire(key, self._settings.keep_ended)
            pipe.zrem(self._keys.active, job_id)
            pipe.zrem(self._keys.in_hand, job_id)
            self.results.drop(pipe, job_id)
            if job is not None:
                self.queue.statistics.ended(pipe, job, outcome.code, now)

        return self.queue.change(job_id, IN_HAND, write, attempt=attempt)

    def end_delivered(self, job: Job) -> bool:
        """Close a job whose picture is posted already; False when it is not."""
        if job.delivered is None:
            return False
        outcome = job.outcome or Outcome(code=OutcomeCode.DONE)
        posted = outcome.model_copy(update={"message_id": job.delivered})
        self.end(job.id, job.attempt, posted)
        return True

    def abandon(self, job: Job, code: OutcomeCode = OutcomeCode.WORKER_LOST) -> None:
        """Take a job back from an attempt that got stuck: in line again, or given up."""
        if self.end_delivered(job):
            return
        if job.lost_attempts + 1 >= self._settings.max_attempts:
            self.give_up(job, code)
            return
        again = job.model_copy(update={"attempt": job.attempt + 1})
        if self._put_back(job, again, DRAWING):
            log.warning("job_requeued", job_id=job.id, attempt=again.attempt)

    def hand_back(self, job: Job) -> bool:
        """Put a job in line again whose worker stops before it is drawn; the attempt costs nothing.

        That a worker stops says nothing about the job, so it is not one of `max_attempts`. It gets
        a number of its own all the same: whatever the process still wrote would not count.

        Returns:
            False when there is nothing to hand back: it is drawn, cancelled, or another attempt's.
        """
        changes = {"attempt": job.attempt + 1, "handed_back": job.handed_back + 1}
        again = job.model_copy(update=changes)
        if not self._put_back(job, again, {JobState.RUNNING}):
            return False
        log.info("job_handed_back", job_id=job.id, attempt=again.attempt)
        return True

    def _put_back(self, job: Job, again: Job, states: set[JobState]) -> bool:
        """Put a job's next attempt in line, before all others; fail it where it is cancelled."""

        def write(pipe: Pipeline) -> None:
            fields: Fields = {
                "state": JobState.WAITING.value,
                "attempt": again.attempt,
                "handed_back": again.handed_back,
                "step": "0",
            }
            key = self._keys.job(job.id)
            pipe.hset(key, mapping=fields)
            pipe.hdel(key, "outcome", "reports", "report_after")
            pipe.zrem(self._keys.in_hand, job.id)
            self.results.drop(pipe, job.id)
            # Its turn had come already.
            self.queue.line.join(pipe, again, self.queue.cost(job.request), is_back=True)
            self.queue.tickets.add(pipe, again.id, again.attempt)

        if self.queue.change(job.id, states, write, attempt=job.attempt, unless_cancelled=True):
            return True
        if self.is_cancelled(job.id):
            self.give_up(job, OutcomeCode.CANCELLED)
        return False

    def give_up(self, job: Job, code: OutcomeCode) -> None:
        """Fail a job and have a worker tell its owner."""
        if self.end_delivered(job):
            return

        def order(pipe: Pipeline) -> None:
            self.queue.reports.order(pipe, job)

        if self._fail(job.id, job.attempt, code, order):
            log.warning("job_given_up", job_id=job.id, attempt=job.attempt, code=code.value)

    def enqueue_report(self, job: Job) -> None:
        """Have a worker post what the job has to say; when all tries are over, keep it for later.

        For half a day Discord was out of reach: what there is to say waits for its member.
        """
        if job.reports >= MOST_REPORTS:
            log.error("job_untold", job_id=job.id, tries=job.reports)
            outcome = job.outcome or Outcome(code=OutcomeCode.UNDELIVERABLE)
            self.kept.set_aside(job, outcome, self.results.get(job.id))
            return
        states = {JobState.FAILING, JobState.RENDERED}
        self.queue.change(
            job.id,
            states,
            lambda pipe: self.queue.reports.order(pipe, job),
            attempt=job.attempt,
        )

    def postpone_report(self, job: Job) -> None:
        """Count a try to tell what became of a job, and set when the next one may be."""
        states = {JobState.FAILING, JobState.RENDERED}
        self.queue.change(
            job.id,
            states,
            lambda pipe: self.queue.reports.postpone(pipe, job),
            attempt=job.attempt,
        )

    def _fail(
        self,
        job_id: str,
        attempt: int,
        code: OutcomeCode,
        order: Callable[[Pipeline], None] = lambda _: None,
    ) -> bool:
        job = self._read(job_id)

        def write(pipe: Pipeline) -> None:
            self.queue.line.leave(pipe, job_id)
            self.results.drop(pipe, job_id)
            self.queue.reports.fail(pipe, job_id, code)
            if job is not None:
                self.queue.accounting.give_back(pipe, job, code)
            order(pipe)

        states = {*DRAWING, JobState.WAITING}
        return self.queue.change(job_id, states, write, attempt=attempt)

    def _read(self, job_id: str) -> Job | None:
        """Read what never changes of a job before a transaction: whose it is and since when."""
        return self.queue.read([job_id]).get(job_id)

    def _set(self, job_id: str, states: set[JobState], attempt: int, fields: Fields) -> bool:
        def write(pipe: Pipeline) -> None:
            pipe.hset(self._keys.job(job_id), mapping=fields)

        return self.queue.change(job_id, states, write, attempt=attempt)
