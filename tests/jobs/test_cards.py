"""Workers of one machine choose different cards."""

import time
from concurrent.futures import ThreadPoolExecutor

from redis import Redis

from jobs.cards import FORGET_AFTER_SECONDS, Cards
from jobs.connection import connect
from jobs.keys import Keys
from jobs.settings import RedisSettings

KEYS = Keys("cards")
CARDS = ["GPU-a", "GPU-b", "GPU-c"]


def worker(redis: Redis, name: str) -> Cards:
    return Cards(redis, KEYS, name)


def test_each_takes_a_card_of_its_own_and_what_is_too_many_shares(redis: Redis) -> None:
    taken = [worker(redis, str(number)).take(CARDS, 60) for number in range(4)]
    assert taken == ["GPU-a", "GPU-b", "GPU-c", "GPU-a"]


def test_workers_that_start_at_one_moment_do_not_take_the_same(
    redis_settings: RedisSettings,
) -> None:
    with connect(redis_settings) as redis:
        redis.flushdb()

    def take(number: int) -> str:
        with connect(redis_settings) as connection:
            return worker(connection, str(number)).take(CARDS, 60)

    with ThreadPoolExecutor(9) as pool:
        taken = list(pool.map(take, range(9)))
    assert sorted(taken) == sorted(CARDS * 3)


def test_cards_of_other_machines_do_not_count(redis: Redis) -> None:
    assert worker(redis, "1").take(["GPU-x", "GPU-y"], 60) == "GPU-x"
    assert worker(redis, "2").take(CARDS, 60) == "GPU-a"


def test_a_card_is_free_when_its_worker_ends(redis: Redis) -> None:
    first = worker(redis, "1")
    card = first.take(CARDS, 60)
    first.give_up(card)
    assert worker(redis, "2").take(CARDS, 60) == card
    assert redis.zcard(KEYS.cards) == 1


def test_a_card_is_free_when_its_worker_was_not_heard_of_for_long(redis: Redis) -> None:
    first = worker(redis, "1")
    assert first.take(CARDS, 0.05) == "GPU-a"
    time.sleep(0.1)
    assert worker(redis, "2").take(CARDS, 60) == "GPU-a"
    assert redis.zrange(KEYS.cards, 0, -1) == [b"GPU-a 2"]
    first.keep("GPU-a", 60)
    assert worker(redis, "3").take(CARDS, 60) == "GPU-b"
    assert 0 < redis.ttl(KEYS.cards) <= FORGET_AFTER_SECONDS
