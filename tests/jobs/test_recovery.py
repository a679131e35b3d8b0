"""What nobody works on any more is found, and nothing else."""

import time

import pytest
from redis import Redis

from jobs.lifecycle import Lifecycle
from jobs.models import JobState, OutcomeCode
from jobs.queue import RenderQueue
from jobs.recovery import Recovery
from tests.jobs.conftest import address, request
from tests.jobs.test_lifecycle import begin


@pytest.fixture
def recovery(lifecycle: Lifecycle) -> Recovery:
    return Recovery(lifecycle)


def look_twice(recovery: Recovery, queue: RenderQueue) -> None:
    """Look, wait for a lease, and look again."""
    recovery.look()
    time.sleep(queue.settings.lease + 0.2)
    recovery.look()


def test_a_job_whose_lease_ran_out_is_taken_back(
    queue: RenderQueue, lifecycle: Lifecycle, recovery: Recovery, redis: Redis
) -> None:
    job = begin(queue, lifecycle)
    redis.delete(queue.keys.lease(job.id, 0))
    look_twice(recovery, queue)
    back = queue.get(job.id)
    assert (back.state, back.attempt) == (JobState.WAITING, 1)
    assert queue.position(job.id) == 1


def test_a_living_job_and_a_waiting_one_are_left_alone(
    queue: RenderQueue, lifecycle: Lifecycle, recovery: Recovery
) -> None:
    job = begin(queue, lifecycle)
    waiting = queue.submit(request(), address(2))
    with lifecycle.lease(job.id, 0):
        look_twice(recovery, queue)
    assert queue.get(job.id).state is JobState.RUNNING
    assert queue.get(waiting.id).attempt == 0


def test_a_lease_that_is_renewed_in_between_saves_the_attempt(
    queue: RenderQueue, lifecycle: Lifecycle, recovery: Recovery, redis: Redis
) -> None:
    job = begin(queue, lifecycle)
    redis.delete(queue.keys.lease(job.id, 0))
    recovery.look()
    with lifecycle.lease(job.id, 0):
        time.sleep(queue.settings.lease)
        recovery.look()
    assert queue.get(job.id).attempt == 0


def test_a_job_that_left_the_line_and_was_never_claimed_is_put_back(
    queue: RenderQueue, recovery: Recovery
) -> None:
    job = queue.submit(request(), address())
    queue.rq.pop_job_id()
    look_twice(recovery, queue)
    assert queue.position(job.id) == 1
    assert queue.get(job.id).attempt == 1


def test_a_report_that_was_never_posted_is_repeated(
    queue: RenderQueue, lifecycle: Lifecycle, recovery: Recovery, redis: Redis
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.fail(job.id, 0, OutcomeCode.RENDER_FAILED)
    redis.delete(queue.keys.lease(job.id, 0))
    look_twice(recovery, queue)
    assert queue.rq.get_job_ids() == [f"{job.id}-0-report"]


def test_a_report_is_not_repeated_before_its_time(
    queue: RenderQueue, lifecycle: Lifecycle, recovery: Recovery, redis: Redis
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.fail(job.id, 0, OutcomeCode.RENDER_FAILED)
    redis.delete(queue.keys.lease(job.id, 0))
    lifecycle.postpone_report(queue.get(job.id))
    look_twice(recovery, queue)
    assert queue.rq.get_job_ids() == []


def test_a_record_of_another_version_stops_nobody(
    queue: RenderQueue, lifecycle: Lifecycle, recovery: Recovery, redis: Redis
) -> None:
    strange = queue.submit(request(), address(1))
    normal = queue.submit(request(), address(2))
    redis.hset(queue.keys.job(strange.id), "request", '{"prompt": "x", "seed": 1, "new": 2}')
    queue.rq.empty()
    look_twice(recovery, queue)
    assert [job.id for job in queue.front(10)] == [normal.id]
    assert strange.id in queue.active_ids()


def test_an_id_without_a_record_is_forgotten(
    queue: RenderQueue, recovery: Recovery, redis: Redis
) -> None:
    job = queue.submit(request(), address())
    redis.delete(queue.keys.job(job.id))
    recovery.look()
    assert queue.active_ids() == []
