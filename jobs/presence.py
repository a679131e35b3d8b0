"""Which workers are there: each says so every few seconds.

Keys: `newbie:{queue}:workers`, listed in `jobs.keys`. RQ's own registry is not asked, since it
counts a worker that was killed for minutes more.
"""

import time

from redis import Redis

from jobs.connection import redis_errors
from jobs.keys import Keys

BEAT_SECONDS = 5.0
# Three missed beats.
GONE_AFTER_SECONDS = 15.0
FORGET_AFTER_SECONDS = 3600.0


def beat(redis: Redis, keys: Keys, name: str) -> None:
    """Say that the worker of this name is there."""
    now = time.time()
    with redis_errors(), redis.pipeline() as pipe:
        pipe.zadd(keys.workers, {name: now})
        pipe.zremrangebyscore(keys.workers, "-inf", now - FORGET_AFTER_SECONDS)
        pipe.execute()


def leave(redis: Redis, keys: Keys, name: str) -> None:
    """Say that the worker of this name stops."""
    with redis_errors():
        redis.zrem(keys.workers, name)


def count(redis: Redis, keys: Keys) -> int:
    """Count the workers that were heard of lately."""
    with redis_errors():
        return int(redis.zcount(keys.workers, time.time() - GONE_AFTER_SECONDS, "+inf"))
