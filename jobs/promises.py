"""What members were promised, while nothing else in Redis shows it.

The bot notes a promise before Discord shows "thinking", and strikes it out as soon as the job is in
line or its member was told that it is not. So a promise that stays belongs to a request whose bot
died in between, or to a submission of which Redis fell silent, and whoever meets it knows that only
Discord can tell: the placeholder of a promise that was taken back is gone.

Keys: `newbie:{queue}:promises`, listed in `jobs.keys`.
"""

from typing import cast

from pydantic import SecretStr, ValidationError, field_serializer
from redis import Redis

from jobs.connection import redis_errors
from jobs.keys import Keys
from jobs.models import Frozen, Snowflake

# A bot may be away for hours; whoever asked longer ago has asked again, or does not care.
KEEP_SECONDS = 24 * 60 * 60


class Promise(Frozen):
    """An interaction that Discord shows as "thinking", and what its answer needs."""

    application_id: Snowflake
    interaction_id: Snowflake
    channel_id: Snowflake
    requester_id: Snowflake
    interaction_token: SecretStr
    locale: str
    made_at: float

    @field_serializer("interaction_token", when_used="json")
    def _store_token(self, token: SecretStr) -> str:
        # Whoever comes after us answers with it.
        return token.get_secret_value()


class Promises:
    """The open promises of one queue."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._key = keys.promises

    def make(self, promise: Promise) -> None:
        """Note a promise.

        Raises:
            QueueUnavailable: Redis is out of reach, so nothing may be promised.
        """
        with redis_errors(), self._redis.pipeline() as pipe:
            pipe.hset(self._key, promise.interaction_id, promise.model_dump_json())
            pipe.expire(self._key, KEEP_SECONDS)
            pipe.execute()

    def settle(self, interaction_id: str) -> None:
        """Strike a promise out: it was kept or taken back."""
        with redis_errors():
            self._redis.hdel(self._key, interaction_id)

    def is_open(self, interaction_id: str) -> bool:
        """Tell whether a promise is neither kept nor taken back as far as Redis knows."""
        with redis_errors():
            return bool(self._redis.hexists(self._key, interaction_id))

    def open(self) -> list[Promise]:
        """Read the open promises; what another version wrote is left to its lifetime."""
        with redis_errors():
            rows = cast(list[bytes], self._redis.hvals(self._key))
        return [promise for promise in map(_read, rows) if promise is not None]


def _read(row: bytes) -> Promise | None:
    try:
        return Promise.model_validate_json(row)
    except ValidationError:
        return None
