"""What one member has in hand in a server and used lately."""

import pytest

from jobs.connection import connect
from jobs.errors import QueueUnavailable
from jobs.guild import NO_GUILD
from jobs.lifecycle import Lifecycle
from jobs.member_state import read_member_state
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings, RedisSettings
from tests.jobs.conftest import address, request, terms


def submit(queue: RenderQueue, number: int, **where: object) -> str:
    wanted = request()
    return queue.submit(wanted, address(number, **where), terms(wanted)).id


def test_it_is_of_one_member_in_one_server(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    ours = [submit(queue, number) for number in range(3)]
    submit(queue, 4, guild_id="201")
    submit(queue, 5, guild_id=None)
    submit(queue, 6, requester_id="501")
    state = read_member_state(queue, "200", "500")
    assert (state.waiting, state.running) == (tuple(ours), 0)
    assert set(state.usage.entries) == set(ours)
    assert len(read_member_state(queue, NO_GUILD, "500").waiting) == 1
    job = lifecycle.claim("ticket")
    assert job is not None
    assert job.id == ours[0]
    state = read_member_state(queue, "200", "500")
    assert (state.waiting, state.running) == (tuple(ours[1:]), 1)
    assert set(state.usage.entries) == set(ours)


def test_of_a_stranger_there_is_nothing(queue: RenderQueue) -> None:
    submit(queue, 1)
    state = read_member_state(queue, "200", "999")
    assert (state.waiting, state.running, state.usage.spent) == ((), 0, ())


def test_reading_writes_nothing(queue: RenderQueue) -> None:
    read_member_state(queue, "200", "500")
    assert queue.redis.keys("*") == []


def test_without_redis_it_is_told() -> None:
    with (
        connect(RedisSettings(url="redis://127.0.0.1:9")) as redis,
        pytest.raises(QueueUnavailable),
    ):
        read_member_state(RenderQueue(redis, QueueSettings()), "200", "500")
