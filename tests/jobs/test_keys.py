"""Every key is documented, and goes: by its lifetime, or with what it belongs to."""

import re

import pytest
from redis import Redis

from jobs import keys as keys_module
from jobs import presence
from jobs.cost import ASSUMED
from jobs.lifecycle import Lifecycle
from jobs.models import JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from jobs.recovery import Recovery
from tests.jobs.conftest import address, request
from tests.jobs.test_lifecycle import DRAWN
from tests.jobs.test_promises import promise

PLACEHOLDERS = {
    "{queue}": "[a-z0-9_-]+",
    "{id}": "[0-9]+",
    "{attempt}": "[0-9]+",
    "{name}": "[^:]+",
}
DONE = Outcome(code=OutcomeCode.DONE)


def documented() -> dict[str, str]:
    """Lifetime of each key in the table, by a pattern of its name."""
    rows = re.findall(r"^\| `(newbie:[^`]+)` \|.*\| (.*) \|$", str(keys_module.__doc__), re.M)
    assert len(rows) > 10
    found = {}
    for name, lifetime in rows:
        pattern = re.escape(name).replace(r"\{", "{").replace(r"\}", "}")
        for placeholder, expression in PLACEHOLDERS.items():
            pattern = pattern.replace(placeholder, expression)
        found[pattern] = lifetime
    return found


def ours(redis: Redis) -> list[str]:
    return sorted(key.decode() for key in redis.keys("newbie:*"))


def lifetime_of(key: str) -> str:
    [lifetime] = [text for pattern, text in documented().items() if re.fullmatch(pattern, key)]
    return lifetime


def busy(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    """Have jobs in every state, and all that may lie around them."""
    for number in range(12):
        queue.submit(request(), address(number, requester_id=str(500 + number % 3)))
    presence.beat(queue.redis, queue.keys, "host-1", "{}", ASSUMED)
    queue.promises.make(promise())
    queue.cancel("1011", "500")
    queue.withdraw("1010")
    queue.front("1009")
    kept, failed, lost, marked, ended = (lifecycle.claim(ticket) for ticket in "abcde")
    assert kept
    assert failed
    assert lost
    assert marked
    assert ended
    lifecycle.progress(lost.id, 0, 3, 28)
    lifecycle.keep(kept.id, 0, DRAWN, {"message": b"{}"})
    lifecycle.give_up(failed, OutcomeCode.RENDER_FAILED)
    lifecycle.abandon(lost)
    queue.cancel(marked.id, "500")
    lifecycle.end(ended.id, 0, DONE)


@pytest.fixture
def busy_redis(queue: RenderQueue, lifecycle: Lifecycle, redis: Redis) -> Redis:
    busy(queue, lifecycle)
    Recovery(lifecycle).look()
    return redis


def test_every_key_is_documented(queue: RenderQueue, busy_redis: Redis) -> None:
    with queue.writer("1001", wait=0):
        found = ours(busy_redis)
    for key in found:
        assert lifetime_of(key), key
    # And nothing is documented that does not exist.
    for pattern in documented():
        assert [key for key in found if re.fullmatch(pattern, key)], pattern


def test_every_key_has_a_lifetime_or_goes_with_what_it_belongs_to(
    queue: RenderQueue, busy_redis: Redis
) -> None:
    keys, active = queue.keys, set(queue.active_ids())
    in_line, in_hand = set(queue.line.ids()), set(members(busy_redis, keys.in_hand))
    assert in_line | in_hand == active
    assert not in_line & in_hand
    waiting = {one for one in active if queue.get(one).state is JobState.WAITING}
    assert waiting == in_line
    for key in ours(busy_redis):
        if busy_redis.ttl(key) > 0:
            continue
        if re.fullmatch(r"newbie:newbie:job:\d+", key):
            assert key.rsplit(":", 1)[1] in active
        elif key.startswith("newbie:newbie:member:"):
            assert set(members(busy_redis, key)) <= in_line
        elif key == keys.results:
            assert set(members(busy_redis, key)) <= in_hand
        else:
            belong_to_line = {keys.line, keys.line_sums, keys.line_clock}
            assert key in {keys.active, keys.in_hand, keys.workers} | belong_to_line


def members(redis: Redis, key: str) -> list[str]:
    return [row.decode() for row in redis.zrange(key, 0, -1)]


def test_when_all_jobs_ended_only_their_records_are_left_and_these_go_too(
    queue: RenderQueue, lifecycle: Lifecycle, busy_redis: Redis
) -> None:
    number = 0
    while job := lifecycle.claim(f"more{number}"):
        lifecycle.settled(f"more{number}")
        lifecycle.end(job.id, job.attempt, DONE)
        lifecycle.release(job)
        number += 1
    for job_id in queue.active_ids():
        job = queue.get(job_id)
        lifecycle.end(job_id, job.attempt, job.outcome or DONE)
        lifecycle.release(job)
    for ticket in "abcde":
        lifecycle.settled(ticket)
    presence.leave(busy_redis, queue.keys, "host-1")
    queue.promises.settle("1001")
    left = [key for key in ours(busy_redis) if ":lease:" not in key]
    assert len(left) == 11
    for key in left:
        assert re.fullmatch(r"newbie:newbie:job:\d+", key)
        assert 0 < busy_redis.ttl(key) <= queue.settings.keep_ended
    for key in ours(busy_redis):
        assert busy_redis.ttl(key) > 0
