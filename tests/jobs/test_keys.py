"""Every key is documented, and goes: by its lifetime, or with what it belongs to."""

import re

import pytest
from redis import Redis

from jobs import keys as keys_module
from jobs import presence
from jobs.cards import Cards
from jobs.cost import ASSUMED
from jobs.guild import QueueState
from jobs.kept import Kept
from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from jobs.recovery import Recovery
from tests.jobs.conftest import address, request, terms
from tests.jobs.test_lifecycle import DRAWN
from tests.jobs.test_promises import promise

PLACEHOLDERS = {
    "{queue}": "[a-z0-9_-]+",
    "{id}": "[0-9]+",
    "{attempt}": "[0-9]+",
    "{name}": "[^:]+",
    "{guild}": "[a-z0-9]+",
    "{member}": "[0-9]+",
    "{date}": "[0-9-]+",
}
DONE = Outcome(code=OutcomeCode.DONE)


def documented() -> dict[str, str]:
    """Lifetime of each key in the table, by a pattern of its name."""
    tables = f"{keys_module.__doc__}\n{keys_module.GuildKeys.__doc__}"
    rows = re.findall(r"^ *\| `(newbie:[^`]+)` \|.*\| (.*) \|$", tables, re.M)
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
        where = address(number, requester_id=str(500 + number % 3))
        queue.submit(request(), where, terms(request()))
    queue.submit(request(), address(20, guild_id="201"), terms(request()))
    queue.set_state("201", QueueState.PAUSED, by="1")
    presence.beat(queue.redis, queue.keys, "host-1", speed=ASSUMED)
    Cards(queue.redis, queue.keys, "host-1").take(["GPU-1", "GPU-2"], 60)
    queue.promises.make(promise())
    queue.cancel("1011", "500")
    queue.withdraw("1010")
    queue.front("1009")
    kept, failed, lost, marked, ended, aside = (lifecycle.claim(ticket) for ticket in "abcdef")
    assert kept
    assert aside
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
    lifecycle.keep(aside.id, 0, DRAWN, {"message": b"{}"})
    lifecycle.kept.set_aside(aside, DRAWN, {"message": b"{}"})


@pytest.fixture
def busy_redis(queue: RenderQueue, lifecycle: Lifecycle, redis: Redis) -> Redis:
    busy(queue, lifecycle)
    Recovery(lifecycle).look()
    return redis


def test_every_key_is_documented(queue: RenderQueue, busy_redis: Redis) -> None:
    with queue.writer("1001", wait=0), Kept(queue).handover("1001"):
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
    held = set(queue.line.held())
    assert held == {"1020"}
    assert in_line | held | in_hand == active
    assert len(in_line) + len(held) + len(in_hand) == len(active)
    waiting = {one for one in active if queue.get(one).state is JobState.WAITING}
    assert waiting == in_line | held
    for key in ours(busy_redis):
        if busy_redis.ttl(key) > 0:
            continue
        if re.fullmatch(r"newbie:newbie:job:\d+", key):
            assert key.rsplit(":", 1)[1] in active
        elif key.startswith("newbie:newbie:member:"):
            assert set(members(busy_redis, key)) <= waiting
        elif re.fullmatch(r"newbie:newbie:guild:\d+:waiting", key):
            assert {row.decode() for row in busy_redis.smembers(key)} <= waiting
        elif re.fullmatch(r"newbie:newbie:guild:201:(settings|audit)", key):
            assert queue.guilds.get("201").queue is QueueState.PAUSED
        elif key == keys.results:
            assert set(members(busy_redis, key)) <= in_hand
        else:
            belong_to_line = {keys.line, keys.line_sums, keys.line_clock}
            others = {keys.active, keys.in_hand, keys.workers, keys.held, keys.paused}
            assert key in others | belong_to_line


def members(redis: Redis, key: str) -> list[str]:
    return [row.decode() for row in redis.zrange(key, 0, -1)]


def kept_of(lifecycle: Lifecycle, member: str) -> tuple[Job, ...]:
    return lifecycle.kept.of_member(member).jobs


def test_when_all_jobs_ended_only_their_records_are_left_and_these_go_too(
    queue: RenderQueue, lifecycle: Lifecycle, busy_redis: Redis
) -> None:
    queue.set_state("201", QueueState.RUNNING, by="1")
    queue.guilds.leave("201")
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
    for ticket in "abcdef":
        lifecycle.settled(ticket)
    for job in [one for member in ["500", "501", "502"] for one in kept_of(lifecycle, member)]:
        lifecycle.kept.handed_over(job, DONE)
    presence.leave(busy_redis, queue.keys, "host-1")
    Cards(busy_redis, queue.keys, "host-1").give_up("GPU-1")
    queue.promises.settle("1001")
    left = [key for key in ours(busy_redis) if ":lease:" not in key and ":guild:" not in key]
    assert len(left) == 12
    for key in left:
        assert re.fullmatch(r"newbie:newbie:job:\d+", key)
        assert 0 < busy_redis.ttl(key) <= queue.settings.keep_ended
    for key in ours(busy_redis):
        assert busy_redis.ttl(key) > 0
