"""Finished messages that wait to be posted: what a render gave outlives whoever drew it.

A result is a few named byte strings; what they mean is the worker's business. All results together
take no more of Redis than the settings allow: one that does not fit is not kept, and its job is
drawn again if it cannot be posted at once. Two workers that keep at the same moment may exceed that
by one result. Keys: `newbie:{queue}:job:{id}:result`, `newbie:{queue}:results`, listed in
`jobs.keys`.
"""

from collections.abc import Mapping
from typing import cast

from redis import Redis
from redis.client import Pipeline

from jobs.connection import redis_errors
from jobs.keys import Keys
from jobs.records import as_text
from jobs.settings import QueueSettings

Parts = Mapping[str, bytes]
MIB = 1 << 20


class Results:
    """The results of one queue."""

    def __init__(self, redis: Redis, keys: Keys, settings: QueueSettings) -> None:
        self._redis = redis
        self._keys = keys
        self._most_bytes = settings.results_mib * MIB
        self._lifetime = settings.keep_result

    def fits(self, parts: Parts) -> bool:
        """Tell whether there is room for a result beside those that wait already."""
        with redis_errors():
            rows = self._redis.zrange(self._keys.results, 0, -1, withscores=True)
        return sum(int(row[1]) for row in rows) + _size(parts) <= self._most_bytes

    def keep(self, pipe: Pipeline, job_id: str, parts: Parts) -> None:
        """Store a result in an open transaction."""
        key = self._keys.result(job_id)
        pipe.delete(key)
        for name, value in parts.items():
            pipe.hset(key, name, value)
        pipe.expire(key, self._lifetime)
        pipe.zadd(self._keys.results, {job_id: _size(parts)})

    def drop(self, pipe: Pipeline, job_id: str) -> None:
        """Remove a result in an open transaction; there need not be one."""
        pipe.delete(self._keys.result(job_id))
        pipe.zrem(self._keys.results, job_id)

    def get(self, job_id: str) -> dict[str, bytes] | None:
        """Read a result; None where none is kept."""
        with redis_errors():
            fields = self._redis.hgetall(self._keys.result(job_id))
        # RQ needs connections that leave answers as bytes, so that is what ours give.
        return {as_text(name): cast(bytes, value) for name, value in fields.items()} or None


def _size(parts: Parts) -> int:
    return sum(len(name) + len(value) for name, value in parts.items())
