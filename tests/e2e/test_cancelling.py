"""A member's job is cancelled: it stops within a step, and one message says so."""

import asyncio

import pytest

from jobs.models import JobState, OutcomeCode
from tests.e2e.conftest import DEFAULT_USER, Member, picture_urls
from tests.e2e.test_survival import accepted, one_message, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


async def told(member: Member, job_id: str) -> None:
    """Wait until a job's one message says that it was cancelled."""
    message = await member.answer(job_id, lambda m: "cancelled" in m["content"], 60)
    assert not picture_urls(message)
    await one_message(member, job_id)
    outcome = member.queue.get(job_id).outcome
    assert outcome
    assert outcome.code is OutcomeCode.CANCELLED
    assert outcome.message_id == message["id"]


async def test_a_waiting_job_is_cancelled_and_the_others_are_drawn(member: Member) -> None:
    drawn = [await member.newbie(prompt="1girl", steps=20) for _ in range(2)]
    waiting = await member.newbie(prompt="1boy")
    await accepted(member, waiting)
    assert member.queue.cancel(waiting, DEFAULT_USER)
    await told(member, waiting)
    for job_id in drawn:
        await member.picture(job_id)
        await one_message(member, job_id)
    assert member.queue.get(waiting).started_at is None


async def test_a_job_that_waits_without_a_worker_is_told_by_the_next_one(member: Member) -> None:
    member.stack.stop("worker")
    job_id = await member.newbie(prompt="1girl")
    await accepted(member, job_id)
    assert member.queue.cancel(job_id, DEFAULT_USER)
    assert member.queue.get(job_id).state is JobState.FAILING
    member.stack.start("worker")
    await told(member, job_id)


async def test_a_running_job_is_cancelled_and_the_worker_goes_on(member: Member) -> None:
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    await running(member, job_id)
    assert member.queue.cancel(job_id, DEFAULT_USER)
    step = member.queue.get(job_id).progress.step
    await told(member, job_id)
    # What was under way when it was cancelled, and what a quarter of a second adds to it.
    assert member.queue.get(job_id).progress.step < step + 60
    assert await member.picture(await member.newbie(prompt="1girl"))


async def test_a_job_that_is_drawn_can_not_be_cancelled_any_more(member: Member) -> None:
    job_id = await member.newbie(prompt="1girl")
    await accepted(member, job_id)
    async with asyncio.timeout(120):
        while member.queue.get(job_id).state in {JobState.WAITING, JobState.RUNNING}:
            await asyncio.sleep(0.01)
    assert not member.queue.cancel(job_id, DEFAULT_USER)
    await member.picture(job_id)
    await one_message(member, job_id)
