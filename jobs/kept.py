"""Results that Discord took on no way: each waits until its member comes for it.

A job is KEPT from the moment when every way to post was closed until its result is handed over to
its member in private (`/newbie-fetch`), or its time is over. It is then neither in line nor in
hand, no worker touches it, and recovery only ends what is too old. Of a picture its whole message
is kept, of a failure nothing but its outcome, since words can be made at any time. Pictures
together take no more of Redis than the settings allow: for one that finds no room its member is
told so instead.

A result is handed over once: who does it holds a lock, and notes before in which private message
it will be. Whoever has to try again removes that message first, so that however often an answer
got lost one message shows the result.

Every change is one transaction that names the state and the attempt it starts from. Keys:
`newbie:{queue}:kept`, `:kept:sizes`, `:member:{id}:kept`, `:job:{id}:handover`,
`:job:{id}:result` and the jobs' hashes, listed in `jobs.keys`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import cast

import structlog
from redis.client import Pipeline
from redis.exceptions import LockError

from jobs.connection import redis_errors
from jobs.models import Handover, Job, JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from jobs.records import as_text, ended_fields
from jobs.results import Parts, Results

log = structlog.get_logger("jobs")

HANDOVER_SECONDS = 120.0
DAY = 86_400
MOST_AT_ONCE = 100


@dataclass(frozen=True)
class Waiting:
    """What waits for one member.

    Attributes:
        jobs: The kept jobs, those that came first first.
        until: When the time of the first one is over, seconds since 1970.
        gone: Ids of jobs that nobody came for in time, and whose member has not heard of it yet.
    """

    jobs: tuple[Job, ...] = ()
    until: float = 0.0
    gone: tuple[str, ...] = ()


class Kept:
    """The kept results of one queue."""

    def __init__(self, queue: RenderQueue) -> None:
        self._queue = queue
        self._redis, self._keys = queue.redis, queue.keys
        self._settings = queue.settings
        self._lifetime = queue.settings.fetch_days * DAY
        self._results = Results(
            queue.redis,
            queue.keys,
            queue.keys.kept_sizes,
            most_mib=queue.settings.fetch_mib,
            lifetime=self._lifetime,
        )

    def set_aside(self, job: Job, outcome: Outcome, parts: Parts | None) -> bool:
        """Keep what a job has to say for its member; parts are those of a picture's message.

        Returns:
            False when the attempt has nothing to say any more.
        """
        if outcome.code is not OutcomeCode.DONE:
            parts = None
        elif parts is None or not self._results.fits(parts):
            log.warning("picture_not_kept", job_id=job.id)
            outcome, parts = Outcome(code=OutcomeCode.NOT_KEPT), None

        def write(pipe: Pipeline) -> None:
            self._write(pipe, job, outcome, parts)

        states = {JobState.RENDERED, JobState.FAILING}
        if self._queue.change(job.id, states, write, attempt=job.attempt):
            log.warning("result_kept", job_id=job.id, code=outcome.code.value)
            return True
        # Asked once more, because the answer got lost?
        now = self._queue.get(job.id)
        return now.state is JobState.KEPT and now.attempt == job.attempt

    def _write(self, pipe: Pipeline, job: Job, outcome: Outcome, parts: Parts | None) -> None:
        key, keys = self._keys.job(job.id), self._keys
        member = keys.member_kept(job.address.requester_id)
        until = time.time() + self._lifetime
        pipe.hset(key, mapping={"state": JobState.KEPT.value, "outcome": outcome.model_dump_json()})
        pipe.hdel(key, "reports", "report_after")
        # A net: without any worker nobody looks whether its time is over.
        pipe.expire(key, self._lifetime + self._settings.keep_ended)
        for where in (keys.active, keys.in_hand, keys.results):
            pipe.zrem(where, job.id)
        self._results.drop(pipe, job.id)
        if parts is not None:
            self._results.keep(pipe, job.id, parts)
        pipe.zadd(keys.kept, {job.id: until})
        pipe.zadd(member, {job.id: until})
        for where in (keys.kept, keys.kept_sizes, member):
            pipe.expire(where, 2 * self._lifetime)

    def of_member(self, member_id: str) -> Waiting:
        """Tell what waits for a member."""
        with redis_errors():
            rows = cast(
                list[tuple[bytes, float]],
                self._redis.zrange(self._keys.member_kept(member_id), 0, -1, withscores=True),
            )
        ends = {as_text(job_id): until for job_id, until in rows}
        if not ends:
            return Waiting()
        found, now = self._queue.read(list(ends)), time.time()
        # A record of another version is that version's to hand over.
        jobs = [job for job in found.values() if job and job.state is JobState.KEPT]
        waiting = tuple(job for job in jobs if ends[job.id] > now)
        return Waiting(
            waiting,
            min((ends[job.id] for job in waiting), default=0.0),
            tuple(job_id for job_id, until in ends.items() if until <= now or job_id not in found),
        )

    def forget(self, member_id: str, job_ids: tuple[str, ...]) -> None:
        """Note that a member has heard that these are gone."""
        if job_ids:
            with redis_errors():
                self._redis.zrem(self._keys.member_kept(member_id), *job_ids)

    def result(self, job_id: str) -> dict[str, bytes] | None:
        """Read the message of a kept picture; None for a failure, and where it is gone."""
        return self._results.get(job_id)

    @contextmanager
    def handover(self, job_id: str) -> Iterator[bool]:
        """Hold the right to hand a result over; yields False where another holds it."""
        lock = self._redis.lock(
            self._keys.handover(job_id), timeout=HANDOVER_SECONDS, thread_local=False
        )
        with redis_errors():
            held = lock.acquire(blocking=False)
        try:
            yield held
        finally:
            if held:
                # LockError: its lifetime ended first.
                with redis_errors(), suppress(LockError):
                    lock.release()

    def note(self, job: Job, handover: Handover) -> bool:
        """Note in which message a result is about to be; False when it is not kept any more."""

        def write(pipe: Pipeline) -> None:
            pipe.hset(self._keys.job(job.id), "handover", handover.model_dump_json())

        return self._queue.change(job.id, {JobState.KEPT}, write, attempt=job.attempt)

    def handed_over(self, job: Job, outcome: Outcome) -> bool:
        """Close a job whose member has its result now; False when it is not kept any more."""
        return self._end(job, outcome, is_heard=True)

    def expire(self) -> int:
        """End the jobs whose time is over; gives how many there were."""
        with redis_errors():
            rows = cast(
                list[bytes],
                self._redis.zrangebyscore(
                    self._keys.kept, "-inf", time.time(), start=0, num=MOST_AT_ONCE
                ),
            )
        return sum(self._expire(as_text(row)) for row in rows)

    def _expire(self, job_id: str) -> bool:
        found = self._queue.read([job_id])
        job = found.get(job_id)
        if job is None or job.state is not JobState.KEPT:
            if job is not None or job_id not in found:
                with redis_errors():
                    self._redis.zrem(self._keys.kept, job_id)
                    self._redis.zrem(self._keys.kept_sizes, job_id)
            return False
        with redis_errors():
            if self._redis.exists(self._keys.handover(job_id)):
                return False  # somebody came at the last moment
        return self._end(job, Outcome(code=OutcomeCode.EXPIRED), is_heard=False)

    def _end(self, job: Job, outcome: Outcome, *, is_heard: bool) -> bool:
        def write(pipe: Pipeline) -> None:
            key = self._keys.job(job.id)
            pipe.hset(key, mapping=ended_fields(outcome))
            pipe.hdel(key, "handover")
            pipe.expire(key, self._settings.keep_ended)
            pipe.zrem(self._keys.kept, job.id)
            self._results.drop(pipe, job.id)
            self._queue.statistics.ended(pipe, job, outcome.code, time.time())
            if is_heard:
                pipe.zrem(self._keys.member_kept(job.address.requester_id), job.id)

        return self._queue.change(job.id, {JobState.KEPT}, write, attempt=job.attempt)
