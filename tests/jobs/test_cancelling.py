"""A job is cancelled or drawn, never both, and its owner hears of it once."""

import threading

import pytest
from redis import Redis

from jobs.errors import UnknownJob
from jobs.lifecycle import Lifecycle
from jobs.models import JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from tests.jobs.conftest import address, place, request
from tests.jobs.test_lifecycle import DRAWN, begin

CANCELLED = Outcome(code=OutcomeCode.CANCELLED)


def test_a_waiting_job_fails_at_once_and_its_report_takes_its_tickets_place(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = queue.submit(request(), address())
    assert queue.cancel(job.id, "500")
    cancelled = queue.get(job.id)
    assert (cancelled.state, cancelled.outcome) == (JobState.FAILING, CANCELLED)
    assert cancelled.cancelled_by == "500"
    assert place(queue, job.id) is None
    assert queue.rq.get_job_ids() == [f"report-{job.id}-0"]
    assert lifecycle.claim("a") is None


def test_a_cancelled_job_is_told_once(queue: RenderQueue) -> None:
    job = queue.submit(request(), address())
    assert queue.cancel(job.id, "500")
    assert not queue.cancel(job.id, "500")
    assert queue.rq.get_job_ids() == [f"report-{job.id}-0"]


def test_a_running_job_is_marked_and_can_then_not_be_finished(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    assert not lifecycle.is_cancelled(job.id)
    assert queue.cancel(job.id, "500")
    assert lifecycle.is_cancelled(job.id)
    assert not lifecycle.keep(job.id, 0, DRAWN, {"message": b"{}"})
    assert queue.get(job.id).state is JobState.RUNNING
    assert lifecycle.results.get(job.id) is None


def test_a_drawn_job_can_not_be_cancelled(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = begin(queue, lifecycle)
    assert lifecycle.keep(job.id, 0, DRAWN, {"message": b"{}"})
    assert not queue.cancel(job.id, "500")
    lifecycle.end(job.id, 0, DRAWN)
    assert not queue.cancel(job.id, "500")
    assert queue.get(job.id).outcome == DRAWN


def test_a_cancelled_job_whose_worker_is_lost_is_not_drawn_again(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    queue.cancel(job.id, "500")
    lifecycle.abandon(job)
    assert (queue.get(job.id).state, queue.get(job.id).outcome) == (JobState.FAILING, CANCELLED)
    assert place(queue, job.id) is None
    assert queue.rq.get_job_ids() == [f"report-{job.id}-0"]


def test_an_unknown_job_cannot_be_cancelled(queue: RenderQueue) -> None:
    with pytest.raises(UnknownJob):
        queue.cancel("42", "500")


def test_whoever_is_first_wins_between_begin_and_cancel(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    jobs = [queue.submit(request(), address(number)) for number in range(40)]
    kept: list[str] = []

    def draw() -> None:
        while job := lifecycle.claim(f"t{len(kept)}-{threading.get_ident()}"):
            if lifecycle.keep(job.id, 0, DRAWN, None):
                lifecycle.end(job.id, 0, DRAWN)
            kept.append(job.id)

    cancelled: list[str] = []

    def cancel() -> None:
        cancelled.extend(job.id for job in reversed(jobs) if queue.cancel(job.id, "500"))

    threads = [threading.Thread(target=draw), threading.Thread(target=cancel)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job in map(queue.get, (job.id for job in jobs)):
        was_drawn = job.state is JobState.ENDED
        assert was_drawn is not (job.id in cancelled)
    assert redis.zcard(queue.keys.line) == 0
