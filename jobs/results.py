"""Finished messages that wait to be posted: what a render gave outlives whoever drew it.

A result is a few named byte strings (`jobs.message_parts`). All results that wait for the same
reason take no more of Redis together than the settings allow: one that does not fit is not kept.
Two workers that keep at the same moment may exceed that by one result. Keys:
`newbie:{queue}:job:{id}:result`, and as sizes `newbie:{queue}:results` or
`newbie:{queue}:kept:sizes`, listed in `jobs.keys`.
"""

from collections.abc import Mapping
from typing import cast

from redis import Redis
from redis.client import Pipeline

from jobs.connection import redis_errors
from jobs.keys import Keys
from jobs.records import as_text

Parts = Mapping[str, bytes]
MIB = 1 << 20


class Results:
    """The results of one queue that wait for the same reason; `sizes` is the key of their sizes."""

    def __init__(
        self, redis: Redis, keys: Keys, sizes: str, *, most_mib: int, lifetime: int
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._sizes = sizes
        self._most_bytes = most_mib * MIB
        self._lifetime = lifetime

    def fits(self, parts: Parts) -> bool:
        """Tell whether there is room for a result beside those that wait already."""
        with redis_errors():
            rows = self._redis.zrange(self._sizes, 0, -1, withscores=True)
        return sum(int(row[1]) for row in rows) + _size(parts) <= self._most_bytes

    def keep(self, pipe: Pipeline, job_id: str, parts: Parts) -> None:
        """Store a result in an open transaction."""
        key = self._keys.result(job_id)
        pipe.delete(key)
        for name, value in parts.items():
            pipe.hset(key, name, value)
        pipe.expire(key, self._lifetime)
        pipe.zadd(self._sizes, {job_id: _size(parts)})

    def drop(self, pipe: Pipeline, job_id: str) -> None:
        """Remove a result in an open transaction; there need not be one."""
        pipe.delete(self._keys.result(job_id))
        pipe.zrem(self._sizes, job_id)

    def get(self, job_id: str) -> dict[str, bytes] | None:
        """Read a result; None where none is kept."""
        with redis_errors():
            fields = self._redis.hgetall(self._keys.result(job_id))
        # RQ needs connections that leave answers as bytes, so that is what ours give.
        return {as_text(name): cast(bytes, value) for name, value in fields.items()} or None


def _size(parts: Parts) -> int:
    return sum(len(name) + len(value) for name, value in parts.items())
