"""A worker that is told to stop finishes its job, hands it back, or leaves its picture behind."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs import presence
from jobs.models import JobState
from tests.e2e.conftest import DEFAULT_USER, Member
from tests.e2e.own_workers import OwnWorkers, own_workers
from tests.e2e.test_survival import accepted, children, one_message, rendered, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

# Nothing but handing back may put a job in line again.
LONG_LEASE = {"NEWBIE_QUEUE_LEASE": "600"}
PATIENT = {**LONG_LEASE, "NEWBIE_WORKER_SHUTDOWN_GRACE": "600"}


@pytest.fixture
def workers(member: Member, tmp_path: Path) -> Iterator[OwnWorkers]:
    with own_workers(member.stack, tmp_path) as started:
        yield started


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def drains(member: Member) -> None:
    """Wait until the only worker has said goodbye, which is when it begins to drain."""
    await until(lambda: presence.count(member.queue.redis, member.queue.keys) == 0)
    await asyncio.sleep(1.0)  # two signals that come together count as one


def is_in_line_again(member: Member, job_id: str) -> bool:
    job = member.queue.get(job_id)
    return (job.state, job.attempt, job.lost_attempts) == (JobState.WAITING, 1, 0)


async def cancelled(member: Member, job_id: str) -> None:
    """End a job without the time that drawing takes; the bot tells its owner."""
    assert member.queue.cancel(job_id, DEFAULT_USER)
    await one_message(member, job_id)


async def drawn_by_another(member: Member, workers: OwnWorkers, job_id: str) -> None:
    """Have another worker draw a job, and look that it has one message."""
    workers.start("another", **LONG_LEASE)
    await member.picture(job_id)
    await one_message(member, job_id)


async def test_a_job_in_hand_is_finished_and_no_other_is_taken(
    member: Member, workers: OwnWorkers
) -> None:
    workers.start("one", **PATIENT)
    job_id = await member.newbie(prompt="1girl", steps=30, count=2)
    await running(member, job_id)
    other = await member.newbie(prompt="1boy")
    await accepted(member, other)
    workers.signal("one")
    await member.picture(job_id)
    await one_message(member, job_id)
    await until(lambda: workers.exit_code("one") is not None)
    assert workers.exit_code("one") == 0
    assert member.queue.get(job_id).attempt == 0
    assert member.queue.get(other).state is JobState.WAITING
    assert member.queue.get(other).started_at is None
    await drawn_by_another(member, workers, other)


async def test_a_second_sigterm_hands_the_job_back_and_its_message_says_so(
    member: Member, workers: OwnWorkers
) -> None:
    workers.start("one", **PATIENT)
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    await running(member, job_id)
    await member.answer(job_id, lambda m: "Drawing" in m["content"], 60)
    workers.signal("one")
    await drains(member)
    assert member.queue.get(job_id).state is JobState.RUNNING
    workers.signal("one")
    await until(lambda: is_in_line_again(member, job_id), 30)
    await member.answer(job_id, lambda m: "In line: position 1" in m["content"])
    await until(lambda: workers.exit_code("one") is not None)
    assert workers.exit_code("one") == 0
    await drawn_by_another(member, workers, job_id)
    assert member.queue.get(job_id).attempt == 1


async def test_at_the_deadline_the_job_is_handed_back(member: Member, workers: OwnWorkers) -> None:
    workers.start("one", **LONG_LEASE, NEWBIE_WORKER_SHUTDOWN_GRACE="1")
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    await running(member, job_id)
    workers.signal("one")
    await until(lambda: is_in_line_again(member, job_id), 30)
    await until(lambda: workers.exit_code("one") is not None)
    assert workers.exit_code("one") == 0
    await cancelled(member, job_id)


async def test_a_job_whose_process_does_not_answer_is_handed_back_for_it(
    member: Member, workers: OwnWorkers
) -> None:
    workers.start("one", **PATIENT)
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    await running(member, job_id)
    [slot] = children(workers.pid("one"), "worker.slot")
    [forked] = children(slot)
    os.kill(forked, signal.SIGSTOP)
    workers.signal("one")
    await drains(member)
    workers.signal("one")
    await until(lambda: is_in_line_again(member, job_id), 60)
    await until(lambda: workers.exit_code("one") is not None)
    assert workers.exit_code("one") == 0
    await cancelled(member, job_id)


async def test_a_picture_that_is_drawn_is_kept_and_posted_by_another(
    member: Member, workers: OwnWorkers
) -> None:
    workers.start("one", **PATIENT)
    await member.client.add_fault("PATCH", "/messages/", 503, times=1000)
    job_id = await member.newbie(prompt="1girl")
    await rendered(member, job_id)
    workers.signal("one")
    await drains(member)
    workers.signal("one")
    await until(lambda: workers.exit_code("one") is not None)
    assert workers.exit_code("one") == 0
    kept = member.queue.get(job_id)
    assert (kept.state, kept.attempt) == (JobState.RENDERED, 0)
    await member.client.clear_faults()
    await drawn_by_another(member, workers, job_id)
    assert member.queue.get(job_id).attempt == 0, "it was not drawn again"
    assert member.queue.get(job_id).started_at == kept.started_at
