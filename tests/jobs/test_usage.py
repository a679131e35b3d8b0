"""What members used, on a real Redis: counted with the job, given back once, gone after a day."""

import threading

import pytest
from redis import Redis
from redis.exceptions import WatchError

from jobs import usage
from jobs.connection import connect
from jobs.keys import GuildKeys
from jobs.limits import DAY, Limit, Limits, RequestFacts, Spent, UsageFacts, decide
from jobs.settings import RedisSettings
from jobs.usage import Usage

KEYS = GuildKeys("newbie", "200")
MEMBER = "500"
NOW = 1_800_000_000.0
REQUEST = RequestFacts(1024, 1024, steps=28, count=1, characters=1, prompt_length=10)


def accept(redis: Redis, job_id: str, now: float = NOW, pixel_steps: int = 100) -> None:
    with redis.pipeline() as pipe:
        before = usage.read(redis, KEYS, MEMBER)
        usage.record(
            pipe, KEYS, MEMBER, job_id=job_id, pixel_steps=pixel_steps, now=now, usage=before
        )
        pipe.execute()


def used(redis: Redis) -> dict[str, Spent]:
    return dict(usage.read(redis, KEYS, MEMBER).entries)


def test_what_was_accepted_is_read_back(redis: Redis) -> None:
    assert usage.read(redis, KEYS, MEMBER) == Usage({})
    assert usage.read(redis, KEYS, MEMBER).last_accepted is None
    accept(redis, "1", NOW)
    accept(redis, "2", NOW + 0.125, 2**40)
    found = usage.read(redis, KEYS, MEMBER)
    assert found.entries == {"1": Spent(NOW, 100), "2": Spent(NOW + 0.125, 2**40)}
    assert found.last_accepted == NOW + 0.125
    assert set(found.spent) == {Spent(NOW, 100), Spent(NOW + 0.125, 2**40)}


def test_members_and_servers_are_counted_apart(redis: Redis) -> None:
    accept(redis, "1")
    assert usage.read(redis, KEYS, "501").entries == {}
    assert usage.read(redis, GuildKeys("newbie", "201"), MEMBER).entries == {}


def test_the_same_request_counts_once(redis: Redis) -> None:
    accept(redis, "1")
    accept(redis, "1")
    assert used(redis) == {"1": Spent(NOW, 100)}


def test_a_withdrawn_request_is_given_back_once_and_whole(redis: Redis) -> None:
    accept(redis, "1")
    accept(redis, "2")
    for _ in range(2):
        with redis.pipeline() as pipe:
            usage.give_back(pipe, KEYS, MEMBER, "2")
            pipe.execute()
    assert used(redis) == {"1": Spent(NOW, 100)}


def test_a_cancelled_request_costs_nothing_but_keeps_its_cooldown(redis: Redis) -> None:
    accept(redis, "1")
    with redis.pipeline() as pipe:
        usage.keep_cooldown(pipe, KEYS, MEMBER, job_id="1", accepted_at=NOW)
        pipe.execute()
    found = usage.read(redis, KEYS, MEMBER)
    assert found.entries == {"1": Spent(NOW, 0)}
    assert found.last_accepted == NOW


def test_what_is_older_than_a_day_goes_with_the_next_request(redis: Redis) -> None:
    accept(redis, "1", NOW)
    accept(redis, "2", NOW + 1)
    accept(redis, "3", NOW + DAY)
    assert set(used(redis)) == {"2", "3"}


def test_the_key_ends_a_day_after_the_last_request(redis: Redis) -> None:
    accept(redis, "1")
    assert DAY <= redis.ttl(KEYS.use(MEMBER)) <= DAY + 60
    redis.delete(KEYS.use(MEMBER))
    with redis.pipeline() as pipe:
        usage.keep_cooldown(pipe, KEYS, MEMBER, job_id="1", accepted_at=NOW)
        pipe.execute()
    assert redis.ttl(KEYS.use(MEMBER)) > 0


def test_what_cannot_be_read_counts_for_nothing(redis: Redis) -> None:
    accept(redis, "1")
    redis.hset(KEYS.use(MEMBER), "2", "long ago, a lot")
    assert used(redis) == {"1": Spent(NOW, 100)}


def test_a_request_counts_only_if_its_transaction_goes_through(redis: Redis) -> None:
    with redis.pipeline() as pipe:
        pipe.watch("a-key")
        pipe.multi()
        usage.record(pipe, KEYS, MEMBER, job_id="1", pixel_steps=100, now=NOW, usage=Usage({}))
        redis.set("a-key", "changed")
        with pytest.raises(WatchError):
            pipe.execute()
    assert used(redis) == {}


def test_requests_at_once_never_go_beyond_the_budget(
    redis: Redis, redis_settings: RedisSettings
) -> None:
    """As a submission does it: watch, read, decide, record."""
    limits = Limits(hourly_budget=3.0 * 28)
    refusals = []

    def submit(job_id: str) -> None:
        own = connect(redis_settings)
        with own.pipeline() as pipe:
            while True:
                try:
                    pipe.watch(KEYS.use(MEMBER))
                    before = usage.read(pipe, KEYS, MEMBER)
                    facts = UsageFacts(last_accepted=before.last_accepted, spent=before.spent)
                    refusal = decide(REQUEST, facts, limits, NOW)
                    if refusal is not None:
                        refusals.append(refusal.limit)
                        return
                    pipe.multi()
                    usage.record(
                        pipe,
                        KEYS,
                        MEMBER,
                        job_id=job_id,
                        pixel_steps=REQUEST.pixel_steps,
                        now=NOW,
                        usage=before,
                    )
                    pipe.execute()
                    return
                except WatchError:
                    continue

    threads = [threading.Thread(target=submit, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(used(redis)) == 3
    assert refusals == [Limit.HOURLY_BUDGET] * 5
