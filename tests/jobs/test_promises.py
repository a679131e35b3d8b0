"""A promise stays until it is settled, and goes in the end."""

from redis import Redis

from jobs.promises import KEEP_SECONDS, Promise
from jobs.queue import RenderQueue


def promise(number: int = 1) -> Promise:
    return Promise(
        application_id="100",
        interaction_id=str(1000 + number),
        channel_id="200",
        requester_id="300",
        interaction_token="secret-token",
        locale="en-US",
        made_at=1_700_000_000.0,
    )


def test_a_promise_is_open_until_it_is_settled(queue: RenderQueue) -> None:
    promises = queue.promises
    assert not promises.is_open("1001")
    promises.make(promise(1))
    promises.make(promise(2))
    assert promises.is_open("1001")
    assert sorted(promises.open(), key=lambda one: one.interaction_id) == [promise(1), promise(2)]
    promises.settle("1001")
    assert not promises.is_open("1001")
    assert promises.open() == [promise(2)]


def test_what_nobody_settles_goes_by_itself(queue: RenderQueue, redis: Redis) -> None:
    queue.promises.make(promise())
    assert 0 < redis.ttl(queue.keys.promises) <= KEEP_SECONDS
    queue.promises.settle("1001")
    assert not redis.exists(queue.keys.promises)


def test_another_versions_promise_is_left_alone(queue: RenderQueue, redis: Redis) -> None:
    redis.hset(queue.keys.promises, "1002", '{"made_by": "a later version"}')
    queue.promises.make(promise())
    assert queue.promises.open() == [promise()]
    assert queue.promises.is_open("1002")


def test_its_token_is_not_shown(queue: RenderQueue) -> None:
    assert "secret-token" not in repr(promise())
