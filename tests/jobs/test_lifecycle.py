"""A job moves from state to state, each time once, and only by the attempt that has it."""

import time

from redis import Redis

from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from jobs.reports import MOST_REPORTS
from tests.jobs.conftest import address, place, request

DRAWN = Outcome(code=OutcomeCode.DONE, seconds=1.5)


def begin(queue: RenderQueue, lifecycle: Lifecycle) -> Job:
    """Submit a job and begin it as a worker does."""
    queue.submit(request(), address())
    return begin_next(queue, lifecycle)


def begin_next(queue: RenderQueue, lifecycle: Lifecycle) -> Job:
    """Draw a ticket, and take the first job with it."""
    ticket = queue.rq.pop_job_id()
    assert ticket
    claimed = lifecycle.claim(ticket)
    assert claimed
    return claimed


def test_a_job_is_claimed_once(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = begin(queue, lifecycle)
    assert job.state is JobState.RUNNING
    assert lifecycle.claim("another") is None


def test_a_ticket_gets_one_job_however_often_it_asks(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    jobs = [queue.submit(request(), address(number)) for number in range(2)]
    assert [lifecycle.claim("one").id for _ in range(3)] == [jobs[0].id] * 3
    assert lifecycle.claim("two").id == jobs[1].id
    assert lifecycle.taken_by("one") == (jobs[0].id, 0)
    lifecycle.settled("one")
    assert lifecycle.taken_by("one") is None


def test_a_surplus_ticket_finds_nothing_and_does_no_harm(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    before = redis.keys("newbie:*")
    assert lifecycle.claim("surplus") is None
    assert lifecycle.taken_by("surplus") is None
    assert redis.keys("newbie:*") == before


def test_a_job_that_begins_is_under_a_lease_at_once(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    assert lifecycle.have_leases([begin(queue, lifecycle)]) == [True]


def test_an_abandoned_job_is_first_in_line_again(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = begin(queue, lifecycle)
    other = queue.submit(request(), address(2))
    lifecycle.abandon(job)
    assert place(queue, job.id) == 1
    assert place(queue, other.id) == 2


def test_a_job_abandoned_too_often_fails_and_its_report_waits(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.abandon(job)
    lifecycle.abandon(begin_next(queue, lifecycle))
    given_up = queue.get(job.id)
    assert given_up.state is JobState.FAILING
    assert given_up.outcome == Outcome(code=OutcomeCode.WORKER_LOST)
    assert queue.rq.get_job_ids() == [f"report-{job.id}-1"]


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
    begin_next(queue, lifecycle)
    lifecycle.progress(job.id, 0, 9, 9)
    assert not lifecycle.keep(job.id, 0, DRAWN, None)
    assert not lifecycle.delivered(job.id, 0, "77")
    assert not lifecycle.end(job.id, 0, Outcome(code=OutcomeCode.DONE))
    assert not lifecycle.fail(job.id, 0, OutcomeCode.INTERNAL)
    now = queue.get(job.id)
    assert (now.state, now.progress.step, now.delivered) == (JobState.RUNNING, 0, None)
    assert lifecycle.keep(job.id, 1, DRAWN, None)
    assert lifecycle.delivered(job.id, 1, "77")


def test_the_lease_of_one_attempt_says_nothing_about_another(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    with lifecycle.lease(job.id, 0):
        lifecycle.abandon(job)
        again = begin_next(queue, lifecycle)
    assert lifecycle.have_leases([job, again]) == [False, True]


def test_a_posted_picture_is_never_taken_back(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = begin(queue, lifecycle)
    lifecycle.keep(job.id, 0, DRAWN, None)
    lifecycle.delivered(job.id, 0, "77")
    lifecycle.abandon(queue.get(job.id))
    ended = queue.get(job.id)
    assert ended.state is JobState.ENDED
    assert ended.outcome == Outcome(code=OutcomeCode.DONE, message_id="77", seconds=1.5)
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
