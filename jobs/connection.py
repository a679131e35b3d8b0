"""The connection to Redis and RQ's queue on it.

Uses no keys of its own. RQ runs with the JSON serializer: nothing executable crosses Redis.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from jobs.errors import QueueUnavailable
from jobs.settings import RedisSettings


def connect(settings: RedisSettings) -> Redis:
    """Open a connection pool; nothing is sent before the first command."""
    password = settings.password.get_secret_value() if settings.password else None
    return Redis.from_url(
        settings.url.get_secret_value(),
        **({"password": password} if password else {}),
        socket_timeout=settings.timeout,
        socket_connect_timeout=settings.timeout,
        # One quick second try covers a connection that died while idle. More would make a
        # member wait: Discord's deadline is three seconds. For the same reason a server that
        # does not answer in time is not asked again.
        retry=Retry(
            ExponentialBackoff(cap=0.2, base=0.05), 1, supported_errors=(RedisConnectionError,)
        ),
        health_check_interval=30,
    )


def rq_queue(redis: Redis, name: str) -> Queue:
    """Give RQ's queue of that name."""
    return Queue(name, connection=redis, serializer=JSONSerializer)


@contextmanager
def redis_errors() -> Iterator[None]:
    """Turn redis-py's exceptions into ours, so that no other room needs to know redis."""
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError) as error:
        raise QueueUnavailable("Redis is out of reach") from error
    except RedisError as error:
        raise QueueUnavailable("Redis refused the command") from error
