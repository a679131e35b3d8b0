"""The queue as the bot sees it: submit a job, ask where it stands.

Invariants:
- An interaction is accepted at most once: its id is the job's id.
- A job's hash, its place in the line and its membership in the active set are written in one
  transaction: a job is stored whole and in line, or not at all.
- The order is RQ's: first come, first served.

Keys: `newbie:{queue}:job:{id}` and `newbie:{queue}:active`, listed in `jobs.keys`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import cast

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import LockError, WatchError
from rq.job import Job as RqJob

from jobs import presence
from jobs.connection import redis_errors, rq_queue
from jobs.errors import UnknownJob, UnreadableJob
from jobs.keys import Keys, job_id_of, rq_id
from jobs.models import DeliveryAddress, Job, JobState, QueueStatus, RenderRequest
from jobs.records import as_text, from_fields, to_fields
from jobs.settings import QueueSettings

# The functions that an RQ worker runs, by name: this room never imports the worker's code.
RENDER_TASK = "worker.tasks.render"
REPORT_TASK = "worker.tasks.report"
WRITER_LOCK_SECONDS = 10.0
# The task itself ends a render after `job_timeout`. RQ's own limit is a net below that, wide
# enough for posting while Discord has an outage.
DELIVERY_SECONDS = 180


class RenderQueue:
    """Jobs that wait, run and ended, in Redis."""

    def __init__(self, redis: Redis, settings: QueueSettings) -> None:
        self.redis = redis
        self.settings = settings
        self.keys = Keys(settings.name)
        self.rq = rq_queue(redis, settings.name)

    def submit(self, request: RenderRequest, address: DeliveryAddress) -> Job:
        """Store a job and put it in line; submitting the same interaction again changes nothing.

        Raises:
            QueueUnavailable: Redis is out of reach; nothing was accepted.
        """
        job = Job(
            id=address.interaction_id,
            request=request,
            address=address,
            state=JobState.WAITING,
            submitted_at=time.time(),
        )
        key = self.keys.job(job.id)
        with redis_errors(), self.redis.pipeline() as pipe:
            while True:
                try:
                    pipe.watch(key)
                    if pipe.exists(key):
                        return self.get(job.id)
                    pipe.multi()
                    pipe.hset(key, mapping=to_fields(job))
                    pipe.zadd(self.keys.active, {job.id: job.submitted_at})
                    self.enqueue(pipe, job.id, job.attempt)
                    pipe.execute()
                    return job
                except WatchError:
                    continue

    def withdraw(self, job_id: str) -> bool:
        """Remove a job that still waits for its first attempt, as if it had never been submitted.

        For a submission whose answer got lost on its way back: its member was told that it was
        not accepted.

        Returns:
            False when there is no such job (any more).
        """
        name = rq_id(job_id, 0)

        def write(pipe: Pipeline) -> None:
            pipe.delete(self.keys.job(job_id), RqJob.key_for(name))
            pipe.zrem(self.keys.active, job_id)
            self.rq.remove(name, pipeline=pipe)

        return self.change(job_id, {JobState.WAITING}, write, attempt=0)

    def enqueue(
        self,
        pipe: Pipeline,
        job_id: str,
        attempt: int,
        *,
        task: str = RENDER_TASK,
        at_front: bool = False,
    ) -> None:
        """Add RQ's job for one attempt to an open transaction."""
        name = rq_id(job_id, attempt) + ("" if task == RENDER_TASK else "-report")
        self.rq.enqueue_call(
            task,
            args=[job_id, attempt],
            job_id=name,
            timeout=self.settings.job_timeout + DELIVERY_SECONDS,
            result_ttl=0,
            failure_ttl=self.settings.keep_ended,
            description=name,
            at_front=at_front,
            pipeline=pipe,
        )

    def get(self, job_id: str) -> Job:
        """Read one job.

        Raises:
            UnknownJob: there is none with this id.
            UnreadableJob: another version wrote it.
            QueueUnavailable: Redis is out of reach.
        """
        with redis_errors():
            fields = self.redis.hgetall(self.keys.job(job_id))
        if not fields:
            raise UnknownJob(job_id)
        return from_fields(job_id, fields)

    def position(self, job_id: str) -> int | None:
        """Place in line, 1 for the next one; None when the job does not wait in line."""
        job = self.get(job_id)
        if job.state is not JobState.WAITING:
            return None
        with redis_errors():
            index = self.rq.get_job_position(rq_id(job_id, job.attempt))
        return None if index is None else index + 1

    def front(self, limit: int) -> list[Job]:
        """Read the jobs that wait at the front of the line, in order."""
        with redis_errors():
            names = self.rq.get_job_ids(0, limit)
            with self.redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.hgetall(self.keys.job(job_id_of(name)))
                rows = pipe.execute()
        found = []
        for name, row in zip(names, rows, strict=True):
            # A record of another version is that version's to show.
            with suppress(UnreadableJob):
                if row:
                    found.append(from_fields(job_id_of(name), row))
        return [job for job in found if job.state is JobState.WAITING]

    def active_ids(self) -> list[str]:
        """List the jobs that have not ended, oldest first."""
        with redis_errors():
            rows = cast(list[bytes], self.redis.zrange(self.keys.active, 0, -1))
        return [as_text(row) for row in rows]

    def status(self) -> QueueStatus:
        """Count waiting jobs, running jobs and workers."""
        with redis_errors():
            waiting = self.rq.count
            active = int(self.redis.zcard(self.keys.active))
        return QueueStatus(
            waiting=waiting,
            running=max(0, active - waiting),
            workers=presence.count(self.redis, self.keys),
        )

    def change(
        self,
        job_id: str,
        states: set[JobState],
        write: Callable[[Pipeline], None],
        *,
        attempt: int | None = None,
    ) -> bool:
        """Write in one transaction, and only while the job is in one of the states.

        Returns:
            False when the job is unknown, in another state, or at another attempt.
        """
        key = self.keys.job(job_id)
        with redis_errors(), self.redis.pipeline() as pipe:
            while True:
                try:
                    pipe.watch(key)
                    state, stored = pipe.hmget(key, ["state", "attempt"])
                    if state is None or stored is None:
                        return False
                    if JobState(as_text(state)) not in states:
                        return False
                    if attempt is not None and int(stored) != attempt:
                        return False
                    pipe.multi()
                    write(pipe)
                    pipe.execute()
                    return True
                except WatchError:
                    continue

    @contextmanager
    def writer(self, job_id: str, *, wait: float) -> Iterator[bool]:
        """Hold the right to edit the job's message; yields False if another holds it too long.

        The bot shows positions and the worker shows results in the same message. Whoever edits
        holds this lock, and the bot checks the state under it, so a late position never covers
        a picture.
        """
        lock = self.redis.lock(
            self.keys.writer(job_id), timeout=WRITER_LOCK_SECONDS, thread_local=False
        )
        with redis_errors():
            held = lock.acquire(blocking=wait > 0, blocking_timeout=wait or None)
        try:
            yield held
        finally:
            if held:
                # LockError: its lifetime ended first; the next writer has it already.
                with redis_errors(), suppress(LockError):
                    lock.release()
