"""A real Redis server and a queue on it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import strategies as st
from redis import Redis

from jobs.connection import connect
from jobs.lifecycle import Lifecycle
from jobs.limits import ASSIST_MODES, Limit, Limits, LimitValue, RequestFacts, Terms
from jobs.models import DeliveryAddress, RenderRequest
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings, RedisSettings


@pytest.fixture
def redis_settings(redis_url: str) -> RedisSettings:
    return RedisSettings(url=redis_url)


@pytest.fixture
def redis(redis_settings: RedisSettings) -> Iterator[Redis]:
    connection = connect(redis_settings)
    connection.flushdb()
    yield connection
    connection.close()


@pytest.fixture
def queue(redis: Redis) -> RenderQueue:
    return RenderQueue(redis, QueueSettings(lease=2, max_attempts=2))


@pytest.fixture
def lifecycle(queue: RenderQueue) -> Lifecycle:
    return Lifecycle(queue)


def place(queue: RenderQueue, job_id: str) -> int | None:
    """Position in line, 1 for the next one."""
    standing = queue.standing(job_id)
    return None if standing is None else standing.position


def request(**changes: object) -> RenderRequest:
    return RenderRequest(**{"prompt": "1girl, blue_hair", "seed": 7, **changes})


def address(number: int = 1, **changes: object) -> DeliveryAddress:
    return DeliveryAddress(
        **{
            "application_id": "100",
            "interaction_id": str(1000 + number),
            "interaction_token": "secret-token",
            "interaction_at": 1_700_000_000.0,
            "guild_id": "200",
            "channel_id": "300",
            "message_id": str(4000 + number),
            "requester_id": "500",
            **changes,
        }
    )


UNLIMITED = Limits(
    waiting=None,
    running=None,
    hourly_budget=None,
    daily_budget=None,
    capacity=None,
    total_capacity=None,
)


def terms(wanted: RenderRequest, **limits: object) -> Terms:
    """What a request costs, under no limits but those that are given."""
    facts = RequestFacts(
        width=wanted.size.width,
        height=wanted.size.height,
        steps=wanted.num_inference_steps,
        count=wanted.count,
        characters=1,
        prompt_length=len(wanted.prompt),
    )
    return Terms(facts, replace(UNLIMITED, **limits))


def limit_values(limit: Limit) -> st.SearchStrategy[LimitValue]:
    """Values that a limit can have."""
    whole = st.integers(1, 100)
    numbers = st.floats(0.25, 20_000, allow_nan=False)
    if limit is Limit.USE:
        return st.booleans()
    if limit is Limit.ASSIST:
        return st.frozensets(st.sampled_from(sorted(ASSIST_MODES)))
    if limit is Limit.WEIGHT:
        return st.floats(0.1, 10)
    if limit in (Limit.HOURLY_BUDGET, Limit.DAILY_BUDGET, Limit.SIZE):
        return st.none() | numbers
    return st.none() | whole


def limits() -> st.SearchStrategy[Limits]:
    """All limits at once."""
    return st.builds(Limits, **{limit.value: limit_values(limit) for limit in Limit})
