"""What moderators do to jobs is done and written down together, or neither."""

import pytest

from jobs.audit import Entry, page
from jobs.errors import UnknownJob
from jobs.guild_edits import MISSING
from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, OutcomeCode
from jobs.moderation import cancel, front
from jobs.queue import RenderQueue
from tests.jobs.conftest import address, place, request

MODERATOR = "9"


def submit(queue: RenderQueue, number: int, guild: str | None = "200") -> Job:
    return queue.submit(request(), address(number, guild_id=guild))


def entries(queue: RenderQueue, guild: str = "200") -> list[Entry]:
    return list(page(queue.redis, queue.guilds.keys(guild)).entries)


@pytest.mark.parametrize(("guild", "kept"), [("200", "200"), (None, "dm")])
def test_a_waiting_job_is_cancelled_with_an_entry_in_its_server(
    queue: RenderQueue, guild: str | None, kept: str
) -> None:
    job = submit(queue, 1, guild)
    assert cancel(queue, job, MODERATOR, "too many")
    now = queue.get(job.id)
    assert now.outcome
    assert (now.outcome.code, now.cancelled_by) == (OutcomeCode.CANCELLED, MODERATOR)
    [entry] = entries(queue, kept)
    assert (entry.by, entry.what, entry.reason) == (MODERATOR, f"job:{job.id}", "too many")
    assert (entry.old, entry.new) == (MISSING, "cancelled")


def test_a_running_job_is_marked_with_an_entry(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    submit(queue, 1)
    job = lifecycle.claim("t")
    assert job
    assert cancel(queue, job, MODERATOR)
    assert lifecycle.is_cancelled(job.id)
    assert [entry.what for entry in entries(queue)] == [f"job:{job.id}"]


def test_what_comes_too_late_is_not_written_down(queue: RenderQueue, lifecycle: Lifecycle) -> None:
    submit(queue, 1)
    job = lifecycle.claim("t")
    assert job
    assert not front(queue, job, MODERATOR)
    lifecycle.fail(job.id, 0, OutcomeCode.INTERNAL)
    assert not cancel(queue, job, MODERATOR)
    assert entries(queue) == []


def test_a_job_is_moved_to_the_front_with_an_entry(queue: RenderQueue) -> None:
    jobs = [submit(queue, number) for number in range(3)]
    assert front(queue, jobs[2], MODERATOR, "birthday")
    assert [place(queue, job.id) for job in jobs] == [2, 3, 1]
    [entry] = entries(queue)
    assert (entry.what, entry.new) == (f"job:{jobs[2].id}", "front")
    assert entry.reason == "birthday"


def test_a_job_that_is_gone_leaves_no_entry(queue: RenderQueue) -> None:
    job = submit(queue, 1)
    assert queue.withdraw(job.id)
    assert not front(queue, job, MODERATOR)
    with pytest.raises(UnknownJob):
        cancel(queue, job, MODERATOR)
    assert entries(queue) == []
    assert job.state is JobState.WAITING
