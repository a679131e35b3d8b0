"""The line: fair among members, true to each member's order, and exact about what lies ahead."""

import random

import pytest
from pydantic import ValidationError
from redis import Redis

from jobs.cost import work_of
from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, OutcomeCode, Size
from jobs.queue import RenderQueue
from tests.jobs.conftest import address, place, request, terms


def submit(queue: RenderQueue, number: int, member: int, **options: object) -> Job:
    weight = float(options.pop("weight", 1.0))
    where, wanted = address(number, requester_id=str(member)), request(**options)
    return queue.submit(wanted, where, terms(wanted, weight=weight))


def order(queue: RenderQueue) -> list[str]:
    return [job.id for job, _ in queue.waiting(10_000)]


def test_a_newcomer_is_served_before_the_rest_of_a_long_row(queue: RenderQueue) -> None:
    heavy = [submit(queue, number, 1) for number in range(20)]
    newcomer = submit(queue, 99, 2)
    assert place(queue, newcomer.id) == 2
    assert place(queue, heavy[0].id) == 1


def test_who_comes_later_starts_at_the_clock_and_not_at_zero(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    for number in range(20):
        submit(queue, number, 1)
    for ticket in range(10):
        lifecycle.claim(f"t{ticket}")
    late = [submit(queue, 50 + number, 2) for number in range(5)]
    # One each in turn, and not all five before the first member's next job.
    assert [place(queue, job.id) for job in late] == [2, 4, 6, 8, 10]


def test_jobs_of_one_member_keep_their_order(queue: RenderQueue) -> None:
    steps = [40, 1, 60, 20]
    jobs = [
        submit(queue, number, 1, num_inference_steps=n) for number, n in enumerate(steps, start=1)
    ]
    assert order(queue) == [job.id for job in jobs]
    assert queue.waiting_of("1") == order(queue)


def test_small_jobs_of_others_come_before_a_large_one(queue: RenderQueue) -> None:
    large = submit(queue, 1, 1, num_inference_steps=60, count=4)
    small = submit(queue, 2, 2, num_inference_steps=20)
    assert order(queue) == [small.id, large.id]


def test_three_times_the_weight_is_three_times_the_turns(queue: RenderQueue) -> None:
    jobs = {}
    for number in range(12):
        for member, weight in ((1, 1.0), (2, 3.0)):
            job = submit(queue, number + 100 * member, member, weight=weight)
            jobs[job.id] = member
    first = [jobs[job_id] for job_id in order(queue)[:12]]
    assert (first.count(1), first.count(2)) == (3, 9)


def test_a_weight_out_of_range_is_refused(queue: RenderQueue) -> None:
    for weight in (0.0, -1.0, 1000.0, float("nan")):
        with pytest.raises(ValidationError):
            submit(queue, 1, 1, weight=weight)
    assert queue.active_ids() == []
    assert submit(queue, 1, 1, weight=0.01).weight == 0.01


def test_moved_jobs_come_first_in_the_order_of_the_calls(queue: RenderQueue) -> None:
    jobs = [submit(queue, number, 1) for number in range(5)]
    assert queue.front(jobs[3].id)
    assert queue.front(jobs[4].id)
    assert queue.front(jobs[3].id)
    assert order(queue) == [jobs[index].id for index in (3, 4, 0, 1, 2)]


def test_a_job_that_does_not_wait_cannot_be_moved(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = submit(queue, 1, 1)
    lifecycle.claim("a")
    assert not queue.front(job.id)
    assert not queue.front("4711")


def test_a_job_that_was_taken_back_comes_before_those_that_were_moved(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    jobs = [submit(queue, number, 1) for number in range(4)]
    first, second = lifecycle.claim("a"), lifecycle.claim("b")
    assert first
    assert second
    queue.front(jobs[3].id)
    lifecycle.abandon(first)
    lifecycle.abandon(second)
    assert order(queue) == [jobs[index].id for index in (0, 1, 3, 2)]


def test_a_moved_job_is_paid_for_by_its_member(queue: RenderQueue) -> None:
    mine = [submit(queue, number, 1) for number in range(2)]
    others = [submit(queue, 50 + number, 2) for number in range(2)]
    queue.front(mine[1].id)
    assert order(queue) == [job.id for job in (mine[1], mine[0], *others)]
    later = submit(queue, 90, 1)
    assert order(queue)[-1] == later.id


def test_what_a_member_cancels_does_not_hold_up_their_other_jobs(queue: RenderQueue) -> None:
    mine = [submit(queue, number, 1) for number in range(30)]
    others = [submit(queue, 50 + number, 2) for number in range(3)]
    for job in mine[:-1]:
        assert queue.cancel(job.id, "1")
    assert place(queue, mine[-1].id) == 1
    again = submit(queue, 99, 1)
    assert order(queue) == [job.id for job in (mine[-1], others[0], others[1], again, others[2])]


def test_nothing_of_the_line_is_left_when_it_is_empty(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    jobs = [submit(queue, number, number % 3) for number in range(6)]
    queue.cancel(jobs[0].id, "1")
    queue.withdraw(jobs[1].id)
    queue.front(jobs[2].id)
    for ticket in "abcd":
        assert lifecycle.claim(ticket)
    assert redis.keys("newbie:newbie:line*") == []
    assert redis.keys("newbie:newbie:member:*") == []


def recount(queue: RenderQueue) -> dict[str, tuple[int, int]]:
    """Rank and work ahead of each job, counted job by job."""
    found, before = {}, 0
    for rank, job_id in enumerate(queue.line.ids()):
        found[job_id] = (rank, before)
        before += work_of(queue.get(job_id).request)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_place_and_work_ahead_equal_a_plain_recount_whatever_happens(
    queue: RenderQueue, lifecycle: Lifecycle, seed: int
) -> None:
    rng = random.Random(seed)
    running: list[Job] = []
    for number in range(250):
        waiting = queue.line.ids()
        match rng.choice(["submit"] * 6 + ["take", "cancel", "move", "withdraw", "back"]):
            case "submit":
                submit(
                    queue,
                    number,
                    rng.randrange(12),
                    num_inference_steps=rng.randint(1, 60),
                    count=rng.randint(1, 4),
                    size=rng.choice(list(Size)),
                    weight=rng.choice([0.5, 1.0, 3.0]),
                )
            case "take" if claimed := lifecycle.claim(f"ticket{number}"):
                running.append(claimed)
            case "cancel" if waiting:
                assert queue.cancel(rng.choice(waiting), "1")
            case "move" if waiting:
                assert queue.front(rng.choice(waiting))
            case "withdraw" if waiting:
                queue.withdraw(rng.choice(waiting))
            case "back" if running:
                lifecycle.abandon(running.pop(rng.randrange(len(running))))
    counted = recount(queue)
    assert len(counted) > 50
    for job_id, expected in counted.items():
        ahead = queue.line.ahead(job_id)
        assert ahead
        assert (ahead.rank, int(ahead.load.work)) == expected
    listed = {job.id: standing for job, standing in queue.waiting(999)}
    assert listed == {job_id: queue.standing(job_id) for job_id in counted}


def test_work_ahead_is_exact_among_many_that_came_at_once(queue: RenderQueue) -> None:
    # All of these have the same tag: only the order of their coming tells them apart.
    jobs = [submit(queue, number, member=number) for number in range(150)]
    for index in (0, 1, 31, 32, 33, 64, 149):
        ahead = queue.line.ahead(jobs[index].id)
        assert ahead
        assert (ahead.rank, int(ahead.load.work)) == (index, index * work_of(request()))


def test_at_the_end_of_its_time_the_line_still_counts_right(
    queue: RenderQueue, redis: Redis
) -> None:
    first = submit(queue, 1, 1)
    redis.hset(queue.keys.line_clock, "now", repr(2.0**60))
    jobs = [first, *(submit(queue, number, number) for number in range(2, 6))]
    assert order(queue) == [job.id for job in jobs]
    for index, job in enumerate(jobs):
        ahead = queue.line.ahead(job.id)
        assert ahead
        assert (ahead.rank, int(ahead.load.work)) == (index, index * work_of(request()))


def test_what_is_drawn_counts_by_what_is_left_of_it(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    for number in range(3):
        submit(queue, number, number, num_inference_steps=10)
    half, fresh, over = (lifecycle.claim(ticket) for ticket in "abc")
    assert half
    assert fresh
    assert over
    lifecycle.progress(half.id, 0, 5, 10)
    lifecycle.fail(over.id, 0, OutcomeCode.RENDER_FAILED)
    drawing = queue.line.drawing()
    assert (drawing.jobs, drawing.work) == (2, 1.5 * work_of(half.request))


def test_only_waiting_jobs_begin(queue: RenderQueue, lifecycle: Lifecycle, redis: Redis) -> None:
    odd, normal = submit(queue, 1, 1), submit(queue, 2, 1)
    redis.hset(queue.keys.job(odd.id), "state", JobState.ENDED.value)
    claimed = lifecycle.claim("a")
    assert claimed
    assert claimed.id == normal.id
