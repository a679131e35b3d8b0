"""What happened in a server on each day: counts of jobs, members, waiting times and failures.

- Counts are written into the transactions that accept, withdraw and end jobs, so they are as exact
  as the queue itself. Refusals change nothing else and are counted on their own.
- Days are UTC's. A job is counted as accepted on the day when it came, and its end on the day when
  it ended.
- Waiting is the time from acceptance to the beginning of the attempt that ended; it is kept as a
  histogram, so that a median over many days needs no list of jobs.
- All counts are kept once for the job's server and once for all servers together (`EVERY_GUILD`).

Keys: `newbie:{queue}:guild:{guild}:day:{date}` and `...:day:{date}:members`, listed in `jobs.keys`.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, cast

from redis import Redis
from redis.client import Pipeline

from jobs.connection import redis_errors
from jobs.guild import EVERY_GUILD, guild_of
from jobs.keys import GuildKeys
from jobs.models import Job, OutcomeCode
from jobs.records import as_text

WEEK = 7
# A week and the day that is being counted.
KEEP_SECONDS = (WEEK + 1) * 86_400
# Ends of the histogram's classes in seconds; the last class is all above.
WAITING = (2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200)


@dataclass(frozen=True)
class Summary:
    """What happened in a server over some days.

    Attributes:
        accepted: Jobs that were accepted.
        members: Members whose jobs these were.
        done: Jobs that ended with a picture.
        failures: Jobs that ended without one, by the code of their outcome.
        refusals: Requests that were not accepted, by the code of the refusal.
        waited: Mean seconds that ended jobs waited; None where none began.
        half_waited: Seconds that half of them waited at most, rounded up to a class of the
            histogram; None where none began, or where half waited longer than all classes.
    """

    accepted: int = 0
    members: int = 0
    done: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    refusals: Mapping[str, int] = field(default_factory=dict)
    waited: float | None = None
    half_waited: int | None = None


class Statistics:
    """Counts of one queue."""

    def __init__(self, redis: Redis, queue: str) -> None:
        self._redis = redis
        self._queue = queue

    def accepted(self, pipe: Pipeline, job: Job) -> None:
        """Count a job, in the open transaction that stores it."""
        self._count(pipe, guild_of(job.address), job.submitted_at, {"accepted": 1})
        for keys in self._keys(guild_of(job.address)):
            members = keys.day_members(_date(job.submitted_at))
            pipe.sadd(members, job.address.requester_id)
            pipe.expire(members, KEEP_SECONDS)

    def withdrawn(self, pipe: Pipeline, job: Job) -> None:
        """Take a job out of the counts, in the open transaction that removes it."""
        self._count(pipe, guild_of(job.address), job.submitted_at, {"accepted": -1})

    def ended(self, pipe: Pipeline, job: Job, code: OutcomeCode, now: float) -> None:
        """Count how a job ended, in the open transaction that closes it."""
        is_done = code is OutcomeCode.DONE
        counts = {"done" if is_done else f"failed:{code.value}": 1}
        if job.started_at is not None:
            waited = max(0.0, job.started_at - job.submitted_at)
            counts |= {"begun": 1, "waited_ms": round(waited * 1000), f"waited:{_class(waited)}": 1}
        self._count(pipe, guild_of(job.address), now, counts)

    def refused(self, guild: str, code: str, now: float) -> None:
        """Count a request that was not accepted.

        Raises:
            QueueUnavailable: Redis is out of reach.
        """
        with redis_errors(), self._redis.pipeline() as pipe:
            self._count(pipe, guild, now, {f"refused:{code}": 1})
            pipe.execute()

    def read(self, guild: str, days: int, now: float) -> Summary:
        """Sum up the last days, today included.

        Raises:
            QueueUnavailable: Redis is out of reach.
        """
        keys = GuildKeys(self._queue, guild)
        dates = [_date(now - 86_400 * back) for back in range(days)]
        with redis_errors(), self._redis.pipeline(transaction=False) as pipe:
            for date in dates:
                pipe.hgetall(keys.day(date))
            pipe.sunion([keys.day_members(date) for date in dates])
            *rows, members = pipe.execute()
        return _summary(cast(list[Mapping[Any, Any]], rows), len(members))

    def _keys(self, guild: str) -> Iterable[GuildKeys]:
        return (GuildKeys(self._queue, each) for each in (guild, EVERY_GUILD))

    def _count(self, pipe: Pipeline, guild: str, at: float, counts: Mapping[str, int]) -> None:
        for keys in self._keys(guild):
            key = keys.day(_date(at))
            for name, number in counts.items():
                pipe.hincrby(key, name, number)
            pipe.expire(key, KEEP_SECONDS)


def _date(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).date().isoformat()


def _class(seconds: float) -> int:
    """Number the histogram's class that a time belongs to."""
    return sum(seconds > end for end in WAITING)


def _summary(rows: Iterable[Mapping[Any, Any]], members: int) -> Summary:
    counts = Counter[str]()
    for row in rows:
        counts.update({as_text(name): int(number) for name, number in row.items()})
    begun = counts["begun"]
    return Summary(
        accepted=counts["accepted"],
        members=members,
        done=counts["done"],
        failures=_of_kind("failed", counts),
        refusals=_of_kind("refused", counts),
        waited=counts["waited_ms"] / 1000 / begun if begun else None,
        half_waited=_half([counts[f"waited:{number}"] for number in range(len(WAITING) + 1)]),
    )


def _of_kind(kind: str, counts: Counter[str]) -> dict[str, int]:
    """Pick the counts of one kind, the largest first."""
    return {
        name.partition(":")[2]: number
        for name, number in counts.most_common()
        if name.partition(":")[0] == kind and number > 0
    }


def _half(classes: list[int]) -> int | None:
    total = sum(classes)
    for end, reached in zip(WAITING, accumulate(classes), strict=False):
        if total and reached * 2 >= total:
            return end
    return None
