"""Submitting jobs and asking where they stand, on a real Redis."""

import json
import threading

import pytest
from redis import Redis

from jobs import presence
from jobs.connection import connect
from jobs.errors import QueueUnavailable, UnknownJob
from jobs.lifecycle import Lifecycle
from jobs.models import JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings, RedisSettings
from tests.jobs.conftest import address, place, request


def test_a_submitted_job_is_read_back_as_it_was(queue: RenderQueue) -> None:
    job = queue.submit(request(prompt="<n>ミク</n>", count=2), address())
    assert queue.get(job.id) == job
    assert job.state is JobState.WAITING


def test_positions_follow_the_order_of_submission(queue: RenderQueue) -> None:
    jobs = [queue.submit(request(), address(number)) for number in range(3)]
    assert [place(queue, job.id) for job in jobs] == [1, 2, 3]
    assert [job.id for job, _ in queue.waiting(2)] == [jobs[0].id, jobs[1].id]
    assert [standing.position for _, standing in queue.waiting(9)] == [1, 2, 3]


def test_the_same_interaction_is_accepted_once(queue: RenderQueue) -> None:
    first = queue.submit(request(seed=1), address())
    second = queue.submit(request(seed=2), address())
    assert second == first
    assert queue.status().waiting == 1


def test_many_submissions_at_once_accept_each_interaction_once(queue: RenderQueue) -> None:
    threads = [
        threading.Thread(target=queue.submit, args=(request(), address(number % 5)))
        for number in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert queue.status().waiting == 5


def test_nothing_executable_crosses_redis(queue: RenderQueue, redis: Redis) -> None:
    job = queue.submit(request(), address())
    name = f"ticket-{job.id}-0"
    data = redis.hget(f"rq:job:{name}", "data")
    assert data is not None
    # RQ compresses the call: its JSON serializer can read it, so it is not a pickle.
    from rq.job import Job as RQJob
    from rq.serializers import JSONSerializer

    rq_job = RQJob.fetch(name, connection=redis, serializer=JSONSerializer)
    assert rq_job.func_name == "worker.tasks.render"
    assert json.dumps(rq_job.args) == json.dumps([])


def test_an_unknown_job_is_named(queue: RenderQueue) -> None:
    with pytest.raises(UnknownJob, match="42"):
        queue.get("42")


def test_without_redis_nothing_is_accepted_and_the_error_is_ours() -> None:
    nowhere = connect(RedisSettings(url="unix:///nonexistent/redis.sock", timeout=0.2))
    queue = RenderQueue(nowhere, QueueSettings())
    with pytest.raises(QueueUnavailable):
        queue.submit(request(), address())
    with pytest.raises(QueueUnavailable):
        queue.status()


def test_the_queue_survives_its_clients(queue: RenderQueue, redis_settings: RedisSettings) -> None:
    job = queue.submit(request(), address())
    other = RenderQueue(connect(redis_settings), queue.settings)
    assert other.get(job.id) == job
    assert place(other, job.id) == 1


def test_one_writer_at_a_time_holds_a_message(queue: RenderQueue) -> None:
    with queue.writer("1", wait=0) as first, queue.writer("1", wait=0) as second:
        assert (first, second) == (True, False)
    with queue.writer("1", wait=0) as third:
        assert third


def test_status_counts_what_waits_what_runs_and_who_works(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    assert queue.status().workers == 0
    for number in range(3):
        queue.submit(request(), address(number))
    assert lifecycle.claim("a")
    presence.beat(redis, queue.keys, "one")
    presence.beat(redis, queue.keys, "two")
    status = queue.status()
    assert (status.waiting, status.running, status.workers) == (2, 1, 2)
    presence.leave(redis, queue.keys, "one")
    assert queue.status().workers == 1


def test_every_key_of_a_job_ends_with_it(
    queue: RenderQueue, lifecycle: Lifecycle, redis: Redis
) -> None:
    job = queue.submit(request(), address())
    assert lifecycle.claim("a")
    lifecycle.settled("a")
    with lifecycle.lease(job.id, 0):
        lifecycle.end(job.id, 0, Outcome(code=OutcomeCode.DONE, message_id="9"))
    ours = [key.decode() for key in redis.keys("newbie:*") if b":day:" not in key]
    assert ours == [f"newbie:newbie:job:{job.id}"]
    assert 0 < redis.ttl(ours[0]) <= queue.settings.keep_ended
