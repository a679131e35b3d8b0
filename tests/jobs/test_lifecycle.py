import time

from redis import Redis

from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from tests.jobs.conftest import address, request


def begin(queue: RenderQueue, lifecycle: Lifecycle) -> Job:
    job = queue.submit(request(), address())
    assert queue.rq.pop_job_id() == f"{job.id}-0"
    claimed = lifecycle.claim(job.id, 0)
    assert claimed
    return claimed


def recover_after_a_lease(lifecycle: Lifecycle, queue: RenderQueue) -> None:
    lifecycle.recover()
    time.sleep(queue.settings.lease + 0.2)
    lifecycle.recover()


def test_a_job_is_claimed_once(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = begin(queue, lifecycle)
    assert job.state is JobState.RUNNING
    assert lifecycle.claim(job.id, 0) is None


def test_an_earlier_attempt_cannot_claim_a_later_one(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.abandon(job)
    assert lifecycle.claim(job.id, 0) is None
    assert lifecycle.claim(job.id, 1)


def test_an_abandoned_job_is_first_in_line_again(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = begin(queue, lifecycle)
    other = queue.submit(request(), address(2))
    lifecycle.abandon(job)
    assert queue.position(job.id) == 1
    assert queue.position(other.id) == 2


def test_a_job_abandoned_too_often_fails_and_its_report_waits(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.abandon(job)
    again = lifecycle.claim(job.id, 1)
    assert again
    queue.rq.pop_job_id()
    lifecycle.abandon(again)
    given_up = queue.get(job.id)
    assert given_up.state is JobState.FAILING
    assert given_up.outcome == Outcome(code=OutcomeCode.WORKER_LOST)
    assert queue.rq.get_job_ids() == [f"{job.id}-1-report"]


def test_progress_is_seen_by_others(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = begin(queue, lifecycle)
    lifecycle.progress(job.id, 3, 28)
    assert (queue.get(job.id).progress.step, queue.get(job.id).progress.total) == (3, 28)


def test_a_job_ends_once(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = begin(queue, lifecycle)
    assert lifecycle.end(job.id, Outcome(code=OutcomeCode.DONE, message_id="77", seconds=1.5))
    assert not lifecycle.end(job.id, Outcome(code=OutcomeCode.INTERNAL))
    assert not lifecycle.fail(job.id, 0, OutcomeCode.INTERNAL)
    ended = queue.get(job.id)
    assert ended.state is JobState.ENDED
    assert ended.outcome == Outcome(code=OutcomeCode.DONE, message_id="77", seconds=1.5)


def test_a_lease_outlives_its_length_while_it_is_held(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    job = begin(queue, lifecycle)
    with lifecycle.lease(job.id, 0):
        time.sleep(queue.settings.lease * 1.5)
        assert redis.exists(queue.keys.lease(job.id))
    assert not redis.exists(queue.keys.lease(job.id))


def test_recover_takes_back_a_job_whose_lease_ran_out(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    job = begin(queue, lifecycle)
    redis.delete(queue.keys.lease(job.id))
    recover_after_a_lease(lifecycle, queue)
    back = queue.get(job.id)
    assert (back.state, back.attempt) == (JobState.WAITING, 1)
    assert queue.position(job.id) == 1


def test_recover_leaves_a_living_job_alone(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = begin(queue, lifecycle)
    waiting = queue.submit(request(), address(2))
    with lifecycle.lease(job.id, 0):
        recover_after_a_lease(lifecycle, queue)
    assert queue.get(job.id).state is JobState.RUNNING
    assert queue.get(waiting.id).attempt == 0


def test_recover_puts_a_job_back_that_left_the_line_and_was_never_claimed(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = queue.submit(request(), address())
    queue.rq.pop_job_id()
    recover_after_a_lease(lifecycle, queue)
    assert queue.position(job.id) == 1
    assert queue.get(job.id).attempt == 1


def test_recover_repeats_a_report_that_was_never_posted(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.fail(job.id, 0, OutcomeCode.RENDER_FAILED)
    redis.delete(queue.keys.lease(job.id))
    recover_after_a_lease(lifecycle, queue)
    assert queue.rq.get_job_ids() == [f"{job.id}-0-report"]
