"""A paused server's jobs stand beside the line; everyone else's places are those without them."""

import random

import pytest
from redis import Redis

from jobs.guild import EVERY_GUILD, QueueState
from jobs.guild_edits import set_queue
from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState
from jobs.queue import RenderQueue
from jobs.recovery import Recovery
from tests.jobs.conftest import address, place, request

PAUSED, RUNNING, DRAINING = QueueState.PAUSED, QueueState.RUNNING, QueueState.DRAINING
HERE, THERE = "200", "201"
MODERATOR = "1"


def submit(queue: RenderQueue, number: int, guild: str | None = HERE, member: str = "500") -> Job:
    return queue.submit(request(), address(number, guild_id=guild, requester_id=member))


def order(queue: RenderQueue) -> list[str]:
    return [job.id for job, _ in queue.waiting(10_000)]


def test_paused_jobs_keep_others_from_nothing(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    here = [submit(queue, number) for number in range(3)]
    there = [submit(queue, 10 + number, THERE, "501") for number in range(3)]
    queue.set_state(HERE, PAUSED, by=MODERATOR)
    assert order(queue) == [job.id for job in there]
    assert [place(queue, job.id) for job in there] == [1, 2, 3]
    assert all(queue.line.is_held(job.id) for job in here)
    assert [place(queue, job.id) for job in here] == [None] * 3
    assert queue.waiting_of("500") == [job.id for job in here]
    began = [lifecycle.claim(f"t{number}") for number in range(4)]
    assert [job and job.id for job in began] == [*(job.id for job in there), None]


def test_a_resumed_server_goes_on_in_its_order(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    first = [submit(queue, number) for number in range(5)]
    queue.front(first[3].id)
    queue.set_state(HERE, PAUSED, by=MODERATOR)
    assert order(queue) == []
    late = submit(queue, 9)
    assert queue.line.is_held(late.id)
    queue.set_state(HERE, RUNNING, by=MODERATOR)
    expected = [first[3], first[0], first[1], first[2], first[4], late]
    assert order(queue) == [job.id for job in expected]
    assert lifecycle.claim("a")
    assert queue.line.held() == []


def test_who_comes_back_does_not_go_before_those_who_waited(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    for number in range(10):
        submit(queue, number)
    queue.set_state(HERE, PAUSED, by=MODERATOR)
    there = [submit(queue, 20 + number, THERE, "501") for number in range(10)]
    for ticket in range(6):
        lifecycle.claim(f"t{ticket}")
    queue.set_state(HERE, RUNNING, by=MODERATOR)
    # In turns from here on, and not ten of the one before the rest of the other.
    assert [job_id in {job.id for job in there} for job_id in order(queue)[:6]].count(True) == 3


def test_what_is_cancelled_while_it_is_held_is_gone(queue: RenderQueue, redis: Redis) -> None:
    kept, gone = submit(queue, 1), submit(queue, 2)
    queue.set_state(HERE, PAUSED, by=MODERATOR)
    assert queue.cancel(gone.id, "500")
    assert queue.line.held() == [kept.id]
    assert redis.smembers(queue.guilds.keys(HERE).waiting) == {kept.id.encode()}
    queue.set_state(HERE, RUNNING, by=MODERATOR)
    assert order(queue) == [kept.id]


def test_a_held_job_can_be_moved_to_the_front(queue: RenderQueue) -> None:
    jobs = [submit(queue, number) for number in range(3)]
    queue.set_state(HERE, PAUSED, by=MODERATOR)
    assert queue.front(jobs[2].id)
    queue.set_state(HERE, RUNNING, by=MODERATOR)
    assert order(queue) == [jobs[2].id, jobs[0].id, jobs[1].id]


def test_a_lost_job_of_a_paused_server_is_held_and_comes_first_again(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    lost, other = submit(queue, 1), submit(queue, 2)
    assert lifecycle.claim("a")
    queue.set_state(HERE, PAUSED, by=MODERATOR)
    lifecycle.abandon(queue.get(lost.id))
    assert set(queue.line.held()) == {lost.id, other.id}
    queue.set_state(HERE, RUNNING, by=MODERATOR)
    assert order(queue) == [lost.id, other.id]


def test_while_all_is_paused_nothing_is_taken_and_nothing_moves(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    jobs = [submit(queue, number, guild) for number, guild in enumerate((HERE, THERE, None))]
    queue.set_state(EVERY_GUILD, PAUSED, by=MODERATOR)
    assert order(queue) == [job.id for job in jobs]
    assert lifecycle.claim("a") is None
    queue.set_state(EVERY_GUILD, RUNNING, by=MODERATOR)
    assert lifecycle.claim("a")


@pytest.mark.parametrize("state", [DRAINING, RUNNING])
def test_what_waits_is_drawn_while_a_server_drains(
    queue: RenderQueue, lifecycle: Lifecycle, state: QueueState
) -> None:
    job = submit(queue, 1)
    queue.set_state(HERE, state, by=MODERATOR)
    began = lifecycle.claim("a")
    assert began
    assert began.id == job.id


def test_a_pause_that_was_only_written_down_is_carried_out_by_the_next_look(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = submit(queue, 1)
    queue.guilds.change(HERE, set_queue(PAUSED), by=MODERATOR)
    assert not queue.line.is_held(job.id)
    Recovery(lifecycle).look()
    assert queue.line.is_held(job.id)
    queue.guilds.change(HERE, set_queue(RUNNING), by=MODERATOR)
    Recovery(lifecycle).look()
    assert order(queue) == [job.id]
    assert queue.get(job.id).state is JobState.WAITING


def test_the_line_is_whole_after_many_changes(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    rng = random.Random(7)
    guilds, states = [HERE, THERE, None], [PAUSED, RUNNING]
    for number in range(150):
        submit(queue, number, rng.choice(guilds), str(500 + rng.randrange(4)))
        if rng.random() < 0.3:
            queue.set_state(rng.choice([HERE, THERE]), rng.choice(states), by=MODERATOR)
        if rng.random() < 0.3 and (waiting := queue.waiting_of(str(500 + rng.randrange(4)))):
            queue.cancel(rng.choice(waiting), "500")
        if rng.random() < 0.2:
            lifecycle.claim(f"t{number}")
    for guild in (HERE, THERE):
        queue.set_state(guild, RUNNING, by=MODERATOR)
    assert queue.line.held() == []
    in_line = queue.line.ids()
    for member in range(500, 504):
        assert queue.waiting_of(str(member)) == [
            one for one in in_line if queue.get(one).address.requester_id == str(member)
        ]
    for job_id in in_line:
        before = in_line[: in_line.index(job_id)]
        ahead = queue.line.ahead(job_id)
        assert ahead
        assert ahead.load.work == sum(int(redis.hget(queue.keys.job(x), "work")) for x in before)
    while lifecycle.claim(f"rest{len(queue.line)}"):
        continue
    for key in (queue.keys.line, queue.keys.line_sums, queue.keys.line_clock, queue.keys.held):
        assert not redis.exists(key)
    assert not redis.keys("newbie:*:waiting")
