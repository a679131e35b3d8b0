"""Which workers are there, how each holds the model and how fast it draws: each says so often.

Keys: `newbie:{queue}:workers`, `newbie:{queue}:worker:{name}:plan`,
`newbie:{queue}:worker:{name}:speed`, listed in `jobs.keys`. RQ's own registry is not asked, since
it counts a worker that was killed for minutes more.
"""

import json
import time
from typing import Any

from pydantic import ValidationError
from redis import Redis

from jobs.connection import redis_errors
from jobs.cost import ASSUMED, Speed, typical
from jobs.keys import Keys
from jobs.records import as_text

BEAT_SECONDS = 5.0
# Three missed beats.
GONE_AFTER_SECONDS = 15.0
FORGET_AFTER_SECONDS = 3600.0


def beat(
    redis: Redis, keys: Keys, name: str, plan: str | None = None, speed: Speed | None = None
) -> None:
    """Say that the worker of this name is there; `plan` is its memory plan, a JSON object."""
    now = time.time()
    with redis_errors(), redis.pipeline() as pipe:
        pipe.zadd(keys.workers, {name: now})
        pipe.zremrangebyscore(keys.workers, "-inf", now - FORGET_AFTER_SECONDS)
        if plan is not None:
            pipe.set(keys.worker_plan(name), plan, ex=int(GONE_AFTER_SECONDS))
        if speed is not None:
            pipe.set(keys.worker_speed(name), speed.model_dump_json(), ex=int(GONE_AFTER_SECONDS))
        pipe.execute()


def leave(redis: Redis, keys: Keys, name: str) -> None:
    """Say that the worker of this name stops."""
    with redis_errors():
        redis.zrem(keys.workers, name)
        redis.delete(keys.worker_plan(name), keys.worker_speed(name))


def count(redis: Redis, keys: Keys) -> int:
    """Count the workers that were heard of lately."""
    with redis_errors():
        return int(redis.zcount(keys.workers, time.time() - GONE_AFTER_SECONDS, "+inf"))


def plans(redis: Redis, keys: Keys) -> dict[str, dict[str, Any]]:
    """Give the memory plans of the workers that were heard of lately, by name."""
    with redis_errors():
        names = _names(redis, keys)
        found = redis.mget([keys.worker_plan(name) for name in names]) if names else []
    read = {name: _object(text) for name, text in zip(names, found, strict=True)}
    return {name: plan for name, plan in read.items() if plan is not None}


def speeds(redis: Redis, keys: Keys) -> list[Speed]:
    """Give the speed of each worker that was heard of lately.

    One that has not drawn yet is taken to be as fast as the others, or as is assumed of all.
    """
    with redis_errors():
        names = _names(redis, keys)
        found = redis.mget([keys.worker_speed(name) for name in names]) if names else []
    measured = [speed for speed in map(_speed, found) if speed is not None]
    others = typical(measured) if measured else ASSUMED
    return [*measured, *[others] * (len(names) - len(measured))]


def _names(redis: Redis, keys: Keys) -> list[str]:
    since = time.time() - GONE_AFTER_SECONDS
    members: list[Any] = redis.zrangebyscore(keys.workers, since, "+inf")
    return [as_text(member) for member in members]


def _speed(text: bytes | str | None) -> Speed | None:
    try:
        return None if text is None else Speed.model_validate_json(text)
    except ValidationError:
        return None  # another version wrote it


def _object(text: bytes | str | None) -> dict[str, Any] | None:
    try:
        plan = None if text is None else json.loads(text)
    except ValueError:
        return None
    return plan if isinstance(plan, dict) else None
