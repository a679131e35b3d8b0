"""A finished picture waits in Redis until it is posted, within its bounds."""

from redis import Redis

from jobs.lifecycle import Lifecycle
from jobs.models import JobState, OutcomeCode
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings
from tests.jobs.conftest import address, place, request
from tests.jobs.test_lifecycle import DRAWN, begin, begin_next

PARTS = {"message": b"{}", "file:0:a.png": bytes(range(256))}


def test_a_kept_result_is_read_back_as_it_was(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    job = begin(queue, lifecycle)
    assert lifecycle.keep(job.id, 0, DRAWN, PARTS)
    assert lifecycle.results.get(job.id) == PARTS
    kept = queue.get(job.id)
    assert (kept.state, kept.outcome) == (JobState.RENDERED, DRAWN)


def test_keeping_again_after_a_lost_answer_is_no_contradiction(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    assert lifecycle.keep(job.id, 0, DRAWN, PARTS)
    assert lifecycle.keep(job.id, 0, DRAWN, PARTS)


def test_of_two_that_have_the_same_attempt_the_first_one_posts(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    other = DRAWN.model_copy(update={"seconds": 1.501})
    assert lifecycle.keep(job.id, 0, DRAWN, PARTS)
    assert not lifecycle.keep(job.id, 0, other, {"message": b"other"})
    assert lifecycle.results.get(job.id) == PARTS


def test_an_attempt_that_was_taken_back_keeps_nothing(
    queue: RenderQueue, lifecycle: Lifecycle
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.abandon(job)
    assert not lifecycle.keep(job.id, 0, DRAWN, PARTS)
    begin_next(queue, lifecycle)
    assert not lifecycle.keep(job.id, 0, DRAWN, PARTS)
    assert lifecycle.results.get(job.id) is None


def test_a_result_has_a_lifetime_and_goes_with_its_job(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    job = begin(queue, lifecycle)
    lifecycle.keep(job.id, 0, DRAWN, PARTS)
    assert 0 < redis.ttl(queue.keys.result(job.id)) <= queue.settings.keep_result
    lifecycle.end(job.id, 0, DRAWN)
    assert not redis.exists(queue.keys.result(job.id), queue.keys.results)


def test_a_result_goes_when_its_job_fails_or_is_drawn_again(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    for number, fail in enumerate((True, False), start=1):
        queue.submit(request(), address(number))
        job = begin_next(queue, lifecycle)
        lifecycle.keep(job.id, 0, DRAWN, PARTS)
        if fail:
            assert lifecycle.fail(job.id, 0, OutcomeCode.UNDELIVERABLE)
        else:
            lifecycle.abandon(queue.get(job.id))
            assert place(queue, job.id) == 1
            assert queue.get(job.id).outcome is None
        assert not redis.exists(queue.keys.result(job.id), queue.keys.results)


def test_results_take_no_more_room_than_they_may(redis: Redis) -> None:
    queue = RenderQueue(redis, QueueSettings(results_mib=1))
    lifecycle = Lifecycle(queue)
    jobs = []
    for number in range(3):
        queue.submit(request(), address(number))
        jobs.append(begin_next(queue, lifecycle))
    half = {"file:0:a.png": bytes(500_000)}
    for job in jobs:
        assert lifecycle.keep(job.id, 0, DRAWN, half), "it may be posted all the same"
    assert [bool(lifecycle.results.get(job.id)) for job in jobs] == [True, True, False]
    lifecycle.end(jobs[0].id, 0, DRAWN)
    assert lifecycle.results.fits(half)
