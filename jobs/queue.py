"""The queue as the bot sees it: submit a job, ask where it stands, cancel it.

Invariants:
- An interaction is accepted at most once: its id is the job's id.
- A job's hash, its place in the line, its ticket and its membership in the active set are written
  in one transaction: a job is stored whole and in line, or not at all.
- The order is the line's (`jobs.line`), which is fair to members; RQ carries tickets for it.

Keys: `newbie:{queue}:job:{id}`, `newbie:{queue}:job:{id}:writer`, `newbie:{queue}:active` and those
of `jobs.line`, listed in `jobs.keys`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import cast

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import LockError, WatchError

from jobs import presence
from jobs.connection import redis_errors
from jobs.cost import Speed, cost, work_of
from jobs.errors import UnknownJob, UnreadableJob
from jobs.eta import Load, Standing, forecast
from jobs.guild_settings import GuildSettingsStore
from jobs.keys import Keys
from jobs.line import Line
from jobs.models import DeliveryAddress, Job, JobState, OutcomeCode, QueueStatus, RenderRequest
from jobs.promises import Promises
from jobs.records import as_text, from_fields, to_fields
from jobs.reports import Reports
from jobs.settings import QueueSettings
from jobs.tickets import Tickets

WRITER_LOCK_SECONDS = 10.0
# How long the workers' speeds may be old where only a job's cost depends on them.
SPEEDS_SECONDS = 5.0


class RenderQueue:
    """Jobs that wait, run and ended, in Redis."""

    def __init__(self, redis: Redis, settings: QueueSettings) -> None:
        self.redis = redis
        self.settings = settings
        self.keys = Keys(settings.name)
        self.line = Line(redis, self.keys)
        self.tickets = Tickets(redis, settings)
        self.reports = Reports(self.keys, self.tickets)
        self.promises = Promises(redis, self.keys)
        self.guilds = GuildSettingsStore(redis, settings.name)
        self.rq = self.tickets.rq
        self._speeds: tuple[float, list[Speed]] = (-SPEEDS_SECONDS, [])

    def submit(
        self, request: RenderRequest, address: DeliveryAddress, *, weight: float = 1.0
    ) -> Job:
        """Store a job and put it in line; submitting the same interaction again changes nothing.

        A member of weight 2 gets twice the share of one of weight 1 while both wait.

        Raises:
            QueueUnavailable: Redis is out of reach; nothing was accepted.
            ValidationError: the weight is out of range.
        """
        job = Job(
            id=address.interaction_id,
            request=request,
            address=address,
            state=JobState.WAITING,
            weight=weight,
            submitted_at=time.time(),
        )
        key, price = self.keys.job(job.id), self.cost(request)
        with redis_errors(), self.redis.pipeline() as pipe:
            while True:
                try:
                    pipe.watch(key)
                    if pipe.exists(key):
                        return self.get(job.id)
                    pipe.multi()
                    pipe.hset(key, mapping=to_fields(job))
                    pipe.zadd(self.keys.active, {job.id: job.submitted_at})
                    self.line.join(pipe, job, price)
                    self.tickets.add(pipe, job.id, job.attempt)
                    pipe.execute()
                    return job
                except WatchError:
                    continue

    def withdraw(self, job_id: str, *, begun_as: int | None = None) -> bool:
        """Remove a job that still waits for its first attempt, as if it had never been submitted.

        For a submission whose answer got lost on its way back: its member was told that it was
        not accepted. `begun_as` is the attempt of whoever has begun it and finds that out.

        Returns:
            False when there is no such job (any more).
        """

        def write(pipe: Pipeline) -> None:
            self.line.leave(pipe, job_id)
            pipe.delete(self.keys.job(job_id))
            pipe.zrem(self.keys.active, job_id)
            pipe.zrem(self.keys.in_hand, job_id)
            pipe.delete(self.keys.result(job_id))
            pipe.zrem(self.keys.results, job_id)
            self.tickets.remove(pipe, job_id, 0)

        if begun_as is not None:
            return self.change(job_id, set(JobState) - {JobState.ENDED}, write, attempt=begun_as)
        return self.change(job_id, {JobState.WAITING}, write, attempt=0)

    def cancel(self, job_id: str, by: str) -> bool:
        """Cancel a job for a member; a worker tells its owner in the job's message.

        A waiting job fails at once. A running one is marked, and its task stops it at the next
        step. Whatever happens in between, a job is either cancelled or drawn.

        Returns:
            False when it is too late: the picture is drawn, or the job has failed or ended.

        Raises:
            UnknownJob: there is none with this id.
            QueueUnavailable: Redis is out of reach.
        """
        while True:  # it may begin, or be taken back, between the look and the change
            job = self.get(job_id)
            if job.state is JobState.WAITING:
                done = self._cancel_waiting(job, by)
            elif job.state is JobState.RUNNING:
                done = self._mark_cancelled(job, by)
            else:
                return False
            if done:
                return True

    def _cancel_waiting(self, job: Job, by: str) -> bool:
        def write(pipe: Pipeline) -> None:
            self.line.leave(pipe, job.id)
            self.tickets.remove(pipe, job.id, job.attempt)
            pipe.hset(self.keys.job(job.id), "cancelled_by", by)
            self.reports.fail(pipe, job.id, OutcomeCode.CANCELLED)
            self.reports.order(pipe, job)

        return self.change(job.id, {JobState.WAITING}, write, attempt=job.attempt)

    def _mark_cancelled(self, job: Job, by: str) -> bool:
        def write(pipe: Pipeline) -> None:
            pipe.hset(self.keys.job(job.id), "cancelled_by", by)

        return self.change(job.id, {JobState.RUNNING}, write, attempt=job.attempt)

    def front(self, job_id: str) -> bool:
        """Move a waiting job to the front, behind those that were moved before.

        Returns:
            False when it does not wait in line.
        """
        return self.line.move_to_front(job_id)

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

    def read(self, job_ids: list[str]) -> dict[str, Job | None]:
        """Read many jobs at once; None for a record that another version wrote."""
        with redis_errors(), self.redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hgetall(self.keys.job(job_id))
            rows = pipe.execute()
        found: dict[str, Job | None] = {}
        for job_id, row in zip(job_ids, rows, strict=True):
            if row:
                found[job_id] = None
                with suppress(UnreadableJob):
                    found[job_id] = from_fields(job_id, row)
        return found

    def standing(self, job_id: str) -> Standing | None:
        """Tell a waiting job's place and when it will be drawn; None when it is not in line."""
        ahead = self.line.ahead(job_id)
        if ahead is None:
            return None
        load = ahead.load + self.line.drawing()
        return Standing(ahead.rank + 1, forecast(load, Load(1, ahead.work), self.speeds()))

    def waiting(self, limit: int) -> list[tuple[Job, Standing]]:
        """Read the jobs that wait at the front of the line, in order, with their places."""
        ids = self.line.ids(limit)
        if not ids:
            return []
        jobs, load, speeds = self.read(ids), self.line.drawing(), self.speeds()
        found = []
        for position, job_id in enumerate(ids, start=1):
            job = jobs.get(job_id)
            # A record of another version is that version's to show.
            if job is None:
                continue
            own = Load(1, work_of(job.request))
            if job.state is JobState.WAITING:
                found.append((job, Standing(position, forecast(load, own, speeds))))
            load += own
        return found

    def waiting_of(self, member_id: str) -> list[str]:
        """List the ids of one member's waiting jobs, in the order of their turns."""
        with redis_errors():
            rows = cast(list[bytes], self.redis.zrange(self.keys.member_waiting(member_id), 0, -1))
        return [as_text(row) for row in rows]

    def failing(self, code: OutcomeCode) -> list[Job]:
        """Read the jobs that failed in one way and whose owner has not been told yet."""
        with redis_errors():
            rows = cast(list[bytes], self.redis.zrange(self.keys.in_hand, 0, -1))
        jobs = self.read([as_text(row) for row in rows]).values()
        return [
            job
            for job in jobs
            if job and job.state is JobState.FAILING and job.outcome and job.outcome.code is code
        ]

    def active_ids(self) -> list[str]:
        """List the jobs that have not ended, oldest first."""
        with redis_errors():
            rows = cast(list[bytes], self.redis.zrange(self.keys.active, 0, -1))
        return [as_text(row) for row in rows]

    def status(self) -> QueueStatus:
        """Count waiting jobs, jobs that left the line and have not ended, and workers."""
        with redis_errors():
            waiting = len(self.line)
            active = int(self.redis.zcard(self.keys.active))
        return QueueStatus(
            waiting=waiting,
            running=max(0, active - waiting),
            workers=presence.count(self.redis, self.keys),
        )

    def speeds(self) -> list[Speed]:
        """Give the speed of each living worker."""
        return presence.speeds(self.redis, self.keys)

    def cost(self, request: RenderRequest) -> float:
        """Give what a request costs its member in the line."""
        read_at, speeds = self._speeds
        if time.monotonic() - read_at >= SPEEDS_SECONDS:
            speeds = self.speeds()
            self._speeds = (time.monotonic(), speeds)
        return cost(work_of(request), speeds)

    def change(
        self,
        job_id: str,
        states: set[JobState],
        write: Callable[[Pipeline], None],
        *,
        attempt: int | None = None,
        unless_cancelled: bool = False,
    ) -> bool:
        """Write in one transaction, and only while the job is in one of the states.

        Returns:
            False when the job is unknown, in another state, at another attempt, or, where that
            is asked for, marked as cancelled.
        """
        key = self.keys.job(job_id)
        with redis_errors(), self.redis.pipeline() as pipe:
            while True:
                try:
                    pipe.watch(key)
                    state, stored, mark = pipe.hmget(key, ["state", "attempt", "cancelled_by"])
                    if state is None or stored is None:
                        return False
                    if as_text(state) not in states:
                        return False
                    if attempt is not None and int(stored) != attempt:
                        return False
                    if unless_cancelled and mark is not None:
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
