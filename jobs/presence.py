"""Which workers are there, how each holds the model, how fast it draws, whether it can help.

Each worker says so every few seconds. Its memory plan is plain data with one word of the worker's
own, `assist`: whether its language model is there to write (see `worker.renderer`).

Keys: `newbie:{queue}:workers`, `newbie:{queue}:worker:{name}:plan`,
`newbie:{queue}:worker:{name}:speed`, listed in `jobs.keys`. RQ's own registry is not asked, since
it counts a worker that was killed for minutes more.
"""

import json
import time
from collections.abc import Collection
from enum import StrEnum
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
ASSIST = "assist"


class Assistance(StrEnum):
    """Whether a prompt can be completed or structured, by what the workers say."""

    AVAILABLE = "available"
    # Workers are there, and each said that it cannot.
    MISSING = "missing"
    # No worker is there, or one has not said yet.
    UNKNOWN = "unknown"


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
    found = _plans_or_none(redis, keys)
    return {name: plan for name, plan in found.items() if plan is not None}


def assistance(redis: Redis, keys: Keys) -> Assistance:
    """Tell whether any of the workers that were heard of lately can help with a prompt."""
    return judge(_plans_or_none(redis, keys).values())


def judge(plans_of_workers: Collection[dict[str, Any] | None]) -> Assistance:
    """Decide by the plans of all workers that are there; None stands for one without a plan."""
    said = [None if plan is None else plan.get(ASSIST) for plan in plans_of_workers]
    if any(word is True for word in said):
        return Assistance.AVAILABLE
    if said and all(word is False for word in said):
        return Assistance.MISSING
    return Assistance.UNKNOWN


def _plans_or_none(redis: Redis, keys: Keys) -> dict[str, dict[str, Any] | None]:
    with redis_errors():
        names = _names(redis, keys)
        found = redis.mget([keys.worker_plan(name) for name in names]) if names else []
    return {name: _object(text) for name, text in zip(names, found, strict=True)}


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
