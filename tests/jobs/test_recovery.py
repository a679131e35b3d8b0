"""What nobody works on any more is found, and nothing else."""

import time

import pytest
from redis import Redis

from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, OutcomeCode
from jobs.queue import RenderQueue
from jobs.records import to_fields
from jobs.recovery import Recovery
from tests.jobs.conftest import address, place, request
from tests.jobs.test_lifecycle import DRAWN, begin


@pytest.fixture
def recovery(lifecycle: Lifecycle) -> Recovery:
    return Recovery(lifecycle)


def look_twice(recovery: Recovery, queue: RenderQueue) -> None:
    """Look, wait for a lease, and look again."""
    recovery.look()
    time.sleep(queue.settings.lease / 2 + 0.1)
    recovery.look()


def test_a_job_whose_lease_ran_out_is_taken_back(
    queue: RenderQueue, lifecycle: Lifecycle, recovery: Recovery, redis: Redis
) -> None:
    job = begin(queue, lifecycle)
    redis.delete(queue.keys.lease(job.id, 0))
    look_twice(recovery, queue)
    back = queue.get(job.id)
    assert (back.state, back.attempt) == (JobState.WAITING, 1)
    assert place(queue, job.id) == 1


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
        time.sleep(queue.settings.lease / 2 + 0.1)
        recovery.look()
    assert queue.get(job.id).attempt == 0


def test_tickets_that_got_lost_are_made_again(queue: RenderQueue, recovery: Recovery) -> None:
    job = queue.submit(request(), address())
    queue.submit(request(), address(2))
    queue.rq.empty()
    recovery.look()
    recovery.look()
    assert queue.rq.count == 2
    assert place(queue, job.id) == 1
    assert queue.get(job.id).attempt == 0


def test_where_tickets_are_enough_none_is_made(queue: RenderQueue, recovery: Recovery) -> None:
    queue.submit(request(), address())
    before = queue.rq.get_job_ids()
    recovery.look()
    assert queue.rq.get_job_ids() == before


def test_a_report_that_was_never_posted_is_repeated(
    queue: RenderQueue, lifecycle: Lifecycle, recovery: Recovery, redis: Redis
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.fail(job.id, 0, OutcomeCode.RENDER_FAILED)
    redis.delete(queue.keys.lease(job.id, 0))
    look_twice(recovery, queue)
    assert queue.rq.get_job_ids() == [f"report-{job.id}-0"]


def test_a_picture_that_nobody_posts_any_more_is_handed_to_another(
    queue: RenderQueue, lifecycle: Lifecycle, recovery: Recovery, redis: Redis
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.keep(job.id, 0, DRAWN, {"message": b"{}"})
    redis.delete(queue.keys.lease(job.id, 0))
    look_twice(recovery, queue)
    assert queue.rq.get_job_ids() == [f"report-{job.id}-0"]
    assert queue.get(job.id).state is JobState.RENDERED
    assert lifecycle.results.get(job.id) == {"message": b"{}"}


def test_a_report_is_not_repeated_before_its_time(
    queue: RenderQueue, lifecycle: Lifecycle, recovery: Recovery, redis: Redis
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.fail(job.id, 0, OutcomeCode.RENDER_FAILED)
    redis.delete(queue.keys.lease(job.id, 0))
    lifecycle.postpone_report(queue.get(job.id))
    look_twice(recovery, queue)
    assert queue.rq.get_job_ids() == []


def test_a_report_that_still_waits_for_a_worker_is_not_doubled(
    queue: RenderQueue, lifecycle: Lifecycle, recovery: Recovery, redis: Redis
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.give_up(job, OutcomeCode.RENDER_FAILED)
    redis.delete(queue.keys.lease(job.id, 0))
    redis.hset(queue.keys.job(job.id), "report_after", "0")
    look_twice(recovery, queue)
    assert queue.rq.get_job_ids() == [f"report-{job.id}-0"]


def test_a_record_of_another_version_stops_nobody(
    queue: RenderQueue, recovery: Recovery, redis: Redis
) -> None:
    strange = queue.submit(request(), address(1))
    normal = queue.submit(request(), address(2))
    redis.hset(queue.keys.job(strange.id), "request", '{"prompt": "x", "seed": 1, "new": 2}')
    recovery.look()
    assert [(job.id, standing.position) for job, standing in queue.waiting(10)] == [(normal.id, 2)]
    assert strange.id in queue.active_ids()


def test_an_id_without_a_record_is_forgotten(
    queue: RenderQueue, lifecycle: Lifecycle, recovery: Recovery, redis: Redis
) -> None:
    lost = queue.submit(request(), address(1))
    kept = queue.submit(request(), address(2))
    redis.delete(queue.keys.job(lost.id))
    claimed = lifecycle.claim("a")
    assert claimed
    assert claimed.id == kept.id
    recovery.look()
    assert queue.active_ids() == [kept.id]


def old_job(queue: RenderQueue, number: int, **changes: object) -> Job:
    """Write a job as the version before the line did: with its own RQ job, and nowhere else."""
    where = address(number)
    fresh = Job(
        id=where.interaction_id,
        request=request(),
        address=where,
        state=JobState.WAITING,
        submitted_at=float(number),
    )
    job = fresh.model_copy(update=changes)
    fields = to_fields(job)
    del fields["weight"]
    queue.redis.hset(queue.keys.job(job.id), mapping=fields)
    queue.redis.zadd(queue.keys.active, {job.id: job.submitted_at})
    queue.rq.enqueue_call(
        "worker.tasks.render", args=[job.id, job.attempt], job_id=f"{job.id}-{job.attempt}"
    )
    return job


def test_the_line_of_the_earlier_version_is_taken_over_in_its_order(
    queue: RenderQueue, lifecycle: Lifecycle, recovery: Recovery
) -> None:
    jobs = [old_job(queue, number) for number in (3, 1, 2)]
    recovery.look()
    recovery.look()
    assert [job.id for job, _ in queue.waiting(9)] == ["1001", "1002", "1003"]
    assert queue.rq.count == 3
    claimed = lifecycle.claim("a")
    assert claimed
    assert claimed.id == jobs[1].id
    assert claimed.weight == 1.0


def test_a_job_that_the_earlier_version_lost_is_taken_back(
    queue: RenderQueue, recovery: Recovery
) -> None:
    job = old_job(queue, 1, state=JobState.RUNNING, started_at=1.0)
    look_twice(recovery, queue)
    assert (queue.get(job.id).state, queue.get(job.id).attempt) == (JobState.WAITING, 1)
    assert place(queue, job.id) == 1
