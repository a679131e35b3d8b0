"""How much of Redis a waiting job takes, with all that is kept for it and its member."""

import random

from redis import Redis

from benchmarks.queue import submission, used_memory
from jobs.queue import RenderQueue

JOBS, MEMBERS = 2_000, 400
BYTES_A_JOB = 4_096


def test_a_waiting_job_takes_less_than_four_kibibytes(redis: Redis, queue: RenderQueue):
    rng = random.Random(0)
    before = used_memory(redis)
    for number in range(JOBS):
        submission(queue, rng, number, MEMBERS)()
    assert len(queue.active_ids()) == JOBS
    assert (used_memory(redis) - before) / JOBS < BYTES_A_JOB
