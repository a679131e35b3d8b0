"""Which worker draws on which GPU of a machine that has several, where no operator says so.

Workers that are started together on one machine see all of its cards. Each takes the one that the
fewest others hold, and says so in the same step. A claim holds until a time that its worker moves
on with its signs of life; it is a preference and no lock: where there are more workers than cards,
they share. Key: `newbie:{queue}:cards`, listed in `jobs.keys`.
"""

import time
from collections.abc import Sequence
from typing import cast

from redis import Redis
from redis.exceptions import WatchError

from jobs.connection import redis_errors
from jobs.keys import Keys
from jobs.records import as_text

FORGET_AFTER_SECONDS = 3600


class Cards:
    """The claims of one worker. Cards go by the driver's ids, which no other machine has."""

    def __init__(self, redis: Redis, keys: Keys, worker: str) -> None:
        self._redis, self._key, self._worker = redis, keys.cards, worker

    def take(self, cards: Sequence[str], seconds: float) -> str:
        """Claim the card that the fewest workers hold, for so many seconds; the first of equals."""
        with redis_errors(), self._redis.pipeline() as pipe:
            while True:
                try:
                    pipe.watch(self._key)
                    now = time.time()
                    rows = cast(list[bytes], pipe.zrangebyscore(self._key, now, "+inf"))
                    held = [as_text(row).partition(" ")[0] for row in rows]
                    chosen = min(cards, key=held.count)
                    pipe.multi()
                    pipe.zremrangebyscore(self._key, "-inf", now)
                    pipe.zadd(self._key, {self._claim(chosen): now + seconds})
                    pipe.expire(self._key, FORGET_AFTER_SECONDS)
                    pipe.execute()
                    return chosen
                except WatchError:
                    continue

    def keep(self, card: str, seconds: float) -> None:
        """Hold a claim for so many seconds from now."""
        with redis_errors(), self._redis.pipeline() as pipe:
            pipe.zadd(self._key, {self._claim(card): time.time() + seconds})
            pipe.expire(self._key, FORGET_AFTER_SECONDS)
            pipe.execute()

    def give_up(self, card: str) -> None:
        """End a claim."""
        with redis_errors():
            self._redis.zrem(self._key, self._claim(card))

    def _claim(self, card: str) -> str:
        return f"{card} {self._worker}"
