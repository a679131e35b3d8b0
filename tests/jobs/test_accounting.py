"""What a request costs its member is written with the job, decided on in the same step, and given
back where they got nothing for it."""

import threading

import pytest
from redis import Redis

from jobs import usage
from jobs.connection import connect
from jobs.errors import LimitReached
from jobs.guild import EVERY_GUILD
from jobs.keys import GuildKeys
from jobs.lifecycle import Lifecycle
from jobs.limits import Limit
from jobs.models import Job, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings, RedisSettings
from jobs.stats import Summary
from tests.jobs.conftest import address, request, terms

KEYS = GuildKeys("newbie", "200")
COST = 1024 * 1024 * 28


def submit(queue: RenderQueue, number: int = 1, **limits: object) -> Job:
    wanted = request()
    return queue.submit(wanted, address(number), terms(wanted, **limits))


def spent(redis: Redis) -> list[int]:
    return [entry.pixel_steps for entry in usage.read(redis, KEYS, "500").spent]


def refused(queue: RenderQueue, number: int = 2, **limits: object) -> Limit:
    with pytest.raises(LimitReached) as caught:
        submit(queue, number, **limits)
    return caught.value.refusal.limit


def test_an_accepted_request_is_paid_for_once(queue: RenderQueue, redis: Redis) -> None:
    submit(queue)
    submit(queue)
    assert spent(redis) == [COST]


@pytest.mark.parametrize(
    ("limit", "reached", "allowed"),
    [
        (Limit.WAITING, 1, 2),
        (Limit.COOLDOWN, 60, 0),
        (Limit.HOURLY_BUDGET, 28, 56),
        (Limit.DAILY_BUDGET, 28, 56),
        (Limit.CAPACITY, 1, 2),
        (Limit.TOTAL_CAPACITY, 1, 2),
        (Limit.STEPS, 27, 28),
    ],
)
def test_a_limit_refuses_and_leaves_nothing_behind(
    queue: RenderQueue, redis: Redis, limit: Limit, reached: int, allowed: int
) -> None:
    submit(queue)
    before = sorted(redis.keys("newbie:*"))
    assert refused(queue, **{limit.value: reached}) is limit
    assert sorted(redis.keys("newbie:*")) == before
    assert spent(redis) == [COST]
    submit(queue, 2, **{limit.value: allowed})
    assert spent(redis) == [COST, COST]


def test_of_many_requests_at_once_exactly_as_many_pass_as_are_allowed(
    redis_settings: RedisSettings, queue: RenderQueue
) -> None:
    outcomes: list[bool] = []

    def ask(number: int) -> None:
        own = RenderQueue(connect(redis_settings), QueueSettings())
        try:
            submit(own, number, waiting=3)
            outcomes.append(True)
        except LimitReached:
            outcomes.append(False)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes.count(True), outcomes.count(False)) == (3, 9)
    assert len(queue.active_ids()) == 3


def test_a_withdrawn_request_costs_nothing(queue: RenderQueue, redis: Redis) -> None:
    job = submit(queue)
    assert queue.withdraw(job.id)
    assert spent(redis) == []
    assert queue.statistics.read("200", 1, job.submitted_at).accepted == 0


@pytest.mark.parametrize("code", [OutcomeCode.RENDER_FAILED, OutcomeCode.OUT_OF_MEMORY])
def test_what_failed_is_given_back(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis, code: OutcomeCode
) -> None:
    job = submit(queue)
    assert lifecycle.claim("a")
    assert lifecycle.fail(job.id, 0, code)
    assert spent(redis) == []
    submit(queue, 2, cooldown=60)


def test_what_was_cancelled_in_line_costs_its_cooldown(queue: RenderQueue, redis: Redis) -> None:
    job = submit(queue)
    assert queue.cancel(job.id, "500")
    assert spent(redis) == [0]
    assert refused(queue, cooldown=60) is Limit.COOLDOWN
    submit(queue, 2, hourly_budget=28)


def test_what_was_cancelled_while_it_was_drawn_is_paid_for(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    job = submit(queue)
    assert lifecycle.claim("a")
    assert queue.cancel(job.id, "500")
    assert lifecycle.fail(job.id, 0, OutcomeCode.CANCELLED)
    assert spent(redis) == [COST]


def test_a_picture_that_was_held_back_is_paid_for(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    job = submit(queue)
    assert lifecycle.claim("a")
    assert lifecycle.fail(job.id, 0, OutcomeCode.PICTURE_REFUSED)
    assert spent(redis) == [COST]


def test_a_drawn_picture_is_paid_for(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    job = submit(queue)
    assert lifecycle.claim("a")
    lifecycle.end(job.id, 0, Outcome(code=OutcomeCode.DONE, message_id="9"))
    assert spent(redis) == [COST]


def test_days_are_summed_up_for_a_server_and_for_all(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    for number, (member, guild) in enumerate([("1", "200"), ("1", "200"), ("2", "201")]):
        queue.submit(request(), address(number, requester_id=member, guild_id=guild))
    now = queue.get("1000").submitted_at
    first, second, third = (lifecycle.claim(ticket) for ticket in "abc")
    assert first
    assert second
    assert third
    redis.hset(queue.keys.job(first.id), "started_at", repr(first.submitted_at + 3))
    redis.hset(queue.keys.job(second.id), "started_at", repr(second.submitted_at + 25))
    redis.hset(queue.keys.job(third.id), "started_at", repr(third.submitted_at + 28))
    lifecycle.end(first.id, 0, Outcome(code=OutcomeCode.DONE))
    lifecycle.fail(second.id, 0, OutcomeCode.TIMED_OUT)
    lifecycle.end(second.id, 0, Outcome(code=OutcomeCode.TIMED_OUT))
    lifecycle.end(third.id, 0, Outcome(code=OutcomeCode.DONE))
    queue.statistics.refused("201", "blocked", now)
    everywhere = queue.statistics.read(EVERY_GUILD, 7, now)
    assert everywhere == Summary(
        accepted=3,
        members=2,
        done=2,
        failures={"timed_out": 1},
        refusals={"blocked": 1},
        waited=pytest.approx(56 / 3, abs=0.01),
        half_waited=30,
    )
    assert queue.statistics.read("201", 1, now).members == 1
    assert queue.statistics.read("201", 1, now).done == (
        1 if third.address.guild_id == "201" else 0
    )
    assert queue.statistics.read("200", 7, now + 7 * 86_400) == Summary()
    assert queue.statistics.read("202", 7, now) == Summary()
