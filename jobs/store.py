"""Jobs as records in Redis: read, changed in one step, and who may write their message.

Keys: `newbie:{queue}:job:{id}`, `newbie:{queue}:job:{id}:writer` and `newbie:{queue}:active`,
listed in `jobs.keys`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import cast

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import LockError, WatchError

from jobs.connection import redis_errors
from jobs.errors import UnknownJob, UnreadableJob
from jobs.keys import Keys
from jobs.models import Job, JobState
from jobs.records import as_text, from_fields

WRITER_LOCK_SECONDS = 10.0

# Adds commands to a transaction that is open.
Write = Callable[[Pipeline], None]


class JobStore:
    """The jobs of one queue."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys

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

    def active_ids(self) -> list[str]:
        """List the jobs that have not ended, oldest first."""
        with redis_errors():
            rows = cast(list[bytes], self.redis.zrange(self.keys.active, 0, -1))
        return [as_text(row) for row in rows]

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
