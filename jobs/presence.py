"""Which workers are there, and what each says of itself (`jobs.registration`).

Each worker says so every few seconds. Keys: `newbie:{queue}:workers`,
`newbie:{queue}:worker:{name}`, listed in `jobs.keys`. RQ's own registry is not asked, since it
counts a worker that was killed for minutes more.
"""

import time
from typing import cast

from redis import Redis

from jobs.connection import redis_errors
from jobs.cost import ASSUMED, Speed, typical
from jobs.keys import Keys
from jobs.records import as_text
from jobs.registration import (
    Description,
    Registration,
    read_older,
    read_registration,
    registration,
)

BEAT_SECONDS = 5.0
# Three missed beats.
GONE_AFTER_SECONDS = 15.0
FORGET_AFTER_SECONDS = 3600.0


def beat(
    redis: Redis,
    keys: Keys,
    name: str,
    description: Description | None = None,
    speed: Speed | None = None,
) -> None:
    """Say that the worker of this name is there, what it is and how fast it draws."""
    said = registration(name, description, speed)
    with redis_errors(), redis.pipeline() as pipe:
        pipe.zadd(keys.workers, {name: said.seen_at})
        pipe.zremrangebyscore(keys.workers, "-inf", said.seen_at - FORGET_AFTER_SECONDS)
        pipe.set(keys.worker(name), said.model_dump_json(), ex=int(GONE_AFTER_SECONDS))
        pipe.execute()


def leave(redis: Redis, keys: Keys, name: str) -> None:
    """Say that the worker of this name takes no further job."""
    with redis_errors():
        redis.zrem(keys.workers, name)
        redis.delete(keys.worker(name))


def count(redis: Redis, keys: Keys) -> int:
    """Count the workers that were heard of lately."""
    with redis_errors():
        return int(redis.zcount(keys.workers, time.time() - GONE_AFTER_SECONDS, "+inf"))


def registrations(redis: Redis, keys: Keys) -> list[Registration]:
    """Read what the workers that were heard of lately say of themselves, by their names."""
    since = time.time() - GONE_AFTER_SECONDS
    with redis_errors():
        rows = redis.zrangebyscore(keys.workers, since, "+inf", withscores=True)
        seen = {as_text(name): at for name, at in cast(list[tuple[bytes, float]], rows)}
        names = sorted(seen)
        said = redis.mget([keys.worker(name) for name in names]) if names else []
        silent = [name for name, text in zip(names, said, strict=True) if text is None]
        older = _older(redis, keys, silent)
    return [
        read_older(name, seen[name], *older[name])
        if text is None
        else read_registration(name, seen[name], text)
        for name, text in zip(names, said, strict=True)
    ]


def speeds(redis: Redis, keys: Keys) -> list[Speed]:
    """Give the speed of each worker that was heard of lately.

    One that has not drawn yet is taken to be as fast as the others, or as is assumed of all.
    """
    workers = registrations(redis, keys)
    measured = [worker.speed for worker in workers if worker.speed is not None]
    others = typical(measured) if measured else ASSUMED
    return [*measured, *[others] * (len(workers) - len(measured))]


def _older(
    redis: Redis, keys: Keys, names: list[str]
) -> dict[str, tuple[bytes | str | None, bytes | str | None]]:
    """Read the plans and speeds that workers of earlier versions publish instead."""
    if not names:
        return {}
    texts = redis.mget([key for name in names for key in keys.older_worker(name)])
    return dict(zip(names, zip(texts[::2], texts[1::2], strict=True), strict=True))
