"""A job moves from state to state, each time once, and only by the attempt that has it."""

import time

from redis import Redis

from jobs.lifecycle import MOST_REPORTS, Lifecycle
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from tests.jobs.conftest import address, request


def begin(queue: RenderQueue, lifecycle: Lifecycle) -> Job:
    job = queue.submit(request(), address())
    assert queue.rq.pop_job_id() == f"{job.id}-0"
    claimed = lifecycle.claim(job.id, 0)
    assert claimed
    return claimed


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
    lifecycle.progress(job.id, 0, 3, 28)
    assert (queue.get(job.id).progress.step, queue.get(job.id).progress.total) == (3, 28)


def test_a_job_ends_once(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = begin(queue, lifecycle)
    assert lifecycle.end(job.id, 0, Outcome(code=OutcomeCode.DONE, message_id="77", seconds=1.5))
    assert not lifecycle.end(job.id, 0, Outcome(code=OutcomeCode.INTERNAL))
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
        assert redis.exists(queue.keys.lease(job.id, 0))
    assert not redis.exists(queue.keys.lease(job.id, 0))


def test_an_attempt_that_was_given_up_can_say_nothing_any_more(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.abandon(job)
    queue.rq.pop_job_id()
    assert lifecycle.claim(job.id, 1)
    lifecycle.progress(job.id, 0, 9, 9)
    assert not lifecycle.is_current(job.id, 0)
    assert not lifecycle.delivered(job.id, 0, "77")
    assert not lifecycle.end(job.id, 0, Outcome(code=OutcomeCode.DONE))
    assert not lifecycle.fail(job.id, 0, OutcomeCode.INTERNAL)
    now = queue.get(job.id)
    assert (now.state, now.progress.step, now.delivered) == (JobState.RUNNING, 0, None)
    assert lifecycle.is_current(job.id, 1)
    assert lifecycle.delivered(job.id, 1, "77")


def test_the_lease_of_one_attempt_says_nothing_about_another(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    with lifecycle.lease(job.id, 0):
        lifecycle.abandon(job)
        queue.rq.pop_job_id()
        again = lifecycle.claim(job.id, 1)
        assert again
    assert lifecycle.has_lease(again)


def test_a_posted_picture_is_never_taken_back(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = begin(queue, lifecycle)
    lifecycle.delivered(job.id, 0, "77")
    lifecycle.abandon(queue.get(job.id))
    ended = queue.get(job.id)
    assert ended.state is JobState.ENDED
    assert ended.outcome == Outcome(code=OutcomeCode.DONE, message_id="77")
    assert queue.rq.get_job_ids() == []


def test_reports_come_later_and_later_and_end_at_last(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.fail(job.id, 0, OutcomeCode.RENDER_FAILED)
    pauses = []
    while (failing := queue.get(job.id)).state is JobState.FAILING:
        before = time.time()
        lifecycle.enqueue_report(failing)
        queue.rq.empty()
        pauses.append(round(queue.get(job.id).report_after - before))
    assert pauses[:4] == [30, 60, 120, 240]
    assert max(pauses) == 3600
    assert len(pauses) == MOST_REPORTS + 1
    ended = queue.get(job.id)
    assert ended.outcome == Outcome(code=OutcomeCode.RENDER_FAILED)
