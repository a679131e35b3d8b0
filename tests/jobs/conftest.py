"""A real Redis server and a queue on it."""

from collections.abc import Iterator

import pytest
from redis import Redis

from jobs.connection import connect
from jobs.lifecycle import Lifecycle
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
