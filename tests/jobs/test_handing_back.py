"""A worker that stops hands its job back: in line again at once, and at no cost to it."""

import pytest
from redis import Redis

from jobs.lifecycle import Lifecycle
from jobs.models import JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from tests.jobs.conftest import address, place, request
from tests.jobs.test_lifecycle import DRAWN, begin, begin_next


def test_a_job_that_is_handed_back_is_first_in_line_at_once(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.progress(job.id, 0, 9, 28)
    other = queue.submit(request(), address(2))
    assert lifecycle.hand_back(job)
    assert (place(queue, job.id), place(queue, other.id)) == (1, 2)
    back = queue.get(job.id)
    assert (back.state, back.attempt, back.lost_attempts) == (JobState.WAITING, 1, 0)
    assert back.progress.step == 0
    assert set(queue.rq.get_job_ids()) == {f"ticket-{job.id}-1", f"ticket-{other.id}-0"}


def test_the_process_that_handed_it_back_can_say_nothing_any_more(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.hand_back(job)
    begin_next(queue, lifecycle)
    lifecycle.progress(job.id, 0, 9, 9)
    assert not lifecycle.keep(job.id, 0, DRAWN, None)
    assert not lifecycle.hand_back(job)
    assert queue.get(job.id).progress.step == 0
    assert lifecycle.keep(job.id, 1, DRAWN, None)


def test_what_is_handed_back_is_not_counted_as_lost(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    assert queue.settings.max_attempts == 2
    job = begin(queue, lifecycle)
    for _ in range(5):
        assert lifecycle.hand_back(queue.get(job.id))
        begin_next(queue, lifecycle)
    lifecycle.abandon(queue.get(job.id))
    again = begin_next(queue, lifecycle)
    assert (again.attempt, again.handed_back, again.lost_attempts) == (6, 5, 1)
    assert lifecycle.hand_back(again)
    lifecycle.abandon(begin_next(queue, lifecycle))
    assert queue.get(job.id).outcome == Outcome(code=OutcomeCode.WORKER_LOST)


def test_a_picture_that_is_drawn_is_not_handed_back(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.keep(job.id, 0, DRAWN, {"message": b"{}"})
    assert not lifecycle.hand_back(queue.get(job.id))
    assert queue.get(job.id).state is JobState.RENDERED
    assert lifecycle.results.get(job.id) == {"message": b"{}"}


def test_a_cancelled_job_is_not_handed_back_and_its_owner_is_told(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    queue.cancel(job.id, "500")
    assert not lifecycle.hand_back(job)
    failing = queue.get(job.id)
    assert (failing.state, failing.outcome) == (
        JobState.FAILING,
        Outcome(code=OutcomeCode.CANCELLED),
    )
    assert queue.rq.get_job_ids() == [f"report-{job.id}-0"]


@pytest.mark.parametrize("attempt", [0, 2])
def test_records_of_earlier_versions_are_read(
    queue: RenderQueue, redis: Redis, attempt: int
) -> None:
    job = queue.submit(request(), address())
    assert not redis.hexists(queue.keys.job(job.id), "handed_back")
    redis.hset(queue.keys.job(job.id), "attempt", attempt)
    assert queue.get(job.id).lost_attempts == attempt
